"""What networks and strangers do to a hub: moved ports, floods, viewers gone without a word."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct

import pytest
from lossy import Line, Relay, lossy
from media_helper import SDP, Camera, Rig, Watcher, number, rig, until

from benchmarks.lightpeer import LightPeer
from streaming.wire import stun
from tests.needed import needs_native


@pytest.fixture(params=["native", "plain"])
async def hub(request):
    if request.param == "native":
        needs_native()
    async with rig(request.param) as made:
        yield made


async def watch_through(hub: Rig, relay: Relay) -> Watcher:
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly"), headers=SDP)
    watcher = Watcher(peer, answer.headers["location"])
    await peer.connect(relay.reroute(answer.text))
    await until(lambda: hub.server.status("hz-01").viewers == 1)
    return watcher


async def play(source: LightPeer, camera: Camera) -> None:
    for packet in camera.frame(key=True):
        source.send_rtp(packet)
    await asyncio.sleep(0.01)


async def test_a_viewer_behind_a_forgetful_nat_is_followed(hub: Rig) -> None:
    source, camera = await hub.publish(), Camera()
    async with lossy(("127.0.0.1", hub.server.port), Line()) as relay:
        watcher = await watch_through(hub, relay)
        await play(source, camera)
        await until(lambda: len(watcher.video) == 3)
        relay.rebind()
        await play(source, camera)  # goes to the old port, like the first moments after a NAT forgot
        watcher.peer.check()
        await asyncio.sleep(0.1)
        await play(source, camera)
        await until(lambda: number(watcher.video[-1]) == hub.server.room("hz-01").video.rewriter.sequence)
        assert hub.server.status("hz-01").viewers == 1 and len(hub.server.room("hz-01").viewers) == 1


async def test_a_check_that_nominates_nothing_moves_a_peer_only_once_its_path_is_silent(
    hub: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = await hub.watch()
    [viewer] = hub.server.room("hz-01").viewers.values()
    ufrag, password = watcher.peer._remote
    check = stun.binding_request(f"{ufrag}:x", password, nominate=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.sendto(check, ("127.0.0.1", hub.server.port))
        await asyncio.sleep(0.1)
        assert viewer.transport.address == watcher.peer.address
        monkeypatch.setattr("streaming.wire.transport.FORGOTTEN", 0.0)
        other.sendto(check, ("127.0.0.1", hub.server.port))
        await until(lambda: viewer.transport.address == other.getsockname())


async def test_a_publisher_behind_a_forgetful_nat_is_followed(hub: Rig) -> None:
    watcher, peer, camera = await hub.watch(), LightPeer(), Camera()
    hub.peers.append(peer)
    async with lossy(("127.0.0.1", hub.server.port), Line()) as relay:
        headers = SDP | {"Authorization": "Bearer good"}
        answer = await hub.http.post("/whip/hz-01", content=peer.offer("sendonly"), headers=headers)
        await peer.connect(relay.reroute(answer.text))
        await until(lambda: hub.server.status("hz-01").publishing)
        await play(peer, camera)
        await until(lambda: len(watcher.video) == 3)
        relay.rebind()
        peer.check()
        await asyncio.sleep(0.1)
        await play(peer, camera)
        await until(lambda: len(watcher.video) == 6)


async def test_strangers_cannot_move_a_viewer_or_make_the_hub_answer(hub: Rig) -> None:
    """A flood of checks with a right name and a wrong password, unknown names, and noise."""
    source, camera, watcher = await hub.publish(), Camera(), await hub.watch()
    [viewer] = hub.server.room("hz-01").viewers.values()
    before = hub.server.udp.unknown
    datagrams = [
        stun.binding_request(f"{viewer.transport.ufrag}:x", "wrong" * 6),
        stun.binding_request("nobody:x", secrets.token_hex(12)),
        b"\0\1" + secrets.token_bytes(18),
        struct.pack("!BBHII", 0x80, 96, 1, 1, 1) + bytes(40),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        for _ in range(40):
            for datagram in datagrams * 10:
                stranger.sendto(datagram, ("127.0.0.1", hub.server.port))
            await play(source, camera)
        await until(lambda: len(watcher.video) == 120, 10)
        await until(lambda: hub.server.udp.unknown - before == 1600, 10)
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)
    assert viewer.transport.address == watcher.peer.address
    assert [number(packet) for packet in watcher.video] == sorted(
        (number(packet) for packet in watcher.video), key=lambda n: (n - number(watcher.video[0])) & 0xFFFF
    )


async def test_viewers_gone_without_a_word_cost_the_others_nothing(
    hub: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, camera = await hub.publish(), Camera()
    stays, *gone = [await hub.watch() for _ in range(6)]
    for watcher in gone:
        watcher.peer.vanish()
    for _ in range(30):
        await play(source, camera)
    await until(lambda: len(stays.video) == 90)
    monkeypatch.setattr("streaming.rooms.peer.CONSENT", 0.5)

    async def stay() -> None:
        while True:
            stays.peer.check()
            source.check()
            await asyncio.sleep(0.1)

    alive = asyncio.create_task(stay())
    await until(lambda: hub.server.status("hz-01").viewers == 1, 10)
    assert hub.server.room("hz-01").ended["viewer:silent"] == 5
    assert len(hub.server.room("hz-01").video.group) == 1
    await play(source, camera)
    await until(lambda: len(stays.video) == 93)
    alive.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await alive
