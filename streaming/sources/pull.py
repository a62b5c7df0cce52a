"""One pull of a camera: an ffmpeg that fetches the stream by the address's protocol and hands plain RTP on, watched over.

The address, which often carries a password, goes to ffmpeg by its standard input, never by the command
line, and is masked in whatever ffmpeg says.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from messages import Fault, Invalid, Message
from records.parent import end_with_parent
from streaming import ffmpeg
from streaming.rooms.room import Room
from streaming.sources import plainrtp, protocol
from streaming.sources.plainrtp import Announcement, Feed, PlainPublisher, Ports
from streaming.sources.protocol import TIMEOUT, CameraProtocol, Transport
from streaming.wire import rtcp
from streaming.wire.codecs import H264
from streaming.wire.h264 import BFrameWatch

CONNECTING = 20.0  # seconds from the start to the first picture; cameras with long GOPs take theirs
EXAMINED, EXAMINING = 12, 1.0  # pictures and seconds looked at before the room gets to see them
HELD = 4000  # packets kept meanwhile
END_SECONDS = 3.0

_SECRET = re.compile(r"(\w+://)[^\s']*@")
_ADDRESS = re.compile(r"\w+://\S+")
_REPEATED = re.compile(r"Last message repeated \d+ times")
_SIGNS = {
    r"\b401\b": "camera.credentials_refused",
    r"\b403\b": "camera.forbidden",
    r"\b404\b": "camera.no_such_stream",
    "Connection refused": "camera.port_closed",
    "timed out": "camera.no_answer",
    "No route to host": "camera.no_route",
    "unreachable": "camera.no_route",
    "resolve": "camera.host_unknown",
    "matches no streams": "camera.no_picture",
}
"""What ffmpeg says where a pull fails → what it means. The camera's own address is not looked at: port 50403 is no 403."""


class Refused(Fault):
    """The stream cannot be shown as it is; the message says what to do. Transcoding would help."""

    def __init__(self, message: Message, b_frames: bool = False) -> None:
        super().__init__(message)
        self.b_frames = b_frames


class Failed(Fault):
    """No stream now; another try may have one."""


class TransportRefused(Failed):
    """The camera does not send its stream this way (RTSP status 461, say); it may send it by the protocol's next one."""


@dataclass(frozen=True)
class Address:
    """Where a camera is, and whether its pictures may be coded anew. Never printed as it is."""

    url: str
    transcode: bool = False

    def __repr__(self) -> str:
        return f"Address({mask(self.url)!r}, transcode={self.transcode})"

    @classmethod
    def parse(cls, text: str) -> Address:
        """An address of a protocol of this folder, with "#transcode" behind it where that is allowed.

        Invalid for anything else: what the ledger says must not make ffmpeg open a file.
        """
        url, _, flag = text.partition("#")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in protocol.by_scheme() and parts.hostname and parts.port != 0
        except ValueError:  # a port or an IPv6 address that is none
            usable = False
        if not usable or flag not in ("", "transcode"):
            raise Invalid(Message("camera.address_invalid", address=mask(text))) from None
        return cls(quote(url, safe="%/:=&?~#+!$,;@()*[]"), flag == "transcode")

    @property
    def protocol(self) -> CameraProtocol:
        """How the stream is fetched."""
        return protocol.by_scheme()[urlsplit(self.url).scheme]


def _wrong_codec(name: str) -> Message:
    return Message("camera.codec", codec="H.265" if name == "H265" else name)


def mask(text: str) -> str:
    """The text without the user name and password of any address."""
    return _SECRET.sub(r"\1***@", text)


def meaning_of(said: Sequence[str]) -> Message:
    """Why a pull failed, by the lines that ffmpeg wrote last; the last of them itself where none is known."""
    text = _ADDRESS.sub("", "\n".join(said))
    for sign, meaning in _SIGNS.items():
        if re.search(sign, text):
            return Message(meaning)
    return Message("camera.stream_ended", said=said[-1] if said else "ffmpeg")


class Pull:
    """One run of ffmpeg into one room. `run` returns or raises when it is over."""

    def __init__(
        self,
        room: Room,
        address: Address,
        transcode: bool,
        flush: Callable[[], None],
        *,
        transport: Transport,
    ) -> None:
        self.room, self.address, self.transcode, self.transport = room, address, transcode, transport
        self.publisher: PlainPublisher | None = None
        self.on_live: Callable[[], None] = lambda: None
        self._flush = flush
        self._b_frames = BFrameWatch()
        self._held: deque[tuple[str, bytes]] = deque(maxlen=HELD)
        self._reports: dict[str, bytes] = {}
        self._announced: Announcement | None = None
        self._first_at: float | None = None
        self._heard = self._began = time.monotonic()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._said: deque[str] = deque(maxlen=8)

    async def run(self) -> None:
        """Until the stream ends. Refused or Failed with the reason; OSError if ffmpeg cannot be started."""
        feed = Feed(Ports())
        feed.on_announcement, feed.on_rtp, feed.on_rtcp = self._announce, self._rtp, self._rtcp
        feed.on_drained = self._drained
        process: Process | None = None
        try:
            process = await self._spawn(feed.ports.url)
            await self._watch(process)
        finally:
            if process is not None:
                await _end(process)
            feed.close()
            if self.publisher is not None:
                self.publisher.close("camera_gone")
                self._flush()

    async def _spawn(self, output: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            *ffmpeg.camera(output, self.address.protocol.protocols, transcode=self.transcode),
            stdin=PIPE, stdout=DEVNULL, stderr=PIPE, preexec_fn=end_with_parent(os.getpid()),
        )  # fmt: skip
        assert process.stdin is not None
        options = "".join(f"option {name} {value}\n" for name, value in self.transport.options.items())
        process.stdin.write(f"ffconcat version 1.0\nfile '{self.address.url}'\n{options}".encode())
        process.stdin.close()
        return process

    async def _watch(self, process: Process) -> None:
        listening = asyncio.ensure_future(self._listen(process))
        ended = asyncio.ensure_future(process.wait())
        try:
            while not ended.done():
                await asyncio.wait((ended, self._over), timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                if self._over.done():
                    self._over.result()
                    return
                self._check_time()
            await asyncio.wait((listening,), timeout=1.0)
            raise self._why()
        finally:
            for task in (listening, ended):
                task.cancel()
            await asyncio.gather(listening, ended, return_exceptions=True)

    def _check_time(self) -> None:
        now = time.monotonic()
        if self.publisher is None:
            if now - self._began > CONNECTING:
                raise Failed(Message("camera.sends_no_picture"))
        elif now - self._heard > TIMEOUT:
            raise Failed(Message("camera.silent", seconds=round(TIMEOUT)))

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            said = mask(line.decode(errors="replace").strip())[:300]
            if not _REPEATED.search(said):
                self._said.append(said)

    def _why(self) -> Failed:
        said = _ADDRESS.sub("", "\n".join(self._said))
        if any(sign in said for sign in self.transport.refused):
            return TransportRefused(Message("camera.tcp_refused"))
        return Failed(meaning_of(self._said))

    # -- what ffmpeg sends ------------------------------------------------------------------------

    def _announce(self, announcement: Announcement) -> None:
        if self._announced is not None:
            return
        self._announced = announcement
        video = announcement.codecs.get("video")
        if video is None:
            self._end(Failed(Message("camera.no_picture")))
        elif video.name != H264:
            self._end(Refused(_wrong_codec(video.name)))

    def _rtp(self, kind: str, packet: bytes) -> None:
        self._heard = time.monotonic()
        if kind == "video":
            self._first_at = self._first_at or self._heard
            self._b_frames.look(packet)
            if self._b_frames.reordered:
                self._end(Refused(Message("camera.b_frames"), b_frames=True))
                return
        if self.publisher is not None:
            self.publisher.rtp(kind, packet)
        else:
            self._held.append((kind, packet))

    def _rtcp(self, kind: str, packet: bytes) -> None:
        if self.publisher is not None:
            self.publisher.rtcp(kind, packet)
        elif any(part.kind == rtcp.SR for part in rtcp.parse(packet)):
            self._reports[kind] = packet

    def _drained(self) -> None:
        if self.publisher is None and self._examined():
            self._go_live()
        self._flush()

    def _examined(self) -> bool:
        if self._over.done() or self._announced is None or self._first_at is None:
            return False
        return self._b_frames.pictures >= EXAMINED or time.monotonic() - self._first_at > EXAMINING

    def _go_live(self) -> None:
        assert self._announced is not None
        if self.room.occupied():
            self._end(Failed(Message("camera.room_taken")))
            return
        publisher = PlainPublisher(self.room.name, plainrtp.usable(self._announced), self.room.streams)
        publisher.on_closed.append(self._replaced)
        self.room.publish(publisher)
        publisher.start()
        self.publisher = publisher
        for kind, packet in self._held:
            publisher.rtp(kind, packet)
        for kind, packet in self._reports.items():
            publisher.rtcp(kind, packet)
        self._held.clear()
        self.on_live()

    def _replaced(self, publisher: PlainPublisher) -> None:
        self._end(Failed(Message("camera.replaced", reason=publisher.closed)))

    def _end(self, reason: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(reason)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
