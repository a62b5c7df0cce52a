"""Rejects: refused records, kept whole so that nothing a source sent is lost without trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import orjson
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from ingest.apply.personal import blanked
from ingest.envelope import BLANK, Oversized, Record
from ingest.refusal import Refusal, storable
from records.bulk import chunks
from records.clock import now
from records.tables.base import table_of
from records.tables.intake import Held, Journal, Reject

REJECT, HELD, JOURNAL = table_of(Reject), table_of(Held), table_of(Journal)
_RECENT = 5_000

_LONGEST = 1 << 20


def as_sent(raw: Any) -> str:
    """The text of a record as sent, without its personal data: what the ledger keeps and shows."""
    return storable(blanked(_text(raw)[:_LONGEST], BLANK))


def whole(raw: Any) -> str:
    """The text of a record as sent, for the rejects file of whoever imports it, to be put right and sent again."""
    return storable(_text(raw)[:_LONGEST])


def _text(raw: Any) -> str:
    if isinstance(raw, Oversized):
        raw = raw.head
    if isinstance(raw, (bytes, bytearray)):
        return bytes(raw).decode("utf-8", "replace")
    return raw if isinstance(raw, str) else _dump(raw)


def _dump(raw: Any) -> str:
    try:
        return orjson.dumps(raw, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return _spelled(raw)


def _spelled(raw: Any) -> str:
    """JSON, or what comes nearest to it, of a value that no JSON writer takes: however deep, whatever in it."""
    parts: list[str] = []
    todo: list[Any] = [raw]
    length = 0
    while todo and length < _LONGEST:
        value = todo.pop()
        if isinstance(value, _Sign):
            parts.append(value)
        elif isinstance(value, Mapping):
            todo.append(_Sign("}"))
            todo += reversed(
                [one for name, child in value.items() for one in (_COMMA, str(name), _COLON, child)][1:]
            )
            parts.append("{")
        elif isinstance(value, (list, tuple)):
            todo.append(_Sign("]"))
            todo += reversed([one for child in value for one in (_COMMA, child)][1:])
            parts.append("[")
        else:
            parts.append(_leaf(value))
        length += len(parts[-1])
    return "".join(parts)


class _Sign(str):
    """Punctuation, as against a value that is a text."""


_COMMA, _COLON = _Sign(","), _Sign(":")


def _leaf(value: Any) -> str:
    """A value without parts: halves of characters and numbers without end as text."""
    if isinstance(value, float) and not isfinite(value):
        value = str(value)
    try:
        return json.dumps(
            storable(value) if isinstance(value, str) else value, ensure_ascii=False, default=str
        )
    except (TypeError, ValueError, RecursionError):
        return f'"({type(value).__name__})"'


def row(source: str | None, raw: Any, refusal: Refusal) -> dict[str, Any]:
    """One row of the table `reject`."""
    return {
        "source": source,
        "kind": refusal.kind and refusal.kind[:64],
        "key": refusal.key,
        "path": refusal.path[:2000],
        "reason": refusal.reason[:2000],
        "payload": as_sent(raw),
        "received_at": now(),
        "resolved_at": None,
    }


def overtaken(refused: Iterable[dict[str, Any]], record: Record) -> None:
    """Mark those of `refused` (rows not written yet) that `record`, just accepted, puts right."""
    for row in refused:
        if (row["source"], row["kind"], row["key"]) == (record.source, record.kind, record.key):
            row["resolved_at"] = now()


def resolve(connection: Connection, taken: Iterable[tuple[str, str, str]]) -> None:
    """Mark the refused records that those accepted, (kind, key, source), put right.

    Only the newest refusals are looked at, so that a batch costs the same however many there have been;
    `settle` finds the older ones.
    """
    accepted = set(taken)
    last = connection.scalar(select(func.max(REJECT.c.id)))
    if last is None or not accepted:
        return
    recent = (REJECT.c.id > last - _RECENT, REJECT.c.resolved_at.is_(None))
    query = select(REJECT.c.id, REJECT.c.kind, REJECT.c.key, REJECT.c.source).where(*recent)
    ids = [number for number, *what in connection.execute(query) if tuple(what) in accepted]
    for part in chunks(ids):
        connection.execute(REJECT.update().where(REJECT.c.id.in_(part)).values(resolved_at=now()))


def settle(session: Session, source: str) -> int:
    """Mark every refused record of a source that a later accepted one with its key put right; how many."""
    later = (
        select(HELD.c.seq)
        .join(JOURNAL, JOURNAL.c.seq == HELD.c.seq)
        .where(
            HELD.c.kind == REJECT.c.kind,
            HELD.c.key == REJECT.c.key,
            HELD.c.source == REJECT.c.source,
            JOURNAL.c.received_at > REJECT.c.received_at,
        )
    )
    still_open = (REJECT.c.source == source, REJECT.c.resolved_at.is_(None), later.exists())
    done: Any = session.execute(REJECT.update().where(*still_open).values(resolved_at=now()))
    return int(done.rowcount)
