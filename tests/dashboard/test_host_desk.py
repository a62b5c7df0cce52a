"""The host's desk over its JSON addresses: who may do what, two who press at once, a lost answer, a draw, a re-tender."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.http import gate
from dashboard.live import api, host_desk, opening_record
from records import draw
from records.clock import BEIJING, now, rfc3339
from records.decimals import in_words
from records.ledger import Ledger
from records.legal_clock import days_between
from records.opening_checks import WrongTime
from records.public import rows as public
from records.states import append_event, verify_opening
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.tables.users import User
from tests.dashboard.live_market import BIDDERS, seed

Client = Callable[[str], TestClient]
SEEDS = ("0a" * 32, "b1" * 32)
POOL = ["0.955", "0.960", "0.965"]


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[Client]:
    seed(ledger)
    url = ledger.url.render_as_string(hide_password=False)
    context.configure(DeskConfig(database_url=url, data_dir=tmp_path))
    clients: list[TestClient] = []

    def client(role: str) -> TestClient:
        made = TestClient(Starlette(routes=api.routes))
        with ledger.read() as session:
            made.cookies.set(gate.COOKIE, context.sessions().issue(session.get_one(User, role)))
        clients.append(made)
        return made

    yield client
    context.ledger().close()


def state(client: TestClient, opening: str = "O-L1", after: int = 0) -> dict[str, Any]:
    answer = client.get(f"/api/openings/{opening}/desk?after={after}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def step(
    client: TestClient, kind: str, seen: int | None = None, opening: str = "O-L1", /, **payload: Any
) -> Any:
    """Take a step as the desk does: what the ledger knows of it, and what is given; seen is where the desk stands."""
    held = state(client, opening)
    told = {**held["steps"].get(kind, {}), **payload}
    body = {"kind": kind, "payload": told, "seen": held["seq"] if seen is None else seen}
    return client.post(f"/api/openings/{opening}/steps", json=body)


def begin(client: TestClient) -> None:
    for kind in ("bidders_published", "decrypt_progress"):
        assert step(client, kind).status_code == 200


def readings(ledger: Ledger) -> list[int]:
    query = select(OpeningEvent.payload).where(
        OpeningEvent.opening_id == "O-L1", OpeningEvent.type == "bid_read"
    )
    with ledger.read() as session:
        return [payload["no"] for payload in session.scalars(query.order_by(OpeningEvent.seq))]


def test_a_whole_opening_from_the_desk(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    assert set(state(host)["steps"]) == {"sign_in", "bidders_published", "ended"}
    begin(host)
    assert step(host, "control_price").status_code == 200
    for number in (1, 2, 3):
        held = state(host)
        assert held["steps"]["bid_read"]["no"] == number and held["upcoming"][0]["no"] == number
        assert {line["status"] for line in held["upcoming"]} == {"success"}, "all are told to be decrypted"
        assert "price" not in str(held["upcoming"]), "what is not read yet is no list of prices"
        assert step(host, "bid_read").status_code == 200
    assert step(host, "objection", content="听不清第二家").status_code == 200
    refused = step(host, "record_confirmed")
    assert refused.status_code == 409 and "异议 1" in refused.json()["detail"]
    assert state(host)["missing"]
    assert step(host, "objection_answered", answer="已重唱").status_code == 200
    assert step(host, "record_confirmed", signed=3).status_code == 200
    assert step(host, "ended", result="opened").status_code == 200
    assert state(host)["steps"] == {} and state(host)["events"][-1]["actor"] == "operator"
    with ledger.read() as session:
        assert verify_opening(session, "O-L1") is None


def test_who_may_host_and_who_may_only_look(desk: Client) -> None:
    supervisor = desk("supervisor")
    assert state(supervisor)["steps"] == {}
    assert step(supervisor, "bidders_published", count=0, bidders=[]).status_code == 403
    assert (
        supervisor.post("/api/openings/O-L1/retender", json={"deadline": rfc3339(now())}).status_code == 403
    )
    assert desk("operator").get("/api/openings/none/desk").status_code == 404
    host = desk("operator")
    for body in (
        {},
        {"kind": "bid_read", "payload": [], "seen": 1},
        {"kind": "bid_read", "payload": {}, "seen": "1"},
    ):
        assert host.post("/api/openings/O-L1/steps", json=body).status_code == 400
    ahead = step(host, "sign_in", 9999, count=3)
    assert ahead.status_code == 409 and "看到了第 9999 步" in ahead.json()["detail"]
    assert step(host, "sealed", head="0", segments=0).status_code == 400
    wrong = step(host, "objection", no=1, content="")
    assert wrong.status_code in (400, 409) and wrong.json()["detail"]


def test_a_price_that_the_file_has_is_read(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    for told in ({"price": None}, {"remark": "解密失败，不唱标"}):
        held = {**state(host)["steps"]["bid_read"], **told}
        body = {
            "kind": "bid_read",
            "payload": {k: v for k, v in held.items() if v is not None},
            "seen": state(host)["seq"],
        }
        refused = host.post("/api/openings/O-L1/steps", json=body)
        assert refused.status_code == 409 and "解密后的文件" in refused.json()["detail"]
    assert readings(ledger) == []


def test_how_many_have_signed_in_is_told_to_nobody_but_the_host_before_the_deadline(
    desk: Client, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(Lot, "L1").deadline = now() + timedelta(hours=1)
    host, supervisor = desk("operator"), desk("supervisor")
    assert step(host, "sign_in", count=7).status_code == 200
    held = state(supervisor)
    assert (held["seq"], held["state"], held["stage"], held["events"]) == (0, "scheduled", "waiting", [])
    assert state(host)["events"][-1]["payload"]["count"] == 7, "the host counts"


def test_two_who_press_at_once_move_one_bidder_on(desk: Client, ledger: Ledger) -> None:
    first, second = desk("operator"), desk("admin")
    begin(first)
    held = state(first)
    body = {"kind": "bid_read", "payload": held["steps"]["bid_read"], "seen": held["seq"]}
    answers: list[dict[str, Any]] = []

    def press(client: TestClient) -> None:
        answers.append(client.post("/api/openings/O-L1/steps", json=body).json())

    together = [threading.Thread(target=press, args=(one,)) for one in (first, second)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert {answer["seq"] for answer in answers} == {held["seq"] + 1}
    assert sorted(answer["already"] for answer in answers) == [False, True]
    assert readings(ledger) == [1]


def test_a_step_whose_answer_was_lost_is_sent_again_and_not_doubled(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    seen = state(host)["seq"]
    told = {"no": 1, "content": "听不清"}
    first = step(host, "objection", seen, **told).json()
    again = step(host, "objection", seen, **told).json()
    assert (again["seq"], again["already"]) == (first["seq"], True)
    other = step(desk("admin"), "objection", seen, no=1, content="另一件事")
    assert other.status_code == 409 and "operator" in other.json()["detail"]
    assert step(host, "objection", content="另一件事").status_code == 200, "looked at, then said"


def test_a_refusal_says_in_the_hosts_words_what_is_wrong_and_who_was_quicker(
    desk: Client, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(User, "operator").display_name = "王主持"
    host = desk("operator")
    said = [step(host, "record_confirmed", rows=3), step(host, "retender_", no=1)]
    said.append(step(host, "coefficient_committed", None, "O-L2", no=1, seed_sha256="0" * 64, pool=["0.955"]))
    begin(host)
    said += [
        step(host, "decrypt_progress", done=1, failed=0, total=2),
        step(host, "bid_corrected", no=1, name=BIDDERS[0]),
    ]
    seen = state(host)["seq"]
    assert step(host, "paused", seen, reason="午休").status_code == 200
    said.append(step(desk("admin"), "paused", seen, reason="设备检修"))
    words = [answer.json()["detail"] for answer in said]
    assert {answer.status_code for answer in said} <= {400, 409}
    assert (
        "王主持" in words[-1]
        and "确认开标记录" in words[0]
        and "候选值" in words[2]
        and "投标总数" in words[3]
    )
    told = " ".join(words)
    for inside in (
        "record_confirmed",
        "decrypt_progress",
        "in_progress",
        "bid_read",
        "pool",
        "total",
        "data.payload",
        "operator",
    ):
        assert inside not in told, told
    assert state(host)["events"][-1]["actor"] == "王主持"


def test_half_by_the_platform_and_half_by_the_desk_is_one_opening(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    with ledger.write() as session:
        append_event(
            session, "O-L1", "bid_read", {"no": 1, "name": BIDDERS[0], "price": "1900001"}, actor="platform"
        )
    assert state(host)["steps"]["bid_read"]["no"] == 2
    assert step(host, "bid_read").status_code == 200
    with ledger.write() as session:
        append_event(
            session, "O-L1", "bid_read", {"no": 3, "name": BIDDERS[2], "price": "1900003"}, actor="platform"
        )
    assert step(host, "record_confirmed").status_code == 200
    assert readings(ledger) == [1, 2, 3]


def test_a_price_without_vat_says_so_and_is_not_held_against_a_ceiling_with_it(
    desk: Client, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(Bid, "L1-2").vat = "excluded"
    host = desk("operator")
    begin(host)
    assert set(state(host)["steps"]["control_price"]) == {"amount"}, (
        "no count of prices that cannot be compared"
    )
    assert "remark" not in state(host)["steps"]["bid_read"]
    assert step(host, "bid_read").status_code == 200
    assert state(host)["steps"]["bid_read"]["remark"] == "不含税"
    with ledger.write() as session:  # a platform that does not say so: the ledger's bid does
        told = {"no": 2, "name": BIDDERS[1], "price": "1900002", "remark": "联合体"}
        assert (
            append_event(session, "O-L1", "bid_read", told, actor="platform").payload["remark"]
            == "联合体；不含税"
        )
    corrected = told | {"price": "1900003", "reason": "口误"}
    seen = state(host)["seq"]
    first, again = (step(host, "bid_corrected", seen, **corrected).json() for _ in range(2))
    assert first["seq"] == again["seq"] and again["already"], "the same correction, sent again"
    with ledger.read() as session:
        rows = opening_record.rows(session, "O-L1", "zh")
    assert [row["limit"] for row in rows] == ["正常", "含税口径不同，不可比"]


def test_what_a_platform_did_while_the_host_pressed_is_kept_behind_it(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    assert step(host, "bid_read").status_code == 200
    told = {"no": 2, "name": BIDDERS[1], "price": "1900002"}
    with ledger.write() as session:
        crossed = append_event(
            session, "O-L1", "bid_read", told, actor="platform", ts=now() - timedelta(seconds=5)
        )
        assert crossed.seq == state(host)["seq"] + 1
    told = {"no": 3, "name": BIDDERS[2], "price": "1900003"}
    with ledger.write() as session, pytest.raises(WrongTime):
        append_event(session, "O-L1", "bid_read", told, actor="platform", ts=now() - timedelta(minutes=2))
    with ledger.read() as session:
        assert verify_opening(session, "O-L1") is None


def test_a_wrong_price_stays_beside_its_correction(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    seq = step(host, "bid_read").json()["seq"]
    assert (
        step(
            host, "bid_corrected", no=1, name=BIDDERS[0], price="1900009", corrects=seq, reason="误读"
        ).status_code
        == 200
    )
    text = host.get("/api/openings/O-L1/record.csv?lang=zh").text
    assert "1,900,009.00" in text
    with ledger.read() as session:
        told = {e["type"]: e["payload"] for e in public.opening_events(session, "O-L1")}
    assert told["bid_read"]["price"] == "1900001" and told["bid_corrected"]["corrects"] == seq


def test_a_draw_by_two_at_their_own_desks(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        lot = session.get_one(Lot, "L1")
        due, lot.deadline = lot.deadline, now() + timedelta(minutes=5)
    people = (desk("operator"), desk("supervisor"))
    told = [
        {"no": no, "kind": "K", "pool": POOL, "seed_sha256": draw.commitment(SEEDS[no - 1])} for no in (1, 2)
    ]
    assert all(state(person)["may_commit"] for person in people)
    assert step(people[0], "coefficient_committed", **told[0]).status_code == 200
    alone = step(people[0], "coefficient_committed", **told[1])
    assert alone.status_code == 409 and "两个人" in alone.json()["detail"]
    assert step(people[1], "coefficient_committed", **told[1]).status_code == 200
    with ledger.write() as session:
        session.get_one(Lot, "L1").deadline = due
    late = step(people[0], "coefficient_committed", **(told[0] | {"kind": "K2"}))
    assert late.status_code == 409 and "截止" in late.json()["detail"]
    assert not re.search(r"\dT\d", late.json()["detail"]), "a time as people write it"
    assert not any(state(person)["may_commit"] for person in people), "what would be refused is not offered"
    begin(people[0])
    for no, person in enumerate(people, start=1):
        assert state(person)["draws"][0]["mine"] == no
        assert step(person, "coefficient_revealed", no=no, kind="K", seed=SEEDS[no - 1]).status_code == 200
    with ledger.read() as session:
        feed = list(public.opening_events(session, "O-L1"))
    head = next(e["hash"] for e in feed if e["type"] == "decrypt_progress")
    number = int(hashlib.sha256(bytes.fromhex("".join(SEEDS) + head)).hexdigest(), 16) % 3
    (drawn,) = [e["payload"] for e in feed if e["type"] == "coefficient_drawn"]
    assert (drawn["value"], drawn["index"], drawn["head"]) == (POOL[number], number, head)


def test_too_few_bidders_end_as_failed_and_the_lot_is_tendered_again(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.get_one(Bid, "L1-3").withdrawn_at = now() - timedelta(hours=2)
        session.get_one(Bid, "L1-3").status = "withdrawn"
    host = desk("operator")
    assert step(host, "bidders_published").status_code == 200
    assert state(host)["few"] is True
    too_soon = host.post(
        "/api/openings/O-L1/retender", json={"deadline": rfc3339(now() + timedelta(days=20))}
    )
    assert too_soon.status_code == 409
    assert step(host, "ended", result="failed").status_code == 200
    assert state(host)["retender"] is True
    for wrong in ("tomorrow", "2026-12-20T09:30:00"):
        assert host.post("/api/openings/O-L1/retender", json={"deadline": wrong}).status_code == 400
    early = rfc3339(now() + timedelta(days=19))
    refused = host.post("/api/openings/O-L1/retender", json={"deadline": early})
    first_day = state(host)["earliest_deadline"]
    assert first_day == (now() + timedelta(days=20)).astimezone(BEIJING).date().isoformat()
    assert refused.status_code == 409
    assert "招标投标法第 24 条" in refused.json()["detail"] and first_day in refused.json()["detail"]
    due = now() + timedelta(days=20)
    made = host.post("/api/openings/O-L1/retender", json={"deadline": rfc3339(due)}).json()["opening"]
    with ledger.read() as session:
        lot, opening = session.get_one(Lot, "L1"), session.get_one(Opening, made)
        assert (lot.status, lot.round, opening.state) == ("bidding", 2, "scheduled")
        assert days_between(lot.notice_at, lot.deadline) == 20, (
            "the days to bid are counted from the new documents"
        )  # type: ignore[arg-type]
        assert abs(opening.scheduled_at - due) < timedelta(seconds=1)
        shown = public.latest(session, "opening", made)
    assert shown is not None and shown["stage"] == "waiting"
    assert host.post("/api/openings/O-L1/retender", json={"deadline": rfc3339(due)}).status_code == 409


def test_a_lot_that_cannot_be_tendered_again_is_refused_in_words_alone(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.get_one(Bid, "L1-3").withdrawn_at = now() - timedelta(hours=2)
    host = desk("operator")
    assert step(host, "bidders_published").status_code == 200
    assert step(host, "ended", result="failed").status_code == 200
    with ledger.write() as session:
        session.get_one(Lot, "L1").status = "terminated"  # the platform's own word came first
    due = rfc3339(now() + timedelta(days=21))
    refused = host.post("/api/openings/O-L1/retender", json={"deadline": due}).json()["detail"]
    assert refused == "标段不能从“终止”变为“重新招标”"


def test_with_280_bidders_a_step_is_taken_at_once(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        for number in range(4, 281):
            session.add(Organisation(id=f"B{number}", name=f"示例第{number}建设公司", source="test"))
        session.flush()
        for number in range(4, 281):
            session.add(
                Bid(id=f"L1-{number}", lot_id="L1", bidder_id=f"B{number}", received_at=now() - timedelta(hours=2), price=Decimal(10**6 + number), decrypt_status="success", source="test")
            )  # fmt: skip
    host = desk("operator")
    begin(host)
    looks, steps = [], []
    for _ in range(12):
        start = time.perf_counter()
        held = state(host)
        looks.append(time.perf_counter() - start)
        body = {"kind": "bid_read", "payload": held["steps"]["bid_read"], "seen": held["seq"]}
        start = time.perf_counter()
        assert host.post("/api/openings/O-L1/steps", json=body).status_code == 200
        steps.append(time.perf_counter() - start)
    print(
        f"280 bidders: look {sorted(looks)[6] * 1e3:.0f} ms, step {sorted(steps)[6] * 1e3:.0f} ms (medians)"
    )
    assert sorted(steps)[6] < 0.5 and sorted(looks)[6] < 0.5


def test_the_voice_says_the_amount_or_that_there_is_none(
    desk: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = desk("operator")
    begin(host)
    assert host.get("/api/openings/O-L1/voice/1.wav").status_code == 404
    assert step(host, "bid_read").status_code == 200
    monkeypatch.setenv("PATH", str(tmp_path))
    silent = host.get("/api/openings/O-L1/voice/1.wav")
    assert silent.status_code == 501 and "espeak-ng" in silent.json()["detail"]
    program = tmp_path / host_desk.VOICE[0]
    program.write_text('#!/bin/sh\nfor last; do :; done\nprintf "RIFF%s" "$last"\n')
    program.chmod(0o755)
    spoken = host.get("/api/openings/O-L1/voice/1.wav")
    assert spoken.headers["content-type"] == "audio/wav"
    assert spoken.content.decode() == f"RIFF第1号，{BIDDERS[0]}。投标报价壹佰玖拾万零壹元整。"


@pytest.mark.parametrize(
    ("yuan", "words"),
    [
        ("275123600", "贰亿柒仟伍佰壹拾贰万叁仟陆佰元整"), ("0", "零元整"), ("1", "壹元整"), ("10", "壹拾元整"),
        ("100000001", "壹亿零壹元整"), ("10001000", "壹仟万壹仟元整"), ("20305.60", "贰万零叁佰零伍元陆角整"),
        ("1.05", "壹元零伍分"), ("0.5", "伍角整"), ("1900000.125", "壹佰玖拾万元壹角叁分"), ("100010000", "壹亿零壹万元整"),
    ],
)  # fmt: skip
def test_amounts_in_capital_numerals(yuan: str, words: str) -> None:
    assert in_words(Decimal(yuan)) == words


def test_a_reading_is_held_against_the_file(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    assert state(host)["filed"] == {}, "nothing is read yet"
    assert step(host, "bid_read", price="1900010").status_code == 200
    assert state(host)["filed"] == {"1": "1900001"}, "what the file says stands beside what was read"
    assert step(host, "bid_read").status_code == 200
    assert state(host)["filed"] == {"1": "1900001", "2": "1900002"}, "what differs stays to be seen"
    assert (
        step(host, "bid_corrected", no=1, name=BIDDERS[0], price="1900001", reason="误读").status_code == 200
    )
    assert state(host)["filed"] == {"2": "1900002"}, "corrected, it agrees"


def test_fewer_than_three_are_refused_with_the_way_out(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.get_one(Bid, "L1-3").withdrawn_at = now() - timedelta(hours=2)
    host = desk("operator")
    assert step(host, "bidders_published").status_code == 200
    held = state(host)
    assert held["few"] and held["failed_for_few"] and set(held["steps"]) == {"objection", "paused", "ended"}
    refused = step(host, "decrypt_progress", done=2, failed=0, total=2)
    assert refused.status_code == 409 and "重新招标" in refused.json()["detail"]
    assert step(host, "ended", result="failed").status_code == 200
    assert state(host)["retender"]
    deadline = rfc3339(now() + timedelta(days=21))
    assert host.post("/api/openings/O-L1/retender", json={"deadline": deadline}).status_code == 200
    assert state(host, "O-L1~2")["state"] == "scheduled"


def test_what_is_not_tendered_fails_only_with_a_reason(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        session.get_one(Lot, "L1").method = "direct"
    host = desk("operator")
    assert step(host, "bidders_published").status_code == 200
    assert state(host)["may_fail"] is True and state(host)["failed_for_few"] is False
    refused = step(host, "ended", result="failed")
    assert refused.status_code == 409 and "请写明因何流标" in refused.json()["detail"]
    with ledger.write() as session:
        append_event(session, "O-L1", "ended", {"result": "failed"}, actor="platform")
    assert "没有写明事由" in state(host)["irregular"][0]["words"], "a platform's is kept and marked"


def test_the_desk_refuses_what_nobody_may_do_with_the_way_out(desk: Client, ledger: Ledger) -> None:
    host = desk("operator")
    begin(host)
    for kind, payload, why in (
        ("ended", {"result": "failed"}, "中止"),
        ("ended", {"result": "terminated"}, "没有写明事由"),
        ("control_price", {"amount": "1"}, "招标文件"),
        ("coefficient_drawn", {"kind": "K", "value": "0.99", "pool": ["0.95", "0.96"]}, "0.99"),
        ("objection", {"no": 500, "content": "跳号"}, "下一个编号是 1"),
    ):
        refused = step(host, kind, **payload)
        assert refused.status_code in (400, 409) and why in refused.json()["detail"], kind
    assert state(host)["may_fail"] is False and state(host)["irregular"] == []
    assert step(host, "ended", result="terminated", reason="停电，另行通知").status_code == 200


def test_prices_wait_at_the_desk_for_a_draw_that_was_committed_to(desk: Client, ledger: Ledger) -> None:
    with ledger.write() as session:
        for no in (1, 2):
            told = {"no": no, "kind": "K", "pool": POOL, "seed_sha256": draw.commitment(SEEDS[no - 1])}
            append_event(session, "O-L1", "coefficient_committed", told, actor=f"person {no}")
    host = desk("operator")
    begin(host)
    held = state(host)
    assert held["undrawn"] == ["K"] and not {"bid_read", "coefficient_drawn"} & set(held["steps"])
    refused = step(host, "bid_read", no=1, name=BIDDERS[0], price="1")
    assert refused.status_code == 409 and "揭示种子" in refused.json()["detail"]
    for no in (1, 2):
        assert step(host, "coefficient_revealed", no=no, kind="K", seed=SEEDS[no - 1]).status_code == 200
    assert step(host, "bid_read").status_code == 200


def test_the_desk_shows_who_else_is_there_and_what_two_people_did(desk: Client, ledger: Ledger) -> None:
    host, second = desk("operator"), desk("admin")
    begin(host)
    assert state(host)["people"] == []
    state(second)
    assert state(host)["people"] == ["admin"] and state(second)["people"] == ["operator"]
    read = step(host, "bid_read").json()["seq"]
    alone = {"no": 1, "name": BIDDERS[0], "price": "1900009", "corrects": read, "reason": "误读"}
    assert step(host, "bid_corrected", **alone).status_code == 200
    assert state(host)["by_two"] == [], "who corrects their own reading is one person"
    assert step(second, "bid_corrected", **(alone | {"price": "1900008"})).status_code == 200
    assert step(host, "objection", content="听不清").status_code == 200
    assert step(second, "objection_answered", answer="已重唱").status_code == 200
    found = [(one["what"], one["first"], one["second"]) for one in state(host)["by_two"]]
    assert found == [("答复异议 1", "operator", "admin"), ("更正第 1 号读数", "operator", "admin")]


def test_todays_openings_of_a_host_are_those_of_the_room_and_those_they_sat_at(
    desk: Client, ledger: Ledger
) -> None:
    with ledger.write() as session:
        session.get_one(Opening, "O-L2").scheduled_at = now()
        session.get_one(Opening, "O-L2").room_id = None
    host, other = desk("operator"), desk("admin")
    assert [one["id"] for one in state(host)["mine"]] == ["O-L1"]
    state(host, "O-L2")
    assert [one["id"] for one in state(host)["mine"]] == ["O-L1", "O-L2"]
    assert [one["id"] for one in state(other)["mine"]] == ["O-L1"]
    assert state(desk("supervisor"))["mine"] == []
