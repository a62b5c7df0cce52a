"""What stands in an address, in an export and in the audit chain for parties whose names are masked."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dashboard import context
from records.serving import signing


def address_sign(*ids: str) -> str:
    """What stands in an address for parties whose names are masked: the same as long as they are, for everyone, and it tells
    nobody who they are."""
    return signing.keyed_hash(_key(context.config().data_dir), "/".join(ids))[:12]


@cache
def _key(data_dir: Path) -> bytes:
    return signing.load_key(data_dir)
