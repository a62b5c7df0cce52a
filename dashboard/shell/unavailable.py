"""What the desk's own addresses answer while the ledger cannot be read or written: 503 with a word, never a trace."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from records.ledger import words

log = structlog.get_logger()
DETAIL = "账本暂时读写不了，请稍后再试 / the ledger cannot be used at the moment, try again soon"


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, SQLAlchemyError)
    log.error("ledger failed", path=request.url.path, error=words(error))
    told = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": DETAIL}
    headers = {"Retry-After": "10", "Cache-Control": "no-store"}
    return JSONResponse(told, 503, headers, media_type="application/problem+json")


handlers = {SQLAlchemyError: _unavailable}
"""For the app's `exception_handlers`."""
