"""市场开放程度 Openness of the market: who comes from outside, with which certificate, and who of them wins (M03–M09)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from supervision.figures.figure import (
    DEALS,
    DEALS_IN_ONE_CURRENCY,
    OPENED,
    PARTICIPATIONS,
    Derived,
    LensFigure,
    Part,
    Row,
    counted,
    rows_where,
    share_of,
    total,
)
from supervision.figures.filters import Filters
from supervision.figures.results import Gap, Mean, Origins, Participations, Share

OUTSIDE = "outside_{home}"
"""Registered outside the home; order of evidence: registration > CA subject > USCC digits 3–8. Null: unknown."""
WON_OUTSIDE = "winner_outside_{home}"


def of(kind: Callable[..., Any]) -> Callable[[Sequence[Row], Filters], Any]:
    """The result that is made of one row of parts."""
    return lambda rows, _: kind(*rows[0])


def share(rows: Sequence[Row], _: Filters) -> Share:
    """Numerator, denominator and, where it is told, what is unknown."""
    return Share(*rows[0])


def _origins(rows: Sequence[Row], _: Filters) -> Origins:
    """From (province, outside, unknown) of every province."""
    counts = sorted(
        ((n, code) for code, n, _ in rows if n and code is not None), key=lambda one: (-one[0], one[1])
    )
    whole = sum(n for n, _ in counts)
    if not whole and any(unknown for *_, unknown in rows):
        return Origins(None, None)
    return Origins(len(counts), sum((n / whole) ** 2 for n, _ in counts) if whole else None)


M03 = LensFigure(
    "M03",
    PARTICIPATIONS,
    (rows_where(), Part("count(DISTINCT bidder_id)")),
    of(Participations),
    better="more",
)
M04 = LensFigure(
    "M04",
    PARTICIPATIONS,
    share_of(OUTSIDE, count=counted),
    share,
    better="more",
    behind="outside_{home}_bids > 0",
)
M04B = LensFigure("M04b", PARTICIPATIONS, share_of("ca_outside", count=counted), share, better="more")
M05 = LensFigure("M05", DEALS, share_of(WON_OUTSIDE), share, better="more", behind=WON_OUTSIDE)
M05_AMOUNT = LensFigure(
    "M05_amount", DEALS_IN_ONE_CURRENCY,
    (total("award_price", WON_OUTSIDE), total("award_price", f"{WON_OUTSIDE} IS NOT NULL"), rows_where(f"{WON_OUTSIDE} IS NULL")),
    share, better="more", behind=WON_OUTSIDE,
)  # fmt: skip
M06 = Derived("M06", (M04, M05), Gap, better="less")
_CAME = "outside_{home}_bids > 0"
_PLACE_KNOWN = f"{_CAME} OR unknown_{{home}}_bids = 0"
"""A lot without an outside bid but with bidders of unknown place cannot be told."""
M07 = LensFigure("M07", OPENED, share_of(_CAME, _PLACE_KNOWN), share, better="more", behind=_CAME)
M08 = LensFigure(
    "M08", OPENED, (total("outside_{home}_bids"), rows_where(_CAME)), lambda rows, _: Mean(int(rows[0][0]), rows[0][1]),
    better="more", behind=_CAME,
)  # fmt: skip
M09 = LensFigure(
    "M09", PARTICIPATIONS, (counted(OUTSIDE), counted(f"{OUTSIDE} IS NULL")), _origins, each="bidder_province", better="more"
)  # fmt: skip

FIGURES = (M03, M04, M04B, M05, M05_AMOUNT, M06, M07, M08, M09)


def by_count(found: dict[str | None, Share]) -> list[tuple[str | None, int]]:
    """Parts of a breakdown by province, most first, those that have none left out; unknown last among equals."""
    counts = [(code, int(one.numerator)) for code, one in found.items() if one.numerator]
    return sorted(counts, key=lambda one: (-one[1], one[0] is None, one[0]))
