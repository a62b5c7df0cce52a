"""A plain MP4 (ISO/IEC 14496-12) out of parts of recordings: its head is written anew and stands first, its pictures and
sounds are taken from the recordings' files by byte ranges. Nothing that was not chosen is in it, at any byte.

Players seek in it and begin while it loads, without the fragments of the recording; nothing is stored twice.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from streaming.hls.fmp4 import MOVIE_SCALE, box, full, movie_header, trak
from streaming.replay.samples import Sample, Track

_MEDIA_HEAD = 16
"""Bytes of an mdat's head with its length in 64 bits."""


@dataclass(frozen=True)
class Piece:
    """Bytes of a recording's file."""

    path: Path
    offset: int
    bytes: int


@dataclass
class Lane:
    """The samples of one track as they come: their tables (stts, ctts, stss, stsz, stsc, co64) as columns."""

    number: int
    track: Track
    sizes: array[int] = field(default_factory=lambda: array("I"))
    spent: array[int] = field(default_factory=lambda: array("I"))
    shifts: array[int] = field(default_factory=lambda: array("i"))
    keys: array[int] = field(default_factory=lambda: array("I"))
    chunk_at: array[int] = field(default_factory=lambda: array("Q"))
    chunk_of: array[int] = field(default_factory=lambda: array("I"))
    first: int = 0
    last: int = 0

    def add(self, sample: Sample, shown: float, seconds: float, place: int, joined: bool) -> None:
        """A sample that is shown at second `shown` of the movie, for so many seconds, and lies at a byte of its media;
        `joined`: behind the one of this track before it."""
        tick = round(shown * self.track.scale)
        if self.sizes:
            # the shift of the first one is taken back by the edit list
            self.spent[-1] = max(1, tick - sample.shift + self.shifts[0] - self.last)
            self.last += self.spent[-1]
        else:
            self.first = self.last = tick
        self.sizes.append(sample.size)
        self.spent.append(max(1, round(seconds * self.track.scale)))
        self.shifts.append(sample.shift)
        if sample.key:
            self.keys.append(len(self.sizes))
        if joined and self.chunk_of:
            self.chunk_of[-1] += 1
        else:
            self.chunk_at.append(place)
            self.chunk_of.append(1)

    @property
    def seconds(self) -> float:
        """When its last sample has been shown."""
        return (self.last + self.spent[-1]) / self.track.scale

    def box(self, media_at: int) -> bytes:
        """Its trak; `media_at`: byte of the file where the media begins."""
        kind = self.track.kind.encode()
        return trak(
            self.number, self.track.scale, kind, self._table(media_at), self.track.size, self._edits(), self.seconds
        )  # fmt: skip

    def _table(self, media_at: int) -> bytes:
        moved = any(self.shifts)
        return box(
            b"stbl",
            box(b"stsd", self.track.entry),
            _runs(b"stts", self.spent, "I"),
            _runs(b"ctts", self.shifts, "i", version=1) if moved else b"",
            _column(b"stss", self.keys) if self.track.kind == "vide" else b"",
            self._chunks(),
            full(b"stsz", 0, 0, struct.pack(">2I", 0, len(self.sizes)), _big(self.sizes)),
            _column(b"co64", array("Q", [media_at + at for at in self.chunk_at])),
        )

    def _chunks(self) -> bytes:
        rows = [(index + 1, count, 1) for index, count in _changes(self.chunk_of)]
        return full(
            b"stsc", 0, 0, struct.pack(">I", len(rows)), b"".join(struct.pack(">3I", *row) for row in rows)
        )

    def _edits(self) -> bytes:
        """Where the track begins within the movie, and that its first sample is shown there."""
        begin = round(self.first / self.track.scale * MOVIE_SCALE)
        length = max(1, round(self.seconds * MOVIE_SCALE) - begin)
        rows = [(begin, -1)] if begin > 0 else []
        rows.append((length, max(0, self.shifts[0])))
        packed = b"".join(struct.pack(">IiI", span, at, 0x10000) for span, at in rows)
        return box(b"edts", full(b"elst", 0, 0, struct.pack(">I", len(rows)), packed))


def _changes(column: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(index, value) of each entry that differs from the one before."""
    before: int | None = None
    for index, value in enumerate(column):
        if value != before:
            yield index, value
            before = value


def _runs(kind: bytes, column: array[int], sign: str, version: int = 0) -> bytes:
    """A table of (how many, value)."""
    starts = list(_changes(column))
    ends = [index for index, _ in starts[1:]] + [len(column)]
    rows = b"".join(
        struct.pack(f">I{sign}", end - at, value) for (at, value), end in zip(starts, ends, strict=True)
    )
    return full(kind, version, 0, struct.pack(">I", len(starts)), rows)


def _column(kind: bytes, column: array[int]) -> bytes:
    return full(kind, 0, 0, struct.pack(">I", len(column)), _big(column))


def _big(column: array[int]) -> bytes:
    return struct.pack(f">{len(column)}{column.typecode}", *column)


class Reel(Protocol):
    """A finished movie of a replay, in the format of its recordings: `head` tells it from every other."""

    head: bytes
    seconds: float

    @property
    def media_type(self) -> str: ...
    @property
    def suffix(self) -> str: ...
    @property
    def size(self) -> int: ...
    def read(self, start: int, end: int, /) -> bytes: ...


class Movie:
    """A finished movie: `head` (ftyp, moov and the beginning of mdat), then `pieces`."""

    media_type = "video/mp4"
    suffix = "mp4"

    def __init__(self, head: bytes, pieces: Sequence[Piece], seconds: float) -> None:
        self.head, self.pieces, self.seconds = head, pieces, seconds
        self._starts = array("Q", [len(head)])
        for piece in pieces:
            self._starts.append(self._starts[-1] + piece.bytes)

    @property
    def size(self) -> int:
        """Its size."""
        return self._starts[-1]

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`. FileNotFoundError where a recording is gone, OSError where one is
        shorter than it was."""
        parts = [self.head[start:end]] if start < len(self.head) else []
        position = max(start, len(self.head))
        index = bisect_right(self._starts, position) - 1
        while position < min(end, self.size):
            piece, within = self.pieces[index], position - self._starts[index]
            wanted = min(piece.bytes - within, end - position)
            parts.append(_exactly(piece.path, piece.offset + within, wanted))
            position, index = position + wanted, index + 1
        return b"".join(parts)


def _exactly(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), size, offset)
    if len(data) != size:
        raise OSError(f"{path.name}: {size} bytes at {offset} are not there")
    return data


class MovieWriter:
    """Puts a movie together from samples in the order of their files."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._pieces: list[Piece] = []
        self._size = 0
        self._last = ""

    def add(self, track: Track, path: Path, sample: Sample, shown: float, seconds: float) -> None:
        """A sample of a recording's file, shown at second `shown` of the movie for so many seconds."""
        lane = self._lanes.get(track.kind) or self._lanes.setdefault(
            track.kind, Lane(len(self._lanes) + 1, track)
        )
        joined = self._extend(path, sample) and self._last == track.kind
        lane.add(sample, shown, seconds, self._size, joined)
        self._last = track.kind
        self._size += sample.size

    def _extend(self, path: Path, sample: Sample) -> bool:
        """Take the sample's bytes; whether they lie behind those before them."""
        last = self._pieces[-1] if self._pieces else None
        if last and last.path == path and last.offset + last.bytes == sample.offset:
            self._pieces[-1] = Piece(path, last.offset, last.bytes + sample.size)
            return True
        self._pieces.append(Piece(path, sample.offset, sample.size))
        return False

    def finish(self) -> Movie:
        """The movie of what was added."""
        at = len(self._head(0))
        seconds = max(lane.seconds for lane in self._lanes.values())
        return Movie(self._head(at), self._pieces, seconds)

    def _head(self, media_at: int) -> bytes:
        lanes = self._lanes.values()
        length = max(round(lane.seconds * MOVIE_SCALE) for lane in lanes)
        moov = box(b"moov", movie_header(length), *(lane.box(media_at) for lane in lanes))
        media = struct.pack(">I4sQ", 1, b"mdat", _MEDIA_HEAD + self._size)
        return box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41") + moov + media
