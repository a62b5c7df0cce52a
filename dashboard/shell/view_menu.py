"""The menu of saved views 常用视图: open one, keep the present one under a name, choose which one the desk opens with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from sqlalchemy.orm import Session

from dashboard import context, screens
from dashboard.access import saved_views
from dashboard.access.accounts import SignedIn
from dashboard.screens import Screen
from dashboard.shell.html import draw, esc
from messages import Fault, say
from records.tables.users import SavedView

_SAID, _NAME = "view-said", "view-name"


def show(screen: Screen, user: SignedIn, lang: str) -> None:
    """The menu button of the title bar with what it opens."""
    with st.popover(say("view.menu", lang), key="view-menu"):
        with context.ledger().read() as session:
            held = saved_views.of_user(session, user.name)
        for view in held:
            if screens.may_see(user.role, screens.BY_SLUG[view.screen]):
                _line(view, screen, user, lang)
        if not held:
            draw(f'<p class="muted">{esc(say("view.none", lang))}</p>')
        _form(screen, user, lang)


def _line(view: SavedView, here: Screen, user: SignedIn, lang: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"view-{view.name}", gap="small"):
        _open(view, here, lang)
        first = "first" if view.opens_first else "other"
        st.button(
            say(f"view.{first}", lang), key=f"view-{first}-{view.name}", help=say(f"view.{first}_what", lang),
            on_click=_do, args=(partial(saved_views.open_with, user=user.name, name=view.name, wanted=not view.opens_first), lang),
        )  # fmt: skip
        st.button(
            say("view.delete", lang), key=f"view-delete-{view.name}", help=say("view.delete_what", lang, name=view.name),
            on_click=_do, args=(partial(saved_views.delete, user=user.name, name=view.name), lang),
        )  # fmt: skip


def _open(view: SavedView, here: Screen, lang: str) -> None:
    """A link to the view's screen; on that screen itself a choice: a link would leave the address as it is."""
    screen = screens.BY_SLUG[view.screen]
    label = f"{view.name}　·　{screen.name(lang)}"
    if screen is here:
        st.button(
            label, key=f"view-open-{view.name}", type="tertiary", width="stretch",
            on_click=st.query_params.from_dict, args=(dict(view.query),),
        )  # fmt: skip
    else:
        st.page_link(screen.path, label=label, query_params=view.query, width="stretch")


def _form(screen: Screen, user: SignedIn, lang: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="view-save", gap="small"):
        st.text_input(say("view.name", lang), key=_NAME, max_chars=saved_views.LONGEST_NAME, width=220)
        st.button(
            say("view.save", lang), key="view-save-now", type="primary", on_click=_save, args=(screen.slug, user.name, lang)
        )  # fmt: skip
    if words := st.session_state.pop(_SAID, ""):
        draw(f'<p class="said refused" role="alert">{esc(words)}</p>')


def _save(slug: str, user: str, lang: str) -> None:
    asked = st.query_params.to_dict()
    _do(partial(saved_views.save, user=user, name=st.session_state[_NAME], screen=slug, query=asked), lang)
    if not st.session_state.get(_SAID):
        st.session_state[_NAME] = ""


def _do(act: Callable[[Session], object], lang: str) -> None:
    """Do it; what was refused is said in the menu."""
    try:
        with context.ledger().write() as session:
            act(session)
    except Fault as refusal:
        st.session_state[_SAID] = refusal.message.text(lang)
