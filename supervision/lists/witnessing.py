"""Lists of witness tasks 见证任务: those that were begun and the openings and evaluations nobody witnesses yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from records.lots import OVER, centre_of_lot
from records.public.openings import process_told
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot
from records.tables.users import User
from records.tables.witnessing import WitnessItem, WitnessReport, WitnessTask
from records.visibility import announced
from records.witnessing import tasks
from records.witnessing.checklist import ABNORMAL, CHECKLIST

MOST = 500
"""Tasks of one board."""


@dataclass(frozen=True)
class Question:
    """What a board is narrowed to. `witness`: one person's tasks only."""

    begin: datetime
    end: datetime
    centre: str | None = None
    witness: str | None = None


@dataclass(frozen=True)
class Listed:
    """One task of the board."""

    task: WitnessTask
    lot: Lot
    room: Room | None
    centre: Centre | None
    done: int = 0
    """Items of the checklist that were noted."""
    abnormal: int = 0
    reports: int = 0
    of: int = field(default=0)


def listed(session: Session, asked: Question) -> list[Listed]:
    """Tasks due between two moments, and those still under way from before; by the time they were due."""
    begun = _begun(session, asked)
    held = {one.task.id for one in begun}
    open_ones = (
        [] if asked.witness else [one for one in _unstarted(session, asked) if one.task.id not in held]
    )
    return sorted([*begun, *open_ones], key=lambda one: (one.task.due_at, one.task.id))


def _begun(session: Session, asked: Question) -> list[Listed]:
    due = WitnessTask.due_at.between(asked.begin, asked.end)
    mine: list[ColumnElement[bool]] = [WitnessTask.witness == asked.witness] if asked.witness else []
    query = (
        select(WitnessTask, Lot, Room, Centre)
        .join(Lot, Lot.id == WitnessTask.lot_id)
        .outerjoin(Room, Room.id == WitnessTask.room_id)
        .outerjoin(Centre, Centre.id == func.coalesce(Room.centre_id, Lot.centre_id))
        .where(or_(due, WitnessTask.state != "ended"), *mine)
        .order_by(WitnessTask.due_at.desc())
        .limit(MOST)
    )
    if asked.centre:
        query = query.where(Centre.id == asked.centre)
    rows = session.execute(query).all()
    numbers = [task.id for task, *_ in rows]
    items, reports = _noted(session, numbers), _reported(session, numbers)
    return [
        Listed(task, lot, room, centre, *items.get(task.id, (0, 0)), reports.get(task.id, 0), len(CHECKLIST[task.step]))
        for task, lot, room, centre in rows
    ]  # fmt: skip


def _noted(session: Session, numbers: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    done: Counter[str] = Counter()
    abnormal: Counter[str] = Counter()
    query = select(WitnessItem.task_id, WitnessItem.item, WitnessItem.result)
    for number, item, result in session.execute(query.where(WitnessItem.task_id.in_(numbers))):
        done[number] += not item.startswith("note-")
        abnormal[number] += result == ABNORMAL
    return {number: (done[number], abnormal[number]) for number in numbers}


def _reported(session: Session, numbers: Sequence[str]) -> Mapping[str, int]:
    query = select(WitnessReport.task_id, func.count().label("reports")).where(
        WitnessReport.task_id.in_(numbers),
        WitnessReport.state == "submitted",
        WitnessReport.supplements.is_(None),
    )
    return {row.task_id: row.reports for row in session.execute(query.group_by(WitnessReport.task_id))}


def _unstarted(session: Session, asked: Question) -> Iterable[Listed]:
    """Openings and evaluations due that are not over and have no task yet. An opening before its deadline is listed as
    announced; whether it is over is told from then on only."""
    over = Opening.state.in_((*OVER, "cancelled")) & process_told()
    openings = (
        select(Opening, Lot, Room, Centre)
        .join(Lot, Lot.id == Opening.lot_id)
        .outerjoin(Room, Room.id == Opening.room_id)
        .outerjoin(Centre, Centre.id == func.coalesce(Room.centre_id, Lot.centre_id))
        .where(Opening.scheduled_at.between(asked.begin, asked.end), announced(), ~over)
    )
    at = func.coalesce(Evaluation.scheduled_at, Evaluation.started_at)
    evaluations = (
        select(Evaluation, Lot, Room, Centre)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .outerjoin(Room, Room.id == Evaluation.room_id)
        .outerjoin(Centre, Centre.id == func.coalesce(Room.centre_id, Lot.centre_id))
        .where(
            at.between(asked.begin, asked.end),
            Evaluation.state.in_(("scheduled", "in_progress", "paused")),
        )
    )
    for query in (openings, evaluations):
        narrowed = query.where(Centre.id == asked.centre) if asked.centre else query
        for subject, lot, room, centre in session.execute(narrowed.limit(MOST)):
            task = tasks.unstarted(subject)
            yield Listed(task, lot, room, centre, of=len(CHECKLIST[task.step]))


def names(session: Session) -> dict[str, str]:
    """Account → the name it is shown by."""
    return {row.name: row.display_name for row in session.execute(select(User.name, User.display_name))}


def reports(session: Session, asked: Question) -> list[tuple[WitnessReport, WitnessTask, Lot]]:
    """Submitted abnormal reports of the tasks due between two moments, newest first."""
    query = (
        select(WitnessReport, WitnessTask, Lot)
        .join(WitnessTask, WitnessTask.id == WitnessReport.task_id)
        .join(Lot, Lot.id == WitnessTask.lot_id)
        .where(WitnessTask.due_at.between(asked.begin, asked.end), WitnessReport.state == "submitted")
        .order_by(WitnessReport.submitted_at.desc())
    )
    if asked.centre:
        query = query.where(centre_of_lot() == asked.centre)
    return [(report, task, lot) for report, task, lot in session.execute(query.limit(MOST))]


def anything_begun(session: Session) -> bool:
    """Whether anybody has ever witnessed something."""
    return session.scalar(select(WitnessTask.id).limit(1)) is not None
