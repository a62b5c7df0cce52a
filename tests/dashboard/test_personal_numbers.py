"""Numbers of identity cards and mobile telephones that somebody types into a step: refused at the desk, masked where a
platform sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from records.ledger import Ledger
from records.public.personal_numbers import masked
from records.public.rows import MASK
from records.states import append_event, verify_opening
from records.tables.broadcast import PublicEvent
from records.tables.openings import OpeningEvent
from tests.dashboard.test_host_desk import Client, begin, state, step
from tests.dashboard.test_host_desk import desk as desk

IDENTITY, MOBILE = "11010519491231002X", "13800138000"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"张某{IDENTITY}到场", f"张某{MASK}到场"),
        (f"电话{MOBILE}。", f"电话{MASK}。"),
        ("电话 +86 138-0013-8000", f"电话 {MASK}"),
        ("电话１３８００１３８０００", f"电话{MASK}"),
        ("110105 19491231 002x", MASK),
        ("身份证330102199001011235", f"身份证{MASK}"),
        ("项目编号110105194912310021", "项目编号110105194912310021"),  # no check digit of an identity card
        ("信用代码91330102MA2801Y31X", "信用代码91330102MA2801Y31X"),
        ("报价 9050050000 元，编号 1380013800012", "报价 9050050000 元，编号 1380013800012"),
    ],
)
def test_what_is_a_personal_number(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("kind", "payload", "field"),
    [
        ("paused", {"reason": f"等候张某，身份证{IDENTITY}"}, "事由第 9 个字"),
        ("objection", {"no": 1, "content": f"联系{MOBILE}"}, "异议内容第 3 个字"),
    ],
)
def test_the_desk_refuses_it_and_says_where(
    desk: Client, kind: str, payload: dict[str, Any], field: str
) -> None:
    host = desk("operator")
    begin(host)
    seen = state(host)["seq"]
    refused = step(host, kind, **payload)
    assert refused.status_code == 409 and field in refused.json()["detail"]
    assert IDENTITY not in refused.text and MOBILE not in refused.text
    assert state(host)["seq"] == seen, "nothing entered the chain"


def test_what_a_platform_sends_is_masked_in_chain_and_public_rows_and_marked(
    desk: Client, ledger: Ledger
) -> None:
    host = desk("operator")
    begin(host)
    words = {"reason": f"电话{MOBILE}，身份证{IDENTITY}"}
    with ledger.write() as session:
        append_event(session, "O-L1", "paused", words, actor="platform")
    with ledger.read() as session:
        last = session.scalars(
            select(OpeningEvent).where(OpeningEvent.opening_id == "O-L1").order_by(OpeningEvent.seq.desc())
        ).first()
        assert last is not None and last.payload["reason"] == f"电话{MASK}，身份证{MASK}"
        shown = json.dumps([row.payload for row in session.scalars(select(PublicEvent))], ensure_ascii=False)
        assert MOBILE not in shown and IDENTITY not in shown
        assert verify_opening(session, "O-L1") is None
    assert MOBILE not in json.dumps(state(host), ensure_ascii=False)
    assert [one["words"][:4] for one in state(host)["irregular"]] == ["事由第 ", "事由第 "]
