"""The demonstration's witnessing: people who can be drawn, what was witnessed in the last weeks, a draw for today."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dashboard.access.accounts import add_user
from records.administration import By
from records.clock import start_of, today
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Room
from records.tables.projects import Lot, counted
from records.tables.users import User
from records.tables.witnessing import (
    EquipmentAlarm,
    RoomLook,
    RoomView,
    WitnessItem,
    WitnessReport,
    WitnessTask,
)
from records.witnessing import alarms, draws, looks, tasks
from records.witnessing.checklist import CHECKLIST, OPENING
from sunbid.demo.envelopes import SOURCE

PEOPLE = (
    ("supervisor-2", "supervisor", "示例监管员乙"), ("supervisor-3", "supervisor", "示例监管员丁"),
    ("group-member-2", tasks.MEMBER, "示例监督团成员丙"), ("group-member-3", tasks.MEMBER, "示例监督团成员戊"),
    ("group-member-4", tasks.MEMBER, "示例监督团成员己"),
)  # fmt: skip
"""Others who can be drawn. Nobody can sign in as them: their passwords are told to nobody."""
BACK = timedelta(days=31)
UNSEEN = 40
"""One opening of so many was witnessed by nobody."""
ODD = 17
"""One of so many had something abnormal."""
MEMBER = "group-member"
"""The account of the demonstration to whom an opening of the day is given."""
DRAWN = 2
"""Tasks that are drawn."""
_EVENT_OF = {
    "people": "sign_in", "list": "bidders_published", "decryption": "decrypt_progress", "coefficient": "coefficient_drawn",
    "host": "bid_read", "figures": "bid_read", "answer": "objection_answered", "signatures": "record_confirmed",
    "recording": "ended",
}  # fmt: skip
"""Item → the event of the opening after which it was seen."""


def leave(session: Session, at: datetime) -> None:
    """Put all of it into the ledger of the demonstration; what an earlier start left stays."""
    for name, role, shown in PEOPLE:
        if session.get(User, name) is None:
            add_user(session, name, role, secrets.token_urlsafe(24), shown)
    people = draws.roster(session)
    for opening in _unwitnessed(session, at):
        _witnessed(session, opening, people)
    _draw(session, at)
    _equipment(session, at)
    _looks(session, at)


def _unwitnessed(session: Session, at: datetime) -> Sequence[Opening]:
    query = select(Opening).join(Lot, Lot.id == Opening.lot_id).where(
        Opening.source == SOURCE, Opening.state.in_(("ended", "sealed")), Opening.scheduled_at.between(at - BACK, at),
        counted(), ~exists().where(WitnessTask.opening_id == Opening.id),
    )  # fmt: skip
    return session.scalars(query.order_by(Opening.scheduled_at)).all()


def _number(opening: Opening, what: str, most: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{opening.id}/{what}".encode()).digest()[:4], "big") % most


def _witnessed(session: Session, opening: Opening, people: Sequence[User]) -> None:
    """What a witness left of an opening of the past."""
    if _number(opening, "unseen", UNSEEN) == 0:
        return
    who = people[_number(opening, "who", len(people))].name
    task = tasks.unstarted(opening)
    task.state, task.witness, task.method, task.version = "ended", who, "random", 3
    task.joined_at, task.ended_at = opening.scheduled_at - timedelta(minutes=12), opening.ended_at
    session.add(task)
    session.flush()
    moments = _moments(session, opening)
    odd = _number(opening, "odd", ODD) == 0
    for place, item in enumerate(CHECKLIST[OPENING]):
        seen = moments.get(_EVENT_OF[item.id], opening.scheduled_at + timedelta(minutes=place))
        result = "conforms" if _EVENT_OF[item.id] in moments or item.id == "people" else "absent"
        note = None if result == "conforms" else "本场未发生"
        if odd and item.id == "host":
            result, note = "abnormal", "主持人一度离开画面约 20 秒，经提醒后返回"
        session.add(
            WitnessItem(
                task_id=task.id,
                item=item.id,
                at=seen + timedelta(seconds=17),
                by=who,
                result=result,
                note=note,
            )
        )
    if odd:
        _report(session, task, who, opening)


def _moments(session: Session, opening: Opening) -> dict[str, datetime]:
    """Type of event → when it was first told."""
    found: dict[str, datetime] = {}
    query = select(OpeningEvent.type, OpeningEvent.ts).where(OpeningEvent.opening_id == opening.id)
    for kind, ts in session.execute(query.order_by(OpeningEvent.seq)):
        found.setdefault(kind, ts)
    return found


def _report(session: Session, task: WitnessTask, who: str, opening: Opening) -> None:
    ended = opening.ended_at or opening.scheduled_at
    session.add(
        WitnessReport(
            task_id=task.id, name="唱标时主持人离开画面", kind="order", by=who, state="submitted", handling="reminded",
            facts="唱标过程中主持人一度离开画面约 20 秒，期间未唱标；经提醒后返回，程序继续。", snapshots=[],
            saved_at=ended, submitted_at=ended,
        )
    )  # fmt: skip


def _draw(session: Session, at: datetime) -> None:
    """Give the next opening to the member of the demonstration's account and draw witnesses for those after it, once a
    day: that role can be tried whoever is drawn."""
    if any(row.drawn_at and row.drawn_at >= start_of(today()) for row in draws.latest(session, 1)):
        return
    query = select(Opening).where(
        Opening.source == SOURCE, Opening.state == "scheduled", Opening.scheduled_at > at,
        ~exists().where(WitnessTask.opening_id == Opening.id),
    )  # fmt: skip
    wanted = [
        tasks.unstarted(one).id
        for one in session.scalars(query.order_by(Opening.scheduled_at).limit(DRAWN + 1))
    ]
    by = By("supervisor", None)
    if len(wanted) > 1 and session.get(User, MEMBER) is not None:
        tasks.act(session, wanted.pop(0), "assign", by, "supervisor", seen=None, target=MEMBER)
    if wanted := wanted[:DRAWN]:
        row = draws.prepare(session, wanted, [{"name": "supervisor-3", "reason": "今日休假"}], by)
        draws.reveal(session, row.id, secrets.token_hex(32), by, "supervisor")


def _equipment(session: Session, at: datetime) -> None:
    """An alarm of this morning that is over."""
    if alarms.listed(session, start_of(today()), 1):
        return
    room = session.scalars(
        select(Room).where(Room.kind == "opening", Room.source == SOURCE).order_by(Room.id).limit(1)
    ).first()
    began = max(start_of(today()), at - timedelta(minutes=70))
    if room is not None:
        session.add(EquipmentAlarm(
            room_id=room.id, kind="frames", level=alarms.LEVELS["frames"], detail={"fps": 6, "least": 10}, began_at=began,
            ended_at=began + timedelta(minutes=4), acknowledged_by="supervisor-2", acknowledged_at=began + timedelta(minutes=1),
            note="已切换备用摄像机",
        ))  # fmt: skip


def _looks(session: Session, at: datetime) -> None:
    """Two looks at a room that is not public, one refused."""
    room = session.scalars(select(Room).where(Room.kind == "evaluation").order_by(Room.id).limit(1)).first()
    if room is None or session.scalar(
        select(RoomLook.id).where(RoomLook.asked_at >= start_of(today())).limit(1)
    ):
        return
    for name, reason, minutes in (("supervisor-3", None, 95), ("supervisor-2", "日常巡查", 44)):
        look = looks.ask(session, room, By(name, None), reason=reason, granted=reason is not None)
        look.asked_at = at - timedelta(minutes=minutes)
        if reason:
            session.add(RoomView(
                session=secrets.token_hex(12), look_id=look.id, room_id=room.id, viewer=name, began_at=look.asked_at,
                seen_at=look.asked_at + timedelta(seconds=485), ended_at=look.asked_at + timedelta(seconds=485),
            ))  # fmt: skip
