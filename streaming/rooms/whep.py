"""WHEP (draft-ietf-wish-whep): anyone allowed watches a room, also before its publisher comes."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request

from messages import Message
from records.serving.problems import Problem
from streaming.edges.edge import EdgeViewer
from streaming.rooms.peer import Peer
from streaming.rooms.room import Room
from streaming.rooms.sessions import VIEWERS_PER_ROOM
from streaming.rooms.signalling import Signalling, token
from streaming.rooms.stream import Stream
from streaming.rooms.subrooms import main_room
from streaming.rooms.viewer import Viewer
from streaming.wire.answer import Sender
from streaming.wire.codecs import H264, OPUS, VP8, Codec, profile_rank
from streaming.wire.sdp import Offer, SdpError

FULL, LOW = LAYERS = ("full", "low")
"""What a viewer may ask for (`?layer=`): the full picture, or the small one for tiles."""


class Whep(Signalling):
    path: ClassVar[str] = "whep"
    peer_kind: ClassVar[str] = "viewer"
    sends: ClassVar[bool] = False

    def authorise(self, room: str, token: str | None) -> None:
        if not any(self.authority.may_watch(name, token) for name in (room, main_room(room))):
            raise Problem(404, Message("signalling.no_room"))

    def layer(self, asked: str | None) -> str:
        layer = asked if asked is not None else FULL
        if layer not in LAYERS:
            choices = ", ".join(LAYERS)
            raise Problem(400, Message("whep.layer_unknown", choices=choices, asked=layer[:20]))
        return layer

    async def elsewhere(
        self, room: str, offer: Offer, layer: str, request: Request
    ) -> tuple[EdgeViewer, str] | None:
        edges = self.server.edges
        public = any(self.authority.may_watch(name, None) for name in (room, main_room(room)))
        if edges is None or not public or self._from_inside(self.server.room(room), request):
            return None  # what is not for everybody never leaves the hub
        place = self.server.room(room)
        if layer == LOW and place.tile.there() is not None:
            return None  # edges have the full picture only; the small one costs the hub's line little
        codecs = {kind: found[0] for kind, found in choose(offer, place).items()}
        viewer = await edges.place(room, offer, codecs, len(place.viewers))
        return (viewer, viewer.answer) if viewer is not None else None

    def answer(self, room: str, offer: Offer, request: Request) -> tuple[Peer, str]:
        place, layer = self.server.room(room), self.layer(request.query_params.get("layer"))
        streams = self._streams(place, layer, request)
        if len(place.viewers) >= VIEWERS_PER_ROOM:
            raise Problem(503, Message("whep.room_full"), {"Retry-After": "30"})
        codecs = choose(offer, place)
        viewer = Viewer(room, offer, self.server.udp, self.server.certificate, codecs, streams, place.fanout)
        name = f"sunbid-{place.video.ssrc:08x}"  # the same for both kinds: lips follow the voice
        senders = {kind: Sender(streams[kind].ssrc, viewer.rtx_ssrc, name) for kind in codecs}
        answer = viewer.answer(codecs, self.server.candidates(), senders)
        place.admit(viewer)
        self.authority.watched(room, token(request), viewer)
        return viewer, answer

    def _streams(self, place: Room, layer: str, request: Request) -> dict[str, Stream]:
        """What a viewer gets: the desk the line inside, which has one size; the public the full or the small picture."""
        if self._from_inside(place, request):
            return place.inside.streams
        return place.streams if layer == FULL else {**place.streams, "video": place.tile.stream}

    def _from_inside(self, place: Room, request: Request) -> bool:
        return self.authority.may_watch_inside(place.name, token(request), off_air=place.off_air)


def choose(offer: Offer, room: Room) -> dict[str, list[Codec]]:
    """Every codec a publisher might send that the viewer can take, best first: one payload type each.

    Because all of them are negotiated, a publisher may come later or change its codec without the viewer
    having to join again. SdpError where the viewer cannot take what is being sent.
    """
    chosen: dict[str, list[Codec]] = {}
    for kind, names in (("video", (H264, VP8)), ("audio", (OPUS,))):
        media = offer.section(kind)
        if media is None:
            continue
        playing = room.streams[kind].codec if room.publisher is not None else None
        profile = playing.h264_profile if playing is not None and playing.name == H264 else None
        order = sorted(names, key=lambda name: playing is not None and name != playing.name)
        found = []
        for name in order:
            usable = [codec for codec in media.codecs if codec.forwardable and codec.name == name]
            if usable:
                found.append(min(usable, key=lambda codec: profile_rank(codec, profile)))
        if not found or (playing is not None and found[0].name != playing.name):
            wanted = playing.name if playing is not None else " / ".join(names)
            raise SdpError(Message("sdp.codec_lacking", kind=kind, wanted=wanted))
        chosen[kind] = found
    return chosen
