"""An outgoing stream: the audio or the video of a room, one SSRC whose numbers never jump, whoever publishes.

What comes in is rewritten, kept for retransmissions, counted, and sent in batches to the viewers and the taps; mute and
slate withhold it from all but the recording, and while a room is off air it goes to the desk and the recording alone.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Iterator, Mapping

from records.clock import timestamp as wall_clock
from streaming.fanout import Group
from streaming.rooms.rewriting import CACHE, PacketCache, Rewriter
from streaming.taps import Tap, Taps
from streaming.wire import rtcp, rtp
from streaming.wire.codecs import CLOCK, KEYFRAME, Codec
from streaming.wire.rtp import FLAGS, HEADER_SIZE, MARKER, TIMESTAMP
from streaming.wire.serial import timestamp as rtp_time

BURST = 16
"""Packets that are sent without waiting for the end of their frame."""
PATIENCE = 0.004
"""Seconds a started frame may wait for its remaining packets."""


class Outbox:
    """The streams with packets that are due: sent together, once everything that has arrived is read."""

    def __init__(self) -> None:
        self.waiting: list[Stream] = []

    def add(self, stream: Stream) -> None:
        """A stream has a whole frame, or a burst, to send."""
        if stream not in self.waiting:
            self.waiting.append(stream)

    def flush(self) -> None:
        """Send what is due."""
        for stream in self.waiting:
            stream.flush()
        self.waiting.clear()


class Counts:
    """What a stream has carried since it was made, withheld spans included.

    frames       pictures (or packets of sound) by their RTP times; `keyframes` of them need no other
    octets       bytes of the payloads
    attempted    datagrams handed to the fan-out
    keyframe_at  when the source's last keyframe began (seconds of time.monotonic()), shown or not
    shown_packets, shown_octets  what was not withheld: all that a sender report tells
    """

    def __init__(self) -> None:
        self.packets = self.octets = self.frames = self.keyframes = self.attempted = 0
        self.shown_packets = self.shown_octets = 0
        self.keyframe_at: float | None = None
        self._frame_time = self._keyframe_time = b""

    def note_shown(self, packet: bytes) -> None:
        """Count a packet that goes out."""
        self.shown_packets += 1
        self.shown_octets += len(packet) - HEADER_SIZE

    def note(self, packet: bytes, now: float, begins_keyframe: Callable[[bytes, int], bool] | None) -> bool:
        """Count a rewritten packet; whether a keyframe begins with it."""
        self.packets += 1
        self.octets += len(packet) - HEADER_SIZE
        timestamp = packet[TIMESTAMP]
        if timestamp != self._frame_time:
            self._frame_time = timestamp
            self.frames += 1
        if begins_keyframe is None or timestamp == self._keyframe_time:
            return False
        if not begins_keyframe(packet, HEADER_SIZE):
            return False
        self._keyframe_time, self.keyframe_at = timestamp, now
        self.keyframes += 1
        return True


class Aside:
    """What the kept taps get from the first cover on: every packet, under numbers that never stand still."""

    def __init__(self, rewriter: Rewriter, taps: Taps) -> None:
        self.rewriter = copy.copy(rewriter)
        self._taps = taps
        self._pending: list[bytes] = []

    def push(self, packet: bytes, now: float, codec: Codec) -> bytes | None:
        """The packet as rewritten, None where it is malformed; the taps get it with the rest of its frame."""
        rewritten = self.rewriter.rewrite(packet, now)
        if rewritten is None:
            return None
        pending = self._pending
        pending.append(rewritten[1])
        if codec.name not in KEYFRAME or rtp.marked(rewritten[1]) or len(pending) >= BURST:
            self._pending = []
            self._taps.packets(codec, pending)
        return rewritten[1]


class Cover:
    """Mute or slate of one stream: `on` by order; `withheld` until it can begin again, pictures at a keyframe.

    aside: once there was a cover, the kept taps' own way.
    """

    def __init__(self) -> None:
        self.on = self.withheld = False
        self.aside: Aside | None = None

    def put_on(self, rewriter: Rewriter, kept: Taps) -> None:
        """Withhold from now on. The rewriter's numbers stand still, so nothing withheld can be asked for again."""
        self.on = self.withheld = True
        self.aside = self.aside or Aside(rewriter, kept)


class Stream:
    """The audio or the video of a room on its way out.

    taps    fed with what the viewers get; `kept` ones (the recording) also with what is withheld
    report  our newest sender report, None before the source's first
    inside  the same source once more for viewers of the desk, whatever is withheld here; None while there are none
    """

    def __init__(
        self, kind: str, group: Group, outbox: Outbox, on_tap_failed: Callable[[Tap], None] = lambda tap: None
    ) -> None:
        self.kind = kind
        self.group = group
        self.codec: Codec | None = None
        self.rewriter = Rewriter(CLOCK[kind])
        self.cache = PacketCache(self.rewriter.sequence)
        self.counts = Counts()
        self.taps, self.kept = Taps(kind, on_tap_failed), Taps(kind, on_tap_failed)
        self.cover = Cover()
        self.report: bytes | None = None
        self.inside: Stream | None = None
        self._begins_keyframe: Callable[[bytes, int], bool] | None = None
        self._outbox = outbox
        self._pending: list[bytes] = []

    @property
    def ssrc(self) -> int:
        """The SSRC that leaves, whoever publishes."""
        return self.rewriter.ssrc

    @property
    def sent(self) -> int:
        """Datagrams that have left for viewers; of those attempted some may still be on their way."""
        return self.group.sent

    # -- whose packets come -----------------------------------------------------------------------

    def source(self, codec: Codec) -> None:
        """A new publisher or layer: numbers go on where they were, the next keyframe starts a GOP."""
        self.idle()
        self.codec, self._begins_keyframe = codec, KEYFRAME.get(codec.name)
        self._changed()
        self.rewriter.switch()
        if self.cover.aside is not None:
            self.cover.aside.rewriter.switch()
        if self.inside is not None:
            self.inside.source(codec)

    def go_on_from(self, other: Stream) -> None:
        """Go on where another stream of the same source stands, with its SSRC, its numbers and what it has sent since its
        last keyframe; with the source's next keyframe where it withholds."""
        other.flush()
        if other.codec is None:
            return
        if other.cover.withheld:
            self.source(other.codec)
            return
        self.codec, self._begins_keyframe = other.codec, KEYFRAME.get(other.codec.name)
        self.rewriter, self.cache, self.report = copy.copy(other.rewriter), other.cache.copy(), other.report
        self._changed()

    def idle(self) -> None:
        """The source is gone: what it sent last is no longer shown to those who join."""
        self.flush()
        self.cache.keyframe_at = self.counts.keyframe_at = None
        self.report = None
        if self.inside is not None:
            self.inside.idle()

    def _changed(self) -> None:
        self.taps.changed()
        self.kept.changed()

    def withhold(self, on: bool) -> None:
        """Withhold the stream from viewers and taps, or give it back: sound at once, pictures from the next
        keyframe on. The kept taps get everything, from the first cover on under numbers of their own."""
        if on == self.cover.on:
            return
        if not on:
            self.cover.on = False
            return
        self.flush()
        self.cover.put_on(self.rewriter, self.kept)
        self.cache.keyframe_at = None

    # -- packets ----------------------------------------------------------------------------------

    def push(self, packet: bytes, now: float) -> None:
        """Take one RTP packet of the current source. Sent at the end of its frame, or soon."""
        if self.inside is not None:
            self.inside.push(packet, now)
        cover = self.cover
        if cover.aside is not None:
            self._push_covered(cover, cover.aside, packet, now)
        if cover.withheld:
            return
        rewritten = self.rewriter.rewrite(packet, now)
        if rewritten is None:
            return
        number, out = rewritten
        self.cache.put(number, out)
        self.counts.note_shown(out)
        if self.counts.note(out, now, self._begins_keyframe):
            self.cache.keyframe(number, now)
        pending = self._pending
        pending.append(out)
        # a frame is useless before its last packet: waiting for it costs nothing and fills the batch
        if self.kind == "audio" or out[FLAGS] & MARKER or len(pending) >= BURST:
            self._outbox.add(self)
        elif len(pending) == 1:
            asyncio.get_running_loop().call_later(PATIENCE, self.flush)

    def _push_covered(self, cover: Cover, aside: Aside, packet: bytes, now: float) -> None:
        """For the kept taps; what is withheld is counted here. A lifted cover ends with this packet if it may."""
        if cover.withheld and not cover.on and self._can_begin_with(packet):
            cover.withheld = False
            self._changed()
            self.rewriter.switch()
        out = aside.push(packet, now, self.codec) if self.codec is not None else None
        if out is not None and cover.withheld:
            self.counts.note(out, now, self._begins_keyframe)

    def _can_begin_with(self, packet: bytes) -> bool:
        """Whether a stream that was withheld may begin again with this packet."""
        if self.kind == "audio":
            return True
        return self._begins_keyframe is not None and self._begins_keyframe(packet, rtp.payload_start(packet))

    def flush(self) -> None:
        """Send what is pending to the viewers and the taps."""
        packets = self._pending
        if not packets or self.codec is None:
            return
        self._pending = []
        self.cache.flushed = self.rewriter.sequence
        self.counts.attempted += len(packets) * len(self.group)
        self.group.send(packets)
        self.taps.packets(self.codec, packets)
        if self.cover.aside is None:
            self.kept.packets(self.codec, packets)

    # -- sender reports ---------------------------------------------------------------------------

    def sender_report(self, ntp: int, timestamp: int) -> bytes:
        """Our report for a source's one: its time on our clock, its RTP time on our scale."""
        if self.inside is not None:
            self.inside.sender_report(ntp, timestamp)
        self.report = self._report(ntp, timestamp, self.rewriter)
        self.taps.report(self.report)
        if self.kept:
            aside = self.cover.aside
            self.kept.report(self._report(ntp, timestamp, aside.rewriter) if aside else self.report)
        return self.report

    def _report(self, ntp: int, timestamp: int, rewriter: Rewriter) -> bytes:
        mapped = rtp_time(timestamp + rewriter.shift)
        return rtcp.sender_report(self.ssrc, ntp, mapped, self.counts.shown_packets, self.counts.shown_octets)


def since_keyframe(streams: Mapping[str, Stream]) -> Iterator[tuple[str, Codec, list[bytes], float]]:
    """What a room has sent since its last keyframe, for a tap that comes in the middle of it.

    A camera that cannot be asked for a keyframe makes the next one when its own clock says so, ten seconds later
    perhaps. The packets since the last one are held for viewers anyhow: a recording or a segmenter that begins
    with them has nothing to wait for.

    Kind, codec, packets of one RTP time, Unix seconds of arrival: in order of arrival from the keyframe on.
    Nothing where there is no keyframe to begin with, or more packets have followed it than are held. Flush
    the streams before: what is pending is not part of it.
    """
    video, audio = streams["video"], streams["audio"]
    pictures = video.cache.since_keyframe(CACHE)
    if not pictures:
        return
    found = list(_dated(video, pictures))
    begin = found[0][3]
    found += [entry for entry in _dated(audio, audio.cache.held()) if entry[3] >= begin]
    yield from sorted(found, key=lambda entry: entry[3])


def _dated(stream: Stream, packets: list[bytes]) -> Iterator[tuple[str, Codec, list[bytes], float]]:
    """Packets by RTP time; the newest arrived when the stream was last fed, the others before it."""
    newest, at = stream.rewriter.newest
    if stream.codec is None or at is None:
        return
    now = wall_clock() - (time.monotonic() - at)
    frames: dict[int, list[bytes]] = {}
    for packet in packets:
        frames.setdefault(rtp.timestamp(packet), []).append(packet)
    for timestamp, frame in frames.items():
        ago = rtp_time(newest - timestamp) / CLOCK[stream.kind]
        yield stream.kind, stream.codec, frame, now - ago
