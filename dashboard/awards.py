"""Awards of a period grouped by who won or what was bought: lots and award value, in one currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import messages
from dashboard import context
from dashboard.charts import svg as charts
from dashboard.charts.svg import Bar
from dashboard.shell.html import card
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures.currencies import in_currency
from supervision.figures.filters import Filters
from supervision.figures.narrow import AWARDED_ON, where

By = Literal["winner", "category"]
Group = tuple[str, int, Decimal | None]
_KEYS: dict[By, tuple[str, str]] = {
    "winner": ("winner_id", "any_value(winner_name)"),
    "category": ("coalesce(category, '—')", "coalesce(category, '—')"),
}


@per_lens
def grouped(filters: Filters, by: By) -> tuple[Group, ...]:
    """(name, lots, award value) of the period, greatest value first; no value where none of the lots has one."""
    key, name = _KEYS[by]
    settled = in_currency(context.lens(), filters)
    clause, params = where(settled, AWARDED_ON, "winner_id IS NOT NULL", money=True)
    rows = context.lens().rows(
        f"SELECT {name}, count(*), sum(award_price) FROM lots {clause} GROUP BY {key}"
        f" ORDER BY 3 DESC NULLS LAST, 2 DESC, {key}",
        params,
    )
    return tuple((str(what), int(n), None if amount is None else Decimal(amount)) for what, n, amount in rows)


def code(filters: Filters) -> str:
    """The currency the amounts are in."""
    return in_currency(context.lens(), filters).currency or figures.CNY


def ranking(title: str, filters: Filters, by: By, most: int, lang: str, name_width: int = 72) -> str:
    """A card with the groups as bars: by award value, or where no amount is known by the number of lots."""
    found = grouped(filters, by)[:most]
    if not found:
        return card(title, f'<p class="muted">{messages.say("competition.no_awards", lang)}</p>')
    valued = any(amount is not None for *_, amount in found)
    unit = code(filters)
    greatest = max((amount for *_, amount in found if amount is not None), default=None)

    def named(what: str) -> str:
        return messages.named("term", what, lang) if by == "category" else what

    bars = [
        Bar(named(what), float(amount or 0), figures.money(amount, unit, lang, greatest), str(n))
        if valued
        else Bar(named(what), n, figures.number(n), "")
        for what, n, amount in found
    ]
    note = messages.say("competition.winners_note" if valued else "competition.winners_by_lots", lang)
    return card(title, charts.bars(bars, name_width), note)
