"""An opening told wrongly or held irregularly, tried at the intake's door: what cannot be true is refused with the
reason, what the law lets nobody do and happened all the same is kept with a note; the public record holds both readings
of a correction, both answers of an objection, and every price to the cent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from records import draw
from records.typesetting import typeset
from streaming.log import paper
from tests.reading import read
from tests.streaming.two_doors import (
    HOUR,
    MINUTE,
    Place,
    T,
    World,
    bid_secretly,
    bidders,
    lot,
    said,
    step,
    world,
)

SEEDS = ("01" * 32, "fe" * 32)
POOL = ["0.955", "0.960", "0.965"]
K = "浮动系数"


class Opening:
    """The opening of one world, its steps numbered as they are sent."""

    def __init__(self, one: World) -> None:
        self.one, self._numbers = one, count(1)

    def ok(self, kind: str, /, **payload: Any) -> str:
        """Send what must be taken; its note."""
        (answer,) = self.one.send(step(next(self._numbers), kind, **payload))
        assert answer["status"] == "accepted", answer
        return str(answer.get("note") or "")

    def no(self, kind: str, /, **payload: Any) -> str:
        """Send what must be refused; the reason."""
        answer = self.one.refuse(step(next(self._numbers), kind, **payload))
        assert answer["path"].startswith("data.payload"), answer
        return str(answer["reason"])

    def decrypt(self, listed: int = 3, failed: int = 0) -> None:
        assert self.ok("bidders_published", count=listed, bidders=bidders(listed)) == ""
        assert self.ok("decrypt_progress", done=listed - failed, failed=failed, total=listed) == ""

    def read(self, *numbers: int) -> list[str]:
        return [self.ok("bid_read", **bidders(no)[-1], price=f"90111{no}") for no in numbers]

    def reveal(self, seeds: tuple[str, str] = SEEDS) -> str:
        """Reveal both seeds; the value they give."""
        for no, seed in enumerate(seeds, start=1):
            self.ok("coefficient_revealed", no=no, seed=seed, kind=K)
        head = next(e["hash"] for e in self.one.events() if e["type"] == "decrypt_progress")
        joined = bytes.fromhex("".join(seeds) + head)
        return POOL[int(hashlib.sha256(joined).hexdigest(), 16) % len(POOL)]

    def commit(self, seeds: tuple[str, str] = SEEDS) -> None:
        for no, seed in enumerate(seeds, start=1):
            told = {"no": no, "seed_sha256": draw.commitment(seed), "kind": K, "pool": POOL}
            self.ok("coefficient_committed", **told)

    def record(self) -> dict[str, Any]:
        return dict(self.one.hub.get("/api/openings/O1/record").json())


@pytest.fixture
def told(place: Place, tmp_path: Path) -> Iterator[Opening]:
    with world(tmp_path / "one") as made:
        made.accept(lot(2, control_price="1000000"))
        yield Opening(made)


# ── the draw ─────────────────────────────────────────────────────────────────


def test_a_committed_draw_is_neither_chosen_nor_forgotten(told: Opening, place: Place) -> None:
    told.commit()
    place(T + MINUTE)
    told.decrypt()
    assert "尚未全部揭示" in told.no("coefficient_drawn", kind=K, value=POOL[0])
    for kind in ("第三系数", f"{K}二"):
        assert K in told.no("coefficient_drawn", kind=kind, value="0.99")
    assert all("尚未抽出即唱标" in note for note in told.read(1, 2, 3))
    assert "未揭示" in told.no("record_confirmed", rows=3)
    drawn = told.reveal()
    assert "候选值" in told.no("coefficient_drawn", kind=K, value=drawn, pool=[drawn, "0.99"])
    other = (POOL.index(drawn) + 1) % 3
    assert "复算" in told.no("coefficient_drawn", kind=K, value=POOL[other], pool=POOL, index=other)
    assert told.ok("coefficient_drawn", kind=K, value=drawn, pool=POOL, index=POOL.index(drawn)) == ""
    told.ok("record_confirmed", rows=3)
    told.ok("ended", result="opened")
    assert [one["value"] for one in told.record()["coefficients"]] == [drawn]


def test_a_draw_that_is_open_when_an_opening_breaks_off_is_said_to_have_lapsed(
    told: Opening, place: Place
) -> None:
    told.commit()
    place(T + MINUTE)
    told.decrypt()
    told.ok("ended", result="terminated", reason="停电")
    page = told.one.hub.get("/opening/O1").text
    assert f"{K}已承诺种子，至开标结束未抽出，该抽取作废" in page
    assert "has lapsed" in told.one.hub.get("/opening/O1?lang=en").text


def test_who_never_reveals_ends_in_a_draw_with_fresh_seeds(told: Opening, place: Place) -> None:
    told.commit()
    place(T + MINUTE)
    told.decrypt()
    told.read(1, 2, 3)
    told.ok("coefficient_unrevealed", no=1, kind=K)
    assert "新的种子" in told.no("coefficient_drawn", kind=K, value=POOL[0])
    assert "未揭示" in told.no("record_confirmed", rows=3)
    fresh = ("aa" * 32, "bb" * 32)
    told.commit(fresh)
    told.ok("coefficient_drawn", kind=K, value=told.reveal(fresh))
    told.ok("record_confirmed", rows=3)


def test_a_draw_committed_to_after_the_deadline_is_kept_with_a_note(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    for no, seed in enumerate(SEEDS, start=1):
        note = told.ok("coefficient_committed", no=no, seed_sha256=draw.commitment(seed), kind=K, pool=POOL)
        assert "截止之后" in note
    assert "截止之后" in told.one.hub.get("/opening/O1").text


def test_a_commitment_between_the_deadline_and_the_list_is_late_too(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    committed = {"no": 1, "seed_sha256": draw.commitment(SEEDS[0]), "kind": K, "pool": POOL}
    assert "截止之后" in told.ok("coefficient_committed", **committed)


def test_a_bid_that_is_not_read_as_its_file_says_is_kept_with_a_note(told: Opening, place: Place) -> None:
    for line in bid_secretly(3):
        if line["kind"] == "bid":
            decrypted = "failed" if line["key"] == "b3" else "success"
            told.one.accept({**line, "data": {**line["data"], "decrypt_status": decrypted}})
    place(T + MINUTE)
    told.decrypt(failed=1)
    assert "未读价" in told.ok("bid_read", **bidders(1)[-1])
    assert "称解密失败" in told.ok("bid_read", **bidders(2)[-1], price="902", remark="解密失败，不唱标")
    assert "却读了价格" in told.ok("bid_read", **bidders(3)[-1], price="903")


def test_a_value_outside_its_own_candidates_is_no_result(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    assert "7" in told.no("coefficient_drawn", kind="K", value="7", pool=["1", "2"])
    assert told.no("coefficient_drawn", kind="K", value="2", pool=["1", "2"], index=0)
    assert "承诺" in told.no("coefficient_drawn", kind="K", value="2", head="00" * 32)
    told.ok("coefficient_drawn", kind="K", value="2", pool=["1", "2"])
    assert "又抽一次" in told.ok("coefficient_drawn", kind="K", value="1", pool=["1", "2"])
    told.read(1)
    assert "已经唱出" in told.no("coefficient_drawn", kind="K2", value="1")


# ── references, counts and times ─────────────────────────────────────────────


def test_an_event_refers_to_what_is_there(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    told.read(1, 2, 3)
    feed = {event["type"]: event["seq"] for event in told.one.events()}
    for wrong in (999, feed["decrypt_progress"], feed["bid_read"]):  # the last one is of no. 3
        assert "不是这一家的唱标" in told.no(
            "bid_corrected", **bidders(2)[-1], price="902222", corrects=wrong
        )
    told.ok("bid_corrected", **bidders(2)[-1], price="902222")
    corrected = told.one.events()[-1]["payload"]["corrects"]
    assert told.one.events()[corrected - 1]["payload"]["no"] == 2
    assert "没有 7 号异议" in told.no("objection_answered", no=7, answer="x")
    assert "下一个编号是 1" in told.no("objection", no=500, content="跳号")
    told.ok("objection", no=1, content="要求核对")
    assert "没有 77 号异议" in told.no("record_confirmed", rows=3, kept_open=[{"no": 77, "reason": "x"}])
    told.ok("objection_answered", no=1, answer="答一")
    assert "已经答复" in told.no("record_confirmed", rows=3, kept_open=[{"no": 1, "reason": "x"}])


def test_counts_agree_with_the_list(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.ok("bidders_published", count=5, bidders=bidders(5))
    assert "应为 5" in told.no("decrypt_progress", done=3, total=3)
    told.ok("decrypt_progress", done=4, failed=1, total=5)
    assert "应为 4、5" in told.no("bid_read", **bidders(1)[-1], price="1", total=3)
    for number in (1, 2, 3, 4):
        told.ok("bid_read", **bidders(number)[-1], price="900000", total=4)
    assert "应为 4、5" in told.no("record_confirmed", rows=2)
    assert "多于" in told.no("record_confirmed", rows=4, signed=50)
    assert told.ok("record_confirmed", rows=4, signed=4) == ""
    assert "又确认一次" in told.ok("record_confirmed", rows=4, signed=4)


def test_an_opening_is_not_adjourned_until_the_past(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    assert "复会时间" in told.no("paused", reason="午休", until="2020-01-01T00:00:00+08:00")
    told.ok("paused", reason="午休", until=(T + timedelta(hours=1)).isoformat())


# ── irregular, but it happened ───────────────────────────────────────────────


def test_a_ceiling_other_than_the_published_one_is_kept_with_a_note(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    note = told.ok("control_price", amount="999999", normal=2, over=0)
    assert "999999" in note and "1000000" in note and "只有 2 家" in note
    assert told.ok("control_price", amount="1000000.00", normal=3, over=0) == ""


def test_an_opening_that_was_held_and_ends_as_failed_keeps_its_record(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    told.read(1, 2, 3)
    told.ok("objection", no=1, content="要求核对")
    note = told.ok("ended", result="failed")
    assert "3 家，却以流标结束" in note and "未答复" in note
    assert [bid["price"] for bid in told.record()["bids"]] == ["901111", "901112", "901113"]
    page = told.one.hub.get("/opening/O1").text
    assert "未唱标" not in page and "不足三家" not in page and "流标" in page
    assert "3 家，却以流标结束" in page and "异议 1 未答复即以流标结束" in page and "开标结束时未答复" in page
    project = told.one.hub.get("/project/P1").text
    assert "却以流标结束" in project and "开标异议 1 至开标结束未答复：要求核对" in project


def test_what_is_irregular_stands_on_the_public_page_and_no_name_that_nobody_has_published(
    told: Opening, place: Place
) -> None:
    told.one.accept(*bid_secretly(4))
    place(T + MINUTE)
    assert "示例建设第4公司" in told.ok("bidders_published", count=3, bidders=bidders(3))
    told.ok("decrypt_progress", done=3, failed=0, total=3)
    told.ok("control_price", amount="999999", normal=2, over=0)
    told.read(1, 2, 3)
    told.ok("bid_corrected", **bidders(1)[-1], price="0")
    assert "解密文件不一致" in told.ok("record_confirmed", rows=3)
    told.ok("ended", result="opened")
    for path in ("/opening/O1", "/project/P1"):
        page = told.one.hub.get(path).text
        for words in ("公布的 1000000 元不一致", "只有 2 家", "更正没有写明事由", "更正的报价 0 元"):
            assert words in page, (path, words)
        assert "缺少 1 家" in page and "1 号唱读" in page and "示例建设第4公司" not in page, path
    english = told.one.hub.get("/opening/O1?lang=en").text
    assert "1000000" in english and "the list leaves out 1 whose bids" in english and "no. 1 read" in english


def test_a_list_and_prices_other_than_the_bids_are_told_each_in_its_time_and_as_the_bids_stand_now(
    told: Opening, place: Place
) -> None:
    def page() -> str:
        return str(told.one.hub.get("/opening/O1").text)

    told.one.accept(*bid_secretly(3))
    place(T + MINUTE)
    listed = [*bidders(2), {"no": 3, "name": "凭空示例公司"}]
    told.ok("bidders_published", count=3, bidders=listed)
    assert "缺少 1 家" in page() and "有 1 家没有有效递交" in page()
    told.ok("decrypt_progress", done=3, total=3)
    told.read(1, 2)
    told.ok("bid_read", **listed[2], price="9")
    assert "投标记录不一致" not in page() and "（3 号）" not in page(), (
        "which, and what is in a file, waits for the record"
    )
    told.ok("record_confirmed", rows=3)
    assert all(
        words in page() for words in ("1 号唱读", "2 号唱读", "投标记录 0.0901", "（3 号）没有有效递交")
    )
    late = {"lot": "L1", "received_at": (T - HOUR).isoformat()}
    told.one.accept(said("bid", "b2", {**late, "bidder": "B2", "price": "901112"}, version=2))
    assert "1 号唱读" in page() and "2 号唱读" not in page(), "a bid that changes is told anew"
    told.one.accept(said("bid", "b4", {**late, "bidder": "B4"}))
    assert "缺少 2 家" in page(), "and one that reaches the ledger after the opening"
    found = {one["what"]: one for one in told.record()["against_bids"]}
    assert found["list_missing"]["count"] == 2 and found["list_others"]["numbers"] == [3]
    assert [number for number, *_ in found["other_price"]["prices"]] == [1]


def test_a_regular_opening_has_nothing_to_remark(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    told.read(1, 2, 3)
    told.ok("record_confirmed", rows=3)
    told.ok("ended", result="opened")
    assert 'id="remarks"' not in told.one.hub.get("/opening/O1").text
    assert told.record()["against_bids"] == []


def test_an_opening_of_too_few_says_so_on_its_page(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.ok("bidders_published", count=2, bidders=bidders(2))
    told.ok("decrypt_progress", done=2, failed=0, total=2)
    told.read(1, 2)
    page = told.one.hub.get("/opening/O1").text
    assert page.count("公布的投标人 2 家，少于 3 家，仍继续开标") == 1, "said once"


def test_an_opening_that_is_broken_off_says_why_wherever_it_is_told(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    told.read(1)
    told.ok("ended", result="terminated", reason="机房停电，另行通知")
    record, shown = told.record(), told.one.hub.get("/api/openings/O1").json()
    assert record["result_reason"] == shown["result_reason"] == "机房停电，另行通知"
    for path in ("/opening/O1", "/project/P1", "/opening/O1?lang=en"):
        assert "机房停电，另行通知" in told.one.hub.get(path).text, path
    assert ["事由", "机房停电，另行通知"] in paper.content(record, shown, [])["facts"]


def test_a_platform_that_breaks_an_opening_off_without_a_reason_is_told_so(
    told: Opening, place: Place
) -> None:
    place(T + MINUTE)
    told.decrypt()
    assert "没有写明事由" in told.ok("ended", result="terminated", reason=" ")


# ── the public record ────────────────────────────────────────────────────────


def test_page_record_and_paper_say_all_that_was_said(told: Opening, place: Place) -> None:
    place(T + MINUTE)
    told.decrypt()
    for number, price in ((1, "901111"), (2, "901149"), (3, "1000049")):
        told.ok("bid_read", **bidders(number)[-1], price=price, remark="联合体")
    told.ok("bid_corrected", **bidders(2)[-1], price="902222", reason="误读")
    told.ok("objection", no=1, content="要求核对")
    told.ok("objection_answered", no=1, answer="答一")
    told.ok("objection_answered", no=1, answer="答一改口")
    told.ok("objection", no=2, content="要求查原件")
    assert "待当场答复" in told.one.hub.get("/opening/O1").text
    told.ok("record_confirmed", rows=3, kept_open=[{"no": 2, "reason": "须查原件"}])
    told.ok("ended", result="opened")
    for path in ("/opening/O1", "/room/r1"):
        page = read(told.one.hub.get(path).text)
        if path.startswith("/room") and "90.1111" not in page.text:
            continue  # the room is free for the next one
        assert sorted(page.struck) == ["90.1149", "答一"], path
        assert "90.1111" in page.text and "答一改口" in page.text and "保留未答：须查原件" in page.text
        assert ["超限价" in " ".join(row) for row in page.rows if "100.0049" in " ".join(row)] == [True]
        assert sum("超限价" in " ".join(row) for row in page.rows) == 1
    english = told.one.hub.get("/opening/O1?lang=en").text
    assert "901,111.00" in english and "1,000,049.00" in english and "Kept open: 须查原件" in english
    assert "开标异议 2 未当场答复，保留（须查原件）：要求查原件" in told.one.hub.get("/project/P1").text
    record = told.record()
    assert [bid["over"] for bid in record["bids"]] == [False, False, True]
    assert record["objections"][0]["before"][0]["answer"] == "答一"
    opening = told.one.hub.get("/api/openings/O1").json()
    told_on_paper = paper.content(record, opening, [("浮动系数", "0.965")])
    first, struck, standing, over = told_on_paper["rows"]
    assert not first["struck"] and struck["struck"] and struck["cells"][2] == "90.1149 万元"
    assert standing["cells"][2] == "90.2222 万元" and "已更正" in standing["cells"][5]
    assert over["cells"][2] == "100.0049 万元" and over["cells"][5] == "超限价；联合体"
    assert told_on_paper["objections"][0]["old"] == ["答一"]
    assert told_on_paper["objections"][1]["text"] == "保留未答：须查原件"
    assert ["浮动系数", "0.965"] in told_on_paper["facts"] and ["结果", "已开标"] in told_on_paper["facts"]
    pdf = typeset(paper.TEMPLATE, "record", told_on_paper)
    assert pdf is None or pdf.startswith(b"%PDF")
