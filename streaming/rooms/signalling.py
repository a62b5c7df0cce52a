"""HTTP of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): what both have in common."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from messages import Message
from records.serving import requests as asking
from records.serving.problems import Problem
from streaming.edges.assignment import Edges
from streaming.edges.edge import EdgeViewer
from streaming.rooms.peer import Certificate, Peer
from streaming.rooms.room import Room
from streaming.rooms.sessions import Sessions
from streaming.wire import answer as answers
from streaming.wire.answer import Candidate
from streaming.wire.paths import TcpPath
from streaming.wire.sdp import Offer, SdpError, parse_fragment, parse_offer
from streaming.wire.transport import UdpPort

MAX_BODY = 64 * 1024
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
NOTICES = "urn:sunbid:notices"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, Sunbid-Notice",
    "Access-Control-Max-Age": "86400",
}
Handler = Callable[[Request], Awaitable[Response]]


class Authority(Protocol):
    """Who may do what in a room; the hub answers from its roster."""

    def may_publish(self, room: str, token: str | None) -> int:
        """HTTP status: 200 allowed, 401 no token, 403 wrong token, 404 no such room."""
        ...

    def may_watch(self, room: str, token: str | None) -> bool:
        """False is answered with 404: a room one may not see does not exist."""
        ...

    def may_watch_inside(self, room: str, token: str | None, *, off_air: bool) -> bool:
        """Whether the bearer gets the line inside a public room, which goes on while the public sees nothing."""
        ...

    def watched(self, room: str, token: str | None, peer: Peer) -> None:
        """A viewer who may watch has a session now."""
        ...


class Plane(Protocol):
    """What the signalling needs of the media plane."""

    edges: Edges | None

    @property
    def sessions(self) -> Sessions: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def udp(self) -> UdpPort: ...
    def candidates(self, *, tcp: bool = False) -> list[Candidate]: ...
    def room(self, name: str) -> Room: ...


class Signalling:
    """Routes of one protocol. Subclasses authorise and take offers."""

    path: ClassVar[str]
    peer_kind: ClassVar[str]
    sends: ClassVar[bool]

    def __init__(self, server: Plane, authority: Authority) -> None:
        self.server = server
        self.authority = authority

    def routes(self) -> list[BaseRoute]:
        entry = {"OPTIONS": self._options, "POST": self._post}
        notices = {"OPTIONS": self._options, "GET": self._notices}
        session = {"OPTIONS": self._options, "PATCH": self._patch, "DELETE": self._delete}
        return [
            Route(f"/{self.path}/{{room}}", _dispatch(entry), methods=METHODS),
            Route(f"/{self.path}/{{room}}/{{session}}", _dispatch(session), methods=METHODS),
            Route(f"/{self.path}/{{room}}/{{session}}/notices", _dispatch(notices), methods=METHODS),
        ]

    def authorise(self, room: str, token: str | None) -> None:
        """Raise a Problem unless the bearer may enter."""
        raise NotImplementedError

    def layer(self, asked: str | None) -> str:
        """What `?layer=` means, where it means anything. Problem 400 where it cannot be had."""
        return ""

    def answer(self, room: str, offer: Offer, request: Request) -> tuple[Peer, str]:
        """A new session for a checked offer, and the answer. Problem or SdpError where it cannot be."""
        raise NotImplementedError

    async def elsewhere(
        self, room: str, offer: Offer, layer: str, request: Request
    ) -> tuple[EdgeViewer, str] | None:
        """A session on another machine and the answer, or None: take it here."""
        return None

    async def _options(self, request: Request) -> Response:
        accept = {"Accept-Patch": FRAGMENT} if "session" in request.path_params else {"Accept-Post": SDP}
        return Response(status_code=204, headers=accept)

    async def _post(self, request: Request) -> Response:
        room = request.path_params["room"]
        self.authorise(room, token(request))
        layer = self.layer(request.query_params.get("layer"))
        _require_type(request, SDP)
        text = await _text(request)
        try:
            offer = parse_offer(text, sends=self.sends)
            session, answer = await self.elsewhere(room, offer, layer, request) or self._here(
                room, offer, request
            )
        except SdpError as error:
            raise Problem(422, error.message) from error
        place = f"{request.scope.get('root_path', '')}/{self.path}/{quote(room, safe='')}/{session.id}"
        headers = {"Location": place, "ETag": session.etag, "Accept-Patch": FRAGMENT}
        if isinstance(session, Peer) and self.sends:
            headers |= {"Link": f'<{place}/notices>; rel="{NOTICES}"'} | _noticed(session)
        return Response(answer, 201, headers, media_type=SDP)

    def _here(self, room: str, offer: Offer, request: Request) -> tuple[Peer, str]:
        peer, answer = self.answer(room, offer, request)
        self.server.sessions.add(peer)
        peer.begin()
        return peer, answer

    async def _patch(self, request: Request) -> Response:
        """Trickle (RFC 8840) needs nothing from an ICE-lite agent, which learns addresses from checks;
        new credentials are an ICE restart."""
        peer = self._find(request) or self._find_elsewhere(request)
        if peer is None:
            raise Problem(404, Message("signalling.no_session"))
        _require_type(request, FRAGMENT)
        match = request.headers.get("if-match")
        if match not in (None, "*", peer.etag):
            raise Problem(412, Message("signalling.session_changed"))
        try:
            text = await _text(request)
            if isinstance(peer, EdgeViewer):
                await peer.trickle(text)
                return Response(status_code=204, headers={"ETag": peer.etag})
            credentials = parse_fragment(text)
        except SdpError as error:
            raise Problem(422, error.message) from error
        ours = peer.restart(*credentials) if credentials is not None else None
        if ours is None:
            return Response(status_code=204, headers={"ETag": peer.etag})
        by_tcp = isinstance(peer.transport.path, TcpPath)  # npm whip-whep 1.2.0 reads one candidate only here
        fragment = answers.fragment(peer.offer, *ours, self.server.candidates(tcp=by_tcp))
        return Response(fragment, 200, {"ETag": peer.etag}, media_type=FRAGMENT)

    async def _delete(self, request: Request) -> Response:
        peer = self._find(request) or self._find_elsewhere(request)
        if peer is not None:
            peer.close("deleted")
        elif not self.server.sessions.ended(request.path_params["session"]):
            raise Problem(404, Message("signalling.no_session"))
        return Response(status_code=200, headers=_noticed(peer) if isinstance(peer, Peer) else None)

    async def _notices(self, request: Request) -> Response:
        """What the hub has to say of what a publisher sends; whoever knows the session's address may ask."""
        peer = self._find(request)
        if peer is None:
            raise Problem(404, Message("signalling.no_session"))
        text = json.dumps({"notices": [one.to_json() for one in peer.notices]}, ensure_ascii=False)
        return Response(text, headers={"Cache-Control": "no-store"}, media_type="application/json")

    def _find(self, request: Request) -> Peer | None:
        parameters = request.path_params
        return self.server.sessions.get(self.peer_kind, parameters["room"], parameters["session"])

    def _find_elsewhere(self, request: Request) -> EdgeViewer | None:
        edges, parameters = self.server.edges, request.path_params
        if edges is None or self.sends:
            return None
        return edges.find(parameters["room"], parameters["session"])


def _dispatch(handlers: Mapping[str, Handler]) -> Handler:
    allowed = ", ".join(handlers)

    async def endpoint(request: Request) -> Response:
        handler = handlers.get(request.method)
        try:
            if handler is None:
                raise Problem(405, Message("signalling.methods", methods=allowed), {"Allow": allowed})
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        response.headers.update(CORS)
        return response

    return endpoint


def _noticed(peer: Peer) -> dict[str, str]:
    lines = "; ".join(notice.line() for notice in peer.notices)
    return {"Sunbid-Notice": lines} if lines else {}


def token(request: Request) -> str | None:
    """The bearer token; `?token=` serves players that cannot set headers."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return request.query_params.get("token")


def _require_type(request: Request, wanted: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        header = "Accept-Post" if wanted == SDP else "Accept-Patch"
        raise Problem(415, Message("signalling.content_type", wanted=wanted), {header: wanted})


async def _text(request: Request) -> str:
    try:
        return (await asking.body(request, MAX_BODY)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(422, Message("signalling.not_utf8")) from error
