"""Records as rows of the ledger, and the few bulk statements that write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Insert, String, Table, bindparam
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite

from ingest.envelope import Record
from ingest.kinds import OrganisationData
from records.base import Base
from records.bids import Bid
from records.identifiers import looks_like_uscc, uscc_check, uscc_division
from records.intake import Journal
from records.money import Award, Deposit
from records.openings import Opening
from records.organisations import Centre, Organisation, Room
from records.projects import Lot, Project

T = TypeVar("T")

MODELS: dict[str, type[Base]] = {
    "centre": Centre,
    "organisation": Organisation,
    "room": Room,
    "project": Project,
    "lot": Lot,
    "bid": Bid,
    "deposit": Deposit,
    "opening": Opening,
    "award": Award,
}
"""Kinds that are one row each, parents before children."""


def table_of(model: type[Base]) -> Table:
    """The table of a model, typed."""
    return cast(Table, model.__table__)


TABLES = {kind: table_of(model) for kind, model in MODELS.items()}
_DATED = frozenset(kind for kind, table in TABLES.items() if "updated_at" in table.c)


def chunks(items: Sequence[T], size: int = 5_000) -> Iterator[Sequence[T]]:
    """`items` in pieces small enough for the bound parameters of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def entity(record: Record, moment: datetime) -> dict[str, Any]:
    """The row of a record whose attributes are columns."""
    row = {**record.data.__dict__, "id": record.key, "source": record.source}
    if record.kind in _DATED:
        row["updated_at"] = moment
    if record.kind == "deposit":
        del row["payer_account"]
    elif record.kind == "organisation":
        row |= _registration(record)
    return row


def _registration(record: Record) -> dict[str, Any]:
    """What the 统一社会信用代码 says; its division is only an inference (GB 32100: registration authority)."""
    data = cast(OrganisationData, record.data)
    code = data.uscc or (record.key if looks_like_uscc(record.key) else None)
    division, source = data.division_code, data.division_source
    if division is None and code and data.country in (None, "CN"):
        division, source = uscc_division(code), "uscc"
    elif division is not None and source is None:
        source = "registration"
    return {
        "uscc": code,
        "uscc_valid": uscc_check(code) if code else None,
        "division_code": division,
        "division_source": source if division else None,
    }


def upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], keep: frozenset[str] = frozenset()
) -> None:
    """Insert rows or overwrite those with the same primary key, except the columns in `keep`."""
    if not rows:
        return
    insert: Any = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    primary = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in primary and name not in keep}
    statement: Insert = insert.on_conflict_do_update(index_elements=primary, set_=changed)
    connection.execute(statement, rows)


def _journal_insert(dialect: str) -> Insert:
    table = table_of(Journal)
    body: Any = bindparam("body", type_=String())
    data = body if dialect == "sqlite" else sql_cast(body, postgresql.JSONB)
    plain: dict[str, Any] = {
        column.name: bindparam(column.name) for column in table.c if column.name != "data"
    }
    return table.insert().values(**plain, data=data)


_JOURNAL_INSERT = {dialect: _journal_insert(dialect) for dialect in ("sqlite", "postgresql")}


def append_journal(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """Append to the journal; `body` is JSON already and is not encoded a second time."""
    if entries:
        connection.execute(_JOURNAL_INSERT[connection.dialect.name], entries)
