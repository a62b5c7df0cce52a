"""S07's bar for the operator: how the stream does, mute, slate, and the second person's confirmation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard import context
from dashboard.live import rooms as rooms_live
from dashboard.panels import room_health
from dashboard.shell import screen as shell
from dashboard.shell.html import draw, esc
from records import control
from records.control import Order

EVERY = 3.0
"""Seconds between two looks at the hub."""
SAID_SECONDS = 20.0
"""For how long the bar says what became of an order."""
_FIGURES = ("bitrate", "fps", "loss", "jitter", "rtt", "recorder")


def show(page: shell.Page, room_id: str) -> None:
    """The bar, refreshed by itself unless the screen is paused."""
    every = None if st.session_state.get("paused") else EVERY
    st.fragment(run_every=every)(_bar)(page, room_id)


def _bar(page: shell.Page, room_id: str) -> None:
    seen = rooms_live.snapshot()
    room = seen.room(room_id)
    with st.container(border=True, key="control"):
        if room is None:
            words = page.say(f"control.hub_{seen.trouble or 'unknown_room'}")
            draw(f'<p class="muted">{esc(words)}</p>')
            return
        with st.container(horizontal=True, vertical_alignment="center", key="control-row"):
            draw(_status(page, room))
            _buttons(page, room)
        for words in _wrong(page, room):
            draw(f'<p class="said refused" role="alert">{esc(words)}</p>')
        for asked in room["pending"]:
            _pending(page, room, asked)
        outcome, words, at = st.session_state.get(_said(room_id), ("", "", 0.0))
        if time.monotonic() - at < SAID_SECONDS:
            draw(f'<p class="said {outcome}" role="status">{esc(words)}</p>')


def unrecorded(room: rooms_live.Room) -> bool:
    """Whether a room with a recorder is at work and not recorded: recording comes before opening."""
    recorder = room["recorder"]
    return (
        recorder is not None
        and recorder["state"] != "recording"
        and room["state"] in ("standby", "live", "paused")
    )


def _wrong(page: shell.Page, room: rooms_live.Room) -> list[str]:
    """What should be put right before this room opens: its recording, its cameras, what they send."""
    found = []
    if unrecorded(room):
        state = room["recorder"]["state"]
        found.append(page.say(f"control.no_recording{'_' + state if state in ('disk', 'failed') else ''}"))
    faults = [*room_health.sources(room, page.lang), *room_health.notices(room, page.lang)]
    return found + [
        page.say("common.because", what=words, why=why) if why else words for words, why in faults
    ]


def _said(room_id: str) -> str:
    return f"control-said-{room_id}"


def _status(page: shell.Page, room: rooms_live.Room) -> str:
    shown = rooms_live.figures(room, page.lang)
    covers = room_health.covers(room, page.lang)
    state = " · ".join(covers) or page.say(f"control.state_{room['state']}")
    figures = "".join(
        f"<span>{page.say(f'control.{name}')} <b>{esc(shown[name])}</b></span>" for name in _FIGURES
    )
    grade = rooms_live.grade(room)
    hint = esc(page.say("control.needs_two_hint"))
    two = f'<span class="chip" title="{hint}">{page.say("control.needs_two")}</span>'
    figures += two if room["needs_two"] and page.user.role not in rooms_live.KEEPERS else ""
    return (
        f'<div class="ctlbar">{room_health.mark(grade, page.lang)}<b>{page.say(f"control.{grade}")}</b>'
        f'<span class="chip{"" if covers else " on"}">{esc(state)}</span>{figures}</div>'
    )


def _buttons(page: shell.Page, room: rooms_live.Room) -> None:
    say = page.say
    _button(page, room, "mute", say("control.unmute" if room["muted"] else "control.mute"))
    if not room["slated"]:
        st.selectbox(
            say("control.reason"), list(control.REASONS), key=_reason_key(room), width=248,
            format_func=lambda code: control.reason_text(code, page.lang), label_visibility="collapsed",
        )  # fmt: skip
    slate = say("control.lift" if room["slated"] else "control.slate")
    _button(page, room, "slate", slate, main=not room["slated"])
    if page.user.role in rooms_live.KEEPERS:
        _button(page, room, "needs_two", say("control.needs_two"), main=room["needs_two"],
                help=say("control.needs_two_hint"))  # fmt: skip


def _reason_key(room: rooms_live.Room) -> str:
    return f"control-reason-{room['id']}"


_ON: Mapping[str, str] = {"mute": "muted", "slate": "slated", "needs_two": "needs_two"}


def _button(
    page: shell.Page, room: rooms_live.Room, act: str, label: str, *, main: bool = False,
    help: str | None = None,
) -> None:  # fmt: skip
    on = not room[_ON[act]]
    with st.container(key=f"{act}-{'off' if on else 'on'}", width="content"):  # its icon is the stylesheet's
        pressed = st.button(label, key=f"control-{act}", help=help, type="primary" if main else "secondary")
    if pressed:
        reason = st.session_state.get(_reason_key(room), "") if (act, on) == ("slate", True) else ""
        _give(page, Order(page.user.name, act, room["id"], on, reason))


def _pending(page: shell.Page, room: rooms_live.Room, asked: Mapping[str, Any]) -> None:
    """A request: its author sees that it waits, everybody else may confirm it."""
    what = page.say(f"control.{asked['act']}_{'on' if asked['on'] else 'off'}")
    mine = asked["by"] == page.user.name
    with st.container(horizontal=True, vertical_alignment="center", key=f"control-pending-{asked['id']}"):
        words = page.say("control.asks", who=asked["by"], what=what)
        left = page.say("control.waiting" if mine else "control.left", n=asked["seconds_left"])
        draw(f'<p class="asked"><b>{esc(words)}</b><span class="muted">{esc(left)}</span></p>')
        if mine:
            return
        if st.button(page.say("control.confirm"), key=f"control-confirm-{asked['id']}", type="primary"):
            order = Order(
                asked["by"], asked["act"], room["id"], asked["on"], asked["reason"],
                second=page.user.name, request=asked["id"],
            )  # fmt: skip
            _give(page, order)


def _give(page: shell.Page, order: Order) -> None:
    """Carry an order out if whoever gives it may, at this moment; what became of it stays on the bar."""
    st.session_state[_said(order.room)] = (*carried_out(page, order), time.monotonic())
    st.rerun(scope="fragment")


def carried_out(page: shell.Page, order: Order) -> tuple[str, str]:
    """Give the order for who looks now; (outcome, what to say). Their role is checked again at this moment."""
    what = page.say(f"control.{order.act}_{'on' if order.on else 'off'}")
    user = context.current_user()
    if user is None or not may(user.role, order) or user.name != (order.second or order.actor):
        return "refused", page.say("common.not_allowed")
    try:
        answer = rooms_live.give(order, lang=page.lang)
    except SQLAlchemyError as error:
        return "refused", page.say("control.said_refused", what=what, why=type(error).__name__)
    return answer.outcome, page.say(f"control.said_{answer.outcome}", what=what, why=answer.words)


def may(role: str, order: Order) -> bool:
    """Whether a role may give an order, or confirm one."""
    if order.act == "needs_two" and not order.second:
        return role in rooms_live.KEEPERS
    return role in rooms_live.HOSTS
