"""S08 录播与数字见证: ended openings with their evidence (F16) and witnessing (F17)."""

from __future__ import annotations

from functools import partial

from dashboard import context
from dashboard.exports import live_tables as livetables
from dashboard.exports import tables as tabledata
from dashboard.shell import figure_cards as measures
from dashboard.shell import screen as shell
from dashboard.shell import tables
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from records import audit
from supervision.figures import formats as figures
from supervision.lists import names
from supervision.lists.openings import EndedOpening, ended_openings

ROWS = 10


def body(page: shell.Page) -> None:
    """How many are over and how many chains hold; the list, each chain walked just now; witnessing."""
    with context.ledger().read() as session:
        entries = audit.count(session)
    found = measures.answers().values(("openings_ended", "rehearsals_ended"), page.filters)
    total, rehearsed = (one.value for one in found.values())
    if not total:
        shell.empty(page.say("witness.empty"), page.say("witness.empty_what"))
    else:
        _figures(page, total, rehearsed, entries)
        title, note = (
            page.screen.functions[0].name(page.lang),
            page.say("witness.note", n=figures.number(total)),
        )
        tables.grid(
            "openings", title, note, total, _COLUMNS, page.lang, partial(_rows, page), size=ROWS, seen=ROWS
        )
    shell.no_records(
        page.screen.functions[1].name(page.lang), page.say("witness.kind"), page.say("witness.shows")
    )


def _figures(page: shell.Page, total: int, rehearsed: int, entries: int) -> None:
    shared = live_basis(page.lang)
    say = page.say
    with context.ledger().read() as session:
        checked = ended_openings(session, page.filters.centre, ROWS)[1]
    chained = [o for o in checked if o.events]
    good = sum(1 for o in chained if o.broken_at is None)
    sealed = sum(1 for o in checked if o.state == "sealed")
    show(
        [
            measures.kpi("openings_ended", page.lang, figures.number(total), say("overview.sessions"), shared,
                say("witness.rehearsed", n=figures.number(rehearsed)) if rehearsed else "", key=True),
            Kpi(say("witness.checked"), f"{good} / {len(chained)}" if chained else DASH, "", note=say("witness.checked_note", n=len(checked)), definition=say("witness.checked_definition"), basis=shared),
            Kpi(say("witness.sealed"), f"{sealed} / {len(checked)}", "", note=say("witness.checked_note", n=len(checked)), definition=say("witness.sealed_definition"), basis=shared),
            Kpi(say("witness.audit"), figures.number(entries), say("overview.records_unit"), definition=say("witness.audit_definition"), basis=shared),
        ],
        page.lang,
    )  # fmt: skip


_COLUMNS = [
    tables.Column("lot_name", width=320), tables.Column("open", tables.LINK), tables.Column("room"), tables.Column("ended_at", sort="ended"),
    tables.Column("result"), tables.Column("events", tables.COUNT), tables.Column("hash"), tables.Column("chain"),
]  # fmt: skip


def _rows(page: shell.Page, shown: tables.Window) -> list[tables.Row]:
    with context.ledger().read() as session:
        found = ended_openings(session, page.filters.centre, shown.size, shown.offset)[1]
    return [
        tables.Row([
            o.lot, f"{context.config().hub_url}/opening/{o.id}", names.of_opening(o.room, o.centre, page.lang), tabledata.stamp(o.ended_at),
            page.say(f"witness.result_{o.result or 'none'}"), o.events, f"{o.head[:16]}…" if o.events else None, _chain(page, o),
        ])
        for o in found
    ]  # fmt: skip


def _chain(page: shell.Page, opening: EndedOpening) -> str:
    mark = "" if not opening.events else "✓ " if opening.broken_at is None else "✕ "
    return mark + livetables.chain(opening, page.lang)


shell.show("S08", body, every=30, filters=("centre",))
