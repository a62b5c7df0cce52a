"""Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): the sender numbers
all its packets in a header extension, the receiver tells when each came, the sender works out its rate.

Times are counted in ticks of 250 µs on a clock of the receiver's choosing. What is read is untrusted:
a packet that does not fit is None, never an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streaming.wire import simulcast
from streaming.wire.codecs import Codec
from streaming.wire.extension import element
from streaming.wire.rtcp import RTPFB
from streaming.wire.sdp import Media, Offer

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK = "transport-cc"
FORMAT = 15
TICKS = 4000  # a second
REFERENCE = 256  # ticks (64 ms) in a unit of the reference time
RECEIVED = 300  # arrivals told in one packet, so that it stays below 1200 bytes

_HEAD = struct.Struct("!BBHIIHHI")
_LOST, _SMALL, _LARGE = range(3)
_LONGEST = 8191  # statuses in a run-length chunk


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a receiver tells: `arrivals` in ticks for the numbers from `base` on, None where one is missing.

    ssrc, media  SSRCs of the one who tells and of one stream it tells about
    count        0–255, one more with every feedback
    """

    ssrc: int
    media: int
    count: int
    base: int
    arrivals: tuple[int | None, ...]


# -- negotiating ----------------------------------------------------------------------------------


def extensions(offer: Offer, chosen: Mapping[str, Sequence[Codec]]) -> dict[str, int]:
    """Kind → id of the header extension, for the sections used that offer it together with its feedback.

    Empty where bundled sections disagree about the id, or where it needs the two-byte form (ids above 14).
    """
    found = {}
    for kind, codecs in chosen.items():
        media = offer.section(kind)
        number = _offered(media, codecs) if media is not None else None
        if number is not None:
            found[kind] = number
    return found if len(set(found.values())) == 1 else {}


def _offered(media: Media, codecs: Sequence[Codec]) -> int | None:
    lines = {tuple(line.split()) for line in media.every("rtcp-fb")}
    if not all({("*", FEEDBACK), (str(codec.payload_type), FEEDBACK)} & lines for codec in codecs):
        return None
    return simulcast.extension(media, URI)


def number(packet: bytes, extension: int) -> int | None:
    """The transport-wide number (16 bits) of an RTP packet, None where it carries none."""
    # most packets have no other extension before it; this is asked of every packet that comes in
    lone = len(packet) >= 20 and packet[0] & 31 == 16 and packet.startswith(b"\xbe\xde\0", 12) and packet[15]
    if lone and packet[16] == extension << 4 | 1:
        return packet[17] << 8 | packet[18]
    found = element(packet, extension)
    return found[0] << 8 | found[1] if found is not None and len(found) == 2 else None


# -- writing --------------------------------------------------------------------------------------


def write(ssrc: int, media: int, count: int, base: int, arrivals: Sequence[int | None]) -> tuple[bytes, int]:
    """(feedback, how many of the arrivals it tells); the rest needs another packet.

    arrivals: as in `Feedback`; at least one is not None, or ValueError.
    """
    first = next((at for at in arrivals if at is not None), None)
    if first is None:
        raise ValueError("没有一个到达的包 / no packet arrived, there is nothing to refer the times to")
    reference = first // REFERENCE
    symbols, deltas = _deltas(arrivals, reference * REFERENCE)
    fci = _chunks(bytes(symbols)) + deltas
    fci += bytes(-len(fci) % 4)
    head = (0x80 | FORMAT, RTPFB, 4 + len(fci) // 4, ssrc, media, base & 0xFFFF, len(symbols))
    return _HEAD.pack(*head, (reference & 0xFFFFFF) << 8 | count & 0xFF) + fci, len(symbols)


def _deltas(arrivals: Sequence[int | None], last: int) -> tuple[bytearray, bytearray]:
    """Symbols and deltas, up to the first arrival that does not fit into this packet."""
    symbols, deltas, left = bytearray(), bytearray(), RECEIVED
    for at in arrivals[:0xFFFF]:
        if at is None:
            symbols.append(_LOST)
            continue
        delta, last, left = at - last, at, left - 1
        if left < 0 or not -0x8000 <= delta < 0x8000:
            break
        small = 0 <= delta < 256
        symbols.append(_SMALL if small else _LARGE)
        deltas += delta.to_bytes(1 if small else 2, "big", signed=not small)
    return symbols, deltas


def _chunks(symbols: bytes) -> bytes:
    """Greedy: a run where it is longer than a vector, else the vector that takes more statuses."""
    chunks, at = bytearray(), 0
    while at < len(symbols):
        rest = symbols[at : at + _LONGEST]
        run = len(rest) - len(rest.lstrip(rest[:1]))
        flat = _LARGE not in rest[:14]
        if run == len(rest) or run >= (14 if flat else 7):
            word, taken = rest[0] << 13 | run, run
        elif flat:
            word, taken = 0x8000 | _vector(rest[:14], 1), 14
        else:
            word, taken = 0xC000 | _vector(rest[:7], 2), 7
        chunks += word.to_bytes(2, "big")
        at += taken
    return bytes(chunks)


def _vector(symbols: bytes, bits: int) -> int:
    return sum(symbol << (14 - bits * (index + 1)) for index, symbol in enumerate(symbols))


# -- reading --------------------------------------------------------------------------------------


def parse(packet: bytes) -> Feedback | None:
    """One RTCP packet, header included; None where it is no transport-wide feedback or malformed."""
    if len(packet) < _HEAD.size:
        return None
    first, kind, words, ssrc, media, base, statuses, clock = _HEAD.unpack_from(packet)
    padding = packet[-1] if first & 0x20 else 0
    if first >> 6 != 2 or (kind, first & 31) != (RTPFB, FORMAT) or len(packet) != 4 + 4 * words:
        return None
    fci = packet[_HEAD.size : len(packet) - padding]
    symbols = _symbols(fci, statuses)
    if symbols is None or len(packet) - padding < _HEAD.size or (first & 0x20 and not padding):
        return None
    arrivals = _arrivals(fci[symbols[1] :], symbols[0], (clock >> 8) * REFERENCE)
    return Feedback(ssrc, media, clock & 0xFF, base, arrivals) if arrivals else None


def _symbols(fci: bytes, statuses: int) -> tuple[bytes, int] | None:
    """The statuses and where their chunks end. The last chunk may hold more than are counted."""
    symbols, at = bytearray(), 0
    while len(symbols) < statuses:
        if at + 2 > len(fci):
            return None
        word = fci[at] << 8 | fci[at + 1]
        at += 2
        if not word & 0x8000:
            symbols += bytes((word >> 13,)) * (word & 0x1FFF)
            if not word & 0x1FFF:
                return None
        elif word & 0x4000:
            symbols += bytes(word >> shift & 3 for shift in range(12, -1, -2))
        else:
            symbols += bytes(word >> shift & 1 for shift in range(13, -1, -1))
    return bytes(symbols[:statuses]), at


def _arrivals(deltas: bytes, symbols: bytes, clock: int) -> tuple[int | None, ...]:
    """Ticks; empty where the deltas do not fit the statuses, or a status is the reserved one."""
    arrivals: list[int | None] = []
    at = 0
    for size in symbols:
        if size > _LARGE or at + size > len(deltas):
            return ()
        clock += int.from_bytes(deltas[at : at + size], "big", signed=size == _LARGE)
        arrivals.append(clock if size else None)
        at += size
    return tuple(arrivals) if len(deltas) - at < 4 else ()
