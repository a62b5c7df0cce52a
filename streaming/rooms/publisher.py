"""The publisher of a room: its packets in, our reports and requests back to it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import ClassVar

from streaming.rooms.forward import Stream, original, payload_start
from streaming.rooms.peer import Certificate, Peer
from streaming.wire import rtcp
from streaming.wire.codecs import CLOCK, KEYFRAME, Codec
from streaming.wire.reception import Reception
from streaming.wire.sdp import Offer
from streaming.wire.transport import UdpPort

PLI_EVERY = 0.5  # seconds between two keyframe requests to a source
SSRCS = 8  # different sources of one kind a publisher may have
SILENT = 1.0  # seconds after which a layer no longer counts
START_BITRATE, FLOOR_BITRATE, CEILING_BITRATE = 2_500_000, 150_000, 6_000_000  # bit/s told to the encoder


class Layer:
    """One incoming SSRC; simulcast has several."""

    def __init__(self, ssrc: int, kind: str) -> None:
        # a lost audio packet is 20 ms of sound: asking again would come too late, Opus conceals it
        self.reception = Reception(ssrc, CLOCK[kind], repairs=kind == "video")
        self.bitrate = 0.0
        self._counted = 0

    def tick(self) -> None:
        octets = self.reception.octets
        self.bitrate = (octets - self._counted) * 8.0
        self._counted = octets


class Track:
    """Audio or video of a publisher: which of its layers goes out."""

    def __init__(self, codec: Codec, stream: Stream) -> None:
        self.codec = codec
        self.stream = stream
        self.layers: dict[int, Layer] = {}
        self.chosen: Layer | None = None
        self.wanted: Layer | None = None

    def take(self, packet: bytes, now: float) -> Layer | None:
        """Forward the packet if its layer is the chosen one; the layer where a gap has opened."""
        ssrc = int.from_bytes(packet[8:12], "big")
        layer = self.layers.get(ssrc)
        if layer is None:
            if len(self.layers) >= SSRCS:
                self._forget_silent(now)
            if len(self.layers) >= SSRCS:
                return None
            layer = self.layers[ssrc] = Layer(ssrc, self.stream.kind)
        gap = layer.reception.add(packet, now)
        if layer is not self.chosen and not self._switch(layer, packet, now):
            return None
        self.stream.push(packet, now)
        return layer if gap else None

    def best(self, now: float) -> Layer | None:
        """The layer to show: the richest of those alive, unless the present one is nearly as rich."""
        alive = [layer for layer in self.layers.values() if now - layer.reception.heard < SILENT]
        richest = max(alive, key=lambda layer: layer.bitrate, default=None)
        if self.chosen in alive and richest and richest.bitrate < 1.3 * self.chosen.bitrate:
            return self.chosen
        return richest

    def _switch(self, layer: Layer, packet: bytes, now: float) -> bool:
        chosen = self.chosen
        if chosen is not None:
            silent = now - chosen.reception.heard > SILENT / 4
            at_keyframe = self.stream.kind == "audio" or self._keyframe(packet)
            if not (at_keyframe and (silent or layer is self.wanted)):
                return False
            self.stream.source(self.codec)
        self.chosen, self.wanted = layer, None
        return True

    def _keyframe(self, packet: bytes) -> bool:
        return KEYFRAME[self.codec.name](packet, payload_start(packet))

    def _forget_silent(self, now: float) -> None:
        for ssrc, layer in list(self.layers.items()):
            if layer is not self.chosen and now - layer.reception.heard > SILENT:
                del self.layers[ssrc]


class Publisher(Peer):
    kind: ClassVar[str] = "publisher"

    def __init__(
        self,
        room: str,
        offer: Offer,
        udp: UdpPort,
        certificate: Certificate,
        codecs: dict[str, Codec],
        streams: dict[str, Stream],
    ) -> None:
        super().__init__(room, offer, udp, certificate)
        self.tracks = {kind: Track(codec, streams[kind]) for kind, codec in codecs.items()}
        self.ssrc = secrets.randbits(31) | 1
        self.media_at = 0.0
        self.plis = self.nacks = self.recovered = 0
        self.bitrate_limit = START_BITRATE
        self.clock_offset: float | None = None
        self._routes = {codec.payload_type: self.tracks[kind] for kind, codec in codecs.items()}
        self._repairs = {c.rtx: self.tracks[kind] for kind, c in codecs.items() if c.rtx is not None}
        self._pli_at = 0.0
        self._pli_timer: asyncio.TimerHandle | None = None
        self._nack_timer: asyncio.TimerHandle | None = None
        self.on_started: Callable[[Publisher], None] = lambda publisher: None
        self.on_report: Callable[[Stream, bytes], None] = lambda stream, report: None

    @property
    def rtt(self) -> float | None:
        """Seconds, from repaired packets; from the handshake before there were any."""
        chosen = (track.chosen for track in self.tracks.values() if track.chosen)
        known = (layer.reception.rtt for layer in chosen if layer.reception.rtt is not None)
        return next(known, self.transport.turnaround)

    def started(self) -> None:
        for track in self.tracks.values():
            track.stream.source(track.codec)
        self.on_started(self)

    # -- in ---------------------------------------------------------------------------------------

    def on_rtp(self, data: bytes) -> None:
        packet = self.decryptor.rtp(data)
        if packet is None:
            self.rejected += 1
            return
        now = time.monotonic()
        self.transport.heard = self.media_at = now
        payload_type = packet[1] & 127
        track = self._routes.get(payload_type)
        if track is None:
            self._repair(packet, payload_type, now)
            return
        gap = track.take(packet, now)
        if gap is not None:
            self._ask_again()

    def _repair(self, packet: bytes, payload_type: int, now: float) -> None:
        """A retransmission; senders also probe with them, so only what is missing counts."""
        track = self._repairs.get(payload_type)
        if track is None or track.chosen is None:
            return
        reception = track.chosen.reception
        restored = original(packet, track.codec.payload_type, reception.ssrc)
        if restored is not None and reception.recovered(restored[0], now):
            self.recovered += 1
            track.stream.push(restored[1], now)

    def on_rtcp(self, data: bytes) -> None:
        now = time.monotonic()
        for packet in rtcp.parse(data):
            if packet.kind == rtcp.SR:
                self._on_sender_report(packet, now)

    def _on_sender_report(self, packet: rtcp.Packet, now: float) -> None:
        for track in self.tracks.values():
            layer = track.layers.get(packet.ssrc)
            if layer is None:
                continue
            layer.reception.sender_reported(packet.ntp, now)
            if layer is track.chosen:
                report = track.stream.sender_report(self._our_time(packet.ntp), packet.timestamp)
                self.on_report(track.stream, report)

    def _our_time(self, ntp: int) -> int:
        """The source's clock on ours, by one offset for audio and video alike: lips stay in sync, and
        time does not jump for viewers when another machine takes over."""
        source = rtcp.from_ntp(ntp)
        if self.clock_offset is None:
            self.clock_offset = time.time() - source
        return rtcp.to_ntp(source + self.clock_offset)

    # -- back -------------------------------------------------------------------------------------

    def request_keyframe(self) -> None:
        """Ask the source for a keyframe, at most once per 0.5 s; a request within that time is kept."""
        wait = self._pli_at + PLI_EVERY - time.monotonic()
        if wait <= 0:
            self._send_pli()
        elif self._pli_timer is None:
            self._pli_timer = asyncio.get_running_loop().call_later(wait, self._late_pli, self._pli_at)

    def _late_pli(self, asked: float) -> None:
        self._pli_timer = None
        track = self.tracks.get("video")
        if track and (track.stream.keyframe_at or 0.0) <= asked:
            self._send_pli()

    def _send_pli(self) -> None:
        track = self.tracks.get("video")
        layer = track.wanted or track.chosen if track else None
        if layer is None or not self.connected:
            return
        self._pli_at = time.monotonic()
        self.plis += 1
        self.send_rtcp(rtcp.pli(self.ssrc, layer.reception.ssrc))

    def _retry(self) -> None:
        self._nack_timer = None
        self._ask_again()

    def _ask_again(self) -> None:
        track = self.tracks.get("video")
        if track is None or track.chosen is None or not self.connected:
            return
        reception = track.chosen.reception
        given_up = reception.given_up
        wanted = reception.due(time.monotonic())
        if wanted:
            self.nacks += 1
            self.send_rtcp(rtcp.nack(self.ssrc, reception.ssrc, wanted))
        if reception.given_up > given_up:
            self.request_keyframe()
        if reception.missing and self._nack_timer is None:
            self._nack_timer = asyncio.get_running_loop().call_later(reception.retry / 2, self._retry)

    def tick(self) -> None:
        """Once a second: reports, bitrate, layer choice."""
        now = time.monotonic()
        reports = []
        for track in self.tracks.values():
            for layer in track.layers.values():
                layer.tick()
                report = layer.reception.report(now)
                if report is not None:
                    reports.append(report)
        if reports:
            self.send_rtcp(rtcp.receiver_report(self.ssrc, reports))
        video = self.tracks.get("video")
        if video is not None and video.layers:
            self._choose(video, now)
            self._limit(video)
            self.send_rtcp(rtcp.remb(self.ssrc, self.bitrate_limit, list(video.layers)))

    def _choose(self, video: Track, now: float) -> None:
        best = video.best(now)
        if best is not None and best is not video.chosen:
            video.wanted = best
            self.request_keyframe()

    def _limit(self, video: Track) -> None:
        """Loss-based rate control (as in RFC 8083's spirit): back off above 10 %, creep up below 2 %."""
        loss = video.chosen.reception.loss if video.chosen else 0.0
        if loss > 0.1:
            self.bitrate_limit = max(FLOOR_BITRATE, int(self.bitrate_limit * (1 - loss / 2)))
        elif loss < 0.02:
            self.bitrate_limit = min(CEILING_BITRATE, int(self.bitrate_limit * 1.05))

    def close(self, reason: str) -> None:
        for timer in (self._pli_timer, self._nack_timer):
            if timer is not None:
                timer.cancel()
        super().close(reason)
