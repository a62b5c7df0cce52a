"""A synthetic camera without a browser: ffmpeg's RTP on the loopback, handed to taps as a room would."""

from __future__ import annotations

import asyncio
import socket
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from dataclasses import dataclass

from streaming import ffmpeg
from streaming.rooms.rewriting import Rewriter
from streaming.taps import Replay, Tap
from streaming.wire.codecs import CLOCK, H264, OPUS, VP8, Codec

ENCODERS: dict[str, ffmpeg.Options] = {
    H264: {**ffmpeg.LIVE_H264, "bsf:v": "dump_extra"},
    VP8: {"c:v": "libvpx", "deadline": "realtime", "cpu-used": 8, "auto-alt-ref": 0, "pix_fmt": "yuv420p"},
}
RECEIVE_BUFFER = 4 << 20


@dataclass(frozen=True)
class Showing:
    """What a room of the studio shows."""

    publishing: bool
    video: str | None
    audio: str | None


class Studio:
    """Rooms that all show the same picture: enough of a media plane for the recorder and for HLS."""

    def __init__(self, rooms: list[str], codec: str = H264, sound: bool = True) -> None:
        self.codec, self.sound = codec, sound
        self.publishing = False
        self.packets = 0
        self._rooms = rooms
        self._taps: dict[str, list[Tap]] = {room: [] for room in rooms}
        self._callbacks: list[Callable[[str], None]] = []
        self._rewriters = {kind: Rewriter(rate) for kind, rate in CLOCK.items()}
        self._process: Process | None = None
        self._sockets: list[socket.socket] = []

    # -- as a media plane -------------------------------------------------------------------------

    def rooms(self) -> list[str]:
        """Names of the rooms."""
        return self._rooms

    def status(self, room: str) -> Showing:
        """What a room shows now."""
        if room not in self._taps or not self.publishing:
            return Showing(False, None, None)
        return Showing(True, self.codec, OPUS if self.sound else None)

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call back for every room when the camera is switched on or off."""
        self._callbacks.append(callback)

    def tap(
        self,
        room: str,
        sink: Tap,
        *,
        keyframe_every: float | None = None,
        kept: bool = False,
        replay: Replay | None = None,
    ) -> Callable[[], None]:
        """Hand the packets of a room to `sink`; this camera makes keyframes at its own pace and keeps nothing."""
        self._taps[room].append(sink)
        return lambda: self._taps[room].remove(sink)

    # -- the camera -------------------------------------------------------------------------------

    async def on(self, size: str = "640x360", rate: int = 25, bitrate: str = "800k", gop: int = 50) -> None:
        """Switch the camera on. `gop` pictures from keyframe to keyframe."""
        self.publishing = True
        for rewriter in self._rewriters.values():
            rewriter.switch()
        ports = {kind: self._listen(kind) for kind in CLOCK if kind == "video" or self.sound}
        coding = {**ENCODERS[self.codec], "b:v": bitrate, "g": gop}
        command = ffmpeg.send(ports, ffmpeg.moving_picture(size, rate), coding)
        self._process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL)
        self._announce()

    async def off(self) -> None:
        """Switch the camera off."""
        self.publishing = False
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        self._announce()

    @property
    def pid(self) -> int | None:
        """Process number of the camera."""
        return self._process.pid if self._process else None

    def _announce(self) -> None:
        for callback in self._callbacks:
            for room in self._rooms:
                callback(room)

    def _listen(self, kind: str) -> int:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        self._sockets.append(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, kind, sock)
        return int(sock.getsockname()[1])

    def _readable(self, kind: str, sock: socket.socket) -> None:
        packets: list[bytes] = []
        while len(packets) < 64:
            try:
                packet = sock.recv(2048)
            except BlockingIOError:
                break
            if rewritten := self._rewriters[kind].rewrite(packet, time.monotonic()):
                packets.append(rewritten[1])
        self.packets += len(packets)
        codec = Codec(self.codec if kind == "video" else OPUS, 0, CLOCK[kind], 1 if kind == "video" else 2)
        for taps in self._taps.values():
            for tap in tuple(taps):
                tap.packets(kind, codec, packets)
