"""A key as the name of one file or folder: the one home of it, whatever signs stand in the key."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

_MOST_BYTES = 200
"""File systems take 255; the rest is for what is put behind the name."""


def file_name(key: str) -> str:
    """The key itself where it is letters, digits and . _ - only; else percent-quoted, and never `.` or `..`."""
    name = "".join(sign if sign.isalnum() or sign in "._-" else quote(sign, safe="") for sign in key)
    return bounded(name.replace(".", "%2E") if name.strip(".") == "" else name)


def bounded(name: str) -> str:
    """The name itself, or where it is too long for a file system its beginning and a hash of the whole."""
    if len(name.encode()) <= _MOST_BYTES:
        return name
    begin = name.encode()[: _MOST_BYTES - 40].decode(errors="ignore")
    return f"{begin}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def unreachable(room: str) -> bool:
    """Whether no address `/room/{id}` leads to a room of this id: a slash cuts it, browsers fold `.` and `..`."""
    return not room.strip(".") or any(sign in "/\\" or sign < " " or sign == "\x7f" for sign in room)
