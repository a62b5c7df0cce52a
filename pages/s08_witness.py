"""S08 录播与数字见证: ended openings with their evidence and chapters (F16), the witnesses' board (F17)."""

from __future__ import annotations

from functools import partial

import streamlit as st

import messages
from dashboard import components, context, screens
from dashboard.live.witness import ALL, MINE, PERIODS
from dashboard.panels import replay
from dashboard.shell import choices, offered, tables
from dashboard.shell import filters as shell_filters
from dashboard.shell import screen as shell
from records.witnessing import draws, tasks
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.lists import witnessing

REPLAY, WITNESS = "replay", "witness"
ROWS = 10


def body(page: shell.Page) -> None:
    """The row of choices, then the replays or the witnesses' board, as far as the role may use them."""
    replays, witnesses = (screens.may_use(page.user.role, page.screen, one) for one in ("F16", "F17"))
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        view = _view(page, replays, witnesses)
        if view == REPLAY:
            asked = Filters(centre=_centre(page) or None)
            text = choices.text("q", page.say("witness.search"), width=280)
        else:
            chosen = _board_choices(page)
    if view == WITNESS:
        components.witness(
            page.lang, chosen, manages=page.user.role in tasks.MANAGERS,
            paused=bool(st.session_state.get("paused")),
        )  # fmt: skip
        return
    _replays(page, asked, text)
    if witnesses:
        _not_begun(page)


def _not_begun(page: shell.Page) -> None:
    """Say what witnessing will show while nobody has witnessed anything."""
    with context.ledger().read() as session:
        if witnessing.anything_begun(session):
            return
    function = page.screen.functions[1].name(page.lang)
    shell.no_records(function, page.say("witness.records"), page.say("witness.records_show"))


def _view(page: shell.Page, replays: bool, witnesses: bool) -> str:
    if not (replays and witnesses):
        return REPLAY if replays else WITNESS
    named = {view: page.say(f"witness.view_{view}") for view in (REPLAY, WITNESS)}
    return choices.segments("view", page.say("witness.view"), named, default=REPLAY)


def _centre(page: shell.Page) -> str:
    found = {one: messages.called(name, english, page.lang) for one, name, english in offered.centres()}
    options = {"": shell_filters.every_centre(found, page.lang), **found}
    return choices.select("centre", page.say("witness.centre"), options, default="", width=264)


def _board_choices(page: shell.Page) -> dict[str, str]:
    """Period, centre and witness of the board; a member of the group sees their own tasks and only chooses the time."""
    say = page.say
    periods = {one: say(f"witness.period_{one}") for one in PERIODS}
    found = {"period": choices.select("period", say("witness.period"), periods, default="today", width=152)}
    if page.user.role in tasks.MANAGERS:
        found["centre"] = _centre(page)
        found["who"] = choices.select("who", say("witness.who"), _people(page), default=ALL, width=184)
    return found


def _people(page: shell.Page) -> dict[str, str]:
    with context.ledger().read() as session:
        people = {one.name: one.display_name for one in draws.roster(session)}
    return {ALL: page.say("witness.who_all"), MINE: page.say("witness.who_mine"), **people}


def _replays(page: shell.Page, asked: Filters, text: str) -> None:
    """How many are over and how many chains hold; the list, each chain walked just now; the chapters of the one ticked."""
    total = replay.figures_of(page, asked)
    if not total:
        shell.empty(page.say("witness.empty"), page.say("witness.empty_what"))
        return
    found = replay.count(asked, text)
    if not found:
        shell.empty(page.say("witness.not_found", text=text), page.say("witness.not_found_what"))
        return
    title, note = (
        page.screen.functions[0].name(page.lang),
        page.say("witness.sealed_note", n=figures.number(found)),
    )
    read = partial(replay.rows, page, asked, text)
    tables.grid("openings", title, note, found, replay.COLUMNS, page.lang, read, replay.choose, ROWS, ROWS)
    replay.chapters(page)


shell.show("S08", body, every=30)
