"""随机分配 by a draw that anyone entitled can compute again.

The desk makes a seed of 32 random bytes and commits to it by SHA-256; with the commitment it fixes who can be drawn,
who stays away and why, and for which tasks: the statement. Only then whoever draws gives a seed of their own, and the
desk reveals its own. The person drawn for a task is number

    SHA-256(the desk's seed ‖ the other's ‖ SHA-256(statement ‖ newline ‖ task))  mod  number of candidates

counted from 0 in the order of the statement. Neither side could choose it: the desk was bound before the other seed
was known, and whoever drew did not know the desk's. Candidates are those of the roster who may witness the task's step
and have not been drawn in this draw before, or all of them again once everybody has. dashboard/components/witness-draw.js
computes the same from what the page holds.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, chain, draw
from records.administration import By, Conflict, shown_name
from records.clock import local_now, now
from records.tables.users import User
from records.tables.witnessing import WitnessDraw
from records.witnessing import tasks

DRAWN = ("supervisor", tasks.MEMBER)
"""Roles that can be drawn."""
FEWEST = 2
"""A draw from fewer is none."""
_SEED = re.compile(r"[0-9a-f]{64}")
_MOST = 100
"""Tasks of one draw."""


def roster(session: Session) -> list[User]:
    """Everybody who can be drawn, by name."""
    query = select(User).where(User.role.in_(DRAWN), User.disabled.is_(False))
    return list(session.scalars(query.order_by(User.name)))


def prepare(
    session: Session, numbers: Sequence[str], left_out: Sequence[Mapping[str, str]], by: By
) -> WitnessDraw:
    """Commit to a seed for a draw of these tasks. Raises Invalid, Conflict (a task is not open any more)."""
    wanted = list(dict.fromkeys(numbers))
    if not 1 <= len(wanted) <= _MOST:
        raise Invalid(Message("witness.draw_tasks", most=_MOST))
    away = [{"name": str(one.get("name")), "reason": _reason(session, one)} for one in left_out]
    people = [
        {"name": user.name, "role": user.role}
        for user in roster(session)
        if user.name not in {one["name"] for one in away}
    ]
    for number in wanted:
        task = tasks.of(session, number)
        if task.state != "open":
            raise Conflict(Message("witness.draw_taken", task=number, who=shown_name(session, task.witness)))
        tasks.check_not_over(session, task)
        if len(candidates(people, task.step, ())) < FEWEST:
            raise Invalid(Message("witness.draw_few", least=FEWEST))
    seed = secrets.token_hex(32)
    row = WitnessDraw(
        id=_number(session), by=by.name, commitment=draw.commitment(seed), seed=seed, roster=people,
        left_out=away, tasks=wanted, result=[],
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"commitment": row.commitment, "statement_sha256": _digest(statement(row)), "tasks": wanted}
    audit.write(
        session,
        by.name,
        "witness.draw_committed",
        object_kind="witness_draw",
        object_id=row.id,
        detail=detail,
        ip=by.ip,
    )
    return row


def _reason(session: Session, one: Mapping[str, str]) -> str:
    words = tasks.remark_of(one.get("reason"))
    if not words:
        raise Invalid(Message("witness.draw_reason", who=shown_name(session, one.get("name"))))
    return words


def _number(session: Session) -> str:
    """The day and which draw of the day."""
    day = f"{local_now():%Y%m%d}"
    held = session.scalar(select(func.count()).where(WitnessDraw.id.like(f"{day}-%"))) or 0
    return f"{day}-{held + 1:02d}"


def statement(row: WitnessDraw) -> str:
    """What was fixed together with the commitment, as canonical JSON."""
    fixed = {
        "draw": row.id, "commitment": row.commitment, "roster": row.roster, "left_out": row.left_out, "tasks": row.tasks,
    }  # fmt: skip
    return chain.canonical(fixed).decode()


def candidates(people: Sequence[Mapping[str, str]], step: str, drawn: Sequence[str]) -> list[str]:
    """The names a task of this step is drawn from, after those that were drawn."""
    able = [one["name"] for one in people if tasks.may_witness(one["role"], step)]
    return [name for name in able if name not in drawn] or able


def computed(row: WitnessDraw, given: str) -> list[dict[str, Any]]:
    """Whom the two seeds draw for each task, in order: [{"task", "index", "of", "name"}]."""
    found: list[dict[str, Any]] = []
    text = statement(row)
    for number in row.tasks:
        step = number.partition("-")[0]
        able = candidates(row.roster, step, [one["name"] for one in found])
        index = draw.drawn((row.seed, given), _digest(f"{text}\n{number}"), len(able))
        found.append({"task": number, "index": index, "of": len(able), "name": able[index]})
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def reveal(session: Session, draw_id: str, given: str, by: By, role: str) -> WitnessDraw:
    """Give the second seed: the draw is computed and its tasks assigned. A task somebody joined meanwhile keeps its
    witness, and the result says so. Raises Unknown, Invalid (no seed), Conflict (another's draw, other seed)."""
    row = session.scalars(select(WitnessDraw).where(WitnessDraw.id == draw_id).with_for_update()).first()
    if row is None:
        raise Unknown(Message("witness.unknown_draw", draw=draw_id))
    if not isinstance(given, str) or not _SEED.fullmatch(given):
        raise Invalid(Message("witness.bad_seed"))
    if row.by != by.name:
        raise Conflict(Message("witness.draw_not_yours", who=shown_name(session, row.by)))
    if row.given is not None:
        if row.given == given:
            return row
        raise Conflict(Message("witness.drawn_already", draw=draw_id))
    row.given, row.drawn_at = given, now()
    row.result = [one | _assign(session, row.id, one, by, role) for one in computed(row, given)]
    session.flush()
    audit.write(
        session, by.name, "witness.drawn", object_kind="witness_draw", object_id=row.id,
        detail={"seed": row.seed, "given": given, "result": row.result}, ip=by.ip,
    )  # fmt: skip
    return row


def _assign(session: Session, draw_id: str, one: Mapping[str, Any], by: By, role: str) -> dict[str, Any]:
    try:
        tasks.act(
            session, one["task"], "draw", by, role, seen=None, target=one["name"], detail={"draw": draw_id}
        )
    except (Conflict, Invalid):
        return {"kept": tasks.of(session, one["task"]).witness}
    return {}


def latest(session: Session, limit: int = 20) -> list[WitnessDraw]:
    """The newest draws that were carried out."""
    query = select(WitnessDraw).where(WitnessDraw.given.is_not(None))
    return list(session.scalars(query.order_by(WitnessDraw.drawn_at.desc()).limit(limit)))
