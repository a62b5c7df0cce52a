"""JSON the live components ask for: warnings and acting on them, the hall's seats, view tokens.

How they may be asked is said by `dashboard.live.door`.
"""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import context, screens
from dashboard.access import accounts
from dashboard.access.accounts import SignedIn
from dashboard.live import host_desk, opening_record
from dashboard.live import rooms as rooms_live
from dashboard.live import warnings as warning_views
from dashboard.live.json_routes import address, language, route
from messages import Invalid, Message, Unknown
from records import audit, hosting, unmasking
from records.administration import By, Conflict, shown_names
from records.serving import signing
from records.serving.problems import Problem
from records.serving.requests import whole
from records.tables.organisations import Room
from records.tables.users import User
from records.witnessing import alarms, looks
from supervision.lists import hall
from supervision.warnings import desk as warnings
from supervision.warnings.handling import Action, Disposition

LONGEST_NOTE = 1000


# ── warnings ─────────────────────────────────────────────────────────────────


def list_warnings(request: Request, user: SignedIn) -> dict[str, Any]:
    """GET /api/warnings: the stream with its filters, newest first, and the feed number it stands at."""
    try:
        question = warning_views.question(request.query_params, user.name)
    except Invalid as error:
        raise Problem(400, error.message) from None
    with context.ledger().read() as session:
        return warning_views.stream(session, question, language(request))


def count_warnings(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/warnings/counts: open warnings by level and the lamp of each centre; no names."""
    with context.ledger().read() as session:
        return warning_views.tally(session, language(request))


def worst_lots(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/warnings/lots: the ten lots with the worst and most open warnings."""
    with context.ledger().read() as session:
        return {"lots": warning_views.worst_lots(session)}


def get_warning(request: Request, user: SignedIn) -> dict[str, Any]:
    """GET /api/warnings/{id}: evidence in order, subjects under masks, what the rule cannot know."""
    return _detail(request, user, names=False)


def unmask(request: Request, user: SignedIn) -> dict[str, Any] | Response:
    """POST /api/warnings/{id}/names {"reason"}: the same with names; reason and look are audit entries.

    202 with the number of the request where a second person has to confirm it first.
    """
    found = _detail(request, user, names=True)
    by, two = By(user.name, address(request)), context.config().unmask_by_two
    with context.ledger().write() as session:
        try:
            held = unmasking.look(
                session, "warning", found["id"], request.state.given.get("reason"), by, two=two
            )
        except Invalid as error:
            raise Problem(400, error.message) from None
        if held is not None:
            return JSONResponse({"request": held.id, "asked_by": held.asked_by}, 202)
    return found


def confirm_unmask(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/warnings/{id}/names/{request}/confirm: the second person's yes; the asker then asks again."""
    number = whole(request.path_params["request"])
    if number is None:
        raise Problem(404, Message("unmasking.no_request"))
    with context.ledger().write() as session:
        try:
            held = unmasking.confirm(session, number, By(user.name, address(request)))
        except Unknown as error:
            raise Problem(404, error.message) from None
        except Conflict as error:
            raise Problem(409, error.message) from None
        return {"request": held.id, "asked_by": held.asked_by, "confirmed_by": held.confirmed_by}


def _detail(request: Request, user: SignedIn, *, names: bool) -> dict[str, Any]:
    two = context.config().unmask_by_two
    with context.ledger().read() as session:
        try:
            found = warning_views.detail(session, request.path_params["id"], language(request), names=names)
        except Unknown as error:
            raise Problem(404, error.message) from None
        asked = unmasking.waiting(session, "warning", found["id"], two=two)
        people = shown_names(session, [one.asked_by for one in asked])
        return found | {
            "asked": [
                {"request": one.id, "who": people[one.asked_by], "reason": one.reason, "mine": one.asked_by == user.name}
                for one in asked
            ]
        }  # fmt: skip


def act(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/warnings/{id}/act {"action", "disposition"?, "note"?, "assignee"?}: 409 if the state does not allow it."""
    given = request.state.given
    action, disposition, note = given.get("action"), given.get("disposition") or None, given.get("note")
    if action not in get_args(Action):
        raise Problem(400, Message("http.not_one_of", name="action", choices=get_args(Action)))
    if disposition is not None and disposition not in get_args(Disposition):
        raise Problem(400, Message("http.not_one_of", name="disposition", choices=get_args(Disposition)))
    if note is not None and (not isinstance(note, str) or len(note) > LONGEST_NOTE):
        raise Problem(400, Message("warning.note_too_long", most=LONGEST_NOTE))
    assignee = given.get("assignee") or None
    with context.ledger().write() as session:
        if assignee is not None and assignee not in {one.name for one in assignees(session)}:
            raise Problem(400, Message("warning.unknown_assignee"))
        try:
            row = warnings.act(
                session,
                request.path_params["id"],
                action,
                user.name,
                disposition,
                note,
                address(request),
                assignee,
            )
        except Unknown as error:
            raise Problem(404, error.message) from None
        except warnings.IllegalAction as error:
            raise Problem(409, error.message) from None
        return warning_views.items(session, [row], language(request))[0]


def assignees(session: Session) -> list[User]:
    """The accounts a warning can be given to: in use, and of a role that sees whom it is about."""
    return accounts.open_users(session, screens.roles_with_names("warnings"))


def people(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/assignees: whom a warning can be given to."""
    with context.ledger().read() as session:
        return {"people": [{"name": u.name, "display_name": u.display_name} for u in assignees(session)]}


# ── rooms ────────────────────────────────────────────────────────────────────


def seats(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/hall: every public opening room, what it is at and how its stream does; no number of bidders."""
    with context.ledger().read() as session:
        asked = request.query_params
        found = hall.seats(
            session,
            language(request),
            centre=asked.get("centre"),
            family=asked.get("family"),
            key_only=asked.get("key") == "1",
        )
    seen = rooms_live.snapshot()
    return {"seats": [seat | _stream(seen, seat["room"], language(request)) for seat in found]}


def _stream(seen: rooms_live.Snapshot, room_id: str, lang: str) -> dict[str, Any]:
    """How a seat's stream does: the grade for its mark, the figures for its tooltip."""
    room = seen.room(room_id)
    return {"grade": rooms_live.grade(room), "tip": rooms_live.tip(room, lang)}


def view_token(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/rooms/{id}/view-token: a token for the line inside a public room; off air that is a look, which is written
    down. Into a room that is not public it leads nobody: that takes a task or a reason (/api/witness/looks)."""
    room_id = request.path_params["id"]
    with context.ledger().write() as session:
        room = session.get(Room, room_id)
        if room is None or not room.is_public:
            raise Problem(404, Message("room.unknown_room", room=room_id))
        look = looks.inside(session, room, By(user.name, address(request)))
    key = signing.load_key(context.config().data_dir)
    return {"token": signing.view_token(key, room_id, user.name, look)}


def record_csv(request: Request, user: SignedIn) -> Response:
    """GET /api/openings/{id}/record.csv: the opening record as it was read aloud; the download is logged."""
    opening_id = request.path_params["id"]
    with context.ledger().write() as session:
        if hall.find(session, opening_id) is None:
            raise Problem(404, Message("opening.unknown_opening", opening=opening_id))
        text = opening_record.as_csv(session, opening_id, language(request))
        audit.write(
            session,
            user.name,
            "export.record",
            object_kind="opening",
            object_id=opening_id,
            ip=address(request),
        )
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'record-{opening_id}.csv', safe='')}"
    }
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


# ── the host's desk ──────────────────────────────────────────────────────────


def host_state(request: Request, user: SignedIn) -> dict[str, Any]:
    """GET /api/openings/{id}/desk?after=SEQ: how the opening stands, what is new, what this user may do."""
    after = whole(request.query_params.get("after", "0"))
    if after is None:
        raise Problem(400, Message("http.not_whole", name="after"))
    opening_id = request.path_params["id"]
    with context.ledger().read() as session:
        try:
            found = host_desk.state(session, opening_id, after, user, language(request))
        except Unknown as error:
            raise Problem(404, error.message) from None
        due = user.role in hosting.HOSTS and alarms.host_due(session, opening_id, user.name)
    if due:
        with context.ledger().write() as session:
            alarms.host_seen(session, opening_id, user.name)
    return found


def host_step(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/openings/{id}/steps {"kind", "payload", "seen"}: take a step once, however often it is sent."""
    with context.ledger().write() as session:
        return host_desk.perform_step(
            session, request.path_params["id"], request.state.given, user, address(request)
        )


def host_retender(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/openings/{id}/retender {"deadline"}: the next round of a failed lot."""
    if user.role not in hosting.HOSTS:
        raise Problem(403, Message("http.not_your_role"))
    with context.ledger().write() as session:
        return host_desk.begin_again(
            session, request.path_params["id"], request.state.given, user, address(request)
        )


def host_voice(request: Request, _user: SignedIn) -> Response:
    """GET /api/openings/{id}/voice/{no}.wav: the last reading of a bid in synthesised Mandarin."""
    number = whole(request.path_params["no"])
    with context.ledger().read() as session:
        sound = host_desk.spoken(session, request.path_params["id"], number or 0)
    return Response(sound, media_type="audio/wav", headers={"Cache-Control": "no-store"})


routes: list[BaseRoute] = [
    route("/api/warnings", "GET", "warnings", list_warnings, names=True),
    route("/api/warnings/counts", "GET", "warnings", count_warnings),
    route("/api/warnings/lots", "GET", "warnings", worst_lots, names=True),
    route("/api/warnings/{id}", "GET", "warnings", get_warning, names=True),
    route("/api/warnings/{id}/names", "POST", "warnings", unmask, names=True),
    route("/api/warnings/{id}/names/{request}/confirm", "POST", "warnings", confirm_unmask, names=True),
    route("/api/assignees", "GET", "warnings", people, names=True),
    route("/api/warnings/{id}/act", "POST", "warnings", act, names=True),
    route("/api/hall", "GET", "hall", seats),
    route("/api/openings/{id}/record.csv", "GET", "room", record_csv),
    route("/api/openings/{id}/desk", "GET", "room", host_state),
    route("/api/openings/{id}/steps", "POST", "room", host_step),
    route("/api/openings/{id}/retender", "POST", "room", host_retender),
    route("/api/openings/{id}/voice/{no}.wav", "GET", "room", host_voice),
    route("/api/rooms/{id}/view-token", "POST", "room", view_token),
]
