"""Offers read strictly, answers written by hand (RFC 8866, 8829, 9725).

Offers come from anyone on the network: every line used is checked, and what is wrong is named, so that the answer 422
helps whoever set up the encoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from messages import Invalid, Message
from streaming.wire.codecs import STATIC, Codec

MAX_MEDIA = 16
MAX_LINE = 4096  # characters; numbers longer than that Python would not read
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_SETUP = ("actpass", "active", "passive")
_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "TCP/TLS/RTP/SAVPF")
_ICE = re.compile(r"^[A-Za-z0-9+/\-_=]+$")
_FINGERPRINT = re.compile(r"^[0-9A-F]{2}(:[0-9A-F]{2})+$")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_SHARED = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux")
"""Of a bundle these may stand in one section for all (RFC 9143 §7.1.3)."""
_DEAF = re.compile(r"^s=FFmpegPublishSession\s*$", re.MULTILINE)
_TOKEN = re.compile(r"^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}$")


class SdpError(Invalid):
    """The description cannot be used; its message says what is wrong."""


@dataclass
class Media:
    """One m= section of an offer, with session-level attributes already folded in."""

    kind: str
    protocol: str
    formats: list[str]
    attributes: list[tuple[str, str]] = field(default_factory=list)
    codecs: list[Codec] = field(default_factory=list)
    rejected: bool = False
    spare: bool = False
    """Another section of its kind is used instead."""

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)

    def every(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    @property
    def mid(self) -> str:
        return self.first("mid") or ""

    @property
    def direction(self) -> str:
        return next((key for key, _ in self.attributes if key in _DIRECTIONS), "sendrecv")

    @property
    def wanted(self) -> bool:
        usable = not self.rejected and not self.spare and self.direction != "inactive"
        return usable and self.kind in ("audio", "video")


@dataclass
class Offer:
    """A checked offer. `audio` and `video` are the sections that will be used, at most one of each."""

    media: list[Media]
    ufrag: str
    password: str
    fingerprints: list[tuple[str, str]]
    setup: str
    hears_close: bool = True
    """Whether the client reads the DTLS close. ffmpeg's muxer does not: it sends the alert back and from then on waits
    for ever at its socket, without a word and deaf to signals. Left alone it ends by itself, with an error, 30 s after
    the last check of its that was answered (RFC 7675)."""

    def section(self, kind: str) -> Media | None:
        return next((media for media in self.media if media.kind == kind and media.wanted), None)


def parse_offer(text: str, *, sends: bool) -> Offer:
    """Read a client's offer.

    sends: True for a publisher (its media must be sendonly or sendrecv), False for a viewer.
    Raises SdpError.
    """
    session, media = _sections(text)
    for section in media:
        section.attributes += [item for item in session if _folds(item[0], section)]
        section.codecs = _codecs(section)
    for group in _bundles(session):
        _share(group, media)
    for section in media:
        if (
            section.rejected
            and section.first("bundle-only") is not None
            and section.kind in ("audio", "video")
        ):
            raise SdpError(Message("sdp.bundle_only_alone", kind=section.kind))
    used = _used(media, sends)
    _check_bundle(_bundles(session), used)
    leader = used[0]
    if any(section.first("rtcp-mux") is None for section in used):
        raise SdpError(Message("sdp.no_rtcp_mux"))
    return Offer(
        media, *_ice(leader), _fingerprints(leader), _setup(leader), hears_close=not _DEAF.search(text)
    )


def _bundles(session: list[tuple[str, str]]) -> list[list[str]]:
    """The mids of every BUNDLE group, in the group's order."""
    words = [value.split() for key, value in session if key == "group"]
    return [found[1:] for found in words if found[:1] == ["BUNDLE"]]


def _share(group: list[str], media: list[Media]) -> None:
    """Port 0 with a=bundle-only is no refusal inside a bundle (RFC 9143 §6), and what belongs to the
    transport may stand in one section of it only."""
    members = [section for mid in group for section in media if mid and section.mid == mid]
    for section in members:
        if section.first("bundle-only") is not None:
            section.rejected = False
    for name in _SHARED:
        lent = next(
            (one.every(name) for one in members if not one.rejected and one.first(name) is not None), []
        )
        for section in members:
            if section.first(name) is None:
                section.attributes += [(name, value) for value in lent]


def _used(media: list[Media], sends: bool) -> list[Media]:
    """One section a kind: the first of the right direction with a codec of ours, the others are spare."""
    wanted = [section for section in media if section.wanted]
    if not wanted:
        raise SdpError(Message("sdp.nothing_active"))
    fitting = _of_direction(wanted, sends)
    used = []
    for kind in ("video", "audio"):
        found = [section for section in fitting if section.kind == kind]
        known = [section for section in found if any(codec.receivable for codec in section.codecs)]
        used += (known or found)[:1]
    for section in wanted:
        section.spare = section not in used
    return [section for section in media if section in used]


def parse_fragment(text: str) -> tuple[str, str] | None:
    """ICE credentials in a trickle fragment (RFC 8840), None where it carries only candidates."""
    if not any(line.startswith("a=") for line in text.splitlines()):
        raise SdpError(Message("sdp.fragment_empty"))
    found = dict(re.findall(r"^a=(ice-ufrag|ice-pwd):(\S+)\s*$", text, re.MULTILINE))
    if not found:
        return None
    return _credentials(found.get("ice-ufrag", ""), found.get("ice-pwd", ""))


def _sections(text: str) -> tuple[list[tuple[str, str]], list[Media]]:
    lines = [line for line in re.split(r"\r\n|\n|\r", text) if line]
    if not lines or lines[0] != "v=0":
        raise SdpError(Message("sdp.not_sdp"))
    session: list[tuple[str, str]] = []
    media: list[Media] = []
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise SdpError(Message("sdp.line_too_long", line=number, most=MAX_LINE))
        if len(line) < 2 or line[1] != "=" or not line[0].isascii() or not line[0].isalpha():
            raise SdpError(Message("sdp.line_malformed", line=number))
        if line[0] == "m":
            media.append(_media_line(line[2:], number))
        elif line[0] == "a":
            key, _, value = line[2:].partition(":")
            (media[-1].attributes if media else session).append((key.strip(), value.strip()))
    if not media:
        raise SdpError(Message("sdp.no_media"))
    if len(media) > MAX_MEDIA:
        raise SdpError(Message("sdp.too_much_media", most=MAX_MEDIA))
    return session, media


def _media_line(value: str, number: int) -> Media:
    parts = value.split()
    if len(parts) < 4 or not parts[1].partition("/")[0].isdecimal():
        raise SdpError(Message("sdp.media_line_malformed", line=number))
    kind, port, protocol, formats = parts[0], parts[1].partition("/")[0], parts[2], parts[3:]
    if not _TOKEN.match(kind):
        raise SdpError(Message("sdp.media_type_invalid", line=number))
    if kind in ("audio", "video"):
        if protocol not in _PROTOCOLS:
            raise SdpError(Message("sdp.protocol_wrong", line=number, protocol=_PROTOCOLS[0]))
        if not all(item.isdecimal() and int(item) < 128 for item in formats):
            raise SdpError(Message("sdp.payload_type_invalid", line=number))
    return Media(kind, protocol, formats, rejected=int(port) == 0)


def _folds(name: str, section: Media) -> bool:
    """Session-level values that count for a section which does not give its own."""
    folding = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", *_DIRECTIONS)
    if name in _DIRECTIONS:
        return not any(key in _DIRECTIONS for key, _ in section.attributes)
    return name in folding and section.first(name) is None


def _codecs(media: Media) -> list[Codec]:
    fmtp = {pt: _parameters(line) for pt, line in _numbered(media.every("fmtp"))}
    maps = dict(STATIC) if media.kind == "audio" else {}
    maps |= {pt: line.split()[0] for pt, line in _numbered(media.every("rtpmap")) if line.split()}
    retransmits: dict[int, int] = {}
    for pt, mapping in maps.items():
        apt = fmtp.get(pt, {}).get("apt", "")
        if mapping.lower().startswith("rtx/") and apt.isdecimal():
            retransmits.setdefault(int(apt), pt)
    codecs = []
    for item in media.formats:
        if not item.isdecimal() or int(item) not in maps:
            continue
        pt = int(item)
        name, _, rest = maps[pt].partition("/")
        rate, _, channels = rest.partition("/")
        if rate.isdecimal() and name.lower() != "rtx":
            count = int(channels) if channels.isdecimal() else 1
            codecs.append(Codec(name.upper(), pt, int(rate), count, fmtp.get(pt, {}), retransmits.get(pt)))
    return codecs


def _numbered(lines: list[str]) -> list[tuple[int, str]]:
    found = []
    for line in lines:
        number, _, rest = line.partition(" ")
        if number.isdecimal() and int(number) < 128:
            found.append((int(number), rest))
    return found


def _parameters(line: str) -> dict[str, str]:
    pairs = (item.strip().partition("=") for item in line.split(";") if item.strip())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _of_direction(wanted: list[Media], sends: bool) -> list[Media]:
    allowed = ("sendonly", "sendrecv") if sends else ("recvonly", "sendrecv")
    fitting = [section for section in wanted if section.direction in allowed]
    if not fitting:
        wrong = wanted[0]
        parameters = {"kind": wrong.kind, "direction": wrong.direction, "wanted": allowed[0]}
        raise SdpError(Message("sdp.direction_wrong", **parameters))
    return fitting


def _check_bundle(groups: list[list[str]], used: list[Media]) -> None:
    if len(used) == 1:
        return
    mids = [media.mid for media in used]
    if len(set(mids)) != len(mids) or not any(set(mids) <= set(group) for group in groups):
        raise SdpError(Message("sdp.not_bundled"))
    if any(not _TOKEN.match(mid) for mid in mids):
        raise SdpError(Message("sdp.mid_invalid"))


def _ice(media: Media) -> tuple[str, str]:
    return _credentials(media.first("ice-ufrag") or "", media.first("ice-pwd") or "")


def _credentials(ufrag: str, password: str) -> tuple[str, str]:
    if not 4 <= len(ufrag) <= 256 or not _ICE.match(ufrag):
        raise SdpError(Message("sdp.ufrag_invalid"))
    if not 22 <= len(password) <= 256 or not _ICE.match(password):
        raise SdpError(Message("sdp.password_invalid"))
    return ufrag, password


def _fingerprints(media: Media) -> list[tuple[str, str]]:
    found = []
    for line in media.every("fingerprint"):
        algorithm, _, value = line.partition(" ")
        algorithm, value = algorithm.lower(), value.strip().upper()
        size = _DIGEST_BYTES.get(algorithm)
        if size is None:
            continue
        if not _FINGERPRINT.match(value) or value.count(":") != size - 1:
            raise SdpError(Message("sdp.fingerprint_malformed"))
        found.append((algorithm, value))
    if not found:
        raise SdpError(Message("sdp.no_fingerprint"))
    return found


def _setup(media: Media) -> str:
    setup = media.first("setup") or ""
    if setup not in _SETUP:
        raise SdpError(Message("sdp.setup_wrong"))
    return setup
