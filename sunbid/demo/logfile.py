"""The demonstration's log on disk: one stream, a prefix a line, the oldest part thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from records.clock import local_now

LARGEST = 10 * 1024 * 1024
"""Bytes of one file; the one before is kept beside it."""


class LogFile:
    """Appends lines; starts a new file when one grows too large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, name: str, line: str) -> None:
        """One line of a process."""
        stamp = local_now().strftime("%H:%M:%S.%f")[:-3]
        self._file.write(f"{stamp} {name:<7}│ {line}\n")
        self._file.flush()
        if self._file.tell() > LARGEST:
            self._file.close()
            self.path.replace(self.path.with_suffix(".1.log"))
            self._file = self.path.open("a", encoding="utf-8")

    def close(self) -> None:
        """No more lines."""
        self._file.close()
