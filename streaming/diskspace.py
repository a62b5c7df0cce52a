"""Room on the disk: enough, low (say so), or so little that recording has to stop."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
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
