"""RTCP (RFC 3550, 4585, 5104) and REMB: read what peers send, write what the hub sends.

Everything read was authenticated by SRTCP but is still untrusted: lengths are checked, and a packet
that does not fit ends the compound without an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SR, RR, BYE, RTPFB, PSFB = 200, 201, 203, 205, 206
NACK, PLI, FIR, REMB = 1, 1, 4, 15
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

_SENDER = struct.Struct("!IQIII")
_REPORT = struct.Struct("!IIIIII")


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
    while position + 8 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + words * 4
        if first >> 6 != 2 or words == 0 or end > len(data):
            return
        packet = _read(kind, first & 31, data[position + 4 : end])
        if packet is not None:
            yield packet
        position = end


def _read(kind: int, count: int, body: bytes) -> Packet | None:
    ssrc = int.from_bytes(body[:4], "big")
    if kind == SR and len(body) >= 24 + 24 * count:
        _, ntp, timestamp, _, _ = _SENDER.unpack_from(body)
        return Packet(SR, count, ssrc, ntp=ntp, timestamp=timestamp, reports=_reports(body, 24, count))
    if kind == RR and len(body) >= 4 + 24 * count:
        return Packet(RR, count, ssrc, reports=_reports(body, 4, count))
    if kind == BYE:
        return Packet(BYE, count, ssrc)
    if kind == RTPFB and len(body) >= 8 and count == NACK:
        return Packet(RTPFB, NACK, ssrc, media=_u32(body, 4), lost=tuple(_lost(body[8:])))
    if kind == PSFB and len(body) >= 8 and count in (PLI, FIR):
        return Packet(PSFB, count, ssrc, media=_u32(body, 4))
    if kind == PSFB and count == REMB and len(body) >= 16 and body[8:12] == b"REMB":
        return _remb(ssrc, body)
    return None


def _u32(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], "big")


def _reports(body: bytes, at: int, count: int) -> tuple[Report, ...]:
    found = []
    for index in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, at + 24 * index)
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        found.append(Report(ssrc, (loss >> 24) / 256, lost, highest, jitter, lsr, dlsr))
    return tuple(found)


def _lost(fci: bytes) -> Iterator[int]:
    for at in range(0, len(fci) - 3, 4):
        first, mask = struct.unpack_from("!HH", fci, at)
        yield first
        for bit in range(16):
            if mask >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _remb(ssrc: int, body: bytes) -> Packet | None:
    count = body[12]
    if len(body) < 16 + 4 * count:
        return None
    exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
    sources = tuple(_u32(body, 16 + 4 * index) for index in range(count))
    return Packet(PSFB, REMB, ssrc, bitrate=mantissa << exponent, sources=sources)


# -- writing --------------------------------------------------------------------------------------


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """SR: `ntp` 64-bit NTP time and `timestamp` the RTP time of the same instant."""
    numbers = (ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(SR, 0, _SENDER.pack(*numbers))


def receiver_report(ssrc: int, reports: list[Report]) -> bytes:
    blocks = b"".join(
        _REPORT.pack(
            report.ssrc,
            min(255, int(report.fraction * 256)) << 24 | max(0, min(report.lost, 0x7FFFFF)),
            report.highest & 0xFFFFFFFF,
            report.jitter & 0xFFFFFFFF,
            report.lsr,
            min(report.dlsr, 0xFFFFFFFF),
        )
        for report in reports[:31]
    )
    return _packet(RR, min(len(reports), 31), struct.pack("!I", ssrc) + blocks)


def nack(ssrc: int, media: int, lost: Iterable[int]) -> bytes:
    """Generic NACK for sequence numbers given in sending order (RFC 4585 §6.2.1)."""
    pairs: list[list[int]] = []
    for number in lost:
        distance = (number - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 0 < distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        elif not pairs or distance:
            pairs.append([number, 0])
    body = b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _packet(RTPFB, NACK, struct.pack("!II", ssrc, media) + body)


def pli(ssrc: int, media: int) -> bytes:
    return _packet(PSFB, PLI, struct.pack("!II", ssrc, media))


def remb(ssrc: int, bitrate: int, sources: list[int]) -> bytes:
    """Receiver estimated maximum bitrate, bit/s, for these SSRCs."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    head = (
        b"REMB" + bytes((len(sources), exponent << 2 | mantissa >> 16)) + struct.pack("!H", mantissa & 0xFFFF)
    )
    body = struct.pack("!II", ssrc, 0) + head + b"".join(struct.pack("!I", source) for source in sources)
    return _packet(PSFB, REMB, body)


def to_ntp(seconds: float) -> int:
    """Unix seconds as a 64-bit NTP time."""
    return int((seconds + NTP_EPOCH) * (1 << 32))


def from_ntp(ntp: int) -> float:
    """Unix seconds of a 64-bit NTP time."""
    return ntp / (1 << 32) - NTP_EPOCH
