import pytest
from media_helper import BEARER, SDP, rig, until

from benchmarks.lightpeer import VP8_LINES, LightPeer
from streaming.rooms import sessions

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


@pytest.fixture
async def hub():
    async with rig("plain") as made:
        yield made


@pytest.fixture
def peer():
    made = LightPeer()
    yield made
    made.sock.close()


def problem(response, status, *words):
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.headers["access-control-allow-origin"] == "*"
    body = response.json()
    assert body["status"] == status and " / " in body["detail"]
    for word in words:
        assert word in body["detail"]


async def test_whip_answers_as_rfc_9725_says(hub, peer):
    answer = await hub.http.post("/whip/hz-01", content=peer.offer("sendonly"), headers=SDP | BEARER)
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert answer.headers["location"].startswith("/whip/hz-01/") and answer.headers["etag"].startswith('"')
    exposed = answer.headers["access-control-expose-headers"]
    assert "Location" in exposed and "ETag" in exposed
    assert "a=ice-lite" in answer.text and "a=setup:passive" in answer.text


async def test_refusals_carry_their_reason(hub, peer):
    offer = peer.offer("sendonly")
    post = hub.http.post
    problem(await post("/whip/hz-01", content=offer, headers=SDP), 401)
    problem(await post("/whip/hz-01", content=offer, headers=SDP | {"Authorization": "Bearer bad"}), 403)
    problem(await post("/whip/nowhere", content=offer, headers=SDP | BEARER), 404)
    problem(await post("/whip/hz-01", content=offer, headers={"Content-Type": "text/plain"} | BEARER), 415)
    problem(await post("/whip/hz-01", content="hello", headers=SDP | BEARER), 422, "v=0")
    problem(await post("/whip/hz-01", content=b"v=0\r\n\xff\xfe", headers=SDP | BEARER), 422, "UTF-8")
    problem(await post("/whip/hz-01", content=peer.offer("recvonly"), headers=SDP | BEARER), 422, "recvonly")
    problem(await post("/whip/hz-01", content="v" * 70_000, headers=SDP | BEARER), 413)
    problem(await hub.http.get("/whip/hz-01"), 405)
    problem(await post("/whep/nowhere", content=peer.offer("recvonly"), headers=SDP), 404)
    assert hub.server.sessions.all() == []


async def test_a_second_publisher_waits_its_turn(hub, peer):
    offer = peer.offer("sendonly")
    assert (await hub.http.post("/whip/hz-01", content=offer, headers=SDP | BEARER)).status_code == 201
    second = await hub.http.post("/whip/hz-01", content=offer, headers=SDP | BEARER)
    problem(second, 409)
    assert (await hub.http.post("/whip/hz-02", content=offer, headers=SDP | BEARER)).status_code == 201


async def test_evaluation_rooms_do_not_exist_without_a_token(hub, peer):
    offer = peer.offer("recvonly")
    problem(await hub.http.post("/whep/eval-1", content=offer, headers=SDP), 404)
    for allowed in ({"Authorization": "Bearer view"}, {}):
        path = "/whep/eval-1" if allowed else "/whep/eval-1?token=view"
        assert (await hub.http.post(path, content=offer, headers=SDP | allowed)).status_code == 201


async def test_delete_ends_once_and_stays_200(hub, peer):
    answer = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly"), headers=SDP)
    where = answer.headers["location"]
    assert (await hub.http.delete(where)).status_code == 200
    assert (await hub.http.delete(where)).status_code == 200
    assert hub.server.sessions.all() == []
    problem(await hub.http.patch(where, content="a=mid:0", headers=FRAGMENT), 404)
    problem(await hub.http.delete("/whep/hz-01/never-was"), 404)


async def test_a_session_answers_only_under_its_own_room_and_kind(hub, peer):
    answer = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly"), headers=SDP)
    session = answer.headers["location"].rpartition("/")[2]
    problem(await hub.http.delete(f"/whep/hz-02/{session}"), 404)
    problem(await hub.http.delete(f"/whip/hz-01/{session}"), 404)
    assert len(hub.server.sessions.all()) == 1


async def test_trickle_and_ice_restart(hub, peer):
    answer = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly"), headers=SDP)
    where, etag = answer.headers["location"], answer.headers["etag"]
    candidate = "a=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"
    assert (await hub.http.patch(where, content=candidate, headers=FRAGMENT)).status_code == 204
    problem(await hub.http.patch(where, content=candidate, headers=FRAGMENT | {"If-Match": '"old"'}), 412)
    problem(await hub.http.patch(where, content=candidate, headers=SDP), 415)
    problem(await hub.http.patch(where, content="nonsense", headers=FRAGMENT), 422)
    again = f"a=ice-ufrag:new1\r\na=ice-pwd:{'n' * 24}\r\n"
    restarted = await hub.http.patch(where, content=again, headers=FRAGMENT | {"If-Match": "*"})
    assert restarted.status_code == 200 and "a=ice-pwd:" in restarted.text
    assert restarted.headers["etag"] != etag
    assert restarted.text.split("ice-ufrag:")[1].split()[0] not in answer.text


async def test_any_room_name_makes_a_clean_header(hub, peer):
    answer = await hub.http.post("/whep/开标室%0d%0aX-Evil: 1", content=peer.offer("recvonly"), headers=SDP)
    assert answer.status_code == 201 and "x-evil" not in answer.headers
    assert (await hub.http.delete(answer.headers["location"])).status_code == 200


async def test_options_for_browsers(hub):
    entry = await hub.http.options("/whip/hz-01")
    assert entry.status_code == 204 and entry.headers["accept-post"] == "application/sdp"
    assert "Authorization" in entry.headers["access-control-allow-headers"]
    session = await hub.http.options("/whep/hz-01/x")
    assert session.status_code == 204 and "DELETE" in session.headers["access-control-allow-methods"]


async def test_a_viewer_who_cannot_decode_what_is_sent_is_told(hub):
    await hub.publish()
    peer = LightPeer()
    hub.peers.append(peer)
    refused = await hub.http.post("/whep/hz-01", content=peer.offer("recvonly", video=VP8_LINES), headers=SDP)
    problem(refused, 422, "H264")


async def test_unfinished_handshakes_do_not_pile_up(hub, peer, monkeypatch):
    monkeypatch.setattr(sessions, "UNFINISHED", 5)
    offer = peer.offer("recvonly")
    for _ in range(12):
        assert (await hub.http.post("/whep/hz-01", content=offer, headers=SDP)).status_code == 201
    assert len(hub.server.sessions.all()) == 5 and hub.server.sessions.evicted == 7
    assert len(hub.server.room("hz-01").viewers) == 5


async def test_a_handshake_that_never_comes_ends(hub, peer, monkeypatch):
    monkeypatch.setattr("streaming.rooms.peer.HANDSHAKE", 0.1)
    await hub.http.post("/whip/hz-01", content=peer.offer("sendonly"), headers=SDP | BEARER)
    await until(lambda: not hub.server.sessions.all())
    assert not hub.server.room("hz-01").occupied()
