"""The log as another implementation of the C2SP specifications reads it."""

from __future__ import annotations

from collections.abc import Callable

from aics_tlog.checkpoint import verify_checkpoint
from aics_tlog.note import parse_note, parse_vkey
from aics_tlog.tiles import entry_bundle_path, tile_path
from aics_tlog.verified import audit_tiles


class Reader:
    """Its way to the files."""

    def __init__(self, fetch: Callable[[str], bytes | None]) -> None:
        self.fetch = fetch

    def read_tile(self, level: int, index: int, width: int | None) -> bytes | None:
        return self.fetch(tile_path(level, index, width))

    def read_entry_bundle(self, index: int, width: int | None) -> bytes | None:
        return self.fetch(entry_bundle_path(index, width))


def read(fetch: Callable[[str], bytes | None], key: str) -> int:
    """Check signature, every tile and every entry; gives the size."""
    note = parse_note((fetch("checkpoint") or b"").decode())
    told = verify_checkpoint(note, parse_vkey(key))
    assert told.ok and told.size is not None and told.root is not None, told.error
    return int(audit_tiles(Reader(fetch), told.size, told.root).size)
