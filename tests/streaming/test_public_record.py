"""The record of openings that came as history, without events: shown once the law has it public, and no sooner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from records.clock import now
from records.ledger import Ledger
from tests.reading import read
from tests.streaming import history, hub_market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

YEAR_AGO = now() - timedelta(days=400)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A hub over either database; on PostgreSQL its role may read nothing but what is public."""
    sqlite = request.param == "sqlite"
    book = request.getfixturevalue("ledger") if sqlite else Ledger(request.getfixturevalue("postgres_url"))
    hub_market.rooms(book)
    app, media = hub_market.hub(book, tmp_path / "data")
    with TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)) as client:
        yield Rig(book, client, media, tmp_path / "data")
    if not sqlite:
        book.close()


def told(rig: Rig, key: str = "H1") -> list[dict[str, Any]]:
    answer = rig.get(f"/api/openings/KB-{key}/record")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["bids"])


def cells(html: str) -> list[list[str]]:
    """The record's table as a wide screen shows it; what only a phone shows below the price is left out."""
    html = re.sub(r'<small class="dd">[^<]*</small>', "", html)
    return read(html).all(id="record")[0].rows


def test_history_shows_bidders_prices_period_quality_limit_and_winner(rig: Rig) -> None:
    history.send(rig.ledger, *history.lot(YEAR_AGO), *history.award(YEAR_AGO))
    html = rig.get("/opening/KB-H1").text
    assert [row[:5] for row in cells(html)] == [
        ["1", "望潮示例建设1公司", "2,764.80", "481", "合格"],
        ["2", "望潮示例建设2公司", "2,750.236", "482", "合格"],
        ["3", "望潮示例建设3公司", "2,791.000055", "483", "合格"],
    ]
    assert "2,865.00 万元" in html, "the price ceiling"
    winner = html[html.index('id="award"') : html.index('id="record"')]
    assert "2,764.80 万元" in winner and "较限价低 3.50 %" in winner and "望潮示例建设2公司" in winner
    assert [(b["no"], b["price"]) for b in told(rig)] == [
        (1, "27648000"),
        (2, "27502360"),
        (3, "27910000.55"),
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_consortium_is_shown_with_its_members_wherever_its_lead_is(rig: Rig, lang: str) -> None:
    def joined(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for one in sent:
            if one["kind"] in ("bid", "award") and one["data"]["bidder"] == "B1":
                one["data"]["consortium"] = ["B9", "B8"]
        return sent

    firms = [
        history.envelope("organisation", f"B{n}", {"name": f"联营示例{n}公司"}, YEAR_AGO) for n in (8, 9)
    ]
    history.send(rig.ledger, *firms, *joined(history.lot(YEAR_AGO)), *joined(history.award(YEAR_AGO)))
    words = {
        "zh": "联合体成员：联营示例9公司、联营示例8公司",
        "en": "in a consortium with 联营示例9公司, 联营示例8公司",
    }[lang]
    until(lambda: rig.get("/opening/KB-H1").text.count("联营示例9公司"), 3)
    opening, project = (rig.get(f"{page}?lang={lang}").text for page in ("/opening/KB-H1", "/project/XM-H1"))
    assert opening.count(words) == 3, "the winner, the candidates, the record"
    assert project.count(words) == 3, "the sum, the winner, the candidates"
    assert [bid["members"] for bid in told(rig)] == [["联营示例9公司", "联营示例8公司"], [], []]


def test_a_masked_lot_names_no_member_of_a_consortium(rig: Rig) -> None:
    sent = history.lot(YEAR_AGO, prequalification=True)
    sent[-3]["data"]["consortium"] = ["B9"]
    firm = history.envelope("organisation", "B9", {"name": "联营示例9公司"}, YEAR_AGO)
    history.send(rig.ledger, firm, *sent)
    assert len(told(rig)) == 3 and all(bid["members"] == [] for bid in told(rig))
    assert "联营示例" not in rig.get("/opening/KB-H1").text


def test_bids_that_come_after_their_opening_are_shown_too_and_corrected_ones_anew(rig: Rig) -> None:
    base = history.lot(YEAR_AGO)
    history.send(rig.ledger, *base[:-3])
    assert told(rig) == []
    assert "尚未报送" in rig.get("/opening/KB-H1").text
    history.send(rig.ledger, *base[-3:])
    assert len(told(rig)) == 3
    history.send(rig.ledger, history.bid(YEAR_AGO, "H1", 2, "26000000", version=2))
    assert [b["price"] for b in told(rig)][1] == "26000000"


def test_what_was_withdrawn_is_not_told_and_what_could_not_be_decrypted_has_no_price(rig: Rig) -> None:
    history.send(
        rig.ledger, *history.lot(YEAR_AGO)[:-3], history.bid(YEAR_AGO, "H1", 1, "100", status="withdrawn"),
        history.bid(YEAR_AGO, "H1", 2, "27000000", decrypt_status="failed"), history.bid(YEAR_AGO, "H1", 3, "27500000"),
    )  # fmt: skip
    assert [(b["name"], b["price"]) for b in told(rig)] == [
        ("望潮示例建设2公司", None), ("望潮示例建设3公司", "27500000"),
    ]  # fmt: skip
    assert cells(rig.get("/opening/KB-H1").text)[0][5] == "解密失败，未唱标"


def test_a_price_of_the_past_that_counts_otherwise_is_not_held_against_the_ceiling(rig: Rig) -> None:
    history.send(
        rig.ledger,
        *history.lot(YEAR_AGO),
        history.bid(YEAR_AGO, "H1", 3, "30000000", vat="excluded", version=2),
    )
    assert [(bid["over"], bid["other_vat"]) for bid in told(rig)] == [
        (False, None),
        (False, None),
        (None, "excluded"),
    ]
    assert "3,000.00 不含税，不可比" in cells(rig.get("/opening/KB-H1").text)[2]


def test_prequalified_bidders_stay_masked(rig: Rig) -> None:
    history.send(rig.ledger, *history.lot(YEAR_AGO, prequalification=True))
    assert {b["name"] for b in told(rig)} == {"******"}
    assert "望潮" not in rig.get("/opening/KB-H1").text


@pytest.mark.parametrize("result", ["failed", "terminated"])
def test_an_opening_that_was_not_read_out_has_no_record(rig: Rig, result: str) -> None:
    records = history.lot(YEAR_AGO)
    opening = next(r for r in records if r["kind"] == "opening")
    opening["data"]["result"] = result
    history.send(rig.ledger, *records)
    page = rig.get("/opening/KB-H1").text
    assert "27648000" not in rig.get("/api/openings/KB-H1/record").text
    assert "2,764.80" not in page and "没有开标记录" in page


def test_a_record_told_in_error_goes_when_the_opening_is_corrected_to_failed(rig: Rig) -> None:
    records = history.lot(YEAR_AGO)
    history.send(rig.ledger, *records)
    assert len(told(rig)) == 3
    opening = next(r for r in records if r["kind"] == "opening")
    history.send(rig.ledger, {**opening, "version": 2, "data": {**opening["data"], "result": "failed"}})
    until(lambda: told(rig), [], seconds=10)
    assert "2,764.80" not in rig.get("/opening/KB-H1").text


def test_bids_of_a_lot_still_open_stay_secret_whatever_the_opening_says(rig: Rig) -> None:
    """A source that calls an opening ended before the deadline in force makes nothing public."""
    ahead = now() + timedelta(days=2)
    records = [r for r in history.lot(ahead) if r["kind"] != "opening"]
    history.send(rig.ledger, *records)
    early = history.envelope("opening", "KB-H1", {
        "lot": "BD-H1", "room": "hz-01", "scheduled_at": (now() - timedelta(hours=2)).isoformat(), "state": "ended",
        "result": "opened", "ended_at": (now() - timedelta(hours=1)).isoformat()}, now())  # fmt: skip
    from ingest.apply.envelopes import apply_batch

    apply_batch(rig.ledger, history.SOURCE, [early], key=b"k" * 32)
    for path in ("/opening/KB-H1", "/api/openings/KB-H1/record", "/api/openings/KB-H1", "/project/XM-H1"):
        text = rig.get(path).text
        assert "望潮" not in text and "27648000" not in text and "2,764.80" not in text, path


def test_the_bids_of_a_new_round_are_not_told_as_those_of_the_first(rig: Rig) -> None:
    """The lot is put out again: bids for the second round are sealed, the first round's record stands."""
    history.send(rig.ledger, *history.lot(YEAR_AGO))
    again = now() + timedelta(days=3)
    fresh = history.bid(
        again, "H1", 9, "1234567", bidder="B1", received_at=(now() - timedelta(hours=1)).isoformat()
    )
    lot = next(r for r in history.lot(again, version=2, status=None) if r["kind"] == "lot")
    history.send(rig.ledger, lot, fresh)
    assert len(told(rig)) == 3
    assert "1234567" not in rig.get("/api/openings/KB-H1/record").text
    assert "123.46" not in rig.get("/opening/KB-H1").text


def test_an_opening_with_events_keeps_the_record_of_its_feed(rig: Rig) -> None:
    hub_market.opening(rig.ledger)
    hub_market.begin(rig.ledger)
    hub_market.finish(rig.ledger)
    until(lambda: len(rig.get("/api/openings/O1/record").json().get("bids", [])), 3)
    assert all(b["read_at"] for b in rig.get("/api/openings/O1/record").json()["bids"])


def test_english_pages_of_history_have_words_for_every_code(rig: Rig) -> None:
    history.send(rig.ledger, *history.lot(YEAR_AGO), *history.award(YEAR_AGO))
    html = rig.get("/opening/KB-H1?lang=en").text
    assert {row[4] for row in cells(html)} == {"Pass"}
    assert [said for term, said in read(html).terms if said in ("施工", "Construction")] == ["Construction"]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_an_older_ledger_gets_its_records_with_the_upgrade(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Its history was taken in before anything told of it: stepping back and forth stands in for an old ledger."""
    from alembic import command

    from records.ledger import WRITE, _alembic

    sqlite = database == "sqlite"
    book = request.getfixturevalue("ledger") if sqlite else Ledger(request.getfixturevalue("postgres_url"))
    hub_market.rooms(book)
    history.send(book, *history.lot(YEAR_AGO), *history.award(YEAR_AGO))
    with book.engine.connect().execution_options(**{WRITE: True}) as connection:
        command.downgrade(_alembic(connection), "0003")
        connection.commit()
    book.upgrade()
    app, _ = hub_market.hub(book, tmp_path / "data")
    with TestClient(app, base_url="http://hub") as client:
        assert len(client.get("/api/openings/KB-H1/record").json()["bids"]) == 3
        assert "2,764.80 万元" in client.get("/project/XM-H1").text
    if not sqlite:
        book.close()


def test_the_project_page_tells_winner_price_candidates_and_its_own_address_in_words(rig: Rig) -> None:
    history.send(rig.ledger, *history.lot(YEAR_AGO), *history.award(YEAR_AGO))
    for lang, words in {
        "zh": (
            "已签约",
            "中标",
            "望潮示例建设1公司",
            "2,764.80 万元",
            "望潮示例建设2公司",
            "较限价低 3.50 %",
            "扫码打开本页",
        ),
        "en": (
            "Contract signed",
            "Winner",
            "CNY 27,648,000.00",
            "3.50 % below the ceiling",
            "Scan to open this page",
        ),
    }.items():
        page = read(rig.get(f"/project/XM-H1?lang={lang}").text)
        told = {one.name for one in page.elements()} | {page.text}
        for shown in words:
            assert any(shown in one for one in told), (lang, shown)
        assert not {"contracted", "awarded", "publicity", "works", "open"} & told, "raw codes"
        leading = [name for name, where in page.links if where.partition("?")[0] == "/opening/KB-H1"]
        assert any("KB-H1" in name for name in leading) and "BD-H1" in page.text


def test_candidates_are_shown_from_their_publicity_on_and_the_winner_from_the_award_on(rig: Rig) -> None:
    recent = now() - timedelta(days=4)
    history.send(rig.ledger, *history.lot(recent, status="publicity"), *history.award(recent, decided=False))
    page = rig.get("/project/XM-H1").text
    assert "中标候选人公示" in page and "望潮示例建设2公司" in page
    assert "中标人" not in page and "中标价" not in page
    yesterday = now() - timedelta(days=1)
    history.send(
        rig.ledger, *history.lot(yesterday, "H2", status="evaluating"), *history.award(yesterday, "H2")
    )
    assert "望潮示例建设2公司" not in rig.get("/project/XM-H2").text, "dates ahead: not yet public"


def test_the_qr_code_holds_the_address_of_the_page(rig: Rig) -> None:
    import segno

    history.send(rig.ledger, *history.lot(YEAR_AGO))
    page = rig.get("/project/XM-H1?lang=en").text
    path = re.search(r'<svg[^>]*>.*?<path[^>]* d="([^"]+)"', page[page.index('class="qr"') :], re.S)
    wanted = segno.make("http://hub/project/XM-H1?lang=en", error="m", micro=False).svg_inline(
        border=2, omitsize=True
    )
    assert path and f'd="{path[1]}"' in wanted
