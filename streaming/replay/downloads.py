"""Replays as files to take away, with content credentials: written when they are asked for, kept for a day."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from messages import Message
from records.clock import timestamp
from records.serving.problems import Problem
from streaming.http.ranges import STRIDE
from streaming.replay.credentials import manifest, sign
from streaming.replay.library import Replay
from streaming.replay.movie import Reel

KEPT = 86_400.0
"""Seconds a file lies ready after it was last asked for."""
COPIES = 4
"""Sizes of a movie that must be free: two for writing it, the others for the recorder."""


@dataclass(frozen=True)
class Ready:
    """A file that can be given."""

    path: Path

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.path.stat().st_size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), end - start, start)


class Downloads:
    """The files there are; one is written at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._folder, self._keys = data_dir / "replays", data_dir / "keys" / "c2pa"
        self._lock = asyncio.Lock()

    async def get(self, movie: Reel, replay: Replay, name: str) -> Ready:
        """The file of a movie. Problem 507 where the disk has no room for it."""
        key = hashlib.sha256(f"{replay.opening['id']}/{name}/".encode() + movie.head).hexdigest()[:32]
        path = self._folder / f"{key}.mp4"
        async with self._lock:
            if not path.exists():
                await asyncio.to_thread(self._write, movie, replay, path)
        asked = timestamp()
        await asyncio.to_thread(os.utime, path, (asked, asked))
        return Ready(path)

    def sweep(self) -> None:
        """Remove what nobody has asked for in a day, and what an ended process left half written."""
        for path in self._folder.glob("*.mp4") if self._folder.is_dir() else ():
            if path.stem.endswith(_UNFINISHED) or timestamp() - path.stat().st_mtime > KEPT:
                path.unlink(missing_ok=True)

    def _write(self, movie: Reel, replay: Replay, path: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < COPIES * movie.size:
            raise Problem(507, Message("replay.no_room"))
        plain, fresh = (path.with_stem(path.stem + end) for end in _UNFINISHED)
        chain = str(replay.events[-1]["hash"]) if replay.events else None
        claim = manifest(str(replay.opening["title"]), replay.opening, len(replay.cut.hidden), chain)
        try:
            _copy(movie, plain)
            sign(plain, fresh, claim, self._keys)
            fresh.replace(path)
        finally:
            plain.unlink(missing_ok=True)
            fresh.unlink(missing_ok=True)


_UNFINISHED = ("-plain", "-fresh")
"""Ends of the names of files that are being written: without credentials, and with them."""


def _copy(movie: Reel, path: Path) -> None:
    with path.open("wb") as file:
        for start in range(0, movie.size, STRIDE):
            file.write(movie.read(start, min(movie.size, start + STRIDE)))
