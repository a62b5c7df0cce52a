"""Put the demonstration market into the ledger: in bulk, through the intake's own checks, only what is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select, text

from ingest.apply.envelopes import apply_batch
from messages import Fault, Message
from records.clock import BEIJING
from records.ledger import Ledger
from records.serving import signing
from records.tables.intake import Held, Journal, Source
from records.tables.openings import Opening
from sunbid.demo.envelopes import SOURCE, Envelope, broken_off, called_off
from sunbid.demo.lots import LIVE_MARK

BATCH = 2000


class DemoRefused(Fault):
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
    applied = 0
    for batch in _batches(iter(envelopes)):
        fresh = _fresh(ledger, batch)
        for answer in apply_batch(ledger, SOURCE, fresh, key=key):
            if answer.status == "rejected":
                raise DemoRefused(
                    Message("demo.refused", key=answer.key, path=answer.path, reason=answer.reason)
                )
        applied += len(fresh)
    return applied


def holds_records(ledger: Ledger) -> bool:
    """Whether the ledger holds any record of the demonstration."""
    with ledger.read() as session:
        return session.scalar(select(Held.key).where(Held.source == SOURCE).limit(1)) is not None


def last_journal(ledger: Ledger) -> int:
    """The number of the newest journal entry."""
    with ledger.read() as session:
        return session.scalar(select(func.max(Journal.seq))) or 0


def held_by_others(ledger: Ledger) -> str:
    """What a ledger holds that no demonstration began: "lot 12、user 1"; empty for one that is empty or a
    demonstration's own, whatever was added to that later. Reads any older schema, and changes nothing."""
    with ledger.engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        if "source" in there and connection.scalar(select(Source.name).where(Source.name == SOURCE)):
            return ""
        counted = {
            name: connection.scalar(text(f'SELECT count(*) FROM "{name}"'))
            for name in sorted(there - {"alembic_version"})
        }
    return "、".join(f"{name} {count}" for name, count in counted.items() if count)


def _batches(envelopes: Iterator[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for one in envelopes:
        part.append(one)
        if len(part) == BATCH:
            yield part
            part = []
    if part:
        yield part


def _fresh(ledger: Ledger, batch: list[Envelope]) -> list[Envelope]:
    """Those of a batch that are not held in this version or a newer one."""
    keys: dict[str, list[str]] = defaultdict(list)
    for one in batch:
        keys[one["kind"]].append(one["key"])
    held: dict[tuple[str, str], int] = {}
    with ledger.read() as session:
        for kind, named in keys.items():
            query = select(Held.key, Held.version).where(
                Held.kind == kind, Held.key.in_(named), Held.source == SOURCE
            )
            held.update(((kind, key), version) for key, version in session.execute(query))
    return [one for one in batch if held.get((one["kind"], one["key"]), -1) < one["version"]]


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
        if row.stage == "waiting" or row.scheduled_at > now:  # before its time nothing can be ended
            yield called_off(row.id, row.lot_id, row.room_id, row.scheduled_at, now)
        else:
            yield broken_off(row.id, now)


def _unfinished(ledger: Ledger) -> list[Opening]:
    query = select(Opening).where(
        Opening.source == SOURCE, Opening.state.in_(("scheduled", "in_progress", "paused"))
    )
    with ledger.read() as session:
        return list(session.scalars(query))
