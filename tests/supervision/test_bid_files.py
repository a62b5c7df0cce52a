"""Bid files by reference: compared once their prices are read, each set once, raised as warnings; a bad reference is told."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.envelope import read
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import FileCheck
from records.tables.procedure import Notice
from records.tables.supervision import Warning
from supervision.quantities import measured, quantity, said, usual
from supervision.rules.baseline import UNKNOWN, Baselines
from supervision.warnings.file_loop import FileLoop
from tests.supervision.test_likeness import TEMPLATE, a_sheet, a_word_file, words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of four bidders: A and B wrote one text with the same slips, C's bill is B's taken up by 3 %."""
    made = tmp_path / "files"
    for firm in "ABCD":
        (made / firm).mkdir(parents=True)
    a_word_file(made / "tender.docx", TEMPLATE, "招标人")
    shared = words(1, 1200)
    slips = "".join("误" if n in (300, 900) else letter for n, letter in enumerate(TEMPLATE))
    a_word_file(made / "A" / "技术标.docx", slips + shared + words(2, 300), "甲某")
    a_word_file(made / "B" / "技术标.docx", slips + shared + words(3, 300), "乙某")
    for n, firm in enumerate("CD", 4):
        a_word_file(made / firm / "技术标.docx", TEMPLATE + words(n, 1500), f"{firm}某")
    prices = {f"项目{n}": 100.0 + 7 * n for n in range(20)}
    a_sheet(made / "B" / "清单.xlsx", prices)
    a_sheet(made / "C" / "清单.xlsx", {item: price * 1.03 for item, price in prices.items()})
    return made


def reference(folder: Path, path: str) -> dict[str, str]:
    return {"path": path, "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest()}


def with_files(market: Any, folder: Path, past: datetime) -> None:
    market.lot("L", past)
    market.put(
        Notice(
            id="N",
            lot_id="L",
            type="tender",
            title="招标公告",
            published_at=past,
            source="test",
            files=[{"path": "tender.docx"}],
        )
    )
    for n, firm in enumerate("ABCD"):
        files = [reference(folder, str(one.relative_to(folder))) for one in sorted((folder / firm).iterdir())]
        market.bid("L", firm, 1_000_000 + 12_345 * n * n, files=files)


def looked(ledger: Ledger, folder: Path, usual: Baselines = UNKNOWN) -> int:
    return FileLoop(ledger, folder, threading.Event()).tick(now(), usual)


def check(ledger: Ledger) -> FileCheck | None:
    with ledger.read() as session:
        return session.get(FileCheck, "L")


def test_files_are_compared_and_what_is_alike_becomes_a_warning(
    ledger: Ledger, market: Any, folder: Path, past: datetime
) -> None:
    with_files(market, folder, past)
    assert looked(ledger, folder, Baselines({("B9", ""): 0.0, ("B10", ""): 1.9})) == 1
    held = check(ledger)
    assert held is not None and (held.state, held.bidders, held.files, held.unread) == ("done", 4, 7, [])
    assert held.done == held.size > 0
    found = {(pair["one"], pair["other"]): pair for pair in held.pairs}
    assert found["A", "B"]["reasons"] == ["text", "errors"] and found["B", "C"]["reasons"] == ["ratio"]
    assert found["A", "B"]["passages"][0]["one"] == ["技术标.docx", 0] and len(found) == 2
    with ledger.read() as session:
        raised = {one.rule: one for one in session.scalars(select(Warning))}
    assert set(raised) == {"B9", "B10"} and raised["B9"].level == "red"
    at_ratio = found["B", "C"]["at_ratio"]
    bills = raised["B10"]
    assert bills.value == pytest.approx(at_ratio, abs=1e-4) and bills.threshold == 0.6 < bills.value
    what = measured("B10", bills.evidence)
    assert quantity(what, 1.0, "zh") == "同比例项 100 %" and usual(what, None, 0.6, "zh") == "警戒 60 %"
    assert said("B10", "cannot_know", bills.evidence) != said("B10", "cannot_know", {}), (
        "it does look at bills"
    )
    assert (raised["B9"].baseline, raised["B10"].baseline) == (0.0, None), (
        "ladders of prices are no yardstick of bills"
    )
    assert {s["id"] for s in raised["B9"].subjects} == {"L", "A", "B"}
    assert "正文雷同" in raised["B9"].title and "same slips" in raised["B9"].title_en
    assert looked(ledger, folder) == 0  # the same files are compared once


def test_other_files_of_a_bid_are_compared_anew(
    ledger: Ledger, market: Any, folder: Path, past: datetime
) -> None:
    with_files(market, folder, past)
    looked(ledger, folder)
    market.bid("L", "D", 1_200_000, files=[reference(folder, "A/技术标.docx")])
    assert looked(ledger, folder) == 1
    held = check(ledger)
    assert held is not None and ("A", "D") in {(pair["one"], pair["other"]) for pair in held.pairs}


def test_nothing_is_read_before_the_prices_are(
    ledger: Ledger, market: Any, folder: Path, future: datetime
) -> None:
    with_files(market, folder, future)
    assert looked(ledger, folder) == 0 and check(ledger) is None


def test_references_that_cannot_be_followed_are_told_and_the_rest_is_compared(
    ledger: Ledger, market: Any, folder: Path, past: datetime, tmp_path: Path
) -> None:
    with_files(market, folder, past)
    a_word_file(tmp_path / "secret.docx", "x", "y")
    (folder / "C" / "link.docx").symlink_to(tmp_path / "secret.docx")
    wrong = {"path": "D/技术标.docx", "sha256": "0" * 64}
    market.bid(
        "L", "C", 1, files=[{"path": "../secret.docx"}, {"path": "C/link.docx"}, {"path": "C/none.pdf"}]
    )
    market.bid("L", "D", 2, files=[wrong])
    looked(ledger, folder)
    held = check(ledger)
    assert held is not None
    assert sorted((one["path"], one["why"]["key"]) for one in held.unread) == [
        ("../secret.docx", "likeness.outside"),
        ("C/link.docx", "likeness.outside"),
        ("C/none.pdf", "likeness.not_there"),
        ("D/技术标.docx", "likeness.another_file"),
    ]
    assert [(pair["one"], pair["other"]) for pair in held.pairs] == [("A", "B")]


def test_a_bid_comes_with_its_files() -> None:
    sent = {
        "kind": "bid", "key": "b1", "version": 1, "occurred_at": "2026-05-06T08:00:00+08:00",
        "data": {"lot": "L", "bidder": "A", "files": [{"path": "A/技术标.docx"}]},
    }  # fmt: skip
    assert read(sent, "test", b"k" * 32).data.files[0].path == "A/技术标.docx"
