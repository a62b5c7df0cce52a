"""JSON of the rule switchboard: look at rules, try settings on the past year, change them, agree to a change, keep quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.live import rules
from dashboard.live.json_routes import address, end_of_day, language, refused, route
from messages import Message
from records.administration import By
from records.serving.problems import Problem
from records.serving.requests import whole as number
from records.tables.supervision import RuleSetting
from supervision.rules import switchboard
from supervision.rules.registry import rule_of
from supervision.rules.rule import Rule
from supervision.warnings import dry_run, silences


def list_rules(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/rules: every rule with its mode, threshold, alert rate and precision."""
    with context.ledger().read() as session:
        counts, two = _counted(session), context.config().rules_by_two
        return rules.overview(session, counts, language(request), two=two)


def get_rule(request: Request, _user: SignedIn) -> dict[str, Any]:
    """GET /api/rules/{id}: one rule with its parameters, changes and silences."""
    with context.ledger().read() as session:
        return rules.whole(session, _rule(request), _counted(session), language(request))


def try_rule(request: Request, _user: SignedIn) -> dict[str, Any]:
    """POST /api/rules/{id}/try {"parameters", "centres"}: the past year with these settings beside those in force."""
    rule = _rule(request)
    with context.ledger().read() as session:
        held = switchboard.in_force(session).of(rule.id)
    with refused():
        wanted = switchboard.wanted(request.state.given, held)
    run = dry_run.dry_run(context.ledger(), context.lens(), held, wanted)
    return rules.tried(run, rule, language(request))


def change_rule(request: Request, user: SignedIn) -> Response:
    """POST /api/rules/{id}/changes {"mode", "parameters", "centres", "second_look", "reason", "seen"}: 201 in force, 202
    where a second person has to agree first."""
    given, rule, two = request.state.given, _rule(request), context.config().rules_by_two
    seen = given.get("seen")
    if not isinstance(seen, int):
        raise Problem(400, Message("http.not_whole", name="seen"))
    with refused(), context.ledger().write() as session:
        wanted = switchboard.wanted(given, switchboard.in_force(session).of(rule.id))
        row = switchboard.ask(session, wanted, seen, given.get("reason"), _by(request, user), two=two)
        return JSONResponse({"change": row.id}, 202 if two else 201)


def agree(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/rule-changes/{n}/agree: the second person's yes."""
    return _decide(request, user, switchboard.agree)


def refuse(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/rule-changes/{n}/refuse: the second person's no, or the asker takes it back."""
    return _decide(request, user, switchboard.refuse)


def _decide(
    request: Request, user: SignedIn, decide: Callable[[Session, int, By], RuleSetting]
) -> dict[str, Any]:
    with refused(), context.ledger().write() as session:
        row = decide(session, number(request.path_params["n"]) or 0, _by(request, user))
        return {"change": row.id, "rule": row.rule, "state": row.state}


def begin_silence(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/rules/{id}/silences {"centre"?, "lot"?, "everywhere"?, "until" (day), "reason"}: until the end of that day. One
    about no centre and no lot says "everywhere": true; 409 where the same runs already."""
    given, rule = request.state.given, _rule(request)
    until = end_of_day(given.get("until"), Message("silence.until", most=silences.LONGEST.days))
    with refused(), context.ledger().write() as session:
        row = silences.begin(
            session, rule.id, given.get("reason"), until, _by(request, user), centre=given.get("centre") or None,
            lot=given.get("lot") or None, everywhere=given.get("everywhere") is True,
        )  # fmt: skip
        return {"silence": row.id}


def end_silence(request: Request, user: SignedIn) -> dict[str, Any]:
    """POST /api/silences/{n}/end: before its time; what it held back is raised."""
    with refused(), context.ledger().write() as session:
        row = silences.end(session, number(request.path_params["n"]) or 0, _by(request, user))
        return {"silence": row.id}


def _rule(request: Request) -> Rule:
    with refused():
        return rule_of(request.path_params["id"])


def _by(request: Request, user: SignedIn) -> By:
    return By(user.name, address(request))


def _counted(session: Session) -> rules.Counted:
    """Out of the lots opened in the months of a dry run: indexed in the ledger, so that the list is there at once."""
    since = dry_run.begins()
    return rules.counted(session, since, dry_run.opened_since(session, since))


routes: list[BaseRoute] = [
    route("/api/rules", "GET", "warnings", list_rules, names=True),
    route("/api/rules/{id}", "GET", "warnings", get_rule, names=True),
    route("/api/rules/{id}/try", "POST", "warnings", try_rule, names=True),
    route("/api/rules/{id}/changes", "POST", "warnings", change_rule, names=True),
    route("/api/rules/{id}/silences", "POST", "warnings", begin_silence, names=True),
    route("/api/rule-changes/{n}/agree", "POST", "warnings", agree, names=True),
    route("/api/rule-changes/{n}/refuse", "POST", "warnings", refuse, names=True),
    route("/api/silences/{n}/end", "POST", "warnings", end_silence, names=True),
]
