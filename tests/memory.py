"""Where the tests keep their files: in memory where there is room, since what they wait for is mostly the disk, whose
every write the ledger has confirmed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 6 << 30
"""Bytes that must be free in memory before the tests keep their files there."""


def new_folder(prefix: str) -> Path:
    """A new folder in memory, on the disk where memory has no room; the caller removes it."""
    usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if usable else None))
