"""The schedule as calendar and as feed: other programs read it, with the filters of the hall, and it tells no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from xml.etree import ElementTree

from icalendar import Calendar

from records.clock import BEIJING, now
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

ATOM = "{http://www.w3.org/2005/Atom}"


def titles(rig: Rig, query: str = "") -> list[str]:
    feed = ElementTree.fromstring(rig.get(f"/schedule.atom{query}").content)
    return [str(entry.findtext(f"{ATOM}title")) for entry in feed.iter(f"{ATOM}entry")]


def announced(rig: Rig) -> None:
    moment = now().replace(microsecond=0)
    market.opening(rig.ledger, "O1", at=moment + timedelta(days=40), title="示例学校，一标段；<b>")
    market.opening(
        rig.ledger, "O/2", room="hz-02", at=moment + timedelta(days=1), title="示例医院", family="procurement"
    )
    market.opening(rig.ledger, "O3", at=moment - timedelta(days=30), title="往年")
    until(lambda: titles(rig), ["示例医院", "示例学校，一标段；<b>"])


def test_a_calendar_holds_what_is_to_come(rig: Rig) -> None:
    announced(rig)
    answer = rig.get("/schedule.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    near, far = Calendar.from_ical(answer.content).walk("VEVENT")
    assert (str(near["summary"]), str(far["summary"])) == ("示例医院", "示例学校，一标段；<b>")
    assert far["dtstart"].dt - near["dtstart"].dt == timedelta(days=39)
    assert str(near["url"]) == "http://hub/opening/O/2" and str(near["location"]) == "市本级 开标二室"
    assert "标段编号" in near["description"] or "标段" in near["description"]
    assert len({str(near["uid"]), str(far["uid"])}) == 2


def test_a_feed_says_since_when_each_was_told(rig: Rig) -> None:
    announced(rig)
    feed = ElementTree.fromstring(rig.get("/schedule.atom?lang=en").content)
    entries = list(feed.iter(f"{ATOM}entry"))
    assert all(entry.findtext(f"{ATOM}updated") for entry in [feed, *entries])
    assert [entry.find(f"{ATOM}link").get("href") for entry in entries] == [  # type: ignore[union-attr]
        "http://hub/opening/O/2?lang=en", "http://hub/opening/O1?lang=en",
    ]  # fmt: skip
    assert "Announced" in str(entries[0].findtext(f"{ATOM}summary")) or "Scheduled" in str(
        entries[0].findtext(f"{ATOM}summary")
    )


def test_both_take_the_filters_of_the_hall_and_are_not_sent_twice(rig: Rig) -> None:
    announced(rig)
    assert titles(rig, "?family=procurement") == ["示例医院"] and titles(rig, "?q=slxx") == [
        "示例学校，一标段；<b>"
    ]
    for path in ("/schedule.ics", "/schedule.atom"):
        tag = rig.get(path).headers["etag"]
        assert rig.get(path, **{"if-none-match": tag}).status_code == 304
    for asked in ("centre=nope", "lang=xx"):
        answer = rig.get(f"/schedule.ics?{asked}")
        assert answer.status_code == 400 and asked in answer.json()["detail"], asked
    refused = rig.get("/schedule.ics?family=zzz")
    assert refused.status_code == 400 and "family=zzz" in refused.json()["detail"]
    page = rig.get("/?view=schedule&family=procurement").text
    assert "/schedule.ics?family=procurement" in page and "/schedule.atom?family=procurement" in page


def test_beijing_time_is_defined_in_the_calendar_and_an_empty_one_is_whole(rig: Rig) -> None:
    announced(rig)
    opened = rig.get(
        "/api/openings?day=" + (now() + timedelta(days=1)).astimezone(BEIJING).date().isoformat()
    )
    told = rig.get("/schedule.ics").text
    at = datetime.fromisoformat(opened.json()[0]["scheduled_at"]).astimezone(BEIJING)
    assert f"DTSTART;TZID=Asia/Shanghai:{at:%Y%m%dT%H%M%S}\r\n" in told
    assert "UTC+08:00" not in told and all(
        line.endswith("Z") for line in told.split("\r\n") if line.startswith("DTSTAMP")
    )
    none = rig.get("/schedule.ics?q=%E6%B2%A1%E6%9C%89").content
    (zone,) = Calendar.from_ical(none).walk("VTIMEZONE")
    assert str(zone["tzid"]) == "Asia/Shanghai" and not Calendar.from_ical(none).walk("VEVENT")


def test_a_filter_that_there_is_not_is_refused_as_the_api_does(rig: Rig) -> None:
    announced(rig)
    for path in ("/schedule.ics", "/schedule.atom", "/api/openings"):
        refused = rig.get(f"{path}?state=bogus")
        assert refused.status_code == 400 and "bogus" in refused.json()["detail"], path
        assert refused.headers["content-type"] == "application/problem+json"
