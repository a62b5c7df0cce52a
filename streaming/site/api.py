"""`/api`: rooms, openings, records and evidence, for programs and for the pages' own scripts."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from messages import Message
from records.clock import now, rfc3339, today
from records.public import rows as public
from records.serving.problems import Problem
from records.serving.requests import has_tag, whole
from records.states import OPENING_STATES
from streaming.http.answers import problem
from streaming.live.board import Board
from streaming.live.logs import Logs, OpeningLog
from streaming.live.reading import Reader, beside, openings_on
from streaming.live.story import is_read_out, opening_record
from streaming.service import Service
from streaming.site.filters import unknown
from streaming.site.sealed import SealedPackages, record_pdf

BRIEF = ("id", "room", "lot", "title", "state", "scheduled_at")


class Api(Service):
    """The public interface; it gives nothing that the feeds do not give."""

    def __init__(self, reader: Reader, board: Board, logs: Logs, sealed: SealedPackages) -> None:
        self._reader, self._board, self._logs, self._sealed = reader, board, logs, sealed
        self._rooms: tuple[object, Body] = (None, Body.of([]))

    def routes(self) -> list[Route]:
        """All addresses under `/api`."""
        return [
            Route("/api/rooms", self.rooms),
            Route("/api/time", self.time),
            Route("/api/openings", self.openings),
            # an id may hold slashes, which come decoded: what stands behind it is looked for first
            Route("/api/openings/{id:path}/events", self.events),
            Route("/api/openings/{id:path}/record", self.record),
            Route("/api/openings/{id:path}/record.pdf", self.record_paper),
            Route("/api/openings/{id:path}/evidence", self.evidence),
            Route("/api/openings/{id:path}", self.opening),
        ]

    async def rooms(self, request: Request) -> Response:
        """Public rooms and what they are doing."""
        states = self._board.rooms()
        if self._rooms[0] is not states:
            self._rooms = states, Body.of(states)
        return self._rooms[1].answer(request, max_age=1)

    async def time(self, request: Request) -> Response:
        """The clock of this installation, for the clock on the pages."""
        return answer(request, {"now": rfc3339(now())}, max_age=0)

    async def openings(self, request: Request) -> Response:
        """Openings of a day (default today), optionally of some states."""
        _only(request, "day", "state", "lang")
        day = _day(request.query_params.get("day"))
        states = [part for part in request.query_params.get("state", "").split(",") if part]
        if unknown := [state for state in states if state not in OPENING_STATES]:
            raise Problem(
                400, Message("http.not_one_of", name=f"state {unknown[0][:20]}", choices=list(OPENING_STATES))
            )
        found = await self.on_day(day)
        chosen = [o for o in found if not states or o["state"] in states]
        return answer(request, [{key: o[key] for key in BRIEF} for o in chosen], max_age=2)

    async def on_day(self, day: date) -> list[dict[str, Any]]:
        """Openings of a day, by time: from memory around today, else from the ledger."""
        if self._board.covers(day):
            return self._board.on_day(day)
        found = await self._reader.ask(lambda session: openings_on(session, [day.isoformat()]))
        return sorted(found, key=lambda o: (o["scheduled_at"], o["id"]))

    async def opening(self, request: Request) -> Response:
        """The public state of an opening."""
        found = await self.find(request.path_params["id"])
        if found is None:
            raise _unknown(request)
        return answer(request, found, max_age=1)

    async def find(self, opening_id: str) -> dict[str, Any] | None:
        """The public state of an opening, None if the public knows none of this id."""
        held = self._board.openings.get(opening_id)
        return held or await self._reader.ask(lambda s: public.latest(s, "opening", opening_id))

    async def events(self, request: Request) -> Response:
        """The feed of an opening as one list, from `after` on."""
        _only(request, "after", "lang")
        log = await self._logs.get(request.path_params["id"])
        if log is None:
            raise _unknown(request)
        after = whole(request.query_params.get("after", "0"))
        if after is None:
            raise Problem(400, Message("http.not_whole", name="after"))
        return answer(request, log.messages[after:], max_age=1)

    async def record(self, request: Request) -> Response:
        """开标记录, once every price has been read; `against_bids` says in what the list or the readings are not the bids."""
        opening, log = await self._both(request.path_params["id"])
        if opening is None or log is None:
            raise _unknown(request)
        if not is_read_out(opening, log.story):
            return problem(409, Message("opening.not_read_out"), stage=opening["stage"])
        known = await self._reader.ask(lambda s: beside(s, opening))
        record = opening_record(opening, log.story, known.past)
        return answer(request, record | {"against_bids": (known.against or {}).get("found", [])}, max_age=2)

    async def evidence(self, request: Request) -> Response:
        """The sealed evidence folder as a zip, once there is one."""
        opening_id = request.path_params["id"]
        opening = await self.find(opening_id)
        if opening is None:
            raise _unknown(request)
        path = self._sealed.path(opening)
        if path is None:
            return problem(409, Message("opening.not_sealed"), state=opening["state"])
        return FileResponse(path, media_type="application/zip", filename=path.name)

    async def record_paper(self, request: Request) -> Response:
        """开标记录 as the signed PDF of the sealed package, byte for byte."""
        opening = await self.find(request.path_params["id"])
        if opening is None:
            raise _unknown(request)
        path = self._sealed.path(opening)
        if path is None:
            return problem(409, Message("opening.not_sealed"), state=opening["state"])
        paper = await asyncio.to_thread(record_pdf, path)
        if paper is None:
            raise Problem(404, Message("opening.no_record_pdf"))
        named = {"content-disposition": f'inline; filename="record-{path.stem}.pdf"'}
        return Response(paper, headers=named, media_type="application/pdf")

    async def _both(self, opening_id: str) -> tuple[dict[str, Any] | None, OpeningLog | None]:
        return await self.find(opening_id), await self._logs.get(opening_id)


@dataclass(frozen=True)
class Body:
    """JSON as it is sent, and its ETag."""

    data: bytes
    tag: str

    @classmethod
    def of(cls, data: Any) -> Body:
        """The body that says this."""
        written = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(written, f'"{hashlib.sha256(written).hexdigest()[:20]}"')

    def answer(self, request: Request, max_age: int) -> Response:
        """The body with a life in caches of so many seconds; 304 if the caller has it already."""
        headers = {
            "etag": self.tag,
            "cache-control": f"public, max-age={max_age}" if max_age else "no-store",
            "access-control-allow-origin": "*",
        }
        if has_tag(request, self.tag):
            return Response(status_code=304, headers=headers)
        return Response(self.data, headers=headers, media_type="application/json")


def answer(request: Request, data: Any, max_age: int) -> Response:
    """JSON with an ETag and a life in caches of so many seconds; 304 if the caller has it already."""
    return Body.of(data).answer(request, max_age)


def _only(request: Request, *names: str) -> None:
    """Raise Problem where an address asks by another name: its caller would take everything for what was asked."""
    if found := unknown(request.query_params, names):
        raise Problem(400, Message("site.asked.nothing_given", found=found))


def _day(text: str | None) -> date:
    if not text:
        return today()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:  # nor a day of a week, which the standard has too
        raise Problem(400, Message("http.not_a_day", day=text[:20]))
    return found


def _unknown(request: Request) -> Problem:
    return Problem(404, Message("opening.unknown_opening", opening=request.path_params["id"][:80]))
