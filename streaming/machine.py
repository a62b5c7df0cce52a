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

from records.clock import timestamp
from records.serving.workers import Worker, Workers
from streaming.service import Checks, Service, Trouble

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
    def message(self) -> str:
        """What to tell the operator; empty while there is room."""
        free = f"{self.free / GIB:.1f} GiB"
        if self.state == "full":
            return f"磁盘只剩 {free}，录像已停，请清理或扩容 / disk full, recording stopped"
        if self.state == "low":
            return f"磁盘只剩 {free}，请尽快清理或扩容 / disk space low"
        return ""


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
        return Trouble(
            f"系统时钟刚才跳变 {moved:+.1f} 秒", f"the clock was set by {moved:+.1f} s just now",
            "检查对时服务（chrony 或 ntpd），并在开标记录中注明", "check chrony or ntpd and note it in the record",
        )  # fmt: skip


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
            return Trouble(
                f"读不到数据目录（{error.strerror}）", f"the data folder cannot be read ({error.strerror})",
                "检查磁盘与权限", "check disk and permissions",
            )  # fmt: skip
        if state == "ok":
            return None
        free = f"{self.disk.free / GIB:.1f} GiB"
        return Trouble(
            f"数据磁盘只剩 {free}", f"only {free} left on the data disk",
            "清理或扩容；低于 0.5 GiB 时录像停止", "make room; below 0.5 GiB recording stops",
        )  # fmt: skip

    def _stuck(self) -> Trouble | None:
        """A task or thread that has ended or is stuck; the supervisor replaces the hub where that helps."""
        troubles = self._workers.troubles()
        zh, _, en = "；".join(troubles.values()).partition(" / ")
        return Trouble(zh, en) if troubles else None
