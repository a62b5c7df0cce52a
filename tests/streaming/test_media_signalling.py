import pytest
from media_helper import BEARER, SDP, Camera, Doorman, rig, until

from benchmarks.lightpeer import VP8_LINES, LightPeer
from streaming.rooms import room as room_module
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
    assert body["status"] == status and body["type"].startswith("urn:sunbid:") and body["detail"]
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


async def post(hub, room="hz-01", query="", bearer="good"):
    peer = LightPeer()
    hub.peers.append(peer)
    headers = SDP | {"Authorization": f"Bearer {bearer}"}
    return peer, await hub.http.post(f"/whip/{room}{query}", content=peer.offer("sendonly"), headers=headers)


async def test_the_next_publisher_of_the_same_token_takes_over_once_it_is_connected(hub):
    first, watcher, camera = await hub.publish(), await hub.watch(), Camera()
    for packet in camera.frame(key=True):
        first.send_rtp(packet)
    await until(lambda: len(watcher.video) == 3)
    changes = []
    hub.server.on_change(changes.append)
    second, answer = await post(hub)
    assert answer.status_code == 201
    for packet in camera.frame():
        first.send_rtp(packet)
    await until(lambda: len(watcher.video) == 6)  # the newcomer is not there yet: the picture goes on
    await second.connect(answer.text)
    await until(lambda: hub.server.room("hz-01").ended["publisher:replaced"] == 1)
    for packet in Camera(0x2222, sequence=7).frame(key=True):
        second.send_rtp(packet)
    await until(lambda: len(watcher.video) == 9)  # the same viewer, without joining again
    assert hub.server.status("hz-01").publishing and changes == [], "the room was on air all the time"
    assert (await post(hub, "hz-02"))[1].status_code == 201


async def test_a_newcomer_that_never_connects_changes_nothing(hub, monkeypatch):
    first, watcher = await hub.publish(), await hub.watch()
    monkeypatch.setattr("streaming.rooms.peer.HANDSHAKE", 0.1)
    _, answer = await post(hub)
    assert answer.status_code == 201
    await until(lambda: len(hub.server.sessions.all()) == 2)
    for packet in Camera().frame(key=True):
        first.send_rtp(packet)
    await until(lambda: len(watcher.video) == 3)
    assert hub.server.status("hz-01").publishing


async def test_who_comes_back_by_itself_takes_nothing_and_odd_wishes_are_refused(hub):
    await hub.publish()
    problem((await post(hub, query="?takeover=0"))[1], 409, "has a publisher")
    problem((await post(hub, query="?takeover=yes"))[1], 400, "takeover")


async def test_another_valid_token_does_not_take_over_and_a_replaced_one_holds_no_room(hub, monkeypatch):
    valid = {"good", "other"}
    monkeypatch.setattr(Doorman, "may_publish", lambda self, room, token: 200 if token in valid else 403)
    await hub.publish()
    problem((await post(hub, bearer="other"))[1], 409, "another token")
    valid.remove("good")
    assert (await post(hub, bearer="other"))[1].status_code == 201


async def test_two_encoders_that_quarrel_are_told_and_the_picture_stays(hub, monkeypatch):
    monkeypatch.setattr(room_module, "YIELD_AFTER", 60.0)
    await hub.publish()
    for _ in range(room_module.MOST_TAKEOVERS):
        peer, answer = await post(hub)
        assert answer.status_code == 201
        replaced = hub.server.room("hz-01").ended["publisher:replaced"]
        await peer.connect(answer.text)
        await until(lambda held=replaced: hub.server.room("hz-01").ended["publisher:replaced"] > held)
    refused = (await post(hub))[1]
    problem(refused, 409, "stop one")
    assert refused.headers["retry-after"] == "60" and hub.server.status("hz-01").publishing
    assert (await post(hub, query="?takeover=1"))[1].status_code == 201, "on purpose it may still be done"


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


async def test_a_refusal_is_told_in_the_language_asked_for_under_a_name_that_stays(hub, peer):
    told = {}
    for lang in ("zh-CN,zh;q=0.9", "en-GB", "fr"):
        headers = {"Content-Type": "application/sdp", "Accept-Language": lang} | BEARER
        answer = await hub.http.post("/whip/hz-01", content="hello", headers=headers)
        problem(answer, 422, "v=0")
        told[lang] = answer.json()
        assert answer.headers["vary"] == "Accept-Language"
    assert {body["type"] for body in told.values()} == {"urn:sunbid:sdp.not_sdp"}
    assert told["fr"] == told["zh-CN,zh;q=0.9"] != told["en-GB"] and "not SDP" in told["en-GB"]["detail"]
