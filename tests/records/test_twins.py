"""Rules about a lot that stand in Python and in SQL say the same, over generated lots and on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from records.ledger import Ledger
from records.lots import current_opening, deadline_in_force, deadline_passed, none_ahead, one_ahead
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project
from records.visibility import Audience, Datum, LotClock, is_visible, visible
from tests.records.market import DEADLINE

MOMENTS = st.integers(-3, 3).map(lambda n: DEADLINE + n * timedelta(minutes=1))
OPENINGS = st.lists(
    st.builds(
        dict,
        scheduled_at=MOMENTS,
        started_at=st.none() | MOMENTS,
        ended_at=st.none() | MOMENTS,
        state=st.sampled_from(["scheduled", "in_progress", "ended", "sealed", "cancelled"]),
        result=st.sampled_from([None, "opened", "failed", "terminated"]),
    ),
    max_size=3,
)
AWARDS = st.lists(
    st.builds(
        dict,
        status=st.sampled_from(["candidate", "awarded", "cancelled"]),
        publicity_from=st.none() | MOMENTS,
        awarded_at=st.none() | MOMENTS,
    ),
    max_size=2,
)
LOTS = st.builds(
    dict,
    deadline=st.none() | MOMENTS,
    status=st.sampled_from(["bidding", "closed", "opened", "awarded", "failed", "retender"]),
)
generated = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def lot(ledger: Ledger) -> Ledger:
    with ledger.write() as session:
        session.add(Organisation(id="B1", name="B1", source="test"))
        session.add(Project(id="P", name="P", source="test"))
        session.flush()
        session.add(Lot(id="L", project_id="P", name="L", source="test"))
    return ledger


def put(session: Session, lot: dict[str, Any], openings: list[Any], awards: list[Any]) -> None:
    """The lot with these openings and awards, none else; the caller takes it back."""
    session.execute(delete(Opening))
    session.execute(delete(Award))
    for name, value in lot.items():
        setattr(session.get_one(Lot, "L"), name, value)
    session.add_all(
        Opening(id=f"O{n}", lot_id="L", head_hash="", source="test", **one) for n, one in enumerate(openings)
    )
    session.add_all(
        Award(id=f"A{n}", lot_id="L", bidder_id="B1", rank=n, source="test", **one)
        for n, one in enumerate(awards)
    )
    session.flush()


def clock(session: Session) -> LotClock:
    """The moments of the lot as its records tell them."""
    lot = session.get_one(Lot, "L")
    openings = list(session.scalars(select(Opening)))
    earliest = lambda column, *where: session.scalar(select(func.min(column)).where(*where))  # noqa: E731
    return LotClock(
        deadline=deadline_in_force(lot.deadline, lot.status, openings),
        bidders_published=earliest(Opening.started_at),
        prices_read=earliest(Opening.ended_at, Opening.result == "opened"),
        publicity=earliest(Award.publicity_from, Award.status != "cancelled"),
        awarded=earliest(Award.awarded_at, Award.status == "awarded"),
    )


CELLS = [(datum, audience) for datum in Datum for audience in Audience]


@cache
def every_cell(at: datetime) -> Select[Any]:
    """What of the lot may be seen by whom; written once a moment, which takes longer than asking it."""
    asked = (visible(datum, audience, at).label(f"c{n}") for n, (datum, audience) in enumerate(CELLS))
    return select(*asked).select_from(Lot)


@generated
@given(kept=LOTS, openings=OPENINGS, awards=AWARDS, at=MOMENTS)
def test_who_may_see_what_is_the_same_in_python_and_in_sql(
    lot: Ledger, kept: dict[str, Any], openings: list[Any], awards: list[Any], at: datetime
) -> None:
    with lot.write() as session:
        put(session, kept, openings, awards)
        told = session.execute(every_cell(at)).one()
        known = clock(session)
        for (datum, audience), seen in zip(CELLS, told, strict=True):
            assert bool(seen) is is_visible(datum, known, audience, at), (datum, audience, known)
        session.rollback()


@generated
@given(kept=LOTS, openings=OPENINGS, at=MOMENTS)
def test_the_deadline_in_force_is_the_same_in_python_and_in_sql(
    lot: Ledger, kept: dict[str, Any], openings: list[Any], at: datetime
) -> None:
    with lot.write() as session:
        put(session, kept, openings, [])
        held = list(session.scalars(select(Opening)))
        due = deadline_in_force(kept["deadline"], kept["status"], held)
        parts = (deadline_passed(at), none_ahead(at), one_ahead(at))
        passed, none, ahead = session.execute(select(*parts).select_from(Lot)).one()
        assert bool(passed) is (due is not None and due <= at)
        assert bool(none) is (due is None or due <= at)
        assert bool(ahead) is not bool(none)
        current = current_opening(held)
        latest = select(func.max(Opening.scheduled_at)).where(Opening.state != "cancelled")
        assert (current and current.scheduled_at) == session.scalar(latest)
        session.rollback()


@generated
@given(kept=LOTS, awards=AWARDS, at=MOMENTS)
def test_a_query_of_awards_shows_those_whose_own_date_has_come(
    lot: Ledger, kept: dict[str, Any], awards: list[Any], at: datetime
) -> None:
    with lot.write() as session:
        put(session, kept, [], awards)
        shown = select(Award.id).join(Lot, Lot.id == Award.lot_id)
        shown = shown.where(Award.status == "awarded", visible(Datum.AWARD, at=at, dated=Award.awarded_at))
        deadline = deadline_in_force(kept["deadline"], kept["status"], [])
        assert set(session.scalars(shown)) == {
            f"A{n}"
            for n, one in enumerate(awards)
            if one["status"] == "awarded" and one["awarded_at"]
            and is_visible(Datum.AWARD, LotClock(deadline, awarded=one["awarded_at"]), Audience.SUPERVISOR, at)
        }  # fmt: skip
        session.rollback()
