"""S07's host desk and the opening record table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import components, context
from dashboard.live import host_desk, opening_record
from dashboard.shell import screen as shell
from records import hosting
from records.currencies import currency
from records.tables.openings import Opening
from records.tables.projects import Lot


def desk(page: shell.Page, found: Opening, lot: Lot, place: str) -> None:
    """The desk from which the opening is held: what is read, the next steps, objections, draws."""
    components.host(
        found.id, page.lang, room=found.room_id, room_name=place, title=lot.name,
        place=f"{place}　{page.say('room.lot_no', lot=lot.id)}", currency=currency(lot.currency, lot.vat), voice=host_desk.can_speak(), key=f"host-{found.id}",
    )  # fmt: skip


def sidebar() -> None:
    """What a host sees beside the screens: today's openings, the steps of this one, the keys."""
    user = context.current_user()
    if user is not None and user.role in hosting.HOSTS:
        with st.sidebar, st.container(key="sb-host"):
            components.host_rail(shell.language())


def record(page: shell.Page, opening_id: str) -> None:
    """开标记录表: what was read aloud, with the limit check, and its CSV."""
    with context.ledger().read() as session:
        rows, names = (
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
    table = pd.DataFrame(rows, columns=list(opening_record.COLUMNS)).rename(columns=names)
    st.dataframe(table, hide_index=True, width="stretch", height=min(480, 36 * len(rows) + 40))
