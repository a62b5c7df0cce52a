"""The publisher of a room: its packets in, our reports and requests back to it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import ClassVar

import structlog

from records.clock import timestamp
from records.serving import signing
from streaming.rooms.congestion import Congestion
from streaming.rooms.layers import KeyframeRequests, Layer, LayerNames, Track
from streaming.rooms.peer import Certificate, Peer
from streaming.rooms.publisher_notices import B_FRAMES
from streaming.rooms.stream import Stream
from streaming.wire import rtcp, rtp, simulcast, twcc
from streaming.wire.codecs import Codec
from streaming.wire.sdp import Offer
from streaming.wire.transport import UdpPort

log = structlog.get_logger()


class Publisher(Peer):
    kind: ClassVar[str] = "publisher"
    takes_tcp: ClassVar[bool] = True
    early: ClassVar[int] = 512  # a keyframe of full HD, three times over

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
        self.tracks = {
            kind: Track(codec, streams[kind], _names(offer, kind)) for kind, codec in codecs.items()
        }
        for track in self.tracks.values():
            track.ask = self._send_pli
        self.ssrc = secrets.randbits(31) | 1
        self.media_at = 0.0
        self.plis = self.nacks = self.recovered = 0
        self.clock_offset: float | None = None
        numbered = twcc.extensions(offer, {kind: [codec] for kind, codec in codecs.items()})
        self.congestion = Congestion(next(iter(numbered.values()), None), self.ssrc, self.send_rtcp)
        self._arrivals = self.congestion.arrivals
        self._routes = {codec.payload_type: self.tracks[kind] for kind, codec in codecs.items()}
        self._repairs = {c.rtx: self.tracks[kind] for kind, c in codecs.items() if c.rtx is not None}
        self._keyframes = KeyframeRequests(streams["video"], self._ask_keyframe)
        self._nack_timer: asyncio.TimerHandle | None = None
        self.token: str | None = None
        """What it showed to be let in."""
        self.on_started: Callable[[Publisher], None] = lambda publisher: None
        self.on_report: Callable[[Stream, bytes], None] = lambda stream, report: None

    @property
    def rtt(self) -> float | None:
        """Seconds, from repaired packets; from the handshake before there were any."""
        chosen = (track.chosen for track in self.tracks.values() if track.chosen)
        known = (layer.reception.rtt for layer in chosen if layer.reception.rtt is not None)
        return next(known, self.transport.turnaround)

    @property
    def let_in_by(self) -> str | None:
        """The digest of its token."""
        return signing.token_hash(self.token) if self.token else None

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
        if self._arrivals is not None:
            self._arrivals.note(packet, now)
        payload_type = rtp.payload_type(packet)
        track = self._routes.get(payload_type)
        if track is None:
            self._repair(packet, payload_type, now)
            return
        gap = track.forward(packet, now)
        if gap is not None:
            self._ask_again()

    def _repair(self, packet: bytes, payload_type: int, now: float) -> None:
        """Perhaps a retransmission."""
        track = self._repairs.get(payload_type)
        if track is not None and track.restore(packet, now):
            self.recovered += 1

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
            stream = track.leads_to(layer)
            if stream is not None:
                report = stream.sender_report(self._our_time(packet.ntp), track.time_out(packet.timestamp))
                self.on_report(stream, report)

    def _our_time(self, ntp: int) -> int:
        """The source's clock on ours, by one offset for audio and video alike: lips stay in sync, and
        time does not jump for viewers when another machine takes over."""
        source = rtcp.from_ntp(ntp)
        if self.clock_offset is None:
            self.clock_offset = timestamp() - source
        return rtcp.to_ntp(source + self.clock_offset)

    # -- back -------------------------------------------------------------------------------------

    def request_keyframe(self) -> None:
        """Ask the source for a keyframe, at most once per 0.5 s; a request within that time is kept."""
        self._keyframes.ask()

    def _ask_keyframe(self) -> bool:
        track = self.tracks.get("video")
        layer = track.wanted or track.chosen if track else None
        return layer is not None and self._send_pli(layer)

    def _send_pli(self, layer: Layer) -> bool:
        if not self.connected:
            return False
        self.plis += 1
        self.send_rtcp(rtcp.pli(self.ssrc, layer.reception.ssrc))
        return True

    def _retry(self) -> None:
        self._nack_timer = None
        self._ask_again()

    def _ask_again(self) -> None:
        track = self.tracks.get("video")
        if track is None or not self.connected:
            return
        for layer in track.forwarded():
            self._ask_for(layer, track)

    def _ask_for(self, layer: Layer, track: Track) -> None:
        reception = layer.reception
        given_up = reception.given_up
        wanted = reception.due(time.monotonic())
        if wanted:
            self.nacks += 1
            self.send_rtcp(rtcp.nack(self.ssrc, reception.ssrc, wanted))
        if reception.given_up > given_up and layer is track.chosen:
            self.request_keyframe()
        elif reception.given_up > given_up and track.second is not None:
            track.second.request_keyframe()
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
        if video is not None and video.b_frames.reordered and B_FRAMES not in self.notices:
            self.notices.append(B_FRAMES)
            log.warning("media.b_frames", room=self.room_name)
        if video is not None and video.layers:
            self._choose(video, now)
            self.congestion.tick(video.chosen.reception.loss if video.chosen else 0.0, list(video.layers))

    def _choose(self, video: Track, now: float) -> None:
        best = video.best(now)
        if best is not None and best is not video.chosen:
            video.wanted = best
            self.request_keyframe()

    def close(self, reason: str) -> None:
        self._keyframes.stop()
        if self._nack_timer is not None:
            self._nack_timer.cancel()
        self.congestion.close()
        super().close(reason)


def _names(offer: Offer, kind: str) -> LayerNames:
    media = offer.section(kind)
    if media is None:
        return LayerNames()
    rid, repaired = (simulcast.extension(media, uri) for uri in (simulcast.RID, simulcast.REPAIRED_RID))
    return LayerNames(rid, repaired, simulcast.repeats(media))
