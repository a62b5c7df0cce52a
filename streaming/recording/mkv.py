"""Reading live Matroska/WebM: the closed clusters of a file that still grows (RFC 9559, RFC 8794)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from streaming.recording.mp4 import LARGEST, Damaged, Piece

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
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

    def pieces(self) -> Iterator[Piece]:
        """Pieces closed since the last call, in order; Damaged where the file is not what it should be."""
        size = os.fstat(self._file.fileno()).st_size
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
