"""How two firms hang together: the shortest ways through what the ledger and the lens hold in common of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from records.clock import now, today
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.tables.relations import Relation
from supervision.home import NOWHERE
from supervision.lens.reader import Lens
from supervision.lists.associations import REST, NamedPair, courses
from supervision.lists.paths import Link, _cost, parties_named, paths_between
from supervision.rules.scan import lens_of_now

DAY = timedelta(days=1)


@pytest.fixture
def lens(ledger: Ledger, market: Any, tmp_path: Path) -> Lens:
    """A and B share a dongle in different lots, B controls C, C once held part of D; E stands alone; A and F met four times."""
    past: datetime = now() - 40 * DAY
    for name, firms in (("L1", "AE"), ("L2", "BC"), ("L3", "AF"), ("L4", "AF"), ("L5", "AF"), ("L6", "AF")):
        market.lot(name, past)
        for firm in firms:
            market.bid(name, firm, 1_000 + ord(firm))
    market.firm("D")
    with ledger.write() as session:
        for firm in "AB":
            for row in session.query(Bid).where(Bid.bidder_id == firm, Bid.lot_id.in_(("L1", "L2"))):
                row.dongle_serial = "DONGLE-0042"
        for row in session.query(Lot):
            row.status, row.tenderer_id = "awarded", None
        session.add(Relation(id="r1", type="control", from_id="B", to_id="C", source="registry"))
        session.add(Relation(id="r2", type="shareholding", from_id="C", to_id="D", ratio=30, valid_until=today() - DAY, source="registry"))  # fmt: skip
    return lens_of_now(ledger, tmp_path, NOWHERE)


def test_the_way_leads_through_machine_and_control_and_says_what_has_ended(
    ledger: Ledger, lens: Lens
) -> None:
    with ledger.read() as session:
        (way,) = paths_between(session, lens, "A", "D")
    assert way.parties == ("A", "B", "C", "D")
    kinds = [step[0].kind for step in way.steps]
    assert kinds == ["dongle_serial", "control", "shareholding"]
    held = way.steps[2][0]
    assert held.ended(today()) and held.share == 30 and not way.steps[1][0].ended(today())
    lengths = [_cost(step[0]) for step in way.steps]
    assert lengths == [1.25, 1, 2 * 1.5], "what no longer holds counts double"
    borne = way.steps[0][0]
    assert borne.apart == (1, 1) and borne.n == 0 and borne.lots == ("L1", "L2")
    assert borne.strength == "medium", "never in one lot: a machine may have been sold"


def test_a_serial_is_counted_in_the_lots_where_both_bore_it_from_either_side(
    ledger: Ledger, lens: Lens, market: Any, tmp_path: Path
) -> None:
    """A bore it in L1 and from L3 to L5 too, B in L2 and L6: together in none, then in L5 alone."""
    _bear(ledger, "DONGLE-0042", A=("L3", "L4", "L5"), B=())
    assert _dongle(ledger, lens_of_now(ledger, tmp_path / "apart", NOWHERE)) == (0, (4, 1), ("L5", "L2"))
    market.bid("L5", "B", 1_234)
    _bear(ledger, "DONGLE-0042", B=("L5",))
    assert _dongle(ledger, lens_of_now(ledger, tmp_path / "both", NOWHERE)) == (1, None, ("L5",))


def _bear(ledger: Ledger, serial: str, **lots: tuple[str, ...]) -> None:
    with ledger.write() as session:
        for firm, where in lots.items():
            for row in session.query(Bid).where(Bid.bidder_id == firm, Bid.lot_id.in_(where)):
                row.dongle_serial = serial


def _dongle(ledger: Ledger, lens: Lens) -> tuple[int, tuple[int, int] | None, tuple[str, ...]]:
    """What is told of the dongle of A and B, the same from either side."""
    with ledger.read() as session:
        ((links,), (back,)) = (
            [way.steps[0] for way in paths_between(session, lens, *ends)][:1] for ends in ("AB", "BA")
        )
    there, here = (next(link for link in found if link.kind == "dongle_serial") for found in (links, back))
    assert there == here.seen_from("A") and there.strength == ("medium" if there.apart else "strong")
    return there.n, there.apart, there.lots


def test_people_and_accounts_are_told_of_lots_whose_opening_is_over(
    ledger: Ledger, lens: Lens, market: Any, tmp_path: Path
) -> None:
    market.lot("L9", now() + DAY)
    for firm in "AF":
        market.bid("L9", firm, 1_000)
    with ledger.write() as session:
        for row in session.query(Bid).where(
            Bid.lot_id.in_(("L3", "L5", "L9")), Bid.bidder_id.in_(("A", "F"))
        ):
            row.manager = "王芳"
    with ledger.read() as session:
        (way,) = paths_between(session, lens_of_now(ledger, tmp_path / "people", NOWHERE), "A", "F")
    told = next(link for link in way.steps[0] if link.kind == "manager")
    assert (told.n, told.lots, told.since) == (2, ("L5",), today() - 40 * DAY)


def test_having_bid_together_is_a_way_of_its_own_but_the_farthest(ledger: Ledger, lens: Lens) -> None:
    with ledger.read() as session:
        (way,) = paths_between(session, lens, "A", "F")
        assert [(link.kind, link.n, link.strength) for link in way.steps[0]] == [("bids", 4, "weak")]
        assert paths_between(session, lens, "A", "E") == [], "once is no tie"
        assert paths_between(session, lens, "A", "A") == []


def test_a_legal_representatives_name_that_many_have_ties_nobody(ledger: Ledger, lens: Lens) -> None:
    with ledger.write() as session:
        for firm in "DE":
            session.get_one(Organisation, firm).legal_rep = "王芳"
    with ledger.read() as session:
        (way,) = paths_between(session, lens, "D", "E")
        assert way.steps[0][0].kind == "legal_rep"
    with ledger.write() as session:
        session.add_all(Organisation(id=f"N{n}", name=f"N{n}", legal_rep="王芳", source="test") for n in range(20))  # fmt: skip
    with ledger.read() as session:
        assert paths_between(session, lens, "D", "E") == []


def test_parties_are_found_by_id_or_part_of_their_name(ledger: Ledger, lens: Lens) -> None:
    with ledger.read() as session:
        assert parties_named(session, " A ") == {"A": "企业A"}
        assert len(parties_named(session, "企业")) == 6 and parties_named(session, "100 %") == {}
        assert parties_named(session, "  ") == {}


def test_a_link_knows_whether_it_has_ended() -> None:
    on = today()
    assert Link("A", "B", "phone", until=on - DAY).ended(on) and not Link("A", "B", "phone", until=on).ended(
        on
    )


def test_the_flow_keeps_the_pairs_and_adds_up_the_rest(ledger: Ledger, market: Any, tmp_path: Path) -> None:
    past = now() - 40 * DAY
    market.firm("T")
    for n in range(14):
        market.lot(f"L{n}", past)
        market.bid(f"L{n}", f"W{max(0, n - 3):02d}", 1_000)
        market.award(f"L{n}", f"W{max(0, n - 3):02d}", 1_000, past + DAY)
    with ledger.write() as session:
        for row in session.query(Lot):
            row.status, row.tenderer_id = "awarded", "T"
    lens = lens_of_now(ledger, tmp_path, NOWHERE)
    pair = NamedPair("T", "W10", "T", "W10", 14, 1, 1, 0.1, 10.0, 0.001, True)
    found = courses(lens, "tenderer", [pair])
    assert sum(one.wins for one in found) == 14
    wins = {one.winner: one.wins for one in found}
    assert wins["W10"] == 1 and wins["W00"] == 4 and wins[REST] == 3 and len(wins) == 9
    assert {(one.tenderer, one.agency) for one in found} == {("T", "")}
