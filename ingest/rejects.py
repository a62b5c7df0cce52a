"""What was refused, kept whole so that nothing a source sent is lost without trace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ingest.envelope import BLANK, Record, Refusal, storable
from ingest.kinds import KINDS
from ingest.rows import chunks, table_of
from records.base import now
from records.intake import Reject

REJECT = table_of(Reject)

_VALUE = r'("(?:[^"\\]|\\.)*"|[-+.\w]+)'
_NAMES = sorted({name for model in KINDS.values() for name in model.HIDDEN if name != "name"})
_PERSONAL = re.compile(rf'("(?:{"|".join(_NAMES)})"\s*:\s*){_VALUE}')
_EXPERT = re.compile(r'"kind"\s*:\s*"expert"')
_NAME = re.compile(rf'("name"\s*:\s*){_VALUE}')
_LONGEST = 1 << 20


def as_sent(raw: Any) -> str:
    """The text of a record as sent; personal data is blanked, it is never stored readable."""
    if isinstance(raw, (bytes, bytearray)):
        text = bytes(raw).decode("utf-8", "replace")
    elif isinstance(raw, str):
        text = raw
    else:
        text = _dump(raw)
    text = _PERSONAL.sub(rf'\1"{BLANK}"', text[:_LONGEST])
    if _EXPERT.search(text):
        text = _NAME.sub(rf'\1"{BLANK}"', text)
    return storable(text)


def _dump(raw: Any) -> str:
    try:
        return orjson.dumps(raw, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):
        return repr(raw)


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
    """Mark the refused records that those accepted, (kind, key, source), put right."""
    still_open = REJECT.c.resolved_at.is_(None)
    if connection.execute(select(REJECT.c.id).where(still_open).limit(1)).first() is None:
        return
    accepted = set(taken)
    for part in chunks(sorted({key for _, key, _ in accepted})):
        query = select(REJECT.c.id, REJECT.c.kind, REJECT.c.key, REJECT.c.source)
        found = connection.execute(query.where(still_open, REJECT.c.key.in_(part)))
        ids = [number for number, *what in found if tuple(what) in accepted]
        for some in chunks(ids):
            connection.execute(REJECT.update().where(REJECT.c.id.in_(some)).values(resolved_at=now()))
