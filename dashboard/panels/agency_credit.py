"""天秤码 on S10 and S12: the agencies by their credit, with every deduction."""

from __future__ import annotations

import messages
from dashboard import context
from dashboard.memo import per_ledger
from dashboard.shell import figure_cards, tables
from dashboard.shell.cards import DASH
from dashboard.shell.screen import Page
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.lists import credit
from supervision.lists.credit import Rated

SEEN = 8
_COLUMNS = [
    tables.Column("rank", tables.COUNT, width=72), tables.Column("agency", width=280), tables.Column("credit_score", width=110),
    tables.Column("score_change", width=120), tables.Column("points_off", width=90), tables.Column("deducted_for", width=320),
    tables.Column("rated_in", width=100),
]  # fmt: skip


@per_ledger
def _agencies(filters: Filters) -> tuple[Rated, ...]:
    with context.ledger().read() as session:
        return tuple(credit.agencies(session, filters))


def show(page: Page) -> None:
    """The agencies as they were rated last, the best first; or one sentence that nobody has rated them."""
    found = _agencies(page.filters)
    title = page.say("credit.title")
    if not found:
        tables.draw_empty(title, page.say("credit.none"))
        return
    off = sum(bool(one.deductions) for one in found)
    note = page.say(
        "credit.note", n=figures.number(len(found)), off=figures.number(off), period=found[0].period
    )
    rated = figure_cards.live(("M35",), page.filters)["M35"].value
    note += " · " + page.say("credit.rated", n=figures.number(rated))
    tables.grid(
        "agency-credit", title, note, len(found), _COLUMNS, page.lang,
        lambda shown: [_row(page, one) for one in found[shown.offset : shown.offset + shown.size]], seen=min(len(found), SEEN),
    )  # fmt: skip


def _row(page: Page, one: Rated) -> tables.Row:
    reasons = [
        page.say("credit.deduction", reason=reason, points=figures.number(points, 2))
        for reason, points in one.deductions
    ]
    return tables.Row([
        one.rank, one.name, figures.number(one.score, 2), _change(one), figures.number(one.deducted, 2) if one.deductions else None, messages.clauses(reasons, page.lang) or None, one.period,
    ])  # fmt: skip


def _change(one: Rated) -> str:
    """Where the score went since the period before; never by colour alone."""
    if one.change is None:
        return DASH
    sign = "▲ +" if one.change > 0 else "▼ −" if one.change < 0 else "＝ "
    return f"{sign}{figures.number(abs(one.change), 2)}"
