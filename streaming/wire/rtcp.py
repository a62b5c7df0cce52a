"""RTCP (RFC 3550, 4585, 5104) and REMB: read what peers send, write what the hub sends.

Everything read was authenticated by SRTCP but is still untrusted: lengths are checked, and a packet
that does not fit ends the compound without an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streaming.wire.rtp import VERSION, VERSION_BITS, VERSION_SHIFT
from streaming.wire.serial import TIMESTAMP_MASK, sequence, steps

SR, RR, BYE, RTPFB, PSFB = 200, 201, 203, 205, 206
NACK, PLI, FIR, REMB = 1, 1, 4, 15
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

FORMAT_MASK = 0x1F
"""Bits of the first byte: how many reports follow, or the format of a feedback."""

_HEAD = struct.Struct("!BBH")
"""Version and count or format, kind, length in words without this one."""
_SSRC = struct.Struct("!I")
_FEEDBACK = struct.Struct("!II")
"""SSRC of the one who asks, SSRC of the stream it asks for."""
_SENDER = struct.Struct("!IQIII")
"""SSRC, NTP time, RTP time of the same moment, packets, octets."""
_REPORT = struct.Struct("!IIIIII")
"""SSRC, share (8 bits) and number (24 bits, signed) lost, highest number, jitter, last sender report, time since."""
_NACK = struct.Struct("!HH")
"""A lost number, and a bit for each of the sixteen after it."""
_LOST_BITS, _LOST_MASK, _LOST_SIGN, _MOST_LOST = 24, 0xFFFFFF, 0x800000, 0x7FFFFF
_MOST_REPORTS = 31
_FOLLOWING = 16
"""Numbers that the bits of one NACK cover."""
_REMB_HEAD = struct.Struct("!II4sBBH")
"""SSRC, zero, name, how many SSRCs follow, exponent (6 bits) and the high bits of the mantissa, its low 16."""
_REMB_NAME = b"REMB"
_MANTISSA_BITS, _MANTISSA_HIGH = 18, 0x03
_COUNTER_MASK = TIMESTAMP_MASK
_NTP_SECOND = 1 << 32
"""Units of a 64-bit NTP time in a second."""


@dataclass(frozen=True, slots=True)
class Report:
    """One reception report block. `fraction` 0–1; `jitter` in RTP clock units; lsr/dlsr as on the wire."""

    ssrc: int
    fraction: float
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a compound; only the fields of its kind are filled."""

    kind: int
    format: int
    ssrc: int
    media: int = 0
    ntp: int = 0
    timestamp: int = 0
    reports: tuple[Report, ...] = ()
    lost: tuple[int, ...] = ()
    bitrate: int = 0
    sources: tuple[int, ...] = field(default=())


def parse(data: bytes) -> Iterator[Packet]:
    """The packets of a compound that the hub acts on, in order; stops at the first malformed one."""
    position = 0
    while position + _HEAD.size + _SSRC.size <= len(data):
        first, kind, words = _HEAD.unpack_from(data, position)
        end = position + _HEAD.size + words * 4
        if first >> VERSION_SHIFT != VERSION or words == 0 or end > len(data):
            return
        packet = _read(kind, first & FORMAT_MASK, data[position + _HEAD.size : end])
        if packet is not None:
            yield packet
        position = end


def _read(kind: int, count: int, body: bytes) -> Packet | None:
    """One packet without its head; None where it is malformed or of no interest."""
    (ssrc,) = _SSRC.unpack_from(body)
    if kind == SR and len(body) >= _SENDER.size + _REPORT.size * count:
        _, ntp, timestamp, _, _ = _SENDER.unpack_from(body)
        return Packet(
            SR, count, ssrc, ntp=ntp, timestamp=timestamp, reports=_reports(body, _SENDER.size, count)
        )
    if kind == RR and len(body) >= _SSRC.size + _REPORT.size * count:
        return Packet(RR, count, ssrc, reports=_reports(body, _SSRC.size, count))
    if kind == BYE:
        return Packet(BYE, count, ssrc)
    if kind in (RTPFB, PSFB) and len(body) >= _FEEDBACK.size:
        return _feedback(kind, count, body)
    return None


def _feedback(kind: int, format: int, body: bytes) -> Packet | None:
    ssrc, media = _FEEDBACK.unpack_from(body)
    if kind == RTPFB and format == NACK:
        return Packet(RTPFB, NACK, ssrc, media=media, lost=tuple(_lost(body[_FEEDBACK.size :])))
    if kind == PSFB and format in (PLI, FIR):
        return Packet(PSFB, format, ssrc, media=media)
    return _remb(body) if kind == PSFB and format == REMB else None


def _reports(body: bytes, at: int, count: int) -> tuple[Report, ...]:
    found = []
    for index in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, at + _REPORT.size * index)
        lost = loss & _LOST_MASK
        lost -= (lost & _LOST_SIGN) << 1
        found.append(Report(ssrc, (loss >> _LOST_BITS) / 256, lost, highest, jitter, lsr, dlsr))
    return tuple(found)


def _lost(pairs: bytes) -> Iterator[int]:
    for first, mask in _NACK.iter_unpack(pairs[: len(pairs) - len(pairs) % _NACK.size]):
        yield first
        for bit in range(_FOLLOWING):
            if mask >> bit & 1:
                yield sequence(first + bit + 1)


def _remb(body: bytes) -> Packet | None:
    if len(body) < _REMB_HEAD.size:
        return None
    ssrc, _, name, count, high, low = _REMB_HEAD.unpack_from(body)
    if name != _REMB_NAME or len(body) < _REMB_HEAD.size + _SSRC.size * count:
        return None
    exponent, mantissa = high >> 2, (high & _MANTISSA_HIGH) << 16 | low
    sources = struct.unpack_from(f"!{count}I", body, _REMB_HEAD.size)
    return Packet(PSFB, REMB, ssrc, bitrate=mantissa << exponent, sources=sources)


# -- writing --------------------------------------------------------------------------------------


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(VERSION_BITS | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """SR: `ntp` 64-bit NTP time and `timestamp` the RTP time of the same instant."""
    counters = (packets & _COUNTER_MASK, octets & _COUNTER_MASK)
    return _packet(SR, 0, _SENDER.pack(ssrc, ntp, timestamp & TIMESTAMP_MASK, *counters))


def receiver_report(ssrc: int, reports: list[Report]) -> bytes:
    """RR with up to 31 report blocks."""
    kept = reports[:_MOST_REPORTS]
    return _packet(RR, len(kept), _SSRC.pack(ssrc) + b"".join(map(_block, kept)))


def _block(report: Report) -> bytes:
    share, lost = min(255, int(report.fraction * 256)), max(0, min(report.lost, _MOST_LOST))
    return _REPORT.pack(
        report.ssrc,
        share << _LOST_BITS | lost,
        report.highest & _COUNTER_MASK,
        report.jitter & _COUNTER_MASK,
        report.lsr,
        min(report.dlsr, _COUNTER_MASK),
    )


def bye(ssrc: int) -> bytes:
    """The stream is over."""
    return _packet(BYE, 1, _SSRC.pack(ssrc))


def nack(ssrc: int, media: int, lost: Iterable[int]) -> bytes:
    """Generic NACK for sequence numbers given in sending order (RFC 4585 §6.2.1)."""
    pairs: list[list[int]] = []
    for number in lost:
        ahead = steps(number, pairs[-1][0]) if pairs else 0
        if pairs and 0 < ahead <= _FOLLOWING:
            pairs[-1][1] |= 1 << (ahead - 1)
        elif not pairs or ahead:
            pairs.append([number, 0])
    return _packet(RTPFB, NACK, _FEEDBACK.pack(ssrc, media) + b"".join(_NACK.pack(*pair) for pair in pairs))


def pli(ssrc: int, media: int) -> bytes:
    """Picture loss indication: a keyframe, please."""
    return _packet(PSFB, PLI, _FEEDBACK.pack(ssrc, media))


def remb(ssrc: int, bitrate: int, sources: list[int]) -> bytes:
    """Receiver estimated maximum bitrate, bit/s, for these SSRCs."""
    exponent = max(0, bitrate.bit_length() - _MANTISSA_BITS)
    mantissa = bitrate >> exponent
    high, low = exponent << 2 | mantissa >> 16, mantissa & 0xFFFF
    head = _REMB_HEAD.pack(ssrc, 0, _REMB_NAME, len(sources), high, low)
    return _packet(PSFB, REMB, head + struct.pack(f"!{len(sources)}I", *sources))


def to_ntp(seconds: float) -> int:
    """Unix seconds as a 64-bit NTP time."""
    return int((seconds + NTP_EPOCH) * _NTP_SECOND)


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, by which reception reports name a sender report (lsr)."""
    return ntp >> 16 & TIMESTAMP_MASK


def from_ntp(ntp: int) -> float:
    """Unix seconds of a 64-bit NTP time."""
    return ntp / _NTP_SECOND - NTP_EPOCH
