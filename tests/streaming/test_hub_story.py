"""What pages tell of an opening agrees with the ledger, in both languages."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from messages import known
from records import states
from records.clock import now
from records.draw import commitment, draws
from records.events import MODELS
from records.ledger import Ledger
from records.public import rows as public
from records.tables.openings import Opening
from records.tables.projects import TRADE_FAMILIES
from streaming.live.story import Story
from streaming.site import render
from tests.streaming import hub_market as market

SITE = Path(render.__file__).parent
COURSE: list[tuple[str, dict[str, Any]]] = [
    ("sign_in", {"count": 3}),
    ("coefficient_committed", {"no": 1, "seed_sha256": commitment("cd" * 32)}),
    ("bidders_published", {"count": 3, "bidders": market.bidders(3)}),
    ("control_price", {"amount": "286500000.00"}),
    ("objection", {"no": 1, "content": "时钟以何处为准"}),
    ("objection_answered", {"no": 1, "answer": "以标准时间为准"}),
    ("decrypt_progress", {"done": 2, "failed": 1, "total": 3}),
    ("coefficient_unrevealed", {"no": 1}),
    ("coefficient_committed", {"no": 1, "seed_sha256": commitment("cd" * 32)}),
    ("coefficient_committed", {"no": 2, "seed_sha256": commitment("ef" * 32), "pool": ["0.965", "0.975"]}),
    ("coefficient_revealed", {"no": 1, "seed": "cd" * 32}),
    ("coefficient_revealed", {"no": 2, "seed": "ef" * 32}),
    ("paused", {"reason": "身份核对"}),
    ("resumed", {}),
    ("coefficient_drawn", {"kind": "浮动系数"}),
    ("bid_read", {"no": 1, "name": "示例建设第1公司", "price": "27648000.005", "duration_days": 490}),
    ("bid_read", {"no": 2, "name": "示例建设第2公司", "remark": "未解密"}),
    ("bid_corrected", {"no": 1, "name": "示例建设第1公司", "price": "27648000"}),
    ("objection", {"no": 2, "content": "报价有误"}),
    ("objection_answered", {"no": 2, "answer": "已核对"}),
    ("record_confirmed", {"rows": 3}),
    ("ended", {"result": "opened"}),
    ("sealed", {"head": "ab" * 32, "segments": 4}),
]


BEFORE_THE_LIST = ("sign_in", "coefficient_committed")


def computed(ledger: Ledger) -> str:
    """What the two seeds give."""
    with ledger.read() as session:
        found = draws(session, "O1")
    result = found.by_kind["浮动系数"].result(found.head)
    assert result is not None
    return result[1]


def told(ledger: Ledger) -> list[dict[str, Any]]:
    """Feed of an opening that takes every kind of step, checking the stage after each one."""
    market.rooms(ledger)
    market.opening(ledger, at=now() - timedelta(minutes=1))
    story = Story()
    for kind, payload in COURSE:
        if kind == "coefficient_drawn":
            payload = payload | {"value": computed(ledger)}
        market.event(ledger, "O1", kind, actor=f"host {payload.get('no', 1)}", **payload)
        with ledger.read() as session:
            opening = session.get_one(Opening, "O1")
            for message in public.opening_events(session, "O1", story.seq):
                story.add(message)
        if kind in BEFORE_THE_LIST and not story.bidders:
            assert story.seq == 1, "nothing of it is told before the list"
            continue
        assert story.stage == opening.stage, kind
        assert story.head == opening.head_hash
    with ledger.read() as session:
        return list(public.opening_events(session, "O1"))


def test_the_stage_told_is_the_stage_of_the_ledger(ledger: Ledger) -> None:
    messages = told(ledger)
    assert {message["type"] for message in messages} == set(MODELS)
    story = Story()
    for message in messages:
        story.add(message)
    assert story.objections[1].answer == "以标准时间为准"
    (second,) = [m for m in messages if m["type"] == "objection" and m["payload"]["no"] == 2]
    assert story.steps["objection"] == second["ts"], "an objection before the reading is no step"
    assert story.current is None


@pytest.mark.parametrize("lang", render.LANGS)
def test_every_event_is_said_in_full(ledger: Ledger, lang: str) -> None:
    for message in told(ledger):
        said = render.sentence(message, lang, "CNY")
        assert "{" not in said and "None" not in said, said
        if lang == "zh":
            assert not re.search(r"[A-Za-z]{4,}", said.replace("abababababababab", "")), said


def test_money_is_ten_thousands_in_chinese_and_yuan_in_english() -> None:
    assert render.money("27648000.005", "zh", "CNY") == "2,764.800001 万元"
    assert render.money("27648000.005", "en", "CNY") == "CNY 27,648,000.01"
    assert render.money("901111", "zh", "CNY") == "90.1111 万元" != render.money("901149", "zh", "CNY")
    assert (
        render.money("999999", "zh", "CNY") == "99.9999 万元"
        and render.money("2030000", "zh", "CNY") == "203.00 万元"
    )
    assert render.figure(None, "zh", "CNY") == "—"


def test_every_word_used_exists_in_both_languages() -> None:
    used = set()
    for path in [*(SITE / "templates").iterdir(), *(SITE / "static").glob("*.js"), *SITE.parent.glob("*.py")]:
        text = path.read_text("utf-8")
        used |= set(re.findall(r"""\b(?:t|word)\((?:lang, )?["']([a-z0-9_.]+)["']""", text))
    assert len(used) > 80
    assert {key for key in used if not known(f"site.{key}") and not key.endswith(".")} == set()


def test_every_code_the_public_may_meet_has_a_name() -> None:
    groups = {
        "opening": states.OPENING_STATES,
        "stage": states.STAGES,
        "now": states.STAGES,
        "family": TRADE_FAMILIES,
    }
    missing = [f"{group}.{code}" for group, codes in groups.items() for code in codes]
    assert [key for key in missing if not known(f"site.{key}")] == []
