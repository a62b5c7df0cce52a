"""S10's opinions 社会监督意见: what waits, what was answered, and the form of whoever answers them."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import streamlit as st

from dashboard import context
from dashboard.exports import tables as tabledata
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.html import draw, esc
from messages import Fault
from records import opinions
from records.administration import By
from records.clock import now
from records.keys import key_of
from records.opinions import ANSWERED, OPEN, HandledOpinion
from supervision.figures import formats as figures

ANSWERERS = frozenset({"public-officer", "admin"})
"""Roles that answer; a supervisor reads."""
SEEN = 8
DAY = 86_400
_SAID = "opinion-said"
_HELD = "opinion-held"
"""The opinion in whose form somebody may be writing (and the centre it was found under): it stays, whoever answers it meanwhile."""
_BEGUN = "opinion-begun"
"""Opinion → the answer it had when its form was opened, None for none."""
_TOLD = "opinion-told"
"""Opinion → the answer of somebody else's that was pointed out above the form."""
_COLUMNS = [
    tables.Column("content", width=420), tables.Column("project", width=240), tables.Column("channel"), tables.Column("received_at"),
    tables.Column("answer", width=240),
]  # fmt: skip


def show(page: shell.Page) -> None:
    """The list, open ones first, and below it the chosen one with its answer."""
    which = _which(page)
    centre = page.filters.centre
    with context.ledger().read() as session:
        total = opinions.count(session, centre, which)
        every = opinions.count(session)
    if said := st.session_state.pop(_SAID, None):
        draw(f'<p class="said done" role="status">{esc(said)}</p>')
    if not total:
        words = page.say("opinions.none_open" if which == OPEN and every else "opinions.none")
        draw(tables.card(page.say("opinions.title"), "", "", words))
    else:
        note = f"{page.say('opinions.count', n=figures.number(total))} · {page.say('table.pick')}"
        rows = partial(_rows, page, which)
        tables.grid(
            "opinions", page.say("opinions.title"), note, total, _COLUMNS, page.lang, rows, _choose, seen=SEEN
        )
    if (chosen := _chosen(page, which)) is not None:
        _one(page, chosen)


def _which(page: shell.Page) -> str:
    centre = page.filters.centre
    with context.ledger().read() as session:
        found = {which: opinions.count(session, centre, which) for which in (OPEN, ANSWERED)}
    names = {which: page.say(f"opinions.which_{which}", n=figures.number(n)) for which, n in found.items()}
    return choices.segments("opinions", page.say("opinions.which"), names, default=OPEN)


def _rows(page: shell.Page, which: str, shown: tables.Window) -> list[tables.Row]:
    with context.ledger().read() as session:
        found = opinions.listed(session, page.filters.centre, which, shown.size, shown.offset)
    return [
        tables.Row([
            o.content, o.project or page.say("opinions.no_project"), page.say(f"opinions.channel_{o.channel}"),
            tabledata.stamp(o.received_at), o.public_text if o.answered_at else _waiting(page, o),
        ], o.id)
        for o in found
    ]  # fmt: skip


def _choose(opinion: str) -> None:
    """Show the opinion that was ticked below the list; its answer is the one that stands now."""
    _let_go(opinion)
    st.query_params["opinion"] = opinion


def _waiting(page: shell.Page, opinion: HandledOpinion) -> str:
    days = (now() - opinion.received_at).total_seconds() / DAY
    return page.say("opinions.waiting", n=figures.number(days))


def _chosen(page: shell.Page, which: str) -> HandledOpinion | None:
    """The opinion the address names, else the one whose form is open, else the first that waits."""
    held, centre = st.session_state.get(_HELD, ("", None))
    asked = st.query_params.get("opinion") or (
        held if which == OPEN and centre == page.filters.centre else ""
    )
    with context.ledger().read() as session:
        if asked:
            return opinions.one(session, asked)
        first = opinions.listed(session, page.filters.centre, which, 1)
    return first[0] if first and which == OPEN else None


def _one(page: shell.Page, opinion: HandledOpinion) -> None:
    with st.container(border=True, key="opinion"):
        draw(
            f'<div class="hd"><h2>{_project(page, opinion)}</h2><span class="muted">{esc(key_of(opinion.id))} · '
            f"{esc(tabledata.stamp(opinion.received_at))}</span></div><p>{esc(opinion.content)}</p>"
        )
        if opinion.answered_at:
            words = page.say(
                "opinions.answered",
                who=opinion.handler or "—",
                time=tabledata.stamp(opinion.answered_at) or "—",
            )
            public = f" {esc(opinion.public_text)}" if opinion.public_text else ""
            draw(f'<p class="said done"><b>{page.say("opinions.public")}</b>{public}　{esc(words)}</p>')
        if page.user.role in ANSWERERS:
            _sender(page, opinion)
            st.session_state[_HELD] = opinion.id, page.filters.centre
            _form(page, opinion)


def _meanwhile(page: shell.Page, opinion: HandledOpinion) -> bool:
    """Say above the form that somebody else has answered since it was opened; true the first time it is said."""
    begun = st.session_state.setdefault(_BEGUN, {}).setdefault(opinion.id, opinion.answered_at)
    if opinion.answered_at in (begun, None):
        return False
    words = page.say(
        "opinions.meanwhile", who=opinion.handler or "—", time=tabledata.stamp(opinion.answered_at)
    )
    draw(f'<p class="said refused" role="alert">{esc(words)}</p>')
    st.button(page.say("opinions.onward"), key="opinion-onward", on_click=_let_go, args=(opinion.id,))
    told = st.session_state.setdefault(_TOLD, {})
    new, told[opinion.id] = told.get(opinion.id) != opinion.answered_at, opinion.answered_at
    return bool(new)


def _let_go(opinion: str) -> None:
    """The form is left: what comes next is the first that waits."""
    st.session_state.pop(_HELD, None)
    for kept in (_BEGUN, _TOLD):
        st.session_state.get(kept, {}).pop(opinion, None)
    layout.choose(opinion="")


def _project(page: shell.Page, opinion: HandledOpinion) -> str:
    """What the opinion is about: the project's name, which leads to its public page."""
    if opinion.project is None or opinion.project_id is None:
        return esc(page.say("opinions.no_project"))
    return tables.link(
        f"{context.config().hub_url}/project/{quote(opinion.project_id, safe='')}", opinion.project
    )


def _sender(page: shell.Page, opinion: HandledOpinion) -> None:
    """Who sent it, at a press of a button that is audited."""
    if not opinion.named or not st.button(page.say("opinions.who"), key=f"sender-{opinion.id}"):
        return
    with context.ledger().write() as session:
        found = opinions.sender(session, opinion.id, By(page.user.name, context.viewer_address()))
    if found:
        draw(
            f'<p class="said">{esc(" · ".join(found))}　<span class="muted">{esc(page.say("opinions.who_note"))}</span></p>'
        )


def _form(page: shell.Page, opinion: HandledOpinion) -> None:
    """The answer's form. What is sent before its writer was told of somebody else's answer does not overwrite that."""
    news = _meanwhile(page, opinion)
    with st.form(f"answer-{opinion.id}", border=False):
        text = st.text_area(
            page.say("opinions.answer"), value=opinion.public_text or "", max_chars=opinions.LONGEST,
            help=page.say("opinions.hint"), key=f"answer-text-{opinion.id}",
        )  # fmt: skip
        draw(f'<p class="muted">{page.say("opinions.hint")}</p>')
        key = "opinions.change" if opinion.answered_at else "opinions.send"
        if st.form_submit_button(page.say(key), type="primary") and not news:
            _answer(page, opinion, text)


def _answer(page: shell.Page, opinion: HandledOpinion, text: str) -> None:
    """Write the answer; the account is asked for its role anew, for the page may have stood open long."""
    user = context.current_user()
    if user is None or user.role not in ANSWERERS:
        draw(f'<p class="said refused" role="alert">{esc(page.say("common.not_allowed"))}</p>')
        return
    try:
        with context.ledger().write() as session:
            opinions.answer(session, opinion.id, text, By(user.name, context.viewer_address()))
    except Fault as refusal:
        draw(f'<p class="said refused" role="alert">{esc(refusal.message.text(page.lang))}</p>')
        return
    st.session_state[_SAID] = page.say("opinions.done", id=key_of(opinion.id))
    _let_go(opinion.id)
    st.rerun()
