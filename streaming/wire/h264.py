"""H.264 out of RTP (RFC 6184, packetization modes 0 and 1): pictures, parameter sets, frame size."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from streaming.wire import rtp
from streaming.wire.serial import SEQUENCE_HALF, SEQUENCE_MASK, sequence, ticks_between

SLICE, IDR, SEI, SPS, PPS, DELIMITER = 1, 5, 6, 7, 8, 9
"""Types of NAL units (ITU-T H.264 table 7-1)."""
STAP_A, FU_A = 24, 28
"""Types of RTP payloads that hold several NAL units, or a piece of one (RFC 6184 table 1)."""
NAL_TYPE, NAL_IMPORTANCE = 0x1F, 0xE0
"""Bits of a NAL unit's first byte; in a piece the type stands in the byte behind it."""
FRAGMENT_START, FRAGMENT_END = 0x80, 0x40
"""Bits of a piece's second byte: it is the first, the last of its NAL unit."""
FIRST_MACROBLOCK = 0x80
"""Bit of a slice's second byte: first_mb_in_slice is 0, so the slice is the first of its picture."""
PAYLOAD = rtp.HEADER_SIZE
"""Where the payload begins in the packets a room hands out: they carry neither CSRCs nor extensions."""
_LENGTH = 2
"""Bytes of a NAL unit's length in a STAP-A."""
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
    end = rtp.payload_end(packet)
    kind = packet[PAYLOAD] & NAL_TYPE if end > PAYLOAD else 0
    if 0 < kind < STAP_A:
        yield packet[PAYLOAD:end]
    elif kind == STAP_A:
        yield from _aggregated(packet, end)


def _aggregated(packet: bytes, end: int) -> Iterator[bytes]:
    """The NAL units of a STAP-A, up to the first whose length does not fit."""
    position = PAYLOAD + 1
    while position + _LENGTH < end:
        size = int.from_bytes(packet[position : position + _LENGTH], "big")
        position += _LENGTH
        if size == 0 or position + size > end:
            return
        yield packet[position : position + size]
        position += size


def starts_keyframe(payload: bytes, start: int) -> bool:
    """Whether the RTP payload at `start` begins (or is part of the head of) an IDR picture."""
    if len(payload) <= start + 1:
        return False
    kind = payload[start] & NAL_TYPE
    if kind == FU_A:
        return _starts_fragment_of_idr(payload[start + 1])
    if kind != STAP_A:
        return kind in (IDR, SPS)
    position = start + 1
    while position + _LENGTH < len(payload):
        if payload[position + _LENGTH] & NAL_TYPE in (IDR, SPS):
            return True
        position += _LENGTH + int.from_bytes(payload[position : position + _LENGTH], "big")
    return False


def starts_idr(packet: bytes) -> bool:
    """Whether a packet begins an IDR picture itself, not only the parameter sets before it."""
    kind = packet[PAYLOAD] & NAL_TYPE if len(packet) > PAYLOAD + 1 else 0
    if kind == STAP_A:
        return any(nal[0] & NAL_TYPE == IDR for nal in single_nals(packet))
    return kind == IDR or (kind == FU_A and _starts_fragment_of_idr(packet[PAYLOAD + 1]))


def _starts_fragment_of_idr(head: int) -> bool:
    return head & FRAGMENT_START != 0 and head & NAL_TYPE == IDR


def _begins_picture(packet: bytes) -> bool:
    """Whether nothing of its picture can be missing before this packet: parameter sets, or macroblock 0."""
    body = packet[PAYLOAD : PAYLOAD + 3]
    kind = body[0] & NAL_TYPE if len(body) == 3 else 0
    if kind == FU_A:
        return body[1] & FRAGMENT_START != 0 and body[2] & FIRST_MACROBLOCK != 0
    if kind in (SLICE, IDR):
        return body[1] & FIRST_MACROBLOCK != 0
    return kind in (SEI, SPS, PPS, DELIMITER, STAP_A)


class ParameterWatch:
    """Keeps the newest parameter sets seen in a stream."""

    def __init__(self) -> None:
        self._sps: bytes | None = None
        self._pps: bytes | None = None

    def announce(self, sprop: str) -> None:
        """Take what an SDP says until the stream itself says more; garbage is ignored."""
        for part in sprop.split(","):
            try:
                self.note(base64.b64decode(part, validate=True))
            except (binascii.Error, ValueError):
                continue

    def look(self, packet: bytes) -> None:
        """Take the parameter sets of one RTP packet, if it has any."""
        if len(packet) > PAYLOAD and packet[PAYLOAD] & NAL_TYPE in (SPS, PPS, STAP_A):
            for nal in single_nals(packet):
                self.note(nal)

    def note(self, nal: bytes) -> None:
        """Keep a NAL unit, if it is a parameter set."""
        kind = nal[0] & NAL_TYPE if nal else 0
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
        self._number: int | None = None
        self._broken = False

    def push(self, packet: bytes) -> Iterator[Picture]:
        """The pictures that this packet completes: at most the one before it and its own."""
        number, timestamp = rtp.NUMBER_AND_TIME.unpack_from(packet)
        lost = self._number is not None and number != sequence(self._number + 1)
        if timestamp != self._timestamp:
            # the loss hit the end of the picture before, and the head of this one unless it is here
            self._broken |= lost and bool(self._nals or self._fragment)
            yield from self._finish()
            self._timestamp = timestamp
            lost = lost and not _begins_picture(packet)
        self._broken |= lost
        self._number = number
        self._unpack(packet)
        if rtp.marked(packet):
            yield from self._finish()
            self._timestamp = timestamp

    def _unpack(self, packet: bytes) -> None:
        end = rtp.payload_end(packet)
        if end <= PAYLOAD + 1:
            return
        if packet[PAYLOAD] & NAL_TYPE != FU_A:
            for nal in single_nals(packet):
                self._add(nal)
            return
        self._add_piece(packet[PAYLOAD], packet[PAYLOAD + 1], packet[PAYLOAD + 2 : end])

    def _add_piece(self, first: int, head: int, piece: bytes) -> None:
        """A piece of a NAL unit, whose first byte is put together from the two before the piece."""
        if head & FRAGMENT_START:
            self._fragment = [bytes((first & NAL_IMPORTANCE | head & NAL_TYPE,))]
        elif not self._fragment:
            self._broken = True
            return
        self._fragment.append(piece)
        if head & FRAGMENT_END:
            self._add(b"".join(self._fragment))
            self._fragment = []

    def _add(self, nal: bytes) -> None:
        kind = nal[0] & NAL_TYPE
        if kind in (SPS, PPS):
            self.watch.note(nal)
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
            yield Picture(self._timestamp, nals, any(nal[0] & NAL_TYPE == IDR for nal in nals), sets)


class BFrameWatch:
    """Sees B-frames: pictures that are sent after one that is shown later.

    `reordered`: there are some; `pictures`: how many pictures were looked at.
    """

    WITHIN = 60
    """Pictures within which time must step back twice: a clock that is set back does so once."""

    def __init__(self) -> None:
        self.pictures = 0
        self.reordered = False
        self._number: int | None = None
        self._last = 0
        self._stepped_back: int | None = None

    def look(self, packet: bytes) -> None:
        """The next packet as it arrives; one that is older than what was seen tells nothing of the sender's order."""
        number, timestamp = rtp.NUMBER_AND_TIME.unpack_from(packet)
        first = self._number is None
        if self._number is not None and (number - self._number) & SEQUENCE_MASK >= SEQUENCE_HALF:
            return
        self._number = number
        if timestamp == self._last and not first:
            return
        back = not first and ticks_between(timestamp, self._last) < 0
        self.pictures, self._last = self.pictures + 1, timestamp
        if back:
            before, self._stepped_back = self._stepped_back, self.pictures
            self.reordered |= before is not None and self.pictures - before <= self.WITHIN


class _Bits:
    """Big-endian bits of a NAL unit, emulation prevention removed. IndexError at the end."""

    def __init__(self, nal: bytes) -> None:
        self._data = nal.replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def ue(self) -> int:
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


_WITH_CHROMA_FORMAT = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles whose parameter sets say how colour is sampled and how deep samples are; others have 4:2:0 with 8 bits."""
_YUV420, _YUV422, _YUV444 = 1, 2, 3
_MACROBLOCK = 16
"""Pixels across and down."""


def frame_size(sps: bytes) -> tuple[int, int]:
    """(width, height) in pixels, cropping applied (ITU-T H.264 §7.3.2.1). ValueError for a broken SPS."""
    try:
        return _frame_size(_Bits(sps[1:]))
    except IndexError:
        raise ValueError("SPS: truncated sequence parameter set") from None


def _frame_size(bits: _Bits) -> tuple[int, int]:
    profile = bits.read(8)
    bits.read(16)  # constraint flags, level
    bits.ue()  # seq_parameter_set_id
    chroma = _chroma(bits) if profile in _WITH_CHROMA_FORMAT else _YUV420
    bits.ue()  # log2_max_frame_num_minus4
    _picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.read(1)  # gaps_in_frame_num_value_allowed_flag
    width, rows = (bits.ue() + 1) * _MACROBLOCK, bits.ue() + 1
    fields = 2 - bits.read(1)  # frame_mbs_only_flag: rows are of frames, else of each of two fields
    if fields == 2:
        bits.read(1)  # mb_adaptive_frame_field_flag
    bits.read(1)  # direct_8x8_inference_flag
    height = rows * _MACROBLOCK * fields
    if not bits.read(1):  # frame_cropping_flag
        return width, height
    left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
    across, down = 2 if chroma in (_YUV420, _YUV422) else 1, 2 if chroma == _YUV420 else 1
    return width - across * (left + right), height - down * fields * (top + bottom)


def _chroma(bits: _Bits) -> int:
    """chroma_format_idc; reads on behind the scaling lists."""
    chroma = bits.ue()
    if chroma == _YUV444:
        bits.read(1)  # separate_colour_plane_flag
    bits.ue()  # bit_depth_luma_minus8
    bits.ue()  # bit_depth_chroma_minus8
    bits.read(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.read(1):  # seq_scaling_matrix_present_flag
        for index in range(8 if chroma != _YUV444 else 12):
            if bits.read(1):
                _skip_scaling(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _picture_order(bits: _Bits) -> None:
    kind = bits.ue()  # pic_order_cnt_type
    if kind == 0:
        bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.read(1)  # delta_pic_order_always_zero_flag
        bits.se()  # offset_for_non_ref_pic
        bits.se()  # offset_for_top_to_bottom_field
        for _ in range(bits.ue()):
            bits.se()  # offset_for_ref_frame
