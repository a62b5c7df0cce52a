"""The JSON of the leads screen: terms as they were asked for, a trial without names, the package that is handed on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import lead_routes
from dashboard.live import warnings as shapes
from records.clock import today
from records.ledger import Ledger
from records.tables.evaluation import Expert
from records.tables.organisations import Organisation
from records.tables.supervision import Warning
from records.tables.users import User
from tests.dashboard.live_market import raise_one, seed

HEAD = {"title": "文件生成设备相同（疑似）", "target": "police", "target_name": "示例公安局"}


@dataclass
class Desk:
    client: Callable[[str], TestClient]
    warning: str
    """A warning that became a lead, about B1 and B2."""

    def begun(self) -> dict[str, Any]:
        """A draft of it, put together by the supervisor."""
        given = {**HEAD, "warnings": [self.warning]}
        made: dict[str, Any] = self.client("supervisor").post("/api/leads", json=given).json()
        return made

    def act(self, batch: dict[str, Any], action: str, **given: Any) -> Any:
        """The supervisor's next step with it."""
        body = {"seen": batch["version"], "action": action, **given}
        return self.client("supervisor").post(f"/api/leads/{batch['id']}/act", json=body)

    def package(self, batch: dict[str, Any]) -> dict[str, str]:
        """What its package holds: file → text."""
        raw = self.client("supervisor").get(f"/api/leads/{batch['id']}/package.zip").content
        with zipfile.ZipFile(io.BytesIO(raw)) as zipped:
            found = {name: zipped.read(name) for name in zipped.namelist()}
        letter = pypdfium2.PdfDocument(found.pop("letter.pdf"))
        words = "".join(page.get_textpage().get_text_bounded() for page in letter)
        return {"letter.pdf": words, **{name: raw.decode() for name, raw in found.items()}}


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Desk]:
    seed(ledger)
    with ledger.write() as session:
        raised = raise_one(session, 1)
        raised.state, raised.handler = "lead", "supervisor"
        warning = raised.id
    context.configure(DeskConfig(database_url=str(ledger.url), data_dir=tmp_path, leads_by_two=False))
    app = Starlette(routes=lead_routes.routes)

    def client(role: str) -> TestClient:
        made = TestClient(app)
        with ledger.read() as session:
            made.cookies.set(gate.COOKIE, context.sessions().issue(session.get_one(User, role)))
        return made

    yield Desk(client, warning)


def test_the_term_is_the_day_that_was_asked_for_on_screen_in_the_list_and_in_the_letter(desk: Desk) -> None:
    approved = desk.act(desk.begun(), "submit").json()
    day = (today() + timedelta(days=20)).isoformat()
    sent = desk.act(approved, "transfer", due=day).json()
    assert sent["due_at"] == f"{day}T23:59:59.999+08:00"
    made = desk.package(sent)
    assert json.loads(made["leads.json"])["due_at"][:10] == day
    assert f"反馈期限 {day}" in " ".join(made["letter.pdf"].split())


@pytest.mark.parametrize("due", ["9999-12-31", "0001-01-01", "soon"])
def test_a_term_beyond_every_calendar_is_refused_and_says_what_is_possible(desk: Desk, due: str) -> None:
    approved = desk.act(desk.begun(), "submit").json()
    answer = desk.act(approved, "transfer", due=due)
    assert answer.status_code == 400 and "365" in answer.text


def test_a_trial_names_nobody_and_what_is_handed_on_names_all(desk: Desk, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.add(Expert(id="ZJ-000417", source="test"))
        held = session.get_one(Warning, desk.warning)
        held.subjects = [*held.subjects, {"kind": "expert", "id": "ZJ-000417"}]
        held.evidence = {**held.evidence, "expert": "ZJ-000417", "by": {"B3": 1}, "name": "第二建设有限公司"}
        session.get_one(Organisation, "B2").name = "第二建设有限公司"
    draft = desk.begun()
    trial = desk.package(draft)
    told = json.loads(trial["leads.json"])["leads"][0]["warnings"][0]
    assert [one["name"] for one in told["subjects"][1:3]] == ["投标人甲", "投标人乙"]
    assert (told["evidence"]["expert"], told["evidence"]["by"], told["evidence"]["name"]) == (
        "专家甲", {"—": 1}, "投标人乙",
    )  # fmt: skip
    for one in ("ZJ-000417", "第二建设有限公司", '"B1"', '"B2"', '"B3"'):
        assert one not in trial["leads.json"] + trial["letter.pdf"]
    assert "试导出，名称脱敏" in trial["letter.pdf"]
    sent = desk.act(desk.act(draft, "submit").json(), "transfer").json()
    handed = desk.package(sent)
    for text in (handed["leads.json"], handed["letter.pdf"]):
        assert "ZJ-000417" in text and "第二建设有限公司" in text and "名称脱敏" not in text


def test_an_empty_draft_offers_no_step_that_would_be_refused_and_says_why(desk: Desk) -> None:
    draft = desk.begun()
    client, address = desk.client("supervisor"), f"/api/leads/{draft['id']}"
    emptied = client.post(address, json={"seen": draft["version"], "drop": [desk.warning]}).json()
    submit, withdraw = emptied["actions"]
    assert (submit["id"], submit["allowed"], withdraw["allowed"]) == ("submit", False, True)
    assert submit["hint"] == f"批次 {draft['id']} 里没有线索"
    assert draft["actions"][0]["allowed"] is True


def test_a_lead_without_a_lot_is_called_in_the_readers_language(desk: Desk, ledger: Ledger) -> None:
    with ledger.write() as session:
        held = session.get_one(Warning, desk.warning)
        held.lot_id, held.title, held.title_en = None, "疑似围标", "Suspected ring"
    draft = desk.begun()
    assert draft["leads"][0]["title"] == "疑似围标"
    told = desk.client("supervisor").get(f"/api/leads/{draft['id']}?lang=en").json()
    assert told["leads"][0]["title"] == "Suspected ring"


def test_a_warning_that_became_a_lead_leads_on_to_its_batch(desk: Desk, ledger: Ledger) -> None:
    with ledger.read() as session:
        assert shapes.detail(session, desk.warning, "zh", names=False)["batch"] is None
    draft = desk.begun()
    with ledger.read() as session:
        assert shapes.detail(session, desk.warning, "zh", names=False)["batch"] == draft["id"]


def test_every_related_warning_is_listed_up_to_a_bound_that_is_told(desk: Desk, ledger: Ledger) -> None:
    with ledger.write() as session:
        others = {raise_one(session, number).id for number in range(2, 8)}
    with ledger.read() as session:
        told = shapes.detail(session, desk.warning, "zh", names=False)
    assert {one["id"] for one in told["related"]} == others and told["related_count"] == 6
