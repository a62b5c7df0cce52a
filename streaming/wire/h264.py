"""H.264 out of RTP (RFC 6184, packetization modes 0 and 1): pictures, parameter sets, frame size."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

IDR, SEI, SPS, PPS, DELIMITER, STAP_A, FU_A = 5, 6, 7, 8, 9, 24, 28
HEADER = 12
"""Bytes of the RTP header of the packets a room hands out: they carry neither CSRCs nor extensions."""
MOST_SETS = 16
"""Parameter sets kept for the picture they come before."""


@dataclass(frozen=True)
class Parameters:
    """One sequence and one picture parameter set: what a decoder must know before the first picture."""

    sps: bytes
    pps: bytes

    @property
    def codec(self) -> str:
        """RFC 6381 name: avc1 and profile, constraints, level in hexadecimal."""
        return "avc1." + self.sps[1:4].hex()

    @property
    def shape(self) -> tuple[object, ...]:
        """What a decoder and a container are set up for: profile and frame size. Sets that differ in anything else
        follow each other within a stream."""
        try:
            return (self.sps[1], *frame_size(self.sps))
        except ValueError:
            return (self.sps, self.pps)

    @property
    def sprop(self) -> str:
        """As in SDP (sprop-parameter-sets)."""
        return ",".join(base64.b64encode(nal).decode() for nal in (self.sps, self.pps))


@dataclass(frozen=True)
class Picture:
    """One access unit. `nals` without parameter sets and delimiters, `sets` the parameter sets that came with it;
    `timestamp` in 90 kHz units."""

    timestamp: int
    nals: tuple[bytes, ...]
    key: bool
    sets: tuple[bytes, ...] = ()

    def sample(self, sets: tuple[bytes, ...] = ()) -> bytes:
        """Its NAL units, behind these parameter sets, each behind its length in four bytes, as MP4 keeps them."""
        return b"".join(len(nal).to_bytes(4, "big") + nal for nal in (*sets, *self.nals))


def single_nals(packet: bytes) -> Iterator[bytes]:
    """The whole NAL units of one RTP packet (single or STAP-A); nothing for a fragment."""
    end = _end(packet)
    kind = packet[HEADER] & 31 if end > HEADER else 0
    if 0 < kind < STAP_A:
        yield packet[HEADER:end]
    elif kind == STAP_A:
        position = HEADER + 1
        while position + 2 < end:
            size = int.from_bytes(packet[position : position + 2], "big")
            if size == 0 or position + 2 + size > end:
                return
            yield packet[position + 2 : position + 2 + size]
            position += 2 + size


def _end(packet: bytes) -> int:
    """Length without RTP padding."""
    return len(packet) - (packet[-1] if packet[0] & 0x20 else 0)


def _begins_picture(packet: bytes) -> bool:
    """Whether nothing of its picture can be missing before this packet: parameter sets, or macroblock 0."""
    body = packet[HEADER : HEADER + 3]
    kind = body[0] & 31 if len(body) == 3 else 0
    if kind == FU_A:
        return body[1] & 0x80 != 0 and body[2] & 0x80 != 0
    # first_mb_in_slice 0 is a single one bit
    return kind in (SEI, SPS, PPS, DELIMITER, STAP_A) or (kind in (1, IDR) and body[1] & 0x80 != 0)


class ParameterWatch:
    """Keeps the newest parameter sets seen in a stream."""

    def __init__(self) -> None:
        self._sps: bytes | None = None
        self._pps: bytes | None = None

    def announce(self, sprop: str) -> None:
        """Take what an SDP says until the stream itself says more; garbage is ignored."""
        for part in sprop.split(","):
            try:
                self._take(base64.b64decode(part, validate=True))
            except (binascii.Error, ValueError):
                continue

    def look(self, packet: bytes) -> None:
        """Take the parameter sets of one RTP packet, if it has any."""
        if len(packet) > HEADER and packet[HEADER] & 31 in (SPS, PPS, STAP_A):
            for nal in single_nals(packet):
                self._take(nal)

    def _take(self, nal: bytes) -> None:
        kind = nal[0] & 31 if nal else 0
        if kind == SPS and len(nal) >= 5:
            self._sps = nal
        elif kind == PPS:
            self._pps = nal

    @property
    def parameters(self) -> Parameters | None:
        """Both sets, once both are known."""
        return Parameters(self._sps, self._pps) if self._sps and self._pps else None


class Depacketiser:
    """RTP packets in order of sequence → pictures. A picture with a lost packet is left out."""

    def __init__(self) -> None:
        self.watch = ParameterWatch()
        self.damaged = 0
        self._nals: list[bytes] = []
        self._sets: list[bytes] = []
        self._fragment: list[bytes] = []
        self._timestamp: int | None = None
        self._sequence: int | None = None
        self._broken = False

    def push(self, packet: bytes) -> Iterator[Picture]:
        """The pictures that this packet completes: at most the one before it and its own."""
        sequence = int.from_bytes(packet[2:4], "big")
        timestamp = int.from_bytes(packet[4:8], "big")
        lost = self._sequence is not None and sequence != (self._sequence + 1) & 0xFFFF
        if timestamp != self._timestamp:
            # the loss hit the end of the picture before, and the head of this one unless it is here
            self._broken |= lost and bool(self._nals or self._fragment)
            yield from self._finish()
            self._timestamp = timestamp
            lost = lost and not _begins_picture(packet)
        self._broken |= lost
        self._sequence = sequence
        self._take(packet)
        if packet[1] & 0x80:
            yield from self._finish()
            self._timestamp = timestamp

    def _take(self, packet: bytes) -> None:
        end = _end(packet)
        if end <= HEADER + 1:
            return
        if packet[HEADER] & 31 != FU_A:
            for nal in single_nals(packet):
                self._add(nal)
            return
        head = packet[HEADER + 1]
        if head & 0x80:
            self._fragment = [bytes((packet[HEADER] & 0xE0 | head & 31,))]
        elif not self._fragment:
            self._broken = True
            return
        self._fragment.append(packet[HEADER + 2 : end])
        if head & 0x40:
            self._add(b"".join(self._fragment))
            self._fragment = []

    def _add(self, nal: bytes) -> None:
        kind = nal[0] & 31
        if kind in (SPS, PPS):
            self.watch._take(nal)
            self._sets.append(nal)
        elif kind != DELIMITER:
            self._nals.append(nal)

    def _finish(self) -> Iterator[Picture]:
        nals, broken = tuple(self._nals), self._broken or bool(self._fragment)
        self._nals, self._fragment, self._broken = [], [], False
        if broken:
            self.damaged += 1
        elif nals and self._timestamp is not None:
            sets, self._sets = tuple(self._sets[-MOST_SETS:]), []
            yield Picture(self._timestamp, nals, any(nal[0] & 31 == IDR for nal in nals), sets)


class _Bits:
    """Big-endian bits of a NAL unit, emulation prevention removed. IndexError at the end."""

    def __init__(self, nal: bytes) -> None:
        self._data = nal.replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def frame_size(sps: bytes) -> tuple[int, int]:
    """(width, height) in pixels, cropping applied (ITU-T H.264 §7.3.2.1). ValueError for a broken SPS."""
    bits = _Bits(sps[1:])
    try:
        return _frame_size(bits)
    except IndexError:
        raise ValueError("SPS 不完整 / truncated sequence parameter set") from None


def _frame_size(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)
    bits.ue()
    chroma = _chroma(bits) if profile in _HIGH else 1
    bits.ue()
    _picture_order(bits)
    bits.ue()
    bits.take(1)
    width, units = (bits.ue() + 1) * 16, bits.ue() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    height = units * 16 * (2 - frames_only)
    if bits.take(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - across * (left + right), height - down * (top + bottom)
    return width, height


def _chroma(bits: _Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.take(1)
    bits.ue()
    bits.ue()
    bits.take(1)
    if bits.take(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.take(1):
                _skip_scaling(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _picture_order(bits: _Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.take(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
