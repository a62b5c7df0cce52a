"""Put the demonstration market into the ledger: in bulk, through the intake's own checks, only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ingest.apply import apply_batch
from records import signing
from records.intake import Held, Source
from records.ledger import Ledger
from records.openings import Opening
from records.public import BEIJING
from sunbid.demo.envelopes import SOURCE, Envelope, broken_off, called_off
from sunbid.demo.script import LIVE_MARK

BATCH = 2000


class DemoRefused(RuntimeError):
    """The intake refused a record of the demonstration market: the two do not fit together."""


def ensure_source(ledger: Ledger) -> str:
    """Mark the source as a demonstration; a fresh token for this start, kept nowhere in clear."""
    token = signing.new_token()
    with ledger.write() as session:
        row = session.get(Source, SOURCE)
        if row is None:
            row = Source(name=SOURCE, demo=True)
            session.add(row)
        row.demo, row.enabled, row.token_hash = True, True, signing.token_hash(token)
    return token


def load(ledger: Ledger, data: Path, envelopes: Iterable[Envelope]) -> int:
    """Apply what the ledger does not hold yet; how many records that were. Raises DemoRefused."""
    key = signing.load_key(data)
    held = _held(ledger)
    fresh = (one for one in envelopes if held.get((one["kind"], one["key"]), -1) < one["version"])
    applied = 0
    for batch in _batches(fresh):
        for answer in apply_batch(ledger, SOURCE, batch, key=key):
            if answer.status == "rejected":
                raise DemoRefused(f"{answer.key} {answer.path}: {answer.reason}")
        applied += len(batch)
    return applied


def real_sources(session: Session) -> list[str]:
    """Names of the sources of a ledger that never held a demonstration."""
    if session.get(Source, SOURCE) is not None:
        return []
    return list(session.scalars(select(Source.name).order_by(Source.name)))


def _batches(envelopes: Iterator[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for one in envelopes:
        part.append(one)
        if len(part) == BATCH:
            yield part
            part = []
    if part:
        yield part


def _held(ledger: Ledger) -> dict[tuple[str, str], int]:
    with ledger.read() as session:
        rows = session.execute(select(Held.kind, Held.key, Held.version).where(Held.source == SOURCE))
        return {(kind, key): version for kind, key, version in rows}


def unfinished_days(ledger: Ledger, now: datetime) -> set[date]:
    """Days of the market's announced openings that an earlier start did not see to their end."""
    return {
        row.scheduled_at.astimezone(BEIJING).date()
        for row in _unfinished(ledger)
        if LIVE_MARK not in row.id and row.scheduled_at <= now
    }


def leftovers(ledger: Ledger, now: datetime) -> Iterator[Envelope]:
    """What ends the openings that an earlier start left on air, and calls off those it had announced."""
    for row in _unfinished(ledger):
        if LIVE_MARK not in row.id:
            continue
        if row.stage == "waiting":
            yield called_off(row.id, row.lot_id, row.room_id, row.scheduled_at, now)
        else:
            yield broken_off(row.id, row.scheduled_at, now)


def _unfinished(ledger: Ledger) -> list[Opening]:
    query = select(Opening).where(
        Opening.source == SOURCE, Opening.state.in_(("scheduled", "in_progress", "paused"))
    )
    with ledger.read() as session:
        return list(session.scalars(query))
