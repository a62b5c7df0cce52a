"""Storage of studies: one JSON file each, replaced whole, read again only when it changed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from evidence.files import write_whole

_lock = threading.Lock()
_held: dict[Path, tuple[int, dict[str, Any]]] = {}
"""File → when it was written, and what it says."""


def _path(data_dir: Path, name: str) -> Path:
    return Path(data_dir) / "studies" / f"{name}.json"


def keep(data_dir: Path, name: str, study: dict[str, Any]) -> None:
    """Replace a study."""
    path = _path(data_dir, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, json.dumps(study, ensure_ascii=False, allow_nan=False).encode())


def held(data_dir: Path, name: str) -> dict[str, Any] | None:
    """A study; None while there is none, or where its file is damaged: the next run writes it anew."""
    path = _path(data_dir, name)
    try:
        stamp = path.stat().st_mtime_ns
        with _lock:
            if (found := _held.get(path)) and found[0] == stamp:
                return found[1]
        study: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    with _lock:
        _held[path] = stamp, study
    return study
