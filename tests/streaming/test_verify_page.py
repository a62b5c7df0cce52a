"""`/verify` answers whoever asks with the number they have, without a script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import PublicEvent
from records.tables.openings import Opening
from tests.reading import read
from tests.streaming import history
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until


@pytest.fixture
def told(rig: Rig) -> Rig:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    for number in ("O1", "P-O1"):  # the register of projects fills by itself
        until(
            lambda at=number: "共 8 步，全部一致" in rig.get(f"/verify?opening={at}").text, True, seconds=10
        )
    return rig


@pytest.mark.parametrize("number", ["O1", "L-O1", "P-O1", " o1 ", "l-o1", "ｐ-Ｏ１"])
def test_opening_lot_and_project_numbers_serve_alike(told: Rig, number: str) -> None:
    page = (
        told.get("/verify").text
        if not number
        else told.client.get("/verify", params={"opening": number}).text
    )
    assert "共 8 步，全部一致" in page
    head = told.get("/api/openings/O1/record").json()["chain"]["hash"]
    assert head in page, "the fingerprint to compare with"
    assert [row[0] for row in read(page).rows if row[0].isdigit()] == [str(n) for n in range(1, 9)]
    assert "All 8 steps agree" in told.client.get("/verify", params={"opening": number, "lang": "en"}).text


def test_a_number_of_several_openings_offers_each(told: Rig) -> None:
    from records import states

    with told.ledger.write() as session:
        again = Opening(
            id="O1-2", lot_id="L-O1", room_id="hz-02", scheduled_at=now() + timedelta(days=3), source="test"
        )
        states.new_opening(session, again)
    until(lambda: "2 场开标" in told.get("/verify?opening=P-O1").text, True, seconds=10)
    page = read(told.get("/verify?opening=L-O1").text)
    assert {"/verify?opening=O1", "/verify?opening=O1-2"} <= {*page.targets}
    assert page.announced() == [], "nothing is judged yet"


def test_an_unknown_number_says_what_to_do(rig: Rig) -> None:
    page = read(rig.get("/verify?opening=KB-9").text)
    assert any("没有这场开标" in one for one in page.announced()) and "/?q=KB-9" in page.targets
    assert "没有这场开标" not in read(rig.get("/verify").text).text


def test_history_without_events_says_that_there_is_nothing_to_check(rig: Rig) -> None:
    history.send(rig.ledger, *history.lot(now() - timedelta(days=90)))
    page = rig.get("/verify?opening=KB-H1").text
    assert "历史导入的开标没有逐条过程记录" in page and "全部一致" not in page


def test_a_step_that_was_changed_is_named(ledger: Ledger, tmp_path: Path) -> None:
    market.rooms(ledger)
    market.opening(ledger)
    market.begin(ledger)
    market.finish(ledger)
    with ledger.write() as session:
        row = session.query(PublicEvent).filter_by(topic="opening_event", subject="O1", position=5).one()
        changed = {**row.payload, "payload": {**row.payload["payload"], "price": "1.00"}}
        session.execute(update(PublicEvent).where(PublicEvent.seq == row.seq).values(payload=changed))
    app, _ = market.hub(ledger, tmp_path / "data")
    with TestClient(app, base_url="http://hub") as client:
        page = client.get("/verify?opening=L-O1").text
    assert "第 5 步不一致" in page and "全部一致" not in page and "✗" in page


def test_the_pages_that_lead_here_print_the_numbers(told: Rig) -> None:
    for path, number in (("/opening/O1", "O1"), ("/project/P-O1", "P-O1"), ("/room/hz-01", "O1")):
        page = read(told.get(path).text)
        assert f"/verify?opening={number}" in page.targets, path
        text = page.text
        for shown in ("O1", "L-O1", "P-O1") if path != "/room/hz-01" else ("L-O1", "P-O1"):
            assert shown in text, (path, shown)
