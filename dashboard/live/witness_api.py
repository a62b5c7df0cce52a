"""Addresses of the witnesses' board 见证台: the board, a task and acts on it, snapshots, reports, draws, alarms, looks."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import context, screens
from dashboard.access.accounts import SignedIn
from dashboard.live import witness
from dashboard.live.json_routes import address, language, refused, route
from messages import Message, Unknown
from records import audit
from records.administration import By
from records.serving import signing
from records.serving.problems import Problem
from records.serving.requests import has_tag, whole
from records.tables.organisations import Room
from records.witnessing import alarms, draws, looks, papers, scene, tasks
from records.witnessing.checklist import OPENING

SLUG = "witness"


def _by(request: Request, user: SignedIn) -> By:
    return By(user.name, address(request))


def _manager(user: SignedIn) -> None:
    if user.role not in tasks.MANAGERS:
        raise Problem(403, Message("http.not_your_role"))


# ── reading ──────────────────────────────────────────────────────────────────


def board(request: Request, user: SignedIn) -> Response:
    """GET /api/witness?period=&centre=&who=: the board; 304 while nothing on it has changed."""
    with refused(), context.ledger().read() as session:
        found = witness.board(session, witness.question(request.query_params, user), user, language(request))
    return _unless_known(request, found)


def task(request: Request, user: SignedIn) -> Response:
    """GET /api/witness/tasks/{id}: a task whole; 404 also for one that is not theirs to see; 304 while unchanged."""
    with refused(), context.ledger().read() as session:
        try:
            found = witness.detail(session, request.path_params["id"], user, language(request))
        except (Unknown, tasks.IllegalAct) as error:
            raise Problem(404, error.message) from None
    return _unless_known(request, found)


def _unless_known(request: Request, found: dict[str, Any]) -> Response:
    """The answer with a tag of its content, `now` left out; 304 to who has it already."""
    content = json.dumps({**found, "now": ""}, ensure_ascii=False, sort_keys=True)
    tag = f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    if has_tag(request, tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(found, headers=headers)


def people(request: Request, user: SignedIn) -> dict[str, Any]:
    """GET /api/witness/people?task=: who can be given a task."""
    with refused(), context.ledger().read() as session:
        return {"people": witness.people(session, request.query_params.get("task"))}


def snapshot(request: Request, user: SignedIn) -> Response:
    """GET /api/witness/tasks/{id}/snapshots/{sha256}: the picture. Who looks at one of an evaluation that somebody else
    witnesses is noted."""
    number, digest = request.path_params["id"], request.path_params["sha256"]
    with refused(), context.ledger().read() as session:
        held = tasks.of(session, number)
        if not tasks.sees(user.role, user.name, held):
            raise Problem(404, Message("witness.unknown_snapshot"))
        found = papers.snapshot(session, number, digest)
        picture, media_type = found.picture, found.media_type
    if held.step != OPENING and held.witness != user.name:
        with refused(), context.ledger().write() as session:
            audit.write(
                session, user.name, "witness.snapshot_seen", object_kind="witness_task", object_id=number,
                detail={"sha256": digest}, ip=address(request),
            )  # fmt: skip
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(picture, media_type=media_type, headers=headers)


# ── acting ───────────────────────────────────────────────────────────────────


def act(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/tasks/{id}/acts {"act", "seen", "target"?, "closing"?}: 409 in words where it is not to be."""
    given, number = request.state.given, request.path_params["id"]
    kind, seen = given.get("act"), given.get("seen")
    moving = {name for name, rule in tasks.ACTS.items() if rule.to is not None} - {"draw"}
    if kind not in moving or type(seen) is not int:
        raise Problem(400, Message("witness.bad_act", choices=sorted(moving)))
    with refused(), context.ledger().write() as session:
        closing = tasks.remark_of(given.get("closing"))
        detail = {"closing": closing} if closing else {}
        done = tasks.act(
            session, number, kind, _by(request, user), user.role, seen=seen, target=given.get("target"), detail=detail,
        )  # fmt: skip
        return {"state": done.task.state, "version": done.task.version, "already": done.already}


def item(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/tasks/{id}/items {"item", "result", "note"?, "snapshot"?}, or {"remark", "snapshot"?}."""
    given, number, by = request.state.given, request.path_params["id"], _by(request, user)
    picture = given.get("snapshot") or None
    with refused(), context.ledger().write() as session:
        if picture is not None:
            papers.snapshot(session, number, str(picture))
        if "remark" in given:
            row = tasks.remark(session, number, given["remark"], by, user.role, snapshot=picture)
        else:
            row = tasks.tick(
                session, number, str(given.get("item")), str(given.get("result")), by, user.role,
                note=given.get("note"), snapshot=picture,
            )  # fmt: skip
        return {"item": row.item, "at": row.at.isoformat()}


def add_snapshot(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/tasks/{id}/snapshots?note= with a picture as its body: kept with its digest, 201 in effect."""
    number = request.path_params["id"]
    with refused(), context.ledger().write() as session:
        row = papers.add_snapshot(
            session, number, request.state.given, _by(request, user), user.role, note=request.query_params.get("note"),
        )  # fmt: skip
        return {"id": row.id, "at": row.at.isoformat()}


def report(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/tasks/{id}/reports: save a draft, or with "submit" submit it."""
    with refused(), context.ledger().write() as session:
        row = papers.save_report(
            session, request.path_params["id"], request.state.given, _by(request, user), user.role
        )  # fmt: skip
        return {"id": row.id, "state": row.state, "saved_at": row.saved_at.isoformat()}


def draw(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/draws {"tasks", "left_out"}: the desk's commitment and what it fixes."""
    _manager(user)
    given = request.state.given
    wanted, away = given.get("tasks"), given.get("left_out") or []
    if not _texts(wanted) or not isinstance(away, list) or not all(isinstance(one, dict) for one in away):
        raise Problem(400, Message("witness.bad_draw"))
    with refused(), context.ledger().write() as session:
        row = draws.prepare(session, wanted, away, _by(request, user))
        return {"id": row.id, "commitment": row.commitment, "statement": draws.statement(row)}


def _texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def reveal(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/draws/{id} {"seed"}: the second seed; the draw with its result."""
    _manager(user)
    with refused(), context.ledger().write() as session:
        row = draws.reveal(
            session, request.path_params["id"], request.state.given.get("seed"), _by(request, user), user.role
        )  # fmt: skip
        return witness.draw_json(row, witness.viewer(session, user, language(request)))


def acknowledge(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/alarms/{id} {"note"?}: somebody takes note of an alarm."""
    _manager(user)
    number = whole(request.path_params["id"])
    with refused(), context.ledger().write() as session:
        note = request.state.given.get("note")
        row = alarms.acknowledge(session, number or 0, _by(request, user), note)
        return {"id": row.id, "by": row.acknowledged_by}


def look(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/witness/looks {"task", "reason"?} or {"room", "reason"}: a view token for a task's room.

    Into a room that is not public a witness looks while they witness their own task; anybody else who supervises says
    why. A refusal is noted like a look.
    """
    given, by = request.state.given, _by(request, user)
    number, reason = given.get("task") or None, looks.reason_of(given.get("reason"))
    with refused(), context.ledger().write() as session:
        held = tasks.of(session, str(number)) if number else None
        room = session.get(Room, held.room_id if held else str(given.get("room")))
        if room is None or (room.is_public and held is None):
            raise Problem(404, Message("room.unknown_room", room=str(given.get("room") or "")))
        if held is not None and room.is_public:
            if not tasks.sees(user.role, user.name, held):
                raise Problem(403, Message("witness.not_to_see"))
            if not scene.shows_picture(session, held):
                raise Problem(403, Message("witnessing.elsewhere"))
            return _view(user, room, looks.inside(session, room, by, task=held.id))
        remote = screens.may_see(user.role, screens.BY_SLUG["remote"])
        mine = held is not None and held.witness == user.name and held.state == "joined"
        granted = remote and (mine or reason is not None)
        row = looks.ask(session, room, by, reason=reason, task=held.id if held else None, granted=granted)
    if not granted:
        raise Problem(403, Message("witness.look_refused" if remote else "http.not_your_role"))
    return _view(user, room, row.id)


def _view(user: SignedIn, room: Room, entry: str) -> dict[str, Any]:
    """What opens a room's picture to somebody; `entry` says who looks and why."""
    key = signing.load_key(context.config().data_dir)
    return {"token": signing.view_token(key, room.id, user.name, entry), "room": room.id}


routes: list[BaseRoute] = [
    route("/api/witness", "GET", SLUG, board, function="F17"),
    route("/api/witness/people", "GET", SLUG, people, function="F17"),
    route("/api/witness/tasks/{id}", "GET", SLUG, task, function="F17"),
    route("/api/witness/tasks/{id}/acts", "POST", SLUG, act, function="F17"),
    route("/api/witness/tasks/{id}/items", "POST", SLUG, item, function="F17"),
    route(
        "/api/witness/tasks/{id}/snapshots",
        "POST",
        SLUG,
        add_snapshot,
        function="F17",
        picture=papers.LARGEST,
    ),
    route("/api/witness/tasks/{id}/snapshots/{sha256}", "GET", SLUG, snapshot, function="F17"),
    route("/api/witness/tasks/{id}/reports", "POST", SLUG, report, function="F17"),
    route("/api/witness/draws", "POST", SLUG, draw, function="F17"),
    route("/api/witness/draws/{id}", "POST", SLUG, reveal, function="F17"),
    route("/api/witness/alarms/{id}", "POST", SLUG, acknowledge, function="F17"),
    route("/api/witness/looks", "POST", SLUG, look, function="F17"),
]
