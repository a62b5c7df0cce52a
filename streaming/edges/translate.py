"""Between a viewer that offers and a Janus that offers too.

Janus 1.1.2 does not take a viewer's offer: it makes its own and wants an answer. Both offers hold all
that an answer needs, so the hub writes both answers: the viewer's from Janus' offer, Janus' from the
viewer's. The media then flow between the two directly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from messages import Message
from streaming.wire import answer
from streaming.wire.codecs import Codec
from streaming.wire.sdp import Media, Offer, SdpError, parse_offer

MID = {"video": "v", "audio": "a"}
"""Names of the sections in our mountpoints."""


@dataclass(frozen=True)
class Answers:
    """The two answers: `viewer` goes out with 201, `janus` back to the edge."""

    viewer: str
    janus: str


def answers(offer: Offer, codecs: Mapping[str, Codec], janus_offer: str, public: str = "") -> Answers:
    """Both answers.

    offer        the viewer's, checked
    codecs       kind → the one codec the mountpoint relays, with the viewer's payload type
    janus_offer  what the edge offers this viewer
    public       address to name instead of the edge's own (1:1 NAT); empty: leave it

    SdpError where Janus' offer cannot be used, or the viewer's identity is one that Janus does not read.
    """
    theirs = parse_offer(janus_offer, sends=True)
    plain = {kind: replace(codec, rtx=None) for kind, codec in codecs.items()}
    text = answer.write(offer, _janus_side(offer, theirs, plain, public), {k: [c] for k, c in plain.items()})
    if not re.search(r"^a=ice-lite\s*$", janus_offer, re.MULTILINE):
        text = text.replace("a=ice-lite\r\n", "")
    return Answers(text, _to_janus(offer, plain, theirs))


def candidates(text: str) -> list[str]:
    """The UDP candidates of a description or fragment that an edge can use, without the `a=`.

    Names ending in .local are left out: no edge could look them up, and the viewer's own checks tell
    its address anyway.
    """
    found = re.findall(
        r"^a=(candidate:\S+ \d+ udp \d+ \S+ \d+ typ .*?)\s*$", text, re.MULTILINE | re.IGNORECASE
    )
    return list(dict.fromkeys(item for item in found if not item.split()[4].endswith(".local")))


def _janus_side(offer: Offer, theirs: Offer, codecs: Mapping[str, Codec], public: str) -> answer.Local:
    places = [item.split() for media in theirs.media for item in candidates(_lines(media))]
    if not places:
        raise SdpError(Message("edge.no_candidates"))
    addresses = list(dict.fromkeys(answer.Candidate(public or place[4], int(place[5])) for place in places))
    senders = {kind: answer.Sender(_ssrc(theirs, kind), 0, "sunbid") for kind in codecs}
    role = "active" if offer.setup == "passive" else "passive"
    return answer.Local(theirs.ufrag, theirs.password, _sha256(theirs), role, addresses, senders)


def _lines(media: Media) -> str:
    return "\n".join(f"a=candidate:{value}" for value in media.every("candidate"))


def _ssrc(offer: Offer, kind: str) -> int:
    section = offer.section(kind)
    sources = section.every("ssrc") if section else []
    number = sources[0].split()[0] if sources else ""
    if not number.isdecimal():
        raise SdpError(Message("edge.no_ssrc", kind=kind))
    return int(number)


def _sha256(offer: Offer) -> str:
    found = next((value for algorithm, value in offer.fingerprints if algorithm == "sha-256"), None)
    if found is None:
        raise SdpError(Message("edge.no_sha256"))
    return found


def _to_janus(offer: Offer, codecs: Mapping[str, Codec], theirs: Offer) -> str:
    kinds = [media.kind for media in theirs.media if media.kind in codecs]
    lines = [
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"),
        f"a=group:BUNDLE {' '.join(MID[kind] for kind in kinds)}",
    ]
    for kind in kinds:
        lines += _section(offer, kind, codecs[kind])
    return "\r\n".join(lines) + "\r\n"


def _section(offer: Offer, kind: str, codec: Codec) -> list[str]:
    number = codec.payload_type
    name = f"opus/{codec.clock_rate}/2" if kind == "audio" else f"{codec.name}/{codec.clock_rate}"
    feedback = ("nack", "nack pli", "ccm fir") if kind == "video" else ()
    section = offer.section(kind)
    return [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{MID[kind]}",
        "a=rtcp-mux",
        "a=recvonly",
        f"a=ice-ufrag:{offer.ufrag}",
        f"a=ice-pwd:{offer.password}",
        f"a=fingerprint:sha-256 {_sha256(offer)}",
        f"a=setup:{'passive' if offer.setup == 'passive' else 'active'}",
        f"a=rtpmap:{number} {name}",
        *([f"a=fmtp:{number} {codec.fmtp_line}"] if codec.fmtp else []),
        *(f"a=rtcp-fb:{number} {item}" for item in feedback),
        *(f"a={item}" for item in candidates(_lines(section) if section else "")),
    ]
