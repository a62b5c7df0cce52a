"""Low-latency HLS of the rooms that are public and live, cut only while somebody asks for it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from messages import Message
from records.serving.problems import ProblemResponse
from records.serving.requests import whole
from streaming.hls.aac import CODEC as AAC_CODEC
from streaming.hls.aac import AacEncoder, transcode
from streaming.hls.cutter import Cut, Cutter
from streaming.hls.fmp4 import AUDIO_SCALE, VIDEO_SCALE, aac_entry, opus_entry
from streaming.hls.segments import HlsStream
from streaming.taps import Replay, Tap

log = structlog.get_logger()

IDLE_SECONDS = 30.0
"""Cutting stops this long after the last request."""
KEYFRAME_SECONDS = 1.5
START_SECONDS = 12.0
"""How long a first request waits for the first segments."""
HOLD_SECONDS = 5.0
"""How long a request for what is to come is held."""
GONE_SECONDS = 20.0
"""A room whose publisher is away keeps its playlist this long, so that a player survives a restart."""
WAITING_CUTS = 32
"""Parts that may wait for their sound to be transcoded; with more it is given up."""
AHEAD = 2
"""Segments ahead of the newest that may be asked for."""
PLAYLIST, MEDIA = "application/vnd.apple.mpegurl", "video/mp4"
FLAVOURS = ("opus", "aac")
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-allow-headers": "Range",
    "access-control-expose-headers": "Date, Content-Length",
    "cross-origin-resource-policy": "cross-origin",
}
UNCACHED = {**CORS, "cache-control": "no-store"}
_NAME = re.compile(
    r"(?:init-(?P<head>[0-9]{1,15})\.mp4|(?P<segment>[0-9]{1,15})(?:\.(?P<part>[0-9]{1,15}))?\.m4s)"
)


class Status(Protocol):
    """What HLS asks of a room."""

    @property
    def publishing(self) -> bool: ...
    @property
    def video(self) -> str | None: ...
    @property
    def audio(self) -> str | None: ...


class Plane(Protocol):
    """The part of the media plane that HLS needs."""

    def status(self, room: str) -> Status: ...
    def tap(
        self, room: str, sink: Tap, *, keyframe_every: float | None = None, replay: Replay | None = None
    ) -> Callable[[], None]: ...


MayWatch = Callable[[str, str | None], bool]


class LiveRoom:
    """One room being cut: the cutter, and a stream for each flavour somebody asked for."""

    def __init__(self, room: str, sound: bool, worker: ThreadPoolExecutor) -> None:
        self.room = room
        self.cutter = Cutter(self._cut)
        self.detach: Callable[[], None] = lambda: None
        self.asked_at = time.monotonic()
        self.opus = HlsStream(opus_entry() if sound else None, "opus")
        self.aac: HlsStream | None = None
        self.sound, self._worker = sound, worker
        self._queue: asyncio.Queue[Cut] = asyncio.Queue(WAITING_CUTS)
        self._aac_asked_at = 0.0
        self._transcoding: asyncio.Task[None] | None = None

    def stream(self, flavour: str) -> HlsStream:
        """The stream of a flavour; asking for AAC starts its transcoding."""
        if flavour == "opus" or not self.sound:
            return self.opus
        self._aac_asked_at = time.monotonic()
        if self.aac is None:
            encoder = AacEncoder()
            self.aac = HlsStream(aac_entry(encoder.config), AAC_CODEC)
            self._transcoding = asyncio.create_task(self._transcode(encoder, self.aac))
            self._transcoding.add_done_callback(self._transcoding_ended)
        return self.aac

    def _transcoding_ended(self, task: asyncio.Task[None]) -> None:
        """It ends by itself only by an error: the next request for AAC begins anew."""
        if task is not self._transcoding or task.cancelled():
            return
        log.error("hls.transcoding_failed", room=self.room, error=repr(task.exception()))
        self._no_more_aac()

    def _no_more_aac(self) -> None:
        self.aac, self._transcoding, self._queue = None, None, asyncio.Queue(WAITING_CUTS)

    def _cut(self, cut: Cut) -> None:
        self.opus.put(cut, cut.sound if self.sound else None)
        if self._transcoding is None:
            return
        if self._queue.full() or time.monotonic() - self._aac_asked_at > IDLE_SECONDS:
            log.info("hls.transcoding_stopped", room=self.room, late=self._queue.full())
            self._transcoding.cancel()
            self._no_more_aac()
        else:
            self._queue.put_nowait(cut)

    async def _transcode(self, encoder: AacEncoder, stream: HlsStream) -> None:
        loop, queue = asyncio.get_running_loop(), self._queue
        while True:
            cut = await queue.get()
            ticks = sum(sample.duration for sample in cut.video.samples)
            end = (cut.video.start + ticks) * AUDIO_SCALE // VIDEO_SCALE
            sound = await loop.run_in_executor(self._worker, transcode, encoder, cut.sound, end)
            stream.put(cut, sound)

    def close(self) -> None:
        """Stop cutting and forget everything."""
        self.detach()
        if self._transcoding:
            self._transcoding.cancel()


class HlsServer:
    """The addresses below /hls. `may_watch` is asked without a token: what is not public does not exist here."""

    def __init__(self, media: Plane, may_watch: MayWatch) -> None:
        self._media, self._may_watch = media, may_watch
        self._live: dict[str, LiveRoom] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="aac")
        self._sweep: asyncio.TimerHandle | None = None

    def routes(self) -> list[BaseRoute]:
        """Playlists, heads, segments and parts."""
        methods = ["GET", "OPTIONS"]
        return [
            Route("/hls/{room}/index.m3u8", self.index, methods=methods),
            Route("/hls/{room}/{flavour}/live.m3u8", self.playlist, methods=methods),
            Route("/hls/{room}/{flavour}/{name}", self.media, methods=methods),
        ]

    def stop(self) -> None:
        """Stop all cutting."""
        if self._sweep:
            self._sweep.cancel()
        for live in self._live.values():
            live.close()
        self._live.clear()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def status(self) -> dict[str, float]:
        """Room → seconds since the last request, of the rooms being cut."""
        now = time.monotonic()
        return {room: now - live.asked_at for room, live in self._live.items()}

    # -- requests ---------------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        """The multivariant playlist; `?audio=aac` for players without Opus. The first request starts the cutting."""
        flavour = request.query_params.get("audio", "opus")
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=CORS)
        if flavour not in FLAVOURS:
            return ProblemResponse(400, Message("hls.audio_unknown", choices=list(FLAVOURS)), UNCACHED)
        live = self._room(request)
        if isinstance(live, Response):
            return live
        stream = live.stream(flavour)
        if not await _until(stream, lambda: stream.ready or live.cutter.refused is not None, START_SECONDS):
            return _no_keyframe_yet()
        if live.cutter.refused:
            return _not_for_hls(live.cutter.refused)
        return _answer(stream.variant(f"{flavour}/live.m3u8"), PLAYLIST, 2)

    async def playlist(self, request: Request) -> Response:
        """The media playlist, held until it has what `_HLS_msn` and `_HLS_part` ask for."""
        live = self._room(request)
        if isinstance(live, Response):
            return live
        try:
            number, part = _wanted(request.query_params)
        except ValueError:
            return ProblemResponse(400, Message("hls.not_whole_numbers"), UNCACHED)
        stream = live.stream(request.path_params["flavour"])
        if not await _until(stream, lambda: stream.ready, START_SECONDS):
            return _no_keyframe_yet()
        if number is None:
            return _answer(stream.playlist(), PLAYLIST, 1)
        if number > stream.segments[-1].number + AHEAD:
            return ProblemResponse(400, Message("hls.too_far_ahead"), UNCACHED)
        came = await _until(stream, lambda: stream.has(number, part), HOLD_SECONDS)
        # nothing new: the same list again is what keeps players alive while a publisher comes back
        return _answer(stream.playlist(), PLAYLIST, 6 if came else 0)

    async def media(self, request: Request) -> Response:
        """A head, a segment, or a part; the part that was hinted at is held until it is cut."""
        live = self._room(request)
        if isinstance(live, Response):
            return live
        found = _NAME.fullmatch(request.path_params["name"])
        stream = live.stream(request.path_params["flavour"])
        if found is None:
            return _missing()
        if found["head"]:
            data = stream.heads.get(int(found["head"]))
            return _answer(data, MEDIA, 3600) if data else _missing()
        number = int(found["segment"])
        if found["part"] is None:
            segment = stream.find(number)
            whole = segment is not None and segment.closed
            return (
                _answer(b"".join(p.data for p in segment.parts), MEDIA, 3600)
                if segment and whole
                else _missing()
            )
        return await self._part(stream, number, int(found["part"]))

    async def _part(self, stream: HlsStream, number: int, part: int) -> Response:
        if stream.segments and number <= stream.segments[-1].number + 1:
            await _until(stream, lambda: stream.has(number, part), HOLD_SECONDS)
        segment = stream.find(number)
        if segment is None or part >= len(segment.parts):
            return _missing()
        return _answer(segment.parts[part].data, MEDIA, 3600)

    # -- rooms ------------------------------------------------------------------------------------

    def _room(self, request: Request) -> LiveRoom | Response:
        """The room being cut, started if need be; or why there is none."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=CORS)
        room = request.path_params["room"]
        if request.path_params.get("flavour", "opus") not in FLAVOURS or not self._may_watch(room, None):
            return _missing()
        live, status = self._live.get(room), self._media.status(room)
        if live is None:
            if not status.publishing:
                return _missing()
            if status.video is not None and status.video != "H264":
                return _not_for_hls(status.video)
            live = self._start(room, status.audio is not None)
        elif status.audio is not None and not live.sound:
            # the publisher has come back with sound: the head of the file must name it
            live.close()
            live = self._start(room, sound=True)
        elif not status.publishing and time.monotonic() - live.cutter.fed_at > GONE_SECONDS:
            return _missing()
        live.asked_at = time.monotonic()
        return live

    def _start(self, room: str, sound: bool) -> LiveRoom:
        live = self._live[room] = LiveRoom(room, sound, self._worker)
        cutter = live.cutter
        live.detach = self._media.tap(room, cutter, keyframe_every=KEYFRAME_SECONDS, replay=cutter.packets)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS / 6, self._look)
        log.info("hls.started", room=room)
        return live

    def _look(self) -> None:
        """Stop what nobody asks for any more."""
        now = time.monotonic()
        for room, live in list(self._live.items()):
            if now - live.asked_at > IDLE_SECONDS:
                live.close()
                del self._live[room]
                log.info("hls.stopped", room=room)
        again = asyncio.get_running_loop().call_later(IDLE_SECONDS / 6, self._look) if self._live else None
        self._sweep = again


def _wanted(query: Mapping[str, str]) -> tuple[int | None, int | None]:
    """(segment, part) of a blocking reload. ValueError unless both are whole numbers, part only with segment."""
    asked = [query.get(name) for name in ("_HLS_msn", "_HLS_part")]
    number, part = (None if text is None else whole(text) for text in asked)
    if [text is None for text in asked] != [number is None, part is None] or (
        part is not None and number is None
    ):
        raise ValueError
    return number, part


async def _until(stream: HlsStream, condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for the stream to fulfil a condition; whether it does."""
    limit = time.monotonic() + seconds
    while not condition():
        left = limit - time.monotonic()
        if left <= 0:
            return False
        await stream.signal.newer(stream.signal.version, min(left, 0.5))
    return True


def _answer(body: str | bytes, kind: str, max_age: int) -> Response:
    cached = f"public, max-age={max_age}" if max_age else "no-store"
    return Response(body, media_type=kind, headers={**CORS, "cache-control": cached})


def _missing() -> Response:
    return ProblemResponse(404, Message("hls.nothing_public"), UNCACHED)


def _not_for_hls(codec: str) -> Response:
    return ProblemResponse(406, Message("hls.codec", codec=codec), UNCACHED)


def _no_keyframe_yet() -> Response:
    return ProblemResponse(503, Message("hls.no_keyframe_yet"), {**UNCACHED, "retry-after": "2"})
