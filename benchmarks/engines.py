"""The servers that `benchmarks.fanout` compares, each as a process of its own.

python -m benchmarks.engines native|abi|plain|relay PORT ADDRESS
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from records.serving.workers import Workers
from streaming.rooms.media import MediaConfig, MediaServer
from streaming.rooms.peer import Peer
from streaming.serve import spare_collections


class Everyone:
    """An authority that lets anyone in; the rig listens on this machine only."""

    def may_publish(self, room: str, token: str | None) -> int:
        return 200

    def may_watch(self, room: str, token: str | None) -> bool:
        return True

    def may_watch_inside(self, room: str, token: str | None, *, off_air: bool) -> bool:
        return False

    def watched(self, room: str, token: str | None, peer: Peer) -> None:
        """Everybody may watch; nobody asks who did."""


def hub(fanout: str, port: int, address: str) -> Starlette:
    """The media plane alone, with one of its three fan-outs."""
    server = MediaServer(MediaConfig(address, port, address, fanout, tcp_shared=True), Everyone(), Workers())

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await server.start()
        yield
        await server.stop()

    def unsent(request: Request) -> Response:
        """Datagrams of the rig's room that never left: what the server lost, as against its viewers."""
        server._fanout.drain()
        streams = server.room("rig").streams.values()
        return Response(str(sum(stream.counts.attempted - stream.sent for stream in streams)))

    return Starlette(routes=[*server.routes(), Route("/unsent", unsent)], lifespan=lifespan)


def relay() -> Starlette:
    """aiortc as its examples use it: decode once, MediaRelay, encode per viewer."""
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay

    tracks: dict[str, Any] = {}
    connections: list[Any] = []
    fan = MediaRelay()

    async def answer(request: Request) -> Response:
        connection: Any = RTCPeerConnection()
        connections.append(connection)
        publishing = request.path_params["side"] == "whip"
        if publishing:
            connection.on("track", lambda track: tracks.__setitem__(track.kind, track))
        offer = (await request.body()).decode()
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        if not publishing:
            for transceiver in connection.getTransceivers():
                connection.addTrack(fan.subscribe(tracks[transceiver.kind]))
        await connection.setLocalDescription(await connection.createAnswer())
        headers = {"Location": f"/session/{len(connections)}"}
        return Response(connection.localDescription.sdp, 201, headers, media_type="application/sdp")

    return Starlette(routes=[Route("/{side}/{room}", answer, methods=["POST"])])


def main(argv: list[str]) -> int:
    name, port, address = argv[0], int(argv[1]), argv[2]
    app = relay() if name == "relay" else hub(name, port, address)
    if name != "relay":
        spare_collections()
    uvicorn.run(app, host=address, port=port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
