"""S07's controls for the host and the opening record table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

import messages
from dashboard import context
from dashboard.live import opening_record
from dashboard.shell import screen as shell
from messages import Fault
from records import hosting
from records.wrong_values import explain

_SHOWN_BIDDERS = 8


def controls(page: shell.Page, opening_id: str) -> None:
    """The legal next steps; choosing one shows what it would publish, confirming does it."""
    say = page.say
    chosen_key = f"host-step-{opening_id}"
    with st.container(border=True, key="host"):
        st.markdown(f"**{say('room.host')}**　{say('room.host_hint')}")
        message = st.session_state.pop(f"host-said-{opening_id}", None)
        if message:
            (st.success if message[0] else st.error)(message[1])
        with context.ledger().read() as session:
            steps = {step.kind: step for step in hosting.next_steps(session, opening_id)}
            waiting = hosting.open_objections(session, opening_id)
            unit = opening_record.unit(session, opening_id, page.lang)
        if not steps:
            st.caption(say("room.host_none"))
            return
        with st.container(horizontal=True, key="host-steps"):
            for kind in steps:
                kind_name = say(f"room.step.{kind}")
                main = kind == st.session_state.get(chosen_key)
                if st.button(kind_name, key=f"host-{kind}", type="primary" if main else "secondary"):
                    st.session_state[chosen_key] = kind
                    st.rerun(scope="fragment")
        chosen = st.session_state.get(chosen_key)
        if chosen in steps:
            _confirm(page, opening_id, steps[chosen], waiting, chosen_key, unit)


def _confirm(
    page: shell.Page,
    opening_id: str,
    step: hosting.NextStep,
    waiting: list[tuple[int, str]],
    chosen_key: str,
    unit: str,
) -> None:
    name = page.say(f"room.step.{step.kind}")
    with st.form(f"host-form-{step.kind}", border=False):
        payload = _fields(page, step, waiting)
        st.caption(page.say("room.will_publish"))
        st.code(_preview(page, payload, unit), language=None, wrap_lines=True)
        with st.container(horizontal=True):
            sure = st.form_submit_button(page.say("room.confirm", step=name), type="primary")
            back = st.form_submit_button(page.say("room.cancel"))
    if back:
        st.session_state.pop(chosen_key, None)
        st.rerun(scope="fragment")
    if sure:
        st.session_state[f"host-said-{opening_id}"] = _do(page, opening_id, step.kind, payload, name)
        if st.session_state[f"host-said-{opening_id}"][0] and step.kind != "bid_read":
            st.session_state.pop(chosen_key, None)
        st.rerun(scope="fragment")


def _fields(page: shell.Page, step: hosting.NextStep, waiting: list[tuple[int, str]]) -> dict[str, Any]:
    """The step's payload, with what only the host knows asked for."""
    say, kind, given = page.say, step.kind, dict(step.payload)
    if kind == "sign_in":
        count = st.number_input(say("room.count"), min_value=0, value=None, step=1)
        return {} if count is None else {"count": int(count)}
    if kind == "decrypt_progress" and "done" not in given:
        st.caption(say("room.decrypt_unknown"))
        told = {
            name: st.number_input(_field(page, name), 0, given["total"], None, 1)
            for name in ("done", "failed")
        }
        return given | {name: int(value) for name, value in told.items() if value is not None}
    if kind == "paused":
        return {"reason": st.text_input(say("room.reason"), max_chars=200)}
    if kind == "objection":
        return given | {"content": st.text_area(say("room.content"), max_chars=2000)}
    if kind == "objection_answered":
        numbers = dict(waiting)
        no = st.selectbox(
            say("room.open_objections"), list(numbers), label_visibility="collapsed",
            format_func=lambda n: say("room.objection_no", no=n, words=numbers[n]),
        )  # fmt: skip
        return {
            "no": no,
            "answer": st.text_area(say("room.answer"), max_chars=2000, label_visibility="collapsed"),
        }
    if kind == "coefficient_drawn":
        return _draw(page)
    if kind == "record_confirmed":
        signed = st.number_input(say("room.signed"), min_value=0, value=None, step=1)
        return given if signed is None else given | {"signed": int(signed)}
    if kind == "ended":
        results = ["opened"] if given.get("result") == "opened" else []
        results += ["failed", "terminated"]
        return {
            "result": st.radio(
                say("room.result"), results, format_func=lambda r: say(f"room.result_{r}"), horizontal=True
            )
        }
    return given


def _draw(page: shell.Page) -> dict[str, Any]:
    usual = page.say("room.draw_kind_default")
    kind = st.text_input(page.say("room.draw_kind"), value=usual, max_chars=100)
    if kind == usual:  # the record keeps it in Chinese; every page says it in its reader's language
        kind = messages.say("room.draw_kind_default", "zh")
    value = st.text_input(page.say("room.draw_value"), max_chars=100)
    pool = st.text_input(page.say("room.draw_pool"), max_chars=1000)
    found = [part.strip() for part in pool.replace("，", ",").split(",") if part.strip()]
    return {"kind": kind, "value": value, **({"pool": found} if found else {})}


def _preview(page: shell.Page, payload: dict[str, Any], unit: str) -> str:
    """What will be published, as lines a person can check; a long list of bidders is cut."""
    lines = []
    for name, value in payload.items():
        if name == "bidders":
            shown = "、".join(f"{b['no']}. {b['name']}" for b in value[:_SHOWN_BIDDERS])
            lines.append(shown + (" …" if len(value) > _SHOWN_BIDDERS else ""))
        elif name == "count":
            lines.append(page.say("room.bidders", n=value))
        else:
            family = "room" if name == "result" else "term"
            code = f"result_{value}" if name == "result" else value
            shown = messages.named(family, code, page.lang) if isinstance(value, str) else value
            lines.append(f"{_field(page, name, unit)}: {shown}")
    return "\n".join(lines) or "—"


def _field(page: shell.Page, name: str, unit: str = "") -> str:
    key = f"room.field_{name}"
    return page.say(key if messages.known(key) else f"room.{name}", unit=unit)


def _do(page: shell.Page, opening_id: str, kind: str, payload: dict[str, Any], name: str) -> tuple[bool, str]:
    """Take the step; the host's role is checked again at this moment."""
    user = context.current_user()
    if user is None or user.role not in hosting.HOSTS:
        return False, page.say("common.not_allowed")
    try:
        with context.ledger().write() as session:
            event = hosting.perform(session, opening_id, kind, payload, host=user.name)
            seq = event.seq
    except Fault as error:
        return False, page.say("room.refused", why=error.message)
    except ValidationError as error:
        place, why = explain(error)
        return False, page.say("room.refused", why=f"{place}: {why.text(page.lang)}")
    return True, page.say("room.done", step=name, seq=seq)


# ── the record ───────────────────────────────────────────────────────────────


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
