"""Names that no public text may hold, however they are typed: bidders of a qualification lot, whoever objected."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from records import chain
from records.clock import frozen_at
from tests.streaming.two_doors import T, World, lot, said, step, world

ALPHA, BETA, GAMMA = "云岭甲建设工程有限公司", "Ｂｅｔａ（华东）咨询有限责任公司", "海川乙设计院"
"""A bidder with a bid, one known by the list only, and a member of the first one's consortium."""
MASK = "******"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[World]:
    """A minute after the deadline."""
    with frozen_at(T - timedelta(minutes=5)) as place, world(tmp_path / "one") as made:
        made.accept(
            said("organisation", "X1", {"name": ALPHA}),
            said("organisation", "X3", {"name": GAMMA}),
            said("bid", "x1", {"lot": "L1", "bidder": "X1", "consortium": ["X3"], "price": "10"}),
        )
        place(T + timedelta(minutes=1))
        yield made


def typed(name: str) -> list[str]:
    """A name as people type it."""
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name)
    short = name.replace("有限责任公司", "").replace("有限公司", "")
    spaced, dotted = " ".join(name), "·".join(short)
    return [name, wide, short, spaced, dotted, unicodedata.normalize("NFKC", name).lower(), name.replace("（", "(").replace("）", ")"),
            name.replace("有限", "股份有限"), short.removesuffix("工程"), short.removesuffix("建设工程") + "公司"]  # fmt: skip


def published() -> dict[str, Any]:
    return step(1, "bidders_published", count=2, bidders=[{"no": 1, "name": ALPHA}, {"no": 2, "name": BETA}])


def whole(words: str, raised_by: str) -> list[dict[str, Any]]:
    """An opening in which every free text says `words`."""
    return [
        published(),
        step(2, "paused", reason=words),
        step(3, "resumed"),
        step(4, "decrypt_progress", done=2, total=2),
        said("opening_event", "O1#5", {"opening": "O1", "type": "coefficient_drawn",
                                       "payload": {"kind": words[:300], "value": "K1", "pool": [words[:300], "K1"]}}),
        step(61, "bid_read", no=2, name=BETA, price="12"),
        step(6, "bid_read", no=1, name=ALPHA, price="10", quality=words, remark=words),
        step(7, "bid_corrected", no=1, name=ALPHA, price="11", quality=words, remark=words, reason=words),
        step(8, "objection", no=1, content=words, detail={"raised_by": raised_by}),
        step(9, "objection_answered", no=1, answer=words),
        step(91, "objection", no=2, content=words, detail={"raised_by": raised_by}),
        step(10, "record_confirmed", rows=2, kept_open=[{"no": 2, "reason": words[:500]}]),
    ]  # fmt: skip


def letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def told(world: World) -> str:
    """Everything public in the form in which a name is recognised, the feed as it is pushed too."""
    with world.hub.websocket_connect("/feeds/openings/O1") as socket:
        pushed = [socket.receive_text() for _ in world.events()]
    return letters("\n".join([world.text(), *pushed]))


def whole_chain(world: World) -> bool:
    """Whether whoever reads the feed can compute every hash again."""
    pairs = [
        (chain.event_body("O1", e["seq"], datetime.fromisoformat(e["ts"]), e["type"], e["payload"]), e["hash"])
        for e in world.events()
    ]  # fmt: skip
    return chain.verify(chain.genesis("opening/O1"), pairs) is None


@pytest.mark.parametrize("name", [ALPHA, BETA, GAMMA])
def test_no_text_of_a_qualification_lot_names_a_bidder(one: World, name: str) -> None:
    one.accept(lot(2, prequalification=True))
    words = "；".join(f"对{form}的资料" for form in typed(name))
    one.accept(*whole(words, BETA))
    one.settle()
    public = told(one)
    for secret in ("云岭甲", letters("Beta（华东）"), "海川乙"):
        assert secret not in public
    events = {e["type"]: e["payload"] for e in one.events()}
    assert events["objection"]["content"].startswith(f"对{MASK}的资料；对{MASK}的资料")
    assert "有限" not in events["bid_read"]["remark"] and events["bid_read"]["price"] == "10"
    assert events["coefficient_drawn"]["pool"][1] == "K1"
    assert whole_chain(one)


@pytest.mark.parametrize("raised_by", [GAMMA, "X3", BETA])
def test_no_lot_tells_who_objected(one: World, raised_by: str) -> None:
    name = GAMMA if raised_by == "X3" else raised_by
    words = "；".join(f"{form}提出" for form in typed(name))
    one.accept(published(), step(4, "decrypt_progress", done=2, total=2))
    one.accept(
        step(8, "objection", no=1, content=words, detail={"raised_by": raised_by}),
        step(9, "objection_answered", no=1, answer=f"已答复{name}，{ALPHA}的报价无误"),
    )
    one.settle()
    events = {e["type"]: e["payload"] for e in one.events()}
    shortest = letters(name.replace("有限责任公司", ""))
    for payload in (events["objection"], events["objection_answered"]):
        assert shortest not in letters(str(payload))
    assert events["objection_answered"]["answer"] == f"已答复{MASK}，{ALPHA}的报价无误"
    assert whole_chain(one)


def test_texts_without_a_name_stay_as_they_are(one: World) -> None:
    one.accept(lot(2, prequalification=True))
    words = "质量合格，工程建设有限期内完成；Beta版资料 海川 设计"
    one.accept(*whole(words, GAMMA))
    payloads = [e["payload"] for e in one.events()]
    assert all(
        words in payload.values() for payload in payloads if {"remark", "content", "answer"} & payload.keys()
    )


def test_a_decision_tells_neither_who_complained_nor_a_number(one: World) -> None:
    about = {"lot": "L1", "bidder": "X1", "rank": 1, "price": "1", "awarded_at": T.isoformat()}
    one.accept(
        said("award", "A1", about),
        said("objection", "Q1", {"lot": "L1", "stage": "candidates", "kind": "complaint", "content": "评分有误", "raised_by": GAMMA,
             "raised_at": T.isoformat(), "answer": f"{GAMMA}投诉不成立，电话13800138000", "answered_at": T.isoformat()}),
    )  # fmt: skip
    one.settle()
    shown = one.hub.get("/project/P1").text
    assert f"{MASK}投诉不成立，电话{MASK}" in shown and "海川" not in shown
