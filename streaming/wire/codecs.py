"""The codecs the hub forwards, and how to see a keyframe in their packets without decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streaming.wire.h264 import starts_keyframe
from streaming.wire.rtp import SHARED_WITH_RTCP

H264, VP8, OPUS = "H264", "VP8", "OPUS"
CLOCK = {"video": 90_000, "audio": 48_000}
"""Clock rates of what rooms hand out; a telephone codec is made Opus on its way in."""
TELEPHONE = {"PCMU": 8_000, "PCMA": 8_000, "G722": 16_000}
"""Codecs of desk telephones and cameras → samples a second. Their RTP clock is 8 kHz, G.722's too (RFC 3551)."""
TELEPHONE_CLOCK = 8_000
STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
"""Payload types that need no a=rtpmap (RFC 3551 §6)."""


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
        return self.payload_type in SHARED_WITH_RTCP

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


_EXTENDED, _START_OF_PARTITION, _PARTITION = 0x80, 0x10, 0x07
"""Bits of the first byte of a VP8 payload (RFC 7741 §4.2)."""
_PICTURE_ID, _TL0_INDEX, _LAYER_OR_KEY = 0x80, 0x40, 0x30
"""Bits of the byte that follows where it is extended: which fields come behind it."""
_LONG_ID = 0x80
"""Bit of a picture id that has a second byte."""
_INTER_FRAME = 0x01
"""Bit of a picture's first byte: it builds on others (RFC 6386 §9.1)."""


def vp8_keyframe(payload: bytes, start: int) -> bool:
    """RFC 7741: start of partition 0, and the P bit of the frame header clear."""
    if len(payload) <= start:
        return False
    first = payload[start]
    if not first & _START_OF_PARTITION or first & _PARTITION:
        return False
    position = _vp8_frame(payload, start + 1) if first & _EXTENDED else start + 1
    return len(payload) > position and not payload[position] & _INTER_FRAME


def _vp8_frame(payload: bytes, position: int) -> int:
    """Where the picture begins behind an extension at `position`; beyond the end where it is cut off."""
    if len(payload) <= position:
        return len(payload)
    fields, position = payload[position], position + 1
    if fields & _PICTURE_ID:
        position += 2 if len(payload) > position and payload[position] & _LONG_ID else 1
    return position + bool(fields & _TL0_INDEX) + bool(fields & _LAYER_OR_KEY)


KEYFRAME = {H264: starts_keyframe, VP8: vp8_keyframe}
"""Codec → whether the RTP payload at an offset begins a keyframe."""
