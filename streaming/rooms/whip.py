"""WHIP (RFC 9725): an encoder or browser publishes into a room."""

from __future__ import annotations

from typing import ClassVar

import structlog
from starlette.requests import Request

from messages import Message
from records.serving.problems import Problem
from streaming.rooms import publisher_notices as notices
from streaming.rooms.peer import Peer
from streaming.rooms.publisher import Publisher
from streaming.rooms.room import Room
from streaming.rooms.signalling import Signalling, token
from streaming.rooms.subrooms import main_room
from streaming.wire.codecs import H264, OPUS, TELEPHONE, VP8, Codec, profile_rank
from streaming.wire.sdp import Media, Offer, SdpError

log = structlog.get_logger()

_REFUSALS = {401: "whip.token_required", 403: "whip.token_wrong", 404: "signalling.no_room"}
"""Status of a publisher that is not let in → why."""


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
        raise Problem(status, Message(_REFUSALS.get(status, "whip.no_publishing")), challenge)

    def answer(self, room: str, offer: Offer, request: Request) -> tuple[Peer, str]:
        place, bearer = self.server.room(room), token(request)
        takes_over = place.occupied()
        if takes_over:
            self._may_take_over(place, bearer, request.query_params.get("takeover"))
        codecs = choose(offer)
        publisher = Publisher(room, offer, self.server.udp, self.server.certificate, codecs, place.streams)
        publisher.notices = notices.of_sound(offer, codecs)
        chosen = {kind: [codec] for kind, codec in codecs.items()}
        answer = publisher.answer(chosen, self.server.candidates(tcp=True), silent=_silent(offer, codecs))
        publisher.token = bearer
        (place.publish_instead if takes_over else place.publish)(publisher)
        return publisher, answer

    def _may_take_over(self, place: Room, bearer: str | None, asked: str | None) -> None:
        """The next publisher with the room's token takes over. A camera is left only by one who asks for it
        (`takeover=1`); whoever merely comes back after a break (`takeover=0`) takes nothing from anybody."""
        if asked not in (None, "0", "1"):
            raise Problem(400, Message("whip.takeover_odd"))
        if asked == "1":
            return
        if asked == "0":
            raise _busy("whip.occupied", 2)
        if place.contested():
            log.warning("media.room_contested", room=place.name)
            raise _busy("whip.contested", 60)
        present = place.publisher
        if not isinstance(present, Publisher):
            raise _busy("whip.camera_on_air", 2)
        if present.token != bearer and self._valid(place.name, present.token):
            raise _busy("whip.other_token_on_air", 2)

    def _valid(self, room: str, held: str | None) -> bool:
        """Whether a publisher's token still opens the room: one that was replaced holds it no longer."""
        try:
            self.authorise(room, held)
        except Problem:
            return False
        return True


def _busy(why: str, seconds: int) -> Problem:
    return Problem(409, Message(why), {"Retry-After": str(seconds)})


def choose(offer: Offer) -> dict[str, Codec]:
    """One codec per kind: H.264 before VP8, Opus before what must be made Opus. Sound that cannot be taken is
    left out where there is a picture; SdpError where nothing is left, or where the picture is unknown."""
    chosen = {}
    for kind in ("video", "audio"):
        media = offer.section(kind)
        if media is not None and (best := _best(media)) is not None:
            chosen[kind] = best
        elif media is not None and not (kind == "audio" and chosen):
            raise _unknown(media)
    return chosen


_ORDER = {"video": (H264, VP8), "audio": (OPUS, *TELEPHONE)}


def _best(media: Media) -> Codec | None:
    order = _ORDER[media.kind]
    usable = [codec for codec in media.codecs if codec.receivable and codec.name in order]
    return min(
        usable,
        key=lambda codec: (order.index(codec.name), not codec.forwardable, profile_rank(codec)),
        default=None,
    )


def _unknown(media: Media) -> SdpError:
    offered = list(dict.fromkeys(_offered(codec) for codec in media.codecs)) or [
        Message("sdp.nothing_offered")
    ]
    wanted = ["H264", "VP8"] if media.kind == "video" else ["opus/48000", "PCMU", "PCMA", "G722"]
    return SdpError(Message("sdp.codec_unknown", kind=media.kind, wanted=wanted, offered=offered))


def _offered(codec: Codec) -> str | Message:
    if not codec.collides:
        return codec.name
    return Message("sdp.codec_collides", codec=codec.name, number=codec.payload_type)


def _silent(offer: Offer, chosen: dict[str, Codec]) -> dict[str, list[Codec]]:
    """The sections that are left out but stay in the bundle, with a codec of theirs."""
    sections = {kind: offer.section(kind) for kind in _ORDER if kind not in chosen}
    return {kind: media.codecs[:1] for kind, media in sections.items() if media and media.codecs}
