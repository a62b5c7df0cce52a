"""JSON of the leads screen, and the package of a batch as a download."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.live import leads
from dashboard.live.json_routes import address, end_of_day, language, refused, route
from dashboard.shell.filters import read_choice
from messages import Message
from records import audit
from records.administration import By
from records.serving.problems import Problem
from records.tables.leads import LeadBatch
from supervision.figures.narrow import span
from supervision.leads import desk, package
from supervision.leads.checklist import ITEMS
from supervision.leads.states import SENT, Action


def list_batches(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/leads?period=&target=&state=&centre=: the batches, terms that are near, what waits for a batch."""
    asked = request.query_params
    with refused(), context.ledger().read() as session:
        since, until = span(read_choice(asked).filters.period)
        return leads.overview(session, leads.question(asked, since, until), language(request))


def get_batch(request: Request, user: SignedIn) -> dict[str, Any]:
    """GET /api/leads/{id}: one batch with its leads, checklist and what may be done."""
    with refused(), context.ledger().read() as session:
        return _batch(session, request.path_params["id"], request, user)


def list_free(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/leads/free: warnings that became leads and are in no batch."""
    with context.ledger().read() as session:
        return {"warnings": leads.free(session, language(request))}


def begin(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/leads {"title", "target", "target_name", "secrecy", "warnings"}: a new draft."""
    with refused(), context.ledger().write() as session:
        batch = desk.begin(session, request.state.given, _by(request, user))
        return _batch(session, batch.id, request, user)


def change(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/leads/{id} {"seen", "title"…, "add", "drop"}: change a draft; 409 where somebody else changed it."""
    with refused(), context.ledger().write() as session:
        batch = desk.change(
            session, request.path_params["id"], _seen(request), request.state.given, _by(request, user)
        )
        return _batch(session, batch.id, request, user)


def act(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/leads/{id}/act {"seen", "action", "note"?, "due"? (day)}: the next step of a batch."""
    given, action = request.state.given, request.state.given.get("action")
    if action not in get_args(Action):
        raise Problem(400, Message("http.not_one_of", name="action", choices=get_args(Action)))
    with refused(), context.ledger().write() as session:
        batch = desk.act(
            session, request.path_params["id"], action, _seen(request), _by(request, user), note=given.get("note"),
            due=_due(given.get("due")), two=context.config().leads_by_two,
        )  # fmt: skip
        if action == "transfer":
            package.make(session, batch, context.config().data_dir, _kept(batch.id), _maker(user))
        return _batch(session, batch.id, request, user)


def answer(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/leads/{id}/leads/{lead}/answer {"seen", "valid", "result", "disposed"}: what came back."""
    given = request.state.given
    if not isinstance(given.get("valid"), bool):
        raise Problem(400, Message("http.not_one_of", name="valid", choices=["true", "false"]))
    with refused(), context.ledger().write() as session:
        batch = desk.answer(
            session, request.path_params["id"], request.path_params["lead"], _seen(request), _by(request, user),
            valid=given["valid"], result=given.get("result"), disposed=bool(given.get("disposed")),
        )  # fmt: skip
        return _batch(session, batch.id, request, user)


def add_paper(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/leads/{id}/leads/{lead}/papers {"seen", "warning", "item", "note"}: a paper put in by hand."""
    given = request.state.given
    if given.get("item") not in ITEMS:
        raise Problem(400, Message("http.not_one_of", name="item", choices=list(ITEMS)))
    with refused(), context.ledger().write() as session:
        batch = desk.add_paper(
            session, request.path_params["id"], request.path_params["lead"], _seen(request), _by(request, user),
            warning=str(given.get("warning")), item=given["item"], note=given.get("note"),
        )  # fmt: skip
        return _batch(session, batch.id, request, user)


def download(request: Request, user: SignedIn) -> Response:
    """GET /api/leads/{id}/package.zip: what was handed on; before that a trial, marked as one. Every download is audited."""
    batch_id = request.path_params["id"]
    with refused(), context.ledger().write() as session:
        batch = session.get(LeadBatch, batch_id)
        if batch is None:
            raise Problem(404, Message("leads.unknown", batch=batch_id))
        raw = _package(session, batch, user)
        detail = {"trial": batch.state not in SENT, "bytes": len(raw)}
        audit.write(
            session, user.name, "export.leads", object_kind="lead_batch", object_id=batch_id, detail=detail,
            ip=address(request),
        )  # fmt: skip
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{batch_id}.zip', safe='')}"}
    return Response(raw, media_type="application/zip", headers={**headers, "Cache-Control": "no-store"})


def _package(session: Session, batch: LeadBatch, user: SignedIn) -> bytes:
    """The zip: as it was kept when the batch was handed on, else made now."""
    kept, data = _kept(batch.id), context.config().data_dir
    if batch.state in SENT and kept.is_file():
        return kept.read_bytes()
    with TemporaryDirectory(dir=data) as folder:
        out = Path(folder) / "package.zip"
        package.make(session, batch, data, out, _maker(user, trial=batch.state not in SENT))
        return out.read_bytes()


def _kept(batch_id: str) -> Path:
    """Where the package of a batch that was handed on is kept; ids of batches are numbers of ours."""
    return context.config().data_dir / "leads" / f"{quote(batch_id, safe='')}.zip"


def _maker(user: SignedIn, *, trial: bool = False) -> package.Maker:
    return package.Maker(user.display_name, context.config().home.name, trial)


def _batch(session: Session, batch_id: str, request: Request, user: SignedIn) -> dict[str, Any]:
    two = context.config().leads_by_two
    return leads.whole(session, batch_id, user.name, language(request), two=two)


def _seen(request: Request) -> int:
    seen = request.state.given.get("seen")
    if not isinstance(seen, int) or isinstance(seen, bool):
        raise Problem(400, Message("http.not_whole", name="seen"))
    return seen


def _due(given: object) -> datetime | None:
    """By when an answer is asked for: the end of that day; None for none."""
    return end_of_day(given, Message("leads.due", most=desk.LONGEST_TERM.days)) if given else None


def _by(request: Request, user: SignedIn) -> By:
    return By(user.name, address(request))


routes: list[BaseRoute] = [
    route("/api/leads", "GET", "leads", list_batches, names=True),
    route("/api/leads", "POST", "leads", begin, names=True),
    route("/api/leads/free", "GET", "leads", list_free, names=True),
    route("/api/leads/{id}", "GET", "leads", get_batch, names=True),
    route("/api/leads/{id}", "POST", "leads", change, names=True),
    route("/api/leads/{id}/act", "POST", "leads", act, names=True),
    route("/api/leads/{id}/leads/{lead}/answer", "POST", "leads", answer, names=True),
    route("/api/leads/{id}/leads/{lead}/papers", "POST", "leads", add_paper, names=True),
    route("/api/leads/{id}/package.zip", "GET", "leads", download, names=True),
]
