"""The ledger: engine, sessions, its state as a key, and schema upgrades, on SQLite (WAL) or PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, literal, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from records import grants
from records.serving import private
from records.tables import (  # noqa: F401 (a module that is imported puts its tables into the metadata)
    bids,
    broadcast,
    control_prices,
    evaluation,
    evidence,
    intake,
    leads,
    money,
    openings,
    organisations,
    procedure,
    projects,
    relations,
    society,
    supervision,
    users,
    witnessing,
)
from records.tables.base import Base

if TYPE_CHECKING:
    from alembic.config import Config

TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)
"""Every table of the ledger, parents before children."""

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"
WRITE = "sunbid_write"
WAL_LARGE = 512 << 20
"""Bytes of write-ahead log from which somebody should look for the reader that holds it."""
LOCK_SECONDS = 30.0
"""How long a writer waits on SQLite for the one before it."""
WAL_KEPT = 64 << 20
"""Bytes to which SQLite's write-ahead log is cut back once no reader holds it any longer."""


def words(error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the statement and its values."""
    said = str(getattr(error, "orig", None) or error)
    return said.strip().splitlines()[0][:300] if said.strip() else type(error).__name__


def is_busy(error: SQLAlchemyError) -> bool:
    """Whether SQLite gave up waiting for another writer."""
    code: int | None = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


class Ledger:
    """The one truth. `read()` and `write()` give sessions; a write session commits when its block ends well."""

    def __init__(self, url: str | URL, role: str | None = None) -> None:
        """`role` is the PostgreSQL role every connection takes on where it may (`records.grants`); ignored on SQLite."""
        self.url = make_url(url)
        self.role = role
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database:
            private.folder(Path(self.url.database).parent)
        self._without_role = False
        self.engine = self._engine()
        self._state = LedgerState(self.engine, (self.url.database or ":memory:") if self.is_sqlite else None)

    def _engine(self) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(
                self.url, hide_parameters=True, pool_pre_ping=True, pool_size=5, max_overflow=10
            )
            if self.role:
                event.listen(engine, "connect", self._take_on_role)
            return engine
        engine = create_engine(
            self.url, hide_parameters=True, connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}
        )
        event.listen(engine, "do_connect", self._alone)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _take_on_role(self, connection: Any, _record: Any) -> None:
        """Give up the owner's rights, as far as the administrator has made that possible."""
        connection.autocommit = True
        try:
            connection.execute(f"SET ROLE {self.role}")
        except connection_errors():
            if not self._without_role:
                log.warning("ledger.no_role", role=self.role, remedy="docs/settings.md: PostgreSQL")
            self._without_role = True
        finally:
            connection.autocommit = False

    def _alone(self, *_given: Any) -> None:
        """A new database is its owner's alone from its first byte; -wal and -shm take its rights on."""
        path = Path(self.url.database or ":memory:")
        if path.name != ":memory:" and not path.exists():
            private.touch(path)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading: one consistent snapshot, never blocked by a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def ask(self) -> None:
        """Ask the smallest question there is. Raises SQLAlchemyError where the ledger cannot be read."""
        with self.read() as session:
            session.execute(select(literal(1)))

    def state(self) -> Hashable:
        """Equal to an earlier one only if nobody has committed anything since: a key for what is remembered."""
        return self._state.key()

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Session]:
        """A session for writing: commits at the end, rolls back on an exception.

        On SQLite the write lock is taken at the start, so that two writers queue instead of failing midway: for
        `patience` seconds, 30 where it is not given. Raises OperationalError after that.
        """
        with (
            self._writing(patience) as connection,
            Session(bind=connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def _writing(self, patience: float | None) -> Iterator[Connection]:
        with self.engine.connect().execution_options(**{WRITE: True}) as connection:
            if patience is None or not self.is_sqlite:
                yield connection
                return
            raw = connection.connection.dbapi_connection
            assert raw is not None
            _busy_timeout(raw, patience)
            try:
                yield connection
            finally:
                _busy_timeout(raw, LOCK_SECONDS)

    def upgrade(self, version: str = "head") -> None:
        """Bring the schema of an empty or older database to `version` (default: the present one)."""
        with self.engine.connect().execution_options(**{WRITE: True}) as connection:
            from alembic import command  # only here: a hub that is started anew need not load it

            command.upgrade(_alembic(connection), version)
            if version == "head":
                grants.grant_hub(connection)
            connection.commit()

    def schema_version(self) -> str | None:
        """The migration the database stands at; None for an empty one."""
        from alembic.runtime.migration import MigrationContext

        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @staticmethod
    def newest_version() -> str | None:
        """The migration this program was written for."""
        from alembic.script import ScriptDirectory

        return ScriptDirectory(str(MIGRATIONS)).get_current_head()

    def look(self) -> None:
        """Read a row of every table. Raises SQLAlchemyError where the database is damaged or out of reach."""
        with self.engine.connect() as connection:
            for table in TABLES:
                connection.execute(select(literal(1)).select_from(table).limit(1)).all()

    def log_bytes(self) -> int:
        """Size of SQLite's write-ahead log, which grows for as long as one reader holds on to an old state; 0 on
        PostgreSQL."""
        if not self.is_sqlite or not self.url.database:
            return 0
        try:
            return Path(f"{self.url.database}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Give all connections back."""
        self._state.close()
        self.engine.dispose()


def connection_errors() -> tuple[type[Exception], ...]:
    """What PostgreSQL's driver raises; imported only where it is used."""
    import psycopg

    return (psycopg.Error,)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={int(LOCK_SECONDS * 1000)}",
        f"journal_size_limit={WAL_KEPT}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _busy_timeout(connection: Any, seconds: float) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _alembic(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


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
