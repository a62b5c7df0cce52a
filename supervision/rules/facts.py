"""The facts of one lot, loaded once and handed to every lot rule.

Only bids on hand are facts: a bid withdrawn before the deadline is no bid (招标投标法 art. 29).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.tables.bids import Bid
from records.tables.money import Deposit
from records.tables.projects import Lot

_UNKNOWN_TIME = datetime.max.replace(tzinfo=UTC)


class BidFact(NamedTuple):
    """One bid on hand. `order` counts receipt from 1, as the opening's list does."""

    order: int
    id: str
    bidder_id: str
    received_at: datetime | None
    price: Decimal | None
    status: str
    decrypt_status: str | None
    on_site: bool
    mac: str | None
    cpu_serial: str | None
    disk_serial: str | None
    dongle_serial: str | None
    file_id: str | None

    @property
    def price_expected(self) -> bool:
        """Whether a price is still to come: an undecrypted or revoked bid will never have one."""
        return self.status != "revoked" and self.decrypt_status != "failed"


class DepositFact(NamedTuple):
    """One deposit 投标保证金; the account is a keyed hash."""

    bidder_id: str
    form: str
    amount: Decimal
    account: str | None
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class LotFacts:
    """All that lot rules may look at. `prices_read`: every price that will come has been read aloud."""

    lot_id: str
    lot_name: str
    centre_id: str | None
    trade_family: str
    category: str | None
    method: str
    currency: str
    control_price: Decimal | None
    bids: tuple[BidFact, ...]
    deposits: tuple[DepositFact, ...]
    prices_read: bool

    @property
    def stratum(self) -> str:
        """What the lot is compared with: trade family, category and method."""
        return f"{self.trade_family}/{self.category or '-'}/{self.method}"

    @property
    def order_of(self) -> dict[str, int]:
        """Bidder id → order of receipt."""
        return {bid.bidder_id: bid.order for bid in self.bids}


_BID = (
    Bid.lot_id, Bid.id, Bid.bidder_id, Bid.received_at, Bid.price, Bid.status, Bid.decrypt_status, Bid.on_site,
    Bid.mac, Bid.cpu_serial, Bid.disk_serial, Bid.dongle_serial, Bid.file_id, Bid.withdrawn_at, Bid.vat,
)  # fmt: skip
_DEPOSIT = (
    Deposit.lot_id, Deposit.bidder_id, Deposit.form, Deposit.amount, Deposit.payer_account_hash,
    Deposit.received_at,
)  # fmt: skip
_LOT = (
    Lot.id, Lot.name, Lot.centre_id, Lot.trade_family, Lot.category, Lot.method, Lot.currency,
    Lot.control_price, Lot.deadline, Lot.vat,
)  # fmt: skip


def on_hand(
    status: str, received_at: datetime | None, withdrawn_at: datetime | None, deadline: datetime | None
) -> bool:
    """Whether a bid was on hand at the deadline (§5.2): submitted in time and not withdrawn before it.

    Taking a bid back after the deadline (撤销) does not undo the participation.
    """
    if status == "withdrawn":
        return False
    if deadline is None:
        return withdrawn_at is None
    late = received_at is not None and received_at > deadline
    return not late and (withdrawn_at is None or withdrawn_at > deadline)


def load_facts(session: Session, lot_ids: Sequence[str], prices_read: Iterable[str] = ()) -> list[LotFacts]:
    """Facts of the lots, in the order asked; unknown lots are left out.

    `prices_read` names the lots whose reading is done (`supervision.rules.readiness`): in the others prices
    are secret and stay None.
    """
    lots: dict[str, Any] = {row.id: row for row in session.execute(select(*_LOT).where(Lot.id.in_(lot_ids)))}
    read = frozenset(prices_read)
    bids: dict[str, list[Any]] = defaultdict(list)
    for bid in session.execute(select(*_BID).where(Bid.lot_id.in_(lots))):
        bids[bid.lot_id].append(bid)
    deposits: dict[str, list[Any]] = defaultdict(list)
    for deposit in session.execute(select(*_DEPOSIT).where(Deposit.lot_id.in_(lots)).order_by(Deposit.id)):
        deposits[deposit.lot_id].append(deposit)
    return [_facts(lots[i], bids[i], deposits[i], i in read) for i in lot_ids if i in lots]


def _facts(lot: Any, bids: list[Any], deposits: list[Any], prices_read: bool) -> LotFacts:
    held = [b for b in bids if on_hand(b.status, b.received_at, b.withdrawn_at, lot.deadline)]
    facts = _bid_facts(held, prices_read, _terms(lot))
    gone = {b.bidder_id for b in bids} - {b.bidder_id for b in held}
    return LotFacts(
        lot_id=lot.id,
        lot_name=lot.name,
        centre_id=lot.centre_id,
        trade_family=lot.trade_family,
        category=lot.category,
        method=lot.method,
        currency=lot.currency,
        control_price=lot.control_price,
        bids=facts,
        deposits=tuple(
            DepositFact(d.bidder_id, d.form, d.amount, d.payer_account_hash, d.received_at)
            for d in deposits
            if d.bidder_id not in gone
        ),
        prices_read=prices_read and all(b.price is not None for b in facts if b.price_expected),
    )


def _bid_facts(held: list[Any], prices_read: bool, terms: str) -> tuple[BidFact, ...]:
    """One fact per bidder: a bid sent again replaces the earlier one. A price in other terms than the lot's is none."""
    ordered = sorted(held, key=_receipt)
    newest = {bid.bidder_id: bid for bid in ordered}
    if len(newest) < len(ordered):
        ordered = sorted(newest.values(), key=_receipt)
    return tuple(
        BidFact(
            order, b.id, b.bidder_id, b.received_at,
            b.price if prices_read and _terms(b) == terms else None, b.status, b.decrypt_status,
            b.on_site, b.mac, b.cpu_serial, b.disk_serial, b.dongle_serial, b.file_id,
        )
        for order, b in enumerate(ordered, 1)
    )  # fmt: skip


def _terms(row: Any) -> str:
    """Whether amounts are with VAT 含税 or without; not told, they are with it, as usual."""
    return row.vat or "included"


def _receipt(bid: Any) -> tuple[datetime, str]:
    return bid.received_at or _UNKNOWN_TIME, bid.id
