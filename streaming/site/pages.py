"""The public pages: rendered here, brought to life by a small script, readable without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from evidence.verify import STEPS as CHECKS
from messages import Message
from records.clock import local_now, now
from records.public import rows as public
from records.serving.language import language as readers_language
from streaming.live.board import Board
from streaming.live.logs import Logs
from streaming.live.reading import Reader, beside, openings_of
from streaming.live.roster import Roster
from streaming.live.story import READ_OUT, STEPS, Story
from streaming.service import Service
from streaming.site import market
from streaming.site.api import Api
from streaming.site.filters import no_such_language, not_among, unknown
from streaming.site.hall import Hall
from streaming.site.opening import facts, listing, opening_page, record_read_out, slate
from streaming.site.opinions import Form, OpinionForm, reported
from streaming.site.project import project_page, read_lately, whole_project
from streaming.site.remarks import Remark, irregular, unanswered
from streaming.site.render import LANGS, Site, address, currency_of, dated, word
from streaming.site.sealed import SealedPackages
from streaming.site.verify import FOUND, PACKAGE, STANDARDS, example, log_shown, verdict

GZIP = [Middleware(GZipMiddleware, minimum_size=600, compresslevel=6)]
NAVIGATION: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("hall", "/", {}),
    ("schedule", "/", {"view": "schedule"}),
    ("replay", "/", {"view": "replay"}),
    ("market", "/market", {}),
    ("verify", "/verify", {}),
)
CACHED_PAGES = 200
LOTS_SHOWN = 12
"""Lots of a project whose prices its page draws; the openings of all of them are linked."""

Summary = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""Opening → what of it can be watched again, as `/api/openings/{id}/replay` tells it."""


class Pages(Service):
    """Handlers of everything a reader opens."""

    def __init__(
        self,
        site: Site,
        reader: Reader,
        roster: Roster,
        board: Board,
        logs: Logs,
        api: Api,
        sealed: SealedPackages,
        replay: Summary,
        log_state: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._site, self._reader, self._roster = site, reader, roster
        self._board, self._logs, self._api, self._sealed = board, logs, api, sealed
        self._replay, self._log_state = replay, log_state
        self._opinions = OpinionForm(reader)
        self._hall = Hall(reader, board, roster, logs)
        self._hall_cache: dict[tuple[str, str, int, int], bytes] = {}

    def routes(self) -> list[Route]:
        """All pages, compressed on the way out, and the files they load."""
        table = {
            "/": self.hall,
            "/room/{room}": self.room,
            "/opening/{id:path}": self.opening,
            "/market": self.market,
            "/verify": self.verify,
            "/publish/{room}": self.publish,
        }
        pages = [Route(path, handler, middleware=GZIP) for path, handler in table.items()]
        pages.append(Route("/project/{code:path}", self.project, methods=["GET", "POST"], middleware=GZIP))
        return [*pages, *self._site.files.routes()]

    async def hall(self, request: Request) -> Response:
        """`/`: rooms on air, today, tomorrow, past openings."""
        lang = language(request)
        key = (request.url.query, lang, self._board.signal.version, int(now().timestamp()))
        body = self._hall_cache.get(key)
        if body is None:
            body = self._render("hall.html", request, **await self._hall.view(request.query_params, lang))
            if len(self._hall_cache) >= CACHED_PAGES:
                self._hall_cache.clear()
            self._hall_cache[key] = body
        return _html(body)

    async def room(self, request: Request) -> Response:
        """`/room/{room}`: picture, steps, prices as they are read, text log."""
        lang, room = language(request), self._roster.public_room(request.path_params["room"])
        if room is None:
            raise HTTPException(404)
        opening = self._board.current(room.id) or self._board.upcoming(room.id)
        log = await self._logs.get(opening["id"]) if opening else None
        story, messages = (log.story, log.messages) if log else (Story(), [])
        state = self._board.state(room)
        body = self._render(
            "room.html", request, nav="hall", room=room, opening=opening, state=state,
            last=self._board.last(room.id, opening),
            story=story, log=messages, step_keys=STEPS, listing=listing(story, lang, currency_of(opening)), currency=currency_of(opening),
            slate=slate(opening, self._board.publishing(room.id), story, lang, self._board.covered(room.id)),
            facts=facts(opening, room.title(lang), lang) if opening else [], report=await self._takes_opinions(opening),
            demo=bool(opening and opening["demo"]), bare=request.query_params.get("embed") == "1",
        )  # fmt: skip
        return _html(body)

    async def _takes_opinions(self, opening: Mapping[str, Any] | None) -> bool:
        """Whether the page of an opening's project has the form for opinions."""
        if opening is None:
            return False
        return (
            await self._reader.ask(lambda s: public.latest(s, "project", str(opening["project"]))) is not None
        )

    async def opening(self, request: Request) -> Response:
        """`/opening/{id}`: steps, record table, objections, log, evidence."""
        lang, opening_id = language(request), request.path_params["id"]
        opening, log = await self._api.find(opening_id), await self._logs.get(opening_id)
        if opening is None or log is None:
            raise HTTPException(404)
        room = self._roster.public_room(opening["room"] or "")
        place = room.title(lang) if room else str(opening["centre_name"] or "")
        past, award, against = await self._reader.ask(lambda s: beside(s, opening))
        body = self._render(
            "opening.html", request, nav="replay", opening=opening, place=place, demo=opening["demo"], currency=currency_of(opening),
            story=log.story, log=log.messages, replay=await self._replay(opening),
            evidence=self._sealed.path(opening) is not None, seal=await self._sealed.of(opening),
            remarks=irregular(opening, log.messages, against, lang),
            **opening_page(opening, log.story, past, award, place, lang),
        )  # fmt: skip
        return _html(body)

    async def project(self, request: Request) -> Response:
        """`/project/{code}`: everything public of one project, the 项目电子身份证."""
        lang, code = language(request), request.path_params["code"]
        whole = await self._reader.ask(lambda s: whole_project(s, code))
        if not whole.known:
            raise HTTPException(404)
        seen = next((o for o in whole.openings if o["id"] == request.query_params.get("report")), None)
        form = Form(reported(seen, lang) if seen else {}, number=request.query_params.get("sent", "")[:40])
        if request.method == "POST":
            if whole.project is None:
                raise HTTPException(404)
            form = await self._opinions.receive(request, code)
            if form.number:
                return RedirectResponse(
                    address(f"/project/{code}", lang, sent=form.number) + "#opinions", 303
                )
        url = str(request.base_url).rstrip("/") + address(f"/project/{code}", lang)
        opened = read_lately(whole)[:LOTS_SHOWN]
        records = {str(one["id"]): record for one in opened if (record := await self._record(one))}
        again = {str(one["id"]) for one in opened if await self._replay(one)}
        remarks = [remark for one in whole.openings[:LOTS_SHOWN] for remark in await self._remarks(one, lang)]
        page = project_page(code, whole, records, again, url, lang) | {"remarks": remarks}
        asked = request.query_params.get("report")
        amiss = [Message("site.asked.no_opening")] if asked and not seen else []
        return _html(self._render("project.html", request, amiss, nav="", form=form, **page), form.status)

    async def _record(self, opening: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of an opening, None where no price has been read aloud."""
        log = await self._logs.get(opening["id"])
        past = (await self._reader.ask(lambda s: beside(s, opening))).past
        return record_read_out(opening, log.story if log else Story(), past)

    async def _remarks(self, opening: Mapping[str, Any], lang: str) -> list[Remark]:
        """What the project's page tells of the course of an opening; that too few bid it says by itself."""
        log = await self._logs.get(opening["id"]) if opening["stage"] in READ_OUT else None
        if log is None:
            return []
        against = (await self._reader.ask(lambda s: beside(s, opening))).against
        steps = irregular(opening, log.messages, against, lang, whole=False)
        return [*steps, *unanswered(opening, log.story, lang)]

    async def market(self, request: Request) -> Response:
        """`/market`: figures that the watch publishes under the topic `market`."""
        lang = language(request)
        payload = await self._reader.ask(lambda s: public.latest(s, "market", "overview"))
        figures = market.figures(payload, lang) if payload else []
        chart = market.chart(payload, lang) if payload else None
        definition = market.definition(payload, lang) if payload else ""
        demo = bool(payload and payload.get("demo"))
        return _html(
            self._render(
                "market.html",
                request,
                nav="market",
                demo=demo,
                figures=figures,
                chart=chart,
                definition=definition,
            )
        )

    async def verify(self, request: Request) -> Response:
        """`/verify`: recompute an opening's chain; the number may be the opening's, its lot's or its project's."""
        lang, number = language(request), request.query_params.get("opening", "").strip()[:200]
        found = await self._numbered(number) if number else []
        opening = found[0] if len(found) == 1 else None
        log = await self._logs.get(opening["id"]) if opening else None
        checked = (
            await asyncio.to_thread(verdict, opening, list(log.messages), lang) if opening and log else None
        )
        return _html(self._render(
            "verify.html", request, nav="verify", number=number, opening=opening, verdict=checked, currency=currency_of(opening),
            several=found[:FOUND] if len(found) > 1 else [], count=len(found), unknown=bool(number) and not found,
            demo=bool(opening and opening["demo"]), checks=CHECKS, log=log_shown(self._log_state(), str(request.base_url)),
            package=self._sealed.path(opening) is not None, seal=await self._sealed.of(opening),
            package_files=PACKAGE, standards=STANDARDS, **example(lang),
        ))  # fmt: skip

    async def _numbered(self, number: str) -> list[dict[str, Any]]:
        """Openings a number stands for: the one of that very id, else all of that lot or project."""
        if own := await self._api.find(number):
            return [own]
        ids = [entry.id for entry in await asyncio.to_thread(self._board.register.numbered, number)]
        return await self._reader.ask(lambda s: openings_of(s, ids))

    async def publish(self, request: Request) -> Response:
        """`/publish/{room}`: camera and microphone of this browser into a room; the token is asked for there."""
        room = self._roster.rooms.get(request.path_params["room"])
        if room is None or room.kind != "opening":
            raise HTTPException(404)
        return _html(self._render("publish.html", request, nav="", room=room, demo=False))

    def error(self, request: Request, status: int, why: Message | None) -> Response:
        """An error as a page; `why` is said where the request was refused for a reason of its own."""
        lang = readers_language(request.scope)
        key = _ERRORS.get(status, "refused" if status < 500 else "500")
        note = why.text(lang) if why else word(lang, f"error.{key}.note")
        body = self._render(
            "error.html",
            request,
            (),
            lang,
            nav="",
            status=status,
            title=word(lang, f"error.{key}"),
            note=note,
            demo=False,
        )
        answer = _html(body, status)
        answer.headers.add_vary_header("accept-language")
        answer.headers.add_vary_header("cookie")
        return answer

    def _render(
        self,
        template: str,
        request: Request,
        amiss: Sequence[Message] = (),
        lang: str = "",
        /,
        **context: Any,
    ) -> bytes:
        """A page in the language the address asks for, unless another is given, whose links then always say theirs; `amiss`
        is what the address asks for in vain, besides what can be told by its parameters alone."""
        own, lang, moment = lang, lang or language(request), local_now()
        shared = {
            "today": moment,
            "now_ms": int(moment.timestamp() * 1000),
            "day_long": dated(moment.date(), lang, "day"),
            "day_short": dated(moment.date(), lang, "short"),
            "links": NAVIGATION,
            "here": {other: _same_page(request, other, always=bool(own)) for other in LANGS},
            "bare": False,
            "amiss": no_such_language(request.query_params)
            + _amiss(template, request.query_params)
            + [*amiss],
        }
        return self._site.render(template, lang, **{**shared, **context})


_PARAMETERS = {
    "room.html": ("embed",), "opening.html": (), "project.html": ("report", "sent"), "market.html": (), "verify.html": ("opening",),
    "publish.html": (),
}  # fmt: skip
"""Page → the parameters of its address besides the language."""


def _amiss(template: str, query: QueryParams) -> list[Message]:
    """What an address asks of a page that it does not have."""
    if template not in _PARAMETERS:
        return []
    found = unknown(query, (*_PARAMETERS[template], "lang"))
    embedded = query.get("embed", "1") if template == "room.html" else "1"
    return found + ([] if embedded in ("", "1") else [not_among("embed", embedded, ("1",))])


_ERRORS = {400: "400", 404: "404", 405: "405", 414: "400", 503: "503"}
"""Status → the words of its page; other refusals and other failures have one each."""


def language(request: Request) -> str:
    """The one the address asks for, else the first, Chinese."""
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGS else LANGS[0]


def _same_page(request: Request, lang: str, *, always: bool) -> str:
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    query += [("lang", lang)] if always or lang != LANGS[0] else []
    return request.url.path + (f"?{urlencode(query)}" if query else "")


def _html(body: bytes, status: int = 200) -> Response:
    headers = {"cache-control": "no-cache", "vary": "accept-encoding"}
    return Response(body, status, headers, media_type="text/html")
