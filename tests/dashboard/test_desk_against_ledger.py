"""What the desk tells is held against the ledger: the list against the bids on hand, prices against the decrypted files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from records.clock import now
from records.ledger import Ledger
from records.states import append_event
from records.tables.bids import Bid
from tests.dashboard.live_market import BIDDERS
from tests.dashboard.test_host_desk import Client, begin, state, step
from tests.dashboard.test_host_desk import desk as desk


def lines(*names: str, first: int = 1) -> dict[str, Any]:
    return {
        "count": len(names),
        "bidders": [{"no": number, "name": name} for number, name in enumerate(names, first)],
    }


def told(ledger: Ledger, kind: str, payload: dict[str, Any]) -> None:
    with ledger.write() as session:
        append_event(session, "O-L1", kind, payload, actor="platform")


def words(desk: Client) -> str:
    return "\n".join(one["words"] for one in state(desk("supervisor"))["irregular"])


OTHER_LISTS = [
    (lines(BIDDERS[1], BIDDERS[2]), [BIDDERS[0], "没有账本里有效递交"]),
    (lines(*BIDDERS, "凭空示例有限公司"), ["凭空示例有限公司", "没有有效递交的投标"]),
    (lines(BIDDERS[0], BIDDERS[2], BIDDERS[1]), [BIDDERS[1], "未按递交次序"]),
    (lines(*BIDDERS, first=2), [BIDDERS[0], "未按递交次序"]),
]


@pytest.mark.parametrize(("other", "said"), OTHER_LISTS)
def test_another_list_than_the_bids_on_hand_is_refused_at_the_desk(
    desk: Client, other: dict[str, Any], said: list[str]
) -> None:
    refused = step(desk("operator"), "bidders_published", **other)
    assert refused.status_code == 409
    assert all(part in refused.json()["detail"] for part in said)
    assert step(desk("operator"), "bidders_published").status_code == 200, "the ledger's own list"


@pytest.mark.parametrize(("other", "said"), OTHER_LISTS)
def test_a_platforms_other_list_is_kept_and_goes_on_being_marked(
    desk: Client, ledger: Ledger, other: dict[str, Any], said: list[str]
) -> None:
    told(ledger, "bidders_published", other)
    assert all(part in words(desk) for part in said)


def test_bids_received_at_the_same_time_may_stand_in_either_order(desk: Client, ledger: Ledger) -> None:
    moment = now() - timedelta(hours=2)
    with ledger.write() as session:
        for number in (1, 2, 3):
            session.get_one(Bid, f"L1-{number}").received_at = moment
    told(ledger, "bidders_published", lines(*reversed(BIDDERS)))
    assert words(desk) == ""


def test_one_taken_back_in_time_is_not_missed_and_one_taken_back_late_is(
    desk: Client, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(Bid, "L1-1").withdrawn_at = now() - timedelta(minutes=90)
        session.get_one(Bid, "L1-3").withdrawn_at = now() - timedelta(minutes=5)
    refused = step(desk("operator"), "bidders_published", **lines(BIDDERS[1]))
    assert refused.status_code == 409
    assert BIDDERS[2] in refused.json()["detail"] and BIDDERS[0] not in refused.json()["detail"]


def test_before_the_deadline_a_wrong_list_learns_nothing_of_who_has_bid(desk: Client) -> None:
    host = desk("operator")
    body = {
        "kind": "bidders_published",
        "payload": lines("凭空示例有限公司"),
        "seen": state(host, "O-L2")["seq"],
    }
    refused = host.post("/api/openings/O-L2/steps", json=body)
    assert refused.status_code == 409
    assert not any(name in refused.json()["detail"] for name in BIDDERS)


def test_a_ledger_without_bids_or_prices_has_nothing_to_compare(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        for number in (1, 2, 3):
            session.delete(session.get_one(Bid, f"L1-{number}"))
    host = desk("operator")
    assert step(host, "bidders_published", **lines("甲", "乙", "丙")).status_code == 200
    assert step(host, "decrypt_progress", done=3, failed=0, total=3).status_code == 200
    for number, name in enumerate("甲乙丙", 1):
        assert step(host, "bid_read", no=number, name=name, price="1.23", total=3).status_code == 200
    assert step(host, "record_confirmed", rows=3).status_code == 200
    assert words(desk) == ""


def test_another_price_than_the_files_is_confirmed_only_with_a_reason(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    wrong = step(host, "bid_read", price="1.23").json()["seq"]
    step(host, "bid_read")
    step(host, "bid_read")
    refused = step(host, "record_confirmed")
    assert refused.status_code == 409 and "1 号唱读的报价与解密文件不一致" in refused.json()["detail"]
    correction = {"no": 1, "name": BIDDERS[0], "price": "1.24", "corrects": wrong}
    assert step(host, "bid_corrected", **correction, reason="以纸质开标一览表为准").status_code == 200
    assert step(host, "record_confirmed").status_code == 200


def test_a_platforms_record_with_other_prices_is_kept_and_marked(desk: Client, ledger: Ledger) -> None:
    begin(desk("operator"))
    for number, name in enumerate(BIDDERS, 1):
        told(ledger, "bid_read", {"no": number, "name": name, "price": "9"})
    told(ledger, "record_confirmed", {"rows": 3})
    assert "1、2、3 号唱读的报价与解密文件不一致" in words(desk)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"price": "1900001.5"}, "没有写明事由"),
        ({"price": "1900001.00", "duration_days": 91, "reason": "误读"}, "完全相同"),
        ({"price": "0", "reason": "误读"}, "大于 0"),
        ({"price": "1200000.005", "reason": "误读"}, "读到分"),
    ],
)
def test_a_correction_has_a_reason_a_change_and_a_price_to_the_hundredth(
    desk: Client, ledger: Ledger, given: dict[str, Any], said: str
) -> None:
    host = desk("operator")
    begin(host)
    step(host, "bid_read")
    correction = {"no": 1, "name": BIDDERS[0], **given}
    refused = step(host, "bid_corrected", **correction)
    assert refused.status_code == 409 and said in refused.json()["detail"]
    told(ledger, "bid_corrected", correction)
    assert said in words(desk), "a platform's is kept and marked"


@pytest.mark.parametrize("result", ["failed", "terminated"])
def test_an_opening_is_not_broken_off_over_an_unanswered_objection(desk: Client, result: str) -> None:
    host = desk("operator")
    begin(host)
    step(host, "objection", content="听不清")
    refused = step(host, "ended", result=result)
    assert refused.status_code == 409
    if result == "terminated":
        assert "异议 1 未答复即以中止结束" in refused.json()["detail"]
        assert step(host, "objection_answered", answer="已重唱").status_code == 200
        assert step(host, "ended", result=result, reason="停电").status_code == 200
