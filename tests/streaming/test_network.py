"""Networks as they are: two addresses, an address that changes, no UDP; through WHIP, WHEP and the media port."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
import uvicorn
from media_helper import BEARER, SDP, Camera, Doorman, Rig, rig, until
from starlette.applications import Starlette
from tcp_peer import TcpPeer

from benchmarks.lightpeer import LightPeer
from records.serving.workers import Workers
from streaming.rooms import media
from streaming.serve import shared
from streaming.wire import paths

SECOND = "127.0.0.2"
"""Loopback has more than one address: answers to a client of this one must not come from 127.0.0.1."""


@pytest.mark.parametrize("fanout", ["native", "abi", "plain"])
@pytest.mark.parametrize(("host", "public"), [("0.0.0.0", SECOND), ("::", SECOND), ("0.0.0.0", "127.0.0.1")])
async def test_answers_and_media_leave_from_the_address_the_client_sent_to(fanout, host, public):
    async with rig(fanout, host, public) as hub:
        source, watcher = await hub.publish(), await hub.watch()
        assert source.sock.getpeername()[0] == public, "the announced address is the public one"
        camera = Camera()
        for packet in camera.frame(key=True, packets=20, size=1000) + camera.frame(packets=3):
            source.send_rtp(packet)
        await until(lambda: len(watcher.video) == 23)


async def test_two_clients_on_two_addresses_are_both_answered(monkeypatch):
    monkeypatch.setattr(media, "announced", lambda host, public: _these(["127.0.0.1", SECOND]))
    async with rig("native", "0.0.0.0") as hub:
        source, near = await hub.publish(), await hub.watch()
        far = await hub.watch()
        far.peer.sock.connect(
            (SECOND, hub.server.port)
        )  # the same client by our other address, as after a roam
        far.rtp.clear()
        far.peer.check()
        await until(lambda: all(_by_udp(viewer) for viewer in hub.server.room("hz-01").viewers.values()))
        await asyncio.sleep(0.05)
        for packet in Camera().frame(key=True, packets=5):
            source.send_rtp(packet)
        await until(lambda: len(near.video) == 5 and len(far.video) == 5)


async def _these(addresses):
    return addresses


def _by_udp(viewer):
    return isinstance(viewer.transport.path, paths.UdpPath)


async def test_answers_announce_a_public_address_that_changed(monkeypatch):
    monkeypatch.setattr(media, "ADDRESSES_SECONDS", 0.02)
    places = {"hub.example": "198.51.100.1"}
    loop = asyncio.get_running_loop()

    async def resolve(name, port, **_):
        if name not in places:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (places[name], 0))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)

    async def announced(hub):
        answer = await hub.http.post("/whep/hz-01", content=LightPeer().offer("recvonly"), headers=SDP)
        return answer.text

    async with rig("plain", "0.0.0.0", "hub.example") as hub:
        assert "198.51.100.1" in await announced(hub)
        places["hub.example"] = "198.51.100.2"
        await until(lambda: hub.server.candidates()[0].address == "198.51.100.2")
        text = await announced(hub)
        assert "198.51.100.2" in text and "198.51.100.1" not in text
        del places["hub.example"]  # the name service fails: the last answer stands, and the next is asked for
        await asyncio.sleep(0.1)
        assert "198.51.100.2" in await announced(hub)
        places["hub.example"] = "198.51.100.3"
        await until(lambda: hub.server.candidates()[0].address == "198.51.100.3")


# ── no UDP ──


async def publish_by_tcp(hub, room="hz-01"):
    peer = TcpPeer()
    hub.peers.append(peer)
    answer = await hub.http.post(f"/whip/{room}", content=peer.offer("sendonly"), headers=SDP | BEARER)
    assert answer.status_code == 201, answer.text
    await peer.connect(answer.text)
    await until(lambda: hub.server.status(room).publishing)
    return peer, answer


async def test_a_publisher_without_udp_comes_by_tcp():
    async with rig() as hub:
        source, answer = await publish_by_tcp(hub)
        udp = answer.text.index(" udp ")
        assert udp < answer.text.index(" tcp "), "UDP is announced first"
        watcher, asked = await hub.watch(), []
        source.on_rtcp = asked.append
        camera = Camera()
        for index in range(300):
            for packet in camera.frame(key=index % 50 == 0, packets=4, size=1000):
                source.send_rtp(packet)
            await asyncio.sleep(0.001)
        await until(lambda: len(watcher.video) == 1200)
        await until(lambda: asked)  # reports go back the same way
        await source.close()
        await until(lambda: not hub.server.status("hz-01").publishing)


async def test_viewers_are_not_offered_tcp_and_not_served_by_it():
    async with rig() as hub:
        viewer = TcpPeer()
        answer = await hub.http.post("/whep/hz-01", content=viewer.offer("recvonly"), headers=SDP)
        assert " tcp " not in answer.text
        forced = answer.text.replace(" udp ", " tcp ").replace(" typ host", " typ host tcptype passive")
        with pytest.raises((ConnectionError, TimeoutError)):
            await asyncio.wait_for(viewer.connect(forced), 1.5)
        viewer.vanish()


async def test_strangers_on_tcp_are_hung_up_on(monkeypatch):
    monkeypatch.setattr(paths, "UNKNOWN_SECONDS", 0.2)
    async with rig() as hub:
        source, _ = await publish_by_tcp(hub)
        for noise in (
            b"",
            b"\x00\x14" + bytes(20),
            b"\xff\xff" + bytes(40),
            b"\x00\x00",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", hub.server.port)
            writer.write(noise)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert hub.server.status("hz-01").publishing
        source.send_rtp(Camera().frame(key=True)[0])
        assert paths.TcpPath.unknown == 0


async def test_too_many_strangers_leave_room_for_udp(monkeypatch):
    monkeypatch.setattr(paths, "MOST_UNKNOWN", 4)
    async with rig() as hub:
        held = [await asyncio.open_connection("127.0.0.1", hub.server.port) for _ in range(4)]
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.server.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        await hub.publish()
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_a_frame_in_pieces_is_one_packet():
    async with rig() as hub:
        source, _ = await publish_by_tcp(hub)
        watcher = await hub.watch()
        packets = Camera().frame(key=True, packets=6, size=1000)
        framed = b""
        for packet in packets:
            data = source.dtls._tx_srtp.protect(packet)
            framed += len(data).to_bytes(2, "big") + data
        for at in range(0, len(framed), 777):
            source.sock.send(framed[at : at + 777])
            await asyncio.sleep(0.002)
        await until(lambda: len(watcher.video) == 6)


async def test_a_publisher_moves_from_tcp_to_udp_and_goes_on():
    async with rig() as hub:
        source, _ = await publish_by_tcp(hub)
        watcher, camera = await hub.watch(), Camera()
        for packet in camera.frame(key=True):
            source.send_rtp(packet)
        await until(lambda: len(watcher.video) == 3)
        source.stop_reading()
        former = source.sock
        source.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        source.sock.setblocking(False)
        source.sock.connect(("127.0.0.1", hub.server.port))
        source.framed = False
        source.check()
        await until(lambda: _by_udp(hub.server.room("hz-01").publisher))
        for packet in camera.frame():
            source.send_rtp(packet)
        await until(lambda: len(watcher.video) == 6)
        former.close()


@pytest.fixture
async def one_port():
    """Pages and media on one port number, as the hub serves them by default: the port, and the rig."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = media.MediaServer(
            media.MediaConfig("127.0.0.1", port, "127.0.0.1", tcp_shared=True), Doorman(), Workers()
        )
        await server.start()
        app = Starlette(routes=server.routes())
        pages = uvicorn.Server(
            uvicorn.Config(app, http=shared(server.tcp_path), lifespan="off", log_config=None)
        )
        serving = asyncio.create_task(pages.serve([listener]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            made = Rig(server, http)
            yield made
            for peer in made.peers:
                peer.vanish()
        pages.should_exit = True
        await serving
        await server.stop()


async def test_one_port_takes_pages_and_media(one_port):
    source, answer = await publish_by_tcp(one_port)
    assert f" {one_port.server.port} typ host tcptype passive" in answer.text
    watcher = await one_port.watch()
    for packet in Camera().frame(key=True, packets=8):
        source.send_rtp(packet)
    await until(lambda: len(watcher.video) == 8)
    again = await one_port.http.post("/whep/none", content="", headers=SDP)
    assert again.status_code == 422, "pages are answered as before"
    await source.close()
    await until(lambda: not one_port.server.status("hz-01").publishing)
