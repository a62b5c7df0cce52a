"""Handing a project, a lot or an opening to another source: where its key was taken by one that it is not.

Nothing is deleted and no event changes: the rows belong to the new source from now on, whose next record of each says
what it is. Records of the former owner that are still on their way are refused as any other stranger's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ingest.kinds.registry import TABLES, beneath
from messages import Invalid, Message, Unknown
from records import audit, current
from records.administration import COMMAND_LINE, By, Conflict
from records.bulk import chunks
from records.keys import key_of, second_id
from records.tables.base import table_of
from records.tables.intake import Held, Source
from records.tables.openings import Opening

HELD = table_of(Held)
GIVEN = ("project", "lot", "opening")
_BENEATH = {kind: beneath(kind) for kind in ("project", "lot", "evaluation")}
"""Kind → (kind, column) of what hangs on it."""


def give(session: Session, kind: str, key: str, to: str, *, by: By = COMMAND_LINE, sure: bool = False) -> int:
    """Hand one record, and all of its source's that hangs on it, to the source `to`; how many they are.

    Raises ValueError for another kind, LookupError for an unknown record or source, Conflict if it has it already and,
    unless whoever acts is `sure`, where an opening among it is under way, which the former source could not go on with.
    """
    if kind not in GIVEN:
        raise Invalid(Message("source.not_handed_over", kinds=list(GIVEN)))
    if session.get(Source, to) is None:
        raise Unknown(Message("source.unknown", name=to))
    was = session.scalar(select(TABLES[kind].c.source).where(TABLES[kind].c.id == key))
    if was is None:
        raise Unknown(Message("source.unknown_record", kind=kind, key=key))
    if was == to:
        raise Conflict(Message("source.has_it", key=key, source=to))
    held = list(_held(session, kind, [key], was))
    openings = [one for what, ids in held if what == "opening" for one in ids]
    disturbed = current.undisturbed(
        session, Opening.id.in_(openings), Message("source.record", kind=kind, key=key), sure
    )
    count = sum(_move(session, what, ids, was, to) for what, ids in held)
    detail = {"from": was, "to": to, "records": count, **disturbed}
    audit.write(session, by.name, "source.give", object_kind=kind, object_id=key, detail=detail, ip=by.ip)
    return count


def _held(session: Session, kind: str, ids: list[str], source: str) -> Iterator[tuple[str, list[str]]]:
    """(kind, ids) of rows of a source and of all of its rows that hang on them."""
    yield kind, ids
    for below, column in _BENEATH.get(kind, ()):
        table, found = TABLES[below], list[str]()
        for part in chunks(ids):
            of_these = (table.c[column].in_(part), table.c.source == source)
            found += session.scalars(select(table.c.id).where(*of_these))
        if found:
            yield from _held(session, below, found, source)


def _move(session: Session, kind: str, ids: list[str], was: str, to: str) -> int:
    """Rows whose key the new source uses itself stay with the former: nobody's record goes over another."""
    moved, table = 0, TABLES[kind]
    for part in chunks(ids):
        taken = set(
            session.scalars(select(table.c.id).where(table.c.id.in_([second_id(i, to) for i in part])))
        )
        free = [i for i in part if i == key_of(i) and second_id(i, to) not in taken]
        session.execute(update(table).where(table.c.id.in_(free)).values(source=to))
        session.execute(HELD.delete().where(HELD.c.kind == kind, HELD.c.source == was, HELD.c.key.in_(free)))
        moved += len(free)
    return moved
