"""The evidence of a warning as the desk tells it: amounts in the lot's currency, history counted back from the lot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import context
from dashboard.access.accounts import add_user
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import feeds
from ingest.imports.files import import_paths
from records.clock import running_from
from records.ledger import Ledger
from records.tables.users import User
from supervision.rules.baseline import UNKNOWN, measure_baselines
from supervision.warnings.lot_loop import HotLoop

NOW = datetime.fromisoformat("2026-11-20T10:00:00+08:00")
FIRMS = "ABCD"
LOTS = {
    # lot: (deadline, flags, who bid, who won)
    "long-before": ("2012-01-10", "", "AB", "A"),
    "before": ("2013-09-10", "", "ABC", "A"),
    "alone": ("2013-10-10", "", "A", "A"),
    "others-won": ("2014-03-10", "", "CDE", "E"),
    "rehearsed": ("2014-04-10", "rehearsal", "ABCD", "B"),
    "L": ("2014-06-10", "", "ABCD", ""),
    "after": ("2015-02-10", "", "ABCD", "C"),
}


def pack(folder: Path, currency: str, vat: str) -> Path:
    """A market of seven lots; the bids of L are a ladder, two of its deposits come from one account."""
    folder.mkdir()
    write(folder, "organisations", "key,name", *(f"{f},{f}公司" for f in "ABCDE"))
    write(folder, "projects", "key,name", *(f"P-{lot},{lot}" for lot in LOTS))
    write(folder, "lots", "key,project,name,deadline,status,currency,vat,flags",
          *(f"{lot},P-{lot},{lot},{day}T09:00:00+08:00,awarded,{currency},{vat},{flags}" for lot, (day, flags, *_) in LOTS.items()))  # fmt: skip
    write(folder, "openings", "key,lot,scheduled_at,ended_at,result",
          *(f"O-{lot},{lot},{day}T09:00:00+08:00,{day}T10:00:00+08:00,opened" for lot, (day, *_) in LOTS.items()))  # fmt: skip
    prices = {"L": (10_600_000, 10_650_000, 10_700_000, 10_750_000)}
    write(folder, "bids", "key,lot,bidder,price,vat,status",
          *(f"{lot}-{f},{lot},{f},{prices.get(lot, (7_000_000, 9_500_000, 9_600_000, 9_999_000))[n]},{vat},valid"
            for lot, (_, _, who, _) in LOTS.items() for n, f in enumerate(who)))  # fmt: skip
    write(folder, "awards", "key,lot,bidder,price,currency,vat,awarded_at",
          *(f"{lot},{lot},{won},7000000,{currency},{vat},{day}T18:00:00+08:00" for lot, (day, _, _, won) in LOTS.items() if won))  # fmt: skip
    write(folder, "deposits", "key,lot,bidder,amount,payer_account,received_at",
          *(f"D-{f},L,{f},200000,6222000011112222,2014-06-01T09:00:00+08:00" for f in "AB"))  # fmt: skip
    return folder


def write(folder: Path, kind: str, *lines: str) -> None:
    (folder / f"{kind}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def told(ledger: Ledger, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """The desk over that market after the watch has seen it, in the currency that the test names."""
    currency, vat = getattr(request, "param", ("JPY", "included"))
    with running_from(NOW):
        import_paths(ledger, [pack(tmp_path / "pack", currency, vat)], data_dir=tmp_path)
        loop = HotLoop(ledger, lambda: UNKNOWN)
        loop.resume()
        while loop.tick():
            pass
        context.configure(DeskConfig(str(ledger.url), tmp_path))
        with ledger.write() as session:
            add_user(session, "supervisor", "supervisor", "a long enough password")
        with TestClient(Starlette(routes=feeds.routes)) as client:
            with ledger.read() as session:
                cookie = context.sessions().issue(session.get_one(User, "supervisor"))
            client.cookies.set(gate.COOKIE, cookie)
            yield client
        feeds.end()
    context.ledger().close()


def warning(client: TestClient, rule: str, lang: str = "zh") -> dict[str, Any]:
    items = client.get("/api/warnings?state=all").json()["items"]
    found = next(item["id"] for item in items if item["rule"] == rule and item["lot"] == "L")
    answer: dict[str, Any] = client.get(f"/api/warnings/{found}?lang={lang}").json()
    return answer


def lines(detail: dict[str, Any]) -> str:
    return " | ".join(f"{line['text']} {line['detail']}" for line in detail["evidence"])


@pytest.mark.parametrize(
    ("told", "step", "low", "english"),
    [
        (("JPY", "included"), "约 5.00万 JPY", "1,060.00万 JPY — 1,075.00万 JPY", "about JPY 50.00 thousand"),
        (("BRL", "included"), "约 5.00万 BRL", "1,060.00万 BRL — 1,075.00万 BRL", "about BRL 50.00 thousand"),
        (("CNY", "included"), "约 5.00万元", "1,060.00万元 — 1,075.00万元", "about CNY 50.00 thousand"),
        (("CNY", "excluded"), "约 5.00万元（不含税）", "1,075.00万元（不含税）", "thousand excl. VAT"),
    ],
    indirect=["told"],
)
def test_prices_in_evidence_are_in_the_lots_currency(
    told: TestClient, step: str, low: str, english: str
) -> None:
    shown = lines(warning(told, "B10"))
    assert step in shown and low in shown
    assert english in lines(warning(told, "B10", "en"))
    if "JPY" in step or "BRL" in step:
        assert "元" not in shown and "CNY" not in lines(warning(told, "B10", "en"))


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        (("JPY", "included"), "金额相同：20.00万 JPY"),
        (("CNY", "excluded"), "金额相同：20.00万元 "),  # a deposit knows no tax
    ],
    indirect=["told"],
)
def test_deposits_in_evidence_are_in_the_lots_currency(told: TestClient, amount: str) -> None:
    found = warning(told, "B6")
    assert amount in lines(found)
    assert {box["detail"] for box in found["diagram"]["left"]} == {"保证金 06-01 09:00 到"}, (
        "not when the bid came"
    )


def test_what_they_did_together_is_counted_back_from_the_lot_and_without_rehearsals(told: TestClient) -> None:
    history = warning(told, "B10")["history"]
    assert history["to"].startswith("2014-06-10T") and history["from"].startswith("2012-06-10T")
    assert (history["n"], history["won"], history["met"]) == (2, 1, 1)
    assert [mark["at"][:10] for mark in history["marks"]] == ["2013-09-10", "2014-03-10"]
    of_two = warning(told, "B6")["history"]  # A and B only: they met once
    assert (of_two["n"], of_two["won"]) == (1, 1)


def test_rehearsals_are_in_no_baseline(told: TestClient, ledger: Ledger, tmp_path: Path) -> None:
    """Twenty rehearsals in a ladder do not make a ladder usual."""
    folder, keys = tmp_path / "more", [f"R{n}" for n in range(20)]
    folder.mkdir()
    write(folder, "projects", "key,name", *(f"P-{k},{k}" for k in keys))
    write(folder, "lots", "key,project,name,deadline,status,flags",
          *(f"{k},P-{k},{k},2026-11-01T09:00:00+08:00,awarded,rehearsal" for k in keys))  # fmt: skip
    write(folder, "bids", "key,lot,bidder,price,status",
          *(f"{k}-{f},{k},{f},{1_000_000 + 1000 * n},valid" for k in keys for n, f in enumerate(FIRMS)))  # fmt: skip
    import_paths(ledger, [folder], data_dir=tmp_path)
    assert measure_baselines(ledger).usual == {}
