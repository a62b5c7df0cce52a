"""What was refused, kept whole so that nothing a source sent is lost without trace."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ingest.envelope import Refusal
from records.base import now

_ACCOUNT = re.compile(r'("payer_account"\s*:\s*)("(?:[^"\\]|\\.)*"|[-+.\w]+)')
_LONGEST = 1 << 20


def as_sent(raw: Any) -> str:
    """The text of a record as sent; account numbers are blanked, they are never stored readable."""
    if isinstance(raw, (bytes, bytearray)):
        text = bytes(raw).decode("utf-8", "replace")
    elif isinstance(raw, str):
        text = raw
    else:
        text = _dump(raw)
    text = _ACCOUNT.sub(r'\1"***"', text[:_LONGEST])
    return text.replace("\x00", "\\u0000").encode("utf-8", "replace").decode()


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
    }
