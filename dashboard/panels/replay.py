"""S08's replays 录播回看: figures, the list with its links to watching, checking and the package, chapters of one opening."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import streamlit as st

import messages
from dashboard import context
from dashboard.exports import live_tables as livetables
from dashboard.exports import tables as tabledata
from dashboard.memo import per_ledger
from dashboard.shell import figure_cards, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import DASH, Kpi, live_basis, show
from dashboard.shell.html import draw
from records import audit, opening_record
from records.clock import BEIJING, rfc3339
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.lists import hall, names
from supervision.lists.openings import EndedOpening, count_ended, ended_openings

CHECKED = 10
"""Newest openings whose chain the figures walk."""
CHAPTERS = 400
CHOSEN = "opening"
"""Query parameter of the opening whose chapters are shown."""

COLUMNS = [
    tables.Column("lot_name", width=320), tables.Column("open", tables.LINK), tables.Column("room"), tables.Column("ended_at", sort="ended"),
    tables.Column("result"), tables.Column("events", tables.COUNT), tables.Column("hash"), tables.Column("chain"),
    tables.Column("verify", tables.LINK), tables.Column("package", tables.LINK),
]  # fmt: skip


def figures_of(page: shell.Page, asked: Filters) -> int:
    """The row of figures; how many openings are over, rehearsals too."""
    found = figure_cards.live(("openings_ended", "rehearsals_ended"), asked)
    total, rehearsed = (int(one.value) for one in found.values())
    if total:
        _figures(page, asked, total, rehearsed)
    return total


def _figures(page: shell.Page, asked: Filters, total: int, rehearsed: int) -> None:
    shared, say = live_basis(page.lang), page.say
    checked = _ended(asked.centre, CHECKED, 0, "")
    with context.ledger().read() as session:
        entries = audit.count(session)
    chained = [o for o in checked if o.events]
    good = sum(1 for o in chained if o.broken_at is None)
    sealed = sum(1 for o in checked if o.state == "sealed")
    show(
        [
            figure_cards.kpi("openings_ended", page.lang, figures.number(total), say("overview.sessions"), shared,
                say("witness.rehearsed", n=figures.number(rehearsed)) if rehearsed else "", key=True),
            Kpi(say("witness.checked"), f"{good} / {len(chained)}" if chained else DASH, "", note=say("witness.checked_note", n=len(checked)), definition=say("witness.checked_definition"), basis=shared),
            Kpi(say("witness.sealed"), f"{sealed} / {len(checked)}", "", note=say("witness.checked_note", n=len(checked)), definition=say("witness.sealed_definition"), basis=shared),
            Kpi(say("witness.audit"), figures.number(entries), say("overview.records_unit"), definition=say("witness.audit_definition"), basis=shared),
        ],
        page.lang,
    )  # fmt: skip


@per_ledger
def _ended(centre: str | None, limit: int, offset: int, text: str) -> tuple[EndedOpening, ...]:
    """Openings that are over: the figures and the first window of the list walk the same chains."""
    with context.ledger().read() as session:
        return tuple(ended_openings(session, centre, limit, offset, text))


def count(asked: Filters, text: str) -> int:
    """How many ended openings the search finds."""
    with context.ledger().read() as session:
        return count_ended(session, asked.centre, text)


def rows(page: shell.Page, asked: Filters, text: str, shown: tables.Window) -> list[tables.Row]:
    """The rows of a window of the list."""
    found = _ended(asked.centre, shown.size, shown.offset, text)
    return [tables.Row(_cells(page, one), one.id) for one in found]


def _cells(page: shell.Page, o: EndedOpening) -> list[object]:
    hub, number = context.config().hub_url.rstrip("/"), quote(o.id, safe="")
    sealed = o.state == "sealed"
    return [
        o.lot, f"{hub}/opening/{number}?lang={page.lang}", names.of_opening(o.room, o.centre, page.lang), tabledata.stamp(o.ended_at),
        page.say(f"witness.result_{o.result or 'none'}"), o.events, f"{o.head[:16]}…" if o.events else None, _chain(page, o),
        f"{hub}/verify?lang={page.lang}" if sealed else None, f"{hub}/api/openings/{number}/evidence" if sealed else None,
    ]  # fmt: skip


def _chain(page: shell.Page, opening: EndedOpening) -> str:
    mark = "" if not opening.events else "✓ " if opening.broken_at is None else "✕ "
    return mark + livetables.chain(opening, page.lang)


# ── chapters ─────────────────────────────────────────────────────────────────


def choose(opening: str) -> None:
    """Show the chapters of the opening that was ticked; it stands in the address."""
    st.query_params[CHOSEN] = opening


def chapters(page: shell.Page) -> None:
    """The steps of the opening the address names, each a link to its second of the recording."""
    wanted = st.query_params.get(CHOSEN)
    if not wanted:
        draw(f'<p class="muted">{escape(page.say("witness.chapters_hint"))}</p>')
        return
    with context.ledger().read() as session:
        known = hall.find(session, wanted)
        over = known is not None and known[2].state in ("ended", "sealed")
        events = opening_record.events_after(session, wanted, 0)[:CHAPTERS] if over else []
    if known is None or not events:
        draw(f'<p class="muted">{escape(page.say("witness.chapters_none" if known else "room.no_such"))}</p>')
        return
    hub = context.config().hub_url.rstrip("/")
    address = f"{hub}/opening/{quote(wanted, safe='')}?lang={page.lang}"
    with layout.panel("chapters", known[1].name, page.say("witness.chapters", n=len(events))):
        lines = (
            f'<li><a href="{escape(address)}#ts={quote(rfc3339(one.ts) or "")}" target="_blank" rel="noopener">'
            f"<time>{one.ts.astimezone(BEIJING):%H:%M:%S}</time> {escape(_step(one.type, one.payload.get('no'), page.lang))}</a></li>"
            for one in events
        )
        draw(f'<ol class="chapters">{"".join(lines)}</ol>')


def _step(kind: str, number: int | None, lang: str) -> str:
    name = messages.say(f"witness.chapter.{kind}", lang)
    return messages.say("witness.chapter_of", lang, step=name, no=number) if number else name
