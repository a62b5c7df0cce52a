"""S08 录播与数字见证: ended openings with their evidence (F16) and witnessing (F17)."""

from __future__ import annotations

from dashboard import context
from dashboard.exports import tables as tabledata
from dashboard.live import tables as livetables
from dashboard.shell import figure_cards as measures
from dashboard.shell import places, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from dashboard.shell.html import esc
from records import audit
from supervision.figures import formats as figures
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
        tables.paged("openings", page.screen.functions[0].name(page.lang), page.say("witness.note", n=figures.number(total)), total, ROWS,
            {"ended": page.say("column.ended_at")}, page.lang, lambda shown: _rows(page, shown))  # fmt: skip
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
    tables.Column("lot_name"), tables.Column("room"), tables.Column("ended_at", sort="ended"), tables.Column("result"),
    tables.Column("events", True), tables.Column("hash"), tables.Column("chain"),
]  # fmt: skip


def _rows(page: shell.Page, shown: tables.Window) -> str:
    with context.ledger().read() as session:
        found = ended_openings(session, page.filters.centre, shown.size, shown.offset)[1]
    rows = [
        [
            tables.link(f"{context.config().hub_url}/opening/{o.id}", o.lot), esc(places.of_opening(o.room, o.centre, page.lang)), esc(tabledata.stamp(o.ended_at)),
            tables.one(page.say(f"witness.result_{o.result or 'none'}")), figures.number(o.events),
            f'<span class="mono">{o.head[:16]}…</span>' if o.events else DASH, _chain(page, o),
        ]
        for o in found
    ]  # fmt: skip
    return tables.markup(_COLUMNS, rows, page.lang, "ended", page.say("witness.ended"))


def _chain(page: shell.Page, opening: EndedOpening) -> str:
    kind, mark = (
        ("", "") if not opening.events else (" ok", "✓ ") if opening.broken_at is None else (" bad", "✕ ")
    )
    return f'<span class="chip{kind}">{mark}{livetables.chain(opening, page.lang)}</span>'


shell.show("S08", body, every=30, filters=("centre",))
