"""Awards of a period grouped by who won or what was bought: lots and award value, in one currency."""

from __future__ import annotations

from typing import Literal

import messages
from dashboard.charts import svg as charts
from dashboard.charts.svg import Bar
from dashboard.shell import figure_cards
from dashboard.shell.html import card
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures.answers import Ranked
from supervision.figures.filters import Filters

By = Literal["winner", "category"]


@per_lens
def grouped(filters: Filters, by: By) -> tuple[Ranked, ...]:
    """Who won, or what was bought, in the period, greatest award value first."""
    return tuple(figure_cards.answers().ranking(filters, by))


def ranking(title: str, filters: Filters, by: By, most: int, lang: str, name_width: int = 72) -> str:
    """A card with the groups as bars: by award value, or where no amount is known by the number of lots."""
    found = grouped(filters, by)[:most]
    if not found:
        return card(title, f'<p class="muted">{messages.say("competition.no_awards", lang)}</p>')
    valued = any(one.amount is not None for one in found)
    unit = figure_cards.currency(filters)
    greatest = max((one.amount for one in found if one.amount is not None), default=None)

    def named(what: str) -> str:
        return messages.named("term", what, lang) if by == "category" else what

    bars = [
        Bar(
            named(one.name),
            float(one.amount or 0),
            figures.money(one.amount, unit, lang, greatest),
            str(one.lots),
        )
        if valued
        else Bar(named(one.name), one.lots, figures.number(one.lots), "")
        for one in found
    ]
    note = messages.say("competition.winners_note" if valued else "competition.winners_by_lots", lang)
    return card(title, charts.bars(bars, name_width), note)
