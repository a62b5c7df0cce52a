"""The JSON of the rule switchboard: who may look and change, a dry run, two people, silences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import feeds
from records.clock import today
from records.ledger import Ledger
from records.states import append_event
from records.tables.users import User
from supervision.home import Place
from supervision.lens.writer import LensWriter
from supervision.warnings import desk as warnings
from tests.dashboard.live_market import raise_one, seed

Client = Callable[[str | None], TestClient]
WHY = "四家以下报价天然接近"


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Client]:
    seed(ledger)
    context.configure(DeskConfig(database_url=str(ledger.url), data_dir=tmp_path))
    LensWriter(ledger, tmp_path, Place()).start()
    app = Starlette(routes=feeds.routes)

    def client(role: str | None) -> TestClient:
        made = TestClient(app)
        if role is not None:
            with ledger.read() as session:
                made.cookies.set(gate.COOKIE, context.sessions().issue(session.get_one(User, role)))
        return made

    yield client
    feeds.end()


def rule(client: TestClient, rule_id: str = "B4") -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/rules/{rule_id}").json()
    return found


def change(client: TestClient, rule_id: str = "B4", **given: Any) -> Any:
    body = {"reason": WHY, "seen": 0, **given}
    return client.post(f"/api/rules/{rule_id}/changes", json=body)


def test_only_who_sees_names_looks_at_rules_or_changes_them(desk: Client) -> None:
    for role, status in ((None, 401), ("leader", 403), ("operator", 403)):
        client = desk(role)
        for address in ("/api/rules", "/api/rules/B4"):
            assert client.get(address).status_code == status
        for address in (
            "/api/rules/B4/try",
            "/api/rules/B4/changes",
            "/api/rules/B4/silences",
            "/api/rule-changes/1/agree",
        ):
            assert client.post(address, json={}).status_code == status
    elsewhere = {"origin": "http://elsewhere.example"}
    answer = desk("supervisor").post("/api/rules/B4/changes", json={"mode": "off"}, headers=elsewhere)
    assert answer.status_code == 403


def test_the_list_says_how_each_rule_runs_and_how_good_it_is(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        ids = [raise_one(session, n).id for n in range(3)]
        warnings.act(session, ids[0], "lead", "supervisor", "confirmed")
        warnings.act(session, ids[1], "dismiss", "supervisor", "not_confirmed")
        warnings.act(session, ids[2], "lead", "supervisor")  # nobody has judged it
    told = desk("supervisor").get("/api/rules").json()
    rules = {one["id"]: one for family in told["families"] for one in family["rules"]}
    assert len(rules) == sum(told["counts"].values()) and told["counts"]["shadow"] >= 9
    b4 = rules["B4"]
    assert b4["threshold"] == "≥ 2 家" and rules["B11"]["threshold"] == "前 2 %", "what decides, in its unit"
    assert rules["T1"]["threshold_told"].startswith("提升度不低于 2\n")
    assert (b4["mode"], b4["found"], b4["confirmed"], b4["judged"]) == ("on", 3, 1, 2)
    assert {one["id"] for one in told["centres"]} == {"c1", "c2"} and told["two"] is False


def test_a_change_takes_effect_and_is_told_with_its_old_and_new(desk: Client) -> None:
    client = desk("supervisor")
    assert change(client, parameters={"min_bidders": 3}, centres=["c1"]).status_code == 201
    held = rule(client)
    assert (held["version"], held["revision"], held["centres"]) == ("1.1", 1, ["c1"])
    (one,) = held["changes"]
    assert (one["asked_by"], one["reason"], one["state"]) == ("supervisor", WHY, "in_force")
    assert "2 → 3" in one["what"]
    assert change(client, mode="off").status_code == 409, "an older state was looked at"
    assert change(client, mode="loud", seen=1).status_code == 400
    assert change(client, parameters={"min_bidders": 99}, seen=1).status_code == 400
    assert change(client, mode="off", seen=1, reason="").status_code == 400
    assert change(client, mode="off", seen="1").status_code == 400
    assert change(client, "X9", mode="off").status_code == 404


def test_where_two_have_to_agree(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = replace(context.config(), rules_by_two=True)
    monkeypatch.setattr(context, "config", lambda: strict)
    first, second = desk("supervisor"), desk("admin")
    answer = change(first, mode="off")
    number = answer.json()["change"]
    assert answer.status_code == 202 and rule(first)["mode"] == "on"
    assert rule(second)["asked"]["reason"] == WHY
    assert first.post(f"/api/rule-changes/{number}/agree", json={}).status_code == 409
    assert second.post(f"/api/rule-changes/{number + 9}/agree", json={}).status_code == 404
    assert second.post(f"/api/rule-changes/{number}/agree", json={}).status_code == 200
    assert (rule(first)["mode"], rule(first)["asked"]) == ("off", None)


def test_a_dry_run_tells_both_and_keeps_nothing(desk: Client) -> None:
    client = desk("supervisor")
    for rule_id, parameters in (("B4", {"min_bidders": 3}), ("B11", {"cap": 0.05})):
        run = client.post(f"/api/rules/{rule_id}/try", json={"parameters": parameters}).json()
        assert len(run["months"]) == len(run["now"]["bars"]) == len(run["tried"]["bars"]) == 12
        assert run["now"]["findings"] == run["tried"]["findings"] == 0
    assert rule(client)["revision"] == 0
    assert client.post("/api/rules/B4/try", json={"parameters": {"min_bidders": 99}}).status_code == 400


def test_silences_begin_and_end(desk: Client) -> None:
    client = desk("supervisor")
    until = (today() + timedelta(days=3)).isoformat()
    given = {"centre": "c1", "until": until, "reason": "历史数据补录中"}
    number = client.post("/api/rules/B4/silences", json=given).json()["silence"]
    (one,) = rule(client)["silences"]
    assert (one["id"], one["where"], one["by"]) == (number, "余杭", "supervisor")
    assert client.post("/api/rules/B4/silences", json={**given, "until": "soon"}).status_code == 400
    assert client.post("/api/rules/B4/silences", json={**given, "centre": "x"}).status_code == 404
    again = client.post("/api/rules/B4/silences", json=given)
    assert again.status_code == 409 and given["until"] in again.json()["detail"]
    of_all = {"until": until, "reason": "历史数据补录中"}
    for sure, status in ((None, 400), ("yes", 400), (True, 200)):
        answer = client.post("/api/rules/B6/silences", json={**of_all, "everywhere": sure})
        assert answer.status_code == status, "a whole rule is silenced by nobody who does not say so"
    assert client.post(f"/api/silences/{number}/end", json={}).status_code == 200
    assert client.post(f"/api/silences/{number}/end", json={}).status_code == 404
    assert rule(client)["silences"] == []


def test_the_worst_lots_and_the_second_at_which_a_warning_shows(desk: Client, ledger: Ledger) -> None:
    client = desk("supervisor")
    with ledger.write() as session:
        raised = raise_one(session, 1).id
        names = [{"no": n, "name": f"B{n}"} for n in (1, 2, 3)]
        append_event(session, "O-L1", "bidders_published", {"count": 3, "bidders": names}, actor="host")
    (lot,) = client.get("/api/warnings/lots").json()["lots"]
    assert (lot["lot"], lot["red"], lot["yellow"]) == ("L1", 1, 0)
    assert len(client.get("/api/warnings?lot=L1").json()["items"]) == 1
    assert client.get("/api/warnings?lot=L2").json()["items"] == []
    shown = client.get(f"/api/warnings/{raised}").json()["shown"]
    assert shown["url"].startswith(f"{context.config().hub_url}/opening/O-L1?lang=zh#ts=")
    assert (shown["recorded"], shown["step"]) == (False, "公布名单")
    assert desk("leader").get("/api/warnings/lots").status_code == 403


def test_a_silence_on_the_last_day_of_the_calendar_is_refused(desk: Client) -> None:
    given = {"centre": "c1", "until": "9999-12-31", "reason": "历史数据补录中"}
    answer = desk("supervisor").post("/api/rules/B4/silences", json=given)
    assert answer.status_code == 400 and "365" in answer.text


def test_a_silence_about_a_lot_of_another_centre_is_refused_and_one_that_runs_says_where(
    desk: Client,
) -> None:
    client, until = desk("supervisor"), (today() + timedelta(days=3)).isoformat()
    given = {"lot": "L1", "centre": "c2", "until": until, "reason": "历史数据补录中"}
    refused = client.post("/api/rules/B4/silences", json=given)
    assert refused.status_code == 400 and "余杭" in refused.json()["detail"]
    assert client.post("/api/rules/B4/silences", json={**given, "centre": "c1"}).status_code == 200
    (one,) = rule(client)["silences"]
    assert one["where"].endswith(" · 余杭") and len(one["where"]) > 5, "the lot's name and its centre"


def test_the_reason_of_a_dismissal_stands_with_the_step_that_gave_it(desk: Client, ledger: Ledger) -> None:
    client = desk("supervisor")
    assert change(client, second_look=True).status_code == 201

    def reasons() -> list[str | None]:
        return [step["reason"] for step in client.get(f"/api/warnings/{raised}").json()["steps"]]

    with ledger.write() as session:
        raised = raise_one(session, 1).id
        warnings.act(session, raised, "dismiss", "supervisor", "indirect")
    assert reasons() == [None, "间接相关"], "whoever agrees reads it first"
    with ledger.write() as session:
        warnings.act(session, raised, "agree", "admin")
    assert reasons() == [None, "间接相关", None]
    with ledger.write() as session:
        again = raise_one(session, 2).id
    listed = {one["id"]: one for one in client.get("/api/warnings?state=all").json()["items"]}
    told = f"此前已判：间接相关，{today().isoformat()}"
    assert listed[again]["before"] == client.get(f"/api/warnings/{again}").json()["before"] == told
    assert listed[raised]["before"] is None
    answer = client.post(f"/api/warnings/{again}/act", json={"action": "accept"})
    assert answer.json()["before"] == told, "the line keeps it once it was dealt with"
