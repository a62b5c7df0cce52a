"""Records as rows of the ledger, and the few bulk statements that write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Dialect, Insert, String, Table, bindparam
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite

from ingest.apply.sqlite_values import Make, makers, pack
from ingest.envelope import Record
from ingest.kinds.market import OrganisationData
from ingest.kinds.registry import KINDS
from records.identifiers import looks_like_uscc, uscc_check, uscc_division
from records.tables.base import Base
from records.tables.bids import Bid
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.intake import Journal
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.procedure import Contract, Notice, Objection, TenderProject
from records.tables.projects import Lot, Project
from records.tables.reading import ControlPriceCheck
from records.tables.relations import Credit, Relation
from records.tables.society import Inspection, Opinion

T = TypeVar("T")

MODELS: dict[str, type[Base]] = {
    "centre": Centre,
    "organisation": Organisation,
    "room": Room,
    "expert": Expert,
    "relation": Relation,
    "credit": Credit,
    "project": Project,
    "opinion": Opinion,
    "inspection": Inspection,
    "tender_project": TenderProject,
    "lot": Lot,
    "notice": Notice,
    "bid": Bid,
    "deposit": Deposit,
    "control_price": ControlPriceCheck,
    "objection": Objection,
    "opening": Opening,
    "evaluation": Evaluation,
    "score": Score,
    "fee": Fee,
    "award": Award,
    "contract": Contract,
}
"""Kinds that are one row each, parents before children; `tender_project` comes with its lots."""


def table_of(model: type[Base]) -> Table:
    """The table of a model, typed."""
    return cast(Table, model.__table__)


TABLES = {kind: table_of(model) for kind, model in MODELS.items()}
_DATED = frozenset(kind for kind, table in TABLES.items() if "updated_at" in table.c)
_ASIDE = {
    kind: tuple(model.model_fields.keys() - TABLES[kind].c.keys())
    for kind, model in KINDS.items()
    if kind in TABLES
}
"""Kind → attributes that are no columns."""
_PARTS = {"expert": "violations", "credit": "deductions", "inspection": "problems", "contract": "changes"}
"""Kind → attribute that is a list of parts, kept as JSON."""


def chunks(items: Sequence[T], size: int = 5_000) -> Iterator[Sequence[T]]:
    """`items` in pieces small enough for the bound parameters of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def entity(record: Record, moment: datetime) -> dict[str, Any]:
    """The row of a record whose attributes are columns."""
    row = {**record.data.__dict__, "id": record.key, "source": record.source}
    if record.kind in _DATED:
        row["updated_at"] = moment
    for name in _ASIDE[record.kind]:
        del row[name]
    if parts := _PARTS.get(record.kind):
        # warnings off: pydantic cannot see that a plainly validated time is a datetime
        row[parts] = [part.model_dump(mode="json", exclude_none=True, warnings=False) for part in row[parts]]
    if record.kind == "organisation":
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
    if rows:
        names = tuple(rows[0])
        statement = _upsert(connection.dialect.name, table, names, keep)
        _execute(connection, statement, table, rows)


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...], keep: frozenset[str]) -> Insert:
    insert: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    primary = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in names if name not in primary and name not in keep}
    values = insert.values({name: bindparam(name, type_=table.c[name].type) for name in names})
    statement: Insert = values.on_conflict_do_update(index_elements=primary, set_=changed)
    return statement


def insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that name every column but an automatic key."""
    if rows:
        names = tuple(rows[0])
        statement = _insert(table, names)
        _execute(connection, statement, table, rows)


@cache
def _insert(table: Table, names: tuple[str, ...]) -> Insert:
    return table.insert().values({name: bindparam(name, type_=table.c[name].type) for name in names})


def _execute(connection: Connection, statement: Insert, table: Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(statement, rows)
        return
    text, order, made = _compiled(statement, table, connection.dialect)
    connection.exec_driver_sql(text, pack(rows, order, made))


@cache
def _compiled(
    statement: Insert, table: Table, dialect: Dialect
) -> tuple[str, tuple[str, ...], dict[str, Make | None]]:
    compiled: Any = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup), makers(table, dialect)


@cache
def _journal_insert(dialect: str) -> Insert:
    table = table_of(Journal)
    body: Any = bindparam("body", type_=String())
    data = body if dialect == "sqlite" else sql_cast(body, postgresql.JSONB)
    plain: dict[str, Any] = {
        column.name: bindparam(column.name, type_=column.type) for column in table.c if column.name != "data"
    }
    return table.insert().values(**plain, data=data)


def append_journal(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """Append to the journal; `body` is JSON already and is not encoded a second time."""
    if entries:
        statement = _journal_insert(connection.dialect.name)
        _execute(connection, statement, table_of(Journal), entries)
