"""Writing fragmented MP4 (ISO/IEC 14496-12, -15): H.264 with Opus or AAC, one fragment at a time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from streaming.wire.h264 import Parameters, frame_size

VIDEO_SCALE, AUDIO_SCALE = 90_000, 48_000
"""Ticks a second of the two tracks: the RTP clocks, so that no time is ever rounded."""
VIDEO_TRACK, AUDIO_TRACK = 1, 2
_KEY, _DELTA = 0x02000000, 0x01010000
"""Flags of a sample (ISO/IEC 14496-12 §8.8.3.1): depends on no other; depends on others and is no sync sample."""
_LENGTH_SIZE_4 = 0b111111 << 2 | 3
"""avcC: six reserved ones, lengthSizeMinusOne (ISO/IEC 14496-15 §5.3.3.1.2): a length of 4 bytes before each NAL unit."""
_ONE_SPS = 0b111 << 5 | 1
"""avcC: three reserved ones, numOfSequenceParameterSets (same place)."""
_72_DPI = 72 << 16
"""Resolution of a picture, 16.16 fixed point, as ISO/IEC 14496-12 §12.1.3 has it for every VisualSampleEntry."""
_UNDETERMINED = sum(ord(letter) - 0x60 << shift for letter, shift in zip("und", (10, 5, 0), strict=True))
"""Language of a track (ISO 639-2/T) as mdhd packs it: three letters of 5 bits (ISO/IEC 14496-12 §8.4.2)."""
_DATA_OFFSET, _DURATIONS, _SIZES, _SAMPLE_FLAGS, _SHIFTS = 0x1, 0x100, 0x200, 0x400, 0x800
_RUN = _DATA_OFFSET | _DURATIONS | _SIZES | _SAMPLE_FLAGS
"""What a trun tells of its samples (tr_flags, ISO/IEC 14496-12 §8.8.8)."""
_FROM_MOOF = 0x020000
"""default-base-is-moof (tf_flags, ISO/IEC 14496-12 §8.8.7): offsets count from the fragment's own moof."""
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True)
class Sample:
    """One coded picture or sound frame; `duration` in ticks of its track, `offset` how many later it is shown than it is
    decoded (below zero: earlier)."""

    data: bytes
    duration: int
    key: bool = True
    offset: int = 0


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box around its parts."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def head(parameters: Parameters, audio_entry: bytes | None) -> bytes:
    """ftyp and moov: what a player needs before the first fragment. ValueError for a broken SPS."""
    entry, size = _video(parameters)
    tracks = [trak(VIDEO_TRACK, VIDEO_SCALE, b"vide", _no_samples(entry), size)]
    if audio_entry:
        tracks.append(trak(AUDIO_TRACK, AUDIO_SCALE, b"soun", _no_samples(audio_entry), (0, 0)))
    extends = [full(b"trex", 0, 0, struct.pack(">5I", track + 1, 1, 0, 0, 0)) for track in range(len(tracks))]
    return box(b"ftyp", b"iso6", bytes(4), b"iso6cmfcmp41") + box(
        b"moov", movie_header(0), *tracks, box(b"mvex", *extends)
    )


MOVIE_SCALE = 1000
"""Ticks a second of what belongs to no track."""


def movie_header(length: int) -> bytes:
    """mvhd of a movie of so many ticks of MOVIE_SCALE; 0: not known yet."""
    return full(
        b"mvhd", 0, 0, struct.pack(">4I", 0, 0, MOVIE_SCALE, length), struct.pack(">IH", 0x10000, 0x100), bytes(10),
        _MATRIX, bytes(24), struct.pack(">I", AUDIO_TRACK + 1),
    )  # fmt: skip


def _video(parameters: Parameters) -> tuple[bytes, tuple[int, int]]:
    width, height = frame_size(parameters.sps)
    sps, pps = parameters.sps, parameters.pps
    config = bytes((1, *sps[1:4], _LENGTH_SIZE_4, _ONE_SPS)) + struct.pack(">H", len(sps)) + sps
    config += b"\x01" + struct.pack(">H", len(pps)) + pps
    if sps[1] in (100, 110, 122, 144):
        # the high profiles repeat chroma format and depths: 4:2:0 with 8 bits is what WebRTC sends
        config += bytes((0xFD, 0xF8, 0xF8, 0))
    entry = box(
        b"avc1", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">2H", width, height),
        struct.pack(">3IH", _72_DPI, _72_DPI, 0, 1), bytes(32), struct.pack(">Hh", 24, -1),
        box(b"avcC", config),
    )  # fmt: skip
    return entry, (width << 16, height << 16)


def opus_entry(channels: int = 2) -> bytes:
    """Sample entry of Opus; WebRTC always carries it at 48 kHz, with nothing to skip at the start."""
    config = box(b"dOps", struct.pack(">BBHIhB", 0, channels, 0, AUDIO_SCALE, 0, 0))
    return _sound(b"Opus", channels, config)


def aac_entry(config: bytes, channels: int = 2) -> bytes:
    """Sample entry of AAC; `config` is the AudioSpecificConfig of ISO/IEC 14496-3."""
    decoder = _descriptor(
        4, struct.pack(">BBBHII", 0x40, 0x15, 0, 0, 128_000, 128_000), _descriptor(5, config)
    )
    elementary = _descriptor(3, struct.pack(">HB", AUDIO_TRACK, 0), decoder, _descriptor(6, b"\x02"))
    return _sound(b"mp4a", channels, full(b"esds", 0, 0, elementary))


def _descriptor(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


def _sound(kind: bytes, channels: int, config: bytes) -> bytes:
    rate = struct.pack(">2HII", channels, 16, 0, AUDIO_SCALE << 16)
    return box(kind, bytes(6), struct.pack(">H", 1), bytes(8), rate, config)


def _no_samples(entry: bytes) -> bytes:
    """stbl of a track whose samples come in fragments."""
    empty = [full(name, 0, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco")]
    return box(
        b"stbl", full(b"stsd", 0, 0, struct.pack(">I", 1), entry), *empty, full(b"stsz", 0, 0, bytes(8))
    )


_HEADERS = {b"vide": full(b"vmhd", 0, 1, bytes(8)), b"soun": full(b"smhd", 0, 0, bytes(4))}


def trak(
    number: int, scale: int, kind: bytes, table: bytes, size: tuple[int, int], edits: bytes = b"", length: float = 0
) -> bytes:  # fmt: skip
    """A track of a moov.

    table   its stbl
    size    width and height in 1/65536 of a pixel
    edits   its edts, if any
    length  seconds; 0: not known yet
    """
    volume = 0x100 if kind == b"soun" else 0
    track = full(
        b"tkhd", 0, 3, struct.pack(">5I", 0, 0, number, 0, round(length * MOVIE_SCALE)), bytes(8),
        struct.pack(">4H", 0, 0, volume, 0), _MATRIX, struct.pack(">2I", *size),
    )  # fmt: skip
    here = box(b"dinf", full(b"dref", 0, 0, struct.pack(">I", 1), full(b"url ", 0, 1)))
    media = box(
        b"mdia",
        full(b"mdhd", 1, 0, struct.pack(">2QIQ2H", 0, 0, scale, round(length * scale), _UNDETERMINED, 0)),
        full(b"hdlr", 0, 0, bytes(4), kind, bytes(12), b"sunbid\0"),
        box(b"minf", _HEADERS[kind], here, table),
    )
    return box(b"trak", track, edits, media)


@dataclass(frozen=True)
class Stretch:
    """Consecutive samples of one track; `start` in its ticks from the beginning of the time line."""

    track: int
    start: int
    samples: Sequence[Sample]


def fragment(number: int, stretches: Sequence[Stretch]) -> bytes:
    """moof and mdat of some stretches, each with at least one sample."""
    empty = _moof(number, stretches, 0)
    media = b"".join(sample.data for stretch in stretches for sample in stretch.samples)
    return _moof(number, stretches, len(empty) + 8) + struct.pack(">I4s", 8 + len(media), b"mdat") + media


def _moof(number: int, stretches: Sequence[Stretch], offset: int) -> bytes:
    parts = []
    for stretch in stretches:
        parts.append(_traf(stretch, offset))
        offset += sum(len(sample.data) for sample in stretch.samples)
    return box(b"moof", full(b"mfhd", 0, 0, struct.pack(">I", number)), *parts)


def _traf(stretch: Stretch, offset: int) -> bytes:
    moved = any(sample.offset for sample in stretch.samples)
    rows = b"".join(
        struct.pack(">3I", sample.duration, len(sample.data), _KEY if sample.key else _DELTA)
        + (struct.pack(">i", sample.offset) if moved else b"")
        for sample in stretch.samples
    )
    # version 1 takes offsets below zero
    run = full(
        b"trun",
        int(moved),
        _RUN | _SHIFTS if moved else _RUN,
        struct.pack(">Ii", len(stretch.samples), offset),
        rows,
    )
    return box(
        b"traf",
        full(b"tfhd", 0, _FROM_MOOF, struct.pack(">I", stretch.track)),
        full(b"tfdt", 1, 0, struct.pack(">Q", stretch.start)),
        run,
    )
