"""A viewer of a room: joins with the picture since the last keyframe, then rides the fan-out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import ClassVar

from streaming.fanout import Fanout, Line, Target
from streaming.rooms.peer import Certificate, Peer
from streaming.rooms.stream import Stream
from streaming.wire import rtcp, rtp
from streaming.wire.codecs import Codec
from streaming.wire.paths import UdpPath
from streaming.wire.sdp import Offer
from streaming.wire.serial import behind, sequence
from streaming.wire.serial import timestamp as rtp_time
from streaming.wire.transport import UdpPort

GOP_LIMIT = 1400  # packets; a longer GOP is not worth replaying and hardly in the cache
CHUNK, PAUSE = 24, 0.004  # packets and seconds: a GOP is replayed at about 50 Mbit/s, not in one burst
STEP = 90  # RTP ticks (1 ms) between replayed frames
REPEATS_PER_SECOND = 600  # retransmitted packets one viewer may have a second
SLOW_LOSS, SLOW_SECONDS = 0.3, 12.0
REPLAYS = 2  # times a replay is repeated to a viewer that still asks for a keyframe
REMEMBER = 10.0  # seconds a replay's timestamps are kept for retransmissions


class CatchUp:
    """Brings one viewer from the last keyframe to the live packets, then hands it to the live group.

    The packets are the cached ones, sent before the live ones follow, so their numbers fit. Only the
    timestamps of past frames are drawn together to just before the present one: a receiver that saw the
    true ones would play the past at its old pace and stay behind by that much.
    """

    def __init__(self, stream: Stream, target: Target, fanout: Fanout, packets: list[bytes]) -> None:
        self.stream = stream
        self.target = target
        self.moved = _drawn_together(packets)
        self.finished_at: float | None = None
        self.alone = fanout.group()
        self.alone.add(target)
        self._first = self._next = rtp.sequence_number(packets[0])
        self._repeats = 0
        self._timer: asyncio.TimerHandle | None = None

    def step(self) -> None:
        packets = self.stream.cache.since(self._next, CHUNK)
        self._next = sequence(self._next + CHUNK)
        if packets:
            self.alone.send([self.shown(packet) for packet in packets])
        if not behind(self.stream.cache.flushed, self._next):
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self.step)
        else:
            self._timer = None
            self.finished_at = time.monotonic()
            if not self._repeats:
                self.stream.group.add(self.target)

    def again(self) -> None:
        """Send the same packets once more: the first ones may have been lost or overtaken the handshake,
        and a receiver asks again only for what lies between two packets it has."""
        if self._timer is None and self._repeats < REPLAYS and self.stream.cache.get(self._first) is not None:
            self._repeats += 1
            self._next = self._first
            self.step()

    def shown(self, packet: bytes) -> bytes:
        """The packet with the timestamp this viewer saw or will see."""
        moved = self.moved.get(packet[rtp.TIMESTAMP])
        if moved is None:
            return packet
        return packet[: rtp.TIMESTAMP.start] + moved + packet[rtp.TIMESTAMP.stop :]

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _drawn_together(packets: list[bytes]) -> dict[bytes, bytes]:
    """Timestamp → the one to show instead, both as in the packets: every frame a millisecond after the one before."""
    times = list(dict.fromkeys(packet[rtp.TIMESTAMP] for packet in packets))
    last, newest = len(times) - 1, int.from_bytes(times[-1], "big")
    return {
        when: rtp_time(newest - (last - index) * STEP).to_bytes(len(when), "big")
        for index, when in enumerate(times[:-1])
    }


class Viewer(Peer):
    kind: ClassVar[str] = "viewer"

    def __init__(
        self,
        room: str,
        offer: Offer,
        udp: UdpPort,
        certificate: Certificate,
        codecs: dict[str, list[Codec]],
        streams: dict[str, Stream],
        fanout: Fanout,
    ) -> None:
        super().__init__(room, offer, udp, certificate)
        self.codecs = codecs
        self.streams = {kind: streams[kind] for kind in codecs}
        self.targets: dict[str, Target] = {}
        self.rtx_ssrc = secrets.randbits(31) | 1
        self.nacks = self.repeated = self.plis = 0
        self.loss = 0.0
        self.on_keyframe_wanted: Callable[[], None] = lambda: None
        self.on_started: Callable[[Viewer], None] = lambda viewer: None
        self.line: Line | None = None
        self._fanout = fanout
        self._catch_up: CatchUp | None = None
        self._rtx_sequence = secrets.randbits(15)
        self._repeats_left = REPEATS_PER_SECOND
        self._slow_since: float | None = None

    def codec(self, kind: str) -> Codec | None:
        """The negotiated codec for what the room's publisher sends now; the house codec while none does."""
        offered = self.codecs.get(kind, [])
        playing = self.streams[kind].codec if kind in self.streams else None
        if playing is None:
            return offered[0] if offered else None
        return next((codec for codec in offered if codec.name == playing.name), None)

    def started(self) -> None:
        path = self.transport.path
        assert isinstance(path, UdpPath)
        self.line = self._fanout.line(self.session, path.address, path.source)
        self.on_started(self)

    def show(self, kind: str, *, replay: bool) -> bool:
        """Begin (or begin again, after a change of codec) to send one kind; True if it starts with a
        replayed keyframe. Call only when `codec(kind)` is not None."""
        codec, line = self.codec(kind), self.line
        assert codec is not None and line is not None
        self._drop(kind)
        stream = self.streams[kind]
        target = Target(line, codec.payload_type)
        self.targets[kind] = target
        if stream.report is not None:
            self.send_rtcp(stream.report)
        packets = stream.cache.since_keyframe(GOP_LIMIT) if replay and kind == "video" else []
        if not packets:
            stream.group.add(target)
            return False
        self._catch_up = CatchUp(stream, target, self._fanout, packets)
        self._catch_up.step()
        return True

    def moved(self) -> None:
        """The client's address changed: browsers often settle on another pair just after connecting, and
        a NAT may forget its port. Everything follows, a replay under way included."""
        path = self.transport.path
        if self.line is not None and isinstance(path, UdpPath):
            self.line.move(path.address, path.source)

    def _drop(self, kind: str) -> None:
        target = self.targets.pop(kind, None)
        if target is not None:
            self.streams[kind].group.remove(target)
        if kind == "video" and self._catch_up is not None:
            self._catch_up.stop()

    # -- in ---------------------------------------------------------------------------------------

    def on_rtp(self, data: bytes) -> None:
        """A viewer has no media to send."""
        self.rejected += 1

    def on_rtcp(self, data: bytes) -> None:
        for packet in rtcp.parse(data):
            if packet.kind == rtcp.RTPFB:
                self._repeat(packet)
            elif packet.kind == rtcp.PSFB and packet.format in (rtcp.PLI, rtcp.FIR):
                self.plis += 1
                if self._catch_up is not None:
                    self._catch_up.again()
                self.on_keyframe_wanted()
            elif packet.kind in (rtcp.RR, rtcp.SR):
                self._note_loss(packet.reports)

    def _repeat(self, packet: rtcp.Packet) -> None:
        self.nacks += 1
        for kind, stream in self.streams.items():
            if stream.ssrc == packet.media:
                for number in packet.lost:
                    self._repeat_one(kind, stream, number)

    def _repeat_one(self, kind: str, stream: Stream, number: int) -> None:
        packet, codec = stream.cache.get(number), self.codec(kind)
        if packet is None or codec is None or self._repeats_left <= 0:
            return
        if kind == "video" and self._catch_up is not None:
            packet = self._catch_up.shown(packet)
        if codec.rtx is not None:
            self._rtx_sequence = sequence(self._rtx_sequence + 1)
            packet = rtp.retransmission(packet, codec.rtx, self.rtx_ssrc, self._rtx_sequence)
        else:
            packet = rtp.with_payload_type(packet, codec.payload_type)
        self._repeats_left -= 1
        self.repeated += 1
        self.send_rtp(packet)

    def send_rtp(self, packet: bytes) -> None:
        """One packet to this viewer alone. It may be too old for the session's window: then the viewer has
        moved on as well."""
        if self.line is not None and not self.line.rtp(packet):
            self.rejected += 1

    def send_rtcp(self, data: bytes) -> None:
        if self.line is not None:
            self.line.rtcp(data)

    def _note_loss(self, reports: tuple[rtcp.Report, ...]) -> None:
        video = self.streams.get("video")
        for report in reports:
            if video is not None and report.ssrc == video.ssrc:
                self.loss = report.fraction

    def tick(self) -> None:
        """Once a second. A viewer whose line loses a third for a while is let go: it costs
        retransmissions, sees nothing useful, and has HLS to fall back on."""
        now = time.monotonic()
        self._repeats_left = REPEATS_PER_SECOND
        if self._catch_up and self._catch_up.finished_at and now - self._catch_up.finished_at > REMEMBER:
            self._catch_up = None
        if self.loss < SLOW_LOSS:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since > SLOW_SECONDS:
            self.close("too_slow")

    def close(self, reason: str) -> None:
        for kind in list(self.targets):
            self._drop(kind)
        if self.line is not None:
            self.line.close()
            self.line = None
        super().close(reason)
