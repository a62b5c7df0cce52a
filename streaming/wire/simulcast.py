"""Simulcast in SDP: which layers a publisher offers and which of them the hub takes (RFC 8851, 8853).

What does not fit is left out of the answer, as the RFCs want it: the sender then sends the rest, or, with no
simulcast line at all, one layer. Nothing here refuses an offer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from streaming.wire.codecs import Codec
from streaming.wire.sdp import Media

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
EXTENSIONS = (MID, RID, REPAIRED_RID)
LAYERS = 4
"""Layers a publisher may send of one picture."""
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_RESTRICTIONS = frozenset(
    {"max-width", "max-height", "max-fps", "max-fs", "max-br", "max-pps", "max-bpp", "depend"}
)
"""RFC 8851 §5, besides pt: promises of the sender's, which the hub can hold it to by repeating them."""


@dataclass(frozen=True)
class Rid:
    """One a=rid line of an offer. `types`: payload types it is limited to, None where all of the section are
    meant; `rest`: its other restrictions, as they stand."""

    name: str
    types: frozenset[int] | None
    rest: tuple[str, ...]

    def answer(self, types: list[int]) -> str:
        """The line for the answer: reversed, with the same restrictions, `pt` cut to what is accepted."""
        limits = list(self.rest)
        if self.types is not None:
            limits.insert(0, "pt=" + ",".join(str(pt) for pt in types if pt in self.types))
        return f"a=rid:{self.name} recv" + (f" {';'.join(limits)}" if limits else "")


def lines(media: Media, codecs: list[Codec]) -> list[str]:
    """The answer's simulcast lines for a section received with these codecs; empty where one layer is all.

    Of alternatives (`a,b`) the first that can be taken is; every layer taken is wanted from the start,
    also one that is offered paused (`~`): which is the best shows only when they arrive.
    """
    types = [codec.payload_type for codec in codecs]
    offered = {rid.name: rid for rid in _rids(media) if rid.types is None or rid.types & set(types)}
    taken: dict[str, Rid] = {}
    for alternatives in _streams(media):
        name = next((one for one in alternatives if one in offered and one not in taken), None)
        if name is not None and len(taken) < LAYERS:
            taken[name] = offered[name]
    if not taken:
        return []
    numbers = ((extension(media, uri), uri) for uri in EXTENSIONS)
    return [
        *(f"a=extmap:{number} {uri}" for number, uri in numbers if number is not None),
        *(rid.answer(types) for rid in taken.values()),
        f"a=simulcast:recv {';'.join(taken)}",
    ]


def extension(media: Media, uri: str) -> int | None:
    """The number under which a section's sender puts this header extension; None where it does not.

    Numbers above 14 need the two-byte form, which the hub's answers do not allow.
    """
    for line in media.every("extmap"):
        name, _, rest = line.partition(" ")
        number, _, direction = name.partition("/")
        if rest.split()[:1] == [uri] and direction in ("", "sendonly", "sendrecv"):
            return int(number) if number.isdecimal() and 1 <= int(number) <= 14 else None
    return None


def repeats(media: Media) -> dict[int, int]:
    """Retransmission SSRC → the SSRC it repeats, as the offer's a=ssrc-group:FID lines say (RFC 5576)."""
    found = {}
    for line in media.every("ssrc-group"):
        semantics, _, ssrcs = line.partition(" ")
        numbers = [int(one) for one in ssrcs.split() if one.isdecimal()]
        if semantics == "FID" and len(numbers) == 2:
            found[numbers[1]] = numbers[0]
    return found


def _streams(media: Media) -> list[list[str]]:
    """What the sender would send, in its order: the alternatives of each stream."""
    words = (media.first("simulcast") or "").split()
    for direction, streams in zip(words[::2], words[1::2], strict=False):
        if direction == "send":
            return [[one.removeprefix("~") for one in each.split(",")] for each in streams.split(";")]
    return []


def _rids(media: Media) -> Iterator[Rid]:
    """The usable a=rid lines; malformed ones and those with restrictions nobody knows are as good as absent."""
    for line in media.every("rid"):
        name, _, rest = line.partition(" ")
        direction, _, restrictions = rest.strip().partition(" ")
        if direction != "send" or not _NAME.match(name):
            continue
        limits = [limit.strip() for limit in restrictions.split(";") if limit.strip()]
        given = [limit.removeprefix("pt=") for limit in limits if limit.startswith("pt=")]
        rest_of = tuple(limit for limit in limits if not limit.startswith("pt="))
        numbers = [pt for types in given for pt in types.split(",")]
        known = all(limit.partition("=")[0] in _RESTRICTIONS for limit in rest_of)
        if known and all(pt.isdecimal() for pt in numbers):
            yield Rid(name, frozenset(map(int, numbers)) if given else None, rest_of)
