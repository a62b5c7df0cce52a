"""S04 市场服务能力: rooms and broadcasts (F07), cycle time and electronic process (F08)."""

from __future__ import annotations

from statistics import median

from sqlalchemy import select

from dashboard import charts, context, livedata, shell, tabledata, tables
from dashboard.cards import DASH, Kpi, lens_basis, live_basis, show
from dashboard.charts import Bar
from dashboard.html import card, draw, esc, row
from dashboard.memo import per_lens
from records.base import now
from records.money import Award
from records.openings import Opening
from records.projects import Lot
from supervision import figures
from supervision.filters import Filters
from supervision.narrow import where
from supervision.results import Share

ROOMS = 14
DAY = 86_400


def body(page: shell.Page) -> None:
    """Five figures; rooms of today; days per leg of the process."""
    show(_kpis(page), page.lang)
    draw(row("row2", _rooms(page), _legs(page)))


def _kpis(page: shell.Page) -> list[Kpi]:
    say = page.say
    since, until = tabledata.span(page.filters.period)
    with context.ledger().read() as session:
        b = livedata.broadcasts(session, since, until, page.filters.centre)
    electronic = electronic_lots(page.filters)
    days = legs(page.filters)
    live = live_basis(page.lang)
    lens = lens_basis(page.lang)
    coverage = Share(b.lots, b.opened)
    return [
        Kpi(say("service.rooms"), figures.number(len(livedata.rooms_today())), say("service.rooms_unit"),
            note=say("service.rooms_note"), definition=say("service.rooms_definition"), basis=live),
        Kpi(say("service.sessions"), figures.number(b.sessions), say("overview.sessions"),
            say("service.hours", n=figures.number(b.seconds / 3600, 1)), say("service.breaks", n=b.interruptions),
            say("service.sessions_definition"), key=True, basis=live),
        Kpi(say("service.coverage"), coverage.text.rstrip("%"), "%", note=f"{b.lots} / {b.opened} {say('openness.lots_unit')}",
            definition=say("service.coverage_definition"), basis=live),
        Kpi(say("service.cycle"), DASH if days["total"] is None else figures.number(days["total"], 1), say("service.days"),
            note=say("service.cycle_note"), definition=say("service.cycle_definition"), basis=lens),
        Kpi(say("service.electronic"), electronic.text.rstrip("%"), "%",
            note=f"{figures.number(electronic.numerator)} / {figures.number(electronic.denominator)} {say('openness.lots_unit')}",
            definition=say("service.electronic_definition"), basis=lens),
    ]  # fmt: skip


@per_lens
def electronic_lots(filters: Filters) -> Share:
    """M25: opened lots whose every step is electronic ÷ opened lots."""
    clause, params = where(filters, "opened_on", "opened")
    return Share(*context.lens().one(
        f"SELECT count(*) FILTER (WHERE list_contains(string_split(flags, ','), 'electronic')), count(*) FROM lots {clause}", params
    ))  # fmt: skip


@per_lens
def legs(filters: Filters) -> dict[str, float | None]:
    """M27: median days notice → opening, opening → award, and notice → award, of lots awarded in the period."""
    since, until = tabledata.span(filters.period)
    query = (
        select(Lot.notice_at, Opening.scheduled_at, Award.awarded_at)
        .join(Award, Award.lot_id == Lot.id)
        .join(Opening, Opening.lot_id == Lot.id)
        .where(Award.status == "awarded", Award.rank == 1, Award.awarded_at <= now())
    )
    if since and until:
        query = query.where(Award.awarded_at >= since, Award.awarded_at < until)
    for column, wanted in (
        (Lot.centre_id, filters.centre),
        (Lot.trade_family, filters.trade_family),
        (Lot.category, filters.category),
    ):
        if wanted:
            query = query.where(column == wanted)
    with context.ledger().read() as session:
        found = [(n, o, a) for n, o, a in session.execute(query) if n and a]
    parts = {
        "notice": [(o - n).total_seconds() / DAY for n, o, _ in found],
        "award": [(a - o).total_seconds() / DAY for _, o, a in found],
        "total": [(a - n).total_seconds() / DAY for n, _, a in found],
    }
    return {name: median(days) if days else None for name, days in parts.items()}


def _rooms(page: shell.Page) -> str:
    found = livedata.rooms_today()
    columns = [
        tables.Column("centre"),
        tables.Column("room"),
        tables.Column("sessions", True),
        tables.Column("state"),
    ]
    rows = [
        [
            esc(r.centre), esc(r.room), str(r.openings),
            f'<span class="chip{" on" if r.live else ""}">{page.say(_room_state(r))}</span>',
        ]
        for r in found[:ROOMS]
    ]  # fmt: skip
    table = tables.markup(columns, rows, page.lang, caption=page.say("service.room_table")) if rows else ""
    note = page.say("service.room_note", shown=len(rows), n=len(found))
    return tables.card(page.say("service.room_table"), table, note, page.say("service.no_rooms"))


def _room_state(room: livedata.RoomDay) -> str:
    if room.live:
        return "service.room_live"
    if room.openings > room.done:
        return "service.room_preparing"
    return "service.room_done" if room.openings else "service.room_free"


def _legs(page: shell.Page) -> str:
    found = legs(page.filters)
    shown = [(name, days) for name, days in found.items() if days is not None]
    if not shown:
        return card(page.say("service.legs"), f'<p class="muted">{page.say("competition.no_awards")}</p>')
    bars = [
        Bar(page.say(f"service.leg_{name}"), days, figures.number(days, 1), page.say("service.days"))
        for name, days in shown
    ]
    return card(page.say("service.legs"), charts.bars(bars, 96), page.say("service.legs_note"))


shell.show("S04", body, every=5, filters=("period", "centre", "family", "category"), tables=("openings",))
