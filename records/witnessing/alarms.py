"""设备告警: a camera, a recorder, the host's desk or the hub that is down; raised once, ended when it is well again.

What is wrong at a moment is told by whoever looks (`Trouble`); this keeps one open alarm for each room and kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from messages import Message, Unknown
from records import audit
from records.administration import By, Conflict, shown_name
from records.clock import now
from records.current import RUNNING
from records.tables.openings import Opening
from records.tables.witnessing import EquipmentAlarm, HostPresence
from records.witnessing import tasks

KINDS = ("camera", "frames", "recorder", "host", "hub")
LEVELS = {"camera": "red", "recorder": "red", "hub": "red", "host": "orange", "frames": "yellow"}
SILENT = timedelta(seconds=45)
"""A host's desk that has not asked for so long is down."""
BEAT = timedelta(seconds=10)
"""A host's desk is noted at most so often."""


@dataclass(frozen=True)
class Trouble:
    """Something that is down now; `detail` are the figures of its words, `witness.alarm.<kind>`."""

    kind: str
    room: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def follow(session: Session, found: Iterable[Trouble], kinds: Iterable[str] = KINDS) -> tuple[int, int]:
    """Raise and end alarms of these kinds so that they say what is wrong now, in the caller's write transaction; how
    many were raised and ended."""
    wrong = {(one.room, one.kind): one for one in found}
    held = {(one.room_id, one.kind): one for one in open_alarms(session) if one.kind in set(kinds)}
    for place, one in wrong.items():
        if place not in held:
            session.add(
                EquipmentAlarm(
                    room_id=one.room, kind=one.kind, level=LEVELS[one.kind], detail=one.detail, began_at=now()
                )
            )
    for place, alarm in held.items():
        if place not in wrong:
            alarm.ended_at = now()
    session.flush()
    return len(wrong.keys() - held.keys()), len(held.keys() - wrong.keys())


def changed(session: Session, found: Iterable[Trouble], kinds: Iterable[str] = KINDS) -> bool:
    """Whether `follow` would change anything."""
    held = {(one.room_id, one.kind) for one in open_alarms(session) if one.kind in set(kinds)}
    return held != {(one.room, one.kind) for one in found}


def open_alarms(session: Session) -> list[EquipmentAlarm]:
    """Alarms whose cause goes on, newest first."""
    query = select(EquipmentAlarm).where(EquipmentAlarm.ended_at.is_(None))
    return list(session.scalars(query.order_by(EquipmentAlarm.began_at.desc(), EquipmentAlarm.id.desc())))


def listed(session: Session, begin: datetime, limit: int = 200) -> list[EquipmentAlarm]:
    """Alarms that go on or ended since a moment; those that go on first."""
    query = select(EquipmentAlarm).where(
        or_(EquipmentAlarm.ended_at.is_(None), EquipmentAlarm.ended_at >= begin)
    )
    ordered = query.order_by(EquipmentAlarm.ended_at.is_not(None), EquipmentAlarm.began_at.desc())
    return list(session.scalars(ordered.limit(limit)))


def acknowledge(session: Session, alarm_id: int, by: By, note: object = None) -> EquipmentAlarm:
    """Somebody takes note of an alarm. Raises Unknown, Conflict (somebody did before)."""
    row = session.scalars(
        select(EquipmentAlarm).where(EquipmentAlarm.id == alarm_id).with_for_update()
    ).first()
    if row is None:
        raise Unknown(Message("witness.unknown_alarm"))
    if row.acknowledged_by is not None and row.acknowledged_by != by.name:
        raise Conflict(Message("witness.alarm_taken", who=shown_name(session, row.acknowledged_by)))
    if row.acknowledged_by is None:
        row.acknowledged_by, row.acknowledged_at, row.note = by.name, now(), tasks.remark_of(note)
        audit.write(
            session,
            by.name,
            "witness.alarm",
            object_kind="alarm",
            object_id=str(row.id),
            detail={"kind": row.kind},
            ip=by.ip,
        )
    return row


# ── the host's desk ──────────────────────────────────────────────────────────


def host_due(session: Session, opening_id: str, host: str) -> bool:
    """Whether the presence of a host is to be noted again."""
    held = session.get(HostPresence, (opening_id, host))
    return held is None or held.seen_at < now() - BEAT


def host_seen(session: Session, opening_id: str, host: str) -> None:
    """Note that somebody is at the host's desk of an opening, in the caller's write transaction."""
    held = session.get(HostPresence, (opening_id, host))
    if held is None:
        held = HostPresence(opening_id=opening_id, host=host, seen_at=now())
        session.add(held)
    held.seen_at = now()


def hosts_there(session: Session, opening_id: str) -> list[HostPresence]:
    """Who is at the host's desk of an opening now, by name."""
    query = select(HostPresence).where(
        HostPresence.opening_id == opening_id, HostPresence.seen_at >= now() - SILENT
    )
    return list(session.scalars(query.order_by(HostPresence.host)))


def silent_hosts(session: Session) -> list[Trouble]:
    """Openings that run and were hosted from a desk at which nobody is any more."""
    last = func.max(HostPresence.seen_at)
    query = select(Opening).join(HostPresence, HostPresence.opening_id == Opening.id)
    silent = query.where(Opening.state.in_(RUNNING)).group_by(Opening.id).having(last < now() - SILENT)
    return [
        Trouble(
            "host", opening.room_id or "", {"seconds": round(SILENT.total_seconds()), "opening": opening.id}
        )
        for opening in session.scalars(silent)
    ]
