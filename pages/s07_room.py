"""S07 数字直播间: one opening with picture, process and host controls (F14), prices and record (F15)."""

from __future__ import annotations

from datetime import date
from html import escape

import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from dashboard import components, context
from dashboard.live import host_desk, opening_record
from dashboard.panels import room as room_panel
from dashboard.panels import room_health
from dashboard.shell import layout
from dashboard.shell import screen as shell
from records import clock, hosting
from records.clock import BEIJING
from records.currencies import currency
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot
from supervision.lists import hall, names


def body(page: shell.Page) -> None:
    """Choose an opening (it stands in the address), then show it; hosts get the controls of room and opening."""
    room_health.banner(page.lang)
    with context.ledger().read() as session:
        opening_id = _chosen(session, page)
        known = hall.find(session, opening_id) if opening_id else None
        if known is None:
            shell.empty(page.say("room.no_such" if opening_id else "room.none"), page.say("room.none_what"))
            return
        found, lot, _ = known
        room = session.get(Room, found.room_id) if found.room_id else None
        centre = session.get(Centre, room.centre_id) if room else None
    place = _place(room, centre, page)
    hosts = page.user.role in hosting.HOSTS
    if not hosts:
        st.html(
            f'<div class="hd"><h2 style="font-size:16px;margin:0;padding:0">{escape(lot.name)}</h2>'
            f'<span class="muted">{escape(place)}　{escape(page.say("room.lot_no", lot=lot.id))}</span></div>'
        )
    if hosts and room is not None:
        room_panel.show(page, room.id)
    if hosts:
        _desk(page, found, lot, place)
    else:
        components.opening(
            found.id, page.lang, room=room.id if room else None, room_name=place,
            control_price=None if lot.control_price is None else str(lot.control_price), currency=currency(lot.currency, lot.vat),
            paused=page.paused, key=f"opening-{found.id}",
        )  # fmt: skip
    _record(page, found.id)


def _chosen(session: Session, page: shell.Page) -> str | None:
    """The opening the address names, else the one its room is at, else the first of the day that runs or comes."""
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        day = st.date_input(
            page.say("room.day"), value=clock.today(), key="day", bind="query-params", format="YYYY-MM-DD",
            label_visibility="collapsed", width=160,
        )  # fmt: skip
        asked = st.query_params.get("opening")
        wanted = day if isinstance(day, date) else clock.today()
        entries = hall.schedule(session, hall.Question(wanted, wanted), page.lang, 200)
        options = {
            e.id: f"{e.scheduled_at.astimezone(BEIJING):%H:%M}　{e.title}　{e.centre} {e.room}"
            for e in entries
        }
        if asked and asked not in options:
            held = hall.find(session, asked)
            options = {asked: _name(*held[:2]) if held else asked, **options}
        if not options:
            return asked
        first = asked or _of_room(entries, st.query_params.get("room")) or _first(entries)
        if asked in options or st.session_state.get("choose-opening") not in options:
            st.session_state["choose-opening"] = first
        picked: str | None = st.selectbox(
            page.say("room.opening"), list(options), format_func=lambda key: options[key], key="choose-opening",
            label_visibility="collapsed", on_change=_keep, args=(frozenset(options),), width="stretch",
        )  # fmt: skip
    # an opening that was moved meanwhile reads otherwise now, and the browser still holds its old line
    return picked if picked in options else first


def _keep(known: frozenset[str]) -> None:
    if st.session_state["choose-opening"] not in known:
        return
    layout.choose(opening=st.session_state["choose-opening"], room="")


def _name(opening: Opening, lot: Lot) -> str:
    return f"{opening.scheduled_at.astimezone(BEIJING):%Y-%m-%d %H:%M}　{lot.name}"


def _of_room(entries: list[hall.Entry], room: str | None) -> str | None:
    return _first([e for e in entries if e.room_id == room]) if room else None


def _first(entries: list[hall.Entry]) -> str | None:
    rank = {"in_progress": 0, "paused": 1, "scheduled": 2}
    return min(entries, key=lambda e: (rank.get(e.state, 3), e.scheduled_at)).id if entries else None


def _place(room: Room | None, centre: Centre | None, page: shell.Page) -> str:
    if room is None or centre is None:
        return page.say("room.no_room")
    return names.room(room, centre, page.lang)


def _desk(page: shell.Page, found: Opening, lot: Lot, place: str) -> None:
    """The desk from which the opening is held: what is read, the next steps, objections, draws."""
    components.host(
        found.id, page.lang, room=found.room_id, room_name=place, title=lot.name,
        place=f"{place}　{page.say('room.lot_no', lot=lot.id)}", currency=currency(lot.currency, lot.vat), voice=host_desk.can_speak(), key=f"host-{found.id}",
    )  # fmt: skip


def _sidebar() -> None:
    """What a host sees beside the screens: today's openings, the steps of this one, the keys."""
    user = context.current_user()
    if user is not None and user.role in hosting.HOSTS:
        with st.sidebar, st.container(key="sb-host"):
            components.host_rail(shell.language())


def _record(page: shell.Page, opening_id: str) -> None:
    """开标记录表: what was read aloud, with the limit check, and its CSV."""
    with context.ledger().read() as session:
        rows, headings = (
            opening_record.rows(session, opening_id, page.lang),
            opening_record.headings(session, opening_id, page.lang),
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{page.say('room.record')}**")
        if rows:
            st.link_button(page.say("room.csv"), f"/api/openings/{opening_id}/record.csv?lang={page.lang}")
    if not rows:
        st.caption(page.say("room.record_none"))
        return
    table = pd.DataFrame(rows, columns=list(opening_record.COLUMNS)).rename(columns=headings)
    st.dataframe(table, hide_index=True, width="stretch", height=min(480, 36 * len(rows) + 40))


_sidebar()
shell.show("S07", body, every=10.0)
