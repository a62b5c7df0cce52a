"""The check of the ledger (`sunbid db check`): chains, counters, waiting records and dangling references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from evidence.verify import keyed
from messages import Message
from records import audit, chain, states
from records.ledger import TABLES
from records.tables.broadcast import PublicEvent
from records.tables.evidence import LogLeaf, Seal
from records.tables.intake import Journal, Parked, Reject
from records.tables.openings import Opening, OpeningEvent
from records.tables.users import AuditEntry

Progress = Callable[[str, int, int], None]


@dataclass
class Report:
    """What a check found. `problems` are breaches; `waiting` and `rejected` are work left for people."""

    tables: dict[str, int] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    rejected: int = 0
    problems: list[Message] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "problems": list(map(str, self.problems)), "whole": self.whole}


def counts(session: Session) -> dict[str, int]:
    """Rows of every table."""
    return {t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in TABLES}


def check(session: Session, progress: Progress | None = None) -> Report:
    """Walk the whole ledger in one snapshot. Raises nothing for damage: it is reported."""
    steps: list[tuple[Message, Callable[[Session], Iterator[Message]]]] = [
        (Message("check.audit_chain"), _audit_chain),
        (Message("check.opening_chains"), _opening_chains),
        (Message("check.evidence_log"), _evidence_log),
        (Message("check.commitments"), _commitments),
        (Message("check.public_feed"), _public_feed),
        (Message("check.references"), _references),
    ]
    report = Report(tables=counts(session), waiting=list(_waiting(session)))
    report.rejected = (
        session.scalar(select(func.count()).select_from(Reject).where(Reject.resolved_at.is_(None))) or 0
    )
    for number, (name, step) in enumerate(steps, start=1):
        if progress:
            progress(str(name), number, len(steps))
        report.problems.extend(step(session))
    return report


def _waiting(session: Session) -> Iterator[dict[str, Any]]:
    query = select(Parked, Journal).join(Journal, Journal.seq == Parked.seq).order_by(Parked.seq)
    for parked, entry in session.execute(query):
        yield {
            "seq": entry.seq,
            "source": entry.source,
            "kind": entry.kind,
            "key": entry.key,
            "waits_for": f"{parked.waits_kind} {parked.waits_key}",
        }


def _audit_chain(session: Session) -> Iterator[Message]:
    broken = audit.verify(session)
    if broken:
        yield Message("check.audit_chain_broken", place=broken.index + 1)


def _opening_chains(session: Session) -> Iterator[Message]:
    for opening in session.scalars(select(Opening).where(Opening.head_seq > 0)):
        broken = states.verify_opening(session, opening.id)
        if broken:
            place = broken.index + 1
            yield Message("check.opening_chain_broken", opening=opening.id, place=place)
    tail = (
        select(OpeningEvent.opening_id, func.count().label("n"), func.max(OpeningEvent.seq).label("last"))
        .group_by(OpeningEvent.opening_id)
        .subquery()
    )
    rows = session.execute(
        select(Opening.id, Opening.head_seq, tail.c.n, tail.c.last).join(
            tail, tail.c.opening_id == Opening.id
        )
    )
    for opening_id, head, number, last in rows:
        if not head == number == last:
            yield Message("check.events_missing", opening=opening_id, head=head, number=number, last=last)


def _commitments(session: Session) -> Iterator[Message]:
    """What an event keeps inside is what its public commitment says, and cannot be guessed from it.

    An opening sealed before commitments had a salt keeps them as they are: its package is signed.
    """
    sealed = set(session.scalars(select(Seal.opening_id)))
    query = select(OpeningEvent).where(OpeningEvent.detail.is_not(None))
    for event in session.scalars(query.order_by(OpeningEvent.opening_id, OpeningEvent.seq)).yield_per(1000):
        if not event.detail:
            continue
        committed = event.payload.get("detail_sha256", "")
        as_signed = event.opening_id in sealed and chain.digest(event.detail) == committed
        if not as_signed and not chain.was_committed(event.detail, committed):
            yield Message("check.commitment_broken", opening=event.opening_id, place=event.seq)


def _public_feed(session: Session) -> Iterator[Message]:
    published = (
        select(PublicEvent.subject, func.count().label("n"))
        .where(PublicEvent.topic == "opening_event")
        .group_by(PublicEvent.subject)
        .subquery()
    )
    rows = session.execute(
        select(Opening.id, Opening.head_seq, func.coalesce(published.c.n, 0))
        .join(published, published.c.subject == Opening.id, isouter=True)
        .where(Opening.head_seq > 0)
    )
    for opening_id, head, number in rows:
        if head != number:
            yield Message("check.public_rows_differ", opening=opening_id, number=number, head=head)


def _references(session: Session) -> Iterator[Message]:
    """Foreign keys by hand: SQLite enforces them only on connections that ask for it."""
    for table in TABLES:
        for column in table.columns:
            for key in column.foreign_keys:
                yield from _dangling(session, table, column.name, key.column.table.name, key.column.name)


def _dangling(
    session: Session, table: Table, column: str, parent: str, parent_column: str
) -> Iterator[Message]:
    child = table.c[column]
    target = table.metadata.tables[parent].alias()
    query = (
        select(func.count())
        .select_from(table.outerjoin(target, target.c[parent_column] == child))
        .where(child.is_not(None), target.c[parent_column].is_(None))
    )
    number = session.scalar(query)
    if number:
        yield Message("check.dangling", table=table.name, column=column, number=number, parent=parent)


def _evidence_log(session: Session) -> Iterator[Message]:
    """The log of evidence has no gap, and the heads of the audit chain that it committed to stand in the chain."""
    count, newest = session.execute(select(func.count(), func.max(LogLeaf.number)).select_from(LogLeaf)).one()
    if count and newest != count - 1:
        yield Message("check.log_gap", leaves=count, newest=newest)
    heads = select(LogLeaf).where(LogLeaf.kind == "audit", LogLeaf.opening_id == "").order_by(LogLeaf.number)
    for row in session.scalars(heads.execution_options(yield_per=500)):
        body = row.body or {}
        held = session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == body.get("seq"))) or ""
        if held != body.get("hash") or keyed(row.key or "", body) != row.leaf["sha256"]:
            yield Message("check.audit_rewritten", leaf=row.number, seq=body.get("seq"))
            return
