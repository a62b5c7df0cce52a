"""The shell of a screen: title row, filters, refresh and pause, empty and error states."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urlencode

import streamlit as st
import structlog

import messages
from dashboard import context, freshness, screens
from dashboard import metrics as ops
from dashboard.access.accounts import SignedIn
from dashboard.screens import Screen
from dashboard.shell import choices, layout, parameters, view_menu
from dashboard.shell.address_checks import a_day, one_of
from dashboard.shell.filters import ANALYSIS, LOTS_SORT, PICKED, Choice, carry_anew, filter_row, notice
from dashboard.shell.html import draw as put
from records.clock import local_now, now
from records.serving.language import LANGUAGE_COOKIE
from supervision.figures.answers import DEALS_MADE
from supervision.figures.filters import Filters

log = structlog.get_logger()


def language() -> str:
    """The language of this session: the address's `lang`, else what was chosen before, else Chinese."""
    asked = st.query_params.get("lang")
    if asked in messages.languages():
        st.session_state[layout.LANGUAGE] = asked
    elif layout.LANGUAGE not in st.session_state:
        cookie = st.context.cookies.get(LANGUAGE_COOKIE)
        st.session_state[layout.LANGUAGE] = cookie if cookie in messages.languages() else messages.DEFAULT
    chosen: str = st.session_state[layout.LANGUAGE]
    return chosen


def say(key: str, **values: object) -> str:
    """The text of `key` in this session's language."""
    return messages.say(key, language(), **values)


@dataclass(frozen=True)
class Page:
    """What a screen's body gets: which screen, for whom, in which language, with which filters."""

    screen: Screen
    user: SignedIn
    lang: str
    choice: Choice

    def say(self, key: str, **values: object) -> str:
        """The text of `key` in the page's language."""
        return messages.say(key, self.lang, **values)

    @property
    def filters(self) -> Filters:
        """The filters as the metrics take them."""
        return self.choice.filters

    @property
    def paused(self) -> bool:
        """Whether whoever looks has stopped everything that refreshes itself."""
        return bool(st.session_state.get("paused"))

    @property
    def names_visible(self) -> bool:
        """Whether this user may see who a warning is about here; counts only otherwise."""
        return screens.names_visible(self.user.role, self.screen)


OWN_CHOICES = (
    "view",
    "day",
    "period",
    "centre",
    "family",
    "state",
    "lot",
    "q",
    "key",
    "who",
    "rule",
    "refunds",
    "opinions",
    LOTS_SORT,
)
"""Query parameters of the live screens' own choices, and the order of a table of lots; exports ask with them."""
OWN_DEFAULTS = {
    "S11": {"state": "open", "period": "all"},
    "S05": {LOTS_SORT: "award", PICKED: f"{DEALS_MADE.by}:{DEALS_MADE.value}"},
}
"""What such a screen shows where its address says nothing."""

WHOLE = '<i class="whole"></i>'
"""What a screen draws last, out of sight: its panels are shown together once it has come (components/arriving.js). Its
place is before them, so that the next refresh finds it where it was and nothing goes out of sight again."""

Body = Callable[[Page], None]


def show(
    code: str,
    body: Body,
    *,
    every: float | None = 10.0,
    filters: Sequence[str] = (),
    as_of: Callable[[], datetime | None] | None = None,
    over_lots: bool = False,
    marks: Collection[str] = (),
) -> None:
    """Draw screen `code`: title row, the named filters, then `body`; again every `every` seconds unless paused.

    `filters` are names known to `dashboard.shell.filters`; `as_of` tells how new the figures are (default: now,
    they are read live). The export menu offers what `dashboard.screens` says. With `over_lots` the figures are of lots, and a period without any says which periods have some.
    `marks` are the dimensions whose marks narrow the screen's table of lots, see `dashboard.shell.drill`.
    """
    screen = screens.BY_ID[code]
    user = context.current_user()
    if user is None or not screens.may_see(user.role, screen):
        put(f'<div class="empty"><b>{say("common.not_allowed")}</b></div>')
        st.stop()
    lang = language()
    paused = bool(st.session_state.get("paused"))
    st.session_state[layout.SCREEN] = screen.slug

    def draw() -> None:
        started = time.perf_counter()
        layout.leave()
        carry_anew()
        choices.begin()
        takes = (*(f for f in filters if f in ANALYSIS), *parameters.OWN.get(code, ()))
        for name, fault in parameters.strays(st.query_params.to_dict(), takes).items():
            choices.note(name, fault)
        choices.check("lang", one_of(messages.languages()))
        choices.check("day", a_day)
        viewer = context.current_user()
        if viewer is None or viewer.role != user.role:
            st.rerun(scope="app")
            return
        bar = st.container(horizontal=True, vertical_alignment="center", key="title-bar")
        whole = st.container(key="whole")
        chosen = filter_row(lang, filters, marks) if filters else Choice()
        with bar:
            _title(screen, lang, freshness.of((as_of or now)()), paused)
            if every is not None:
                _pause(paused)
            view_menu.show(screen, user, lang)
            put(f'<a class="btn copying" role="button" href="#">{say("common.copy_link")}</a>')
            _export(screen, user.role, chosen)
        amiss = st.empty()
        if over_lots:
            notice(chosen.filters, chosen.as_query(), lang)
        with layout.contained(screen.slug):
            body(Page(screen, user, lang, chosen))
        choices.show_faults(amiss, lang)
        with whole:
            put(WHOLE)
        ops.SCREEN_SECONDS.labels(screen=screen.slug).observe(time.perf_counter() - started)

    st.fragment(run_every=None if paused or every is None else every)(draw)()


def _title(screen: Screen, lang: str, state: freshness.Freshness, paused: bool) -> None:
    demo = f'<span class="demo">{messages.say("common.demo", lang)}</span>' if context.is_demo() else ""
    put(
        f'<header class="title">{_way_back(screen, lang)}<h1>{screen.name(lang)}</h1><p class="cut">{screen.meaning(lang)}</p>{demo}'
        f"{_age(lang, state, paused)}</header>"
    )


def _way_back(screen: Screen, lang: str) -> str:
    """The link to the screen that led here, before the title."""
    if (way := layout.way_back(screen.slug)) is None:
        return ""
    before, address = way
    return f'<a class="crumb" href="{escape(address)}" target="_self">{escape(before.name(lang))}</a><span class="muted" aria-hidden="true">›</span>'


def _age(lang: str, state: freshness.Freshness, paused: bool) -> str:
    """As of when the screen stands; set apart where it is paused, or where its data should be newer than they are."""
    words = messages.say("common.as_of", lang, time=freshness.moment(state.as_of))
    if paused:
        held = messages.say("common.paused", lang)
        return f'<span class="asof held" role="status"><b>{held}</b> {words}</span>'
    if state.stale:
        return f'<span class="asof stale" role="status">{words} <b>{escape(state.words(lang))}</b></span>'
    return f'<span class="muted asof">{words}</span>'


def _pause(paused: bool) -> None:
    with st.container(key="paused" if paused else "running", width="content"):
        pressed = st.button(say("common.resume" if paused else "common.pause"), key="pause-refresh")
    if pressed:
        st.session_state["paused"] = not paused
        st.rerun(scope="app")


def _export(screen: Screen, role: str, chosen: Choice) -> None:
    """The menu of the tables that the screen shows this role, asked for as the screen asks."""
    tables = screens.tables_of(role, screen)
    if not tables:
        return
    asked = OWN_DEFAULTS.get(screen.id, {}) | _also() | chosen.as_query()
    query = urlencode(asked | {"lang": language()})
    with st.popover(say("common.export"), key="export-menu"):
        for table in tables:
            name = say(f"tables.{table}")
            put(
                f'<p class="export"><b>{name}</b>'
                + "".join(
                    f'<a href="/export/{table}.{kind}?{escape(query)}" download>{word}</a>'
                    for kind, word in (("csv", "CSV"), ("xlsx", "Excel"), ("parquet", "Parquet"))
                )
                + "</p>"
            )


def _also() -> dict[str, str]:
    """What the address says besides the filters row."""
    asked = st.query_params.to_dict()
    return {key: asked[key] for key in OWN_CHOICES if asked.get(key) and key not in choices.amiss()}


def empty(why: str, what: str = "") -> None:
    """An empty state: one sentence why, one what to do."""
    put(f'<div class="empty"><b>{escape(why)}</b>{f"<p>{escape(what)}</p>" if what else ""}</div>')


def nothing_opened(page: Page) -> None:
    """The empty state of figures over lots: they are being made for the first time, or no opening has ended yet."""
    if context.lens().as_of():
        empty(page.say("openness.empty"), page.say("openness.empty_what"))
    else:
        empty(page.say("openness.first"), page.say("openness.first_what"))


def no_records(function_name: str, kind: str, shows: str) -> None:
    """Say plainly that a function has no records yet, which would fill it, and what it then shows."""
    put(
        f'<section class="card pending"><h2>{escape(function_name)}</h2><b>{say("common.no_records")}</b>'
        f"<p>{escape(say('common.no_records_why', what=kind, shows=shows))}</p></section>"
    )


def show_error(error: Exception) -> bool:
    """Log an error of a screen and show a calm page instead of a trace; true = dealt with."""
    log.error("screen failed", exc_info=error)
    ops.SCREEN_ERRORS.inc()
    at = local_now().strftime("%Y-%m-%d %H:%M:%S")
    empty(say("common.error"), say("common.error_what", time=at))
    put(WHOLE)
    return True
