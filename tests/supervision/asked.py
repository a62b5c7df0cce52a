"""What the golden figures are asked with, and how they are told from the figure layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from records.clock import add_months
from supervision.figures import lots
from supervision.figures.answers import Answers
from supervision.figures.currencies import currencies, in_currency
from supervision.figures.figure import CLASSES
from supervision.figures.filters import Filters, Period
from supervision.figures.formats import CNY
from supervision.figures.market import overview
from supervision.warnings import desk as warnings
from tests.places import HANGZHOU, PUBLISHED

COMPARED = ("M01", "M02", "M03", "M04", "M04b", "M05", "M06", "M07", "M08", "M09", "M10", "M11", "M29", "M30")
MONTHLY = ("M02", "M03", "M04", "M04b", "M05", "M06", "M09", "M10", "M11", "M29")
LIVE = ("M17", "M18", "M19", "M27", "M40", "M41", "M42", "M46", "M47", "openings_ended", "rehearsals_ended")


def rolling(day: date) -> Filters:
    return Filters(Period.of("rolling12", day), "rolling12")


def asked(day: date) -> dict[str, Filters]:
    """Name → filters; a screen without choices shows the last twelve months."""
    usual = rolling(day)
    whole = Filters(grain="year")
    year = Filters(Period.of("year", date(2025, 1, 1)), "year")
    return {
        "rolling12": usual,
        "ytd": Filters(Period.of("ytd", day), "ytd"),
        "quarter": Filters(Period.of("quarter", day), "quarter"),
        "september": Filters(Period.of("month", date(2026, 9, 1)), "month"),
        "year": year,
        "all": whole,
        "undated": replace(whole, undated=True),
        "day": Filters(Period.of("day", day), "day"),
        "centre": replace(usual, centre="330106"),
        "family": replace(usual, trade_family="procurement"),
        "category": replace(usual, category="施工"),
        "province": replace(usual, home="province"),
        "firms": replace(usual, unit="firms"),
        "province-firms-all": replace(whole, home="province", unit="firms"),
        "centre-family-year": replace(year, centre="330106", trade_family="works"),
        "dollars": replace(usual, currency="USD"),
        "nothing": replace(usual, category="none"),
    }


def plain(value: Any) -> Any:
    """A value as the golden file holds it: decimals and days as words, to the last digit."""
    if is_dataclass(value):
        return {name: plain(part) for name, part in vars(value).items()}
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def numbers(values: Iterable[Any]) -> list[float | None]:
    """What a chart draws."""
    found = [value.value for value in values]
    return [None if value is None else float(value) for value in found]


def months(filters: Filters, answers: Answers, points: list[date], years: bool = False) -> dict[str, Any]:
    settled = in_currency(answers.lens, filters).over(None)
    found = answers.series(MONTHLY, settled, points, years)
    return {one: numbers(found[one]) for one in MONTHLY}


def told(answers: Answers, filters: Filters, points: dict[str, Any]) -> dict[str, Any]:
    """Everything the figure layer says of some filters; `points` are the first days of the charts' months or years."""
    found: dict[str, Any] = {"compared": plain(answers.compare(COMPARED, filters))}
    values = answers.values(("M05_amount", "M14", "M15", "unopened", "M25", "M34", "M36"), filters)
    live = answers.values(LIVE, filters)
    found["outside_award_amount"] = plain(values["M05_amount"])
    for name in ("12", "24"):
        firsts = [date.fromisoformat(point) for point in points[name]]
        found[f"series{name}"] = {} if filters.undated else months(filters, answers, firsts, points["years"])
        if name == "12":
            series = (
                []
                if filters.undated
                else answers.series(("M36",), filters.over(None), firsts, points["years"])["M36"]
            )
            found["remote_months"] = [share.numerator for share in series]
    found |= broken_down(answers, filters)
    settled = in_currency(answers.lens, filters)
    found["currency"], found["currencies"] = settled.currency or CNY, plain(currencies(answers.lens, filters))
    found["concentration"] = [values["M14"].value, values["M15"].value, values["M14"].lots]
    found["unopened"] = values["unopened"].value
    found["electronic"], found["remote"] = plain(values["M25"]), plain(values["M36"])
    found["small"] = [values["M34"].count, plain(values["M34"].sum)]
    found["reach"], found["lots_in"] = (
        plain(lots.reach(answers.lens, filters)),
        lots.lots_in(answers.lens, filters),
    )
    found["count_lots"] = lots.count_lots(answers.lens, filters)
    for sort in lots.SORTS:
        rows = lots.lots_of(answers.lens, filters, sort=sort, limit=12, offset=3)
        found[f"lots:{sort}"] = [[r["lot_id"], r["outside"], r["unknown"], r["provinces"]] for r in rows]
    return found | from_ledger(answers, filters, live)


def broken_down(answers: Answers, filters: Filters) -> dict[str, Any]:
    lens = answers.lens
    participations = answers.breakdown("M03", filters, "province")
    firms = answers.breakdown("M04", replace(filters, unit="firms"), "province")
    bids = answers.breakdown("M04", replace(filters, unit="participations"), "province")
    regions = answers.breakdown("M03", filters, "certificate")
    ever = answers.breakdown("M04b", Filters(), "certificate")
    used = sorted(
        ((one.numerator, code) for code, one in ever.items() if code and one.numerator),
        key=lambda p: (-p[0], p[1]),
    )
    classes = answers.breakdown("lots_by_bidders", filters, "bidders")
    settled = in_currency(lens, filters)
    return {
        "by_province": {str(code): [p.participations, p.firms] for code, p in participations.items()},
        "outside_origins": {
            str(code): [int(bids[code].numerator), int(firms[code].numerator)] for code in bids if bids[code].numerator
        },
        "by_centre": {str(centre): p.participations for centre, p in answers.breakdown("M03", filters, "centre").items()},
        "certificates": [
            list(pair)
            for pair in sorted(
                ((code, regions[code].participations if code in regions else 0) for _, code in used), key=lambda one: -one[1]
            )
        ],
        "winners": ranked(answers, settled, "winner", 15),
        "categories": ranked(answers, settled, "category", 40),
        "histogram": [classes[low].value if low in classes else 0 for low, _ in CLASSES],
    }  # fmt: skip


def ranked(answers: Answers, filters: Filters, by: str, most: int) -> dict[str, Any]:
    found = answers.ranking(filters, by)
    return {"n": len(found), "first": [[row.name, row.lots, plain(row.amount)] for row in found[:most]]}


def from_ledger(answers: Answers, filters: Filters, live: dict[str, Any]) -> dict[str, Any]:
    broadcasts, coverage, legs, deposits = live["M18"], live["M19"], live["M27"], live["M40"]
    states = answers.breakdown("M32", filters, "state")
    today = answers.breakdown("openings_today", filters, "state")
    rehearsals = answers.breakdown("rehearsals_today", filters, "state")
    with answers.reading() as session:
        open_warnings = warnings.counts(session, filters.centre)
    return {
        "broadcasts": {
            "sessions": broadcasts.sessions, "lots": coverage.numerator, "opened": coverage.denominator,
            "seconds": broadcasts.seconds, "interruptions": broadcasts.interruptions,
        },
        "rooms": live["M17"].value,
        "legs": plain(legs),
        "key_lots": dict(sorted((state, one.value) for state, one in states.items())),
        "deposits": plain(deposits),
        "timely": plain(live["M41"]),
        "guarantees": plain(live["M42"].sum),
        "response": plain(live["M46"]),
        "confirmed": plain(live["M47"]),
        "warnings": open_warnings,
        "ended": live["openings_ended"].value,
        "rehearsed": live["rehearsals_ended"].value,
        "today": {state: one.value for state, one in sorted(today.items())},
        "rehearsals_today": {state: one.value for state, one in rehearsals.items()},
    }  # fmt: skip


def once(answers: Answers, day: date) -> dict[str, Any]:
    """What does not depend on filters."""
    return {
        "records_held": answers.value("M50", Filters()).value,
        "market": overview(answers.lens, day, HANGZHOU, PUBLISHED),
    }


def firsts(last: date, count: int) -> list[date]:
    return [add_months(last, n) for n in range(1 - count, 1)]
