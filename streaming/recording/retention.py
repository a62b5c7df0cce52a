"""How long recordings are kept 保管期限: one table of classes, and what may go when.

Nothing is deleted by itself: `plan` lists what would go and why, `delete` takes that list, and every
deletion is an audit entry. Rows and digests stay; only the file goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import DEFAULT, Invalid, Message
from records import audit
from records.clock import BEIJING, now
from records.law import (
    CHONGQING_RULES,
    COUNTERTERRORISM_LAW,
    PROCUREMENT_ARCHIVES,
    PROCUREMENT_LAW,
    PUBLIC_VIDEO_RULES,
    Article,
)
from records.ledger import Ledger
from records.tables.evidence import Recording


class UnknownClass(Invalid):
    """A retention class that is not in the table."""


@dataclass(frozen=True)
class RetentionClass:
    """`years`/`days` from the end of the recording; neither means for ever. `archive`: part of the
    procurement file, so it may only go once sealed. `rule`: what sets it."""

    name: Message
    rule: Article
    years: int = 0
    days: int = 0
    archive: bool = False

    @property
    def source(self) -> Message:
        """The rule's citation."""
        return self.rule.cited

    @property
    def forever(self) -> bool:
        return not (self.years or self.days)


CLASSES: dict[str, RetentionClass] = {
    "procurement": RetentionClass(
        Message("retention.procurement"), Article(PROCUREMENT_LAW, [42]), years=15, archive=True
    ),
    "works": RetentionClass(
        Message("retention.works"), Article(CHONGQING_RULES, [38]), years=15, archive=True
    ),
    "archive-10": RetentionClass(
        Message("retention.archive_10"), Article(PROCUREMENT_ARCHIVES), years=10, archive=True
    ),
    "archive-30": RetentionClass(
        Message("retention.archive_30"), Article(PROCUREMENT_ARCHIVES), years=30, archive=True
    ),
    "archive-permanent": RetentionClass(
        Message("retention.archive_permanent"), Article(PROCUREMENT_ARCHIVES), archive=True
    ),
    "security": RetentionClass(Message("retention.security"), Article(PUBLIC_VIDEO_RULES, [17]), days=30),
    "security-key": RetentionClass(
        Message("retention.security_key"), Article(COUNTERTERRORISM_LAW, [32]), days=90
    ),
}
"""Class of a recording → how long it is kept, and by which rule."""


def retention_class(name: str) -> RetentionClass:
    """The class of that name; UnknownClass names those there are."""
    if name not in CLASSES:
        raise UnknownClass(Message("retention.unknown_class", name=name, choices=list(CLASSES)))
    return CLASSES[name]


def expire_at(name: str, ended_at: datetime) -> datetime | None:
    """When a recording of that class that ended at `ended_at` may go; None for never.

    Years are counted in Beijing time to the same day; 29 February becomes 1 March, so that nothing is
    kept too short.
    """
    rule = retention_class(name)
    if rule.forever:
        return None
    local = ended_at.astimezone(BEIJING)
    try:
        local = local.replace(year=local.year + rule.years)
    except ValueError:
        local = local.replace(year=local.year + rule.years, month=3, day=1)
    return local + timedelta(days=rule.days)


@dataclass(frozen=True)
class Item:
    """One recording whose time is up: `may_go`, or `why` it stays all the same."""

    recording_id: str
    room_id: str
    session_id: str | None
    path: str
    bytes: int
    retention_class: str
    expired_at: datetime
    may_go: bool
    why: Message


def plan(session: Session, at: datetime | None = None) -> list[Item]:
    """Every recording still on disk whose time is up at `at` (default: now), oldest first. Changes nothing."""
    moment = at or now()
    query = (
        select(Recording)
        .where(Recording.expire_at <= moment, Recording.ended_at.is_not(None), Recording.bytes > 0)
        .order_by(Recording.expire_at, Recording.id)
    )
    return [_item(recording) for recording in session.scalars(query)]


def _item(recording: Recording) -> Item:
    assert recording.expire_at is not None
    rule = CLASSES.get(recording.retention_class)
    may_go = rule is not None and not rule.forever and not (rule.archive and recording.sealed_at is None)
    return Item(
        recording.id, recording.room_id, recording.session_id, recording.path, recording.bytes,
        recording.retention_class, recording.expire_at, may_go, _why(rule, may_go),
    )  # fmt: skip


def _why(rule: RetentionClass | None, may_go: bool) -> Message:
    """Why a recording whose time is up goes, or stays all the same."""
    if rule is None:
        return Message("retention.class_unknown")
    if rule.forever:
        return Message("retention.for_ever", source=rule.source)
    if not may_go:
        return Message("retention.not_sealed", name=rule.name)
    span = (
        Message("retention.years", years=rule.years)
        if rule.years
        else Message("retention.days", days=rule.days)
    )
    return Message("retention.time_is_up", source=rule.source, span=span)


@dataclass(frozen=True)
class Deleted:
    """What became of a deletion: ids of the recordings whose files are gone, their bytes, and id → why for
    those whose files could not be removed."""

    deleted: Sequence[str]
    bytes: int
    kept: Mapping[str, Message]


def delete(ledger: Ledger, folder: Path, items: Iterable[Item], actor: str) -> Deleted:
    """Delete the files of the items that may go.

    Each item is judged again, so that a list grown old does no harm. The audit entries are durable
    before the first file goes. The rows stay with `bytes` 0, their segments with their digests; a file
    that cannot be removed gets its bytes back, and an audit entry that says so. Needs the right to write
    audit entries, which the hub's own database role has not: a task of the administrator.
    """
    wanted = {item.recording_id for item in items}
    with ledger.write() as session:
        going = [item for item in plan(session) if item.may_go and item.recording_id in wanted]
        for item in going:
            _note(session, actor, "recording.delete", item, item.why)
            session.get_one(Recording, item.recording_id).bytes = 0
    kept = {item.recording_id: why for item in going if (why := _remove(folder, item.path))}
    if kept:
        with ledger.write() as session:
            for item in going:
                if item.recording_id in kept:
                    _note(session, actor, "recording.delete_failed", item, kept[item.recording_id])
                    session.get_one(Recording, item.recording_id).bytes = item.bytes
    gone = [item for item in going if item.recording_id not in kept]
    return Deleted([item.recording_id for item in gone], sum(item.bytes for item in gone), kept)


def _note(session: Session, actor: str, action: str, item: Item, why: Message) -> None:
    audit.write(
        session, actor, action, object_kind="recording", object_id=item.recording_id,
        detail={"class": item.retention_class, "why": why.text(DEFAULT), "bytes": item.bytes},
    )  # fmt: skip


def _remove(folder: Path, path: str) -> Message | None:
    """Remove a file of the recordings' folder; why it is still there, None where it is not. One that is gone already is gone."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        return Message("retention.outside")
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        return Message("retention.not_removed", error=error.strerror)
    return None
