"""Figures as cards: the figure, its comparison, its twelve months, its 口径; what a screen shows is asked for together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import messages
from dashboard import context
from dashboard.charts.scale import MONTHS, scale
from dashboard.memo import per_ledger, per_lens
from dashboard.shell.cards import DASH, UNCOMPARED, Basis, Change, Kpi, Trend, change, growth, lens_basis
from dashboard.shell.filters import Choice
from supervision.figures import formats as figures
from supervision.figures.answers import Answers
from supervision.figures.currencies import in_currency
from supervision.figures.dictionary import FIGURES
from supervision.figures.filters import Filters
from supervision.figures.lots import known, winner_names
from supervision.figures.results import Amount, Comparison, Share

GREAT = 100_000
"""From here on the part of a share is said in the language's scales: 31.26万家次."""
Numbers = tuple[float | None, ...]
"""One number a point; None: unknown."""


@dataclass(frozen=True)
class Delta:
    """How a figure is compared by its difference: times `scale`, with `places` decimals, in `unit`."""

    unit: str
    scale: float = 1.0
    places: int = 0


def points(lang: str) -> Delta:
    """Percentage points 个百分点, for shares."""
    return Delta(messages.say("openness.points", lang), 100.0, 2)


def answers() -> Answers:
    """The engine over this process's lens and ledger."""
    return Answers(context.lens(), context.ledger())


@per_lens
def compared(ids: tuple[str, ...], filters: Filters) -> dict[str, Comparison[Any]]:
    """Figures of the lens over their period, the one before and the year before, asked for together."""
    return answers().compare(ids, filters)


@per_lens
def values(ids: tuple[str, ...], filters: Filters) -> dict[str, Any]:
    """Figures of the lens over their period, asked for together."""
    return answers().values(ids, filters)


@per_lens
def breakdown(figure: str, filters: Filters, by: str) -> dict[Any, Any]:
    """A figure of the lens for every value of a dimension."""
    return answers().breakdown(figure, filters, by)


@per_ledger
def live(ids: tuple[str, ...], filters: Filters) -> dict[str, Any]:
    """Figures of the ledger as they stand, asked for together."""
    return answers().values(ids, filters)


@per_ledger
def live_breakdown(figure: str, filters: Filters, by: str) -> dict[Any, Any]:
    """A figure of the ledger, as it stands, for every value of a dimension."""
    return answers().breakdown(figure, filters, by)


@per_lens
def currency(filters: Filters) -> str:
    """The currency amounts are in: the chosen one, else the commonest."""
    return in_currency(context.lens(), filters).currency or figures.CNY


@per_lens
def winner_name(winner: str) -> str:
    """A winner as the awards name it; its id where no award does."""
    return winner_names(context.lens(), [winner]).get(winner, winner)


@per_lens
def lot_name(lot: str) -> str:
    """A lot as it is called; its id where the lens has none."""
    found = known(context.lens(), [lot], Filters().home)
    return str(found[lot]["lot_name"]) if lot in found else lot


def series(ids: tuple[str, ...], filters: Filters, count: int = MONTHS) -> dict[str, Numbers]:
    """Figures of the lens at the points of the period's scale, each in its own unit; nothing where only undated lots are asked for."""
    found = scale(filters, count)
    if filters.undated:
        return dict.fromkeys(ids, (None,) * len(found.points))
    settled = replace(filters, currency=currency(filters)).over(None)
    return _series(ids, settled, found.points, found.years)


def series_of(figure: str, filters: Filters, number: Callable[[Any], float]) -> list[float]:
    """What one number of a figure of the lens is at the points of the period's scale; nought where only undated lots are asked for."""
    found = scale(filters)
    if filters.undated:
        return [0.0] * len(found.points)
    return [number(one) for one in _results((figure,), filters.over(None), found.points, found.years)[figure]]


@per_lens
def _results(
    ids: tuple[str, ...], filters: Filters, points: tuple[date, ...], years: bool
) -> dict[str, tuple[Any, ...]]:
    return answers().series(ids, filters, points, years)


def _series(
    ids: tuple[str, ...], filters: Filters, points: tuple[date, ...], years: bool
) -> dict[str, Numbers]:
    found = _results(ids, filters, points, years)
    return {one: tuple(_number(result.value) for result in results) for one, results in found.items()}


def _number(value: float | Decimal | None) -> float | None:
    return None if value is None else float(value)


@dataclass(frozen=True)
class Board:
    """The figures of one screen: each beside its comparison and its points over time."""

    choice: Choice
    lang: str
    compared: Mapping[str, Comparison[Any]]
    over_time: Mapping[str, Numbers]

    def present(self, figure: str) -> Any:
        """What a figure is over the screen's period."""
        return self.compared[figure].present

    def kpi(
        self,
        figure: str,
        show: Callable[[Any], tuple[str, str]],
        *,
        delta: Delta | None = None,
        note: Callable[[Any], str] | None = None,
        href: str = "",
        key: bool = False,
    ) -> Kpi:
        """A card: `show` gives value and unit, `note` the small line below; without `delta` it is compared by its growth in per cent."""
        found, declared = self.compared[figure], FIGURES[figure]
        shown, unit = show(found.present)
        return Kpi(
            declared.name.text(self.lang), shown, unit, self._change(found, delta),
            note(found.present) if note else "", declared.definition.text(self.lang), lens_basis(self.lang),
            self._course(figure, unit if delta else "", delta), href, key,
        )  # fmt: skip

    def _course(self, figure: str, unit: str, delta: Delta | None) -> Trend:
        """A figure over the points of the period, each value said as the card says it, in its `unit`."""
        values, filters = self.over_time[figure], self.choice.filters
        if figure == "M02":
            code = currency(filters)
            said = [DASH if v is None else figures.money(Decimal(repr(v)), code, self.lang) for v in values]
        else:
            factor, places = (delta.scale, delta.places) if delta else (1.0, 0)
            said = [
                DASH if v is None else f"{figures.number(v * factor, places)} {unit}".rstrip() for v in values
            ]
        return Trend(scale(filters).names, values, said)

    def _change(self, found: Comparison[Any], delta: Delta | None) -> Change:
        return _compared(self.choice, self.lang, found, delta)


def _compared(choice: Choice, lang: str, found: Comparison[Any], delta: Delta | None) -> Change:
    """ "同比 ▲ 3.20 %", or with a delta "同比 ▲ 1.46 个百分点"; while the period runs with the days it is compared with."""
    against = "year_before" if choice.compare == "yoy" else "previous"
    word = messages.say(f"filters.{choice.compare}", lang)
    if delta is None:
        line = growth(word, found.growth(against))
    else:
        line = change(word, found.difference(against), delta.unit, delta.places, delta.scale)
    return Change(line, choice.same_days(lang))


def board(choice: Choice, lang: str, *ids: str) -> Board:
    """The figures of a screen, asked for together."""
    return Board(choice, lang, compared(ids, choice.filters), series(ids, choice.filters))


@dataclass(frozen=True)
class Beside:
    """Figures as they stand now, beside what they were over the period they are compared with."""

    choice: Choice
    lang: str
    present: Mapping[str, Any]
    before: Mapping[str, Any]
    """Empty where there is nothing to compare with."""

    def change(
        self, figure: str, delta: Delta | None = None, of: Callable[[Any], Any] = lambda one: one.value
    ) -> Change:
        """How one number of a figure, by default its value, has changed; not told across two currencies."""
        now, then = self.present[figure], self.before.get(figure)
        if getattr(now, "currency", None) != getattr(then, "currency", None):
            then = None
        return changed(self.choice, self.lang, of(now), None if then is None else of(then), delta)


@dataclass(frozen=True)
class _Number:
    value: float | None


def changed(
    choice: Choice, lang: str, now: float | Decimal | None, then: float | Decimal | None, delta: Delta | None = None
) -> Change:  # fmt: skip
    """How a number has changed since the period it is compared with: by its growth in per cent, or by `delta`."""
    present, earlier = (_Number(_number(one)) for one in (now, then))
    return _compared(choice, lang, Comparison(present, earlier, earlier), delta)


def beside(choice: Choice, lang: str, ids: tuple[str, ...], kept: tuple[str, ...] = ()) -> Beside:
    """Figures of the ledger `ids` as they stand, and `kept` as of the lens; what is over is asked for once a state of the
    lens."""
    present = live(ids, choice.filters) | (values(kept, choice.filters) if kept else {})
    earlier = values((*ids, *kept), choice.filters.over(choice.before)) if choice.before else {}
    return Beside(choice, lang, present, earlier)


def kpi(
    figure: str,
    lang: str,
    value: str,
    unit: str,
    basis: Basis,
    note: str = "",
    change: Change = UNCOMPARED,
    href: str = "",
    key: bool = False,
) -> Kpi:
    """A card of a figure that is compared with nothing."""
    declared = FIGURES[figure]
    return Kpi(
        declared.name.text(lang),
        value,
        unit,
        change,
        note,
        declared.definition.text(lang),
        basis,
        href=href,
        key=key,
    )


def as_share(found: Any) -> tuple[str, str]:
    """A share: per cent with two decimals, the sign as unit."""
    text = found.text.rstrip("%")
    return (text, "%") if text != DASH else (DASH, "")


def placed(found: Share, unit: str, lang: str) -> str:
    """ "500 / 1,401 家次": what a share is made of, and how many could not be placed."""
    part = figures.number(found.numerator)
    if found.numerator >= GREAT:
        part = figures.big_count(found.numerator, unit, lang)
    text = f"{part} / {figures.number(found.denominator)} {unit}".rstrip()
    if not found.unknown:
        return text
    return text + messages.say("openness.unplaced", lang, n=figures.number(found.unknown))


def amount(lang: str) -> Callable[[Amount], tuple[str, str]]:
    """An amount of money and its unit, apart."""
    return lambda found: split(found.shown(lang))


def deals(found: Amount, lang: str) -> str:
    """How many lots an amount is of, how many of them have none, and how many are in other currencies."""
    parts = [messages.say("overview.lots", lang, n=figures.number(found.count))]
    if found.missing:
        parts.append(messages.say("overview.without_amount", lang, n=figures.number(found.missing)))
    if found.elsewhere:
        parts.append(messages.say("overview.other_currencies", lang, n=figures.number(found.elsewhere)))
    return messages.say("overview.and", lang).join(parts)


def split(text: str) -> tuple[str, str]:
    """ "12.34亿元" → ("12.34", "亿元"), "CNY 1.23 million" → ("1.23", "million CNY"): number and unit apart."""
    found = re.fullmatch(r"([A-Z]* ?)([−+]?\d[\d,.]*)(.*)", text)
    if found is None:
        return text, ""
    code, value, unit = found.groups()
    return value, f"{unit.strip()} {code}".strip()
