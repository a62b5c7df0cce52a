"""Cuts a room's packets into the parts of LL-HLS: pictures and sound of about 0.3 s, without transcoding."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from records.clock import timestamp
from streaming.hls.fmp4 import AUDIO_SCALE, AUDIO_TRACK, VIDEO_SCALE, VIDEO_TRACK, Sample, Stretch
from streaming.wire.codecs import H264, Codec
from streaming.wire.h264 import Depacketiser, Parameters, Picture
from streaming.wire.lipsync import TimeLine, ticks_between
from streaming.wire.reorder import Reorder

PART_SECONDS = 0.3
MIN_SEGMENT, MAX_SEGMENT = 1.0, 4.0
"""Seconds: a keyframe opens a new segment after the first; without any keyframe one is opened after the second."""
HURRIED, HURRIED_SEGMENT = 3, 0.6
"""The first segments are this short, keyframe or not: players wait for three of them."""
BREAK_SECONDS = 0.5
"""A longer hole between two pictures (and one of three usual lengths) is left out of the time line:
players do not cross holes."""
SOUND_LAG = int(0.3 * AUDIO_SCALE)
"""Ticks by which sound may lag behind the picture; what is missing beyond is silence."""
SILENCE = Sample(b"\xfc\xff\xfe", 960)
"""20 ms of nothing, in Opus."""
SOUND_SLACK = int(0.04 * AUDIO_SCALE)
"""Ticks by which sound may drift from the reports before it is moved."""
_OPUS_FRAME = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4


def opus_ticks(payload: bytes) -> int:
    """Length of an Opus packet at 48 kHz, from its first bytes (RFC 6716 §3.1); 0 for a malformed one."""
    if not payload:
        return 0
    count = {0: 1, 1: 2, 2: 2}.get(payload[0] & 3, payload[1] & 63 if len(payload) > 1 else 0)
    return _OPUS_FRAME[payload[0] >> 3] * count


@dataclass(frozen=True)
class Cut:
    """One part, not yet packed: `opens` a new segment, `breaks` the time line or the parameters before
    it, `key`: begins with a keyframe; `at` Unix time of its first picture."""

    video: Stretch
    sound: Stretch | None
    parameters: Parameters
    at: float
    key: bool
    opens: bool
    breaks: bool

    @property
    def seconds(self) -> float:
        """Length by its pictures."""
        return sum(sample.duration for sample in self.video.samples) / VIDEO_SCALE


class Cutter:
    """A tap that calls `on_cut` for every part. Begins with the first keyframe it sees.

    `refused` names the codec when the room sends something that HLS cannot carry.
    """

    def __init__(self, on_cut: Callable[[Cut], None]) -> None:
        self.refused: str | None = None
        self.fed_at = time.monotonic()
        self._on_cut = on_cut
        self._orders = {"video": Reorder(), "audio": Reorder()}
        self._pictures = Depacketiser()
        self._line = TimeLine()
        self._sound = _Sound(self._line)
        self._parameters: Parameters | None = None
        self._last: Picture | None = None
        self._position = 0
        self._usual = VIDEO_SCALE // 25
        self._samples: list[Sample] = []
        self._start = 0
        self._segment_start = 0
        self._opens = self._breaks = True
        self._opened = 0

    # -- tap --------------------------------------------------------------------------------------

    def packets(self, kind: str, codec: Codec, packets: list[bytes], arrived: float | None = None) -> None:
        """Take what the room hands out. `arrived`: Unix seconds, where that was before now."""
        self.fed_at = now = time.monotonic()
        arrived = timestamp() if arrived is None else arrived
        if kind == "video":
            self.refused = None if codec.name == H264 else codec.name
            if self.refused:
                return
        for packet in packets:
            for ordered in self._orders[kind].push(packet, now):
                self._line.first(kind, int.from_bytes(ordered[4:8], "big"), arrived)
                if kind == "audio":
                    self._sound.push(ordered)
                    continue
                for picture in self._pictures.push(ordered):
                    self._picture(picture)

    def report(self, kind: str, sender_report: bytes) -> None:
        """Sender reports put the sound to the picture."""
        self._line.report(kind, sender_report)

    # -- pictures ---------------------------------------------------------------------------------

    def _picture(self, picture: Picture) -> None:
        last = self._last
        if last is None:
            if picture.key and self._pictures.watch.parameters:
                self._begin(picture)
            return
        length = ticks_between(picture.timestamp, last.timestamp)
        if length <= 0:
            return
        broken = length > max(BREAK_SECONDS * VIDEO_SCALE, 3 * self._usual)
        shown = self._usual if broken else length
        self._add(last, shown)
        self._position += shown
        if broken:
            self._sound.skip((length - shown) / VIDEO_SCALE, self._position / VIDEO_SCALE)
        self._usual, self._last = shown, picture
        self._open_at(picture, broken and picture.key)

    def _begin(self, picture: Picture) -> None:
        self._parameters = self._pictures.watch.parameters
        self._last = picture
        self._sound.origin = self._line.seconds("video", picture.timestamp)

    def _open_at(self, picture: Picture, broken: bool) -> None:
        """Whether a new segment begins with this picture."""
        parameters = self._pictures.watch.parameters
        changed = picture.key and parameters is not None and parameters != self._parameters
        length = (self._position - self._segment_start) / VIDEO_SCALE
        longest = HURRIED_SEGMENT if self._opened < HURRIED else MAX_SEGMENT
        if not (broken or changed or (picture.key and length >= MIN_SEGMENT) or length >= longest):
            return
        self._close_part()
        self._segment_start = self._start = self._position
        self._opens, self._breaks = True, self._breaks or broken or changed
        self._opened += 1
        if changed:
            self._parameters = parameters

    def _add(self, picture: Picture, length: int) -> None:
        held = self._position - self._start
        if self._samples and held + length > PART_SECONDS * VIDEO_SCALE * 1.001:
            self._close_part()
        self._samples.append(Sample(picture.sample(), length, picture.key))

    def _close_part(self) -> None:
        if not self._samples or self._parameters is None or self._sound.origin is None:
            return
        length = sum(sample.duration for sample in self._samples)
        end = (self._start + length) / VIDEO_SCALE
        cut = Cut(
            Stretch(VIDEO_TRACK, self._start, tuple(self._samples)),
            self._sound.take(end),
            self._parameters,
            self._sound.origin + self._start / VIDEO_SCALE,
            self._samples[0].key,
            self._opens,
            self._breaks,
        )
        self._start += length
        self._samples = []
        self._opens = self._breaks = False
        self._on_cut(cut)


class _Sound:
    """Opus packets on the time line of the pictures, without holes; `origin` is its zero, in Unix seconds."""

    def __init__(self, line: TimeLine) -> None:
        self.origin: float | None = None
        self._line = line
        self._samples: deque[Sample] = deque()
        self._start = self._next = 0

    def push(self, packet: bytes) -> None:
        """Take one packet; before the first picture there is nothing to put it to."""
        end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
        payload = packet[12:end]
        length = opus_ticks(payload)
        if self.origin is None or not length:
            return
        moment = self._line.seconds("audio", int.from_bytes(packet[4:8], "big"))
        place = round((moment - self.origin) * AUDIO_SCALE)
        if place < self._next - SOUND_SLACK:
            return
        if place > self._next + SOUND_SLACK:
            self._fill(place)
        self._append(Sample(payload, length))

    def _append(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._next += sample.duration

    def _fill(self, place: int) -> None:
        while self._next + SILENCE.duration <= place:
            self._append(SILENCE)

    def skip(self, seconds: float, at: float) -> None:
        """Leave a span out of the time line at the place `at` (seconds): what sounded in it goes."""
        if self.origin is not None:
            self.origin += seconds
        while self._samples and self._next > at * AUDIO_SCALE:
            self._next -= self._samples.pop().duration

    def take(self, end: float) -> Stretch | None:
        """What sounds before `end` (seconds); the rest stays."""
        self._fill(int(end * AUDIO_SCALE) - SOUND_LAG)
        start, chosen = self._start, []
        while self._samples and self._start < end * AUDIO_SCALE:
            chosen.append(self._samples.popleft())
            self._start += chosen[-1].duration
        return Stretch(AUDIO_TRACK, start, tuple(chosen)) if chosen else None
