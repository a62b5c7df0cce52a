"""Names behind masks 显名: a button asks for a reason, the chain keeps it, and the mask falls again after a while."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import context
from dashboard.shell import screen as shell
from dashboard.shell.html import draw, esc
from messages import Invalid
from records import unmasking
from records.administration import By, Conflict, shown_names
from records.clock import timestamp

_HELD = "names-shown"


def names_shown(page: shell.Page, kind: str, object_id: str) -> bool:
    """Draw the control of one object's names; whether this viewer sees them now."""
    if not page.names_visible:
        return False
    until: dict[str, float] = st.session_state.setdefault(_HELD, {})
    shown = until.get(f"{kind}/{object_id}", 0) > timestamp()
    with st.container(horizontal=True, vertical_alignment="center", key=f"unmask-{kind}"):
        words = "unmask.shown" if shown else "unmask.masked"
        draw(f'<p class="muted">{esc(page.say(words, minutes=unmasking.SHOWN_SECONDS // 60))}</p>')
        if shown:
            st.button(
                page.say("unmask.hide"),
                key=f"mask-{kind}",
                on_click=_mask,
                args=(f"{kind}/{object_id}",),
            )
        else:
            _ask(page, kind, object_id, until)
    return shown  # fmt: skip


def _mask(name: str) -> None:
    st.session_state[_HELD].pop(name, None)


def _ask(page: shell.Page, kind: str, object_id: str, until: dict[str, float]) -> None:
    """The button with its form, and the requests of others that wait for a second person."""
    with st.popover(page.say("unmask.show")), st.form(f"unmask-form-{kind}", border=False):
        draw(f"<p>{esc(page.say('unmask.explained', minutes=unmasking.SHOWN_SECONDS // 60))}</p>")
        reason = st.text_area(page.say("unmask.reason"), max_chars=unmasking.LONGEST)
        if st.form_submit_button(page.say("unmask.show"), type="primary"):
            _look(page, kind, object_id, reason, until)
    two = context.config().unmask_by_two
    with context.ledger().read() as session:
        waits = unmasking.waiting(session, kind, object_id, two=two)
        asked = [(one.id, one.asked_by, one.reason) for one in waits if one.asked_by != page.user.name]
        people = shown_names(session, [who for _, who, _ in asked])
    for number, who, why in asked:
        label = page.say("unmask.confirm", who=people[who], reason=why)
        st.button(label, key=f"confirm-{number}", on_click=_confirm, args=(page, number))


def _look(page: shell.Page, kind: str, object_id: str, reason: str, until: dict[str, float]) -> None:
    two = context.config().unmask_by_two
    try:
        with context.ledger().write() as session:
            waits = unmasking.look(session, kind, object_id, reason, _by(page), two=two) is not None
    except Invalid as refused:
        st.error(refused.message.text(page.lang))
        return
    if waits:
        st.info(page.say("unmask.waiting"))
        return
    until[f"{kind}/{object_id}"] = timestamp() + unmasking.SHOWN_SECONDS
    st.rerun()


def _confirm(page: shell.Page, number: int) -> None:
    try:
        with context.ledger().write() as session:
            unmasking.confirm(session, number, _by(page))
    except (LookupError, Conflict) as refused:
        st.toast(str(refused.args[0].text(page.lang)))


def _by(page: shell.Page) -> By:
    return By(page.user.name, context.viewer_address())


def names(page: shell.Page, ids: Sequence[str], shown: bool) -> dict[str, str]:
    """Organisation → what it is called here: its name where shown, else a sign of its place in the list."""
    if not shown:
        return {one: sign(page, place) for place, one in enumerate(ids)}
    with context.ledger().read() as session:
        held = unmasking.names_behind(session, ids)
    return {one: held.get(one, one) for one in ids}


def sign(page: shell.Page, place: int) -> str:
    """甲、乙、丙 …, then numbers."""
    letters = page.say("unmask.signs")
    return letters[place] if place < len(letters) else str(place + 1)
