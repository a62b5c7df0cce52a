"""New ledgers on SQLite for tests: an empty one is brought up to date once in a process and copied from then on."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from records import ledger
from records.ledger import Ledger

STATEMENTS: LRUCache[Any, Any] = LRUCache(2_000)
"""Statements as they were written for a database, by what they ask and for which kind of database."""


def write_statements_once() -> None:
    """Every ledger of this process uses the statements that another has written.

    SQLAlchemy keeps them with the engine, and writing them took a quarter of the tests' time: nearly every test has
    a ledger of its own. Those of one kind of database are the same for all: so are their dialects, then.
    """

    def made(*given: Any, **options: Any) -> Engine:
        engine = create_engine(*given, **options)
        engine._compiled_cache = STATEMENTS
        return engine

    DefaultDialect.__eq__ = lambda one, other: type(one) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda one: hash(type(one))  # type: ignore[method-assign]
    ledger.create_engine = made  # type: ignore[attr-defined]


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


def copied_ledger(original: Path, path: Path) -> Ledger:
    """A ledger in a file of its own that holds what `original` held, which nobody has open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(original, path)
    return Ledger(f"sqlite:///{path}")
