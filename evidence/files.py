"""Files that are in their place whole or not at all: written beside it, made durable, renamed."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(path: Path, raw: bytes, *, once: bool = False, private: bool = False) -> None:
    """Put a file in its place; it stands on the disk when this returns. Several may write the same file at a time.

    once     a file that is there already stays: of two who write, the first wins
    private  for its owner's eyes only

    Raises OSError. What a killed writer leaves behind begins with a dot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if once:
            _keep_first(fresh, path)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    settle(path.parent)


def _keep_first(fresh: Path, path: Path) -> None:
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return  # the other's file is the file


def settle(folder: Path) -> None:
    """Make a folder's new entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
