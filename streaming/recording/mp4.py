"""Reading fragmented MP4: boxes (ISO/IEC 14496-12), and the closed fragments of a file that still grows."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_HEAD = struct.Struct(">I4s")
LARGEST = 256 << 20
"""Bytes; a box that says it is larger is taken for damage."""


class Damaged(ValueError):
    """The bytes are not the boxes they should be; `offset` says where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"MP4 在第 {offset} 字节处损坏 / damaged MP4 at byte {offset}")
        self.offset = offset


@dataclass(frozen=True)
class Track:
    """A track of the file: `kind` is vide or soun, `timescale` its ticks a second."""

    id: int
    kind: str
    timescale: int


@dataclass(frozen=True)
class Piece:
    """A closed piece of a file: the head (`seconds` 0) or one fragment, moof and mdat together.

    `start` seconds from the beginning of the file's timeline; `seconds` of its pictures, 0 where it is sound alone in a
    file of both; `key`: begins with a sync sample.
    """

    offset: int
    bytes: int
    start: float
    seconds: float
    key: bool = False


def boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """(type, first byte of the content, end) of the boxes of `data`. Damaged where a size does not fit."""
    position = start
    while position + 8 <= len(data):
        size, kind = _HEAD.unpack_from(data, position)
        content = position + 8
        if size == 1 and content + 8 <= len(data):
            size, content = int.from_bytes(data[content : content + 8], "big"), content + 8
        if size < content - position or position + size > len(data):
            raise Damaged(position)
        yield kind, content, position + size
        position += size


def find(data: bytes, *path: bytes) -> bytes | None:
    """Content of the first box along a path of types."""
    for kind, start, end in boxes(data):
        if kind == path[0]:
            inner = data[start:end]
            return inner if len(path) == 1 else find(inner, *path[1:])
    return None


def tracks(moov: bytes) -> dict[int, Track]:
    """The tracks of a moov's content by their ids."""
    found = {}
    for kind, start, end in boxes(moov):
        if kind == b"trak":
            track = _track(moov[start:end])
            found[track.id] = track
    return found


def _track(trak: bytes) -> Track:
    head, media, handler = find(trak, b"tkhd"), find(trak, b"mdia", b"mdhd"), find(trak, b"mdia", b"hdlr")
    if head is None or media is None or handler is None or min(len(head), len(media), len(handler)) < 24:
        raise Damaged(0)
    number = _u32(head, 20 if head[0] else 12)
    return Track(number, handler[8:12].decode("latin-1"), _u32(media, 20 if media[0] else 12))


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


@dataclass(frozen=True)
class Run:
    """The samples of one track in one fragment, in ticks of its timescale."""

    track: int
    base: int
    duration: int
    samples: int
    key: bool


def runs(moof: bytes) -> list[Run]:
    """What a moof's content says of each track."""
    return [_run(moof[start:end]) for kind, start, end in boxes(moof) if kind == b"traf"]


def _run(traf: bytes) -> Run:
    head = find(traf, b"tfhd")
    if head is None:
        raise Damaged(0)
    flags, at = _u32(head, 0), 8
    at += 8 * bool(flags & 1) + 4 * bool(flags & 2)
    usual = _u32(head, at) if flags & 8 else 0
    at += 4 * bool(flags & 8) + 4 * bool(flags & 0x10)
    sync = _u32(head, at) if flags & 0x20 else 0
    time = find(traf, b"tfdt")
    base = int.from_bytes(time[4 : 12 if time[0] else 8], "big") if time else 0
    duration = samples = 0
    first: int | None = None
    for kind, start, end in boxes(traf):
        if kind == b"trun":
            spent, count, flag = _samples(traf[start:end], usual, sync)
            duration, samples = duration + spent, samples + count
            first = flag if first is None else first
    return Run(_u32(head, 4), base, duration, samples, first is not None and not first & 0x10000)


def _samples(trun: bytes, usual: int, sync: int) -> tuple[int, int, int]:
    """(ticks, samples, flags of the first sample) of one trun."""
    flags, count = _u32(trun, 0) & 0xFFFFFF, _u32(trun, 4)
    at = 8 + 4 * bool(flags & 1)
    first = _u32(trun, at) if flags & 4 else sync
    at += 4 * bool(flags & 4)
    width = 4 * (flags >> 8 & 0xF).bit_count()
    if at + width * count > len(trun):
        raise Damaged(0)
    if flags & 0x400 and count and not flags & 4:
        first = _u32(trun, at + 4 * (flags >> 8 & 3).bit_count())
    if not flags & 0x100:
        return usual * count, count, first
    return sum(_u32(trun, at + width * index) for index in range(count)), count, first


class Mp4Follower:
    """Finds the closed pieces of a growing fragmented MP4, each once. Reads only what is new."""

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        """`offset`: end of the last piece that is known already; the head is read again for its tracks."""
        self._file = file
        self._tracks: dict[int, Track] = {}
        self.end = 0
        if offset:
            for piece in self.pieces(limit=offset):
                assert piece.offset + piece.bytes <= offset

    def pieces(self, limit: int | None = None) -> Iterator[Piece]:
        """Pieces closed since the last call, in order; Damaged where the file is not what it should be."""
        size = os.fstat(self._file.fileno()).st_size
        size = size if limit is None else min(size, limit)
        start, position, moof = self.end, self.end, b""
        while (box := self._box(position, size)) is not None:
            kind, content, end = box
            if kind in (b"moov", b"moof"):
                inner = os.pread(self._file.fileno(), end - content, content)
                if kind == b"moov":
                    self._tracks = tracks(inner)
                moof = inner if kind == b"moof" else moof
            if kind == b"moov" or (kind == b"mdat" and moof):
                self.end = end
                yield self._piece(start, end, moof)
                start, moof = end, b""
            position = end

    def _box(self, position: int, size: int) -> tuple[bytes, int, int] | None:
        head = os.pread(self._file.fileno(), 16, position) if position + 8 <= size else b""
        if len(head) < 8:
            return None
        length, kind = _HEAD.unpack_from(head)
        content = position + 8
        if length == 1:
            length, content = int.from_bytes(head[8:16], "big"), position + 16
        if length < content - position or length > LARGEST or not kind.isalnum():
            raise Damaged(position)
        return (kind, content, position + length) if position + length <= size else None

    def _piece(self, start: int, end: int, moof: bytes) -> Piece:
        if not moof:
            return Piece(start, end - start, 0.0, 0.0)
        try:
            found = [(run, self._tracks[run.track]) for run in runs(moof)]
        except LookupError:
            raise Damaged(start) from None
        if not found:
            raise Damaged(start)
        # the picture leads: its samples are what a gap in the record would be seen by
        run, track = min(found, key=lambda pair: pair[1].kind != "vide")
        # sound alone beside a slow picture: that picture's piece counts the time
        counts = track.kind == "vide" or all(track.kind != "vide" for track in self._tracks.values())
        seconds = run.duration / track.timescale if counts else 0.0
        return Piece(start, end - start, run.base / track.timescale, seconds, run.key and counts)
