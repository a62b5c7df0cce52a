"""The log on disk: one stream of all processes, a prefix a line, the oldest part thrown away."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from messages import local
from records.clock import local_now

LARGEST = 10 * 1024 * 1024
"""Bytes of one file; the one before is kept beside it."""


class LogFile:
    """Appends lines; starts a new file when one grows too large.

    A disk that is full costs lines, never the process: how many were lost is written once there is room again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        """Lines that could not be written since the last one that was."""
        self._file: TextIO | None = None

    def write(self, name: str, line: str) -> None:
        """One line of a process."""
        stamp = local_now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        missed = local("log.lines_lost", number=self.lost) if self.lost else ""
        try:
            file = self._open()
            file.write(f"{missed}{stamp} {name:<7}│ {line}\n")
            file.flush()
            self.lost = 0
            if file.tell() > LARGEST:
                self.close()
                self.path.replace(self.path.with_suffix(".1.log"))
        except OSError:
            self.lost += 1
            self.close()  # what is half written in its buffer must not come out later

    def close(self) -> None:
        """No more lines for now; the next one opens the file again."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _open(self) -> TextIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(handle, "a", encoding="utf-8")
        return self._file
