"""Real Janus edges in network namespaces: pictures through them, their death, what they leave behind."""

import asyncio
import contextlib
import itertools
import signal
import struct
import time

import edge_rig
import httpx
import pytest
from media_helper import BEARER, SDP, Camera, Doorman, until
from starlette.applications import Starlette

from benchmarks.lightpeer import LightPeer
from records.serving.workers import Workers
from streaming.edges import edge as link
from streaming.edges import liveness, mountpoints
from streaming.edges.janus import Janus
from streaming.rooms.media import MediaConfig, MediaServer
from streaming.wire import rtcp

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
END = "a=end-of-candidates\r\n"


@pytest.fixture(autouse=True)
def apart():
    edge_rig.check()
    with edge_rig.apart():
        yield


class Market:
    """A hub with edges, a publisher of 25 pictures a second, and viewers."""

    def __init__(self, server, http):
        self.server, self.http = server, http
        self.plis = []
        self.viewers = []

    @property
    def links(self):
        return self.server.edges.links

    async def publish(self, room="hz-01"):
        peer = LightPeer()
        answer = await self.http.post(f"/whip/{room}", content=peer.offer("sendonly"), headers=SDP | BEARER)
        await peer.connect(answer.text)
        await until(lambda: self.server.status(room).publishing)
        peer.on_rtcp = lambda data: self.plis.extend(p for p in rtcp.parse(data) if p.kind == rtcp.PSFB)
        return peer

    async def watch(self, address, room="hz-01", **sections):
        """(peer, session address, packets): connected, with media flowing."""
        peer, packets = LightPeer(address), []
        self.viewers.append(peer)
        peer.on_rtp = packets.append
        answer = await self.http.post(
            f"/whep/{room}", content=peer.offer("recvonly", **sections), headers=SDP
        )
        assert answer.status_code == 201, answer.text
        await peer.connect(answer.text)
        await until(lambda: packets)
        return peer, answer.headers["location"], packets


async def _play(peer):
    camera = Camera()
    sound = Camera(ssrc=0x2222, payload_type=111)
    for count in range(10_000):
        for packet in camera.frame(key=count % 25 == 0):
            peer.send_rtp(packet)
        sound.timestamp += 1920
        peer.send_rtp(sound.packet(b"opus"))
        await asyncio.sleep(0.04)


@contextlib.asynccontextmanager
async def market(edges, port=0, **settings):
    config = MediaConfig("127.0.0.1", port, "127.0.0.1", edges=tuple(one.edge for one in edges), **settings)
    server = MediaServer(config, Doorman(), Workers())
    await server.start()
    transport = httpx.ASGITransport(app=Starlette(routes=server.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
        made = Market(server, http)
        await until(lambda: all(one.up for one in made.links))
        publisher = await made.publish()
        playing = asyncio.create_task(_play(publisher))
        try:
            yield made
        finally:
            playing.cancel()
            for peer in [publisher, *made.viewers]:
                peer.vanish()
            await server.stop()


async def _mountpoints(edge):
    """What stands on an edge, as Janus lists it."""
    janus = await Janus.open(edge, lambda handle, what: None)
    try:
        listed = await janus.plugin(await janus.attach(), {"request": "list", "admin_key": edge.key})
    finally:
        await janus.close()
    return [item["description"] for item in listed["list"]]


async def test_pictures_and_sound_come_through_the_edge_and_the_address_stays_the_hubs(tmp_path, monkeypatch):
    monkeypatch.setattr(mountpoints, "IDLE_SECONDS", 0.5)
    async with edge_rig.running(1, tmp_path) as edge, market([edge]) as hub:
        asked = len(hub.plis)
        peer, place, packets = await hub.watch(edge.ours)
        assert place.startswith("/whep/hz-01/")
        assert hub.server.status("hz-01").viewers == 0  # the hub itself serves nobody
        await until(lambda: {packet[1] & 127 for packet in packets} == {96, 111})
        await until(lambda: len(hub.plis) > asked)  # the edge asked, the hub passed it on
        video = [packet[2] << 8 | packet[3] for packet in packets if packet[1] & 127 == 96]
        assert all((after - before) & 0xFFFF == 1 for before, after in itertools.pairwise(video))

        trickled = (
            f"a=ice-ufrag:{peer.ufrag}\r\na=ice-pwd:{peer.password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
        )
        trickled += "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 4000 typ host\r\n"
        assert (await hub.http.patch(place, content=trickled, headers=FRAGMENT)).status_code == 204
        restart = trickled.replace(peer.ufrag, "anew")
        assert (await hub.http.patch(place, content=restart, headers=FRAGMENT)).status_code == 422

        await hub.watch(edge.ours)  # a second viewer, the same mountpoint
        await hub.watch(edge.ours, video=[_other(line) for line in H264])  # other payload types, another one
        names = await _mountpoints(edge.edge)
        assert len(names) == 2 and all(name.startswith("sunbid-") for name in names)

        assert (await hub.http.delete(place)).status_code == 200
        assert (await hub.http.delete(place)).status_code == 200  # as the hub answers for its own
        assert (await hub.http.patch(place, content=trickled, headers=FRAGMENT)).status_code == 404
        for peer in hub.viewers[1:]:
            await peer.close()  # a browser that closes says so by DTLS
        await until(lambda: not hub.links[0].viewers)
        await until(lambda: hub.links[0].mountpoints == 0)
        await asyncio.sleep(0.2)
        assert await _mountpoints(edge.edge) == []


H264 = [
    "a=rtpmap:96 H264/90000",
    "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f",
    "a=rtcp-fb:96 nack",
]


def _other(line):
    return line.replace(":96 ", ":45 ")


async def test_viewers_of_a_killed_edge_find_the_other_and_then_the_hub(tmp_path):
    async with (
        edge_rig.running(1, tmp_path) as one,
        edge_rig.running(2, tmp_path) as two,
        market([one, two]) as hub,
    ):
        _, place, _ = await hub.watch(one.ours)
        await hub.watch(two.ours)
        assert [len(one.viewers) for one in hub.links] == [1, 1]  # one each: the least loaded

        began = time.monotonic()
        await one.kill()
        await until(lambda: not hub.links[0].up, 3)
        assert time.monotonic() - began < 3
        while (await hub.http.patch(place, content=END, headers=FRAGMENT)).status_code != 404:
            assert time.monotonic() - began < 3, "its viewers are let go with it"
            await asyncio.sleep(0.02)
        await hub.watch(two.ours)
        assert len(hub.links[1].viewers) == 2

        began = time.monotonic()
        two.stop(signal.SIGSTOP)  # it does not answer, but nothing says that it is gone
        await until(lambda: not hub.links[1].up, 4.5)
        seconds = time.monotonic() - began
        two.stop(signal.SIGCONT)
        assert 1 < seconds < 4.5

        await hub.watch("127.0.0.1")
        assert hub.server.status("hz-01").viewers == 1  # nobody else is left: the hub

        await one.start()
        await until(lambda: all(one.up for one in hub.links), 12)
        await hub.watch(one.ours)
        assert sum(len(one.viewers) for one in hub.links) == 1


async def test_a_hub_killed_leaves_nothing_that_its_next_run_does_not_remove(tmp_path):
    async with edge_rig.running(1, tmp_path) as edge, market([edge], port=0) as hub:
        owner, points = hub.server.edges.config.owner, hub.links[0]._mountpoints
        janus = points._janus
        await points.enter(mountpoints.Key("hz-01", "H264", 96, 111))
        points.abandon()  # as after kill -9: the mountpoint stands, nobody knows of it
        assert len(await _mountpoints(edge.edge)) == 1
        other = mountpoints.Mountpoints(
            edge.edge, janus, points._control, points._host, hub.server, "another"
        )
        await other.sweep()
        assert len(await _mountpoints(edge.edge)) == 1  # another hub's are not touched
        again = mountpoints.Mountpoints(edge.edge, janus, points._control, points._host, hub.server, owner)
        await again.sweep()
        assert await _mountpoints(edge.edge) == []


async def test_a_viewer_that_vanished_is_let_go_and_one_that_reports_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(liveness, "EVERY", 0.4)
    async with edge_rig.running(1, tmp_path) as edge, market([edge]) as hub:
        silent, _, _ = await hub.watch(edge.ours)
        alive, _, packets = await hub.watch(edge.ours)
        silent.vanish()
        reporting = asyncio.create_task(_report(alive, packets))
        try:
            await until(lambda: len(hub.links[0].viewers) == 1, 15)
            await asyncio.sleep(2 * liveness.EVERY)
        finally:
            reporting.cancel()
        assert len(hub.links[0].viewers) == 1
        before = len(packets)
        await until(lambda: len(packets) > before + 10)


async def _report(peer, packets):
    """Receiver reports with a jitter that moves, as every real one does."""
    for jitter in range(0, 900_000, 900):
        found = next(p for p in packets if p[1] & 127 == 96)
        source = struct.unpack("!I", found[8:12])[0]
        highest = found[2] << 8 | found[3]
        peer.send_rtcp(rtcp.receiver_report(7, [rtcp.Report(source, 0.0, 0, highest, jitter, 0, 0)]))
        await asyncio.sleep(0.2)


async def test_an_edge_that_no_viewer_reaches_is_spared(tmp_path):
    async with edge_rig.running(1, tmp_path) as edge, market([edge]) as hub:
        for _ in range(link.BARREN):
            peer = LightPeer()
            hub.viewers.append(peer)
            answer = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly"), headers=SDP)
            assert edge.address in answer.text
            assert (await hub.http.delete(answer.headers["location"])).status_code == 200
        await hub.watch("127.0.0.1")
        assert hub.server.status("hz-01").viewers == 1


async def test_what_is_not_public_and_the_first_viewers_stay_on_the_hub(tmp_path):
    async with edge_rig.running(1, tmp_path) as edge, market([edge], edges_after=1) as hub:
        secret = await hub.publish("eval-1")
        playing = asyncio.create_task(_play(secret))
        peer = LightPeer()
        hub.viewers += [peer, secret]
        answer = await hub.http.post("/whep/eval-1?token=view", content=peer.offer("recvonly"), headers=SDP)
        await peer.connect(answer.text)
        await hub.watch("127.0.0.1")
        assert not hub.links[0].viewers
        await hub.watch(edge.ours)
        assert [viewer.room for viewer in hub.links[0].viewers.values()] == ["hz-01"]
        playing.cancel()
