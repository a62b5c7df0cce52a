"""Refusals over HTTP as application/problem+json (RFC 9457)."""

from __future__ import annotations

import orjson
from starlette.responses import Response


class Problem(Exception):
    """A request that cannot be served, with its HTTP status and the reason, Chinese first."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}

    def response(self) -> Response:
        """The answer to send."""
        body = {"type": "about:blank", "status": self.status, "detail": self.detail}
        return Response(orjson.dumps(body), self.status, self.headers, "application/problem+json")
