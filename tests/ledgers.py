"""New ledgers on SQLite for tests: an empty one is brought up to date once in a process and copied from then on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from records.ledger import Ledger


@cache
def empty() -> bytes:
    """The file of an empty ledger of the newest version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        book = Ledger(f"sqlite:///{path}")
        book.upgrade()
        book.close()
        return path.read_bytes()


def new_ledger(path: Path) -> Ledger:
    """An empty ledger in a file of its own, its folder made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(empty())
    return Ledger(f"sqlite:///{path}")
