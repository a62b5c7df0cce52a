"""Status of a sender's own records: where it stands, what is held, what was refused."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from ingest.envelope import shallow
from ingest.kinds.registry import KINDS
from messages import Message
from records.clock import rfc3339
from records.serving.problems import Problem
from records.serving.requests import whole
from records.tables.intake import Held, Parked, Reject

MOST_KEYS = 200
MOST_REJECTS = 1_000
_DEEPEST = 100
"""Levels to which a refused record is told as JSON; what is deeper is told as the text it was."""


def kind_and_keys(request: Request) -> tuple[str, list[str]]:
    """`?kind=bid&key=B-1&key=B-2`; raises Problem 400."""
    kind, keys = request.query_params.get("kind", ""), request.query_params.getlist("key")
    if kind not in KINDS:
        raise Problem(400, Message("intake.kind_wanted", kinds=list(KINDS)))
    if not keys or len(keys) > MOST_KEYS:
        raise Problem(400, Message("intake.keys_wanted", most=MOST_KEYS))
    return kind, keys


def held(session: Session, source: str, kind: str, keys: list[str]) -> list[dict[str, Any]]:
    """For each key the newest version held from this source (None: none) and whether it still waits."""
    query = (
        select(Held.key, Held.version, Parked.seq)
        .outerjoin(Parked, Parked.seq == Held.seq)
        .where(Held.kind == kind, Held.source == source, Held.key.in_(keys))
    )
    found = {key: (version, parked is not None) for key, version, parked in session.execute(query)}
    none = (None, False)
    return [
        {"kind": kind, "key": key, "version": found.get(key, none)[0], "waiting": found.get(key, none)[1]}
        for key in dict.fromkeys(keys)
    ]


def page_of(request: Request) -> tuple[int, int, bool]:
    """(after, limit, open only) of `?after=0&limit=100&open=true`; raises Problem 400."""
    after, limit = (whole(request.query_params.get(*asked)) for asked in (("after", "0"), ("limit", "100")))
    if after is None or limit is None:
        raise Problem(400, Message("intake.whole_numbers"))
    if not 1 <= limit <= MOST_REJECTS:
        raise Problem(400, Message("intake.limit_range", most=MOST_REJECTS))
    return after, limit, request.query_params.get("open", "").lower() in ("1", "true")


def rejected(session: Session, source: str, after: int, limit: int, open_only: bool) -> dict[str, Any]:
    """Refused records of this source from its number `after` on, oldest first, each whole.

    They are numbered per source: the table's own numbers would tell how many others had refused.
    """
    number = func.row_number().over(order_by=Reject.id).label("number")
    numbered = select(Reject.id, number).where(Reject.source == source).subquery()
    query = (
        select(Reject, numbered.c.number)
        .join(numbered, numbered.c.id == Reject.id)
        .where(numbered.c.number > after)
        .order_by(numbered.c.number)
        .limit(limit)
    )
    if open_only:
        query = query.where(Reject.resolved_at.is_(None))
    lines = [_line(row, number) for row, number in session.execute(query)]
    return {"rejects": lines, "next": lines[-1]["no"] if len(lines) == limit else None}


def _line(row: Reject, number: int) -> dict[str, Any]:
    return {
        "no": number,
        "source": row.source,
        "kind": row.kind,
        "key": row.key,
        "path": row.path,
        "reason": row.reason,
        "received_at": rfc3339(row.received_at),
        "resolved_at": rfc3339(row.resolved_at),
        "record": _readable(row.payload),
    }


def _readable(payload: str) -> Any:
    """The record as JSON where it is JSON, else its text."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload
    return value if isinstance(value, dict) and shallow(value, _DEEPEST) else payload
