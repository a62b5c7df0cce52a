"""Cuts a room's packets into the parts of LL-HLS: pictures and sound of about 0.3 s, without transcoding."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from records.clock import timestamp
from streaming.hls.decode_times import DecodeTimes, Timed
from streaming.hls.fmp4 import VIDEO_SCALE, VIDEO_TRACK, Sample, Stretch
from streaming.hls.sound import PAUSE, Sound
from streaming.wire import rtp
from streaming.wire.codecs import H264, Codec
from streaming.wire.h264 import Depacketiser, Parameters, Picture
from streaming.wire.lipsync import TimeLine
from streaming.wire.reorder import Reorder

PART_SECONDS = 0.3
MIN_SEGMENT, MAX_SEGMENT = 1.0, 4.0
"""Seconds: a keyframe opens a new segment after the first; without any keyframe one is opened after the second."""
HURRIED, HURRIED_SEGMENT = 3, 0.6
"""The first segments are this short, keyframe or not: players wait for three of them."""
BREAK_SECONDS = 0.5
"""A longer hole between two pictures (and one of three usual lengths) is left out of the time line:
players do not cross holes."""
STILL_LONGEST = 12.0
"""Seconds: a silent picture that stands longer than this is a source that was away."""
REPEAT_AFTER, REPEAT_EVERY = 3.0, 1.0
"""Seconds without a picture (and three usual lengths), while it sounds, after which the last keyframe is shown again,
and how often: players get no sound beyond the last picture."""
REPEAT_BEHIND = 0.5
"""Seconds by which such a stand stays behind the sound: pictures may be late."""
KEYS_WITHIN = 6.0
"""Seconds: where keyframes are rarer, no picture could be shown for as long after such a stand."""


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
        self._sound = Sound(self._line)
        self._times = DecodeTimes()
        self._sets = Sets()
        self._last: Timed | None = None
        self._key: Timed | None = None
        self._keys_every = 0
        self._changed = self._standing = False
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
                self._line.first(kind, rtp.timestamp(ordered), arrived)
                if kind == "audio":
                    self._sound.push(ordered)
                    self._stand()
                    continue
                for picture in self._pictures.push(ordered):
                    self._picture(picture)

    def report(self, kind: str, sender_report: bytes) -> None:
        """Sender reports put the sound to the picture."""
        self._line.report(kind, sender_report)

    def changed(self, kind: str) -> None:
        """Another source follows, or a span was withheld: the hole before it is left out."""
        self._changed |= kind == "video"

    def restart(self) -> None:
        """After an error: begin anew with the next keyframe."""
        self._pictures = Depacketiser()
        self._begin_anew()

    # -- pictures ---------------------------------------------------------------------------------

    def _picture(self, picture: Picture) -> None:
        if self._times.set_back(picture.timestamp):
            self._begin_anew()
        if self._last is None and not (picture.key and self._pictures.watch.parameters):
            return
        if self._standing and not (picture.key and self._times.follows(picture)):
            return  # it builds on pictures that were shown before the stand, or belongs there itself
        for timed in self._times.push(picture):
            self._timed(timed)

    def _begin_anew(self) -> None:
        for timed in self._times.flush():
            self._timed(timed)
        self._close_part()
        self._times, self._last, self._key, self._standing = DecodeTimes(), None, None, False
        self._breaks = True

    def _timed(self, timed: Timed) -> None:
        last = self._last
        if last is None:
            self._begin(timed)
            return
        length = timed.decode - last.decode
        hole = length > max(BREAK_SECONDS * VIDEO_SCALE, 3 * self._usual)
        shown = self._bridged(length) if hole else length
        self._show(last, shown)
        broken = shown < length
        if broken:
            self._sound.skip((length - shown) / VIDEO_SCALE, self._position / VIDEO_SCALE)
        else:
            self._usual = length
        self._changed = self._standing = False
        self._last = timed
        self._open_at(timed.picture, broken and timed.picture.key)

    def _begin(self, timed: Timed) -> None:
        parameters = self._pictures.watch.parameters
        assert parameters is not None
        changed = self._sets.head is not None and self._sets.head.shape != parameters.shape
        if self._sets.head is None or changed:
            self._sets.begin(parameters)
        self._last, self._usual = timed, VIDEO_SCALE // 25
        zero = self._line.seconds("video", timed.picture.timestamp) - self._position / VIDEO_SCALE
        if self._sound.origin is None:
            self._sound.origin = zero
        else:
            self._sound.skip(zero - self._sound.origin, self._position / VIDEO_SCALE)
        if self._opened or self._position:
            self._open()

    def _show(self, timed: Timed, length: int) -> None:
        self._add(timed, length)
        self._position += length
        if self._position - self._start >= PART_SECONDS * VIDEO_SCALE:
            self._close_part()

    def _bridged(self, length: int) -> int:
        """Ticks for which the last picture stands before a hole of that length: as long as it sounds, or, where there
        is no sound, through a hole a slow source may make. The rest is left out."""
        if self._changed:
            return self._usual
        seconds, at = length / VIDEO_SCALE, self._position / VIDEO_SCALE
        until = self._sound.sounds_until(at)
        if until is None:
            whole = self._sound.heard is None and seconds <= STILL_LONGEST
            return length if whole else self._usual
        if until - at >= seconds - PAUSE:
            return length
        return min(length, max(self._usual, int((until - at) * VIDEO_SCALE)))

    def _stand(self) -> None:
        """Where it sounds on without pictures, show the last keyframe again up to here."""
        until = self._sound.sounds_until(self._position / VIDEO_SCALE)
        if until is None or self._changed or not 0 < self._keys_every <= KEYS_WITHIN * VIDEO_SCALE:
            return
        wait = REPEAT_EVERY if self._standing else max(REPEAT_AFTER, 3 * self._usual / VIDEO_SCALE)
        if until - self._position / VIDEO_SCALE < wait + REPEAT_BEHIND:
            return
        for timed in self._times.flush():
            self._timed(timed)
        last, key = self._last, self._key
        length = int((until - REPEAT_BEHIND) * VIDEO_SCALE) - self._position
        if last is not None and key is not None and length > 0:
            self._show(last, length)
            self._last = self._times.repeat(key.picture, last.decode + length)
            self._standing = True

    # -- parts and segments -----------------------------------------------------------------------

    def _open_at(self, picture: Picture, broken: bool) -> None:
        """Whether a new segment begins with this picture."""
        parameters = self._pictures.watch.parameters
        head = self._sets.head
        changed = (
            picture.key and parameters is not None and head is not None and parameters.shape != head.shape
        )
        length = (self._position - self._segment_start) / VIDEO_SCALE
        longest = HURRIED_SEGMENT if self._opened < HURRIED else MAX_SEGMENT
        if not (broken or changed or (picture.key and length >= MIN_SEGMENT) or length >= longest):
            return
        self._open()
        self._breaks |= broken or changed
        if changed and parameters is not None:
            self._sets.begin(parameters)

    def _open(self) -> None:
        self._close_part()
        self._segment_start = self._start = self._position
        self._opens = True
        self._opened += 1

    def _add(self, timed: Timed, length: int) -> None:
        held = self._position - self._start
        if self._samples and held + length > PART_SECONDS * VIDEO_SCALE * 1.001:
            self._close_part()
        picture = timed.picture
        if picture.key:
            self._keys_every = timed.decode - self._key.decode if self._key else 0
            self._key = timed
        sets = self._sets.before(picture, self._pictures.watch.parameters)
        self._samples.append(Sample(picture.sample(sets), length, picture.key, timed.offset))

    def _close_part(self) -> None:
        if not self._samples or self._sets.head is None or self._sound.origin is None:
            return
        length = sum(sample.duration for sample in self._samples)
        end = (self._start + length) / VIDEO_SCALE
        cut = Cut(
            Stretch(VIDEO_TRACK, self._start, tuple(self._samples)),
            self._sound.pop_before(end),
            self._sets.head,
            self._sound.origin + self._start / VIDEO_SCALE,
            self._samples[0].key,
            self._opens,
            self._breaks,
        )
        self._start += length
        self._samples = []
        self._opens = self._breaks = False
        self._on_cut(cut)


class Sets:
    """Which parameter sets stand before a picture: none while they are those of the head; from the first that
    differ on, all of them."""

    def __init__(self) -> None:
        self.head: Parameters | None = None
        self._differ = False

    def begin(self, parameters: Parameters) -> None:
        """A head with these follows."""
        self.head, self._differ = parameters, False

    def before(self, picture: Picture, newest: Parameters | None) -> tuple[bytes, ...]:
        """Parameter sets to put before a picture of the present head."""
        own = picture.sets
        self._differ |= self.head is not None and any(
            nal not in (self.head.sps, self.head.pps) for nal in own
        )
        if not self._differ:
            return ()
        if picture.key and not own and newest is not None:
            return (newest.sps, newest.pps)
        return own
