"""What the desk's own addresses answer while the ledger cannot be read or written: 503 with a word, never a trace."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from messages import Message
from records.ledger import words
from records.serving.problems import ProblemResponse

log = structlog.get_logger()
UNUSABLE = Message("http.ledger_unusable")


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, SQLAlchemyError)
    log.error("ledger failed", path=request.url.path, error=words(error))
    return ProblemResponse(503, UNUSABLE, {"Retry-After": "10", "Cache-Control": "no-store"})


handlers = {SQLAlchemyError: _unavailable}
"""For the app's `exception_handlers`."""
