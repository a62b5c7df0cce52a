"""The state machine of a witness task 见证任务: who may do what in which state, once, however often it is pressed.

A task is of an opening or an evaluation and comes into being with the first act on it; before that it is open 待分配
by itself. Every act is an entry of the audit chain and a row the log of evidence commits to. Whoever acts says which
version of the task they saw: of two who press at once one acts, the other is told who was first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, chain, draw, texts
from records.administration import By, Conflict, shown_name
from records.clock import now
from records.states import STAGES
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening, OpeningEvent
from records.tables.projects import Lot
from records.tables.users import User
from records.tables.witnessing import WitnessAct, WitnessItem, WitnessReport, WitnessTask
from records.witnessing import scene
from records.witnessing.checklist import CHECKLIST, EVALUATION, OPENING, RESULTS, item

STATES = ("open", "assigned", "joined", "paused", "handed_over", "ended")
GROUP_OF = {"open": "open", "ended": "ended"} | dict.fromkeys(
    ("assigned", "joined", "paused", "handed_over"), "running"
)
"""State → the part of the board it stands in, counted there and in the figure of that name: 待分配, 进行中, 已结束."""
MANAGERS = frozenset({"supervisor", "admin"})
"""Roles that assign, draw and see every task."""
MEMBER = "group-member"
"""社会监督团成员: sees the tasks given to them and nothing else, and of openings only: evaluations are confidential."""
LONGEST = 1000
"""Characters of a note."""


@dataclass(frozen=True)
class Rule:
    """From which states an act leads where, and who may: the task's witness, a manager."""

    states: frozenset[str]
    to: str | None
    witness: bool = False
    manager: bool = False
    target: bool = False
    """Whether it names another person."""


_UNSTARTED = frozenset({"open", "assigned"})

ACTS: Mapping[str, Rule] = {
    "assign": Rule(_UNSTARTED, "assigned", manager=True, target=True),
    "draw": Rule(frozenset({"open"}), "assigned", manager=True, target=True),
    "join": Rule(frozenset({"open", "assigned", "handed_over"}), "joined", witness=True),
    "pause": Rule(frozenset({"joined"}), "paused", witness=True),
    "resume": Rule(frozenset({"paused"}), "joined", witness=True),
    "hand_over": Rule(
        frozenset({"joined", "paused", "handed_over"}), "handed_over", witness=True, manager=True, target=True
    ),
    "end": Rule(frozenset({"joined", "paused"}), "ended", witness=True),
    "tick": Rule(frozenset({"joined"}), None, witness=True),
    "remark": Rule(frozenset({"joined", "paused"}), None, witness=True),
    "snapshot": Rule(frozenset({"joined"}), None, witness=True),
    "report": Rule(frozenset({"joined", "paused", "ended"}), None, witness=True),
}
"""Act → its rule. What changes no state is an act all the same: it is audited and enters the log."""


class IllegalAct(Conflict):
    """The task's state, or who asks, does not allow the act."""


class Overtaken(Conflict):
    """Somebody else acted on the task since the one who asks looked."""


@dataclass(frozen=True)
class Done:
    """A task after an act. `already`: the act stood there before, done by the same person: a press sent twice."""

    task: WitnessTask
    already: bool = False


# ── finding a task ───────────────────────────────────────────────────────────


def task_id(step: str, subject: str) -> str:
    """The number of the task of an opening or evaluation."""
    return f"{step}-{subject}"


def of(session: Session, number: str, *, locked: bool = False) -> WitnessTask:
    """The task of that number, as it stands or as it would begin (then not in the ledger yet). `locked`: nobody else
    acts on it before this transaction ends. Raises Unknown."""
    step, _, subject = number.partition("-")
    found: Opening | Evaluation | None = None
    if step == OPENING:
        found = session.get(Opening, subject, with_for_update=locked)
    elif step == EVALUATION:
        found = session.get(Evaluation, subject, with_for_update=locked)
    if found is None:
        raise Unknown(Message("witness.unknown_task", task=number))
    return session.get(WitnessTask, number, populate_existing=locked) or unstarted(found)


def unstarted(subject: Opening | Evaluation) -> WitnessTask:
    """The open task of something nobody witnesses yet; an evaluation without a time is due now."""
    step = OPENING if isinstance(subject, Opening) else EVALUATION
    return WitnessTask(
        id=task_id(step, subject.id), step=step, lot_id=subject.lot_id, room_id=subject.room_id,
        opening_id=subject.id if step == OPENING else None, due_at=subject.scheduled_at or subject.started_at or now(),
        state="open", version=0, created_at=now(),
    )  # fmt: skip


def sees(role: str, name: str, task: WitnessTask) -> bool:
    """Whether somebody may see a task."""
    return role in MANAGERS or (role == MEMBER and task.witness == name and task.step == OPENING)


def may_witness(role: str, step: str) -> bool:
    """Whether somebody of a role may be given a task of a step."""
    return role in MANAGERS or (role == MEMBER and step == OPENING)


# ── acting ───────────────────────────────────────────────────────────────────


def act(
    session: Session, number: str, kind: str, by: By, role: str, *, seen: int | None,
    target: str | None = None, detail: Mapping[str, Any] | None = None,
) -> Done:  # fmt: skip
    """Do an act in the caller's write transaction. `seen` is the version the one who asks saw (None: whichever).

    Raises Unknown, Invalid (wrong person named), IllegalAct (state or person), Overtaken (somebody was faster).
    """
    task, rule = of(session, number, locked=True), ACTS[kind]
    if seen is not None and seen != task.version:
        if already := _same(session, task, kind, by, target, seen):
            return already
        if rule.to is not None and sees(role, by.name, task):
            raise _overtaken(session, task)
    _check_person(session, task, rule, kind, by, role)
    if task.state not in rule.states:
        raise IllegalAct(
            Message(
                "witness.not_now",
                act=Message(f"witness.act.{kind}"),
                state=Message(f"witness.state.{task.state}"),
            )
        )
    if task.state == "open":
        check_not_over(session, task)
    if rule.target:
        _check_target(session, task, target)
    if kind == "end":
        _check_whole(session, task, detail)
    session.add(task)
    _move(task, rule, kind, by, target, detail)
    session.flush()
    _note(session, task, kind, by, dict(detail or {}) | ({"target": target} if target else {}))
    return Done(task)


def check_not_over(session: Session, task: WitnessTask) -> None:
    """Nobody begins to witness what is over. Raises IllegalAct."""
    if scene.is_over(session, task):
        raise IllegalAct(Message("witness.opening_over"))


def _check_person(session: Session, task: WitnessTask, rule: Rule, kind: str, by: By, role: str) -> None:
    mine = task.witness == by.name
    if kind == "join" and task.state == "open":
        allowed = role in MANAGERS
    else:
        allowed = (rule.witness and mine) or (rule.manager and role in MANAGERS)
    if not allowed or not may_witness(role, task.step):
        words = "witness.not_yours" if task.witness else "witness.not_given"
        raise IllegalAct(
            Message(words, act=Message(f"witness.act.{kind}"), who=shown_name(session, task.witness))
        )
    if kind == "join":
        _check_not_host(session, task, by.name)


def _check_not_host(session: Session, task: WitnessTask, name: str) -> None:
    """Nobody witnesses what they hold: whoever took a step of the opening is its host. A seed committed to for its draw
    makes nobody a host: supervisors are asked for it."""
    steps = (OpeningEvent.opening_id == task.opening_id, OpeningEvent.type.not_in(draw.EVENTS))
    if (
        session.scalar(select(OpeningEvent.seq).where(*steps, OpeningEvent.actor == name).limit(1))
        is not None
    ):
        raise Conflict(Message("witness.is_host", who=shown_name(session, name)))


def _check_target(session: Session, task: WitnessTask, target: str | None) -> None:
    user = session.get(User, target) if target else None
    if user is None or user.disabled or not may_witness(user.role, task.step):
        raise Invalid(Message("witness.cannot_witness", who=shown_name(session, target)))
    if target == task.witness:
        raise Conflict(Message("witness.has_it", who=shown_name(session, target)))
    _check_not_host(session, task, user.name)


def _check_whole(session: Session, task: WitnessTask, detail: Mapping[str, Any] | None) -> None:
    left = missing(session, task)
    if left and not (detail or {}).get("closing"):
        raise Invalid(Message("witness.items_left", n=len(left)))


def _same(
    session: Session, task: WitnessTask, kind: str, by: By, target: str | None, seen: int
) -> Done | None:
    """The act itself where it is the one act since `seen`: a press that was sent twice."""
    if task.version != seen + 1 or ACTS[kind].to is None:
        return None
    last = _last(session, task)
    if last is None or (last.act, last.by, last.detail.get("target")) != (kind, by.name, target):
        return None
    return Done(task, already=True)


def _overtaken(session: Session, task: WitnessTask) -> Overtaken:
    last = _last(session, task)
    assert last is not None
    return Overtaken(
        Message("witness.overtaken", who=shown_name(session, last.by), act=Message(f"witness.act.{last.act}"))
    )


def _last(session: Session, task: WitnessTask) -> WitnessAct | None:
    moving = [kind for kind, rule in ACTS.items() if rule.to is not None]
    query = select(WitnessAct).where(WitnessAct.task_id == task.id, WitnessAct.act.in_(moving))
    return session.scalars(query.order_by(WitnessAct.seq.desc()).limit(1)).first()


def _move(
    task: WitnessTask, rule: Rule, kind: str, by: By, target: str | None, detail: Mapping[str, Any] | None
) -> None:
    if rule.to is None:
        return
    instant = now()
    task.state, task.version = rule.to, task.version + 1
    if rule.target:
        task.witness = target
    if kind in ("assign", "draw"):
        task.method = "random" if kind == "draw" else "assigned"
        task.draw_id = (detail or {}).get("draw")
    if kind == "join":
        task.witness, task.joined_at = by.name, task.joined_at or instant
        task.method = task.method or "joined"
    if kind == "end":
        task.ended_at, task.closing = instant, (detail or {}).get("closing")


def _note(session: Session, task: WitnessTask, kind: str, by: By, detail: dict[str, Any]) -> None:
    inside = chain.salted({"task": task.id, "act": kind, "by": by.name, **detail})
    digest = chain.commitment(inside)
    entry = audit.write(
        session, by.name, f"witness.{kind}", object_kind="witness_task", object_id=task.id,
        detail={"sha256": digest, **({"target": detail["target"]} if "target" in detail else {})}, ip=by.ip,
    )  # fmt: skip
    session.add(
        WitnessAct(
            seq=entry.seq, task_id=task.id, opening_id=task.opening_id, at=entry.ts, by=by.name, act=kind,
            detail=inside, sha256=digest,
        )
    )  # fmt: skip
    session.flush()


def holds(act: WitnessAct) -> bool:
    """Whether an act is the one that was committed to."""
    return chain.was_committed(act.detail, act.sha256)


# ── what was witnessed ───────────────────────────────────────────────────────


def tick(
    session: Session, number: str, item_id: str, result: str, by: By, role: str, *, note: object = None,
    snapshot: str | None = None,
) -> WitnessItem:  # fmt: skip
    """Note what was seen of an item, once. Raises Invalid (no such item or result, an abnormal one without a note),
    IllegalAct (its step has not come), Conflict (it was noted before with another result)."""
    task = of(session, number, locked=True)
    one = item(task.step, item_id)
    if one is None or result not in RESULTS:
        raise Invalid(Message("witness.unknown_item", item=item_id, result=result))
    words = remark_of(note)
    if result != "conforms" and not words:
        raise Invalid(Message("witness.say_why"))
    held = session.get(WitnessItem, (number, item_id))
    if held is not None and held.by == by.name and held.result == result:
        return held
    if held is not None:
        raise Conflict(
            Message("witness.ticked", who=held.by, result=Message(f"witness.result.{held.result}"))
        )
    if not has_come(session, task, one.stage):
        raise IllegalAct(Message("witness.not_come", stage=Message(f"witness.stage.{one.stage}")))
    detail = {"item": item_id, "result": result, "note": words, "snapshot": snapshot}
    act(session, number, "tick", by, role, seen=None, detail=detail)
    return _keep(session, number, item_id, result, by, words, snapshot)


def remark(
    session: Session, number: str, note: object, by: By, role: str, *, snapshot: str | None = None
) -> WitnessItem:
    """Add a remark 补记; nothing takes it back. Raises Invalid for an empty or too long one."""
    words = remark_of(note)
    if not words:
        raise Invalid(Message("witness.empty_remark"))
    act(session, number, "remark", by, role, seen=None, detail={"note": words, "snapshot": snapshot})
    query = select(func.count()).where(WitnessItem.task_id == number, WitnessItem.item.like("note-%"))
    name = f"note-{(session.scalar(query) or 0) + 1}"
    return _keep(session, number, name, "conforms", by, words, snapshot)


def _keep(
    session: Session, number: str, name: str, result: str, by: By, note: str | None, snapshot: str | None
) -> WitnessItem:
    row = WitnessItem(
        task_id=number, item=name, at=now(), by=by.name, result=result, note=note, snapshot=snapshot
    )
    session.add(row)
    session.flush()
    return row


def remark_of(note: object) -> str | None:
    """A note as it is kept. Raises Invalid where it is too long or holds what no text may hold."""
    if note is None:
        return None
    words = " ".join(note.split()) if isinstance(note, str) else ""
    if len(words) > LONGEST:
        raise Invalid(Message("witness.too_long", most=LONGEST))
    return texts.typed(words) or None


def has_come(session: Session, task: WitnessTask, stage: str) -> bool:
    """Whether an item's step has come, as far as a witness may know: of the opening, that is told from its deadline on;
    people come once the opening is at hand."""
    if task.step != OPENING:
        return True
    known = scene.stands(session.get_one(Opening, task.opening_id), session.get_one(Lot, task.lot_id)).stage
    if stage == "sign_in" and scene.is_at_hand(session, task):
        return True
    return STAGES.index(known) >= STAGES.index(stage)


def items(session: Session, number: str) -> list[WitnessItem]:
    """What was witnessed in a task, in order of time."""
    query = select(WitnessItem).where(WitnessItem.task_id == number)
    return list(session.scalars(query.order_by(WitnessItem.at, WitnessItem.item)))


def missing(session: Session, task: WitnessTask) -> list[str]:
    """Items nobody has noted yet."""
    held = {one.item for one in items(session, task.id)}
    return [one.id for one in CHECKLIST[task.step] if one.id not in held]


def reports(session: Session, number: str) -> list[WitnessReport]:
    """Abnormal reports of a task, oldest first."""
    query = select(WitnessReport).where(WitnessReport.task_id == number)
    return list(session.scalars(query.order_by(WitnessReport.id)))


def acts(session: Session, number: str) -> Sequence[WitnessAct]:
    """All acts of a task, in their order."""
    return session.scalars(
        select(WitnessAct).where(WitnessAct.task_id == number).order_by(WitnessAct.seq)
    ).all()
