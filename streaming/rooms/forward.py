"""Outgoing streams: one SSRC per room and kind whose numbers never jump, whoever publishes.

A packet is normalised once (SSRC, sequence, timestamp, no CSRCs, no header extensions, payload type
zero) and kept in a cache. Viewers differ by the payload type alone, so the same bytes serve the live
picture, retransmissions, a joining viewer and the recording.
"""

from __future__ import annotations

import asyncio
import copy
import secrets
import struct
from collections.abc import Callable
from typing import Protocol

from streaming.fanout import Group
from streaming.wire import rtcp
from streaming.wire.codecs import CLOCK, KEYFRAME, Codec

CACHE = 2048
_MASK = CACHE - 1
BURST = 16  # packets that are sent without waiting for the end of their frame
PATIENCE = 0.004  # seconds a started frame may wait for its remaining packets
_HEADER = struct.Struct("!BBHII")
_MIN_GAP = 1 / 50  # seconds of media time between two sources


class Tap(Protocol):
    """A receiver of a room's encoded packets: recorder, segmenter, edge. Must not block or raise.

    One that raises all the same is told of in log, health and metrics, and goes on; with a `restart()` it is asked
    to forget what it was in the middle of. One with a `changed()` hears of it when the next packets of a kind
    are another source's, or follow a span that was withheld.
    """

    def packets(self, kind: str, codec: Codec, packets: list[bytes]) -> None:
        """RTP packets of "audio" or "video" in order; payload type bits are zero, fill in your own."""
        ...

    def report(self, kind: str, sender_report: bytes) -> None:
        """An RTCP sender report that belongs to those packets."""
        ...


class Rewriter:
    """Maps the packets of changing sources onto one continuous stream."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ssrc = secrets.randbits(31) | 1
        self.sequence = secrets.randbits(15)
        self.timestamp = secrets.randbits(31)
        self.shift = 0  # added to the source's timestamps
        self._offset = 0
        self._first = 0
        self._young = 0
        self._switching = True
        self._last_at: float | None = None

    @property
    def newest(self) -> tuple[int, float | None]:
        """RTP time of the newest packet, and when it came (seconds of time.monotonic(); None before any)."""
        return self.timestamp, self._last_at

    def switch(self) -> None:
        """The next packet is the first of another source."""
        self._switching = True

    def rewrite(self, packet: bytes, now: float) -> tuple[int, bytes] | None:
        """(outgoing sequence number, packet), or None where it is malformed or older than its source's
        first packet (its number would repeat one of the source before)."""
        if len(packet) < 12:
            return None
        first, second, sequence, timestamp, _ = _HEADER.unpack_from(packet)
        start = payload_start(packet)
        if start > len(packet) or first >> 6 != 2:
            return None
        if self._switching:
            self._begin(sequence, timestamp, now)
        elif self._young:
            self._young -= 1
            if (sequence - self._first) & 0xFFFF >= 0x8000:
                return None
        sequence = (sequence + self._offset) & 0xFFFF
        timestamp = (timestamp + self.shift) & 0xFFFFFFFF
        if (sequence - self.sequence) & 0xFFFF < 0x8000:
            self.sequence, self.timestamp, self._last_at = sequence, timestamp, now
        header = _HEADER.pack(0x80 | first & 0x20, second & 0x80, sequence, timestamp, self.ssrc)
        return sequence, header + packet[start:]

    def _begin(self, sequence: int, timestamp: int, now: float) -> None:
        gap = max(_MIN_GAP, now - self._last_at) if self._last_at is not None else 0.0
        self._offset = self.sequence + 1 - sequence
        self.shift = self.timestamp + int(gap * self.clock_rate) - timestamp
        self._first, self._young, self._switching = sequence, 0x4000, False


def payload_start(packet: bytes) -> int:
    """Offset of the payload behind CSRCs and header extension; beyond the end where malformed."""
    first = packet[0]
    start = 12 + 4 * (first & 15)
    if first & 16:
        if start + 4 > len(packet):
            return len(packet) + 1
        start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    return start


def retransmission(packet: bytes, payload_type: int, ssrc: int, sequence: int) -> bytes:
    """A cached packet as RFC 4588 wants it: own SSRC and number, the original number before the payload."""
    head = _HEADER.pack(
        packet[0], packet[1] | payload_type, sequence, int.from_bytes(packet[4:8], "big"), ssrc
    )
    return head + packet[2:4] + packet[12:]


def original(packet: bytes, payload_type: int, ssrc: int) -> tuple[int, bytes] | None:
    """Undo RFC 4588: (original number, packet); None for padding-only probes and malformed packets."""
    start = payload_start(packet)
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    if end - start < 3:
        return None
    number = packet[start] << 8 | packet[start + 1]
    timestamp = int.from_bytes(packet[4:8], "big")
    head = _HEADER.pack(0x80, packet[1] & 0x80 | payload_type, number, timestamp, ssrc)
    return number, head + packet[start + 2 : end]


class Stream:
    """The audio or the video of a room on its way out."""

    def __init__(self, kind: str, group: Group, due: list[Stream]) -> None:
        self.kind = kind
        self.group = group
        self.codec: Codec | None = None
        self.rewriter = Rewriter(CLOCK[kind])
        self.taps: list[Tap] = []
        self.kept: list[Tap] = []
        self.covered = False
        self.packets = self.octets = self.frames = self.attempted = 0
        self.keyframe_at: float | None = None
        self.source_key_at: float | None = None
        self.keyframes = 0
        self.flushed = self.rewriter.sequence
        self.report: bytes | None = None
        self.on_tap_failed: Callable[[Tap], None] = lambda tap: None
        self._cache: list[bytes | None] = [None] * CACHE
        self._pending: list[bytes] = []
        self._due = due
        self._keyframe_sequence = 0
        self._keyframe_time: int | None = None
        self._frame_time: int | None = None
        self._withheld = False
        self._aside: Rewriter | None = None
        self._aside_pending: list[bytes] = []

    @property
    def ssrc(self) -> int:
        return self.rewriter.ssrc

    @property
    def split(self) -> bool:
        """Whether the kept taps get numbers of their own."""
        return self._aside is not None

    @property
    def sent(self) -> int:
        """Datagrams that have left for viewers; of those `attempted` some may still be on their way."""
        return self.group.sent

    def source(self, codec: Codec) -> None:
        """A new publisher or layer: numbers go on where they were, the next keyframe starts a GOP."""
        self.idle()
        self.codec = codec
        self._tell_changed()
        self.rewriter.switch()
        if self._aside is not None:
            self._aside.switch()

    def _tell_changed(self) -> None:
        for tap in (*self.taps, *self.kept):
            changed: Callable[[str], None] | None = getattr(tap, "changed", None)
            if changed is not None:
                changed(self.kind)

    def idle(self) -> None:
        """The source is gone: what it sent last is no longer shown to those who join."""
        self.flush()
        self.keyframe_at = self.source_key_at = None
        self.report = None

    def cover(self, on: bool) -> None:
        """Withhold the stream from viewers and taps, or give it back: sound at once, pictures from the next
        keyframe on. Their numbers stand still meanwhile, so nothing withheld can be asked for again; the
        kept taps (the recording) get everything, from the first cover on under numbers of their own."""
        if on == self.covered:
            return
        self.covered = on
        if on:
            self.flush()
            self._aside = self._aside or copy.copy(self.rewriter)
            self._withheld = True
            self.keyframe_at = None

    def push(self, packet: bytes, now: float) -> None:
        """Take one RTP packet of the current source. Sent at the end of its frame, or soon."""
        if self._withheld and not self.covered and self._begins(packet):
            self._withheld = False
            self._tell_changed()
            self.rewriter.switch()
        if self._aside is not None:
            self._push_aside(self._aside, packet, now)
        if self._withheld:
            return
        rewritten = self.rewriter.rewrite(packet, now)
        if rewritten is None:
            return
        sequence, out = rewritten
        self._cache[sequence & _MASK] = out
        self._note(sequence, out, now)
        pending = self._pending
        pending.append(out)
        # a frame is useless before its last packet: waiting for it costs nothing and fills the batch
        if self.kind == "audio" or out[1] & 0x80 or len(pending) >= BURST:
            if self not in self._due:
                self._due.append(self)
        elif len(pending) == 1:
            asyncio.get_running_loop().call_later(PATIENCE, self.flush)

    def _begins(self, packet: bytes) -> bool:
        """Whether a stream that was withheld may begin again with this packet."""
        if self.kind == "audio" or self.codec is None:
            return self.kind == "audio"
        return KEYFRAME[self.codec.name](packet, payload_start(packet))

    def _push_aside(self, aside: Rewriter, packet: bytes, now: float) -> None:
        """For the kept taps; the figures of what is withheld are taken here."""
        rewritten = aside.rewrite(packet, now)
        if rewritten is None:
            return
        sequence, out = rewritten
        if self._withheld:
            self._note(sequence, out, now)
        pending = self._aside_pending
        pending.append(out)
        if self.kind == "audio" or out[1] & 0x80 or len(pending) >= BURST:
            self._aside_pending = []
            for tap in tuple(self.kept):
                self._feed(tap, pending)

    def _note(self, sequence: int, out: bytes, now: float) -> None:
        self.packets += 1
        self.octets += len(out) - 12
        timestamp = int.from_bytes(out[4:8], "big")
        if timestamp != self._frame_time:
            self._frame_time = timestamp
            self.frames += 1
        if self.kind == "audio" or self.codec is None or timestamp == self._keyframe_time:
            return
        if KEYFRAME[self.codec.name](out, 12):
            self._keyframe_time, self.source_key_at = timestamp, now
            self.keyframes += 1
            if not self._withheld:
                self.keyframe_at, self._keyframe_sequence = now, sequence

    def flush(self) -> None:
        """Send what is pending to the viewers and the taps."""
        packets = self._pending
        if not packets:
            return
        self._pending = []
        self.flushed = self.rewriter.sequence
        self.attempted += len(packets) * len(self.group)
        self.group.send(packets)
        for tap in (*self.taps, *(self.kept if self._aside is None else ())):
            self._feed(tap, packets)

    def _feed(self, tap: Tap, packets: list[bytes]) -> None:
        assert self.codec is not None
        try:
            tap.packets(self.kind, self.codec, packets)
        except Exception:  # noqa: BLE001 - whatever a recorder does, the picture goes on
            self.on_tap_failed(tap)

    def cached(self, sequence: int) -> bytes | None:
        """The packet of that outgoing number if it is still held."""
        packet = self._cache[sequence & _MASK]
        if packet is not None and packet[2] << 8 | packet[3] == sequence:
            return packet
        return None

    def gop(self, limit: int) -> list[bytes]:
        """Packets sent since the last keyframe began; empty where there is none or it is over the limit."""
        length = (self.flushed - self._keyframe_sequence + 1) & 0xFFFF
        if self.keyframe_at is None or length > limit:
            return []
        return self.since(self._keyframe_sequence, limit)

    def since(self, sequence: int, limit: int) -> list[bytes]:
        """Up to `limit` flushed packets from that number on, without the lost ones."""
        count = min((self.flushed - sequence + 1) & 0xFFFF, limit)
        if count > CACHE:
            return []
        found = (self.cached((sequence + index) & 0xFFFF) for index in range(count))
        return [packet for packet in found if packet is not None]

    def sender_report(self, ntp: int, timestamp: int) -> bytes:
        """Our report for a source's one: its time on our clock, its RTP time on our scale."""
        mapped = (timestamp + self.rewriter.shift) & 0xFFFFFFFF
        self.report = rtcp.sender_report(self.ssrc, ntp, mapped, self.packets, self.octets)
        for tap in tuple(self.taps):
            self._feed_report(tap, self.report)
        if self.kept:
            self._report_kept(ntp, timestamp)
        return self.report

    def _report_kept(self, ntp: int, timestamp: int) -> None:
        shift = (self._aside or self.rewriter).shift
        report = rtcp.sender_report(
            self.ssrc, ntp, (timestamp + shift) & 0xFFFFFFFF, self.packets, self.octets
        )
        for tap in tuple(self.kept):
            self._feed_report(tap, report)

    def _feed_report(self, tap: Tap, report: bytes) -> None:
        try:
            tap.report(self.kind, report)
        except Exception:  # noqa: BLE001 - as above
            self.on_tap_failed(tap)
