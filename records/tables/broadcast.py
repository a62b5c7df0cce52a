"""Broadcast sessions 直播场次, how they were watched and which rooms had pictures, written by the hub alone, and public
events, all it may read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Json, Key, Serial


class BroadcastSession(Base):
    """直播场次: the broadcast of one opening from one room; written by the hub alone."""

    __tablename__ = "broadcast_session"
    id: Mapped[Key] = mapped_column(primary_key=True)
    opening_id: Mapped[Key] = mapped_column(index=True)
    room_id: Mapped[Key]
    state: Mapped[Code] = mapped_column(default="standby")
    """standby 候播, live 直播中, paused 暂停, ended 已结束, sealed 录制封存."""
    live_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    seconds_live: Mapped[float] = mapped_column(default=0.0)
    interruptions: Mapped[int] = mapped_column(default=0)


class Viewing(Base):
    """观看: how one opening was watched live, added up from what the viewers' pages tell; of no viewer by itself.

    Written by the hub alone. A viewer 人次 is one opening of the room's page in which the picture came.
    """

    __tablename__ = "viewing"
    opening_id: Mapped[Key] = mapped_column(primary_key=True)
    viewers: Mapped[int] = mapped_column(default=0)
    peak: Mapped[int] = mapped_column(default=0)
    """The most viewers at one time."""
    seconds: Mapped[float] = mapped_column(default=0.0)
    """With the picture, of all viewers together."""
    first_frames: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    """Seconds from opening the page of a running broadcast to its picture: class (`records.histogram`) → how many."""
    delays: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    """Seconds from a picture's arrival here to its showing there, asked now and then: class → how many."""
    updated_at: Mapped[datetime] = mapped_column(default=now)


class RoomPicture(Base):
    """画面正常: that the camera of a room sent a sound picture on a Beijing day, an opening or not; written by the hub alone."""

    __tablename__ = "room_picture"
    room_id: Mapped[Key] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    """When the last one of the day came, to a minute."""


class PublicEvent(Base):
    """What the law lets the public see, from when. The hub reads this table and no trading table.

    `topic` is opening, opening_event, record, lot, project, award, notice, contract, decision, opinion,
    against_bids or market; the newest visible row of a (topic, subject) is its present public state, except for
    opening_event, where every row counts.
    """

    __tablename__ = "public_event"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    topic: Mapped[Code]
    subject: Mapped[Key]
    position: Mapped[int] = mapped_column(default=0)
    """For opening_event its seq within the opening; 0 elsewhere."""
    day: Mapped[Code | None]
    """For opening: the local day (YYYY-MM-DD, Beijing time) on which it is scheduled."""
    project: Mapped[Key | None]
    """The project a row belongs to."""
    visible_from: Mapped[datetime]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        Index("ix_public_event_topic_subject", "topic", "subject", "position", "seq"),
        Index("ix_public_event_topic_day", "topic", "day", "seq"),
        Index("ix_public_event_project_topic", "project", "topic", "seq"),
    )
