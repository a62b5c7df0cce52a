"""A room before its first opening and after its last: it says what it is, whether its camera works and what comes."""

from __future__ import annotations

from datetime import timedelta

from records.clock import now
from tests.reading import read
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until


def text(html: str) -> str:
    return read(html).text


def test_the_first_room_that_publishes_says_that_it_works(rig: Rig) -> None:
    assert "摄像画面尚未接入" in text(rig.get("/room/hz-01").text)
    assert "开标一室" not in text(rig.get("/?tiles=9").text)
    rig.media.switch("hz-01", True)
    until(lambda: "摄像信号正常" in text(rig.get("/room/hz-01").text), True)
    until(lambda: "市本级 开标一室 摄像信号正常" in text(rig.get("/").text), True)
    assert "/room/hz-01" in read(rig.get("/").text).targets
    english = text(rig.get("/room/hz-01?lang=en").text)
    assert "The camera works" in english and "Nothing is announced" in english


def test_a_waiting_room_tells_its_next_opening(rig: Rig) -> None:
    rig.media.switch("hz-01", True)
    market.opening(rig.ledger, at=now() + timedelta(days=2), title="后天的项目")
    until(lambda: "下一场" in text(rig.get("/").text) and "后天的项目" in text(rig.get("/").text), True)
    room = text(rig.get("/room/hz-01").text)
    assert "后天的项目" in room and "摄像信号正常" in room
    rig.media.switch("hz-01", False)
    until(lambda: "摄像画面尚未接入" in text(rig.get("/room/hz-01").text), True)


def test_evaluation_rooms_and_closed_ones_never_show_that_they_publish(rig: Rig) -> None:
    before = text(rig.get("/?tiles=9").text)
    for room in ("hz-e1", "hz-x"):
        rig.media.switch(room, True)
        assert rig.get(f"/room/{room}").status_code == 404
    page = text(rig.get("/?tiles=9&state=").text)
    assert "评标一室" not in page and "内部开标室" not in page
    assert ("此刻没有正在进行的开标" in before) and ("此刻没有正在进行的开标" in page)


def test_a_room_that_has_gone_on_leads_back_to_the_last_record(rig: Rig) -> None:
    market.opening(rig.ledger, at=now() - timedelta(minutes=30))
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    market.opening(rig.ledger, "O2", at=now() + timedelta(minutes=5), title="下一标段")
    until(lambda: "下一标段" in rig.get("/room/hz-01").text, True)
    links = read(rig.get("/room/hz-01?lang=en").text).links
    assert [where for name, where in links if "Record of the last opening" in name] == ["/opening/O1?lang=en"]
