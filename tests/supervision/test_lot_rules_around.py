"""Lot rules that look at what surrounds the bids: worked examples, and the same from a ledger's own records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.relations import Relation
from supervision.home import NOWHERE
from supervision.likeness.formats import _origin
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding
from supervision.rules.registry import LOT_RULES
from supervision.rules.scan import lens_of_now, scan
from supervision.rules.surroundings import (
    AwardFact,
    ContractFact,
    PanelFact,
    Surroundings,
    Tie,
    load_surroundings,
)
from tests.supervision.test_rules import bid, facts

DEADLINE = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
"""09:00 in Beijing."""
DAY = timedelta(days=1)


def award(bidder: str = "F1", price: str | None = "100", **more: Any) -> AwardFact:
    usual = dict.fromkeys(("awarded_at", "publicity_from", "publicity_until", "received_at", "established"))
    return AwardFact(bidder_id=bidder, price=None if price is None else Decimal(price), **{**usual, **more})


def lot(*bids: Any, **around: Any) -> LotFacts:
    return replace(
        facts(*bids),
        deadline=DEADLINE,
        around=Surroundings(**{"tenderer_id": "T", "agency_id": "A", **around}),
    )


def found(rule: str, given: LotFacts, **settings: float) -> list[Finding]:
    return LOT_RULES[rule].evaluate(given, settings)


def named(finding: Finding) -> set[str]:
    return {subject.id for subject in finding.subjects if subject.kind == "bidder"}


# ── what came of a lot ───────────────────────────────────────────────────────


def test_t5_all_others_rejected() -> None:
    rejected = [bid(n, str(90 + n), status="disqualified") for n in (2, 3)]
    (one,) = found("T5", lot(bid(1, "100"), *rejected, award=award()))
    assert (one.value, one.threshold, named(one)) == (2.0, 2.0, {"F1"})
    assert found("T5", lot(bid(1, "100"), rejected[0], award=award())) == [], (
        "one rejected bid is below the threshold"
    )
    assert found("T5", lot(bid(1, "100"), bid(4, "120"), *rejected, award=award())) == [], "another was valid"
    assert found("T5", lot(bid(1, "100"), *rejected)) == [], "nothing is awarded yet"


def test_t7_the_lowest_bid_was_rejected() -> None:
    bids = (bid(1, "100"), bid(2, "80", status="disqualified"), bid(3, "110"))
    (one,) = found("T7", lot(*bids, award=award(price="100")))
    assert one.value == 0.25 and named(one) == {"F1"}
    assert found("T7", lot(bid(1, "80"), bid(2, "100", status="disqualified"), award=award(price="80"))) == []
    assert LOT_RULES["T7"].mode == "shadow"


@pytest.mark.parametrize(("minutes", "level"), [(0, None), (60, None), (61, "yellow"), (-30, "orange")])
def test_t9_opened_at_another_time(minutes: int, level: str | None) -> None:
    told = found("T9", lot(bid(1), opened_at=DEADLINE + timedelta(minutes=minutes)))
    assert [one.level for one in told] == ([level] if level else [])


def test_t12_a_late_bid_won() -> None:
    (one,) = found("T12", lot(bid(2), award=award(received_at=DEADLINE + timedelta(seconds=90))))
    assert one.value == 1.5 and one.level == "red"
    assert found("T12", lot(bid(1), award=award(received_at=DEADLINE))) == []


def test_t16_the_contract_grew() -> None:
    (one,) = found("T16", lot(award=award(), contracts=(ContractFact("F1", Decimal(130), 0, ()),)))
    assert (one.value, one.threshold) == (1.3, 1.2)
    (often,) = found("T16", lot(award=award(), contracts=(ContractFact("F1", Decimal(100), 3, ()),)))
    assert (often.value, often.threshold) == (3.0, 3.0)
    assert found("T16", lot(award=award(), contracts=(ContractFact("F1", Decimal(120), 2, ()),))) == []
    assert found("T16", lot(award=award(), contracts=(ContractFact("F1", None, 0, ()),))) == [], (
        "in another currency"
    )


def test_o5_a_new_firm_won_a_large_lot() -> None:
    young = award(price="5000000", established=date(2026, 9, 1))
    (one,) = found("O5", lot(award=young))
    assert one.value == 81.0 and named(one) == {"F1"}
    assert found("O5", lot(award=young._replace(price=Decimal(10_000)))) == []
    assert found("O5", lot(award=young._replace(established=date(2020, 1, 1)))) == []


def test_o7_complaints_were_upheld() -> None:
    (one,) = found("O7", lot(upheld=(DEADLINE - 40 * DAY, DEADLINE)))
    assert one.value == 2.0
    assert found("O7", lot(upheld=(DEADLINE,))) == []


@pytest.mark.parametrize(("days", "fires"), [(2, True), (3, False), (120, False), (121, True)])
def test_o8_days_to_the_award(days: int, fires: bool) -> None:
    given = lot(award=award(awarded_at=DEADLINE + days * DAY))
    assert bool(found("O8", given)) is fires
    assert found("O8", replace(given, method="direct")) == []


def test_o8_one_date_for_the_opening_and_the_award_tells_no_days() -> None:
    (same_day,) = found("O8", lot(award=award(awarded_at=DEADLINE + timedelta(hours=2))))
    assert same_day.value == 0.0
    assert found("O8", lot(award=award(awarded_at=DEADLINE))) == []


def test_o10_publicity_of_candidates() -> None:
    begin = DEADLINE + DAY

    def public(days: float) -> LotFacts:
        return lot(award=award(publicity_from=begin, publicity_until=begin + days * DAY))

    (one,) = found("O10", public(2))
    assert one.value == 2.0
    assert found("O10", public(3)) == [] and found("O10", public(3 - 1 / 86400)) == [], (
        "until 23:59:59 is until midnight"
    )
    none = lot(award=award(awarded_at=begin), noticed=True)
    assert [one.value for one in found("O10", none)] == [0.0]
    assert found("O10", lot(award=award(awarded_at=begin), noticed=True, results_noticed=True)) == []
    assert found("O10", lot(award=award(awarded_at=begin))) == [], (
        "a source that sends no notices says nothing"
    )


def test_b20_a_loser_became_subcontractor() -> None:
    contract = ContractFact("F1", None, 0, ("F2", "X"))
    (one,) = found("B20", lot(bid(1), bid(2), award=award(), contracts=(contract,)))
    assert named(one) == {"F1", "F2"} and one.value == 1.0
    assert found("B20", lot(bid(1), award=award(), contracts=(contract,))) == []


# ── the panel ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expert", "level"),
    [
        (PanelFact("E1", "F1", ()), "red"),
        (PanelFact("E1", "X", ("F1", "Y")), "orange"),
        (PanelFact("E1", "X", (), (Tie("X", "F1", ("control",), None, None),)), "orange"),
        (PanelFact("E1", "X", (), (Tie("X", "F1", ("shareholding",), Decimal(25), None),)), "orange"),
        (PanelFact("E1", "X", (), (Tie("X", "F1", ("shareholding",), Decimal(24), None),)), None),
        (PanelFact("E1", "X", (), (Tie("X", "F1", ("phone",), None, None),)), None),
        (PanelFact("E1", "X", ("F9",)), None),
    ],
)
def test_e9_an_expert_tied_to_a_bidder(expert: PanelFact, level: str | None) -> None:
    told = found("E9", lot(bid(1), bid(2), award=award(), panel=(expert, PanelFact("E2", "Z", ()))))
    assert [one.level for one in told] == ([level] if level else [])
    for one in told:
        assert [(s.kind, s.id) for s in one.subjects] == [("lot", "L1"), ("expert", "E1"), ("bidder", "F1")]


# ── who the parties are to each other ────────────────────────────────────────


def tie(one: str, other: str, *types: str, share: int | None = None, through: str | None = None) -> Tie:
    return Tie(one, other, types, None if share is None else Decimal(share), through)


def test_t4_related_to_who_invites() -> None:
    ties = (tie("T", "F1", "kinship"), tie("A", "F2", "shareholding", share=10), tie("F1", "F2", "control"))
    (one,) = found("T4", lot(bid(1), bid(2), ties=ties))
    assert named(one) == {"F1"}, (
        "ten per cent are too little, and bidders among themselves are another rule's"
    )
    assert named(found("T4", lot(bid(1), bid(2), ties=ties), share_held=10)[0]) == {"F1", "F2"}


@pytest.mark.parametrize(
    ("held", "fires"),
    [
        (tie("F1", "F2", "control"), True),
        (tie("F1", "F2", "legal_rep"), True),
        (tie("F1", "F2", "shareholding", share=50), True),
        (tie("F1", "F2", "shareholding", share=49), False),
        (tie("F1", "F2", "control", through="H"), True),
        (tie("F1", "F2", "control", "phone", through="H"), False),
        (tie("F1", "F2", "phone"), False),
        (tie("T", "F2", "control"), False),
    ],
)
def test_b16_one_control(held: Tie, fires: bool) -> None:
    told = found("B16", lot(bid(1), bid(2), ties=(held,)))
    assert [named(one) for one in told] == ([{"F1", "F2"}] if fires else [])


@pytest.mark.parametrize(("rule", "field"), [("B7", "manager"), ("B8", "author")])
def test_b7_b8_one_name_in_several_bids(rule: str, field: str) -> None:
    (one,) = found(
        rule, lot(bid(1, **{field: "王 建国"}), bid(2, **{field: "王建国"}), bid(3, **{field: "李华"}))
    )
    assert named(one) == {"F1", "F2"}
    assert "王建国" not in str(one.as_dict()), "the name stays in the ledger"
    assert found(rule, lot(bid(1), bid(2))) == []


@pytest.mark.parametrize(
    "word",
    ["Administrator", "WPS", "Microsoft Office User", "openpyxl", "未知", "无", "—", "admin", "python-docx"],
)
def test_what_programs_and_people_write_for_nobody_is_nobodys_name(word: str) -> None:
    """Neither of an author nor of a manager, nor where files were made."""
    for rule, field in (("B7", "manager"), ("B8", "author")):
        assert found(rule, lot(bid(1, **{field: word}), bid(2, **{field: word.upper()}))) == []
    assert found("B4", lot(bid(1, dongle_serial=word), bid(2, dongle_serial=word))) == []
    assert _origin({"author": word, "editor": "张三"}) == [["editor", "张三"]]


def test_b15_who_left_at_the_last() -> None:
    late, early = DEADLINE - timedelta(hours=2), DEADLINE - 3 * DAY
    left = replace(
        lot(bid(1), bid(2, decrypt_status="failed")), withdrawn=(("F8", late), ("F9", early), ("F1", late))
    )
    (one,) = found("B15", left)
    assert named(one) == {"F2", "F8"}, "F9 left early, F1 came back"
    assert found("B15", left, min_bidders=3) == []


def test_b17_a_member_bids_twice() -> None:
    (one,) = found("B17", lot(bid(1, consortium=("F3",)), bid(2, consortium=("F4",)), bid(3)))
    assert named(one) == {"F1", "F3"} and one.evidence["firms"][0]["firm"] == "F3"
    assert found("B17", lot(bid(1, consortium=("F4",)), bid(2, consortium=("F5",)))) == []


@pytest.mark.parametrize(("first_day", "ties"), [(date(2026, 11, 21), 1), (date(2026, 11, 22), 0)])
def test_a_relation_holds_on_the_beijing_day_of_the_deadline(
    ledger: Ledger, market: Any, first_day: date, ties: int
) -> None:
    """07:30 in Beijing is still the day before in UTC."""
    market.firm("T")
    market.lot("L1", datetime(2026, 11, 20, 23, 30, tzinfo=UTC), tenderer_id="T")
    market.bid("L1", "F1", 100)
    market.put(Relation(id="r", from_id="T", to_id="F1", type="kinship", valid_from=first_day, source="test"))
    with ledger.read() as session:
        around = load_surroundings(session, {"L1": session.get_one(Lot, "L1")}, {"L1": ["F1"]})
    assert len(around["L1"].ties) == ties


# ── from a ledger ────────────────────────────────────────────────────────────


def full_market(ledger: Ledger, market: Any, past: datetime) -> None:
    """One lot for each rule above, and one in which nothing is wrong."""
    for name in (
        "T5",
        "T7",
        "T12",
        "T16",
        "O5",
        "O7",
        "O8",
        "O10",
        "B20",
        "T4",
        "B16",
        "B7",
        "B8",
        "B15",
        "B17",
        "plain",
    ):
        market.lot(name, past)
        for firm in "ABC":
            market.bid(name, f"{name}-{firm}", 1_000 + ord(firm))
    with ledger.write() as session:
        for name in ("T5", "T7", "T12", "T16", "O5", "O7", "O8", "O10", "B20", "plain"):
            session.add(Award(
                id=f"a/{name}", lot_id=name, bidder_id=f"{name}-A", price=Decimal(5_000_000), awarded_at=past + (5 if name != "O8" else 1) * DAY,
                publicity_from=past, publicity_until=past + (3 if name != "O10" else 1) * DAY, source="test",
            ))  # fmt: skip
        for bid_row in session.query(Bid).where(Bid.lot_id.in_(("T5", "T7"))):
            if not bid_row.bidder_id.endswith("-A"):
                bid_row.status, bid_row.price = "disqualified", Decimal(900)
        for bid_row in session.query(Bid).where(Bid.lot_id == "T12", Bid.bidder_id == "T12-A"):
            bid_row.received_at = past + timedelta(minutes=5)
        session.add(
            Contract(id="c/T16", lot_id="T16", bidder_id="T16-A", value=Decimal(9_000_000), source="test")
        )
        session.add(Contract(id="c/B20", lot_id="B20", bidder_id="B20-A", value=Decimal(5_000_000), subcontractors=["B20-B"], source="test"))  # fmt: skip
        session.get_one(Organisation, "O5-A").established = (past - 30 * DAY).date()
        for n in (1, 2):
            session.add(Objection(id=f"ob/{n}", lot_id="O7", stage="documents", content="…", raised_at=past - n * DAY, upheld=True, source="test"))  # fmt: skip
        session.add(Organisation(id="T", name="招标人", source="test"))
        session.flush()
        for name in ("T4", "O7"):
            session.get_one(Lot, name).tenderer_id = "T"
        session.add(Relation(id="r/T4", type="kinship", from_id="T", to_id="T4-A", source="test"))
        for firm in "AB":
            session.add(
                Relation(
                    id=f"r/B16-{firm}", type="control", from_id="plain-C", to_id=f"B16-{firm}", source="test"
                )
            )
        for field, lots in (("manager", "B7"), ("author", "B8")):
            for bid_row in session.query(Bid).where(Bid.lot_id == lots):
                setattr(bid_row, field, "王建国" if not bid_row.bidder_id.endswith("-C") else "李华")
        for bid_row in session.query(Bid).where(Bid.lot_id == "B15", Bid.bidder_id != "B15-A"):
            bid_row.decrypt_status = "failed"
        session.get_one(
            Bid, session.query(Bid.id).where(Bid.lot_id == "B17", Bid.bidder_id == "B17-A").scalar()
        ).consortium = ["B17-B"]
        session.add(
            Notice(
                id="n/plain",
                lot_id="plain",
                type="tender",
                title="…",
                published_at=past - 30 * DAY,
                source="test",
            )
        )


def test_each_is_found_in_a_ledger_alone_and_with_the_lens(
    ledger: Ledger, market: Any, tmp_path: Path
) -> None:
    past = now() - 40 * DAY
    full_market(ledger, market, past)
    every = [(one.rule, one.lot_id) for one in scan(ledger)]
    expected = {
        (name, name)
        for name in (
            "T5",
            "T7",
            "T12",
            "T16",
            "O5",
            "O7",
            "O8",
            "O10",
            "B20",
            "T4",
            "B16",
            "B7",
            "B8",
            "B15",
            "B17",
        )
    }
    assert expected <= set(every)
    assert [entry for entry in every if entry[1] == "plain"] == []
    with_lens = [(one.rule, one.lot_id) for one in scan(ledger, lens=lens_of_now(ledger, tmp_path, NOWHERE))]
    assert set(every) == {entry for entry in with_lens if entry[0] in LOT_RULES}


def test_e9_is_silent_until_the_award_and_then_found_with_and_without_the_lens(
    ledger: Ledger, market: Any, tmp_path: Path
) -> None:
    past = now() - 40 * DAY
    for name in ("employed", "formerly", "related", "plain", "waits"):
        market.lot(name, past)
        for firm in "AB":
            market.bid(name, f"{name}-{firm}", 1_000 + ord(firm))
    market.firm("Institute")
    employers = {"employed": ("employed-A", []), "formerly": (None, ["formerly-B"]), "related": ("Institute", []),
                 "plain": ("Institute", ["Nobody"]), "waits": ("waits-A", [])}  # fmt: skip
    with ledger.write() as session:
        session.add(
            Relation(id="r/E9", type="control", from_id="Institute", to_id="related-A", source="test")
        )
        for name, (employer, former) in employers.items():
            session.add(Expert(id=f"E-{name}", employer_id=employer, former_employers=former, source="test"))
            session.add(Evaluation(id=f"p/{name}", lot_id=name, source="test"))
            session.flush()
            session.add(Score(id=f"s/{name}", evaluation_id=f"p/{name}", expert_id=f"E-{name}", bid_id=f"{name}/{name}-A",
                              item="方案", score=Decimal(30), full_marks=Decimal(40), source="test"))  # fmt: skip
            session.add(
                Fee(
                    id=f"f/{name}",
                    evaluation_id=f"p/{name}",
                    expert_id=f"E-{name}",
                    amount=Decimal(900),
                    source="test",
                )
            )
            if name != "waits":
                session.add(
                    Award(
                        id=f"a/{name}",
                        lot_id=name,
                        bidder_id=f"{name}-A",
                        awarded_at=past + 5 * DAY,
                        source="test",
                    )
                )
    every = [one for one in scan(ledger) if one.rule == "E9"]
    assert {(one.lot_id, one.level) for one in every} == {
        ("employed", "red"),
        ("formerly", "orange"),
        ("related", "orange"),
    }
    lens = lens_of_now(ledger, tmp_path, NOWHERE)
    with_lens = [one for one in scan(ledger, lens=lens) if one.rule == "E9"]
    assert {one.lot_id for one in with_lens} == {"employed", "formerly", "related"}
    assert "waits" not in str(lens.rows("SELECT lot_id FROM scores UNION SELECT lot_id FROM fees"))
    assert len(lens.rows("SELECT * FROM scores")) == 4
    with ledger.write() as session:
        session.add(
            Award(id="a/waits", lot_id="waits", bidder_id="waits-A", awarded_at=now() - DAY, source="test")
        )
    assert "waits" in {one.lot_id for one in scan(ledger, ["E9"])}, "the award has come"
