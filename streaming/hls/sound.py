"""Opus packets on the time line of the pictures, without holes."""

from __future__ import annotations

from collections import deque

from streaming.hls.fmp4 import AUDIO_SCALE, AUDIO_TRACK, Sample, Stretch
from streaming.wire import rtp
from streaming.wire.lipsync import TimeLine

SOUND_LAG = int(0.3 * AUDIO_SCALE)
"""Ticks by which sound may lag behind the picture; what is missing beyond is silence."""
SILENCE = Sample(b"\xfc\xff\xfe", 960)
"""20 ms of nothing, in Opus."""
SOUND_SLACK = int(0.04 * AUDIO_SCALE)
"""Ticks by which sound may drift from the reports before it is moved."""
PAUSE = 1.0
"""Seconds without packets after which it no longer sounds: senders that save silence send some all the same."""
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
_OPUS_FRAME = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Ticks at 48 kHz of a frame, by the configuration in the first five bits of a packet (RFC 6716 §3.1, table 2)."""


def opus_ticks(payload: bytes) -> int:
    """Length of an Opus packet at 48 kHz, from its first bytes (RFC 6716 §3.1); 0 for a malformed one."""
    if not payload:
        return 0
    count = {0: 1, 1: 2, 2: 2}.get(payload[0] & 3, payload[1] & 63 if len(payload) > 1 else 0)
    return _OPUS_FRAME[payload[0] >> 3] * count


class Sound:
    """The sound of one room. `origin` is the zero of the time line, in Unix seconds; `heard` the second on it up to
    which packets have come, None before any."""

    def __init__(self, line: TimeLine) -> None:
        self.origin: float | None = None
        self.heard: float | None = None
        self._pause: tuple[float, float] | None = None
        self._line = line
        self._samples: deque[Sample] = deque()
        self._start = self._next = 0

    def push(self, packet: bytes) -> None:
        """Take one packet; before the first picture there is nothing to put it to."""
        payload = rtp.payload(packet)
        length = opus_ticks(payload)
        if self.origin is None or not length:
            return
        moment = self._line.seconds("audio", rtp.timestamp(packet))
        place = round((moment - self.origin) * AUDIO_SCALE)
        if place < self._next - SOUND_SLACK:
            return
        if place > self._next + SOUND_SLACK:
            if self.heard is not None and place / AUDIO_SCALE > self.heard + PAUSE:
                self._pause = (self.heard, place / AUDIO_SCALE)
            self._fill(place)
        self._append(Sample(payload, length))
        self.heard = self._next / AUDIO_SCALE

    def _append(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._next += sample.duration

    def _fill(self, place: int) -> None:
        while self._next + SILENCE.duration <= place:
            self._append(SILENCE)

    def sounds_until(self, at: float) -> float | None:
        """The second up to which it sounds on from `at`; None where it does not sound there."""
        heard = self.heard
        if self._pause is not None and self._pause[1] > at + PAUSE:
            heard = self._pause[0]
        return heard if heard is not None and heard > at - PAUSE else None

    def skip(self, seconds: float, at: float) -> None:
        """Leave a span out of the time line at the place `at` (seconds): what sounded in it goes."""
        if self.origin is not None:
            self.origin += seconds
        while self._samples and self._next > at * AUDIO_SCALE:
            self._next -= self._samples.pop().duration
        self.heard = self._next / AUDIO_SCALE if self.heard is not None else None
        self._pause = None

    def pop_before(self, end: float) -> Stretch | None:
        """What sounds before `end` (seconds); the rest stays."""
        self._fill(int(end * AUDIO_SCALE) - SOUND_LAG)
        start, chosen = self._start, []
        while self._samples and self._start < end * AUDIO_SCALE:
            chosen.append(self._samples.popleft())
            self._start += chosen[-1].duration
        return Stretch(AUDIO_TRACK, start, tuple(chosen)) if chosen else None
