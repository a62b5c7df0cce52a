"""Who sends: bearer tokens of data sources, looked up in the ledger."""

from __future__ import annotations

import asyncio

from messages import Message
from records import sources
from records.ledger import Ledger
from records.serving.problems import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sunbid intake"'}


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header, or None."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _find(ledger: Ledger, token: str) -> tuple[str, bool] | None:
    with ledger.read() as session:
        source = sources.by_token(session, token)
        return None if source is None else (source.name, source.enabled)


async def source_of(ledger: Ledger, token: str | None) -> str:
    """The name of the source a token belongs to; raises Problem 401 (no or unknown token), 403 (disabled)."""
    if not token:
        raise Problem(401, Message("intake.token_wanted"), _CHALLENGE)
    found = await asyncio.to_thread(_find, ledger, token)
    if found is None:
        raise Problem(401, Message("intake.token_unknown"), _CHALLENGE)
    name, enabled = found
    if not enabled:
        raise Problem(403, Message("intake.source_disabled", name=name))
    return name
