"""What is going on now, read from the ledger by indexed queries. Nothing here tells who bids before the deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

import messages
from dashboard import context
from dashboard.shell import places
from records import states
from records.clock import bounds, now, start_of, today
from records.tables.money import Award, Deposit
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot, counted
from records.visibility import announced, opened, state_told
from supervision.figures.filters import Filters
from supervision.rules.readiness import past_deadline

Rows = Select[*tuple[Any, ...]]
TICKER_EVENTS = ("bidders_published", "record_confirmed", "ended", "sealed")


def openings_today(filters: Filters | None = None, *, rehearsals: bool = False) -> dict[str, int]:
    """Today's openings by state, of the filters' centre and trade family; those called off are none.

    Rehearsals 演练 are not among them; with `rehearsals` only they are.
    """
    start, after = bounds(today(), today())
    query = (
        select(told := state_told().label("told"), func.count())
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.scheduled_at >= start, Opening.scheduled_at < after, Opening.state != "cancelled")
        .where(announced(), ~counted() if rehearsals else counted())
        .group_by(told)
    )
    with context.ledger().read() as session:
        return {row[0]: row[1] for row in session.execute(of_lots(query, filters))}


def of_lots(query: Rows, filters: Filters | None) -> Rows:
    """A query that has joined `Lot`, narrowed to the filters' centre, trade family and category."""
    if filters is None:
        return query
    chosen = (
        (Lot.centre_id, filters.centre), (Lot.trade_family, filters.trade_family), (Lot.category, filters.category),
    )  # fmt: skip
    for column, wanted in chosen:
        if wanted is not None:
            query = query.where(column == wanted)
    return query


@dataclass(frozen=True)
class Happening:
    """One line of the ticker: kind is an opening event's type, "awarded" or "refunded"."""

    at: datetime
    kind: str
    lot: str
    count: int = 1


def ticker(filters: Filters | None = None, limit: int = 9) -> list[Happening]:
    """What happened today, newest first: openings, awards, deposits returned."""
    start, until = start_of(today()), now()
    events = (
        select(OpeningEvent.ts, OpeningEvent.type, Lot.name)
        .join(Opening, Opening.id == OpeningEvent.opening_id)
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.scheduled_at >= start, OpeningEvent.ts >= start, OpeningEvent.ts <= until)
        .where(OpeningEvent.type.in_(TICKER_EVENTS), opened())
        .order_by(OpeningEvent.ts.desc(), Opening.room_id, Opening.id, OpeningEvent.seq.desc())
        .limit(limit)
    )
    awards = (
        select(Award.awarded_at, Lot.name)
        .join(Lot, Lot.id == Award.lot_id)
        .where(Award.status == "awarded", Award.awarded_at >= start, Award.awarded_at <= until, opened())
        .order_by(Award.awarded_at.desc(), Award.id)
        .limit(limit)
    )
    refunds = (
        select(func.max(Deposit.refunded_at), Lot.name, func.count())
        .join(Lot, Lot.id == Deposit.lot_id)
        .where(Deposit.refunded_at >= start, Deposit.refunded_at <= until, past_deadline())
        .group_by(Lot.id, Lot.name)
        .order_by(func.max(Deposit.refunded_at).desc(), Lot.id)
        .limit(limit)
    )
    with context.ledger().read() as session:
        found = [Happening(*row) for row in session.execute(of_lots(events, filters))]
        found += [Happening(at, "awarded", lot) for at, lot in session.execute(of_lots(awards, filters))]
        found += [
            Happening(at, "refunded", lot, n) for at, lot, n in session.execute(of_lots(refunds, filters))
        ]
    return sorted(found, key=lambda h: (h.at, h.lot, h.kind), reverse=True)[:limit]


def rehearsed(session: Session, centre: str | None) -> int:
    """How many of the openings that are over were rehearsals: kept and listed like any other."""
    query = (
        select(func.count(Opening.id))
        .join(Lot, Lot.id == Opening.lot_id)
        .where(Opening.state.in_(("ended", "sealed")), opened(), ~counted())
    )
    return session.scalar(query.where(Lot.centre_id == centre) if centre else query) or 0


@dataclass(frozen=True)
class EndedOpening:
    """An opening that is over, with the state of its chain."""

    id: str
    lot: str
    project: str
    room: str | None
    ended_at: datetime | None
    state: str
    result: str | None
    events: int
    broken_at: int | None
    """Index of the first event whose hash differs; None: the chain holds."""
    head: str

    def chain(self, lang: str) -> str:
        """In words whether its chain holds; an opening without events has none."""
        if not self.events:
            return messages.say("witness.no_events", lang)
        if self.broken_at is None:
            return messages.say("witness.holds", lang)
        return messages.say("witness.broken", lang, n=self.broken_at + 1)


def ended_openings(
    session: Session, centre: str | None, limit: int, offset: int = 0, lang: str = "zh"
) -> tuple[int, list[EndedOpening]]:
    """Openings that are over, newest first, each chain walked just now; and how many there are."""
    query = (
        select(Opening, Lot.name, Lot.project_id, Room, Centre)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == Room.centre_id)
        .where(Opening.state.in_(("ended", "sealed")), opened())
    )
    if centre:
        query = query.where(Lot.centre_id == centre)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    found = []
    for o, lot, project, room, place in session.execute(
        query.order_by(Opening.ended_at.desc(), Opening.room_id, Opening.id).limit(limit).offset(offset)
    ):
        broken = states.verify_opening(session, o.id)
        found.append(
            EndedOpening(
                o.id, lot, project, places.room(room, place, lang) if room else None, o.ended_at, o.state, o.result, o.head_seq,
                broken.index if broken else None, o.head_hash,
            )
        )  # fmt: skip
    return count, found
