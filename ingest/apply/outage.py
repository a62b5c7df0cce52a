"""Whether a failure is the database's or a record's: the one is waited for, the other is refused."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_RECORDS_FAULT = frozenset(
    {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE}
)
"""What SQLite says of a value it cannot take; anything else (locked, full, no such table) is its own trouble."""
_RECORDS_CLASS = frozenset({"22", "23", "54"})
"""PostgreSQL's classes of errors of which the same is true: data, constraints, limits such as an index row's size."""


def is_outage(error: Exception) -> bool:
    """Whether nothing can be written now, whatever the records: they are to be sent again later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or not _of_a_record(error)
    return isinstance(error, (PoolTimeout, OSError, MemoryError))


def _of_a_record(error: DBAPIError) -> bool:
    if isinstance(error, (DataError, IntegrityError)):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _RECORDS_FAULT
    return (getattr(error.orig, "sqlstate", None) or "")[:2] in _RECORDS_CLASS
