"""WHIP (RFC 9725): an encoder or browser publishes into a room."""

from __future__ import annotations

from typing import ClassVar

from streaming.rooms.peer import Peer
from streaming.rooms.publisher import Publisher
from streaming.rooms.signalling import Problem, Signalling
from streaming.rooms.subrooms import main_room
from streaming.wire.codecs import H264, OPUS, VP8, Codec, profile_rank
from streaming.wire.sdp import Media, Offer, SdpError

_REFUSALS = {
    401: "需要房间推流令牌 Authorization: Bearer … / the room's publishing token is required",
    403: "房间推流令牌无效 / the publishing token is not this room's",
    404: "没有这个房间 / no such room",
}


class Whip(Signalling):
    path: ClassVar[str] = "whip"
    peer_kind: ClassVar[str] = "publisher"
    sends: ClassVar[bool] = True

    def authorise(self, room: str, token: str | None) -> None:
        status = self.authority.may_publish(room, token)
        if status == 404:
            status = self.authority.may_publish(main_room(room), token)
        if status == 200:
            return
        challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        raise Problem(status, _REFUSALS.get(status, "不可推流 / publishing is not possible"), challenge)

    def take(self, room: str, offer: Offer, layer: str) -> tuple[Peer, str]:
        place = self.server.room(room)
        if place.occupied():
            raise Problem(
                409,
                "该房间正在推流，请先停止原来的一路 / the room has a publisher; stop that one first",
                {"Retry-After": "2"},
            )
        codecs = choose(offer)
        publisher = Publisher(room, offer, self.server.udp, self.server.certificate, codecs, place.streams)
        answer = publisher.answer(
            {kind: [codec] for kind, codec in codecs.items()}, self.server.candidates(tcp=True)
        )
        place.publish(publisher)
        return publisher, answer


def choose(offer: Offer) -> dict[str, Codec]:
    """One codec per kind: H.264 before VP8, Opus. SdpError where a section offers none of them."""
    chosen = {}
    for kind in ("video", "audio"):
        media = offer.section(kind)
        if media is not None:
            chosen[kind] = _best(media)
    return chosen


def _best(media: Media) -> Codec:
    order = (H264, VP8) if media.kind == "video" else (OPUS,)
    usable = [codec for codec in media.codecs if codec.forwardable and codec.name in order]
    if not usable:
        offered = ", ".join(dict.fromkeys(codec.name for codec in media.codecs)) or "-"
        wanted = "H264 (packetization-mode=1), VP8" if media.kind == "video" else "opus/48000"
        raise SdpError(
            f"{media.kind} 须为 {wanted}，收到 / {media.kind} must be {wanted}; offered: {offered}"
        )
    return min(usable, key=lambda codec: (order.index(codec.name), profile_rank(codec)))
