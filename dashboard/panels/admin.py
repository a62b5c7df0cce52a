"""The administrator's page: accounts, rooms, sources and wall displays, through the same functions as the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from sqlalchemy.orm import Session

from dashboard import context, screens
from dashboard.access import accounts, displays
from dashboard.shell import choices, tables
from dashboard.shell import screen as shell
from dashboard.shell.html import draw, esc
from messages import Fault
from records import rooms, sources
from records.administration import By
from records.clock import written
from records.serving.requests import whole
from records.tables.users import ROLES, role_name

AREAS = ("accounts", "rooms", "sources", "displays")
_SAID, _TOKEN = "admin-said", "admin-token"

Act = Callable[[Session, By], str | None]
"""Does something in a write transaction; gives a token that is to be shown once, or None."""


def show(page: shell.Page) -> None:
    """What was done last, the choice of area, and the area."""
    names = {area: page.say(f"admin.{area}") for area in AREAS}
    area = choices.segments("area", page.say("admin.area"), names, default=AREAS[0])
    _outcome(page)
    {"accounts": _accounts, "rooms": _rooms, "sources": _sources, "displays": _displays}[area](page)


def _outcome(page: shell.Page) -> None:
    kind, words = st.session_state.pop(_SAID, ("", ""))
    if words:
        role = "alert" if kind == "refused" else "status"
        draw(f'<p class="said {kind}" role="{role}">{esc(words)}</p>')
    if token := st.session_state.pop(_TOKEN, None):
        st.code(token, language=None)
        draw(f'<p class="muted">{page.say("admin.token_once")}</p>')


def do(page: shell.Page, act: Act, words: str, noted: Sequence[str] = ()) -> None:
    """Do it as the account that asks, whose role is looked at anew; say what came of it, and what was noted while it
    was done, on the next drawing."""
    user = context.current_user()
    if user is None or user.role != "admin":
        st.session_state[_SAID] = ("refused", page.say("common.not_allowed"))
        st.rerun()
        return
    try:
        with context.ledger().write() as session:
            token = act(session, By(user.name, context.viewer_address()))
    except Fault as refusal:
        st.session_state[_SAID] = ("refused", refusal.message.text(page.lang))
    else:
        st.session_state[_SAID] = ("done", " ".join((words, *noted)))
        if token:
            st.session_state[_TOKEN] = token
    st.rerun()


@dataclass(frozen=True)
class Field:
    """One field of a form: text, password, a choice, or a box to tick ("yes" where it is)."""

    name: str
    options: Mapping[str, str] | None = None
    secret: bool = False
    value: str = ""
    tick: bool = False
    label: str = ""
    """Word of the page that names it, where it is not its own."""


SURE = Field("sure", tick=True)
"""For acts that would cut an opening off: done only by who knows it."""


def form(page: shell.Page, key: str, fields: Sequence[Field], submit: str) -> dict[str, str] | None:
    """A form in a card; what was entered once it is sent, else None."""
    with st.form(key, clear_on_submit=False):
        draw(f"<b>{esc(page.say(f'admin.{key}'))}</b>")
        columns = st.columns(max(len(fields), 1))
        given = {
            one.name: _field(page, key, one, column) for one, column in zip(fields, columns, strict=False)
        }
        sent = st.form_submit_button(page.say(f"admin.{submit}"), type="primary")
    return given if sent else None


def _field(page: shell.Page, key: str, field: Field, column: st.delta_generator.DeltaGenerator) -> str:
    label, name = page.say(f"admin.{field.label or field.name}"), f"{key}-{field.name}"
    if field.options is not None:
        options = field.options
        return str(column.selectbox(label, list(options), format_func=options.__getitem__, key=name) or "")
    if field.tick:
        return "yes" if column.checkbox(label, key=name) else ""
    kind: Literal["password", "default"] = "password" if field.secret else "default"
    return column.text_input(label, value=field.value, type=kind, key=name, autocomplete="off").strip()


def _table(page: shell.Page, area: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    columns = [tables.Column(head) for head in heads]
    draw(tables.card(page.say(f"admin.{area}"), tables.markup(columns, rows, page.lang), str(len(rows))))


# ── accounts ─────────────────────────────────────────────────────────────────

ACCOUNT_ACTS = ("disable", "enable", "unlock")


def _accounts(page: shell.Page) -> None:
    with context.ledger().read() as session:
        held = accounts.list_users(session)
    state = {False: page.say("admin.in_use"), True: page.say("admin.disabled")}
    rows = [[esc(u.name), esc(u.display_name), role_name(u.role, page.lang), state[u.disabled]] for u in held]
    _table(page, "accounts", ("account", "shown_name", "role", "state"), rows)
    roles = {role: role_name(role, page.lang) for role in ROLES}
    names = {u.name: f"{u.display_name} ({u.name})" for u in held}
    _add_account(page, roles)
    _account_password(page, names)
    _account_role(page, names, roles)
    _account_state(page, names)


def _add_account(page: shell.Page, roles: Mapping[str, str]) -> None:
    fields = (
        Field("name", label="login"),
        Field("display_name"),
        Field("role", roles),
        Field("password", secret=True),
    )
    given = form(page, "add_account", fields, "add")
    if given is not None:
        name, role, password, shown = (given[k] for k in ("name", "role", "password", "display_name"))

        def act(session: Session, by: By) -> None:
            accounts.add_user(session, name, role, password, shown or None, by)

        do(page, act, page.say("admin.done_add", name=name))


def _account_password(page: shell.Page, names: Mapping[str, str]) -> None:
    given = form(page, "set_password", (Field("account", names), Field("password", secret=True)), "save")
    if given is not None:
        name, password = given["account"], given["password"]
        do(
            page,
            lambda s, by: accounts.set_password(s, name, password, by),
            page.say("admin.done", name=name),
        )


def _account_role(page: shell.Page, names: Mapping[str, str], roles: Mapping[str, str]) -> None:
    given = form(page, "set_role", (Field("account", names), Field("role", roles)), "save")
    if given is not None:
        name, role = given["account"], given["role"]
        do(page, lambda s, by: accounts.set_role(s, name, role, by), page.say("admin.done", name=name))


def _account_state(page: shell.Page, names: Mapping[str, str]) -> None:
    acts = {act: page.say(f"admin.{act}") for act in ACCOUNT_ACTS}
    given = form(page, "set_state", (Field("account", names), Field("act", acts)), "save")
    if given is not None:
        name = given["account"]
        work = {
            "disable": accounts.disable_user,
            "enable": accounts.enable_user,
            "unlock": accounts.unlock_user,
        }
        do(page, lambda s, by: work[given["act"]](s, name, by), page.say("admin.done", name=name))


# ── rooms ────────────────────────────────────────────────────────────────────

ROOM_ACTS = ("new_token", "release", "retake", "no_camera", "remove")


def _rooms(page: shell.Page) -> None:
    with context.ledger().read() as session:
        held = [(room, centre) for room, centre in rooms.list_rooms(session) if room.closed_at is None]
    kinds = {kind: page.say(f"room.kind.{kind}") for kind in rooms.KINDS}
    rows = [
        [
            esc(r.id), esc(r.name), esc(c.name), kinds.get(r.kind, esc(r.kind)),
            esc(rooms.shown_camera(r)) + (f" · {page.say('admin.released')}" if r.camera_released else ""),
        ]
        for r, c in held
    ]  # fmt: skip
    _table(page, "rooms", ("room_id", "room", "centre", "kind", "camera"), rows)
    names = {r.id: f"{r.name} ({r.id})" for r, _ in held}
    _add_room(page, kinds)
    if names:
        _edit_room(page, names)
        _room_camera(page, names)
        _room_act(page, names)


def _add_room(page: shell.Page, kinds: Mapping[str, str]) -> None:
    fields = (Field("room_id"), Field("room_name"), Field("centre"), Field("kind", kinds), Field("camera"))
    given = form(page, "add_room", fields, "add")
    if given is not None:
        room, name, centre, kind, camera = (given[f.name] for f in fields)
        noted: list[str] = []

        def act(session: Session, by: By) -> str:
            new = not rooms.centres_called(session, centre)
            token = rooms.add(session, room, name, centre, kind, camera, by)
            noted.extend(_notes(page, session, room, new))
            return token

        do(page, act, page.say("admin.done_add", name=room), noted)


def _notes(page: shell.Page, session: Session, room: str, new_centre: bool) -> list[str]:
    """What may not have been meant: a centre that was not there before, rooms that read alike."""
    twins, place = rooms.namesakes(session, room), rooms.known(session, room).centre_id
    said = [page.say("admin.new_centre", name=place)] if new_centre else []
    return said + ([page.say("admin.namesakes", names=", ".join(twins))] if twins else [])


def _edit_room(page: shell.Page, names: Mapping[str, str]) -> None:
    given = form(page, "edit_room", (Field("room_id", names), Field("room_name"), Field("centre")), "save")
    if given is not None:
        room, name, centre = given["room_id"], given["room_name"] or None, given["centre"] or None

        noted: list[str] = []

        def act(session: Session, by: By) -> None:
            new = centre is not None and not rooms.centres_called(session, centre)
            rooms.edit(session, room, name=name, centre=centre, by=by)
            noted.extend(_notes(page, session, room, new))

        do(page, act, page.say("admin.done", name=room), noted)


def _room_camera(page: shell.Page, names: Mapping[str, str]) -> None:
    given = form(page, "set_camera", (Field("room_id", names), Field("camera"), SURE), "save")
    if given is not None:
        room, camera, sure = given["room_id"], given["camera"], bool(given["sure"])

        def act(session: Session, by: By) -> None:
            rooms.set_camera(session, room, camera, by, sure)

        do(page, act, page.say("admin.done", name=room))


def _room_act(page: shell.Page, names: Mapping[str, str]) -> None:
    acts = {act: page.say(f"admin.{act}") for act in ROOM_ACTS}
    given = form(page, "room_act", (Field("room_id", names), Field("act", acts), SURE), "save")
    if given is not None:
        room, what, sure = given["room_id"], given["act"], bool(given["sure"])

        def act(session: Session, by: By) -> str | None:
            if what == "new_token":
                return rooms.new_token(session, room, by, sure)
            if what == "remove":
                rooms.remove(session, room, by, sure)
            elif what == "no_camera":
                rooms.set_camera(session, room, "", by, sure)
            else:
                rooms.release_camera(session, room, what == "release", by, sure)
            return None

        do(page, act, page.say("admin.done", name=room))


# ── sources ──────────────────────────────────────────────────────────────────

SOURCE_ACTS = ("new_token", "disable", "enable")


def _sources(page: shell.Page) -> None:
    with context.ledger().read() as session:
        held = sources.list_sources(session)
    state = {True: page.say("admin.in_use"), False: page.say("admin.disabled")}
    demo = page.say("common.demo")
    rows = [[esc(s.name), state[s.enabled], demo if s.demo else ""] for s in held]
    _table(page, "sources", ("source", "state", "kind"), rows)
    given = form(page, "add_source", (Field("name", label="source"),), "add")
    if given is not None:
        name = given["name"]
        do(page, lambda s, by: sources.add_source(s, name, by=by), page.say("admin.done_add", name=name))
    if held:
        _source_act(page, {s.name: s.name for s in held})


def _source_act(page: shell.Page, names: Mapping[str, str]) -> None:
    acts = {act: page.say(f"admin.{act}") for act in SOURCE_ACTS}
    given = form(page, "source_act", (Field("source", names), Field("act", acts), SURE), "save")
    if given is not None:
        name, what, sure = given["source"], given["act"], bool(given["sure"])

        def act(session: Session, by: By) -> str | None:
            if what == "new_token":
                return sources.rotate(session, name, by=by, sure=sure)
            sources.set_enabled(session, name, what == "enable", by=by, sure=sure)
            return None

        do(page, act, page.say("admin.done", name=name))


# ── wall displays ────────────────────────────────────────────────────────────


_EXAMPLE = "?kiosk=1&screens=overview,hall&every=30"


def _displays(page: shell.Page) -> None:
    with context.ledger().read() as session:
        held = displays.list_displays(session)
    rows = [
        [
            esc(d.name), esc(" → ".join(screens.BY_SLUG[slug].name(page.lang) for slug in d.screens)),
            page.say("admin.each_seconds", n=d.seconds), esc(d.added_by), written(d.added_at),
            page.say("admin.revoked" if d.revoked_at else "admin.in_use"),
        ]
        for d in held
    ]  # fmt: skip
    _table(page, "displays", ("display", "playlist", "each_screen", "added_by", "added_at", "state"), rows)
    draw(
        f'<p class="muted">{esc(page.say("admin.display_how", address="/auth/display", example=_EXAMPLE))}</p>'
    )
    _add_display(page)
    in_use = {d.name: d.name for d in held if d.revoked_at is None}
    if in_use:
        _revoke_display(page, in_use)


def _add_display(page: shell.Page) -> None:
    chosen = st.multiselect(
        page.say("admin.playlist"), list(screens.WALL), default=list(screens.WALL), key="display-screens",
        format_func=lambda slug: screens.BY_SLUG[slug].name(page.lang),
    )  # fmt: skip
    fields = (Field("name", label="display"), Field("seconds", value=str(displays.SECONDS)))
    given = form(page, "add_display", fields, "add")
    if given is not None:
        name, seconds = given["name"], whole(given["seconds"]) or 0
        do(
            page,
            lambda s, by: displays.add(s, name, chosen, seconds, by),
            page.say("admin.done_add", name=name),
        )


def _revoke_display(page: shell.Page, names: Mapping[str, str]) -> None:
    given = form(page, "revoke_display", (Field("display", names),), "revoke")
    if given is not None:
        name = given["display"]
        do(page, lambda s, by: displays.revoke(s, name, by), page.say("admin.done_revoke", name=name))
