"""S09's live part: who evaluates together, how far today's sessions have come, which rooms and seats are kept and clash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import messages
from dashboard import context
from dashboard.charts.sessions import Kept, RoomRow, Session, course, dispatch
from dashboard.charts.sites import Node, ring_map
from dashboard.shell import drill, figure_cards, layout, places
from dashboard.shell import screen as shell
from dashboard.shell.cards import facts, live_basis
from dashboard.shell.html import draw, esc
from messages import joined
from records.clock import BEIJING, local_now, now
from supervision.figures import formats as figures
from supervision.figures.remote import Draws
from supervision.lists import dispatch as rooms_of_day
from supervision.lists import remote
from supervision.lists.dispatch import Clash, RoomDay, Use
from supervision.lists.remote import Course
from supervision.lists.room_day import hour

SITES = 24
"""Secondary sites on the map; the rest is counted beside it."""
SESSIONS, ROOMS = 6, 9
"""Rows that are shown; how many there are stands beside them."""
PLANNED_HOURS = 2.0
"""Hours a session that has not begun is drawn with."""


def sites(page: shell.Page) -> None:
    """Main sites and the sites they evaluate with, by tier."""
    with context.ledger().read() as session:
        mains, found = remote.sites(session, page.filters)
    title, total = page.say("remote.sites"), mains.total()
    with layout.panel("sites", title, page.say("remote.sites_note", n=total) if total else ""):
        if not found:
            layout.nothing(page.say("remote.sites_none"))
            return
        shown = sorted(found, key=lambda site: -site.sessions)[:SITES]
        nodes = [
            Node(
                places.site(s.name, page.lang),
                s.tier,
                s.sessions,
                s.active,
                _site_said(page, s),
                drill.address("site", s.name),
            )
            for s in found
            if s in shown
        ]
        main = places.site(remote.short(next(iter(mains), "")), page.lang)
        hub = main if len(mains) == 1 and main else page.say("remote.mains", n=len(mains))
        lines = [
            f"{page.say(f'remote.tier_{s.tier}')} {places.site(s.name, page.lang)} {s.sessions}"
            for s in found
        ]
        said = messages.clauses(lines, page.lang)
        rest = sum(s.sessions for s in found if s not in shown)
        draw(ring_map(nodes, hub, f"{title}：{said}"))
        draw(
            _tiers(page, found)
            + (f'<p class="muted">{page.say("remote.sites_rest", n=rest)}</p>' if rest else "")
        )


def _site_said(page: shell.Page, site: remote.Site) -> str:
    """ "同城 钱塘：3 场 · 正在评标"."""
    said = page.say("remote.site_said", tier=page.say(f"remote.tier_{site.tier}"), site=places.site(site.name, page.lang), n=site.sessions)  # fmt: skip
    return f"{said} · {page.say('remote.active')}" if site.active else said


def _tiers(page: shell.Page, found: Sequence[remote.Site]) -> str:
    signs = {"city": "●", "cross_city": "■", "cross_province": "◆"}
    parts = [
        f'<span class="site {tier}">{signs[tier]}</span><span>{_tier(page, tier, sum(s.sessions for s in found if s.tier == tier))}</span>'
        for tier in remote.TIERS
    ]
    active = f'<span class="sun">●</span><span>{page.say("remote.active")}</span>'
    return f'<p class="muted signs tiers">{"".join(parts)}{active}</p>'


def _tier(page: shell.Page, tier: str, sessions: int) -> str:
    said = f"{page.say(f'remote.tier_{tier}')} {sessions}"
    return drill.link("tier", tier, said) if sessions else esc(said)


# ── today's sessions ─────────────────────────────────────────────────────────


def sessions(page: shell.Page) -> None:
    """Today's remote sessions; before the award no name and no result of the draw stands anywhere here."""
    with context.ledger().read() as session:
        found = remote.today_sessions(session, page.filters)
    title = page.say("remote.today")
    note = page.say("remote.today_note", shown=min(len(found), SESSIONS), n=len(found)) if found else ""
    with layout.panel("sessions", title, note):
        if not found:
            layout.nothing(page.say("remote.today_none"))
        else:
            rows = [_session(page, one) for one in found[:SESSIONS]]
            said = messages.clauses([_said(page, one) for one in found], page.lang)
            draw(course(rows, hour(now()), f"{local_now():%H:%M}", f"{title}：{said}"))
        legend = " ".join(
            f"<span>{page.say(f'remote.mark_{m}')}</span>" for m in ("drawn", "arrived", "begun", "over")
        )
        draw(f'<p class="muted signs">{legend}<span class="secret">{page.say("remote.no_names")}</span></p>')
        _draw_of_experts(page)


def _draw_of_experts(page: shell.Page) -> None:
    """How many experts were asked for, drawn and declined for lots whose award is known: counts, the result is sealed."""
    found: Draws = figure_cards.live(("expert_draws",), page.filters)["expert_draws"]
    if not found.draws:
        layout.nothing(page.say("remote.draws_none"))
        return
    words = page.say(
        "remote.draws_note", requested=figures.number(found.requested), drawn=figures.number(found.drawn),
        declined=figures.number(found.declined), share=found.declining.text, sealed=figures.number(found.sealed),
    )  # fmt: skip
    facts(
        [
            figure_cards.kpi(
                "expert_draws",
                page.lang,
                figures.number(found.draws),
                page.say("remote.draws_unit"),
                live_basis(page.lang),
                words,
            )
        ],
        page.lang,
    )


def _session(page: shell.Page, one: Course) -> Session:
    drawn, arrived, started, ended = (
        None if moment is None else hour(moment)
        for moment in (one.drawn, one.arrived_at, one.started, one.ended)
    )
    planned = None if one.scheduled is None else (hour(one.scheduled), hour(one.scheduled) + PLANNED_HOURS)
    others = page.say("common.comma").join(places.site(name, page.lang) for name in one.others)
    where = f"{places.site(one.main, page.lang)} — {others}"
    return Session(
        one.lot, where, one.tier, page.say(f"remote.tier_{one.tier}") if one.tier else "", _state(page, one), planned,
        drawn, arrived, started, ended, layout.lot_address(one.lot_id),
    )  # fmt: skip


def _state(page: shell.Page, one: Course) -> str:
    return page.say(f"remote.state_{one.standing}", part=one.arrived, n=one.committee)


def _said(page: shell.Page, one: Course) -> str:
    steps = (("drawn", one.drawn), ("arrived", one.arrived_at), ("begun", one.started), ("over", one.ended))
    marks = [f"{page.say(f'remote.mark_{name}')} {_clock(at)}" for name, at in steps if at]
    return " ".join((one.lot, _state(page, one), *marks))


def _clock(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%H:%M")


# ── rooms and seats ──────────────────────────────────────────────────────────


def rooms(page: shell.Page) -> None:
    """Today's evaluation rooms with their seats; a clash comes with the room that could take it."""
    with context.ledger().read() as session:
        found = rooms_of_day.day(session, page.filters, page.lang, lambda name: places.site(name, page.lang))
    clashes = rooms_of_day.clashes(found)
    shown = _shown(found, clashes)
    title = page.say("remote.rooms")
    note = page.say("remote.rooms_note", shown=len(shown), n=len(found)) if found else ""
    with layout.panel("rooms", title, note):
        if not shown:
            layout.nothing(page.say("remote.rooms_none"))
            return
        draw(_clash_bar(page, clashes))
        rows = [_row(page, room, clashes) for room in shown]
        said = messages.clauses([_room_said(page, room) for room in found], page.lang)
        draw(dispatch(rows, hour(now()), f"{local_now():%H:%M}", f"{title}：{said}"))


def _shown(found: Sequence[RoomDay], clashes: Sequence[Clash]) -> list[RoomDay]:
    """Those that clash and where they could go first, then those with most to do; in the order of the list."""
    involved = [clash.room for clash in clashes] + [clash.remedy for clash in clashes if clash.remedy]
    rest = sorted((room for room in found if room.uses), key=lambda room: -len(room.uses))
    chosen = list({room.key: room for room in (*involved, *rest)}.values())[:ROOMS]
    return [room for room in found if room in chosen]


def _clash_bar(page: shell.Page, clashes: Sequence[Clash]) -> str:
    if not clashes:
        return f'<p class="clash none">✓ {page.say("remote.no_clash")}</p>'
    first, more = clashes[0], len(clashes) - 1
    rest = f'<span class="muted">{page.say("remote.more_clashes", n=more)}</span>' if more else ""
    return f'<p class="clash" role="status"><b>◆ {esc(clash_words(page, first))}</b> <span>{esc(remedy_words(page, first))}</span>{rest}</p>'


def clash_words(page: shell.Page, clash: Clash) -> str:
    """What does not fit, in one sentence."""
    span = f"{_clock(clash.start)}–{_clock(clash.end)}"
    faults = joined([page.say(f"remote.device_{device}") for device in clash.use.faults], page.lang)
    return page.say(
        f"remote.clash_{clash.kind}", room=clash.room.name, span=span, lot=clash.use.lot,
        other=clash.other.lot if clash.other else "", seats=clash.use.seats, of=clash.room.capacity or 0, devices=faults,
    )  # fmt: skip


def remedy_words(page: shell.Page, clash: Clash) -> str:
    """What could be done about it."""
    if clash.remedy is None:
        return page.say("remote.remedy_none")
    return page.say("remote.remedy", room=clash.remedy.name)


def _row(page: shell.Page, room: RoomDay, clashes: Sequence[Clash]) -> RoomRow:
    row = RoomRow(room.name, page.say("remote.seats", n=room.capacity) if room.capacity else "")
    row.kept = [_kept(page, room, use) for use in room.uses]
    row.clashes = [
        (hour(clash.start), hour(clash.end), clash_words(page, clash))
        for clash in clashes
        if clash.room is room
    ]
    row.proposed = [
        _kept(page, room, clash.use, page.say("remote.proposed")) for clash in clashes if clash.remedy is room
    ]
    return row


def _kept(page: shell.Page, room: RoomDay, use: Use, instead: str = "") -> Kept:
    seats = f"{use.seats}/{room.capacity}" if room.capacity else str(use.seats)
    tip = page.say("remote.kept", lot=use.lot, seats=seats, span=_span(use))
    return Kept(
        hour(use.start),
        hour(use.end),
        instead or use.lot,
        page.say("remote.seats", n=seats),
        use.over,
        tip,
        layout.lot_address(use.lot_id),
    )


def _span(use: Use) -> str:
    return f"{_clock(use.start)}–{_clock(use.end)}"


def _room_said(page: shell.Page, room: RoomDay) -> str:
    kept = joined(
        [page.say("remote.kept", lot=use.lot, seats=use.seats, span=_span(use)) for use in room.uses],
        page.lang,
    )
    return f"{room.name} {kept or page.say('remote.free')}"
