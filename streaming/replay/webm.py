"""Replays of recordings in WebM (RFC 9559), of VP8: their coded pictures and sounds, and a WebM made of parts of them.

As of an MP4 (`movie.py`) its head is written anew and stands first, with the places of its keyframes; pictures and
sounds are taken from the recordings' files. Nothing that was not chosen is in it, at any byte.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from streaming.recording import mkv
from streaming.recording.mkv import MILLISECONDS, Block, MkvFollower
from streaming.replay.samples import AUDIO, VIDEO, Sample, Track

USUAL = 40
"""Milliseconds for which a last picture stands where no other tells how long they usually do."""
LONGEST_CLUSTER = 5000
"""Milliseconds of a cluster without a keyframe; the times in it are 16 bits wide."""

_INFO, _SCALE, _DURATION, _MUXER, _WRITER = 0x1549A966, 0x2AD7B1, 0x4489, 0x4D80, 0x5741
_TRACK_ENTRY, _NUMBER, _UID, _TYPE, _LACING, _CODEC, _PRIVATE = 0xAE, 0xD7, 0x73C5, 0x83, 0x9C, 0x86, 0x63A2
_DELAY, _PREROLL, _VIDEO, _WIDTH, _HEIGHT = 0x56AA, 0x56BB, 0xE0, 0xB0, 0xBA
_AUDIO, _RATE, _CHANNELS = 0xE1, 0xB5, 0x9F
_CUES, _CUE, _CUE_TIME, _CUE_PLACE, _CUE_TRACK, _CUE_CLUSTER = 0x1C53BB6B, 0xBB, 0xB3, 0xB7, 0xF7, 0xF1
"""Ids of elements (RFC 9559 §5)."""
_EBML = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d4287810442858102")
"""The head of a WebM file: DocType webm, version 4, readable by version 2."""
_CLUSTER_HEAD = 29
"""Bytes before the first block of a cluster: its id and length, its time with its own."""
_BLOCK_HEAD = 9
"""Bytes before the picture of a block: id and length, track, time, flags."""
_KEY = 0x80
"""Flag of a SimpleBlock that needs no other."""
_NANOSECONDS = 1_000_000
"""Of a tick."""
_OPUS_PREROLL = 80 * _NANOSECONDS
"""Sound that a decoder of Opus needs before what it plays (RFC 7845 §4.6)."""


def element(kind: int, *parts: bytes) -> bytes:
    """An element around its parts; its length always takes eight bytes, so that it is known before the content."""
    content = b"".join(parts)
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + _length(len(content)) + content


def _length(size: int) -> bytes:
    return (1 << 56 | size).to_bytes(8, "big")


def number(kind: int, value: int) -> bytes:
    """An element with a whole number, in eight bytes."""
    return element(kind, value.to_bytes(8, "big"))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


class WebmSamples:
    """The samples of the first `limit` bytes of a WebM; only what the ledger knows of is read."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit = file, limit
        self._usual: dict[int, int] = {}

    @cached_property
    def tracks(self) -> dict[int, Track]:
        """The tracks by their numbers; none where the head is not there yet."""
        head = next(self._pieces(), b"")
        return {found.number: _track(found) for found in mkv.tracks(head)} if head else {}

    def __iter__(self) -> Iterator[Sample]:
        waiting: list[tuple[int, Block]] = []
        for piece in MkvFollower(self._file).pieces(self._limit):
            raw = os.pread(self._file.fileno(), piece.bytes, piece.offset)
            if mkv.is_cluster(raw):
                fresh = [(piece.offset, block) for block in mkv.blocks(raw)]
                yield from self._timed(waiting, fresh)
                waiting = fresh
        yield from self._timed(waiting, [])

    def _pieces(self) -> Iterator[bytes]:
        for piece in MkvFollower(self._file).pieces(self._limit):
            yield os.pread(self._file.fileno(), piece.bytes, piece.offset)

    def _timed(
        self, blocks: Sequence[tuple[int, Block]], following: Sequence[tuple[int, Block]]
    ) -> list[Sample]:
        """Blocks as samples: each stands until the next of its track, which may be in the following cluster."""
        after = {block.track: block.time for _, block in reversed(following)}
        found = []
        for offset, block in reversed(blocks):
            length = after.get(block.track, block.time + self._usual.get(block.track, USUAL)) - block.time
            after[block.track], self._usual[block.track] = block.time, length
            found.append(_sample(self.tracks[block.track].kind, offset, block, length))
        return found[::-1]


def _sample(kind: str, offset: int, block: Block, length: int) -> Sample:
    size, shown = block.end - block.start, block.time / MILLISECONDS
    return Sample(
        kind, offset + block.start, size, block.time, 0, shown, max(0, length) / MILLISECONDS, block.key
    )


def _track(track: mkv.MkvTrack) -> Track:
    width, height = track.size
    return Track(track.kind, MILLISECONDS, _entry(track), (width << 16, height << 16))


def _entry(track: mkv.MkvTrack) -> bytes:
    """A track as the movie tells it: the same for two recordings that can follow each other."""
    own = 1 if track.kind == VIDEO else 2
    parts = [number(_NUMBER, own), number(_UID, own), number(_TYPE, own), number(_LACING, 0)]
    parts.append(element(_CODEC, track.codec.encode()))
    if track.private:
        parts.append(element(_PRIVATE, track.private))
    if track.kind == VIDEO:
        width, height = track.size
        return element(_TRACK_ENTRY, *parts, element(_VIDEO, number(_WIDTH, width), number(_HEIGHT, height)))
    sound = element(_AUDIO, element(_RATE, struct.pack(">d", 48_000)), number(_CHANNELS, track.channels))
    return element(_TRACK_ENTRY, *parts, number(_DELAY, 0), number(_PREROLL, _OPUS_PREROLL), sound)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


class WebmMovie:
    """A finished movie: its head, then clusters. What stands before each picture and sound is made as it is read."""

    media_type = "video/webm"
    suffix = "webm"

    def __init__(self, writer: WebmWriter) -> None:
        self._samples = writer
        self.seconds = writer.ends / MILLISECONDS
        self._clusters = list(pairwise([*writer.clusters, len(writer.sizes)]))
        self._openings = {first: self._cluster(first, end) for first, end in self._clusters}
        self.head = self._head()
        self._starts = array("Q", [len(self.head)])
        for index, size in enumerate(writer.sizes):
            self._starts.append(self._starts[-1] + self._before(index) + size)

    @property
    def size(self) -> int:
        """Its size."""
        return self._starts[-1]

    def _before(self, index: int) -> int:
        return _BLOCK_HEAD + (_CLUSTER_HEAD if index in self._openings else 0)

    def _cluster(self, first: int, end: int) -> bytes:
        """The head of the cluster of some samples."""
        time = number(mkv.TIMESTAMP, self._samples.times[first])
        return mkv.CLUSTER.to_bytes(4, "big") + _length(len(time) + self._content(first, end)) + time

    def _head(self) -> bytes:
        info = element(
            _INFO, number(_SCALE, _NANOSECONDS), element(_DURATION, struct.pack(">d", self._samples.ends)),
            element(_MUXER, b"sunbid"), element(_WRITER, b"sunbid"),
        )  # fmt: skip
        head = info + element(mkv.TRACKS, *self._samples.entries())
        before = len(head) + len(self._cues(0))
        media = self._content(0, len(self._samples.sizes)) + _CLUSTER_HEAD * len(self._clusters)
        segment = mkv.SEGMENT.to_bytes(4, "big") + _length(before + media)
        return _EBML + segment + head + self._cues(before)

    def _cues(self, before: int) -> bytes:
        """Where the keyframes are: clusters begin with them. Places count from behind the segment's head."""
        points, at = [], before
        for first, end in self._clusters:
            if self._samples.keys[first]:
                place = element(_CUE_PLACE, number(_CUE_TRACK, 1), number(_CUE_CLUSTER, at))
                points.append(element(_CUE, number(_CUE_TIME, self._samples.times[first]), place))
            at += _CLUSTER_HEAD + self._content(first, end)
        return element(_CUES, *points)

    def _content(self, first: int, end: int) -> int:
        """Bytes of some samples with what stands before each."""
        return sum(self._samples.sizes[first:end]) + _BLOCK_HEAD * (end - first)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`. FileNotFoundError where a recording is gone, OSError where one is
        shorter than it was."""
        parts = [self.head[start:end]] if start < len(self.head) else []
        position, end = max(start, len(self.head)), min(end, self.size)
        index = bisect_right(self._starts, position) - 1
        with ExitStack() as stack:
            files = _Files(stack)
            while position < end:
                parts.append(
                    self._part(files, index, position - self._starts[index], end - self._starts[index])
                )
                position, index = self._starts[index + 1], index + 1
        return b"".join(parts)

    def _part(self, files: _Files, index: int, start: int, end: int) -> bytes:
        """Bytes of one block and what stands before it."""
        before = self._openings.get(index, b"") + self._samples.block_head(index)
        first, last = max(0, start - len(before)), min(self._samples.sizes[index], end - len(before))
        media = self._samples.media(files, index, first, last) if last > first else b""
        return before[start:end] + media


class _Files:
    """The recordings being read, each opened once."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open: dict[Path, BinaryIO] = {}

    def read(self, path: Path, offset: int, size: int) -> bytes:
        if path not in self._open:
            self._open[path] = self._stack.enter_context(path.open("rb", buffering=0))
        data = os.pread(self._open[path].fileno(), size, offset)
        if len(data) != size:
            raise OSError(f"{path.name}: {size} bytes at {offset} are not there")
        return data


class WebmWriter:
    """Puts a movie together from samples in the order of their files; they are kept as columns.

    clusters  the first sample of each
    ends      when the last sample has been shown, in milliseconds
    """

    def __init__(self) -> None:
        self.sizes, self.times, self.keys = array("I"), array("Q"), array("B")
        self.clusters: list[int] = []
        self.ends = 0
        self._offsets, self._numbers, self._of, self._begun = array("Q"), array("B"), array("H"), array("Q")
        self._paths: list[Path] = []
        self._tracks: dict[str, Track] = {}

    def add(self, track: Track, path: Path, sample: Sample, shown: float, seconds: float) -> None:
        """A sample of a recording's file, shown at second `shown` of the movie for so many seconds."""
        self._tracks[track.kind] = track
        if not self._paths or self._paths[-1] != path:
            self._paths.append(path)
        time, key = max(0, round(shown * MILLISECONDS)), sample.key and track.kind == VIDEO
        begun = self.times[self.clusters[-1]] if self.clusters else 0
        if not self.clusters or key or not 0 <= time - begun < LONGEST_CLUSTER:
            self.clusters.append(len(self.sizes))
            begun = time
        for column, value in (
            (self.sizes, sample.size), (self.times, time), (self.keys, key), (self._offsets, sample.offset),
            (self._numbers, 1 if track.kind == VIDEO else 2), (self._of, len(self._paths) - 1), (self._begun, begun),
        ):  # fmt: skip
            column.append(value)
        self.ends = max(self.ends, time + round(seconds * MILLISECONDS))

    def entries(self) -> list[bytes]:
        """The tracks there are, the picture's first."""
        return [self._tracks[kind].entry for kind in (VIDEO, AUDIO) if kind in self._tracks]

    def block_head(self, index: int) -> bytes:
        """What stands before a sample in its cluster."""
        flags = _KEY if self.keys[index] or self._numbers[index] != 1 else 0
        within = self.times[index] - self._begun[index]
        length = 0x10000000 | self.sizes[index] + _BLOCK_HEAD - 5  # behind id and length
        return struct.pack(">BIBhB", mkv.SIMPLE_BLOCK, length, 0x80 | self._numbers[index], within, flags)

    def media(self, files: _Files, index: int, first: int, last: int) -> bytes:
        """Bytes of a sample."""
        return files.read(self._paths[self._of[index]], self._offsets[index] + first, last - first)

    def finish(self) -> WebmMovie:
        """The movie of what was added."""
        return WebmMovie(self)
