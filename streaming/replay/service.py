"""`/api/openings/{id}/replay`: what of an opening may be watched again, its movies by byte ranges, its captions."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import messages
from messages import Message
from records.clock import rfc3339
from records.serving.problems import Problem
from records.serving.workers import Worker, Workers
from streaming.http.ranges import ranged
from streaming.live.board import Board
from streaming.live.register import OVER
from streaming.live.story import STEP_OF
from streaming.replay.captions import captions
from streaming.replay.credentials import AVAILABLE
from streaming.replay.cut import Span
from streaming.replay.downloads import Downloads
from streaming.replay.library import Library, Replay
from streaming.replay.movie import Reel
from streaming.replay.reels import Camera
from streaming.service import Service
from streaming.site.api import Api, answer
from streaming.site.render import currency_of

_FILE = re.compile(r"(main|far)-([1-9]\d{0,3})\.(mp4|webm|vtt)", re.ASCII)
"""Name of a file of a replay: the camera, the number of the movie, and what it is."""
SIGNED = "mp4"
"""What carries content credentials: C2PA has no place for them in WebM."""
MARKED = ("bid_corrected", "paused", "resumed")
"""Events beside those of the steps that are worth a mark on the time line."""

log = structlog.get_logger()


class Replays(Service):
    """Replays for programs and players; what is left out of each is decided as soon as its opening is over."""

    def __init__(self, library: Library, api: Api, board: Board, workers: Workers, data_dir: Path) -> None:
        self._library, self._api, self._board, self._workers = library, api, board, workers
        self._downloads = Downloads(data_dir)
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        """What there is of an opening, and its files."""
        return [
            Route("/api/openings/{id:path}/replay", self.replay),
            Route("/api/openings/{id:path}/replay/{file}", self.file),
        ]

    async def start(self) -> None:
        """Follow the board: what is covered in an opening is remembered for good when it ends."""
        self._task = self._workers.task("replays", self._follow)

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, worker: Worker) -> None:
        version, decided = -1, set[str]()
        await asyncio.to_thread(self._downloads.sweep)
        while True:
            worker.rest()
            version = await self._board.signal.newer(version)
            for opening in [o for o in self._board.openings.values() if o["state"] in OVER]:
                worker.beat()
                if opening["id"] not in decided and await self._decide(opening):
                    decided.add(opening["id"])

    async def _decide(self, opening: dict[str, Any]) -> bool:
        try:
            await self._library.decide(opening)
        except (OSError, ValueError, SQLAlchemyError) as error:
            log.error("replay_not_decided", opening=opening["id"], error=type(error).__name__)
            return False
        return True

    # -- addresses --------------------------------------------------------------------------------

    async def replay(self, request: Request) -> Response:
        """What there is to watch, and where in it every event is told."""
        return answer(request, described(await self._found(request)), max_age=30)

    async def file(self, request: Request) -> Response:
        """A movie, or its captions."""
        name = _FILE.fullmatch(request.path_params["file"])
        replay = await self._found(request)
        camera = replay.cameras.get(name[1]) if name else None
        if name is None or camera is None or int(name[2]) > len(camera.reels):
            raise Problem(404, Message("replay.no_file", file=request.path_params["file"][:80]))
        if name[3] == "vtt":
            return _captions(request, replay, camera, int(name[2]) - 1)
        if name[3] != camera.reels[int(name[2]) - 1].suffix:
            raise Problem(404, Message("replay.no_file", file=name[0]))
        if request.query_params.get("download") == "1":
            return await self._download(request, replay, name[1], int(name[2]) - 1)
        return _movie(request, camera.reels[int(name[2]) - 1])

    async def _download(self, request: Request, replay: Replay, name: str, reel: int) -> Response:
        movie = replay.cameras[name].reels[reel]
        filename = f"{replay.opening['id']}-{name}-{reel + 1}.{movie.suffix}"
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}"}
        if not AVAILABLE or movie.suffix != SIGNED:
            return _movie(request, movie, headers)
        ready = await self._downloads.get(movie, replay, f"{name}-{reel + 1}")
        headers["etag"] = f'"signed-{ready.path.stem}"'
        return ranged(request, ready.size, ready.read, headers, "video/mp4")

    async def summary(self, opening: Mapping[str, Any]) -> dict[str, Any] | None:
        """The same for a page; None where there is nothing to watch, or not yet."""
        try:
            replay = await self._library.get(opening)
        except Problem:
            return None
        return described(replay) if replay else None

    async def _found(self, request: Request) -> Replay:
        opening = await self._api.find(request.path_params["id"])
        if opening is None:
            raise Problem(404, Message("opening.unknown_opening", opening=request.path_params["id"][:80]))
        replay = await self._library.get(opening)
        if replay is None:
            raise Problem(404, Message("replay.none"))
        return replay


def described(replay: Replay) -> dict[str, Any]:
    """A replay for players and programs: its movies, which part of the opening lies where in them, what is left out and
    why, and the events by their moments."""
    opening = replay.opening
    return {
        "opening": opening["id"],
        "address": _base(opening["id"]),
        "state": opening["state"],
        "from": rfc3339(replay.cut.start),
        "to": rfc3339(replay.cut.end),
        "cameras": [_camera(opening["id"], name, camera) for name, camera in replay.cameras.items()],
        "left_out": [_left_out(span) for span in replay.cut.hidden],
        "muted": [_left_out(span) for span in replay.cut.muted],
        "chapters": list(_chapters(replay)),
        "credentials": AVAILABLE
        and all(reel.suffix == SIGNED for one in replay.cameras.values() for reel in one.reels),
    }


def _base(opening_id: str) -> str:
    return f"/api/openings/{quote(opening_id, safe='')}/replay"


def _camera(opening_id: str, name: str, camera: Camera) -> dict[str, Any]:
    base = f"{_base(opening_id)}/{name}"
    return {
        "name": name,
        "reels": [
            {"url": f"{base}-{n}.{reel.suffix}", "captions": f"{base}-{n}.vtt", "bytes": reel.size, "seconds": round(reel.seconds, 3)}
            for n, reel in enumerate(camera.reels, 1)
        ],
        "stretches": [
            {"reel": s.reel, "from": rfc3339(s.start), "at": round(s.at, 3), "seconds": round(s.seconds, 3)}
            for s in camera.stretches
        ],
    }  # fmt: skip


def _left_out(span: Span) -> dict[str, str | None]:
    return {"from": rfc3339(span.start), "to": rfc3339(span.end), "why": span.why, "reason": span.reason}


def _chapters(replay: Replay) -> Iterator[dict[str, Any]]:
    for message in replay.events:
        kind = message["type"]
        if kind in STEP_OF or kind in MARKED:
            number = message["payload"].get("no")
            yield {"seq": message["seq"], "ts": message["ts"], "type": kind, "no": number}


def _movie(request: Request, movie: Reel, headers: dict[str, str] | None = None) -> Response:
    tag = hashlib.sha256(movie.head).hexdigest()[:20]
    sent = {"etag": f'"{tag}"', "cache-control": "public, max-age=300", **(headers or {})}
    return ranged(request, movie.size, movie.read, sent, movie.media_type)


def _captions(request: Request, replay: Replay, camera: Camera, reel: int) -> Response:
    lang = request.query_params.get("lang", "")
    lang = lang if lang in messages.languages() else messages.languages()[0]
    text = captions(camera, reel, replay.events, lang, currency_of(replay.opening))
    return Response(text, headers={"cache-control": "public, max-age=30"}, media_type="text/vtt")
