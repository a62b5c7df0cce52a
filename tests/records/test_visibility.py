"""One test per cell of the visibility matrix: who may see what of a lot, at each moment of its life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from records.visibility import (
    FIRST_MOMENT,
    TABLE,
    Audience,
    Datum,
    LotClock,
    Moment,
    is_visible,
    published_from,
    visible_from,
)

DEADLINE = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
STEP = timedelta(hours=1)
MOMENTS = {
    "before": DEADLINE - STEP,
    "deadline": DEADLINE,
    "published": DEADLINE + STEP,
    "read": DEADLINE + 2 * STEP,
    "publicity": DEADLINE + 3 * STEP,
    "awarded": DEADLINE + 4 * STEP,
}
PHASES = tuple(MOMENTS)


def clock_at(phase: str) -> LotClock:
    """The lot's clock as it stands in a phase: later moments have not happened."""
    reached = PHASES[: PHASES.index(phase) + 1]
    return LotClock(
        deadline=DEADLINE,
        bidders_published=MOMENTS["published"] if "published" in reached else None,
        prices_read=MOMENTS["read"] if "read" in reached else None,
        publicity=MOMENTS["publicity"] if "publicity" in reached else None,
        awarded=MOMENTS["awarded"] if "awarded" in reached else None,
    )


# Datum → first phase in which (the public, a supervisor) may see it; None: never. From domain §2.4.
FIRST = {
    Datum.NOTICE: ("before", "before"),
    Datum.CONTROL_PRICE: ("before", "before"),
    Datum.SCHEDULE: ("before", "before"),
    Datum.BASE_PRICE: ("published", "published"),
    Datum.BIDDER_COUNT: ("published", "deadline"),
    Datum.BIDDER_NAMES: ("published", "deadline"),
    Datum.DEPOSITS: (None, "deadline"),
    Datum.BID_PRICES: ("read", "read"),
    Datum.COEFFICIENT: ("published", "published"),
    Datum.OPENING_PROCESS: ("deadline", "deadline"),
    Datum.LOT_OUTCOME: ("deadline", "deadline"),
    Datum.BID_FILES: (None, "read"),
    Datum.EVALUATION: (None, "deadline"),
    Datum.EXPERTS: ("awarded", "awarded"),
    Datum.SCORES: (None, "awarded"),
    Datum.CANDIDATES: ("publicity", "publicity"),
    Datum.AWARD: ("awarded", "awarded"),
    Datum.CONTRACT: ("awarded", "awarded"),
    Datum.OBJECTIONS: (None, "before"),
    Datum.DECISIONS: ("awarded", "before"),
    Datum.OPINIONS: ("before", "before"),
    Datum.WARNINGS: (None, "deadline"),
    Datum.PERSONAL: (None, None),
}
CELLS = [(d, a, p) for d in Datum for a in Audience for p in PHASES]


@pytest.mark.parametrize(("datum", "audience", "phase"), CELLS, ids=lambda v: str(v))
def test_cell(datum: Datum, audience: Audience, phase: str) -> None:
    first = FIRST[datum][0 if audience is Audience.PUBLIC else 1]
    expected = first is not None and PHASES.index(phase) >= PHASES.index(first)
    assert is_visible(datum, clock_at(phase), audience, at=MOMENTS[phase]) is expected


def test_every_datum_is_decided_for_every_audience() -> None:
    assert set(TABLE) == set(Datum) == set(FIRST)
    assert all(set(row) == set(Audience) for row in TABLE.values())


@pytest.mark.parametrize("datum", [d for d in Datum if TABLE[d][Audience.PUBLIC] is not Moment.ALWAYS])
def test_without_a_deadline_everything_about_bidders_stays_secret(datum: Datum) -> None:
    everything = LotClock(None, DEADLINE, DEADLINE, DEADLINE, DEADLINE)
    assert visible_from(datum, everything) is None


def test_an_event_stamped_before_the_deadline_lifts_nothing_early() -> None:
    hasty = LotClock(deadline=DEADLINE, bidders_published=DEADLINE - STEP)
    assert visible_from(Datum.BIDDER_NAMES, hasty) == DEADLINE


@pytest.mark.parametrize(
    ("datum", "published", "since"),
    [
        (Datum.NOTICE, DEADLINE - STEP, DEADLINE - STEP),
        (Datum.OPINIONS, DEADLINE, DEADLINE),
        (Datum.OPINIONS, None, None),
        (Datum.CONTRACT, DEADLINE, MOMENTS["awarded"]),
        (Datum.CONTRACT, MOMENTS["awarded"] + STEP, MOMENTS["awarded"] + STEP),
        (Datum.DECISIONS, DEADLINE - STEP, MOMENTS["awarded"]),
        (Datum.OBJECTIONS, DEADLINE, None),
    ],
)
def test_a_dated_paper_is_public_neither_before_its_date_nor_before_its_time(
    datum: Datum, published: datetime | None, since: datetime | None
) -> None:
    assert published_from(datum, clock_at("awarded"), published) == since


def test_a_notice_needs_no_deadline() -> None:
    assert published_from(Datum.NOTICE, LotClock(), FIRST_MOMENT) == FIRST_MOMENT
