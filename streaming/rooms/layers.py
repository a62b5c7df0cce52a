"""What a publisher sends of one kind: its layers (simulcast has several), and which of them goes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from streaming.rooms.stream import Stream
from streaming.rooms.voice import Voice, outgoing
from streaming.wire import rtp
from streaming.wire.codecs import CLOCK, H264, KEYFRAME, Codec
from streaming.wire.h264 import BFrameWatch
from streaming.wire.reception import Reception
from streaming.wire.serial import timestamp as rtp_time

PLI_EVERY = 0.5  # seconds between two keyframe requests to a source
SSRCS = 8  # different sources of one kind a publisher may have
SILENT = 1.0  # seconds after which a layer no longer counts
SMALLER = 0.5  # share of the full layer's bitrate up to which another one counts as small


class KeyframeRequests:
    """Keyframe requests for one stream: at most one per 0.5 s, and one within that time is kept.

    `send` asks the source; False where it could not.
    """

    def __init__(self, stream: Stream, send: Callable[[], bool]) -> None:
        self._stream = stream
        self._send = send
        self._at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Now, or as soon as the last request is half a second old."""
        wait = self._at + PLI_EVERY - time.monotonic()
        if wait <= 0:
            self._now()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._late, self._at)

    def stop(self) -> None:
        """Forget a request that was kept."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, asked: float) -> None:
        self._timer = None
        if (self._stream.cache.keyframe_at or 0.0) <= asked:
            self._now()

    def _now(self) -> None:
        if self._send():
            self._at = time.monotonic()


class Layer:
    """One incoming SSRC; `rid` as its packets name it (RFC 8852), empty where they do not."""

    def __init__(self, ssrc: int, kind: str, rid: str = "", clock_rate: int | None = None) -> None:
        # a lost audio packet is 20 ms of sound: asking again would come too late, Opus conceals it
        self.reception = Reception(ssrc, clock_rate or CLOCK[kind], repairs=kind == "video")
        self.rid = rid
        self.bitrate = 0.0
        self._counted = 0

    def tick(self) -> None:
        octets = self.reception.octets
        self.bitrate = (octets - self._counted) * 8.0
        self._counted = octets


@dataclass(frozen=True)
class LayerNames:
    """How an offer tells a section's SSRCs apart: the numbers of the header extensions rtp-stream-id and
    repaired-rtp-stream-id, and retransmission SSRC → the SSRC it repeats (a=ssrc-group:FID)."""

    rid: int | None = None
    repaired: int | None = None
    repeats: dict[int, int] = field(default_factory=dict)


class SecondStream(Protocol):
    """A second stream out of the same track (streaming.rooms.tile_stream)."""

    stream: Stream
    layer: Layer | None

    def uses(self, layer: Layer) -> bool:
        """Whether this layer feeds it, or is about to."""
        ...

    def forward(self, layer: Layer, packet: bytes, now: float) -> bool:
        """Forward a packet that does not go out in full, if it is wanted here; whether it was."""
        ...

    def promoted(self, layer: Layer, now: float) -> None:
        """`layer` goes out in full from the next packet on."""
        ...

    def request_keyframe(self) -> None: ...


class Track:
    """Audio or video of a publisher: which of its layers goes out. `codec` is what leaves, which for telephone
    sound is another than what comes."""

    def __init__(self, codec: Codec, stream: Stream, names: LayerNames | None = None) -> None:
        self.codec = outgoing(codec)
        self.stream = stream
        self.clock_rate = codec.clock_rate
        self.b_frames = BFrameWatch()
        """Tells of B-frames in what goes out; only for H.264."""
        self._inlet = stream if self.codec is codec else Voice(codec, stream)
        self.names = names or LayerNames()
        self.layers: dict[int, Layer] = {}
        self.chosen: Layer | None = None
        self.wanted: Layer | None = None
        self.second: SecondStream | None = None
        self.ask: Callable[[Layer], bool] = lambda layer: False
        """Asks the source for a keyframe of a layer; False where it cannot be asked."""
        self._repaired: dict[int, Layer] = {}

    def forward(self, packet: bytes, now: float) -> Layer | None:
        """Forward the packet if its layer is the chosen one; the layer where a gap has opened."""
        ssrc = rtp.ssrc(packet)
        layer = self.layers.get(ssrc) or self._new(ssrc, packet, now)
        if layer is None:
            return None
        gap = layer.reception.add(packet, now)
        if layer is self.chosen or self._switch(layer, packet, now):
            self._inlet.push(packet, now)
            if self.codec.name == H264:
                self.b_frames.look(packet)
        elif self.second is None or not self.second.forward(layer, packet, now):
            return None
        return layer if gap else None

    def best(self, now: float) -> Layer | None:
        """The layer to show: the richest of those alive, unless the present one is nearly as rich."""
        alive = self._alive(now)
        richest = max(alive, key=lambda layer: layer.bitrate, default=None)
        if self.chosen in alive and richest and richest.bitrate < 1.3 * self.chosen.bitrate:
            return self.chosen
        return richest

    def smallest(self, now: float, present: Layer | None = None) -> Layer | None:
        """The layer for small pictures: the poorest of those alive beside the chosen one, None where there
        is none. `present` stays while it lives: a still picture costs all layers about the same."""
        others = [layer for layer in self._alive(now) if layer is not self.chosen and layer.bitrate > 0]
        if present in others:
            return present
        poorest = min(others, key=lambda layer: layer.bitrate, default=None)
        rich = self.chosen.bitrate if self.chosen is not None else 0.0
        return poorest if poorest is not None and poorest.bitrate <= SMALLER * rich else None

    def forwarded(self) -> list[Layer]:
        """The layers that go out, the full one first: what they lose is asked for again."""
        found = [self.chosen, self.second.layer if self.second is not None else None]
        return [layer for layer in found if layer is not None]

    def restore(self, packet: bytes, now: float) -> bool:
        """Take a retransmission; senders also probe with them, so only what is missing counts."""
        layer = self._repairs(packet)
        stream = self.leads_to(layer) if layer is not None else None
        if layer is None or stream is None:
            return False
        restored = rtp.original(packet, self.codec.payload_type, layer.reception.ssrc)
        if restored is None or not layer.reception.recovered(restored[0], now):
            return False
        stream.push(restored[1], now)
        return True

    def time_out(self, timestamp: int) -> int:
        """A time of the source's RTP clock on the clock of what leaves."""
        return rtp_time(timestamp * (CLOCK[self.stream.kind] // self.clock_rate))

    def leads_to(self, layer: Layer) -> Stream | None:
        """The stream a layer goes out in now."""
        if layer is self.chosen:
            return self.stream
        return self.second.stream if self.second is not None and layer is self.second.layer else None

    def _repairs(self, packet: bytes) -> Layer | None:
        """The layer a retransmission belongs to: by its name, by the offer's groups, or, where the sender
        says neither, the only one that misses the number."""
        ssrc = rtp.ssrc(packet)
        known = self._repaired.get(ssrc) or self.layers.get(self.names.repeats.get(ssrc, -1))
        if known is None and self.names.repaired is not None:
            name = _text(packet, self.names.repaired)
            known = next((one for one in self.layers.values() if name and one.rid == name), None)
        if known is not None:
            if len(self._repaired) < SSRCS:
                self._repaired[ssrc] = known
            return known
        number = rtp.original_number(packet)
        missing = [layer for layer in self.forwarded() if number in layer.reception.missing]
        return missing[0] if len(missing) == 1 else None

    def _new(self, ssrc: int, packet: bytes, now: float) -> Layer | None:
        if len(self.layers) >= SSRCS:
            self._forget_silent(now)
        if len(self.layers) >= SSRCS:
            return None
        rid = _text(packet, self.names.rid) if self.names.rid is not None else ""
        layer = self.layers[ssrc] = Layer(ssrc, self.stream.kind, rid, self.clock_rate)
        return layer

    def _switch(self, layer: Layer, packet: bytes, now: float) -> bool:
        chosen = self.chosen
        if chosen is not None:
            at_keyframe = self.stream.kind == "audio" or self.keyframe(packet)
            if not (at_keyframe and (layer is self.wanted or self._silent(chosen, layer, now))):
                return False
            self.stream.source(self.codec)
            layer.reception.missing.clear()
        self.chosen, self.wanted = layer, None
        self.b_frames = BFrameWatch()
        if self.second is not None:
            self.second.promoted(layer, now)
        return True

    def _silent(self, chosen: Layer, successor: Layer, now: float) -> bool:
        """Whether the chosen layer has been still for so long that this one may replace it unasked. One
        whose keyframes are asked for small pictures must not win because of them."""
        small = self.second is not None and self.second.uses(successor)
        return now - chosen.reception.heard > (SILENT if small else SILENT / 4)

    def keyframe(self, packet: bytes) -> bool:
        """Whether a packet of the track's begins a keyframe; only for video."""
        return KEYFRAME[self.codec.name](packet, rtp.payload_start(packet))

    def _alive(self, now: float) -> list[Layer]:
        return [layer for layer in self.layers.values() if now - layer.reception.heard < SILENT]

    def _forget_silent(self, now: float) -> None:
        kept = self.forwarded()
        for ssrc, layer in list(self.layers.items()):
            if layer not in kept and now - layer.reception.heard > SILENT:
                del self.layers[ssrc]
                self._repaired = {one: held for one, held in self._repaired.items() if held is not layer}


def _text(packet: bytes, number: int) -> str:
    found = rtp.extension(packet, number)
    return found.decode("ascii", "replace") if found else ""
