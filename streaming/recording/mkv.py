"""Reading live Matroska/WebM: the closed clusters of a file that still grows (RFC 9559, RFC 8794)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from streaming.recording.mp4 import LARGEST, Damaged, Piece

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
TRACKS, _ENTRY, _NUMBER, _TYPE, _CODEC, _PRIVATE = 0x1654AE6B, 0xAE, 0xD7, 0x83, 0x86, 0x63A2
_PICTURE, _WIDTH, _HEIGHT, _SOUND, _CHANNELS = 0xE0, 0xB0, 0xBA, 0xE1, 0x9F
TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
"""Ids of elements (RFC 9559 §5), their length marker included."""
_LONGEST_HEAD = 16
"""Bytes that hold any element's id and length."""
_KEYFRAME = 0x80
"""Flag of a SimpleBlock."""
_BLOCK_HEAD = 3
"""Bytes between the number of a block's track and its picture: time and flags."""
VIDEO_TRACK = 1
"""Pictures have the first track: the recorder names them first."""
MILLISECONDS = 1000
"""Ticks a second; the scale ffmpeg writes."""


class MkvFollower:
    """Finds the closed pieces of a growing file, each once: the head up to the first cluster, then clusters."""

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        """`offset`: end of the last piece that is known already."""
        self._file = file
        self.end = offset

    def pieces(self, limit: int | None = None) -> Iterator[Piece]:
        """Pieces closed since the last call, in order; Damaged where the file is not what it should be. `limit`: bytes of
        the file that count."""
        size = os.fstat(self._file.fileno()).st_size
        size = size if limit is None else min(size, limit)
        position = self.end
        while (element := self._element(position, size)) is not None:
            kind, content, end = element
            if kind == CLUSTER:
                if position > self.end:
                    yield self._closed(self.end, position)
                yield self._closed(position, end)
            # the segment has no end while it is written: go on with what is inside
            position = content if kind == SEGMENT else end

    def _closed(self, start: int, end: int) -> Piece:
        self.end = end
        if start == 0:
            return Piece(0, end, 0.0, 0.0)
        try:
            start_seconds, seconds, key = _times(os.pread(self._file.fileno(), end - start, start))
        except IndexError:
            raise Damaged(start, "a cluster that is cut off") from None
        return Piece(start, end - start, start_seconds, seconds, key)

    def _element(self, position: int, size: int) -> tuple[int, int, int] | None:
        head = os.pread(self._file.fileno(), _LONGEST_HEAD, position) if position < size else b""
        try:
            kind, at = _number(head, 0, marker=True)
            length, at = _number(head, at)
        except IndexError:
            return None
        if position == 0 and kind != EBML:
            raise Damaged(0, "it does not begin with EBML")
        if kind == SEGMENT:
            return kind, position + at, size
        if length > LARGEST:
            raise Damaged(position, f"an element of {length} bytes")
        end = position + at + length
        return (kind, position + at, end) if end <= size else None


def _number(data: bytes, at: int, marker: bool = False) -> tuple[int, int]:
    """(variable-length number, next byte); IndexError where the bytes end, Damaged where none begins."""
    first = data[at]
    if not first:
        raise Damaged(at, "no number begins with zero")
    width = 9 - first.bit_length()
    if at + width > len(data):
        raise IndexError
    value = int.from_bytes(data[at : at + width], "big")
    return (value if marker else value & (1 << 7 * width) - 1), at + width


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at < end:
        kind, at = _number(data, at, marker=True)
        length, at = _number(data, at)
        if at + length > end:
            raise Damaged(at, f"element {kind:#x} runs past the end")
        yield kind, at, at + length
        at += length


@dataclass(frozen=True)
class MkvTrack:
    """A track as the head tells it: `kind` is vide or soun, `private` what its decoder needs, `size` in pixels."""

    number: int
    kind: str
    codec: str
    private: bytes = b""
    size: tuple[int, int] = (0, 0)
    channels: int = 0


_KINDS = {1: "vide", 2: "soun"}
"""Types of tracks."""


def tracks(head: bytes) -> list[MkvTrack]:
    """The tracks of the head of a file, pictures and sound alone."""
    found = []
    for kind, start, end in _inside(head):
        if kind == TRACKS:
            entries = (_fields(head, a, b) for inner, a, b in _elements(head, start, end) if inner == _ENTRY)
            found += [_track(fields) for fields in entries if _whole(fields, _TYPE) in _KINDS]
    return found


def _inside(head: bytes) -> Iterator[tuple[int, int, int]]:
    """The elements of the segment that a head begins, which has no end while it is written."""
    at = 0
    while at < len(head):
        kind, at = _number(head, at, marker=True)
        length, at = _number(head, at)
        if kind == SEGMENT:
            continue
        yield kind, at, min(at + length, len(head))
        at += length


def _fields(data: bytes, start: int, end: int) -> dict[int, bytes]:
    return {kind: data[a:b] for kind, a, b in _elements(data, start, end)}


def _whole(fields: Mapping[int, bytes], kind: int) -> int:
    return int.from_bytes(fields.get(kind, b""), "big")


def _track(fields: Mapping[int, bytes]) -> MkvTrack:
    picture, sound = (
        _fields(fields.get(key, b""), 0, len(fields.get(key, b""))) for key in (_PICTURE, _SOUND)
    )
    return MkvTrack(
        _whole(fields, _NUMBER), _KINDS[_whole(fields, _TYPE)], fields.get(_CODEC, b"").decode("ascii", "replace"),
        fields.get(_PRIVATE, b""), (_whole(picture, _WIDTH), _whole(picture, _HEIGHT)), _whole(sound, _CHANNELS) or 1,
    )  # fmt: skip


def is_cluster(piece: bytes) -> bool:
    """Whether a closed piece is a cluster; the first one of a file is its head."""
    return piece.startswith(CLUSTER.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Block:
    """One coded picture or sound: `time` in ms of the file's time line, its bytes from `start` to before `end`."""

    track: int
    time: int
    key: bool
    start: int
    end: int


def blocks(cluster: bytes) -> Iterator[Block]:
    """What a whole cluster holds, in its order. Damaged where it does not fit, IndexError where it is cut off."""
    base = 0
    _, at = _number(cluster, 0, marker=True)
    length, at = _number(cluster, at)
    for kind, start, end in _elements(cluster, at, at + length):
        if kind == TIMESTAMP:
            base = int.from_bytes(cluster[start:end], "big")
        elif kind in (SIMPLE_BLOCK, BLOCK_GROUP):
            yield _block(cluster, kind, start, end, base)


def _block(data: bytes, kind: int, start: int, end: int, base: int) -> Block:
    """A SimpleBlock or BlockGroup of a cluster whose time is `base`."""
    if kind == BLOCK_GROUP:
        for inner, inner_start, inner_end in _elements(data, start, end):
            if inner == BLOCK:
                return replace(_block(data, SIMPLE_BLOCK, inner_start, inner_end, base), key=False)
        raise Damaged(start, "a group without a block")
    track, at = _number(data, start)
    time, flags = int.from_bytes(data[at : at + 2], "big", signed=True), data[at + 2]
    return Block(track, base + time, bool(flags & _KEYFRAME), at + _BLOCK_HEAD, end)


def _times(cluster: bytes) -> tuple[float, float, bool]:
    """(start, length in seconds, whether its first picture is a keyframe) of a whole cluster."""
    found = list(blocks(cluster))
    if not found:
        return 0.0, 0.0, False
    leading = min(block.track for block in found)
    pictures = [block for block in found if block.track == leading]
    stamps = [block.time for block in pictures]
    spent = max(stamps) - min(stamps)
    # a block says when it begins, not how long it lasts: the last one is taken for an average one
    spent += spent // (len(stamps) - 1) if len(stamps) > 1 else 0
    return min(stamps) / MILLISECONDS, spent / MILLISECONDS, pictures[0].key
