"""The recording of one room: from which packet a file begins, when a new one must, and what was missed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from records.clock import timestamp
from streaming.recording.file import RecordingFile, Source
from streaming.recording.ledger import SHORTEST_GAP, Hole
from streaming.wire import rtp
from streaming.wire.codecs import CLOCK, H264, KEYFRAME, OPUS, Codec
from streaming.wire.h264 import PAYLOAD, ParameterWatch, starts_idr
from streaming.wire.lipsync import SET_BACK
from streaming.wire.serial import ticks_between

KEPT_GROUPS = 4
"""Groups of pictures kept in memory: when ffmpeg dies, the next file begins with those that are not in a
closed piece of the old one, and nothing is lost."""
JITTER = 0.3
"""Seconds by which a piece's end may differ from the arrival of the next keyframe."""
KEPT_BYTES = 8 << 20
FIRST_PAUSE, LONGEST_PAUSE, SETTLED = 0.5, 30.0, 30.0
"""Seconds: waits between failing starts, and the life after which a file counts as good."""
MISSED = 3
"""Usual lengths of a picture after which one was missed: a still scene may have one in five seconds."""
UNKNOWN = 4.0
"""Seconds taken for the usual length before there are two pictures."""


@dataclass
class Group:
    """A keyframe and what came after it. Entries: kind, packets, Unix time of arrival."""

    arrived: float
    source: Source | None = None
    entries: list[tuple[str, list[bytes], float]] = field(default_factory=list)
    size: int = 0

    def add(self, kind: str, packets: list[bytes], arrived: float) -> None:
        """Keep these packets with the group."""
        self.entries.append((kind, packets, arrived))
        self.size += sum(map(len, packets))


def needs_new_file(held: Source, source: Source) -> bool:
    """Whether a file of `held` cannot take `source`. Sound that falls silent stays in its file, and so do parameter
    sets that differ without another profile or size: they stand before their pictures."""
    if held.video.name != source.video.name or held.shape != source.shape:
        return True
    return held.audio is None and source.audio is not None


class RoomRecorder:
    """A tap: feeds the present file and asks for another one where the source requires it.

    `begin(room, source, started_at)` makes and starts a file, or gives None where there may be none now.
    `expects_sound()` says whether the publisher has announced sound, which may come a little later.
    """

    def __init__(
        self,
        room: str,
        session_id: str | None,
        begin: Callable[[RoomRecorder, Source, datetime], RecordingFile | None],
        expects_sound: Callable[[], bool],
    ) -> None:
        self.room, self.session_id = room, session_id
        self.file: RecordingFile | None = None
        self.on_hole: Callable[[RecordingFile, Hole], None] = lambda file, hole: None
        self.on_replaced: Callable[[RecordingFile], None] = lambda file: None
        self.gaps = 0
        self._begin, self._expects_sound = begin, expects_sound
        self._groups: deque[Group] = deque(maxlen=KEPT_GROUPS)
        self._waiting: list[tuple[str, list[bytes], float]] | None = None
        self._watch = ParameterWatch()
        self._video: Codec | None = None
        self._reports: dict[str, bytes] = {}
        self._pace = Pace()
        self._key_time = b""
        self._dropped = 0
        self._written_until = 0.0
        self._pause, self._not_before = FIRST_PAUSE, 0.0

    # -- tap --------------------------------------------------------------------------------------

    def packets(self, kind: str, codec: Codec, packets: list[bytes], arrived: float | None = None) -> None:
        """Take what the room hands out. `arrived`: Unix seconds, where that was before now."""
        arrived = timestamp() if arrived is None else arrived
        if kind == "audio":
            self._pace.sound(arrived)
            self._keep(kind, packets, arrived)
            return
        self._note_gaps(packets, arrived)
        self._see(codec)
        start = 0
        for index, packet in enumerate(packets):
            if self._is_key(codec, packet):
                self._keep(kind, packets[start:index], arrived)
                self._new_group(arrived)
                start = index
        self._keep(kind, packets[start:], arrived)
        if self._waiting is not None and (codec.name != H264 or any(map(starts_idr, packets[start:]))):
            self._decide()

    def report(self, kind: str, sender_report: bytes) -> None:
        """Pass a sender report on; the newest also goes to every later file."""
        self._reports[kind] = sender_report
        if self.file:
            self.file.out.report(kind, sender_report)

    def restart(self) -> None:
        """After an error: what waits goes into the file as it is, the file goes on from the next keyframe."""
        self._key_time = b""
        self._release()

    def _see(self, codec: Codec) -> None:
        if self._video is None or self._video.name != codec.name:
            self._watch = ParameterWatch()
            self._watch.announce(codec.fmtp.get("sprop-parameter-sets", ""))
        self._video = codec

    def _is_key(self, codec: Codec, packet: bytes) -> bool:
        """Whether a keyframe (or the parameter sets before it) begins with this packet."""
        if codec.name == H264:
            self._watch.look(packet)
        if packet[rtp.TIMESTAMP] == self._key_time or not KEYFRAME[codec.name](packet, PAYLOAD):
            return False
        self._key_time = packet[rtp.TIMESTAMP]
        return True

    def _note_gaps(self, packets: list[bytes], arrived: float) -> None:
        for packet in packets:
            if gap := self._pace.picture(packet, arrived):
                self._hole(*gap)

    def _hole(self, start: float, end: float) -> None:
        if self.file:
            self.gaps += 1
            self.on_hole(self.file, Hole(_moment(start), _moment(end), "source"))

    # -- groups -----------------------------------------------------------------------------------

    def _new_group(self, arrived: float) -> None:
        """From here on packets wait until the keyframe shows whether the file can take it."""
        self._release()
        self._groups.append(Group(arrived))
        while len(self._groups) > 1 and sum(group.size for group in self._groups) > KEPT_BYTES:
            self._groups.popleft()
        self._waiting = []

    def _keep(self, kind: str, packets: list[bytes], arrived: float) -> None:
        if not packets:
            return
        if self._groups and self._groups[-1].size < KEPT_BYTES:
            self._groups[-1].add(kind, packets, arrived)
        if self._waiting is not None:
            self._waiting.append((kind, packets, arrived))
        elif self.file:
            self.file.out.packets(kind, packets, arrived)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, None
        if self.file:
            for entry in waiting or ():
                self.file.out.packets(*entry)

    # -- files ------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """At a keyframe whose parameters are known: go on with the present file or begin another."""
        source = self._source()
        self._groups[-1].source = source
        if source is None or (self.file and not needs_new_file(self.file.source, source)):
            self._release()
            return
        if self.file:
            replaced, self.file = self.file, None
            self._dropped += replaced.out.dropped
            self.on_replaced(replaced)
        self._waiting = None
        self.retry(groups=1)

    def _source(self) -> Source | None:
        if self._video is None or (self._video.name == H264 and self._watch.parameters is None):
            return None
        sound = Codec(OPUS, 0, CLOCK["audio"], 2) if self._expects_sound() else None
        return Source(self._video, sound, self._watch.parameters if self._video.name == H264 else None)

    def retry(self, groups: int = KEPT_GROUPS) -> None:
        """Begin a file with the newest groups held, if there is none, pictures come and it is time."""
        usable = self._usable(groups)
        if self.file or not usable or time.monotonic() < self._not_before:
            return
        if self._pace.picture_at is None or self._pace.away(timestamp()):
            return
        first, source = usable[0].source, usable[-1].source
        assert first is not None and source is not None
        source = replace(source, parameters=first.parameters)
        self.file = self._begin(self, source, _moment(usable[0].arrived))
        if self.file is None:
            return
        for kind, report in self._reports.items():
            self.file.out.report(kind, report)
        for group in usable:
            for entry in group.entries:
                self.file.out.packets(*entry)

    def _usable(self, count: int) -> list[Group]:
        """The newest groups that one file can hold, oldest first."""
        chosen: list[Group] = []
        following: float | None = None
        for group in list(self._groups)[::-1][:count]:
            written = following is not None and following <= self._written_until + JITTER
            if written or group.source is None or (chosen and not _alike(group.source, chosen[-1].source)):
                break
            chosen.append(group)
            following = group.arrived
        return chosen[::-1]

    def ended(self, file: RecordingFile, lived: float) -> None:
        """The file ended by itself (`lived` seconds): the next begins at once, then ever later."""
        if self.file is not file:
            return
        self.file = None
        self._dropped += file.out.dropped
        self._written_until = file.written_until
        if lived > SETTLED:
            self._pause = FIRST_PAUSE
            self._not_before = 0.0
        else:
            self._not_before = time.monotonic() + self._pause
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
        # packets that come until then are in the groups
        self.retry()

    def leave(self) -> RecordingFile | None:
        """Stop feeding; gives back the file, which is the caller's to stop."""
        if self._pace.picture_at is not None and self._pace.away(timestamp()):
            self._hole(self._pace.picture_at, timestamp())
        self._release()
        file, self.file = self.file, None
        self._groups.clear()
        return file

    @property
    def dropped(self) -> int:
        """Packets of this room that did not reach ffmpeg."""
        return self._dropped + (self.file.out.dropped if self.file else 0)


def _alike(one: Source, other: Source | None) -> bool:
    """Whether one file can begin with the one and go on with the other."""
    return (
        other is not None and (one.audio is None) == (other.audio is None) and not needs_new_file(one, other)
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Pace:
    """Watches a room's packets. A span without pictures is a gap where the source's own times say so (a picture that only
    comes late is not missed), or where nothing came, no sound either; and only if it is longer than the source usually takes.
    """

    def __init__(self) -> None:
        self.picture_at: float | None = None
        self._came_at = 0.0
        self._usual = UNKNOWN
        self._source = b""
        self._newest = 0

    @property
    def longest(self) -> float:
        """Seconds without a picture that are no gap yet."""
        return max(SHORTEST_GAP, MISSED * self._usual)

    def away(self, now: float) -> bool:
        """Whether pictures came, and have stopped coming. Unix seconds."""
        return self.picture_at is not None and now - self.picture_at > self.longest

    def sound(self, arrived: float) -> None:
        """A packet of sound."""
        self._came_at = arrived

    def picture(self, packet: bytes, arrived: float) -> tuple[float, float] | None:
        """A packet of a picture; gives the gap that ends with it, in Unix seconds."""
        last, self.picture_at = self.picture_at, arrived
        nothing, self._came_at = arrived - self._came_at, arrived
        said, longest = self._said(packet), self.longest
        if said:
            self._usual = said
        if last is None:
            return None
        missing = arrived - last if said is None else max(said, nothing)
        return (last, max(arrived, last + (said or 0.0))) if missing > longest else None

    def _said(self, packet: bytes) -> float | None:
        """Seconds since the newest picture by the source's clock, 0 for its own or an older one; None: another clock."""
        source, timestamp = packet[rtp.SSRC], rtp.timestamp(packet)
        ticks = ticks_between(timestamp, self._newest)
        if source != self._source or ticks < -SET_BACK * CLOCK["video"]:
            self._source, self._newest = source, timestamp
            return None
        self._newest = timestamp if ticks > 0 else self._newest
        return max(0, ticks) / CLOCK["video"]
