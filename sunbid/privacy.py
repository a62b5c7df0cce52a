"""The data folder is its owner's alone, also when it was made before with wider rights."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from records.serving import private

log = structlog.get_logger()


def keep(data: Path, say: Callable[[str], None]) -> None:
    """Take the data folder from everybody but its owner, and say so where that changed something."""
    found = private.tighten(data)
    if found.changed:
        say(
            f"数据目录 {data} 中有 {found.changed} 项可被其他用户读取，已收紧为仅本用户"
            f" / {found.changed} files and folders in the data folder were open to others and are not any more"
        )
    if found.refused:
        say(
            f"{found.refused.name} 的权限无法收紧，请由其所有者执行 chmod -R go= {data}"
            " / its rights could not be narrowed: its owner must do so"
        )


def keep_beside(data: Path) -> None:
    """The same beside the start of a process: a folder with years of recordings takes a while to look through."""
    threading.Thread(target=keep, args=(data, lambda words: log.warning(words)), daemon=True).start()
