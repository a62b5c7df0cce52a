"""Every kind of record: taken whole, put where it belongs, refused where it contradicts what is held."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingest.kinds.registry import KINDS, ROWS
from records.ledger import Ledger
from records.serving import signing
from records.tables.control_prices import ControlPriceCheck
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.intake import Journal, Parked, Reject
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection, TenderProject
from records.tables.projects import Lot
from records.tables.relations import Credit, Relation
from records.tables.society import Inspection, Opinion

from .conftest import DEADLINE, KEY, LATER, Send, count, envelope, market, rows, statuses

PERSON = "330106199001011234"

OTHERS: dict[str, dict[str, Any]] = {
    "expert": {"specialities": ["A08"], "employer": "city", "violations": [{"type": "late", "at": LATER}]},
    "relation": {"type": "position", "from": "o0", "to": "o1", "link": PERSON, "valid_from": "2020-01-01"},
    "credit": {"organisation": "o0", "system": "省信用评价", "period": "2026-04", "score": "88.5", "rank": 3,
               "deductions": [{"reason": "迟到", "points": "1.5"}]},
    "opinion": {"project": "p", "content": "请公开更多", "received_at": DEADLINE, "submitter": "王某",
                "contact": "13800000000", "public_text": "已答复", "answered_at": LATER},
    "inspection": {"on": "2026-05-07", "projects": ["p"], "problems": [{"project": "p", "problem": "未公示"}]},
    "notice": {"lot": "l0", "type": "tender", "title": "招标公告", "published_at": DEADLINE, "url": "https://example.cn/1"},
    "bid": {"lot": "l0", "bidder": "o0", "price": "980"},
    "deposit": {"lot": "l0", "bidder": "o0", "bid": "bid-1", "amount": "5"},
    "control_price": {"bid": "bid-1", "price": "980", "limit": "1000", "result": "normal"},
    "objection": {"lot": "l0", "stage": "candidates", "kind": "complaint", "raised_by": "李某", "content": "排名有误",
                  "raised_at": LATER, "answer": "驳回", "answered_at": LATER, "upheld": False},
    "opening": {"lot": "l0", "room": "hz-01", "scheduled_at": DEADLINE},
    "evaluation": {"lot": "l0", "mode": "remote", "tier": "cross_city", "secondary_sites": ["宁波"], "experts": 5,
                   "drawn_at": DEADLINE, "arrived": 4, "arrived_at": LATER, "bookings": [
                       {"site": "宁波", "place": "副场一室", "seats": 2, "starts_at": DEADLINE, "ends_at": LATER, "faults": ["recorder"]}]},
    "score": {"evaluation": "evaluation-1", "expert": "expert-1", "bid": "bid-1", "item": "施工组织",
              "score": "7.5", "full_marks": "10"},
    "fee": {"evaluation": "evaluation-1", "expert": "expert-1", "hours": "3.5", "amount": "600",
            "status": "failed", "reason": "mismatch", "grade": "good", "deductions": ["late"], "appraised_at": LATER},
    "award": {"lot": "l0", "bidder": "o0", "price": "980", "awarded_at": LATER},
    "contract": {"lot": "l0", "bidder": "o0", "signed_at": LATER, "value": "980",
                 "changes": [{"at": LATER, "value": "990.5", "reason": "增项"}]},
}  # fmt: skip
TABLES: dict[str, Any] = {
    "expert": Expert, "relation": Relation, "credit": Credit, "opinion": Opinion, "inspection": Inspection,
    "notice": Notice, "control_price": ControlPriceCheck, "objection": Objection, "evaluation": Evaluation,
    "score": Score, "fee": Fee, "contract": Contract, "deposit": Deposit, "award": Award, "opening": Opening,
}  # fmt: skip


def everything(division: str | None = "330106") -> list[dict[str, Any]]:
    """One record of every kind but events; the lot lies in `division`."""
    base = [dict(record) for record in market(1, 2)]
    base[-1] = envelope("lot", "l0", {**base[-1]["data"], "division_code": division})
    return [*base, *(envelope(kind, f"{kind}-1", data) for kind, data in OTHERS.items())]


def test_every_kind_is_taken_and_lies_in_its_table(ledger: Ledger, send: Send) -> None:
    assert {record["kind"] for record in everything()} == set(KINDS) - {"opening_event"}
    answers = send(*everything())
    assert [a for a in answers if a.status != "accepted"] == []
    assert count(ledger, Parked) == 0
    for kind, model in TABLES.items():
        assert [row.source for row in rows(ledger, model)] == ["hz"], kind
    held = rows(ledger, Score)[0]
    assert (held.score, held.full_marks, held.kind) == (Decimal("7.5"), 10, "subjective")
    assert rows(ledger, Credit)[0].deductions == [{"reason": "迟到", "points": "1.5"}]
    assert rows(ledger, Contract)[0].changes[0]["value"] == "990.5"
    assert rows(ledger, Inspection)[0].on == date(2026, 5, 7)
    assert rows(ledger, ControlPriceCheck)[0].lot_id == "l0"
    session = rows(ledger, Evaluation)[0]
    assert (session.arrived, session.bookings[0]["seats"], session.bookings[0]["faults"]) == (
        4,
        2,
        ["recorder"],
    )
    assert (rows(ledger, Fee)[0].grade, rows(ledger, Fee)[0].deductions) == ("good", ["late"])
    assert statuses(send(*everything())) == ["duplicate"] * len(everything())


def test_every_kind_may_come_before_what_it_refers_to(ledger: Ledger, send: Send) -> None:
    for record in reversed(everything()):
        assert send(record)[0].status == "accepted"
    assert count(ledger, Parked) == 0
    assert count(ledger, Score) == count(ledger, Fee) == count(ledger, ControlPriceCheck) == 1


@pytest.mark.parametrize(
    "kind", ["bid", "control_price", "objection", "evaluation", "score", "fee", "contract", "notice"]
)
def test_the_journal_names_the_lot_of_every_kind(kind: str, ledger: Ledger, send: Send) -> None:
    send(*everything())
    assert [row.lot_id for row in rows(ledger, Journal, Journal.kind == kind)] == ["l0"]


def test_the_division_comes_from_the_lot_and_follows_it(ledger: Ledger, send: Send) -> None:
    own = envelope("award", "own", {**OTHERS["award"], "division_code": "330200"})
    send(*everything(), own)
    by_lot = [
        t for k, t in TABLES.items() if k not in ("expert", "relation", "credit", "opinion", "inspection")
    ]
    where = {t.__tablename__: {row.division_code for row in rows(ledger, t)} for t in by_lot}
    assert where.pop("award") == {"330106", "330200"}
    assert set.union(*where.values()) == {"330106"}
    moved = {**everything()[-len(OTHERS) - 1]["data"], "division_code": "330110"}
    assert send(envelope("lot", "l0", moved, 2))[0].status == "accepted"
    where = {t.__tablename__: {row.division_code for row in rows(ledger, t)} for t in by_lot}
    assert where.pop("award") == {"330110", "330200"}, "what names a division of its own keeps it"
    assert set.union(*where.values()) == {"330110"}


def test_a_lot_brings_its_tender_project(ledger: Ledger, send: Send) -> None:
    lot = {"project": "p", "name": "x", "tenderer": "city", "tender_project": "tp", "organise_form": "entrusted",
           "unified_deal_code": "U1", "classify_code": "A01", "method": "selective"}  # fmt: skip
    send(*market(), envelope("lot", "x", lot), envelope("project", "q", {"name": "其他"}))
    held = rows(ledger, TenderProject)[0]
    assert (held.project_id, held.tenderer_id, held.method, held.organise_form) == (
        "p",
        "city",
        "selective",
        "entrusted",
    )
    placed = rows(ledger, Lot, Lot.id == "x")[0]
    assert (placed.tender_project_id, placed.unified_deal_code, placed.category) == ("tp", "U1", "A01")
    assert (
        send(envelope("lot", "y", {"project": "p", "name": "y", "tender_project": "tp"}))[0].status
        == "accepted"
    )
    assert rows(ledger, TenderProject)[0].organise_form == "entrusted"
    refused = send(envelope("lot", "z", {"project": "q", "name": "z", "tender_project": "tp"}))[0]
    assert (refused.status, refused.path) == ("rejected", "data.tender_project")


@pytest.mark.parametrize(
    ("kind", "change", "path"),
    [
        ("score", {"score": "11"}, "data.score"),
        ("score", {"bid": "elsewhere"}, "data.bid"),
        ("control_price", {"lot": "l1"}, "data.bid"),
        ("relation", {"type": "friendship"}, "data.type"),
        ("relation", {"ratio": "101"}, "data.ratio"),
        ("credit", {"period": "2026-13"}, "data.period"),
        ("notice", {"url": "javascript:alert(1)"}, "data.url"),
        ("expert", {"violations": [{"type": "late", "who": "x"}]}, "data.violations.0.who"),
        ("contract", {"changes": [{"value": "1"}]}, "data.changes.0.at"),
        ("opinion", {"content": ""}, "data.content"),
        ("fee", {"amount": "-1"}, "data.amount"),
    ],
)  # fmt: skip
def test_what_contradicts_is_refused_by_name(
    kind: str, change: dict[str, Any], path: str, send: Send
) -> None:
    elsewhere = envelope("bid", "elsewhere", {"lot": "l1", "bidder": "o0"})
    send(*everything(), *market(2)[-1:], elsewhere)
    refused = send(envelope(kind, "bad", {**OTHERS[kind], **change}))[0]
    assert (refused.status, refused.path) == ("rejected", path)


def test_personal_data_is_dropped_or_hashed_before_anything_is_kept(ledger: Ledger, send: Send) -> None:
    people = [
        envelope(
            "expert", "e1", {"name": "赵专家", "id_card": PERSON, "phone": "13900000000", "pool": "省库"}
        ),
        envelope("expert", "e2", {"EXPERT_NAME": "赵专家", "ID_CARD": PERSON, "IS_CHAIR_MAN": "1"}),
        envelope("opinion", "op", OTHERS["opinion"]),
        envelope("relation", "r", OTHERS["relation"]),
        envelope("expert", "bad", {"name": "赵专家", "nonsense": 1}),
        envelope("opinion", "bad", {**OTHERS["opinion"], "nonsense": 1}),
        envelope("relation", "bad", {**OTHERS["relation"], "nonsense": 1}),
    ]
    assert statuses(send(*market(), *people))[-7:] == ["accepted"] * 4 + ["rejected"] * 3
    kept = str([r.data for r in rows(ledger, Journal)]) + str([r.payload for r in rows(ledger, Reject)])
    for model in (Expert, Opinion, Relation):
        kept += str(
            [{c.key: getattr(r, c.key) for c in model.__table__.columns} for r in rows(ledger, model)]
        )
    assert not [word for word in ("赵专家", PERSON, "13900000000", "王某", "13800000000") if word in kept]
    assert rows(ledger, Relation)[0].link_hash == signing.keyed_hash(KEY, PERSON)


def test_a_blanked_value_cannot_come_back_as_if_it_were_the_value(send: Send) -> None:
    deposit = {"lot": "l0", "bidder": "o0", "amount": "5", "payer_account": "***"}
    assert send(*market(), envelope("deposit", "d", deposit))[-1].path == "data.payer_account"


def test_doubtful_codes_are_taken_with_a_note(ledger: Ledger, send: Send) -> None:
    fine, failing, nowhere = send(
        envelope("organisation", "91330100799655058B", {"name": "甲"}),
        envelope("organisation", "91350203M0001QAY9B", {"name": "乙"}),
        envelope("organisation", "x", {"name": "丙", "division_code": "990000"}),
    )
    assert not fine.doubts and "note" not in fine.as_dict()
    assert failing.status == nowhere.status == "accepted"
    assert "校验位" in failing.as_dict()["note"] and "99" in nowhere.as_dict("en")["note"]
    assert "check" in failing.as_dict("en")["note"] and "校验位" not in failing.as_dict("en")["note"]
    assert [r.uscc_valid for r in rows(ledger, Organisation, Organisation.uscc.is_not(None))].count(
        False
    ) == 1


def test_national_names_are_read_as_ours(ledger: Ledger, send: Send) -> None:
    lot = {"PROJECT_CODE": "p", "TENDER_PROJECT_CODE": "tp", "BID_SECTION_NAME": "国标", "UNIFIED_DEAL_CODE": "U",
           "TENDER_PROJECT_CLASSIFY_CODE": "A01", "PLATFORM_CODE": "x", "DATA_TIMESTAMP": "1"}  # fmt: skip
    award = {
        "BID_SECTION_CODE": "n",
        "BIDDER_ORG_CODE": "o0",
        "BIDDER_NAME": "公司0",
        "BIDDER_ROLE": "1",
        "BID_AMOUNT": "98.5",
    }
    credit = {"BIDDER_ORG_CODE": "o0", "SCORE": "90", "PROVINCE_RANK": 2, "system": "s", "period": "2026-01"}
    answers = send(
        *market(), envelope("lot", "n", lot), envelope("award", "a", award), envelope("credit", "c", credit)
    )
    assert set(statuses(answers)) == {"accepted"}
    placed = rows(ledger, Lot, Lot.id == "n")[0]
    assert (placed.tender_project_id, placed.unified_deal_code, placed.classify_code) == ("tp", "U", "A01")
    assert rows(ledger, Award)[0].price == 985_000
    assert rows(ledger, Credit)[0].rank == 2


def test_every_row_is_a_kind_or_comes_with_one() -> None:
    assert set(ROWS) == set(KINDS) - {"opening_event"} | {"tender_project"}
