"""Access rights of the data folder: only its owner reads sealed bids, recordings, keys and logs."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from messages import local

FOLDER, FILE = 0o700, 0o600
UMASK = 0o077
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Tightened:
    """How many files and folders were open to others and are so no more; and one that could not be changed."""

    changed: int = 0
    refused: Path | None = None


def begin() -> None:
    """From now on whatever this process and its children make is for their owner alone."""
    os.umask(UMASK)


def folder(path: Path) -> Path:
    """The folder, made if it is not there, and its owner's alone."""
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    return path


def touch(path: Path) -> None:
    """Make a file that only its owner may read, before somebody else makes it with wider rights."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE))


def tighten(path: Path) -> Tightened:
    """Take a folder and all in it from everybody but the owner; links are left alone and not followed."""
    changed, refused = 0, None
    for one in _all(path):
        try:
            mode = one.lstat().st_mode
            if stat.S_ISLNK(mode) or not mode & _OTHERS:
                continue
            one.chmod(stat.S_IMODE(mode) & ~_OTHERS)
            changed += 1
        except FileNotFoundError:
            continue  # another process has just removed it
        except PermissionError:
            refused = one
    return Tightened(changed, refused)


def _all(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        return
    yield path
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(parent) / name


log = structlog.get_logger()


def keep(data: Path, say: Callable[[str], None]) -> None:
    """Take the data folder from everybody but its owner, and say so where that changed something."""
    found = tighten(data)
    if found.changed:
        say(local("privacy.narrowed", folder=str(data), number=found.changed))
    if found.refused:
        say(local("privacy.not_narrowed", name=found.refused.name, folder=str(data)))


def keep_beside(data: Path) -> None:
    """The same beside the start of a process: a folder with years of recordings takes a while to look through."""
    threading.Thread(target=keep, args=(data, lambda words: log.warning(words)), daemon=True).start()
