"""Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): the sender numbers
all its packets in a header extension, the receiver tells when each came, the sender works out its rate.

Times are counted in ticks of 250 µs on a clock of the receiver's choosing. What is read is untrusted:
a packet that does not fit is None, never an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streaming.wire import rtp, simulcast
from streaming.wire.codecs import Codec
from streaming.wire.rtcp import FORMAT_MASK, RTPFB
from streaming.wire.sdp import Media, Offer
from streaming.wire.serial import SEQUENCE_MASK

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK = "transport-cc"
FORMAT = 15
TICKS = 4000  # a second
REFERENCE = 256  # ticks (64 ms) in a unit of the reference time
RECEIVED = 300  # arrivals told in one packet, so that it stays below 1200 bytes

_HEAD = struct.Struct("!BBHIIHHI")
"""Version and format, kind, length in words, SSRC of the teller, SSRC told of, first number, how many statuses,
reference time (24 bits) and count (8 bits)."""
_CLOCK_BITS, _CLOCK_MASK, _COUNT_MASK = 8, 0xFFFFFF, 0xFF
_LOST, _SMALL, _LARGE = range(3)
"""Status of a packet: missing, or come with a delta of one byte or of two; the delta's length as well."""
_SMALL_DELTAS, _LARGE_DELTAS = range(256), range(-0x8000, 0x8000)
_LONGEST = 0x1FFF
"""Statuses in a run-length chunk: 13 bits."""
_STATUS_SHIFT = 13
"""Where the status of a run stands in its chunk."""
_VECTOR, _TWO_BITS = 0x8000, 0x4000
"""Bits of a chunk that is no run but a list of statuses, of two bits each or of one."""
_ONES, _TWOS = 14, 7
"""Statuses in a list of one bit each, of two bits each."""
_FIRST_ELEMENT = rtp.HEADER_SIZE + 4
"""Where the first element of a header extension begins in a packet without CSRCs."""
_EXTENSION_HEAD = b"\xbe\xde\0"
"""One-byte form, and less than 256 words of elements."""


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
    if (
        len(packet) >= _FIRST_ELEMENT + 4
        and packet[0] & (rtp.EXTENSION | rtp.CSRC_COUNT) == rtp.EXTENSION
        and packet.startswith(_EXTENSION_HEAD, rtp.HEADER_SIZE)
        and packet[_FIRST_ELEMENT - 1]  # words of elements
        and packet[_FIRST_ELEMENT] == extension << 4 | 1  # number, length less one
    ):
        return packet[_FIRST_ELEMENT + 1] << 8 | packet[_FIRST_ELEMENT + 2]
    found = rtp.extension(packet, extension)
    return found[0] << 8 | found[1] if found is not None and len(found) == 2 else None


# -- writing --------------------------------------------------------------------------------------


def write(ssrc: int, media: int, count: int, base: int, arrivals: Sequence[int | None]) -> tuple[bytes, int]:
    """(feedback, how many of the arrivals it tells); the rest needs another packet.

    arrivals: as in `Feedback`; at least one is not None, or ValueError.
    """
    first = next((at for at in arrivals if at is not None), None)
    if first is None:
        raise ValueError("no packet arrived, there is nothing to refer the times to")
    reference = first // REFERENCE
    symbols, deltas = _deltas(arrivals, reference * REFERENCE)
    fci = _chunks(bytes(symbols)) + deltas
    fci += bytes(-len(fci) % 4)
    clock = (reference & _CLOCK_MASK) << _CLOCK_BITS | count & _COUNT_MASK
    words = (_HEAD.size + len(fci)) // 4 - 1
    head = (rtp.VERSION_BITS | FORMAT, RTPFB, words, ssrc, media, base & SEQUENCE_MASK, len(symbols), clock)
    return _HEAD.pack(*head) + fci, len(symbols)


def _deltas(arrivals: Sequence[int | None], last: int) -> tuple[bytearray, bytearray]:
    """Symbols and deltas, up to the first arrival that does not fit into this packet."""
    symbols, deltas, left = bytearray(), bytearray(), RECEIVED
    for at in arrivals[:SEQUENCE_MASK]:
        if at is None:
            symbols.append(_LOST)
            continue
        delta, last, left = at - last, at, left - 1
        if left < 0 or delta not in _LARGE_DELTAS:
            break
        small = delta in _SMALL_DELTAS
        symbols.append(_SMALL if small else _LARGE)
        deltas += delta.to_bytes(1 if small else 2, "big", signed=not small)
    return symbols, deltas


def _chunks(symbols: bytes) -> bytes:
    """Greedy: a run where it is longer than a vector, else the vector that takes more statuses."""
    chunks, at = bytearray(), 0
    while at < len(symbols):
        rest = symbols[at : at + _LONGEST]
        run = len(rest) - len(rest.lstrip(rest[:1]))
        flat = _LARGE not in rest[:_ONES]
        if run == len(rest) or run >= (_ONES if flat else _TWOS):
            word, taken = rest[0] << _STATUS_SHIFT | run, run
        elif flat:
            word, taken = _VECTOR | _vector(rest[:_ONES], 1), _ONES
        else:
            word, taken = _VECTOR | _TWO_BITS | _vector(rest[:_TWOS], 2), _TWOS
        chunks += word.to_bytes(2, "big")
        at += taken
    return bytes(chunks)


def _vector(symbols: bytes, bits: int) -> int:
    return sum(symbol << (_ONES - bits * (index + 1)) for index, symbol in enumerate(symbols))


# -- reading --------------------------------------------------------------------------------------


def parse(packet: bytes) -> Feedback | None:
    """One RTCP packet, header included; None where it is no transport-wide feedback or malformed."""
    if len(packet) < _HEAD.size:
        return None
    first, kind, words, ssrc, media, base, statuses, clock = _HEAD.unpack_from(packet)
    padding = packet[-1] if first & rtp.PADDING else 0
    if first >> rtp.VERSION_SHIFT != rtp.VERSION or (kind, first & FORMAT_MASK) != (RTPFB, FORMAT):
        return None
    if len(packet) != 4 + 4 * words:
        return None
    fci = packet[_HEAD.size : len(packet) - padding]
    symbols = _symbols(fci, statuses)
    if symbols is None or len(packet) - padding < _HEAD.size or (first & rtp.PADDING and not padding):
        return None
    arrivals = _arrivals(fci[symbols[1] :], symbols[0], (clock >> _CLOCK_BITS) * REFERENCE)
    return Feedback(ssrc, media, clock & _COUNT_MASK, base, arrivals) if arrivals else None


def _symbols(fci: bytes, statuses: int) -> tuple[bytes, int] | None:
    """The statuses and where their chunks end. The last chunk may hold more than are counted."""
    symbols, at = bytearray(), 0
    while len(symbols) < statuses:
        if at + 2 > len(fci):
            return None
        word = fci[at] << 8 | fci[at + 1]
        at += 2
        if not word & _VECTOR:
            if not word & _LONGEST:
                return None
            symbols += bytes((word >> _STATUS_SHIFT,)) * (word & _LONGEST)
        else:
            bits = 2 if word & _TWO_BITS else 1
            symbols += bytes(word >> shift & bits * 2 - 1 for shift in range(_ONES - bits, -1, -bits))
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
