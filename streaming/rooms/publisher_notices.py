"""What a publisher sends otherwise than it should: told to it and to the operators, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass

from messages import Message, Parameter
from streaming.wire.codecs import OPUS, TELEPHONE, Codec
from streaming.wire.sdp import Offer


@dataclass(frozen=True)
class Notice:
    """`code` for programs; `what` is otherwise, and in `remedy` what comes of it and what to do.

    grave: something of the broadcast is missing for some; otherwise it only costs the hub work.
    """

    code: str
    what: Message
    remedy: Message
    grave: bool = True

    def to_json(self) -> dict[str, str | bool]:
        """In every language: `zh`, `remedy_zh` and so on."""
        return {
            "code": self.code, **self.what.texts(), **self.remedy.texts("remedy_"), "grave": self.grave,
        }  # fmt: skip

    def line(self) -> str:
        """In English, for an HTTP header."""
        return f"{self.what.text('en')}: {self.remedy.text('en')}"


def _notice(code: str, *, grave: bool = True, **parameters: Parameter) -> Notice:
    return Notice(code, Message(f"notice.{code}", **parameters), Message(f"notice.{code}_remedy"), grave)


B_FRAMES = _notice("b_frames")


def of_sound(offer: Offer, chosen: dict[str, Codec]) -> list[Notice]:
    """What is to be said of the sound that was negotiated, or left out."""
    media, codec = offer.section("audio"), chosen.get("audio")
    if media is None or (codec is not None and codec.name == OPUS):
        return []
    if codec is not None and codec.name in TELEPHONE:
        return [_notice("audio_transcoded", codec=codec.name, grave=False)]
    names = list(dict.fromkeys(codec.name for codec in media.codecs)) or ["-"]
    return [_notice("audio_dropped", codecs=names)]
