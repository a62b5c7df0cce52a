"""The public interface: what programs get, and what nobody gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from records.clock import local_day, now
from streaming.copies import Copies
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig


def until(look: Callable[[], Any], expected: Any, seconds: float = 20.0) -> None:
    """Wait until a look gives what is expected."""
    limit = time.monotonic() + seconds
    while (seen := look()) != expected:
        assert time.monotonic() < limit, f"{seen!r} instead of {expected!r}"
        time.sleep(0.02)


def state_of(rig: Rig, room: str = "hz-01") -> str:
    found = {line["id"]: line for line in rig.get("/api/rooms").json()}
    return str(found[room]["state"])


def test_rooms_lists_public_rooms_only(rig: Rig) -> None:
    lines = rig.get("/api/rooms").json()
    assert [line["id"] for line in lines] == ["hz-01", "hz-02"]
    assert set(lines[0]) == {"id", "name", "centre", "kind", "state", "opening", "since", "muted", "cameras"}
    assert "评标" not in rig.get("/api/rooms").text


def test_room_state_follows_opening_and_picture(rig: Rig) -> None:
    assert state_of(rig) == "idle"
    market.opening(rig.ledger)
    until(lambda: state_of(rig), "standby")
    market.begin(rig.ledger)
    rig.media.switch("hz-01", True)
    until(lambda: state_of(rig), "live")
    market.event(rig.ledger, "O1", "paused", reason="身份核对")
    until(lambda: state_of(rig), "paused")
    market.event(rig.ledger, "O1", "resumed")
    until(lambda: state_of(rig), "live")
    market.finish(rig.ledger)
    until(lambda: state_of(rig), "ended")
    assert state_of(rig, "hz-02") == "idle"


@pytest.mark.parametrize("hours", [-1, 1], ids=["announced for before", "announced for after"])
def test_a_room_keeps_the_opening_that_began_first_until_it_is_over(rig: Rig, hours: int) -> None:
    def at(room: str = "hz-01") -> Any:
        return next(line["opening"] for line in rig.get("/api/rooms").json() if line["id"] == room)

    def told(key: str) -> str:
        return str(rig.get(f"/api/openings/{key}").json()["state"])

    market.opening(rig.ledger, "O1", at=now() - timedelta(hours=2))
    market.begin(rig.ledger, "O1")
    until(lambda: at(), "O1")
    market.opening(rig.ledger, "O2", at=now() - timedelta(hours=2 + hours))
    market.begin(rig.ledger, "O2")
    until(lambda: told("O2"), "in_progress")
    assert at() == "O1"
    market.event(rig.ledger, "O1", "paused", reason="身份核对")
    until(lambda: state_of(rig), "paused")
    assert at() == "O1" and rig.get("/room/hz-01").status_code == 200
    market.event(rig.ledger, "O1", "resumed")
    market.finish(rig.ledger, "O1")
    until(at, "O2")


def test_a_new_room_appears_within_two_seconds(rig: Rig) -> None:
    from records.tables.organisations import Room

    with rig.ledger.write() as session:
        session.add(Room(id="hz-03", centre_id="hz", name="开标三室", source="test"))
    until(lambda: "hz-03" in rig.get("/api/rooms").text, True)


def test_openings_by_day_and_state(rig: Rig) -> None:
    market.opening(rig.ledger, "O1")
    market.opening(rig.ledger, "O2", room="hz-02", at=now() - timedelta(minutes=3))
    old = now() - timedelta(days=200)
    market.opening(rig.ledger, "OLD", at=old)
    market.begin(rig.ledger, "O2")

    def ids(query: str) -> list[str]:
        return [line["id"] for line in rig.get(f"/api/openings?{query}").json()]

    day = local_day(now() - timedelta(minutes=5))
    until(lambda: ids(f"day={day}"), ["O1", "O2"])
    until(lambda: ids(f"day={day}&state=in_progress"), ["O2"])
    assert ids(f"day={local_day(old)}") == ["OLD"]
    line = rig.get(f"/api/openings?day={day}").json()[0]
    assert set(line) == {"id", "room", "lot", "title", "state", "scheduled_at"}


def test_bad_queries_are_explained(rig: Rig) -> None:
    for query in ("day=tomorrow", "state=odd"):
        answer = rig.get(f"/api/openings?{query}")
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        english = rig.get(f"/api/openings?{query}", **{"accept-language": "en-GB,en;q=0.9"}).json()
        assert answer.json()["type"] == english["type"] != "about:blank"
        assert "须为" in answer.json()["detail"] and english["detail"].isascii()
    market.opening(rig.ledger)
    for path in (
        "/api/openings?room=hz-01",
        "/api/openings/O1/events?from_seq=3",
        "/schedule.ics?day=2026-11-20",
    ):
        answer = rig.get(path)
        assert answer.status_code == 400 and "这里没有这一项" in answer.json()["detail"], path
    assert rig.get("/api/openings?utm_source=x&from=singlemessage&_=1").status_code == 200


def test_record_only_after_the_reading(rig: Rig) -> None:
    assert rig.get("/api/openings/none/record").status_code == 404
    market.opening(rig.ledger)
    until(lambda: rig.get("/api/openings/O1/record").status_code, 409)
    market.begin(rig.ledger)
    market.read(rig.ledger, "O1", 1)
    time.sleep(0.3)
    assert rig.get("/api/openings/O1/record").status_code == 409
    for number in (2, 3):
        market.read(rig.ledger, "O1", number)
    market.event(rig.ledger, "O1", "record_confirmed", rows=3)
    until(lambda: rig.get("/api/openings/O1/record").status_code, 200)
    until(lambda: rig.get("/api/openings/O1/record").json()["steps"].get("confirmation") is not None, True)
    record = rig.get("/api/openings/O1/record").json()
    assert [(bid["no"], bid["price"]) for bid in record["bids"]] == [(n, "27648000.00") for n in (1, 2, 3)]
    assert record["chain"]["seq"] == 7


def test_evidence_only_after_sealing(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    until(lambda: rig.get("/api/openings/O1/evidence").status_code, 409)
    assert "自动封存" in rig.get("/api/openings/O1/evidence").text
    for page in ("/opening/O1", "/opening/O1?lang=en"):
        said = rig.get(page).text
        assert "届时可在此下载" in said or "can be downloaded here then" in said
    market.event(rig.ledger, "O1", "sealed", head="ab" * 32, segments=1)
    path = Copies(rig.data, None).paths("O1")[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PK")
    until(lambda: rig.get("/api/openings/O1/evidence").status_code, 200)
    assert rig.get("/api/openings/O1/evidence").headers["content-type"] == "application/zip"
    assert Copies(rig.data, None).paths("../../etc")[0].parent == rig.data / "evidence"


def test_unchanged_answers_are_not_sent_again(rig: Rig) -> None:
    first = rig.get("/api/rooms")
    again = rig.get("/api/rooms", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_security_headers_on_everything(rig: Rig) -> None:
    for path in ("/", "/api/rooms", "/nothing", "/api/nothing", "/healthz", "/static/x/site.css"):
        headers = rig.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_errors_are_pages_for_readers_and_problems_for_programs(rig: Rig) -> None:
    page, problem = rig.get("/room/none"), rig.get("/api/none")
    assert (page.status_code, problem.status_code) == (404, 404)
    assert "没有找到" in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert "没有找到" in rig.get("/room/hz-e1").text


def test_health_and_metrics(rig: Rig) -> None:
    answer = rig.get("/healthz")
    assert answer.status_code == 200
    checks = {
        "ledger",
        "ledger_log",
        "media",
        "loop",
        "disk",
        "clock",
        "rooms",
        "workers",
        "cameras",
        "hls",
        "evidence_log",
        "sealing",
    }
    assert set(answer.json()["checks"]) == checks
    text = rig.get("/metrics").text
    assert 'sunbid_hub_part_ok{part="ledger"} 1.0' in text
    assert rig.get("/metrics", **{"x-forwarded-for": "203.0.113.9"}).status_code == 404


def test_health_names_an_unreachable_ledger(rig: Rig) -> None:
    hub = rig.client.app.state.hub  # type: ignore[attr-defined]
    hub.poller.unreadable = "OperationalError"
    assert "OperationalError" in hub.health.report()["checks"]["ledger"]


def test_a_room_taken_out_of_use_leaves_every_list_and_its_openings_stay(rig: Rig) -> None:
    from records import rooms

    market.opening(rig.ledger, room="hz-02")
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    until(lambda: rig.get("/api/openings/O1").status_code, 200)
    with rig.ledger.write() as session:
        rooms.remove(session, "hz-02")
    until(lambda: "hz-02" in rig.get("/api/rooms").text, False)
    assert rig.get("/opening/O1").status_code == 200 and rig.get("/").status_code == 200


def test_a_released_camera_is_no_longer_asked_for(rig: Rig) -> None:
    from records import rooms
    from streaming.sources.cameras import load_urls

    with rig.ledger.write() as session:
        rooms.set_camera(session, "hz-01", "rtsp://camera.example/1")
        assert set(load_urls(session)) == {"hz-01"}
        rooms.release_camera(session, "hz-01")
        assert not load_urls(session)
        rooms.release_camera(session, "hz-01", False)
        assert set(load_urls(session)) == {"hz-01"}


def test_an_opening_whose_id_has_a_slash_is_found_by_every_address(rig: Rig) -> None:
    market.opening(rig.ledger, "A/1")
    market.begin(rig.ledger, "A/1")
    until(lambda: rig.get("/api/openings/A%2F1").status_code, 200)
    assert rig.get("/api/openings/A%2F1").json()["id"] == "A/1"
    until(lambda: bool(rig.get("/api/openings/A%2F1/events").json()), True)
    for part in ("record", "evidence"):
        assert rig.get(f"/api/openings/A%2F1/{part}").status_code == 409, "not yet, but known"
    assert rig.get("/api/openings/A%2F2/record").status_code == 404
