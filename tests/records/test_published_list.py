"""Public numbers of bids: fixed with the published list, whatever becomes of a bid afterwards."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import delete

from records.ledger import Ledger
from records.published_list import departures, list_of, numbers
from records.states import append_event
from records.tables.bids import Bid, ListedBid
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from tests.records.market import AFTER, DEADLINE, lot_with_opening

FIRMS = {"B1": "晨曦示例城建", "B2": "锦程示例路桥", "B3": "白鹭示例市政"}
LISTED = {"count": 2, "bidders": [{"no": 7, "name": "锦程 示例路桥"}, {"no": 3, "name": "白鹭示例市政"}]}


def lines(session: Any) -> list[tuple[int, str | None]]:
    found = list_of(session, session.get_one(Opening, "O1"))
    return [(line.number, line.bid and line.bid.id) for line in found]


@pytest.fixture
def book(ledger: Ledger) -> Ledger:
    with ledger.write() as session:
        lot_with_opening(session)
        session.add_all([Organisation(id=key, name=name, source="test") for key, name in FIRMS.items()])
        session.flush()
        session.add_all([Bid(id=f"bid-{key}", lot_id="L1", bidder_id=key, source="test") for key in FIRMS])
    return ledger


def test_a_bid_taken_back_during_the_reading_renumbers_none(book: Ledger) -> None:
    with book.write() as session:
        assert lines(session) == [(1, "bid-B1"), (2, "bid-B2"), (3, "bid-B3")]
        told = [
            {"no": line.number, "name": line.name}
            for line in list_of(session, session.get_one(Opening, "O1"))
        ]
        append_event(
            session, "O1", "bidders_published", {"count": 3, "bidders": told}, actor="host", ts=AFTER
        )
        gone = session.get_one(Bid, "bid-B1")
        gone.status, gone.withdrawn_at = "withdrawn", DEADLINE
        session.flush()
        assert lines(session) == [(1, "bid-B1"), (2, "bid-B2"), (3, "bid-B3")]
        assert numbers(session, ["L1"]) == {"bid-B1": 1, "bid-B2": 2, "bid-B3": 3}


def test_a_list_told_by_the_platform_has_its_own_numbers_and_late_records_find_their_line(
    book: Ledger,
) -> None:
    with book.write() as session:
        session.execute(delete(Bid).where(Bid.id == "bid-B3"))
        append_event(session, "O1", "bidders_published", LISTED, actor="platform", ts=AFTER)
        assert lines(session) == [(3, None), (7, "bid-B2")]
        session.add(Bid(id="late", lot_id="L1", bidder_id="B3", source="test"))
        session.get_one(Organisation, "B2").name = "改名示例路桥"
        session.flush()
        assert lines(session) == [(3, "late"), (7, "bid-B2")], "fixed by its bid, not by its name"


def test_masked_names_of_the_platform_name_no_bid(ledger: Ledger) -> None:
    with ledger.write() as session:
        lot_with_opening(session, prequalification=True)
        session.add(Organisation(id="B1", name="******", source="test"))
        session.flush()
        session.add(Bid(id="bid-B1", lot_id="L1", bidder_id="B1", source="test"))
        masked = {"count": 1, "bidders": [{"no": 1, "name": "******"}]}
        append_event(session, "O1", "bidders_published", masked, actor="platform", ts=AFTER)
        assert lines(session) == [(1, None)]


def test_lists_published_before_are_numbered_by_the_upgrade(book: Ledger) -> None:
    with book.write() as session:
        append_event(session, "O1", "bidders_published", LISTED, actor="platform", ts=AFTER)
        session.execute(delete(ListedBid))
    step = import_module("records.migrations.versions.0008_numbers_of_published_lists")
    with book.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        step.downgrade()
        step.upgrade()
    with book.read() as session:
        assert numbers(session, ["L1"]) == {"bid-B3": 3}, (
            "by its exact name; another spelling waits for the reader"
        )


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("晨曦示例城建、锦程示例路桥联合体", True),
        ("锦程示例路桥与晨曦示例城建（联合体）", True),
        ("晨曦示例城建（联合体牵头人）", True),
        ("晨曦示例城建（联合体）：晨曦示例城建", False),
        ("晨曦示例城建、白鹭示例市政联合体", False),
        ("大晨曦示例城建联合体", False),
        ("锦程示例路桥联合体", False),
    ],
)
def test_a_line_that_names_a_consortium_means_the_bid_of_its_leader(
    book: Ledger, line: str, meant: bool
) -> None:
    with book.write() as session:
        session.execute(delete(Bid).where(Bid.id == "bid-B2"))
        session.get_one(Bid, "bid-B1").consortium = ["B2"]
        payload = {"count": 2, "bidders": [{"no": 1, "name": line}, {"no": 2, "name": "白鹭示例市政"}]}
        departs = departures(session, session.get_one(Opening, "O1"), payload)
        others = [one.name for one in departs.others]
        assert (departs.missing, others) == (([], []) if meant else (["晨曦示例城建"], [line]))
        append_event(session, "O1", "bidders_published", payload, actor="platform", ts=AFTER)
        assert lines(session) == [(1, "bid-B1" if meant else None), (2, "bid-B3")]


def test_a_consortium_is_read_under_its_leaders_name_too(book: Ledger) -> None:
    listed = {
        "count": 2,
        "bidders": [{"no": 1, "name": "晨曦示例城建（联合体牵头）"}, {"no": 2, "name": "白鹭示例市政"}],
    }
    with book.write() as session:
        append_event(session, "O1", "bidders_published", listed, actor="platform", ts=AFTER)
        append_event(session, "O1", "decrypt_progress", {"done": 2, "total": 2}, actor="platform", ts=AFTER)
        for no, name in ((1, "晨曦示例城建"), (2, "白鹭示例市政联合体")):
            append_event(
                session, "O1", "bid_read", {"no": no, "name": name, "price": "9"}, actor="platform", ts=AFTER
            )
