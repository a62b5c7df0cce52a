"""The audit chain 审计链: who did what, when, unalterably in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from records import chain
from records.clock import now
from records.tables.users import AuditEntry

GENESIS = chain.genesis("audit")
_LOCK = 0x73756E62


def _body(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "ts": chain.stamp(entry.ts),
        "actor": entry.actor,
        "action": entry.action,
        "object": [entry.object_kind, entry.object_id],
        "detail": entry.detail,
        "ip": entry.ip,
    }


def write(
    session: Session,
    actor: str,
    action: str,
    *,
    object_kind: str | None = None,
    object_id: str | None = None,
    detail: dict[str, Any] | None = None,
    ip: str | None = None,
) -> AuditEntry:
    """Append one entry in the caller's write transaction. `detail` must hold no secret and no personal data."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    head = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1)).first()
    entry = AuditEntry(
        seq=(head.seq if head else 0) + 1,
        ts=now(),
        actor=actor,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        detail=detail or {},
        ip=ip,
        prev_hash=head.hash if head else GENESIS,
        hash="",
    )
    entry.hash = chain.link(entry.prev_hash, _body(entry))
    session.add(entry)
    session.flush()
    return entry


def verify(session: Session) -> chain.Break | None:
    """Walk the whole audit chain; None if it holds. A removed entry breaks the chain at its successor."""

    def pairs() -> Iterator[tuple[dict[str, Any], str]]:
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).yield_per(1000):
            yield _body(entry), entry.hash

    return chain.verify(GENESIS, pairs())


def count(session: Session) -> int:
    """Number of entries in the chain."""
    return session.scalar(select(func.count()).select_from(AuditEntry)) or 0
