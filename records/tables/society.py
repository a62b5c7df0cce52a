"""Social supervision 社会监督 and joint inspections 联合督查."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Text


class Opinion(Base):
    """社会监督意见: real-name to the office, anonymous on every screen; `public_text` is what may be shown."""

    __tablename__ = "opinion"
    id: Mapped[Key] = mapped_column(primary_key=True)
    project_id: Mapped[Key | None] = mapped_column(ForeignKey("project.id"), index=True)
    channel: Mapped[Code] = mapped_column(default="web")
    """web 网上, group 监督团, phone 电话, letter 来信."""
    content: Mapped[Text]
    handler: Mapped[Text | None]
    received_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    public_text: Mapped[Text | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class OpinionAnswer(Base):
    """An answer given at the desk. It outlives later versions of the opinion's record."""

    __tablename__ = "opinion_answer"
    opinion_id: Mapped[Key] = mapped_column(ForeignKey("opinion.id"), primary_key=True)
    answered_by: Mapped[Key]
    answered_at: Mapped[datetime]
    public_text: Mapped[Text]


class OpinionSender(Base):
    """Who sent an opinion by the public site's form: for the office that answers it, and for nobody else."""

    __tablename__ = "opinion_sender"
    opinion_id: Mapped[Key] = mapped_column(ForeignKey("opinion.id"), primary_key=True)
    name: Mapped[Code]
    contact: Mapped[Code]


class Inspection(Base):
    """联合督查 or 监督团走访: one visit, its projects and the problems found [{"project": …, "problem": …}]."""

    __tablename__ = "inspection"
    id: Mapped[Key] = mapped_column(primary_key=True)
    on: Mapped[date]
    body: Mapped[Code] = mapped_column(default="joint", server_default="joint")
    """Who came: joint 联合督查组 or group 社会监督团."""
    projects: Mapped[list[Any]] = mapped_column(default=list)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)
