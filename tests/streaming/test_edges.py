"""Edges without a Janus: the setting, the two answers, the relay, a server that lies."""

import asyncio
import contextlib
import json
import re
import socket

import pytest
from media_helper import until
from websockets.asyncio.server import serve

from benchmarks.lightpeer import LightPeer
from records.serving.workers import Workers
from streaming.edges.assignment import Edges, EdgesConfig
from streaming.edges.config import EdgeError, parse_edges, shown_edges
from streaming.edges.relay import Ports, Relay
from streaming.edges.translate import answers, candidates
from streaming.wire import rtcp
from streaming.wire.codecs import Codec
from streaming.wire.sdp import SdpError, parse_offer

PRINT = ":".join(["AB"] * 32)
JANUS = f"""v=0
o=- 1 1 IN IP4 127.0.0.1
s=Mountpoint 77
t=0 0
a=group:BUNDLE v a
a=fingerprint:sha-256 {PRINT}
a=ice-lite
m=video 9 UDP/TLS/RTP/SAVPF 103 104
c=IN IP4 127.0.0.1
a=sendonly
a=mid:v
a=rtcp-mux
a=ice-ufrag:SQ67
a=ice-pwd:xQoC4YyXPaCnkELXZOslqG
a=setup:actpass
a=rtpmap:103 H264/90000
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=ssrc-group:FID 887378384 1829021675
a=ssrc:887378384 cname:janus
a=ssrc:1829021675 cname:janus
a=candidate:1 1 udp 2015363327 10.0.0.5 27655 typ host
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 127.0.0.1
a=sendonly
a=mid:a
a=rtcp-mux
a=ice-ufrag:SQ67
a=ice-pwd:xQoC4YyXPaCnkELXZOslqG
a=setup:actpass
a=rtpmap:111 opus/48000/2
a=ssrc:1314362848 cname:janus
a=candidate:1 1 udp 2015363327 10.0.0.5 27655 typ host
"""
CODECS = {
    "video": Codec("H264", 96, 90_000, fmtp={"packetization-mode": "1"}, rtx=97),
    "audio": Codec("OPUS", 111, 48_000, 2),
}


def test_the_setting_lists_edges_with_their_options():
    one, two = parse_edges(
        "ws://10.0.0.5:8188?key=k%20y&secret=s&admin=a,  wss://edge.example:8989/ws?rtp=10.0.0.6&public=203.0.113.6&capacity=900"
    )
    assert (one.url, one.key, one.secret, one.admin) == ("ws://10.0.0.5:8188", "k y", "s", "a")
    assert (one.media_host, one.public, one.capacity, one.admin_url) == (
        "10.0.0.5",
        "",
        500,
        "ws://10.0.0.5:7188",
    )
    assert (two.url, two.media_host, two.public, two.capacity) == (
        *("wss://edge.example:8989/ws", "10.0.0.6", "203.0.113.6", 900),
    )
    assert parse_edges(" ") == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("http://10.0.0.5:8088/janus", "WebSocket"),
        ("10.0.0.5:8188", "ws://"),
        ("ws://10.0.0.5?key=k", "8188"),
        ("ws://10.0.0.5:99999", "URL"),
        ("ws://user:pw@10.0.0.5:8188", "key and secret"),
        ("ws://10.0.0.5:8188?size=3", "capacity"),
        ("ws://10.0.0.5:8188?capacity=0", "capacity"),
        ("ws://10.0.0.5:8188?rtp=a/b", "rtp"),
        ("ws://10.0.0.5:8188?secret", "name=value"),
        ("ws://10.0.0.5:8188 ws://10.0.0.5:8188?key=other", "twice"),
    ],
)
def test_a_wrong_entry_is_refused_by_number_and_reason_and_shows_no_secret(text, named):
    with pytest.raises(EdgeError) as caught:
        parse_edges(f"ws://192.0.2.1:8188?key=top-secret {text}")
    said = caught.value.message.text("en")
    assert named in said and ("Edge 2" in said or "Edge 3" in said)
    assert "top-secret" not in said and "pw" not in said


def test_secrets_are_masked_where_settings_are_shown():
    text = "ws://10.0.0.5:8188?key=k1&secret=s1&admin=a1&public=203.0.113.6&capacity=9"
    shown = shown_edges(text)
    assert shown == "ws://10.0.0.5:8188?key=***&secret=***&admin=***&public=203.0.113.6&capacity=9"
    assert shown_edges("ws://x?key=k1") == "(…)"


async def test_each_side_is_answered_with_what_the_other_offered():
    peer = LightPeer()
    offer = parse_offer(peer.offer("recvonly"), sends=False)
    both = answers(offer, CODECS, JANUS)
    for line in (
        *("a=ice-lite", "a=group:BUNDLE 0 1", "a=ice-ufrag:SQ67", f"a=fingerprint:sha-256 {PRINT}"),
        *("a=setup:passive", "a=sendonly", "a=ssrc:887378384 cname:sunbid", "a=rtpmap:96 H264/90000"),
    ):
        assert f"{line}\r\n" in both.viewer
    assert " 10.0.0.5 27655 typ host" in both.viewer
    assert "rtx" not in both.viewer
    assert not re.search(r"^(a=\w[\w-]*:|m=.* )10[34]\b", both.viewer, re.M), (
        "no number of Janus' own gets through"
    )
    for line in (
        *("a=group:BUNDLE v a", f"a=ice-ufrag:{peer.ufrag}", f"a=ice-pwd:{peer.password}", "a=setup:active"),
        *("m=video 9 UDP/TLS/RTP/SAVPF 96", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=recvonly", "a=mid:v"),
    ):
        assert f"{line}\r\n" in both.janus
    peer.vanish()


async def test_roles_follow_the_viewer_and_the_edge():
    peer = LightPeer()
    passive = parse_offer(peer.offer("recvonly", setup="passive", audio=[]), sends=False)
    video = {"video": CODECS["video"]}
    both = answers(passive, video, JANUS.replace("a=ice-lite\n", ""), public="203.0.113.5")
    assert "a=setup:active\r\n" in both.viewer and "a=setup:passive\r\n" in both.janus
    assert "ice-lite" not in both.viewer and "m=audio" not in both.viewer + both.janus
    assert " 203.0.113.5 27655 typ host" in both.viewer and "10.0.0.5" not in both.viewer
    with pytest.raises(SdpError, match="full_trickle"):
        answers(passive, video, JANUS.replace("a=candidate", "a=x-candidate"))
    peer.vanish()


def test_only_candidates_that_an_edge_can_use_are_handed_on():
    fragment = (
        "a=ice-ufrag:x\r\na=candidate:1 1 udp 21 0f1e.local 5000 typ host\r\n"
        "a=candidate:2 1 tcp 21 192.0.2.1 9 typ host tcptype active\r\n"
        "a=candidate:3 1 UDP 21 192.0.2.1 5001 typ srflx raddr 0.0.0.0 rport 0\r\n"
    )
    assert candidates(fragment) == ["candidate:3 1 UDP 21 192.0.2.1 5001 typ srflx raddr 0.0.0.0 rport 0"]


class _Mountpoint:
    """The ports of a mountpoint."""

    def __init__(self):
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))
            one.settimeout(2)
        self.ports = Ports(*(one.getsockname()[1] for one in self.sockets))


async def test_a_relay_sends_with_the_agreed_type_and_brings_back_requests_for_keyframes():
    place, stranger = _Mountpoint(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay = Relay((socket.AF_INET, "127.0.0.1"), CODECS)
    wanted, other = [], []
    relay.on_keyframe_wanted = lambda: wanted.append(1)
    relay.on_other_codec = lambda: other.append(1)
    relay.open({"video": place.ports})
    greeting, back = place.sockets[1].recvfrom(2048)
    assert greeting[1] == rtcp.RR  # by which Janus learns where feedback goes

    packet = bytes((0x80, 0x80)) + bytes(10) + b"picture"
    relay.packets("video", CODECS["video"], [packet])
    assert place.sockets[0].recv(2048) == bytes((0x80, 0x80 | 96)) + packet[2:]
    relay.packets("audio", CODECS["audio"], [packet])  # no port for it: not sent
    report = rtcp.sender_report(1, 2, 3, 4, 5)
    relay.report("video", report)
    assert place.sockets[1].recv(2048) == report

    stranger.sendto(rtcp.pli(1, 2), back)
    place.sockets[1].sendto(b"\x80", back)
    place.sockets[1].sendto(rtcp.pli(1, 2), back)
    await until(lambda: relay.plis == 1)
    await asyncio.sleep(0.05)
    assert wanted == [1] and not other

    relay.packets("video", Codec("VP8", 98, 90_000), [packet])
    relay.packets("video", Codec("VP8", 98, 90_000), [packet])
    assert other == [1] and relay.unsent == 0
    relay.close()
    relay.close()
    for one in (*place.sockets, stranger):
        one.close()


class _Plane:
    def tap(self, room, sink, *, keyframe_every=None):
        return lambda: None

    def request_keyframe(self, room):
        return None


@contextlib.asynccontextmanager
async def _edges(behave):
    """Edges with one server that does with each request what `behave` says."""

    async def connection(socket):
        async for text in socket:
            request = json.loads(text)
            for reply in behave(request):
                await socket.send(json.dumps({"transaction": request["transaction"], **reply}))

    async with serve(connection, "127.0.0.1", 0, subprotocols=["janus-protocol"]) as server:
        port = server.sockets[0].getsockname()[1]
        edges = Edges(EdgesConfig(parse_edges(f"ws://127.0.0.1:{port}?key=k&secret=s")), _Plane())
        await edges.start(Workers())
        try:
            yield edges
        finally:
            await edges.stop()


def _polite(request):
    """As far as a hub can tell before it makes a mountpoint, a Janus."""
    assert request["apisecret"] == "s"
    match request["janus"]:
        case "keepalive":
            return [{"janus": "ack"}]
        case "message" if request["body"]["request"] == "list":
            return [{"janus": "success", "plugindata": {"data": {"streaming": "list", "list": []}}}]
        case "message":
            refused = {"streaming": "event", "error_code": 456, "error": "no"}
            return [{"janus": "ack"}, {"janus": "event", "plugindata": {"data": refused}}]
    return [{"janus": "success", "data": {"id": 4711}}]


async def test_an_edge_that_refuses_leaves_the_viewer_to_the_hub():
    peer = LightPeer()
    offer = parse_offer(peer.offer("recvonly"), sends=False)
    async with _edges(_polite) as edges:
        await until(lambda: edges.links[0].up)
        assert await edges.place("hz-01", offer, CODECS, 0) is None
        samples = {s.name: s.value for family in edges.metrics() for s in family.samples}
        assert samples["sunbid_edge_joins_failed_total"] == 1 and samples["sunbid_edge_up"] == 1
        assert edges.links[0].load == 0
    peer.vanish()


async def test_a_wrong_secret_never_counts_as_an_edge():
    refused = []

    def behave(request):
        refused.append(request["janus"])
        return [{"janus": "error", "error": {"code": 403, "reason": "Unauthorized request"}}]

    async with _edges(behave) as edges:
        assert edges.trouble() is None, "not before the first try"
        await until(lambda: refused)
        await asyncio.sleep(0.05)
        assert not edges.links[0].up and refused[0] == "create"
        trouble = edges.trouble()
        assert (
            trouble is not None
            and "密钥不符" in trouble.to_json()["zh"]
            and edges.links[0].edge.name in trouble.to_json()["en"]
        )


async def test_a_dead_edge_is_named_with_what_to_do_until_it_is_back():
    async with _edges(_polite) as edges:
        await until(lambda: edges.links[0].up)
        assert edges.trouble() is None
        edges.links[0]._janus._socket.transport.abort()
        await until(lambda: edges.trouble() is not None)
        trouble = edges.trouble()
        assert (
            edges.links[0].edge.name in trouble.to_json()["zh"]
            and "没有应答" in trouble.to_json()["zh"]
            and "本机" in trouble.to_json()["zh"]
        )
        assert "Janus" in trouble.to_json()["remedy_zh"] and "Janus" in trouble.to_json()["remedy_en"]
        await until(lambda: edges.links[0].up, 10)
        assert edges.trouble() is None
