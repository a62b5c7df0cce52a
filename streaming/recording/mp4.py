"""Reading fragmented MP4: boxes (ISO/IEC 14496-12), and the closed fragments of a file that still grows."""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_HEAD = struct.Struct(">I4s")
"""Length of a box, itself included, and its type."""
BOX_HEAD = _HEAD.size
_LONG_LENGTH = 8
"""Bytes of the length of a box that says it is 1 long: it follows the type."""
LARGEST = 256 << 20
"""Bytes; a box that says it is larger is taken for damage."""


class Damaged(ValueError):
    """The bytes are not what they should be: where, and why."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(f"byte {offset}: {why}")
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
    while position + _HEAD.size <= len(data):
        size, kind = _HEAD.unpack_from(data, position)
        content = position + _HEAD.size
        if size == 1 and content + _LONG_LENGTH <= len(data):
            size = int.from_bytes(data[content : content + _LONG_LENGTH], "big")
            content += _LONG_LENGTH
        if size < content - position or position + size > len(data):
            raise Damaged(position, f"box {kind!r} of {size} bytes does not fit")
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


_TIMES_32, _TIMES_64 = 8, 16
"""Bytes of the times of creation and change in a box of version 0, of version 1; the number looked for follows them."""
_FULL = 4
"""Bytes of version and flags, with which the content of a full box begins."""
_HANDLER = slice(8, 12)
"""Where hdlr says what a track is."""
_SHORTEST = 24
"""Bytes of the three boxes that are read, at the least."""


def _track(trak: bytes) -> Track:
    head, media, handler = find(trak, b"tkhd"), find(trak, b"mdia", b"mdhd"), find(trak, b"mdia", b"hdlr")
    if head is None or media is None or handler is None:
        raise Damaged(0, "a track without tkhd, mdhd or hdlr")
    if min(len(head), len(media), len(handler)) < _SHORTEST:
        raise Damaged(0, "a track whose boxes are cut off")
    return Track(_after_times(head), handler[_HANDLER].decode("latin-1"), _after_times(media))


def _after_times(box: bytes) -> int:
    """The number behind the times of tkhd (the track's) or mdhd (its ticks a second)."""
    return _u32(box, _FULL + (_TIMES_64 if _version(box) else _TIMES_32))


def _version(box: bytes) -> int:
    return box[0]


def _flags(box: bytes) -> int:
    return _u32(box, 0) & 0xFFFFFF


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


_TRACK_ID = _FULL
"""Where tfhd has the track's number; behind it the fields its flags name, in this order."""
_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
"""Flags of tfhd: eight bytes of offset, then four each of description, default duration, size and flags of samples."""
_NOT_SYNC = 0x10000
"""Flag of a sample: a player cannot begin with it."""


def _run(traf: bytes) -> Run:
    head = find(traf, b"tfhd")
    if head is None:
        raise Damaged(0, "a fragment's track without tfhd")
    usual, flags = _defaults(head)
    duration = samples = 0
    first: int | None = None
    for kind, start, end in boxes(traf):
        if kind == b"trun":
            spent, count, flag = _samples(traf[start:end], usual, flags)
            duration, samples = duration + spent, samples + count
            first = flag if first is None else first
    key = first is not None and not first & _NOT_SYNC
    return Run(_u32(head, _TRACK_ID), _base(traf), duration, samples, key)


def _defaults(head: bytes) -> tuple[int, int]:
    """Duration and flags of the samples that do not say their own."""
    found = _usual(head)
    return found[_DURATION], found[_FLAGS]


def _usual(head: bytes) -> dict[int, int]:
    """What tfhd says of the samples that do not say it themselves, by its flag; 0 where it says nothing."""
    flags, at = _flags(head), _TRACK_ID + 4
    found = dict.fromkeys((_DURATION, _SIZE, _FLAGS), 0)
    for flag, width in ((_OFFSET, 8), (_DESCRIPTION, 4), (_DURATION, 4), (_SIZE, 4), (_FLAGS, 4)):
        if flags & flag:
            found[flag] = _u32(head, at)
            at += width
    return found


def _base(traf: bytes) -> int:
    """Decode time of the first sample: 32 bits in version 0 of tfdt, 64 in version 1."""
    time = find(traf, b"tfdt")
    return int.from_bytes(time[_FULL : _FULL + (8 if _version(time) else 4)], "big") if time else 0


_COUNT = _FULL
"""Where trun says how many samples it has."""
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
"""Flags of trun: fields before the samples."""
_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_SHIFT = 0x100, 0x200, 0x400, 0x800
"""Flags of trun: fields of four bytes that every sample has, in this order."""


@dataclass(frozen=True)
class Rows:
    """The samples of one trun, a column a field; None where they do not say it. `data_offset`: bytes from the start of
    the moof to the first sample; `shifts`: ticks from decoding to showing, signed."""

    count: int
    data_offset: int | None
    first_flags: int | None
    durations: array[int] | None
    sizes: array[int] | None
    flags: array[int] | None
    shifts: array[int] | None


def rows(trun: bytes) -> Rows:
    """The content of a trun. Damaged where it is cut off."""
    flags, count, at = _flags(trun), _u32(trun, _COUNT), _COUNT + 4
    before: dict[int, int] = {}
    for flag in (_DATA_OFFSET, _FIRST_FLAGS):
        if flags & flag:
            before[flag] = _u32(trun, at)
            at += 4
    fields = [f for f in (_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_SHIFT) if flags & f]
    end = at + 4 * len(fields) * count
    if end > len(trun):
        raise Damaged(0, f"trun of {count} samples is cut off")
    held = {flag: _column(trun[at:end], index, len(fields), flag) for index, flag in enumerate(fields)}
    each = (_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_SHIFT)
    return Rows(count, before.get(_DATA_OFFSET), before.get(_FIRST_FLAGS), *(held.get(flag) for flag in each))


def _column(table: bytes, index: int, width: int, flag: int) -> array[int]:
    found = array("i" if flag == _EACH_SHIFT else "I", table)
    if sys.byteorder == "little":
        found.byteswap()
    return found[index::width]


def _samples(trun: bytes, usual: int, sync: int) -> tuple[int, int, int]:
    """(ticks, samples, flags of the first sample) of one trun."""
    found = rows(trun)
    first = sync if found.first_flags is None else found.first_flags
    if found.flags and found.first_flags is None:
        first = found.flags[0]
    spent = usual * found.count if found.durations is None else sum(found.durations)
    return spent, found.count, first


@dataclass(frozen=True)
class Placed:
    """One sample of a fragment: where its bytes lie in the file, when it is decoded and shown, in ticks of its track."""

    track: int
    offset: int
    size: int
    decoded: int
    shift: int
    duration: int
    key: bool


def placed(moof: bytes, start: int) -> Iterator[Placed]:
    """The samples of a moof's content, the moof itself being at byte `start` of the file."""
    for kind, begin, end in boxes(moof):
        if kind == b"traf":
            yield from _placed(moof[begin:end], start)


def _placed(traf: bytes, start: int) -> Iterator[Placed]:
    head = find(traf, b"tfhd")
    if head is None:
        raise Damaged(start, "a fragment's track without tfhd")
    usual, track, decoded, offset = _usual(head), _u32(head, _TRACK_ID), _base(traf), start
    for kind, begin, end in boxes(traf):
        if kind != b"trun":
            continue
        found = rows(traf[begin:end])
        offset = offset if found.data_offset is None else start + found.data_offset
        for index in range(found.count):
            duration = found.durations[index] if found.durations else usual[_DURATION]
            size = found.sizes[index] if found.sizes else usual[_SIZE]
            flags = found.flags[index] if found.flags else usual[_FLAGS]
            flags = found.first_flags if index == 0 and found.first_flags is not None else flags
            shift = found.shifts[index] if found.shifts else 0
            yield Placed(track, offset, size, decoded, shift, duration, not flags & _NOT_SYNC)
            offset, decoded = offset + size, decoded + duration


def box_at(file: BinaryIO, position: int, size: int) -> tuple[bytes, int, int] | None:
    """(type, first byte of the content, end) of the box at a byte of a file whose first `size` bytes count; None where it
    is not whole. Damaged where there is no box."""
    longest = _HEAD.size + _LONG_LENGTH
    head = os.pread(file.fileno(), longest, position) if position + _HEAD.size <= size else b""
    if len(head) < _HEAD.size:
        return None
    length, kind = _HEAD.unpack_from(head)
    content = position + _HEAD.size
    if length == 1:
        length, content = int.from_bytes(head[_HEAD.size :], "big"), position + longest
    if length < content - position or length > LARGEST or not kind.isalnum():
        raise Damaged(position, f"{kind!r} of {length} bytes is no box")
    return (kind, content, position + length) if position + length <= size else None


class Mp4Follower:
    """Finds the closed pieces of a growing fragmented MP4, each once. Reads only what is new."""

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        """`offset`: end of the last piece that is known already; the head is read again for its tracks."""
        self._file = file
        self.tracks: dict[int, Track] = {}
        """As the head tells them; none before it is there."""
        self.end = 0
        if offset:
            for piece in self.pieces(limit=offset):
                assert piece.offset + piece.bytes <= offset

    def pieces(self, limit: int | None = None) -> Iterator[Piece]:
        """Pieces closed since the last call, in order; Damaged where the file is not what it should be."""
        size = os.fstat(self._file.fileno()).st_size
        size = size if limit is None else min(size, limit)
        start, position, moof = self.end, self.end, b""
        while (box := box_at(self._file, position, size)) is not None:
            kind, content, end = box
            if kind in (b"moov", b"moof"):
                inner = os.pread(self._file.fileno(), end - content, content)
                if kind == b"moov":
                    self.tracks = tracks(inner)
                moof = inner if kind == b"moof" else moof
            if kind == b"moov" or (kind == b"mdat" and moof):
                self.end = end
                yield self._piece(start, end, moof)
                start, moof = end, b""
            position = end

    def _piece(self, start: int, end: int, moof: bytes) -> Piece:
        if not moof:
            return Piece(start, end - start, 0.0, 0.0)
        try:
            found = [(run, self.tracks[run.track]) for run in runs(moof)]
        except LookupError:
            raise Damaged(start, "a fragment of a track the head does not know") from None
        if not found:
            raise Damaged(start, "a fragment without tracks")
        # the picture leads: its samples are what a gap in the record would be seen by
        run, track = min(found, key=lambda pair: pair[1].kind != "vide")
        # sound alone beside a slow picture: that picture's piece counts the time
        counts = track.kind == "vide" or all(track.kind != "vide" for track in self.tracks.values())
        seconds = run.duration / track.timescale if counts else 0.0
        return Piece(start, end - start, run.base / track.timescale, seconds, run.key and counts)
