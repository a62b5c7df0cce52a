"""The machine the hub runs on: room on its data disk, jumps of its clock, tasks and threads that must live."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from messages import Message
from records.clock import timestamp
from records.serving.workers import Worker, Workers
from streaming.service import Checks, Service, Trouble, one_after_another

GIB = 1 << 30
STEP_LIMIT = 0.5
"""Seconds by which the clock may move against the steady one within a second."""
STEP_SHOWN = 600.0
"""Seconds a step of the clock stays in the report."""
FreeSpace = Callable[[Path], tuple[int, int]]
"""A folder → (free, total) bytes of its disk."""


def free_space(folder: Path) -> tuple[int, int]:
    """(free, total) bytes of the disk that holds `folder`. OSError if there is no such folder."""
    usage = shutil.disk_usage(folder)
    return usage.free, usage.total


@dataclass(frozen=True)
class Limits:
    """`low`: warn below this many bytes, or this share of the disk, whichever is more; `floor`: stop
    recording below it; `again`: begin anew only above it, so that it does not flap."""

    low: int = 2 * GIB
    low_share: float = 0.05
    floor: int = 512 << 20
    again: int = GIB


class DiskGuard:
    """Looks at the disk when asked to; `state` is ok, low or full."""

    def __init__(self, folder: Path, limits: Limits, measure: FreeSpace = free_space) -> None:
        self._folder, self._limits, self._measure = folder, limits, measure
        self.state = "ok"
        self.free = 0

    def look(self) -> str:
        """Measure again and return the state."""
        limits = self._limits
        self.free, total = self._measure(self._folder)
        if self.free < limits.floor or (self.state == "full" and self.free < limits.again):
            self.state = "full"
        elif self.free < max(limits.low, int(total * limits.low_share)):
            self.state = "low"
        else:
            self.state = "ok"
        return self.state

    @property
    def message(self) -> Message | None:
        """What to tell the operator; None while there is room."""
        key = {"full": "recording.disk_full", "low": "recording.disk_low"}.get(self.state)
        return Message(key, free=f"{self.free / GIB:.1f} GiB") if key else None


class ClockWatch:
    """Notices when the machine's clock jumps: the record of an opening must bear the right time."""

    def __init__(self) -> None:
        self._offset = timestamp() - time.monotonic()
        self._stepped: tuple[float, float] | None = None

    def look(self) -> None:
        """Compare the two clocks; call about once a second."""
        offset = timestamp() - time.monotonic()
        moved, self._offset = offset - self._offset, offset
        if abs(moved) > STEP_LIMIT:
            self._stepped = (moved, time.monotonic())

    def trouble(self) -> Trouble | None:
        """The last step, for ten minutes."""
        if self._stepped is None or time.monotonic() - self._stepped[1] > STEP_SHOWN:
            return None
        moved = self._stepped[0]
        return Trouble(Message("trouble.clock", seconds=f"{moved:+.1f}"), Message("trouble.clock_remedy"))


class Machine(Service):
    """Checks of what all parts of the hub stand on."""

    def __init__(self, data_dir: Path, workers: Workers) -> None:
        self.disk = DiskGuard(data_dir, Limits())
        self._workers, self._clock = workers, ClockWatch()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch the clock."""
        self._task = self._workers.task("clock", self._tick)

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self, worker: Worker) -> None:
        while True:
            worker.beat()
            await asyncio.sleep(1.0)
            self._clock.look()

    def trouble(self) -> Checks:
        """Disk, clock, workers."""
        return {"disk": self._disk(), "clock": self._clock.trouble(), "workers": self._stuck()}

    def metrics(self) -> Iterable[Metric]:
        """Room on the data disk, as the last check found it."""
        yield GaugeMetricFamily("sunbid_hub_disk_free_bytes", "room on the data disk", self.disk.free)

    def replace(self) -> bool:
        """Whether a new process would help."""
        return self._workers.replace()

    def _disk(self) -> Trouble | None:
        try:
            state = self.disk.look()
        except OSError as error:
            unreadable = Message("trouble.data_folder", error=error.strerror)
            return Trouble(unreadable, Message("trouble.data_folder_remedy"))
        if state == "ok":
            return None
        scarce = Message("trouble.data_disk", free=f"{self.disk.free / GIB:.1f} GiB")
        return Trouble(scarce, Message("trouble.data_disk_remedy"))

    def _stuck(self) -> Trouble | None:
        """A task or thread that has ended or is stuck; the supervisor replaces the hub where that helps."""
        troubles = self._workers.troubles()
        return Trouble(one_after_another(list(troubles.values()))) if troubles else None
