"""What a publisher sends otherwise than it should: told to it and to the operators, in words, with the remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from streaming.wire.codecs import OPUS, TELEPHONE, Codec
from streaming.wire.sdp import Offer


@dataclass(frozen=True)
class Notice:
    """`code` for programs; the words say what is, the remedy what comes of it and what to do.

    grave: something of the broadcast is missing for some; otherwise it only costs the hub work.
    """

    code: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    grave: bool = True

    def told(self) -> dict[str, str | bool]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """In English, for an HTTP header."""
        return f"{self.en}: {self.remedy_en}"


B_FRAMES = Notice(
    "b_frames",
    "编码器发送 B 帧", "the encoder sends B-frames",
    "WebRTC 画面会卡顿或倒跳（录像与 HLS 完整）：请在编码器上关闭 B 帧（bframes=0、-bf 0 或 Baseline）",
    "WebRTC players stutter (recording and HLS are whole); switch B-frames off on the encoder"
    " (bframes=0, -bf 0, or Baseline)",
)  # fmt: skip


def of_sound(offer: Offer, chosen: dict[str, Codec]) -> list[Notice]:
    """What is to be said of the sound that was negotiated, or left out."""
    media, codec = offer.section("audio"), chosen.get("audio")
    if media is None or (codec is not None and codec.name == OPUS):
        return []
    if codec is not None and codec.name in TELEPHONE:
        return [_made_opus(codec.name)]
    return [_left_out(", ".join(dict.fromkeys(codec.name for codec in media.codecs)) or "-")]


def _made_opus(name: str) -> Notice:
    return Notice(
        "audio_transcoded",
        f"声音为 {name}，由服务器转为 Opus", f"the sound is {name}, made Opus by the hub",
        "音质要好，请在编码器上选 Opus", "choose Opus on the encoder for better sound",
        grave=False,
    )  # fmt: skip


def _left_out(names: str) -> Notice:
    return Notice(
        "audio_dropped",
        f"声音编码 {names} 不能转发", f"sound in {names} cannot be passed on",
        "只有画面，没有声音：请在编码器上把声音改为 Opus（48 kHz）",
        "there is a picture but no sound; set the encoder's sound to Opus (48 kHz)",
    )  # fmt: skip
