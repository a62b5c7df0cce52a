"""The verifiable draw, with worked examples, and the record that is confirmed only when it is whole."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from records import draw, hosting, opening_record, states
from records.ledger import Ledger
from records.published_list import list_of
from records.tables.openings import Opening
from tests.records.market import AFTER, lot_with_opening

SEEDS = ("01" * 32, "fe" * 32)
POOL = ["0.955", "0.960", "0.965"]
NAMES = [{"no": no, "name": f"示例{no}公司"} for no in range(1, 4)]
LIST = ("bidders_published", {"count": 3, "bidders": NAMES})
DECRYPTED = ("decrypt_progress", {"done": 2, "failed": 1, "total": 3})


@pytest.fixture
def opening(ledger: Ledger) -> Ledger:
    with ledger.write() as session:
        lot_with_opening(session)
    return ledger


class Walk:
    """Steps of O1 one second apart, each by somebody."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.second = ledger, 0

    def do(self, kind: str, payload: dict[str, Any], actor: str = "host") -> str:
        self.second += 1
        with self.ledger.write() as session:
            at = AFTER + timedelta(seconds=self.second)
            return states.append_event(session, "O1", kind, payload, actor=actor, ts=at).hash

    def read(self, *numbers: int) -> None:
        for no in numbers:
            self.do("bid_read", {**NAMES[no - 1], "price": str(100 + no)})

    def commit(self, seeds: tuple[str, ...] = SEEDS) -> None:
        for no, seed in enumerate(seeds, start=1):
            told = {"no": no, "seed_sha256": draw.commitment(seed), "kind": "K", "pool": POOL}
            self.do("coefficient_committed", told, f"person {no}")

    def stage(self) -> str:
        with self.ledger.read() as session:
            return session.get_one(Opening, "O1").stage


@pytest.fixture
def walk(opening: Ledger) -> Walk:
    return Walk(opening)


# ── the draw ─────────────────────────────────────────────────────────────────


def test_the_formula_by_hand() -> None:
    head = "00" * 31 + "07"
    joined = bytes([1] * 32) + bytes([0xFE] * 32) + bytes(31) + bytes([7])
    assert draw.drawn(SEEDS, head, 10) == int(hashlib.sha256(joined).hexdigest(), 16) % 10
    assert draw.commitment("00" * 32) == "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"


def test_two_seeds_and_the_chain_head_give_the_result_and_no_other_is_taken(walk: Walk) -> None:
    walk.commit()
    walk.do(*LIST)
    head = walk.do(*DECRYPTED)
    for no in (1, 2):
        walk.do("coefficient_revealed", {"no": no, "seed": SEEDS[no - 1], "kind": "K"})
    right = POOL[draw.drawn(SEEDS, head, 3)]
    for wrong in POOL:
        if wrong != right:
            with pytest.raises(draw.WrongDraw, match=right):
                walk.do("coefficient_drawn", {"kind": "K", "value": wrong})
    walk.do("coefficient_drawn", {"kind": "K", "value": right})
    with pytest.raises(draw.WrongDraw):
        walk.do("coefficient_drawn", {"kind": "K", "value": right})


def test_no_seed_before_the_last_decryption_and_none_but_the_one_committed_to(walk: Walk) -> None:
    walk.commit()
    walk.do(*LIST)
    walk.do("decrypt_progress", {"done": 2, "total": 3})
    with pytest.raises(draw.WrongDraw, match="解密尚未完成"):
        walk.do("coefficient_revealed", {"no": 1, "seed": SEEDS[0], "kind": "K"})
    walk.do(*DECRYPTED)
    with pytest.raises(draw.WrongDraw, match="不符"):
        walk.do("coefficient_revealed", {"no": 1, "seed": SEEDS[1], "kind": "K"})
    with pytest.raises(draw.WrongDraw, match="尚未全部揭示"):
        walk.do("coefficient_drawn", {"kind": "K", "value": POOL[0]})


def test_who_does_not_reveal_is_an_event_and_fresh_seeds_are_drawn(walk: Walk) -> None:
    walk.commit()
    walk.do(*LIST)
    head = walk.do(*DECRYPTED)
    walk.do("coefficient_revealed", {"no": 1, "seed": SEEDS[0], "kind": "K"})
    with pytest.raises(draw.WrongDraw):
        walk.do("coefficient_unrevealed", {"no": 1, "kind": "K"})
    walk.do("coefficient_unrevealed", {"no": 2, "kind": "K"})
    with pytest.raises(draw.WrongDraw, match="新的种子"):
        walk.do("coefficient_drawn", {"kind": "K", "value": POOL[0]})
    fresh = ("aa" * 32, "bb" * 32)
    walk.commit(fresh)
    for no in (1, 2):
        walk.do("coefficient_revealed", {"no": no, "seed": fresh[no - 1], "kind": "K"})
    walk.do("coefficient_drawn", {"kind": "K", "value": POOL[draw.drawn(fresh, head, 3)]})


def test_two_people_commit_not_one_twice(walk: Walk) -> None:
    first = {"no": 1, "seed_sha256": "1" * 64, "kind": "K", "pool": POOL}
    walk.do("coefficient_committed", first, "anna")
    for told, actor in (
        (first | {"no": 2, "seed_sha256": "2" * 64}, "anna"),
        (first | {"no": 2}, "bert"),
        (first | {"seed_sha256": "2" * 64}, "bert"),
        (first | {"no": 2, "seed_sha256": "2" * 64, "pool": POOL[:2]}, "bert"),
    ):
        with pytest.raises(draw.WrongDraw):
            walk.do("coefficient_committed", told, actor)


def test_candidates_of_a_floating_coefficient_are_numbers(walk: Walk) -> None:
    """What bids are multiplied by is a number; what else is drawn, as a method of evaluation, has words."""
    first = {"no": 1, "seed_sha256": "1" * 64, "pool": ["甲法", "乙法"]}
    with pytest.raises(ValidationError, match="甲法"):
        walk.do("coefficient_committed", first, "anna")
    walk.do("coefficient_committed", first | {"kind": "评标办法"}, "anna")
    walk.do("coefficient_committed", first | {"pool": ["0.955", "96.5%"]}, "anna")


# ── the reading and the record ───────────────────────────────────────────────


def test_an_objection_during_the_reading_does_not_end_it(walk: Walk) -> None:
    walk.do(*LIST)
    walk.do("decrypt_progress", {"done": 3, "total": 3})
    walk.read(1)
    walk.do("objection", {"no": 1, "content": "听不清"})
    walk.do("objection_answered", {"no": 1, "answer": "已重唱"})
    assert walk.stage() == "reading"
    with walk.ledger.read() as session:
        assert {"bid_read", "objection"} <= {step.kind for step in hosting.next_steps(session, "O1")}
    with pytest.raises(opening_record.NotComplete, match="2、3"):
        walk.do("record_confirmed", {"rows": 1})
    walk.read(2, 3)
    assert walk.stage() == "reading"
    walk.do("objection", {"no": 2, "content": "报价有误"})
    assert walk.stage() == "objection"


def test_objections_are_answered_or_kept_open_with_the_reason(walk: Walk) -> None:
    walk.do(*LIST)
    walk.do(*DECRYPTED)
    walk.read(1, 2)
    walk.do("objection", {"no": 1, "content": "报价有误"})
    with pytest.raises(opening_record.NotComplete, match="异议 1"):
        walk.do("record_confirmed", {"rows": 2})
    walk.do("record_confirmed", {"rows": 2, "kept_open": [{"no": 1, "reason": "须查阅原件"}]})
    walk.do("objection", {"no": 2, "content": "再问一次"})
    with pytest.raises(opening_record.NotComplete, match="异议 2"):
        walk.do("ended", {"result": "opened"})
    walk.do("objection_answered", {"no": 2, "answer": "见记录"})
    with pytest.raises(opening_record.NotComplete, match="重新确认"):
        walk.do("ended", {"result": "opened"})
    walk.do("record_confirmed", {"rows": 2})
    walk.do("ended", {"result": "opened"})


@pytest.mark.parametrize(
    ("failed", "read", "missing"),
    [
        (0, (1, 2), (3,)),
        (1, (1, 2), ()),
        (1, (1,), (2, 3)),
        (2, (1,), ()),
        (None, (1, 2), (3,)),
        (None, (1, 2, 3), ()),
    ],
)
def test_who_is_still_missing_in_the_record(
    walk: Walk, failed: int | None, read: tuple[int, ...], missing: tuple[int, ...]
) -> None:
    walk.do(*LIST)
    walk.do(
        "decrypt_progress", {"total": 3} | ({} if failed is None else {"done": 3 - failed, "failed": failed})
    )
    walk.read(*read)
    with walk.ledger.read() as session:
        lines = list_of(session, session.get_one(Opening, "O1"))
        left = opening_record.missing(opening_record.progress(session, "O1"), lines)
    assert left.undecided == missing and not left.unread


def test_a_corrected_reading_keeps_the_first(walk: Walk) -> None:
    walk.do(*LIST)
    walk.do(*DECRYPTED)
    walk.read(1)
    walk.do("bid_corrected", {**NAMES[0], "price": "99", "corrects": 4})
    with walk.ledger.read() as session:
        (row,) = opening_record.rows(session, "O1")
    assert (row["price"], row["corrects"], [first["price"] for first in row["before"]]) == ("99", 4, ["101"])
