"""Warnings 预警 and the feed that carries them to supervisors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Serial, Text


class Warning(Base):
    """预警: a reason to look, never an accusation. Its inputs, baseline and evidence are stored with it."""

    __tablename__ = "warning"
    id: Mapped[Key] = mapped_column(primary_key=True)
    rule: Mapped[Code]
    rule_version: Mapped[Code]
    family: Mapped[Code]
    level: Mapped[Code]
    """red 红·高, orange 橙·中, yellow 黄·低."""
    title: Mapped[Text]
    title_en: Mapped[Text]
    lot_id: Mapped[Key | None] = mapped_column(ForeignKey("lot.id"), index=True)
    centre_id: Mapped[Key | None]
    subjects: Mapped[list[Any]]
    """List of {"kind": lot|tenderer|agency|bidder|group|expert|project, "id": …}."""
    value: Mapped[float | None]
    """In the rule's unit, as the rule registry names it; likewise baseline and threshold."""
    baseline: Mapped[float | None]
    threshold: Mapped[float | None]
    stratum: Mapped[Text | None]
    evidence: Mapped[dict[str, Any]]
    dedup_key: Mapped[Code] = mapped_column(unique=True)
    raised_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[Code] = mapped_column(default="new")
    """new 待受理, accepted 已受理, assigned 已分办, review 待复核, dismissed 已排除, lead 已转线索, silenced 已静默."""
    disposition: Mapped[Code | None]
    """confirmed 属实, not_confirmed 不属实, indirect 间接相关, other 其他."""
    note: Mapped[Text | None]
    handler: Mapped[Key | None]
    assignee: Mapped[Key | None] = mapped_column(index=True)
    """The account it was given to 分办."""
    acted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_warning_state_level", "state", "level"),
        Index("ix_warning_raised_at", "raised_at"),
    )


class WarningChange(Base):
    """Each raising or change of state of a warning, numbered for the desk's feed."""

    __tablename__ = "warning_change"
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    warning_id: Mapped[Key] = mapped_column(ForeignKey("warning.id"), index=True)
    ts: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[Code]
    actor: Mapped[Key]
    disposition: Mapped[Code | None]
    """The reason code that was given with this step; what became of it later does not change it."""
    note: Mapped[Text | None]


class RuleSetting(Base):
    """One change of a rule at the switchboard 规则开关; the newest that came into force is how the rule runs."""

    __tablename__ = "rule_setting"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    rule: Mapped[Code] = mapped_column(index=True)
    revision: Mapped[int | None]
    """Counts the changes of the rule that came into force, from 1; none while it waits or where it was refused."""
    mode: Mapped[Code]
    """on 启用, shadow 影子运行, off 停用."""
    parameters: Mapped[dict[str, Any]]
    centres: Mapped[list[Any]]
    """The centres whose lots it looks at; empty: all."""
    second_look: Mapped[bool] = mapped_column(default=False)
    """Whether another person has to agree before one of its warnings is dismissed."""
    reason: Mapped[Text]
    state: Mapped[Code]
    """waiting 待复核, in_force 生效, refused 未通过."""
    asked_by: Mapped[Key]
    asked_at: Mapped[datetime] = mapped_column(default=now)
    decided_by: Mapped[Key | None]
    decided_at: Mapped[datetime | None]


class Silence(Base):
    """静默: until when a rule's findings about a centre or a lot are kept and not shown, and why."""

    __tablename__ = "silence"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    rule: Mapped[Code] = mapped_column(index=True)
    centre_id: Mapped[Key | None]
    lot_id: Mapped[Key | None]
    reason: Mapped[Text]
    created_by: Mapped[Key]
    created_at: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime]
    ended_by: Mapped[Key | None]
    ended_at: Mapped[datetime | None]


class ShadowFinding(Base):
    """What a rule in shadow mode found: counted, shown to nobody."""

    __tablename__ = "shadow_finding"
    key: Mapped[Code] = mapped_column(primary_key=True)
    """Digest of the rule and whom the finding is about."""
    rule: Mapped[Code] = mapped_column(index=True)
    rule_version: Mapped[Code]
    level: Mapped[Code]
    lot_id: Mapped[Key | None]
    centre_id: Mapped[Key | None]
    value: Mapped[float]
    found_at: Mapped[datetime] = mapped_column(default=now)


class WatchMark(Base):
    """How far something has come: name → last journal sequence the watch has handled, a digest of what it
    built, or (intake/SOURCE) how many records of a source are accepted."""

    __tablename__ = "watch_mark"
    name: Mapped[Key] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Serial, default=0)
    detail: Mapped[dict[str, Any] | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)
