"""A small market to supervise, written straight into an empty ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from records.clock import now
from records.ledger import Ledger
from records.states import append_event, new_opening
from records.tables.bids import Bid
from records.tables.intake import Journal, Source
from records.tables.money import Award, Deposit
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project


class Market:
    """Writes records as the intake would: the row and its line in the journal, in one transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.serial = 0
        self.put(Source(name="test", demo=True), Centre(id="c1", name="市中心", source="test"))
        self.put(Centre(id="c2", name="西湖分中心", source="test"))
        self.put(Room(id="hz-01", centre_id="c1", name="开标室1", source="test"))
        self.put(Project(id="p1", name="示范项目", source="test"))

    def put(self, *rows: Any, kind: str | None = None, key: str = "", lot: str | None = None) -> None:
        """Add rows, with a journal line if a kind is named."""
        with self.ledger.write() as session:
            for row in rows:
                session.merge(row)
            if kind:
                self.serial += 1
                session.add(
                    Journal(
                        source="test",
                        kind=kind,
                        key=key,
                        version=self.serial,
                        occurred_at=now(),
                        lot_id=lot,
                        data={},
                    )
                )

    def firm(self, firm_id: str, division: str | None = "330106", **more: Any) -> str:
        """One organisation."""
        self.put(
            Organisation(id=firm_id, name=f"企业{firm_id}", division_code=division, source="test", **more),
            kind="organisation", key=firm_id,
        )  # fmt: skip
        return firm_id

    def lot(self, lot_id: str, deadline: datetime | None, **more: Any) -> str:
        """One lot."""
        row = {
            "project_id": "p1",
            "name": f"标段{lot_id}",
            "centre_id": "c1",
            "category": "市政",
            "source": "test",
        }
        self.put(Lot(id=lot_id, deadline=deadline, **{**row, **more}), kind="lot", key=lot_id, lot=lot_id)
        return lot_id

    def bid(self, lot_id: str, firm: str, price: str | int | None = None, **more: Any) -> str:
        """One bid; the firm is made if need be."""
        with self.ledger.read() as session:
            known = session.get(Organisation, firm)
        if known is None:
            self.firm(firm)
        bid_id = more.pop("id", f"{lot_id}/{firm}")
        money = None if price is None else Decimal(price)
        self.put(
            Bid(id=bid_id, lot_id=lot_id, bidder_id=firm, price=money, source="test", **more),
            kind="bid", key=bid_id, lot=lot_id,
        )  # fmt: skip
        return bid_id

    def deposit(self, lot_id: str, firm: str, account: str | None, **more: Any) -> None:
        """One deposit."""
        key = f"d/{lot_id}/{firm}"
        row = Deposit(
            id=key, lot_id=lot_id, bidder_id=firm, amount=Decimal(50_000), payer_account_hash=account,
            source="test", **more,
        )  # fmt: skip
        self.put(row, kind="deposit", key=key, lot=lot_id)

    def award(self, lot_id: str, firm: str, price: str | int, at: datetime | None, **more: Any) -> None:
        """One award."""
        row = Award(
            id=f"a/{lot_id}/{firm}", lot_id=lot_id, bidder_id=firm, price=Decimal(price), awarded_at=at,
            source="test", **more,
        )  # fmt: skip
        self.put(row, kind="award", key=row.id, lot=lot_id)

    def opening(self, lot_id: str, at: datetime) -> str:
        """An announced opening."""
        opening_id = f"o/{lot_id}"
        with self.ledger.write() as session:
            new_opening(
                session,
                Opening(id=opening_id, lot_id=lot_id, room_id="hz-01", scheduled_at=at, source="test"),
            )
        return opening_id

    def event(self, opening_id: str, kind: str, payload: dict[str, Any], ts: datetime | None = None) -> None:
        """One step of an opening, as the host's desk makes it: without a journal line."""
        with self.ledger.write() as session:
            append_event(session, opening_id, kind, payload, actor="host", ts=ts)

    def read_aloud(self, opening_id: str, number: int, ts: datetime | None = None, **more: Any) -> None:
        """唱标: the bid of a number, under the name the published list gives it."""
        with self.ledger.read() as session:
            listed = session.scalars(
                select(OpeningEvent.payload).where(
                    OpeningEvent.opening_id == opening_id, OpeningEvent.type == "bidders_published"
                )
            ).one()
        names = {bidder["no"]: bidder["name"] for bidder in listed["bidders"]}
        self.event(opening_id, "bid_read", {"no": number, "name": names[number], **more}, ts)

    def publish_bidders(self, opening_id: str, ts: datetime | None = None) -> None:
        """公布投标人."""
        with self.ledger.read() as session:
            lot = session.get_one(Opening, opening_id).lot_id
            names = list(session.scalars(select(Bid.bidder_id).where(Bid.lot_id == lot)))
        listed = [{"no": n, "name": name} for n, name in enumerate(names, 1)]
        self.event(opening_id, "bidders_published", {"count": len(names), "bidders": listed}, ts)
        self.event(opening_id, "decrypt_progress", {"done": len(names), "total": len(names)}, ts)

    def open_fully(self, lot_id: str, at: datetime) -> None:
        """An opening from announcement to end."""
        opening = self.opening(lot_id, at)
        self.publish_bidders(opening, at)
        with self.ledger.read() as session:
            count = len(list(session.scalars(select(Bid.id).where(Bid.lot_id == lot_id))))
        for number in range(1, count + 1):
            self.read_aloud(opening, number, at, price=str(number))
        self.event(opening, "record_confirmed", {"rows": count}, at)
        self.event(opening, "ended", {"result": "opened"}, at)


@pytest.fixture
def market(ledger: Ledger) -> Market:
    """A market with two centres, one room and one project."""
    return Market(ledger)


@pytest.fixture
def past() -> datetime:
    """An hour ago: a deadline that has passed."""
    return now() - timedelta(hours=1)


@pytest.fixture
def future() -> datetime:
    """A deadline that has not passed."""
    return now() + timedelta(hours=1)
