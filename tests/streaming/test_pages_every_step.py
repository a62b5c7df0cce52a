"""Every public page at every step of an opening, with the optional fields and without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from records import events, states
from records.clock import now
from records.draw import commitment, draws
from records.ledger import Ledger
from records.public import rows as public
from records.public.lots import publish_lot
from records.public.openings import publish_opening
from records.tables.bids import Bid
from records.tables.openings import Opening
from records.tables.projects import Lot, Project
from streaming.live.story import Story
from streaming.site.opening import opening_page
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

PATHS = ("/", "/?tiles=9", "/?view=schedule", "/?view=replay", "/room/hz-01", "/room/hz-01?embed=1", "/room/hz-02",
         "/opening/O1", "/project/P-O1", "/market", "/verify?opening=O1", "/publish/hz-01")  # fmt: skip
FEEDS = (
    "/api/rooms",
    "/api/openings",
    "/api/openings/O1",
    "/api/openings/O1/events",
    "/api/openings/O1/record",
)
LINE: dict[str, Any] = {"no": 1, "name": "示例建设"}
COMPUTED = "computed"
"""Stands in the walk for what two seeds and the chain give; `take` fills it in."""
WALK: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("sign_in", {}, {"count": 2}),
    ("bidders_published", {"count": 2, "bidders": [LINE, {"no": 2, "name": "又一家"}]}, {}),
    ("decrypt_progress", {"done": 0, "total": 2}, {"failed": 0}),
    ("decrypt_progress", {"done": 1, "failed": 1, "total": 2}, {}),
    ("control_price", {"amount": "1000"}, {"base_price": "900", "normal": 1, "over": 1}),
    ("coefficient_committed", {"no": 1, "seed_sha256": commitment("b" * 64), "kind": "K1"}, {"pool": ["0.96", "0.97"]}),
    ("coefficient_unrevealed", {"no": 1, "kind": "K1"}, {"reason": "离席"}),
    ("coefficient_committed", {"no": 1, "seed_sha256": commitment("b" * 64), "kind": "K1"}, {}),
    ("coefficient_committed", {"no": 2, "seed_sha256": commitment("c" * 64), "kind": "K1", "pool": ["0.96", "0.97"]}, {}),
    ("coefficient_revealed", {"no": 1, "seed": "b" * 64, "kind": "K1"}, {}),
    ("coefficient_revealed", {"no": 2, "seed": "c" * 64, "kind": "K1"}, {}),
    ("coefficient_drawn", {"kind": "K1", "value": COMPUTED}, {"pool": ["0.96", "0.97"], "index": COMPUTED, "head": COMPUTED}),
    ("objection", {"no": 1, "content": "时间不对"}, {}),
    ("bid_read", LINE, {"price": "990.5", "duration_days": 90, "quality": "合格", "remark": "无", "total": 2}),
    ("paused", {}, {"reason": "身份核对", "until": "2126-05-06T14:00:00+08:00"}),
    ("resumed", {}, {}),
    ("bid_read", {"no": 2, "name": "又一家"}, {"remark": "未报价"}),
    ("bid_corrected", LINE, {"price": "980.5", "duration_days": 80, "quality": "合格", "remark": "无", "total": 2, "reason": "口误", "corrects": 15}),
    ("bid_corrected", {"no": 2, "name": "又一家"}, {"price": "970"}),
    ("objection", {"no": 2, "content": "报价有疑"}, {}),
    ("objection_answered", {"no": 2, "answer": "以系统为准"}, {}),
    ("objection_answered", {"no": 2, "answer": "以系统为准，另附说明"}, {}),
    ("record_confirmed", {"rows": 2, "kept_open": [{"no": 1, "reason": "待核"}]}, {"signed": 2}),
    ("ended", {}, {"result": "opened", "reason": "如期完成"}),
    ("sealed", {"head": "a" * 64, "segments": 3}, {}),
)  # fmt: skip
"""Event, what it must carry, what it may carry besides."""


def take(ledger: Ledger, key: str, kind: str, payload: dict[str, Any]) -> None:
    """One step of the walk."""
    if COMPUTED in payload.values():
        with ledger.read() as session:
            found = draws(session, key)
        result = found.by_kind[payload["kind"]].result(found.head)
        assert result is not None
        right = {"index": result[0], "value": result[1], "head": found.head}
        payload = {name: right.get(name, value) for name, value in payload.items()}
    market.event(ledger, key, kind, actor="test", **payload)


def announce(rig: Rig, key: str, room: str | None = "hz-01", **lot: Any) -> None:
    """An opening of a lot that has nothing but what it must have, and what is given."""
    moment = now() - timedelta(minutes=5)
    with rig.ledger.write() as session:
        session.add(Project(id=f"P-{key}", name="示例项目", source="test"))
        session.flush()
        session.add(Lot(id=f"L-{key}", project_id=f"P-{key}", name="一标段", source="test", **lot))
        session.flush()
        states.new_opening(
            session, Opening(id=key, lot_id=f"L-{key}", room_id=room, scheduled_at=moment, source="test")
        )


FULL: dict[str, Any] = {"tenderer_id": "T1", "agency_id": "T1", "category": "市政", "control_price": 1000,
                        "prequalification": True, "centre_id": "hz"}  # fmt: skip


def told(rig: Rig, key: str) -> None:
    """Wait until the hub tells of an opening what the ledger lets the public know by now."""
    with rig.ledger.read() as session:
        count = len(list(public.opening_events(session, key)))
    until(lambda: len(rig.get(f"/api/openings/{key}/events").json()), count)


def faults(rig: Rig, paths: tuple[str, ...] = PATHS) -> Iterator[str]:
    """Pages that fail or show what a template left over."""
    for path in paths:
        for lang in ("zh", "en"):
            answer = rig.get(path + ("&" if "?" in path else "?") + f"lang={lang}")
            if answer.status_code != 200:
                yield f"{path} {lang}: {answer.status_code}"
            shown = re.sub(r"<[^>]+>", " ", answer.text)
            yield from (f"{path} {lang}: {left}" for left in re.findall(r"\{\w*\}|\bNone\b|Undefined", shown))
    for path in FEEDS:
        if rig.get(path).status_code not in (200, 404, 409):
            yield path


def test_the_walk_knows_every_event() -> None:
    assert {kind for kind, _, _ in WALK} | {"scheduled"} == set(events.MODELS)
    for kind, model in events.MODELS.items():
        carried = {name for step, must, may in WALK if step == kind for name in (*must, *may)}
        assert kind == "scheduled" or carried == set(model.model_fields), kind


@pytest.mark.parametrize("whole", [False, True], ids=["bare", "whole"])
def test_every_page_is_there_at_every_step(rig: Rig, whole: bool) -> None:
    announce(rig, "O1", **(FULL if whole else {}))
    told(rig, "O1")
    assert not list(faults(rig))
    for number, (kind, must, may) in enumerate(WALK, start=2):
        take(rig.ledger, "O1", kind, must | (may if whole else {}))
        told(rig, "O1")
        rig.media.switch("hz-01", number % 2 == 0)
        assert not list(faults(rig)), kind


@pytest.mark.parametrize("result", ["failed", "terminated"])
def test_every_page_is_there_when_an_opening_ends_early(rig: Rig, result: str) -> None:
    announce(rig, "O1")
    market.event(rig.ledger, "O1", "ended", result=result, reason="系统故障")
    until(lambda: rig.get("/api/openings/O1").json()["state"], "ended")
    told(rig, "O1")
    assert not list(faults(rig))
    for path, lang, why in (
        ("/opening/O1", "zh", "系统故障"),
        ("/project/P-O1", "zh", "系统故障"),
        ("/opening/O1", "en", "system fault"),
    ):
        assert why in rig.get(f"{path}?lang={lang}").text.lower(), path


def test_what_was_read_before_an_opening_broke_off_stands_on_its_project(rig: Rig) -> None:
    """The prices were heard by everyone: the picture of them is drawn as on the opening's own page."""
    announce(rig, "O1")
    market.begin(rig.ledger, count=6)
    for number in range(1, 6):
        market.event(
            rig.ledger,
            "O1",
            "bid_read",
            no=number,
            name=f"示例建设第{number}公司",
            price=str(27_000_000 + number),
        )
    market.event(rig.ledger, "O1", "ended", result="terminated")
    until(lambda: rig.get("/api/openings/O1").json()["result"], "terminated")
    told(rig, "O1")
    assert "2,700.0003 万元" in rig.get("/project/P-O1").text


def test_no_record_stands_on_the_project_of_an_opening_in_which_nothing_was_read(rig: Rig) -> None:
    announce(rig, "O1")
    market.begin(rig.ledger, count=2)
    market.event(rig.ledger, "O1", "ended", result="failed")
    until(lambda: rig.get("/api/openings/O1").json()["result"], "failed")
    told(rig, "O1")
    assert "万元" not in rig.get("/project/P-O1").text


@pytest.mark.parametrize(("result", "stands"), [("opened", True), ("terminated", True), ("failed", False)])
def test_the_record_stands_once_its_events_are_told_though_the_row_of_the_opening_comes_later(
    rig: Rig, result: str, stands: bool
) -> None:
    announce(rig, "O1")
    told(rig, "O1")
    still_reading = rig.get("/api/openings/O1").json() | {"state": "live", "stage": "reading"}
    market.begin(rig.ledger, count=1)
    if stands:
        market.event(rig.ledger, "O1", "bid_read", no=1, name="示例建设第1公司", price="27000001")
    end = ("record_confirmed", {"rows": 1}) if result == "opened" else ("ended", {"result": result})
    market.event(rig.ledger, "O1", end[0], **end[1])
    told(rig, "O1")
    story = Story()
    for message in rig.get("/api/openings/O1/events").json():
        story.add(message)
    page = opening_page(still_reading, story, None, None, "", "zh")
    before = opening_page(still_reading, Story(), None, None, "", "zh")
    assert bool(page["record"]) is stands and not before["record"]
    assert stands or page["wait"] != before["wait"]


FEW = "投标人少于三家，依招标投标法实施条例第44条不得开标，应当重新招标"


@pytest.mark.parametrize(
    ("listed", "held", "why", "english"),
    [
        (2, 0, FEW, "fewer than three bidders"),
        (0, 1, FEW, "fewer than three bidders"),
        (0, 0, "报送方没有说明事由", "no reason was given"),
    ],
)
def test_an_opening_that_failed_says_why_wherever_its_result_stands(
    rig: Rig, listed: int, held: int, why: str, english: str
) -> None:
    """For want of bidders only where a list or the ledger's bids show it; how many there were only where a list was
    published."""
    announce(rig, "O1")
    if listed:
        market.begin(rig.ledger, count=listed)
    with rig.ledger.write() as session:
        session.add_all(Bid(id=f"b{n}", lot_id="L-O1", bidder_id="T1", source="demo") for n in range(held))
    market.event(rig.ledger, "O1", "ended", result="failed")
    until(lambda: rig.get("/api/openings/O1").json()["result"], "failed")
    told(rig, "O1")
    told_reason = rig.get("/api/openings/O1/events").json()[-1]["payload"].get("reason")
    assert told_reason == (why if listed or held else None)
    for path in ("/opening/O1", "/project/P-O1"):
        assert why in rig.get(path).text, path
        assert english in rig.get(f"{path}?lang=en").text, path
    assert ("投标人 2 家" in rig.get("/opening/O1").text) is bool(listed)
    calendar = rig.get("/schedule.ics").text.replace("\r\n ", "")
    assert "STATUS:CANCELLED" in calendar and why[:7] in calendar


def test_every_page_is_there_for_an_opening_without_a_room_and_for_a_cancelled_one(rig: Rig) -> None:
    announce(rig, "O1", room=None)
    announce(rig, "O2", room="hz-02")
    with rig.ledger.write() as session:
        opening = session.get_one(Opening, "O2")
        opening.state = "cancelled"
        publish_opening(session, opening)
    told(rig, "O1")
    until(lambda: rig.get("/api/openings/O2").json()["state"], "cancelled")
    assert not list(faults(rig, (*PATHS, "/opening/O2", "/project/P-O2")))


def test_codes_without_a_name_do_not_break_a_page(rig: Rig) -> None:
    """What a trading platform calls its family, method or result of its own is shown as it is."""
    announce(rig, "O1", trade_family="forestry", method="reverse_auction", category="")
    told(rig, "O1")
    assert not list(faults(rig))
    assert "forestry" in rig.get("/opening/O1").text


def test_the_market_page_is_there_with_half_of_its_figures(rig: Rig) -> None:
    nothing = {"value": None, "text": "—", "numerator": 0, "denominator": 0, "unknown": 0}
    figures = {"openings": 0, "participations": 0, "firms": None, "outside": nothing}
    rows = [{"month": f"2026-{month:02}", **nothing} for month in (1, 2, 3)]
    for series in ([], rows):
        payload = {"month": "2026-11", **figures, "rolling12": figures, "series": series, "demo": False}
        with rig.ledger.write() as session:
            public.publish(session, "market", "overview", {**payload, "as_of": "2026-11-19T14:30:05+08:00"})
        assert not list(faults(rig, ("/market",)))


def test_a_lot_tendered_again_says_which_round_it_is_and_since_when(rig: Rig) -> None:
    announce(rig, "O1")
    first = "重新招标" not in rig.get("/project/P-O1").text
    with rig.ledger.write() as session:
        lot = session.get_one(Lot, "L-O1")
        lot.round, lot.notice_at = 2, datetime(2026, 11, 1, 1, tzinfo=UTC)
        session.flush()
        publish_lot(session, lot)
    until(lambda: "第 2 轮，2026-11-01 09:00:00 起" in rig.get("/project/P-O1").text, True)
    assert first and "round 2, since" in rig.get("/project/P-O1?lang=en").text
