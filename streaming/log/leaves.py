"""Leaves of the log: what of an opening is entered, each thing once, in the order in which the hub comes to know it.

Segments of recordings, public events, gaps, operators' switches, acts of witnesses and the seal are leaves. What is not yet public does
not show: while an opening waits for its list of bidders, one commitment a minute is entered to the head of its chain,
whether or not anything has happened, under a key that only its package reveals.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from evidence.verify import canonical, digest, keyed
from records import chain
from records.public import rows as public
from records.tables.broadcast import PublicEvent
from records.tables.evidence import AUDIT_HEAD, Gap, LogLeaf, Recording, Segment
from records.tables.witnessing import WITNESS_LEAF


@dataclass(frozen=True)
class Draft:
    """A leaf before it has its place. `more` are the fields of its kind; `body` is what `sha256` is of, where it stands
    nowhere else, and `key` makes that a commitment."""

    opening: str
    kind: str
    subject: str
    position: int
    sha256: str
    at: datetime
    more: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    key: str | None = None


def disclosed(
    opening: str, kind: str, subject: str, position: int, at: datetime, body: Mapping[str, Any]
) -> Draft:
    """A leaf of what may be told."""
    return Draft(opening, kind, subject, position, digest(body), at, body=body)


def committed(opening: str, kind: str, at: datetime, body: Mapping[str, Any]) -> Draft:
    """A leaf of what is not to be told yet, of a moment: a commitment under a key of its own."""
    key = secrets.token_hex(32)
    return Draft(opening, kind, opening, _micros(at), keyed(key, body), at, body=body, key=key)


def _micros(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def append(session: Session, drafts: Iterable[Draft]) -> int:
    """Give leaves their places at the end of the log, in the caller's write transaction; gives how many. What has a leaf
    already gets no other. The body of a seal enters beside it, as of all that stands nowhere else."""
    found = list(drafts)
    number = size(session)
    seqs = dict.fromkeys((draft.opening for draft in found), 0)
    for opening in seqs:
        seqs[opening] = (
            session.scalar(select(func.max(LogLeaf.seq)).where(LogLeaf.opening_id == opening)) or 0
        )
    fresh = [draft for draft in found if not _is_there(session, draft)]
    for place, draft in enumerate(fresh, start=number):
        seqs[draft.opening] += 1
        leaf = {
            "opening": draft.opening, "kind": draft.kind, "seq": seqs[draft.opening], "sha256": draft.sha256,
            "at": chain.stamp(draft.at), **draft.more,
        }  # fmt: skip
        session.add(LogLeaf(
            number=place, opening_id=draft.opening, seq=leaf["seq"], kind=draft.kind, subject=draft.subject,
            position=draft.position, leaf=leaf,
            body=dict(draft.body) if draft.body is not None else None, key=draft.key,
        ))  # fmt: skip
    return len(fresh)


def _is_there(session: Session, draft: Draft) -> bool:
    return draft.position <= _newest(session, draft.kind, draft.subject)


def _newest(session: Session, kind: str, subject: str) -> int:
    """The position of the last leaf of a kind and a subject; -1 where there is none."""
    query = select(func.max(LogLeaf.position)).where(LogLeaf.kind == kind, LogLeaf.subject == subject)
    newest = session.scalar(query)
    return -1 if newest is None else newest


def size(session: Session) -> int:
    """Leaves in the log."""
    newest = session.scalar(select(func.max(LogLeaf.number)))
    return 0 if newest is None else newest + 1


def of_opening(session: Session, opening: str) -> list[LogLeaf]:
    """All leaves of an opening, in order."""
    return list(session.scalars(select(LogLeaf).where(LogLeaf.opening_id == opening).order_by(LogLeaf.seq)))


# ── what there is to enter ───────────────────────────────────────────────────────────────────────


def new_of_opening(session: Session, opening: str, switches: Iterable[Mapping[str, Any]]) -> Iterator[Draft]:
    """What has come to be known of an opening since its last leaf: its public events, pieces of recordings, gaps, the
    operators' `switches` of its room, and what was witnessed."""
    yield from _events(session, opening)
    for recording in session.scalars(
        select(Recording).where(Recording.session_id == opening).order_by(Recording.started_at, Recording.id)
    ):
        yield from _segments(session, recording, opening)
        yield from _gaps(session, recording, opening)
    for switch in switches:
        at = datetime.fromisoformat(str(switch["at"]))
        body = {key: switch[key] for key in ("at", "act", "on", "reason")}  # by whom stays in the audit chain
        yield committed(opening, "action", at, body)
    yield from _witnessed(session, opening)


def event_line(message: Mapping[str, Any]) -> bytes:
    """A public event as events.jsonl holds it."""
    return canonical({key: message[key] for key in ("seq", "ts", "type", "payload", "hash")})


def _events(session: Session, opening: str) -> Iterator[Draft]:
    for message in public.opening_events(session, opening, max(0, _newest(session, "event", opening))):
        hashed = sha256(event_line(message)).hexdigest()
        seq, at = message["seq"], datetime.fromisoformat(message["ts"])
        yield Draft(opening, "event", opening, seq, hashed, at, {"event": seq})


def _witnessed(session: Session, opening: str) -> Iterator[Draft]:
    """Acts of the witnesses 数字见证: when, and the digest of what; the ledger holds who and what."""
    subject = f"witness/{opening}"
    acts = select(WITNESS_LEAF).where(
        WITNESS_LEAF.c.opening_id == opening, WITNESS_LEAF.c.seq > _newest(session, "action", subject)
    )
    for act in session.execute(acts.order_by(WITNESS_LEAF.c.seq)):
        body = {"at": chain.stamp(act.at), "act": "witness", "sha256": act.sha256}
        key = secrets.token_hex(32)
        yield Draft(opening, "action", subject, act.seq, keyed(key, body), act.at, body=body, key=key)


def _segments(session: Session, recording: Recording, opening: str) -> Iterator[Draft]:
    newest = _newest(session, "segment", recording.id)
    query = select(Segment).where(Segment.recording_id == recording.id, Segment.seq > newest)
    for piece in session.scalars(query.order_by(Segment.seq)):
        more = {
            "recording": recording.id, "segment": piece.seq, "offset": piece.offset, "bytes": piece.bytes,
            "ms": round(piece.seconds * 1000),
        }  # fmt: skip
        yield Draft(opening, "segment", recording.id, piece.seq, piece.sha256, piece.started_at, more)


def _gaps(session: Session, recording: Recording, opening: str) -> Iterator[Draft]:
    newest = _newest(session, "gap", recording.id)
    query = select(Gap).where(Gap.recording_id == recording.id, Gap.seq > newest, Gap.ended_at.is_not(None))
    for gap in session.scalars(query.order_by(Gap.seq)):
        ended = gap.ended_at or gap.started_at
        body = {
            "recording": recording.id,
            "from": chain.stamp(gap.started_at),
            "to": chain.stamp(ended),
            "reason": gap.reason,
        }
        yield disclosed(opening, "gap", recording.id, gap.seq, gap.started_at, body)


# ── what is committed to every minute ────────────────────────────────────────────────────────────


def head_of_chain(session: Session, opening: str, minute: datetime) -> Draft:
    """A commitment to the head of an opening's chain, whose events are not public yet."""
    query = select(PublicEvent.position, PublicEvent.payload)
    mine = query.where(PublicEvent.topic == "opening_event", PublicEvent.subject == opening)
    row = session.execute(mine.order_by(PublicEvent.position.desc()).limit(1)).first()
    return committed(
        opening,
        "audit",
        minute,
        {"seq": row.position if row else 0, "hash": row.payload["hash"] if row else ""},
    )


def head_of_audit(session: Session, minute: datetime) -> Draft:
    """A commitment to the head of the audit chain; whoever holds the ledger can open it."""
    row = session.execute(select(AUDIT_HEAD)).first()
    return committed("", "audit", minute, {"seq": row.seq if row else 0, "hash": row.hash if row else ""})


def minute_of(moment: datetime) -> datetime:
    """The full minute a moment lies in."""
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)
