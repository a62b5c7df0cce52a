"""The public rows that follow from ledger rows just written, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.bulk import chunks
from records.public import awards, lots, papers
from records.public.openings import publish_openings
from records.public.past_record import past_records
from records.public.rows import Row, row, write
from records.tables.openings import Opening

Written = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Kind of record → id → the row just written."""
_WRITTEN_TOGETHER = ("award", "evaluation", "contract", "objection")
"""Kinds whose public rows depend on each other: all of a lot are written anew when one changes."""


def publish_written(
    session: Session, written: Written, demo: frozenset[str], openings: Iterable[str] = ()
) -> None:
    """Write the public rows of what was just written, in the caller's transaction.

    `demo` are the sources of demonstration data, `openings` those told as a whole, without events.
    """
    write(session, _rows(session, written, demo))
    announced = _openings_of(session, written.get("lot", {}))
    publish_openings(session, announced.union(openings))


def _rows(session: Session, written: Written, demo: frozenset[str]) -> list[Row]:
    changed = written.get("lot", {})
    projects = {*written.get("project", {}), *(row["project_id"] for row in changed.values())}
    touched = {*changed, *_lots_of(written, *_WRITTEN_TOGETHER)}
    return [
        *lots.projects(session, projects, demo),
        *lots.lots(session, changed, demo),
        *awards.awards(session, touched, demo),
        *_past_records(session, {*changed, *_lots_of(written, "bid", "opening")}, demo),
        *papers.contracts(session, touched, demo),
        *papers.decisions(session, touched, demo),
        *papers.notices(session, written.get("notice", {}), changed, demo),
        *papers.opinions(session, written.get("opinion", {}), demo),
    ]


def _lots_of(written: Written, *kinds: str) -> set[str]:
    """Lots of the rows of some kinds."""
    return {row["lot_id"] for kind in kinds for row in written.get(kind, {}).values()}


def _past_records(session: Session, lot_ids: set[str], demo: frozenset[str]) -> list[Row]:
    """Rows (topic `record`, subject the opening) of the openings of these lots that came as history."""
    return [
        row("record", record.opening, {**record.payload, "demo": record.source in demo}, record.visible_from)
        for part in chunks(sorted(lot_ids))
        for record in past_records(session, part)
    ]


def _openings_of(session: Session, lot_ids: Iterable[str]) -> set[str]:
    """Announced openings tell of their lot: they are told anew with it."""
    found: set[str] = set()
    for part in chunks(sorted(lot_ids)):
        found.update(session.scalars(select(Opening.id).where(Opening.lot_id.in_(part))))
    return found
