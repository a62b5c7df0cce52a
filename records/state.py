"""The state of a ledger, as a key for what is remembered of it: equal only while nothing was committed in between."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Hashable
from itertools import count

from sqlalchemy import Engine, text

_watches = count()


class LedgerState:
    """Tells one state of a ledger from the next, without reading any table."""

    def __init__(self, engine: Engine, database: str | None) -> None:
        """`database`: the file of an SQLite ledger; None on PostgreSQL."""
        self._engine, self._database = engine, database
        self._lock = threading.Lock()
        self._watch: tuple[int, sqlite3.Connection] | None = None
        """A connection that never writes, and its number: what SQLite says is only comparable on one connection."""

    def key(self) -> Hashable:
        """Equal to an earlier one only if nobody has committed anything since. Raises what the database raises."""
        return self._snapshot() if self._database is None else self._data_version(self._database)

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._watch is not None:
                self._watch[1].close()
            self._watch = None

    def _snapshot(self) -> Hashable:
        """PostgreSQL: which transactions are visible (functions-info-snapshot)."""
        with self._engine.connect() as connection:
            return str(connection.scalar(text("SELECT pg_current_snapshot()")))

    def _data_version(self, database: str) -> Hashable:
        """SQLite: changes with every commit of another connection (pragma.html#pragma_data_version)."""
        with self._lock:
            if self._watch is None:
                self._watch = next(_watches), sqlite3.connect(database, check_same_thread=False)
            number, connection = self._watch
            return number, connection.execute("PRAGMA data_version").fetchone()[0]
