"""The warnings of one family, function by function: the list that S12, S13 and S14 share."""

from __future__ import annotations

import messages
from dashboard import context
from dashboard.exports import live_tables as livetables
from dashboard.exports import tables as tabledata
from dashboard.exports.live_tables import FAMILIES_OF
from dashboard.screens import TABLES_OF
from dashboard.shell import layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, live_basis, show
from dashboard.shell.html import card, draw
from supervision.figures import formats as figures
from supervision.quantities import amount, measured, quantity
from supervision.warnings import desk as warnings

SEEN = 10
_COLUMNS = [
    tables.Column("level", tables.LEVEL), tables.Column("title", width=400), tables.Column("lot_name", width=240),
    tables.Column("value", width=110), tables.Column("baseline", width=110), tables.Column("state", width=90),
    tables.Column("raised_at", sort="raised"),
]  # fmt: skip


def show_families(page: shell.Page) -> None:
    """Counts by level, then for every function of the screen its warnings, or that there are none yet."""
    shown = [
        (function, FAMILIES_OF[table])
        for function in page.screen.functions
        for table in TABLES_OF[function.id]
        if table in FAMILIES_OF
    ]
    _counts(page, tuple(family for _, families in shown for family in families))
    for function, families in shown:
        _list(page, function.id, function.name(page.lang), families)


def _counts(page: shell.Page, families: tuple[str, ...]) -> None:
    with context.ledger().read() as session:
        found = warnings.count_by_level(session, livetables.of_families(page.filters, families))
    shared = live_basis(page.lang)
    show(
        [
            Kpi(
                page.say("family.count", level=page.say(f"level.{name}")), figures.number(n), page.say("overview.records_unit"),
                note=page.say("family.rehearsed", n=figures.number(rehearsed)) if rehearsed else "", definition=page.say("family.definition"), basis=shared,
            )
            for name, (n, rehearsed) in found.items()
        ],
        page.lang,
        "levels",
    )  # fmt: skip


def _list(page: shell.Page, code: str, title: str, families: tuple[str, ...]) -> None:
    wanted = livetables.of_families(page.filters, families)
    with context.ledger().read() as session:
        total = warnings.count_warnings(session, wanted)
    if not total:
        draw(card(title, f'<p class="muted">{page.say("family.none")}</p>'))
        return

    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = warnings.list_warnings(session, wanted, shown.size, shown.offset)
        return [_row(w, page.lang) for w in found]

    note = f"{page.say('family.note', n=figures.number(total))} · {page.say('table.pick')}"
    tables.grid(code.lower(), title, note, total, _COLUMNS, page.lang, rows, open_warning, seen=SEEN)


def open_warning(warning: str) -> None:
    """Show the warning that was ticked in the warning centre."""
    layout.go_to("S11", warning=warning)


def _row(warning: warnings.WarningRow, lang: str) -> tables.Row:
    return tables.Row([
        warning.level, warning.titled(lang), warning.lot_name, quantity(measured(warning.rule, warning.evidence), warning.value, lang),
        amount(warning.rule, warning.baseline),
        messages.named("state", warning.state, lang), tabledata.stamp(warning.raised_at),
    ], warning.id)  # fmt: skip
