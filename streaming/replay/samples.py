"""The coded pictures and sounds of a recording: where each lies in the file, and when it is shown.

Reads the heads of the fragments alone, some per cent of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from streaming.recording import mp4
from streaming.recording.mp4 import Damaged

VIDEO, AUDIO = "vide", "soun"


@dataclass(frozen=True)
class Track:
    """A track of a recording: `entry` its stsd, `size` its picture in 1/65536 of a pixel, `skipped` the ticks of it that
    lie before the beginning of the file's time line."""

    kind: str
    scale: int
    entry: bytes
    size: tuple[int, int]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture or sound. `decoded` in ticks of its track, `shift` ticks from there to when it is shown; `shown`
    and `seconds`, how long for, in seconds of the file's time line."""

    kind: str
    offset: int
    size: int
    decoded: int
    shift: int
    shown: float
    seconds: float
    key: bool


class Mp4Samples:
    """The samples of the first `limit` bytes of a fragmented MP4; only what the ledger knows of is read."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit = file, limit

    @cached_property
    def tracks(self) -> dict[int, Track]:
        """The tracks by their numbers; none where the head is not there yet."""
        for kind, start, end in self._boxes():
            if kind == b"moov":
                return _tracks(self._read(start, end))
        return {}

    def __iter__(self) -> Iterator[Sample]:
        for kind, start, end in self._boxes():
            if kind == b"moof":
                yield from self._fragment(self._read(start, end), start)

    def _fragment(self, moof: bytes, content: int) -> Iterator[Sample]:
        for found in mp4.placed(moof, content - mp4.BOX_HEAD):
            if found.offset + found.size > self._limit:
                return  # the media of the last fragment is not whole
            if (track := self.tracks.get(found.track)) is None:
                raise Damaged(content, f"a fragment of the unknown track {found.track}")
            shown = (found.decoded + found.shift - track.skipped) / track.scale
            yield Sample(
                track.kind, found.offset, found.size, found.decoded, found.shift, shown,
                found.duration / track.scale, found.key,
            )  # fmt: skip

    def _boxes(self) -> Iterator[tuple[bytes, int, int]]:
        position = 0
        while (found := mp4.box_at(self._file, position, self._limit)) is not None:
            yield found
            position = found[2]

    def _read(self, start: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), end - start, start)


def _tracks(moov: bytes) -> dict[int, Track]:
    known = mp4.tracks(moov)
    traks = [moov[start:end] for kind, start, end in mp4.boxes(moov) if kind == b"trak"]
    return {number: _track(trak, track) for trak, (number, track) in zip(traks, known.items(), strict=True)}


def _track(trak: bytes, track: mp4.Track) -> Track:
    entry = mp4.find(trak, b"mdia", b"minf", b"stbl", b"stsd")
    head = mp4.find(trak, b"tkhd")
    if entry is None or head is None:
        raise Damaged(0, "a track without tkhd or stsd")
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (len(head) - 8, len(head) - 4))
    return Track(track.kind, track.timescale, entry, (width, height), _skipped(trak))


def _skipped(trak: bytes) -> int:
    """Ticks that the first entry of the track's edit list (ISO/IEC 14496-12 §8.6.6) skips."""
    edits = mp4.find(trak, b"edts", b"elst")
    if not edits or edits[0] or not int.from_bytes(edits[4:8], "big"):
        return 0
    return max(0, int.from_bytes(edits[12:16], "big", signed=True))
