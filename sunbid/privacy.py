"""The data folder is its owner's alone, also when it was made before with wider rights."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from messages import local
from records.serving import private

log = structlog.get_logger()


def keep(data: Path, say: Callable[[str], None]) -> None:
    """Take the data folder from everybody but its owner, and say so where that changed something."""
    found = private.tighten(data)
    if found.changed:
        say(local("privacy.narrowed", folder=str(data), number=found.changed))
    if found.refused:
        say(local("privacy.not_narrowed", name=found.refused.name, folder=str(data)))


def keep_beside(data: Path) -> None:
    """The same beside the start of a process: a folder with years of recordings takes a while to look through."""
    threading.Thread(target=keep, args=(data, lambda words: log.warning(words)), daemon=True).start()
