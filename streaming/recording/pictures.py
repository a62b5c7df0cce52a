"""Digests of the coded pictures in a recording, by which a player knows the picture it is sent for the one recorded.

Of H.264 the slices alone count: parameter sets, delimiters and messages may come on other ways, or be written anew.
The browser computes the same (`pictures.js` of the public site).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from streaming.recording import mkv, mp4
from streaming.recording.mp4 import Track
from streaming.wire.h264 import IDR, NAL_TYPE, SLICE

SIZE = 16
"""Bytes of SHA-256 that are kept of each."""
_LENGTH = 4
"""Bytes of the length before each NAL unit in an MP4."""


def in_fragment(piece: bytes, tracks: Mapping[int, Track]) -> tuple[bytes, ...]:
    """The pictures of a closed piece of an MP4, H.264; none in its head. mp4.Damaged."""
    found: list[bytes] = []
    for kind, start, end in mp4.boxes(piece):
        if kind == b"moof":
            placed = mp4.placed(piece[start:end], start - mp4.BOX_HEAD)
            samples = (one for one in placed if tracks[one.track].kind == "vide")
            found += (_of_h264(piece[one.offset : one.offset + one.size]) for one in samples)
    return tuple(found)


def in_cluster(piece: bytes) -> tuple[bytes, ...]:
    """The pictures of a closed piece of a WebM, VP8; none in its head. mp4.Damaged."""
    if not mkv.is_cluster(piece):
        return ()
    pictures = (block for block in mkv.blocks(piece) if block.track == mkv.VIDEO_TRACK)
    return tuple(_digest(piece[one.start : one.end]) for one in pictures)


def _of_h264(sample: bytes) -> bytes:
    return _digest(b"".join(len(nal).to_bytes(_LENGTH, "big") + nal for nal in _slices(sample)))


def _slices(sample: bytes) -> Iterator[bytes]:
    """The slices of a picture as MP4 keeps it. What follows a NAL unit's last bit are zeros that some ways cut off."""
    at = 0
    while at + _LENGTH < len(sample):
        size = int.from_bytes(sample[at : at + _LENGTH], "big")
        at += _LENGTH
        if SLICE <= sample[at] & NAL_TYPE <= IDR:
            yield sample[at : at + size].rstrip(b"\0")
        at += size


def _digest(coded: bytes) -> bytes:
    return hashlib.sha256(coded).digest()[:SIZE]
