"""The control of rooms: who is obeyed, when it takes two, what survives, what a pause does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

import messages
from records import control, current
from records.clock import start_of, today
from records.control import Order
from records.ledger import Ledger
from records.serving import signing
from streaming.live import covers
from streaming.live.covers import Cover, Covers
from tests.streaming import hub_market as market
from tests.streaming.hub_market import FakeMedia, Rig


def key(rig: Rig) -> bytes:
    return signing.load_key(rig.data)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def give(rig: Rig, act: str, on: bool = True, actor: str = "wang", room: str = "hz-01", **more: str) -> Any:
    order = Order(actor, act, room, on, **more)
    return rig.client.post(f"/control/rooms/{room}", headers=bearer(control.sign(key(rig), order)))


def rows(rig: Rig) -> dict[str, Any]:
    answer = rig.get("/control/rooms", **bearer(control.sign(key(rig), Order("wang", "read"))))
    return {row["id"]: row for row in answer.json()["rooms"]}


def wait(good: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not good():
        assert time.monotonic() < limit
        time.sleep(0.02)


# ── who is obeyed ──


def test_only_the_desk_is_obeyed(rig: Rig) -> None:
    order = Order("wang", "slate", "hz-01", True)
    other = signing.serializer(key(rig), "view").dumps({"actor": "wang", "act": "slate", "room": "hz-01"})
    for token, status in (
        (None, 401),
        ("x", 403),
        (control.sign(b"another key" * 3, order), 403),
        (other, 403),
        (control.sign(key(rig), replace(order, actor="")), 403),
        (control.sign(key(rig), replace(order, room="hz-02")), 403),
        (control.sign(key(rig), replace(order, act="open")), 403),
    ):
        answer = rig.client.post("/control/rooms/hz-01", headers=bearer(token) if token else {})
        assert answer.status_code == status, token
        assert answer.headers["content-type"] == "application/problem+json"
    assert rig.media.covers == {}


def test_an_old_order_is_not_obeyed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    token = control.sign(key(rig), Order("wang", "slate", "hz-01", True))
    then = time.time() + control.MAX_AGE + 2
    monkeypatch.setattr(time, "time", lambda: then)
    assert rig.client.post("/control/rooms/hz-01", headers=bearer(token)).status_code == 403


def test_an_order_is_obeyed_once(rig: Rig) -> None:
    lift = bearer(control.sign(key(rig), Order("wang", "slate", "hz-01", False)))
    assert rig.client.post("/control/rooms/hz-01", headers=lift).status_code == 200
    assert give(rig, "slate").status_code == 200
    assert rig.client.post("/control/rooms/hz-01", headers=lift).status_code == 409
    assert rig.media.covers["hz-01"] == (False, True)


def test_unknown_rooms_and_endless_reasons_are_refused(rig: Rig) -> None:
    assert give(rig, "slate", room="nowhere").status_code == 404
    assert give(rig, "slate", reason="x" * 201).status_code == 400


def test_the_state_of_all_rooms_is_for_the_desk_alone(rig: Rig) -> None:
    assert rig.get("/control/rooms").status_code == 401
    found = rows(rig)
    assert set(found) == {"hz-01", "hz-02", "hz-e1", "hz-x"}, "evaluation rooms too"
    assert found["hz-e1"]["kind"] == "evaluation" and found["hz-e1"]["public"] is False


# ── mute and slate ──


def test_mute_and_slate_reach_the_media_plane_and_the_public(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    rig.media.switch("hz-01", True)
    wait(lambda: rig.get("/api/rooms").json()[0]["state"] == "live")
    assert give(rig, "mute").json()["done"] is True
    line = rig.get("/api/rooms").json()[0]
    assert (line["state"], line["muted"]) == ("live", True) and "reason" not in line
    give(rig, "slate", reason="identity")
    line = rig.get("/api/rooms").json()[0]
    assert (line["state"], line["reason"]) == ("paused", "identity")
    assert set(line) == {
        "id",
        "name",
        "centre",
        "kind",
        "state",
        "opening",
        "since",
        "muted",
        "cameras",
        "reason",
    }
    assert rig.media.covers["hz-01"] == (True, True)
    assert "正在核验身份" in rig.get("/room/hz-01").text and "正在核验身份" in rig.get("/").text
    give(rig, "slate", on=False)
    assert rig.get("/api/rooms").json()[0]["state"] == "live"
    assert rig.media.covers["hz-01"] == (True, False)


def test_pausing_the_opening_covers_the_room_and_resuming_uncovers_it(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    rig.media.switch("hz-01", True)
    market.event(rig.ledger, "O1", "paused", reason="系统检修")
    wait(lambda: rig.media.covers.get("hz-01") == (True, True))
    assert rows(rig)["hz-01"]["paused"] is True and rows(rig)["hz-01"]["slated"] is False
    market.event(rig.ledger, "O1", "resumed")
    wait(lambda: rig.media.covers["hz-01"] == (False, False))


def test_resuming_does_not_lift_an_operators_slate(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    give(rig, "slate")
    market.event(rig.ledger, "O1", "paused", reason="系统检修")
    wait(lambda: rig.media.covers["hz-01"] == (True, True))
    market.event(rig.ledger, "O1", "resumed")
    wait(lambda: rig.media.covers["hz-01"] == (False, True))


# ── off air ──


def off_air(rig: Rig) -> dict[str, bool]:
    """Room → what the public is told of it."""
    return {room["id"]: room.get("off_air", False) for room in rig.get("/api/rooms").json()}


def test_the_public_sees_a_room_only_while_an_opening_is_going_on(rig: Rig) -> None:
    rig.media.switch("hz-01", True)
    assert rig.media.off_air == set(), "nothing is announced for the room"
    market.opening(rig.ledger)
    wait(lambda: rig.media.off_air == {"hz-01"})
    wait(lambda: off_air(rig) == {"hz-01": True, "hz-02": False})
    assert rig.get("/hls/hz-01/index.m3u8").status_code == 404
    market.begin(rig.ledger)
    wait(lambda: rig.media.off_air == set())
    market.event(rig.ledger, "O1", "paused", reason="系统检修")
    wait(lambda: rig.media.covers.get("hz-01") == (True, True))
    assert rig.media.off_air == set(), "a pause is the slate's"
    market.event(rig.ledger, "O1", "resumed")
    market.finish(rig.ledger)
    wait(lambda: rig.media.off_air == {"hz-01"})


@pytest.mark.parametrize(
    ("state", "hours", "shown"),
    [
        ("in_progress", -1, True), ("paused", -1, True), ("scheduled", -1, False), ("scheduled", 1, False),
        ("ended", -1, False), ("sealed", -1, False), ("cancelled", -1, True), ("scheduled", 48, True),
        ("ended", -48, True),
    ],
)  # fmt: skip
def test_one_rule_says_when_a_room_is_on_air(state: str, hours: int, shown: bool) -> None:
    noon = start_of(today()) + timedelta(hours=12)
    at = noon + timedelta(hours=hours)
    one = current.Claim("O1", state, at, at, at + timedelta(minutes=20))
    assert current.on_air([one], noon) is shown
    running = current.Claim("O2", "in_progress", noon, noon, None)
    assert current.on_air([one, running], noon)


def test_an_opening_over_midnight_leaves_its_room_off_air_for_half_an_hour() -> None:
    midnight = start_of(today())
    ended = midnight + timedelta(minutes=10)
    late = current.Claim("O1", "ended", midnight - timedelta(hours=1), midnight, ended)
    assert not current.on_air([late], ended + timedelta(minutes=29))
    assert current.on_air([late], ended + timedelta(minutes=31))


# ── two people ──


def ask_for_two(rig: Rig) -> None:
    assert give(rig, "needs_two", actor="admin").json()["room"]["needs_two"] is True


def test_one_person_is_not_enough_where_two_are_asked_for(rig: Rig) -> None:
    ask_for_two(rig)
    first = give(rig, "mute")
    assert first.status_code == 202 and first.json()["done"] is False
    assert rig.media.covers == {}
    again = give(rig, "mute")
    assert again.json()["pending"]["id"] == first.json()["pending"]["id"], "asking twice is not two people"
    waiting = first.json()["pending"]["id"]
    for actor, second in (("wang", ""), ("wang", "wang"), ("li", "wang"), ("li", "zhao")):
        refused = give(rig, "mute", actor=actor, second=second, request=waiting)
        assert refused.status_code in (403, 409), (actor, second)
    assert rig.media.covers == {}
    shown = rows(rig)["hz-01"]["pending"]
    assert [(p["by"], p["act"], p["on"]) for p in shown] == [("wang", "mute", True)]
    done = give(rig, "mute", second="li", request=waiting)
    assert done.json()["by"] == ["wang", "li"] and rig.media.covers["hz-01"] == (True, False)
    assert give(rig, "mute", second="li", request=waiting).status_code == 409, "a request serves once"


def test_a_confirmation_is_good_only_for_what_was_asked(rig: Rig) -> None:
    ask_for_two(rig)
    waiting = give(rig, "mute").json()["pending"]["id"]
    assert give(rig, "slate", on=False, second="li", request=waiting).status_code == 409
    assert give(rig, "mute", second="li", request="made up").status_code == 409


def test_an_emergency_slate_needs_one_and_its_lifting_two(rig: Rig) -> None:
    ask_for_two(rig)
    assert give(rig, "slate", reason="private").json()["done"] is True
    lift = give(rig, "slate", on=False)
    assert lift.status_code == 202 and rig.media.covers["hz-01"] == (False, True)
    give(rig, "slate", on=False, second="li", request=lift.json()["pending"]["id"])
    assert rig.media.covers["hz-01"] == (False, False)


def test_giving_up_two_person_control_takes_two(rig: Rig) -> None:
    ask_for_two(rig)
    off = give(rig, "needs_two", on=False, actor="admin")
    assert off.status_code == 202
    done = give(rig, "needs_two", on=False, actor="admin", second="li", request=off.json()["pending"]["id"])
    assert done.json()["room"]["needs_two"] is False


def test_a_request_does_not_wait_for_ever(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PENDING_SECONDS", 0.05)
    ask_for_two(rig)
    waiting = give(rig, "mute").json()["pending"]["id"]
    time.sleep(0.1)
    assert give(rig, "mute", second="li", request=waiting).status_code == 409
    assert rows(rig)["hz-01"]["pending"] == []


# ── restart ──


@pytest.fixture
def houses(ledger: Ledger, tmp_path: Path) -> Iterator[Callable[[], tuple[TestClient, FakeMedia]]]:
    market.rooms(ledger)

    def begin() -> tuple[TestClient, FakeMedia]:
        app, media = market.hub(ledger, tmp_path / "data")
        return TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)), media

    return begin


def test_covers_survive_a_restart(
    houses: Callable[[], tuple[TestClient, FakeMedia]], ledger: Ledger, tmp_path: Path
) -> None:
    client, media = houses()
    with client:
        rig = Rig(ledger, client, media, tmp_path / "data")
        give(rig, "needs_two", actor="admin")
        give(rig, "slate", reason="identity")
    client, media = houses()
    with client:
        assert media.covers["hz-01"] == (False, True)
        held = rows(Rig(ledger, client, media, tmp_path / "data"))["hz-01"]
        assert held["slated"] and held["needs_two"] and held["reason"] == "identity"


def test_a_damaged_file_covers_the_room_and_is_named(
    houses: Callable[[], tuple[TestClient, FakeMedia]], tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "rooms"
    folder.mkdir(parents=True)
    (folder / "hz-01.json").write_text('{"room": "hz-01", "muted": fal')
    client, media = houses()
    with client:
        assert media.covers["hz-01"] == (True, True)
        report = client.get("/healthz").json()
        assert report["status"] == "degraded"
        assert "hz-01.json" in report["checks"]["rooms"]


def test_what_cannot_be_written_down_stays_covered(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Covers, room: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Covers, "save", full)
    assert give(rig, "slate").status_code == 507
    assert rig.media.covers["hz-01"] == (False, True)
    assert give(rig, "slate", on=False).status_code == 507
    assert rig.media.covers["hz-01"] == (False, True), "a lifting that cannot be written down is none"


# ── the file ──


def test_a_room_id_cannot_reach_outside_the_folder(tmp_path: Path) -> None:
    held = Covers(tmp_path)
    held.put("../../etc/x", Cover(slated=True))
    held.save("../../etc/x")
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "rooms"]
    assert Covers(tmp_path).get("../../etc/x").slated is True


def test_a_cover_with_its_history_outlives_the_hub(tmp_path: Path) -> None:
    cover = covers.switched(Cover(), "slate", True, "identity", ("wang",))
    cover = covers.switched(cover, "mute", True, "", ("wang",))
    cover = covers.switched(cover, "slate", False, "", ("wang", "li"))
    held = Covers(tmp_path)
    held.put("r", cover)
    held.save("r")
    assert Covers(tmp_path).get("r") == cover
    assert json.loads((tmp_path / "rooms" / "r.json").read_text())["history"][2]["by"] == ["wang", "li"]


def test_a_cover_kept_under_a_percent_quoted_name_is_found_and_kept_on(tmp_path: Path) -> None:
    held = Covers(tmp_path)
    held.put("开标一室", Cover(slated=True))
    held.save("开标一室")
    kept = tmp_path / "rooms" / "开标一室.json"
    kept.replace(kept.with_name(f"{quote('开标一室')}.json"))
    again = Covers(tmp_path)
    assert again.get("开标一室").slated and kept.is_file() and len(list(kept.parent.iterdir())) == 1
    again.put("开标一室", Cover())
    again.save("开标一室")
    assert not Covers(tmp_path).get("开标一室").slated


def test_the_pages_know_every_reason_in_both_languages() -> None:
    for code in control.REASONS:
        told = {lang: control.reason_text(code, lang) for lang in messages.languages()}
        assert len(set(told.values())) == len(told) and code not in told.values()
