"""Awards of a period grouped by who won or what was bought: lots and award value, in one currency."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import messages
from dashboard.charts import bars as charts
from dashboard.charts.bars import Bar
from dashboard.memo import per_lens
from dashboard.shell import figure_cards, layout
from supervision.figures import formats as figures
from supervision.figures.answers import Ranked
from supervision.figures.filters import Filters

By = Literal["winner", "category"]


@per_lens
def grouped(filters: Filters, by: By) -> tuple[Ranked, ...]:
    """Who won, or what was bought, in the period, greatest award value first."""
    return tuple(figure_cards.answers().ranking(filters, by))


def ranking(
    key: str, title: str, filters: Filters, by: By, most: int, lang: str,
    picked: Callable[[str], None] | None = None, name_width: float | None = None,
) -> None:  # fmt: skip
    """A panel with the groups as bars: by award value, or where no amount is known by the number of lots."""
    found = grouped(filters, by)[:most]
    valued = any(one.amount is not None for one in found)
    note = messages.say("competition.winners_note" if valued else "competition.winners_by_lots", lang)
    with layout.panel(key, title, note if found else ""):
        if not found:
            layout.nothing(messages.say("competition.no_awards", lang))
            return
        unit, greatest = figure_cards.currency(filters), found[0].amount if valued else None
        lots = messages.say("openness.lots_unit", lang)
        units = ("", lots) if valued else (lots, "")
        bars = [_bar(one, by, valued, unit, greatest, lang) for one in found]
        layout.plot(
            charts.ranking(layout.variant(), bars, title=title, name_width=name_width, units=units),
            key,
            picked,
        )


def _bar(one: Ranked, by: By, valued: bool, unit: str, greatest: Decimal | None, lang: str) -> Bar:
    """A group as a bar, its amount in the unit of the greatest."""
    name = messages.named("term", one.name, lang) if by == "category" else one.name
    if not valued:
        return Bar(name, one.lots, figures.number(one.lots), key=one.key or None)
    return Bar(
        name,
        float(one.amount or 0),
        figures.money(one.amount, unit, lang, greatest),
        str(one.lots),
        one.key or None,
    )
