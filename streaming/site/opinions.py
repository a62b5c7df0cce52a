"""The form for opinions 社会监督意见 on a project's page: what comes in by it, and how often it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from limits import RateLimitItemPerDay, RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from messages import Fault, Message
from records import opinions
from records.clock import local_now
from records.serving.problems import Problem
from records.serving.requests import network
from streaming.live.reading import Reader
from streaming.site.render import word

LARGEST = 64 << 10
"""Bytes of a form: two thousand characters, each written as twelve at most, and some more, so that too many are said."""
_ADDRESS = RateLimitItemPerHour(5, namespace="opinion-address")
_PROJECT = RateLimitItemPerDay(200, namespace="opinion-project")
_FIELDS = ("content", "name", "contact")


@dataclass(frozen=True)
class Form:
    """The form as it stands on the page: what was typed, what is wrong with it, or the number it was given."""

    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Message | None = None
    number: str = ""
    status: int = 200


class OpinionForm:
    """Takes opinions in: five an hour from one address, two hundred a day about one project."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._limits = MovingWindowRateLimiter(MemoryStorage())

    async def receive(self, request: Request, project: str) -> Form:
        """What became of a form that was sent. Problem 403 from another site, 413 or 415 for what is no form of ours."""
        typed = await _typed(request)
        if typed.get("website"):  # a field that people do not see: only programs fill it
            return Form(number="—")
        place = network(request.client.host if request.client else "")
        if not self._limits.test(_ADDRESS, place) or not self._limits.test(_PROJECT, project):
            return Form(typed, Message("opinion.too_many"), status=429)
        given = [typed.get(name, "") for name in _FIELDS]
        number: list[str] = []
        try:
            await self._reader.write(lambda s: number.append(opinions.submit(s, project, *given)))
        except Fault as fault:
            return Form(typed, fault.message, status=422)
        self._limits.hit(_ADDRESS, place)
        self._limits.hit(_PROJECT, project)
        return Form(number=number[0])


def reported(opening: Mapping[str, Any], lang: str) -> dict[str, str]:
    """The form as it opens for who reports trouble with the picture or the sound of an opening: which, where, and when."""
    place = (
        " ".join(str(opening[key]) for key in ("centre_name", "room_name") if opening.get(key))
        or opening.get("room")
        or "—"
    )
    words = word(
        lang,
        "report.about",
        room=place,
        opening=opening["id"],
        time=local_now().strftime("%Y-%m-%d %H:%M:%S"),
    )
    return {"content": f"{words}\n"}


async def _typed(request: Request) -> dict[str, str]:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, Message("opinion.other_site"))
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Problem(415, Message("opinion.no_form"))
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, Message("opinion.form_too_large"))
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict"))
    except ValueError:
        raise Problem(400, Message("opinion.no_form")) from None
