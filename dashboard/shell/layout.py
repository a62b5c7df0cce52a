"""Panels of a screen beside each other, and the chart of a panel with what a click on a mark does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode
from zlib import crc32

import streamlit as st
import structlog

import messages
from dashboard import context, screens
from dashboard import metrics as ops
from dashboard.charts.chart import PICK, Chart, Told
from dashboard.charts.theme import DAY, NIGHT
from dashboard.shell.html import draw, esc
from records.clock import BEIJING, local_now
from supervision.lists import hall

log = structlog.get_logger()
_GO = "go-to"
T = TypeVar("T")
LANGUAGE = "lang"
"""Where a session keeps the reader's language."""
SCREEN = "screen-on-show"
"""Where a session keeps the slug of the screen it shows."""
FROM = "from"
"""Query parameter of the life line: the slug of the screen that led to it."""


@contextmanager
def row(key: str, kind: str = "two") -> Iterator[None]:
    """Panels beside each other: two thirds and one third, or `half` and half; below each other where it is narrow."""
    with st.container(key=f"row-{kind}-{key}"), contained(f"row {key}"):
        yield


@contextmanager
def contained(what: str) -> Iterator[None]:
    """What fails within says so in its place; the rest of the screen stands, and the next refresh tries again."""
    try:
        yield
    except Exception as error:
        log.error("part of a screen failed", part=what, exc_info=error)
        ops.SCREEN_ERRORS.inc()
        lang, at = st.session_state.get(LANGUAGE, messages.DEFAULT), f"{local_now():%Y-%m-%d %H:%M:%S}"
        title, words = (
            messages.say("common.part_failed", lang),
            messages.say("common.error_what", lang, time=at),
        )
        draw(f'<div class="empty failed" role="alert"><b>{esc(title)}</b><p>{esc(words)}</p></div>')


@contextmanager
def panel(key: str, title: str, note: str = "") -> Iterator[None]:
    """A card with its title and an optional note; what is drawn within stands in it."""
    with st.container(key=f"panel-{key}", gap=None):
        draw(_head(title, note))
        with contained(f"panel {key}"):
            yield


@contextmanager
def panel_of_choice(key: str, title: str, choose: Callable[[], T], note: str = "") -> Iterator[T]:
    """A card whose title line ends with what `choose` draws; what it returns is what is shown."""
    with st.container(key=f"panel-{key}", gap=None):
        with st.container(horizontal=True, vertical_alignment="center", key=f"panelbar-{key}"):
            draw(_head(title, note))
            chosen = choose()
        with contained(f"panel {key}"):
            yield chosen


def _head(title: str, note: str) -> str:
    muted = f'<span class="muted">{note}</span>' if note else ""
    return f'<div class="hd"><h2>{esc(title)}</h2>{muted}</div>'


def nothing(words: str) -> None:
    """Why a panel is empty, in one sentence."""
    draw(f'<p class="muted">{esc(words)}</p>')


def variant() -> str:
    """Which colours charts wear in this browser."""
    return NIGHT if st.context.theme.type == "dark" else DAY


def words(title: str, told: Told, lang: str, as_of: datetime | None) -> str:
    """What a chart shows for who does not see it, and for its file and its table (components/chart-files.js)."""
    at = f"{as_of.astimezone(BEIJING):%Y-%m-%d %H:%M}" if as_of else "—"
    heads = "".join(
        f"<th>{esc(head if isinstance(head, str) else head.text(lang))}</th>" for head in told.heads
    )
    rows = "".join(f"<tr>{''.join(f'<td>{esc(cell)}</td>' for cell in row)}</tr>" for row in told.rows)
    return (
        f'<div class="vh chart-words"><b class="chart-title">{esc(title)}</b><table><thead><tr>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="chart-foot">{esc(messages.say("chart.foot", lang, time=at))}</p></div>'
    )


def plot(
    chart: Chart, key: str, picked: Callable[[str], None] | None = None, as_of: datetime | None = None
) -> None:
    """Draw a chart and its figures as a table. A click on a mark calls `picked` with its key, before the screen is drawn anew."""
    draw(
        words(
            chart.title,
            chart.told,
            st.session_state.get(LANGUAGE, messages.DEFAULT),
            as_of or context.lens().as_of(),
        )
    )
    if picked is None:
        st.vega_lite_chart(chart.rows, chart.spec, theme=None, height=chart.height, alt=chart.title)
        return
    name = f"chart-{key}-{address()}"
    st.vega_lite_chart(
        chart.rows, chart.spec, theme=None, height=chart.height, alt=chart.title, key=name, selection_mode=PICK,
        on_select=lambda: _pick(name, picked),
    )  # fmt: skip


def spark(chart: Chart) -> None:
    """Draw a spark line, called by its name and its ends."""
    said = f"{chart.title}: {chart.said}"
    st.vega_lite_chart(chart.rows, chart.spec, theme=None, height=chart.height, alt=said)


def go_to(code: str, **asked: str) -> None:
    """Open a screen with these choices when the one on show is drawn next: a click may not leave it by itself."""
    st.session_state[_GO] = (code, asked)


def open_lot(lot: str) -> None:
    """Open the life line of a lot: what a row of any list of lots does when it is ticked."""
    go_to("L01", **_of_lot(lot))


def lot_address(lot: str) -> str:
    """The address of a lot's life line."""
    return f"/lot?{urlencode(_of_lot(lot))}"


def _of_lot(lot: str) -> dict[str, str]:
    """A life line says which screen led to it and how that screen stood, so that its first link leads back to just that,
    from a copied address too."""
    here = st.session_state.get(SCREEN, "")
    return st.query_params.to_dict() | ({FROM: here} if here else {}) | {"lot": lot}


def way_back(slug: str) -> tuple[screens.Screen, str] | None:
    """The screen that led to the one on show, if that is the life line, and its address as it stood; None where nothing
    says so or the reader has no such screen."""
    if slug != screens.LIFELINE.slug:
        return None
    asked, user = st.query_params.to_dict(), context.current_user()
    screen = screens.BY_SLUG.get(asked.pop(FROM, ""))
    if screen is None or user is None or not screens.may_see(user.role, screen):
        return None
    asked.pop("lot", None)
    return screen, f"/{screen.slug}" + (f"?{urlencode(asked)}" if asked else "")


def open_opening(opening: str) -> None:
    """Open an opening on its own screen; for whom that is not, the life line of its lot."""
    user = context.current_user()
    if user is not None and screens.may_see(user.role, screens.BY_ID["S07"]):
        go_to("S07", opening=opening)
        return
    with context.ledger().read() as session:
        found = hall.find(session, opening)
    if found is not None:
        open_lot(found[1].id)


def leave() -> None:
    """Lead to the screen that was asked for, if one was: by a link that the page presses at once (components/leaving.js).

    `st.switch_page` writes the new choices under the old screen's name first: two steps of the browser's history, the
    first of them a screen that nobody chose. A link is one step, from the screen as it was.
    """
    with st.container(key="leaving"):
        if wanted := st.session_state.pop(_GO, None):
            _link(*wanted)


def _link(code: str, asked: Mapping[str, str]) -> None:
    screen, user = screens.BY_ID[code], context.current_user()
    if user is None or not screens.may_see(user.role, screen):
        log.error("a screen leads to one that is not for this role", to=screen.slug)
        return
    lang = st.session_state.get(LANGUAGE, messages.DEFAULT)
    st.page_link(screen.path, label=screen.name(lang), query_params=dict(asked) or None)


def address() -> str:
    """A word for what the address asks: a chart of other choices is another, in which nothing has been picked."""
    asked = sorted((name, st.query_params[name]) for name in st.query_params)
    return f"{crc32(repr(asked).encode()):08x}"


def choose(**choices: str) -> None:
    """Put choices into the address, "" takes one out: together, so that the way back is one step."""
    before = st.query_params.to_dict()
    after = {name: value for name, value in {**before, **choices}.items() if value}
    if after != before:
        st.query_params.from_dict(after)


def _pick(name: str, picked: Callable[[str], None]) -> None:
    for mark in st.session_state[name]["selection"].get(PICK) or ():
        if key := mark.get("key"):
            picked(key)
