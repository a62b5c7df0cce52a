"""SDP answers of the hub: ICE-lite, one bundle, one port, and only what it will really do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from streaming.wire import simulcast, twcc
from streaming.wire.codecs import OPUS, Codec
from streaming.wire.sdp import Media, Offer

_COMPONENT = 1
"""RTP and RTCP share one (RFC 8445 §4)."""
_UDP_PREFERENCE, _TCP_PREFERENCE = 126, 90
"""Of host candidates: TCP well below UDP (RFC 6544 §4.2)."""
_MOST_PREFERRED = 0xFFFF
_PASSIVE, _LEAST_OF_PASSIVE = 4 << 13, 0x1FFF
"""Direction preference of a candidate that the client connects to, and the 13 bits beneath it (RFC 6544 §4.2)."""
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
PROBE_FROM = {"x-google-start-bitrate": "1000"}  # kbit/s; libwebrtc probes its line from there, not from 300


@dataclass(frozen=True)
class Sender:
    """What a section of ours sends: its SSRC, that of its retransmissions, and the stream's name."""

    ssrc: int
    rtx_ssrc: int
    name: str


class Candidate(NamedTuple):
    """Where we can be reached. `tcp`: by a connection that the client opens (RFC 6544, passive), else by UDP."""

    address: str
    port: int
    tcp: bool = False


@dataclass(frozen=True)
class Local:
    """Our side of the answer. `candidates` best first; `setup` active or passive."""

    ufrag: str
    password: str
    fingerprint: str
    setup: str
    candidates: list[Candidate]
    senders: dict[str, Sender] = field(default_factory=dict)


def write(
    offer: Offer, local: Local, chosen: dict[str, list[Codec]], silent: dict[str, list[Codec]] | None = None
) -> str:
    """The answer text. `chosen` maps kind → codecs taken from the offer; other sections are refused.

    silent: kinds whose section stays, for the bundle may rest on it, but is inactive.
    """
    silent = silent or {}
    used = {kind: offer.section(kind) for kind in chosen | silent}
    # Viewers get none: their packets would each need their own number, and the fan-out sends all the same.
    # One encoding goes to everyone anyhow, so an estimate of one viewer's line could not change the rate; what
    # they tell by REMB is no measure of health either, on a free line it lags behind what they are sent.
    numbered = {} if local.senders else twcc.extensions(offer, chosen)
    mids = [media.mid for media in offer.media if media in used.values() and media.mid]
    lines = [
        "v=0",
        f"o=- {secrets.randbits(62)} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        *([f"a=group:BUNDLE {' '.join(mids)}"] if mids else []),
        "a=msid-semantic: WMS *",
    ]
    for media in offer.media:
        if used.get(media.kind) is media:
            section = _accepted(media, (chosen | silent)[media.kind], local, numbered.get(media.kind))
            lines += map(_inactive, section) if media.kind in silent else section
        else:
            lines += _refused(media)
    return "\r\n".join(lines) + "\r\n"


def fragment(offer: Offer, ufrag: str, password: str, candidates: list[Candidate]) -> str:
    """The body that answers an ICE restart (RFC 9725 §4.4.2): new credentials and all candidates."""
    leader = next(media for media in offer.media if media.wanted)
    lines = [
        "a=ice-lite",
        f"m={leader.kind} 9 {leader.protocol} 0",
        *([f"a=mid:{leader.mid}"] if leader.mid else []),
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        *(_candidate(number, candidate) for number, candidate in enumerate(candidates)),
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


def _refused(media: Media) -> list[str]:
    head = [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}", "c=IN IP4 0.0.0.0"]
    return head + ([f"a=mid:{media.mid}"] if media.mid else []) + ["a=inactive"]


def _inactive(line: str) -> str:
    return "a=inactive" if line in ("a=recvonly", "a=sendonly") else line


def _accepted(media: Media, codecs: list[Codec], local: Local, numbered: int | None) -> list[str]:
    types = [pt for codec in codecs for pt in (codec.payload_type, codec.rtx) if pt is not None]
    address, port, _ = local.candidates[0]
    sender = local.senders.get(media.kind)
    family = "IP6" if ":" in address else "IP4"
    if numbered is not None and media.kind == "video":
        codecs = [replace(codec, fmtp={**codec.fmtp, **PROBE_FROM}) for codec in codecs]
    return [
        f"m={media.kind} {port} {media.protocol} {' '.join(map(str, types))}",
        f"c=IN {family} {address}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *([f"a=mid:{media.mid}"] if media.mid else []),
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{local.setup}",
        "a=sendonly" if sender else "a=recvonly",
        *(line for codec in codecs for line in _codec(codec, media.kind)),
        *(_transport_cc(numbered, codecs) if numbered is not None else ()),
        *(
            _sources(sender, media.kind, any(codec.rtx for codec in codecs))
            if sender
            else simulcast.lines(media, codecs)
        ),
        *(_candidate(number, candidate) for number, candidate in enumerate(local.candidates)),
        "a=end-of-candidates",
    ]


def _codec(codec: Codec, kind: str) -> list[str]:
    pt = codec.payload_type
    name = "opus" if codec.name == OPUS else codec.name
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{pt} {name}/{codec.clock_rate}{channels}"]
    if codec.fmtp:
        lines.append(f"a=fmtp:{pt} {codec.fmtp_line}")
    if kind == "video":
        lines += [f"a=rtcp-fb:{pt} {item}" for item in FEEDBACK]
    if codec.rtx is not None:
        lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_rate}", f"a=fmtp:{codec.rtx} apt={pt}"]
    return lines


def _transport_cc(extension: int, codecs: list[Codec]) -> list[str]:
    feedback = [f"a=rtcp-fb:{codec.payload_type} {twcc.FEEDBACK}" for codec in codecs]
    return [f"a=extmap:{extension} {twcc.URI}", *feedback]


def _sources(sender: Sender, kind: str, rtx: bool) -> list[str]:
    # the primary SSRC must come before its RTX, or Chromium takes the latter for the picture
    lines = [f"a=msid:{sender.name} {kind}"]
    if rtx:
        lines.append(f"a=ssrc-group:FID {sender.ssrc} {sender.rtx_ssrc}")
    lines.append(f"a=ssrc:{sender.ssrc} cname:{sender.name}")
    if rtx:
        lines.append(f"a=ssrc:{sender.rtx_ssrc} cname:{sender.name}")
    return lines


def _candidate(number: int, candidate: Candidate) -> str:
    where = f"{candidate.address} {candidate.port} typ host"
    if candidate.tcp:
        priority = _priority(_TCP_PREFERENCE, _PASSIVE | (_LEAST_OF_PASSIVE - number))
        return f"a=candidate:{number + 1} {_COMPONENT} tcp {priority} {where} tcptype passive"
    priority = _priority(_UDP_PREFERENCE, _MOST_PREFERRED - number)
    return f"a=candidate:{number + 1} {_COMPONENT} udp {priority} {where}"


def _priority(kind: int, local: int) -> int:
    """RFC 8445 §5.1.2.1: preference of the kind (8 bits), of the address among its kind (16), component (8)."""
    return kind << 24 | local << 8 | (256 - _COMPONENT)
