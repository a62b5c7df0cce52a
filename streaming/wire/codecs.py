"""The codecs the hub forwards, and how to see a keyframe in their packets without decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

H264, VP8, OPUS = "H264", "VP8", "OPUS"
CLOCK = {"video": 90_000, "audio": 48_000}
"""Clock rates of what rooms hand out; a telephone codec is made Opus on its way in."""
TELEPHONE = {"PCMU": 8_000, "PCMA": 8_000, "G722": 16_000}
"""Codecs of desk telephones and cameras → samples a second. Their RTP clock is 8 kHz, G.722's too (RFC 3551)."""
TELEPHONE_CLOCK = 8_000
STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
"""Payload types that need no a=rtpmap (RFC 3551 §6)."""

_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


@dataclass(frozen=True)
class Codec:
    """One payload type of an offer: `name` in capitals, `rtx` its retransmission payload type."""

    name: str
    payload_type: int
    clock_rate: int
    channels: int = 1
    fmtp: Mapping[str, str] = field(default_factory=dict)
    rtx: int | None = None

    @property
    def fmtp_line(self) -> str:
        return ";".join(f"{key}={value}" if value else key for key, value in self.fmtp.items())

    @property
    def h264_profile(self) -> str:
        """First four hex digits of profile-level-id, lower case; the default is plain baseline (RFC 6184)."""
        return self.fmtp.get("profile-level-id", "42000a")[:4].lower()

    @property
    def collides(self) -> bool:
        """Whether its packets would be taken for RTCP on a shared port (RFC 5761 §4)."""
        return 64 <= self.payload_type <= 95

    @property
    def forwardable(self) -> bool:
        """H.264 must allow fragmentation units: packets are passed on as they come, never re-cut."""
        if self.collides:
            return False
        if self.name == H264:
            return self.fmtp.get("packetization-mode", "0") == "1" and self.clock_rate == CLOCK["video"]
        return (self.name == VP8 and self.clock_rate == CLOCK["video"]) or (
            self.name == OPUS and self.clock_rate == CLOCK["audio"]
        )

    @property
    def receivable(self) -> bool:
        """Whether a publisher may send it: what is forwardable, H.264 in whole units (mode 0, which every
        receiver of mode 1 takes), and sound of one channel that can be made Opus."""
        if self.collides:
            return False
        if self.name == H264:
            return self.clock_rate == CLOCK["video"] and self.fmtp.get("packetization-mode", "0") in (
                "0",
                "1",
            )
        if self.name in TELEPHONE:
            return self.clock_rate == TELEPHONE_CLOCK and self.channels == 1
        return self.forwardable


# Constrained baseline is what every browser decodes; then baseline, main, constrained high, high.
_PROFILES = ("42e0", "42c0", "4200", "4d00", "640c", "6400")


def profile_rank(codec: Codec, wanted: str | None = None) -> int:
    """Sort key for H.264 payload types: the wanted profile first, then the house order."""
    profile = codec.h264_profile
    if wanted is not None and profile == wanted:
        return -1
    return _PROFILES.index(profile) if profile in _PROFILES else len(_PROFILES)


def h264_keyframe(payload: bytes, start: int) -> bool:
    """Whether the RTP payload at `start` begins (or is part of the head of) an IDR picture."""
    if len(payload) <= start + 1:
        return False
    kind = payload[start] & 31
    if kind == _FU_A:
        return payload[start + 1] & 0x80 != 0 and payload[start + 1] & 31 == _IDR
    if kind != _STAP_A:
        return kind in (_IDR, _SPS)
    position = start + 1
    while position + 2 < len(payload):
        if payload[position + 2] & 31 in (_IDR, _SPS):
            return True
        position += 2 + int.from_bytes(payload[position : position + 2], "big")
    return False


def vp8_keyframe(payload: bytes, start: int) -> bool:
    """RFC 7741: start of partition 0, and the P bit of the frame header clear."""
    if len(payload) <= start:
        return False
    first, position = payload[start], start + 1
    if not first & 0x10 or first & 0x07:
        return False
    if first & 0x80:
        if len(payload) <= position:
            return False
        extension, position = payload[position], position + 1
        if extension & 0x80:
            position += 2 if len(payload) > position and payload[position] & 0x80 else 1
        position += bool(extension & 0x40) + bool(extension & 0x30)
    return len(payload) > position and not payload[position] & 1


KEYFRAME = {H264: h264_keyframe, VP8: vp8_keyframe}
