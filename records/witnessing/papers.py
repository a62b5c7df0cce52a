"""Papers of a witness beside the checklist: snapshots 抓拍 of the live picture and abnormal reports 异常情况报告."""

from __future__ import annotations

import hashlib
import io
import warnings as python_warnings
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image, UnidentifiedImageError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records.administration import By, Conflict, shown_name
from records.clock import now
from records.tables.witnessing import WitnessReport, WitnessSnapshot
from records.witnessing import scene, tasks
from records.witnessing.checklist import HANDLINGS, REPORT_KINDS

LARGEST = 1 << 20
"""Bytes of a snapshot."""
WIDEST = 4096
"""Pixels of a side."""
KINDS: Mapping[str, str] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Pillow's format → media type: what a browser makes of a picture."""
MOST = 200
"""Snapshots of one task."""


# ── snapshots ────────────────────────────────────────────────────────────────


def add_snapshot(
    session: Session, number: str, picture: bytes, by: By, role: str, *, note: object = None
) -> WitnessSnapshot:
    """Keep a picture of a task with its digest. Raises Invalid (too large, no picture of an allowed kind), IllegalAct (the
    room is not at the task's opening: what it shows would prove another)."""
    digest, words = hashlib.sha256(picture).hexdigest(), tasks.remark_of(note)
    media_type, (width, height) = _looked_at(picture)
    held = session.get(WitnessSnapshot, (digest, number))
    if held is not None:
        return held
    if len(snapshots(session, number)) >= MOST:
        raise Conflict(Message("witness.snapshots_full", most=MOST))
    if not scene.shows_picture(session, tasks.of(session, number)):
        raise tasks.IllegalAct(Message("witness.other_opening"))
    done = tasks.act(
        session, number, "snapshot", by, role, seen=None, detail={"sha256": digest, "note": words}
    )
    row = WitnessSnapshot(
        id=digest, task_id=number, at=now(), by=by.name, room_id=done.task.room_id, media_type=media_type,
        width=width, height=height, note=words, picture=picture,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _looked_at(picture: bytes) -> tuple[str, tuple[int, int]]:
    """Media type and size of a picture that can be read to its end."""
    if len(picture) > LARGEST:
        raise Invalid(Message("witness.snapshot_large", most=LARGEST // 1024))
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture), formats=list(KINDS)) as image:
                if max(image.size) > WIDEST:
                    raise Invalid(Message("witness.snapshot_wide", most=WIDEST))
                image.load()
                return KINDS[str(image.format)], image.size
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombWarning):
        raise Invalid(Message("witness.snapshot_kind", kinds=list(KINDS))) from None


def snapshots(session: Session, number: str) -> list[WitnessSnapshot]:
    """The snapshots of a task, without their pictures, oldest first."""
    query = select(WitnessSnapshot).where(WitnessSnapshot.task_id == number)
    return list(session.scalars(query.order_by(WitnessSnapshot.at, WitnessSnapshot.id)))


def snapshot(session: Session, number: str, digest: str) -> WitnessSnapshot:
    """One snapshot. Raises Unknown."""
    found = session.get(WitnessSnapshot, (digest, number))
    if found is None:
        raise Unknown(Message("witness.unknown_snapshot"))
    return found


# ── reports ──────────────────────────────────────────────────────────────────


def drafts_of(session: Session, name: str) -> int:
    """How many drafts of reports somebody has."""
    query = select(func.count()).where(WitnessReport.by == name, WitnessReport.state == "draft")
    return session.scalar(query) or 0


def save_report(session: Session, number: str, given: Mapping[str, Any], by: By, role: str) -> WitnessReport:
    """Save a draft, {"id"?, "name", "kind", "facts", "handling", "snapshots", "supplements"?}; with {"submit": true}
    submit it: then it is an act, and nothing changes it. Raises Invalid (what is missing), Conflict (submitted)."""
    task = tasks.of(session, number, locked=True)
    if task.witness != by.name:
        raise tasks.IllegalAct(
            Message(
                "witness.not_yours", act=Message("witness.act.report"), who=shown_name(session, task.witness)
            )
        )
    row = _draft(session, number, given, by)
    kind, handling = given.get("kind") or "other", given.get("handling") or None
    if kind not in REPORT_KINDS or (handling is not None and handling not in HANDLINGS):
        raise Invalid(Message("witness.report_words"))
    row.name, row.facts = (tasks.remark_of(given.get(field)) or "" for field in ("name", "facts"))
    row.kind, row.handling, row.saved_at = kind, handling, now()
    row.snapshots = _known(session, number, given.get("snapshots") or [])
    session.add(row)
    session.flush()
    if given.get("submit"):
        _submit(session, row, by, role)
    return row


def _draft(session: Session, number: str, given: Mapping[str, Any], by: By) -> WitnessReport:
    held_id, supplements = given.get("id"), given.get("supplements")
    if held_id is None:
        if supplements is not None:
            _own(session, number, supplements)
        return WitnessReport(task_id=number, by=by.name, state="draft", supplements=supplements)
    row = _own(session, number, held_id)
    if row.state != "draft":
        raise Conflict(Message("witness.report_submitted"))
    return row


def _own(session: Session, number: str, report_id: object) -> WitnessReport:
    row = session.get(WitnessReport, report_id) if type(report_id) is int else None
    if row is None or row.task_id != number:
        raise Unknown(Message("witness.unknown_report"))
    return row


def _known(session: Session, number: str, digests: Iterable[object]) -> list[str]:
    held = {one.id for one in snapshots(session, number)}
    return [digest for digest in dict.fromkeys(map(str, digests)) if digest in held]


def _submit(session: Session, row: WitnessReport, by: By, role: str) -> None:
    lacking = [field for field in ("name", "facts", "handling") if not getattr(row, field)]
    if lacking:
        raise Invalid(
            Message("witness.report_lacks", fields=[Message(f"witness.report_{one}") for one in lacking])
        )
    row.state, row.submitted_at = "submitted", now()
    detail = {
        "report": row.id, "name": row.name, "kind": row.kind, "facts": row.facts, "handling": row.handling,
        "snapshots": row.snapshots, "supplements": row.supplements,
    }  # fmt: skip
    tasks.act(session, row.task_id, "report", by, role, seen=None, detail=detail)
