"""The desk's Streamlit entry: who looks, which screens they have, and the frame around each."""

from __future__ import annotations

import streamlit as st

from dashboard import context, screens
from dashboard.shell import frame, layout
from dashboard.shell import screen as shell

lang = shell.language()
st.set_page_config(
    page_icon=str(frame.BRAND),
    layout="wide",
    initial_sidebar_state="expanded",
)
user = context.current_user()
if user is None:
    st.set_page_config(page_title=shell.say("common.product"))
    frame.signed_out()
    st.stop()

allowed = screens.pages_of(user.role)
product = shell.say("common.product")
pages = {s.id: st.Page(s.path, title=f"{s.name(lang)} · {product}", url_path=s.slug) for s in allowed}


def home() -> None:
    """The address without a slug: on to the first screen of this role."""
    st.switch_page(pages[allowed[0].id])


front = st.Page(home, title=product, default=True, visibility="hidden")
page = st.navigation([front, *pages.values()], position="hidden")
way = layout.way_back(page.url_path)
here = way[0].slug if way else page.url_path
frame.sidebar(user, {screens.BY_ID[code]: target for code, target in pages.items()}, here)
page.run()
frame.footer(page.url_path)
