"""Recordings 录像 in the ledger: rows of files, of their pieces and of spans without pictures.

Every piece of a file (its head, then each closed fragment) is a row with the SHA-256 of its bytes,
linked to the one before: hash = `chain.link(prev_hash, segment_body(row))`, beginning with
`chain.genesis("recording/" + recording id)`. The last hash stands in `recording.head_hash`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records import chain
from records.clock import now
from records.tables.evidence import Gap, Recording, Segment
from streaming.recording import retention
from streaming.recording.mkv import MkvFollower
from streaming.recording.mp4 import Damaged, Mp4Follower, Piece

SUFFIX = {"mp4": ".mp4", "webm": ".webm"}
RESUME_WITHIN = timedelta(hours=12)
"""A file of the same session that ended longer ago is not the one a new file goes on from."""

SHORTEST_GAP = 2.0
"""Seconds without pictures that are worth a row."""


@dataclass(frozen=True)
class Digested:
    """A closed piece, the SHA-256 of its bytes, and the digests of the coded pictures in it (`pictures`)."""

    piece: Piece
    sha256: str
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Hole:
    """A span without pictures: `reason` is source 信号中断, disk 磁盘 or restart 重启."""

    started_at: datetime
    ended_at: datetime
    reason: str


def segment_body(segment: Segment) -> dict[str, Any]:
    """What enters the chain for one piece; whoever has the file and the rows can rebuild it."""
    return {
        "recording": segment.recording_id,
        "seq": segment.seq,
        "offset": segment.offset,
        "bytes": segment.bytes,
        "started_at": chain.stamp(segment.started_at),
        "seconds": segment.seconds,
        "sha256": segment.sha256,
    }


def start_hash(recording_id: str) -> str:
    """The hash before a recording's first piece."""
    return chain.genesis(f"recording/{recording_id}")


Follower = Mp4Follower | MkvFollower


def follow(container: str, file: BinaryIO, offset: int = 0) -> Follower:
    """The reader of closed pieces for a container, going on from `offset`."""
    return Mp4Follower(file, offset) if container == "mp4" else MkvFollower(file, offset)


Pictures = Callable[[bytes], tuple[bytes, ...]]
"""The bytes of a piece → the digests of its coded pictures."""


def digested(
    file: BinaryIO, pieces: Iterable[Piece], pictures: Pictures = lambda piece: ()
) -> list[Digested]:
    """The pieces with their digests; reads each once."""
    found = []
    for piece in pieces:
        file.seek(piece.offset)
        raw = file.read(piece.bytes)
        found.append(Digested(piece, hashlib.sha256(raw).hexdigest(), pictures(raw)))
    return found


def add(session: Session, recording: Recording) -> None:
    """A new recording, with the start of its chain."""
    recording.head_hash = start_hash(recording.id)
    session.add(recording)
    session.flush()


def append(session: Session, recording_id: str, pieces: Iterable[Digested]) -> None:
    """Link closed pieces to the end of a recording's chain."""
    recording = session.get_one(Recording, recording_id)
    last = session.scalar(select(func.max(Segment.seq)).where(Segment.recording_id == recording_id))
    for seq, found in enumerate(pieces, 0 if last is None else last + 1):
        piece = found.piece
        row = Segment(
            recording_id=recording_id,
            seq=seq,
            offset=piece.offset,
            bytes=piece.bytes,
            started_at=recording.started_at + timedelta(seconds=round(piece.start, 6)),
            seconds=round(piece.seconds, 3),
            sha256=found.sha256,
            prev_hash=recording.head_hash,
            hash="",
        )
        row.hash = recording.head_hash = chain.link(row.prev_hash, segment_body(row))
        recording.bytes = piece.offset + piece.bytes
        session.add(row)


def add_gap(session: Session, recording_id: str, hole: Hole) -> None:
    """Note a span without pictures."""
    recording = session.get_one(Recording, recording_id)
    session.add(
        Gap(
            recording_id=recording_id,
            seq=recording.gaps,
            started_at=hole.started_at,
            ended_at=hole.ended_at,
            reason=hole.reason,
        )
    )
    recording.gaps += 1


def close(session: Session, recording_id: str) -> datetime:
    """End a recording where its last piece ends; from then on its retention runs. Returns that moment."""
    recording = session.get_one(Recording, recording_id)
    recording.ended_at = _end(session, recording)
    recording.expire_at = retention.expire_at(recording.retention_class, recording.ended_at)
    return recording.ended_at


def _end(session: Session, recording: Recording) -> datetime:
    query = select(Segment).where(Segment.recording_id == recording.id)
    last = session.scalars(query.order_by(Segment.seq.desc()).limit(1)).first()
    return last.started_at + timedelta(seconds=last.seconds) if last else recording.started_at


def gap_before(session: Session, recording: Recording, reason: str) -> Hole | None:
    """The span between the newest earlier file of the same session and camera and this one, if it shows."""
    same = (
        Recording.session_id == recording.session_id,
        Recording.room_id == recording.room_id,
        Recording.camera == recording.camera,
    )
    others = select(Recording).where(*same, Recording.id != recording.id)
    earlier = list(session.scalars(others.where(Recording.started_at > now() - RESUME_WITHIN)))
    ends = [other.ended_at for other in earlier if other.bytes or other.ended_at is None]
    if recording.session_id is None or not ends or None in ends:
        return None
    last = max(end for end in ends if end)
    if (recording.started_at - last).total_seconds() <= SHORTEST_GAP:
        return None
    return Hole(last, recording.started_at, reason)


def unfinished(session: Session) -> list[Recording]:
    """Recordings a former process left open, oldest first."""
    query = select(Recording).where(Recording.ended_at.is_(None)).order_by(Recording.started_at, Recording.id)
    return list(session.scalars(query))


def recover(session: Session, recording: Recording, folder: Path) -> int:
    """Close a recording that a killed process left: take in the whole pieces, cut the torn end off.

    Returns the bytes cut off. A missing file leaves what the ledger knows of it. Damaged bytes count as
    the torn end.
    """
    path = folder / recording.path
    known = session.scalar(
        select(func.max(Segment.offset + Segment.bytes)).where(Segment.recording_id == recording.id)
    )
    cut = 0
    if path.exists():
        with path.open("r+b") as file:
            pieces = take_whole(recording.container, file, known or 0)
            append(session, recording.id, pieces)
            cut = max(0, path.stat().st_size - recording.bytes)
            file.truncate(recording.bytes)
    close(session, recording.id)
    return cut


def take_whole(container: str, file: BinaryIO, offset: int) -> list[Digested]:
    """The whole pieces of a file from `offset` on, up to its end or to the first damage."""
    found: list[Piece] = []
    # what cannot be read as a piece is the torn end of a write: it is cut off, not kept
    with contextlib.suppress(Damaged):
        for piece in follow(container, file, offset).pieces():
            found.append(piece)
    return digested(file, found)


def verify(session: Session, recording_id: str, folder: Path) -> chain.Break | None:
    """Check every byte of a recording against its chain; None if all holds. FileNotFoundError without file."""
    recording = session.get_one(Recording, recording_id)
    rows = list(
        session.scalars(select(Segment).where(Segment.recording_id == recording_id).order_by(Segment.seq))
    )
    found = chain.verify(start_hash(recording_id), ((segment_body(row), row.hash) for row in rows))
    if found:
        return found
    with (folder / recording.path).open("rb") as file:
        for row in rows:
            file.seek(row.offset)
            digest = hashlib.sha256(file.read(row.bytes)).hexdigest()
            if digest != row.sha256:
                return chain.Break(row.seq, row.sha256, digest)
    return None
