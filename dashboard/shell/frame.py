"""The frame around every screen: sidebar, footer, and the page of a session that has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

import messages
from dashboard import context, screens
from dashboard.access.accounts import SignedIn
from dashboard.screens import DIMENSIONS, Screen
from dashboard.shell import filters
from dashboard.shell.html import draw, language_switch
from dashboard.shell.screen import language, say
from records.tables.users import role_name
from supervision.warnings import desk as warnings
from supervision.warnings.desk import WarningFilters

NAVIGATION = (*DIMENSIONS, "admin")
"""The parts of the navigation: the three dimensions, and below them the administrator's page."""
BADGE_SECONDS = 5.0
"""How often the numbers beside the warning centre are counted anew, on whatever screen one is."""
FOLDER = Path(__file__).parent.parent
BRAND = FOLDER / "brand.svg"


@cache
def _mark() -> str:
    return BRAND.read_text(encoding="utf-8").strip()


def sidebar(user: SignedIn, pages: Mapping[Screen, Any], here: str) -> None:
    """Brand, the three dimensions with their screens, language switch and the user's block; `here` is the slug of the open screen, or of the one that led to it."""
    lang, carried = language(), filters.carry()
    with st.sidebar:
        draw(
            f'<div class="sb-brand">{_mark()}<span><b>{messages.say("common.product", lang)}</b>'
            f"<small>{messages.say('common.desk', lang)}</small></span></div>"
        )
        for dimension in NAVIGATION:
            shown = [(screen, page) for screen, page in pages.items() if screen.dimension == dimension]
            if not shown:
                continue
            draw(
                f'<p class="sb-head" role="heading" aria-level="2">{messages.say(f"dimension.{dimension}", lang)}</p>'
            )
            for screen, page in shown:
                # the icon is drawn by the stylesheet: a link's text is its name and nothing else
                with (
                    st.container(key="sb-here") if screen.slug == here else nullcontext(),
                    st.container(key=f"nav-{screen.slug}"),
                ):
                    if screen.id == "S11":
                        every = None if st.session_state.get("paused") else BADGE_SECONDS
                        st.fragment(run_every=every)(_link)(
                            page, partial(_badged, user, screen, lang), carried
                        )
                    else:
                        _link(page, partial(screen.name, lang), carried)
        with st.container(key="sb-user"):  # stands below what the open screen adds
            _user_block(user, lang)


def _link(page: Any, label: Callable[[], str], carried: Mapping[str, str]) -> None:
    st.page_link(page, label=label(), width="stretch", query_params=dict(carried) or None)


def _badged(user: SignedIn, screen: Screen, lang: str) -> str:
    """The screen's name, and beside it how many warnings are red, and how many are given to this user."""
    name = screen.name(lang)
    with context.ledger().read() as session:
        red = warnings.counts(session)["red"]
        mine = warnings.count_warnings(session, WarningFilters(assignee=user.name, open_only=True))
    given = f" · {messages.say('warnings.mine_badge', lang, n=mine)}" if mine else ""
    return f"{name} :red-badge[{red}]{given}" if red else f"{name}{given}"


def _user_block(user: SignedIn, lang: str) -> None:
    role = role_name(user.role, lang)
    draw(
        f'<div class="sb-me"><i>{escape(user.display_name[:1])}</i>'
        f"<span>{escape(user.display_name)}<small>{role}</small></span></div>"
        f'<div class="sb-acts">{language_switch(lang)}'
        f'<a href="/auth/sign-out?lang={lang}" target="_self">{messages.say("common.sign_out", lang)}</a></div>'
    )


def footer(slug: str) -> None:
    """The closing sentence of the warning screens (S11–S15)."""
    screen = screens.BY_SLUG.get(slug)
    if screen is None or screen.dimension != "warning":
        return
    user = context.current_user()
    if screen.id == "S11" and user is not None and screens.names_visible(user.role, screen):
        # the stream and the switchboard say it on their own last line, beside the keys
        draw(f'<p class="foot vh" aria-hidden="true">{say("common.footer_warning")}</p>')
    else:
        draw(f'<p class="foot">{say("common.footer_warning")}</p>')


def signed_out() -> None:
    """What stays when a session ends under an open screen."""
    draw(
        f'<div class="empty"><b>{say("common.signed_out")}</b>'
        f'<a class="btn main" href="/auth/sign-in" target="_self">{say("common.sign_in")}</a></div>'
    )
