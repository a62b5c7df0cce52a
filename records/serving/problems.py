"""Refusals over HTTP: problem details (RFC 9457) in the reader's language.

`type` is the message's key in the catalogue, so a program can tell one refusal from another whatever its words are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from messages import Fault, Message
from records.serving.language import language

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:sunbid:"
"""What a key becomes a problem's `type` with: a URI that names it and leads nowhere."""


def details(status: int, message: Message, lang: str, **more: Any) -> bytes:
    """The body of a problem: `type`, `title`, `status`, `detail` in `lang`, and whatever more is to be said."""
    body = {"type": TYPE + message.key, "title": HTTPStatus(status).phrase, "status": status}
    return json.dumps({**body, "detail": message.text(lang), **more}, ensure_ascii=False).encode()


class ProblemResponse(Response):
    """A problem, put into words when it is sent: in the language its reader chose, else the one Accept-Language prefers."""

    media_type = MEDIA_TYPE

    def __init__(
        self, status: int, message: Message, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(None, status, headers)
        self.message, self._more = message, more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lang = language(scope)
        answer = Response(details(self.status_code, self.message, lang, **self._more), self.status_code)
        self.headers["content-length"] = str(len(answer.body))
        self.headers["content-language"] = lang
        self.headers.add_vary_header("Accept-Language")
        answer.raw_headers = self.raw_headers
        await answer(scope, receive, send)


class Problem(Fault):
    """A request that cannot be served: its HTTP status, why, and headers the answer carries."""

    def __init__(self, status: int, message: Message, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})

    def response(self) -> ProblemResponse:
        """The answer to send."""
        return ProblemResponse(self.status, self.message, self.headers)
