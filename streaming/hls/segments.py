"""The parts and segments of one HLS stream in memory, and the playlist that lists them (RFC 8216bis)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from records.clock import timestamp
from streaming.hls.cutter import PART_SECONDS, Cut
from streaming.hls.fmp4 import Stretch, fragment, head
from streaming.live.signal import Signal
from streaming.wire.h264 import Parameters, frame_size

KEPT = 8
"""Closed segments kept."""
KEPT_BYTES = 48 << 20
WITH_PARTS = 3
"""Parts are listed of what lies within so many target durations of the end."""
TARGET = 2
"""Seconds: the least target duration announced."""


@dataclass(frozen=True)
class Part:
    """A fragment as sent."""

    data: bytes
    seconds: float
    key: bool


@dataclass
class Segment:
    """Parts from one keyframe on. `number` is the media sequence number, `head` that of its init."""

    number: int
    head: int
    breaks: bool
    at: float
    parts: list[Part] = field(default_factory=list)
    closed: bool = False

    @property
    def seconds(self) -> float:
        """Length of what it holds so far."""
        return sum(part.seconds for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes it holds so far."""
        return sum(len(part.data) for part in self.parts)


class HlsStream:
    """One stream: what was cut lately. `signal` tells of every new part.

    Numbers begin at the Unix time, and no segment is shorter than a second: so they never repeat, not
    even when the hub was restarted, and every address can be cached for ever.
    """

    def __init__(self, sound_entry: bytes | None, sound_codec: str) -> None:
        self.segments: deque[Segment] = deque()
        self.heads: dict[int, bytes] = {}
        self.signal = Signal()
        self.sound_codec = sound_codec
        self.parameters: Parameters | None = None
        self.target = TARGET
        self.dropped_breaks = 0
        self._sound_entry = sound_entry
        self._fragments = 0

    def put(self, cut: Cut, sound: Stretch | None) -> None:
        """Pack a part and keep it; the first one must open a segment."""
        if not self.segments and not cut.opens:
            return
        if cut.opens:
            self._open(cut)
        self._fragments += 1
        stretches = [cut.video, *([sound] if sound else [])]
        self.segments[-1].parts.append(Part(fragment(self._fragments, stretches), cut.seconds, cut.key))
        self.signal.notify()

    def _open(self, cut: Cut) -> None:
        # a first cut that was replayed lies in the past: from there on the numbers never overtake the clock
        number = min(int(timestamp()), int(cut.at))
        if self.segments:
            last = self.segments[-1]
            last.closed = True
            self.target = max(self.target, round(last.seconds))
            number = last.number + 1
        changed = cut.parameters != self.parameters
        head_number = number if changed else self.segments[-1].head
        if changed:
            self.parameters = cut.parameters
            self.heads[number] = head(cut.parameters, self._sound_entry)
        self.segments.append(Segment(number, head_number, cut.breaks and bool(self.segments), cut.at))
        self._drop_old()

    def _drop_old(self) -> None:
        while len(self.segments) > KEPT + 1 or (
            len(self.segments) > 2 and sum(segment.size for segment in self.segments) > KEPT_BYTES
        ):
            self.dropped_breaks += self.segments.popleft().breaks
        for number in [number for number in self.heads if number < self.segments[0].head]:
            del self.heads[number]

    # -- looking ----------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether every player can begin: hls.js takes a list without a whole segment for an empty one,
        Chromium's own player fails on fewer than three."""
        return len(self.segments) > 3

    def find(self, number: int) -> Segment | None:
        """The segment of that number if it is held."""
        index = number - self.segments[0].number if self.segments else -1
        return self.segments[index] if 0 <= index < len(self.segments) else None

    def has(self, number: int, part: int | None) -> bool:
        """Whether the playlist holds that segment whole, or that part of it, or anything later."""
        if not self.segments:
            return False
        newest = self.segments[-1]
        if part is None or newest.number != number:
            return newest.number > number
        return len(newest.parts) > part

    def bandwidth(self) -> int:
        """Peak bit/s of the segments held."""
        rates = [segment.size * 8 / segment.seconds for segment in self.segments if segment.seconds > 0.5]
        return int(max(rates, default=2_000_000))

    def variant(self, address: str) -> str:
        """The multivariant playlist with this stream as its only variant."""
        assert self.parameters is not None
        width, height = frame_size(self.parameters.sps)
        codecs = self.parameters.codec + (f",{self.sound_codec}" if self._sound_entry else "")
        facts = f'BANDWIDTH={self.bandwidth()},CODECS="{codecs}",RESOLUTION={width}x{height}'
        return f"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:{facts}\n{address}\n"

    def playlist(self) -> str:
        """The media playlist."""
        hold = 3 * self._part_target()
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            f"#EXT-X-TARGETDURATION:{self.target}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold:.3f},HOLD-BACK={3 * self.target}",
            f"#EXT-X-PART-INF:PART-TARGET={self._part_target():.3f}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.segments[0].number}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.dropped_breaks}",
        ]
        shown = None
        with_parts = self._with_parts()
        for segment in self.segments:
            if segment.breaks:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.head != shown:
                lines.append(f'#EXT-X-MAP:URI="init-{segment.head}.mp4"')
                shown = segment.head
            lines += _segment(segment, segment.number >= with_parts)
        newest = self.segments[-1]
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{newest.number}.{len(newest.parts)}.m4s"')
        return "\n".join(lines) + "\n"

    def _with_parts(self) -> int:
        """Number of the first segment whose parts are listed."""
        left, number = float(WITH_PARTS * self.target), self.segments[-1].number
        for segment in reversed(self.segments):
            number = segment.number
            left -= segment.seconds
            if left <= 0:
                break
        return number

    def _part_target(self) -> float:
        lengths = (part.seconds for segment in self.segments for part in segment.parts)
        return max(PART_SECONDS, *lengths)


def _segment(segment: Segment, with_parts: bool) -> list[str]:
    moment = datetime.fromtimestamp(segment.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    lines = [f"#EXT-X-PROGRAM-DATE-TIME:{moment}"]
    if with_parts:
        for index, part in enumerate(segment.parts):
            key = ",INDEPENDENT=YES" if part.key else ""
            lines.append(f'#EXT-X-PART:DURATION={part.seconds:.5f},URI="{segment.number}.{index}.m4s"{key}')
    if segment.closed:
        lines += [f"#EXTINF:{segment.seconds:.5f},", f"{segment.number}.m4s"]
    return lines
