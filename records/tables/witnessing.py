"""Digital witnessing 数字见证: tasks, what was witnessed, snapshots, reports, draws; looks at non-public pictures; alarms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, column, table, text
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Instant, Key, Serial, Text


class WitnessTask(Base):
    """见证任务: one opening 开标 or one evaluation 评标 to be witnessed; moved only by `records.witnessing.tasks`."""

    __tablename__ = "witness_task"
    id: Mapped[Key] = mapped_column(primary_key=True)
    step: Mapped[Code]
    """opening 开标 or evaluation 评标."""
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    opening_id: Mapped[Key | None] = mapped_column(ForeignKey("opening.id"), index=True)
    room_id: Mapped[Key | None]
    due_at: Mapped[datetime]
    """When what is witnessed was to begin."""
    state: Mapped[Code] = mapped_column(default="open")
    """open 待分配, assigned 待加入, joined 见证中, paused 暂停, handed_over 待接手, ended 已结束."""
    witness: Mapped[Key | None]
    method: Mapped[Code | None]
    """random 随机分配, assigned 定向分配, joined 自行加入."""
    draw_id: Mapped[Key | None]
    version: Mapped[int] = mapped_column(default=0)
    """Raised by every act: whoever acts says which version they saw."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    joined_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    closing: Mapped[Text | None]
    """Why it ended with items not witnessed."""

    __table_args__ = (Index("ix_witness_task_due_at", "due_at"),)


class WitnessItem(Base):
    """见证事项 that was witnessed: never changed afterwards."""

    __tablename__ = "witness_item"
    task_id: Mapped[Key] = mapped_column(ForeignKey("witness_task.id"), primary_key=True)
    item: Mapped[Code] = mapped_column(primary_key=True)
    """An item of the checklist, or note-1, note-2 …: a remark 补记."""
    at: Mapped[datetime] = mapped_column(default=now)
    by: Mapped[Key]
    result: Mapped[Code]
    """conforms 相符, abnormal 异常, absent 未发生."""
    note: Mapped[Text | None]
    snapshot: Mapped[Code | None]


class WitnessAct(Base):
    """An act of a task: what the log of evidence commits to. `seq` is the number of its audit entry."""

    __tablename__ = "witness_act"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    task_id: Mapped[Key] = mapped_column(ForeignKey("witness_task.id"), index=True)
    opening_id: Mapped[Key | None] = mapped_column(index=True)
    at: Mapped[datetime]
    by: Mapped[Key]
    act: Mapped[Code]
    detail: Mapped[dict[str, Any]]
    """With a salt, so that its digest tells nothing."""
    sha256: Mapped[Code]


class WitnessSnapshot(Base):
    """抓拍 of the live picture, kept with its digest."""

    __tablename__ = "witness_snapshot"
    id: Mapped[Code] = mapped_column(primary_key=True)
    """SHA-256 of the picture."""
    task_id: Mapped[Key] = mapped_column(ForeignKey("witness_task.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    by: Mapped[Key]
    room_id: Mapped[Key | None]
    media_type: Mapped[Code]
    width: Mapped[int]
    height: Mapped[int]
    note: Mapped[Text | None]
    picture: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class WitnessReport(Base):
    """异常情况报告. A submitted one is never changed, only supplemented by another that names it."""

    __tablename__ = "witness_report"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    task_id: Mapped[Key] = mapped_column(ForeignKey("witness_task.id"), index=True)
    supplements: Mapped[int | None]
    name: Mapped[Text]
    kind: Mapped[Code]
    facts: Mapped[Text]
    handling: Mapped[Code | None]
    snapshots: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[Code] = mapped_column(default="draft")
    """draft 草稿, submitted 已提交."""
    by: Mapped[Key]
    saved_at: Mapped[datetime] = mapped_column(default=now)
    submitted_at: Mapped[datetime | None]


class WitnessDraw(Base):
    """随机分配: the desk commits to a seed, then whoever draws gives theirs; see `records.witnessing.draws`."""

    __tablename__ = "witness_draw"
    id: Mapped[Key] = mapped_column(primary_key=True)
    by: Mapped[Key]
    committed_at: Mapped[datetime] = mapped_column(default=now)
    commitment: Mapped[Code]
    seed: Mapped[Code]
    """The desk's; told to nobody before the other's is given."""
    given: Mapped[Code | None]
    """The seed of whoever draws."""
    drawn_at: Mapped[datetime | None]
    roster: Mapped[list[Any]]
    left_out: Mapped[list[Any]]
    """Who was to stay away 回避: [{"name": …, "reason": …}]."""
    tasks: Mapped[list[Any]]
    result: Mapped[list[Any]] = mapped_column(default=list)
    """[{"task": …, "index": …, "name": …}] in the order drawn."""


class RoomLook(Base):
    """非公开画面查看: who asked for the picture of a non-public room, why, whether it was granted."""

    __tablename__ = "room_look"
    id: Mapped[Code] = mapped_column(primary_key=True)
    room_id: Mapped[Key] = mapped_column(index=True)
    viewer: Mapped[Key]
    reason: Mapped[Text | None]
    task_id: Mapped[Key | None]
    asked_at: Mapped[datetime] = mapped_column(default=now)
    granted: Mapped[bool] = mapped_column(default=True)
    audited_at: Mapped[datetime | None]
    """When its end was put into the audit chain."""

    __table_args__ = (Index("ix_room_look_asked_at", "asked_at"),)


class RoomView(Base):
    """From when to when a non-public picture was sent to somebody; written by the hub alone."""

    __tablename__ = "room_view"
    session: Mapped[Code] = mapped_column(primary_key=True)
    look_id: Mapped[Code] = mapped_column(index=True)
    room_id: Mapped[Key]
    """The room or, of a second camera, its sub-room."""
    viewer: Mapped[Key]
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """The last moment at which it was still being sent."""
    ended_at: Mapped[datetime | None]


class EquipmentAlarm(Base):
    """设备告警 of a room, or of the hub where `room_id` is empty."""

    __tablename__ = "equipment_alarm"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    room_id: Mapped[Key] = mapped_column(default="")
    kind: Mapped[Code]
    """camera 摄像机, frames 丢帧, recorder 录制, host 主持台, hub 直播服务."""
    level: Mapped[Code]
    detail: Mapped[dict[str, Any]]
    """Figures of its words."""
    began_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    acknowledged_by: Mapped[Key | None]
    acknowledged_at: Mapped[datetime | None]
    note: Mapped[Text | None]

    __table_args__ = (
        Index(
            "uq_equipment_alarm_open", "room_id", "kind", unique=True, sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )  # fmt: skip
    """One alarm of a kind goes on in a room, also where several desks look."""


class HostPresence(Base):
    """When somebody at the host's desk of an opening last asked how the opening stands."""

    __tablename__ = "host_presence"
    opening_id: Mapped[Key] = mapped_column(ForeignKey("opening.id"), primary_key=True)
    host: Mapped[Key] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


WITNESS_LEAF = table(
    "witness_leaf", column("seq"), column("opening_id"), column("at", Instant()), column("sha256")
)
"""A view: that somebody witnessed something of an opening, when, and the digest of what; not who and what."""
