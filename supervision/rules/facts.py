"""The facts of one lot, loaded once and handed to every lot rule.

Only bids on hand are facts (`records.bids_on_hand`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from records.bids_on_hand import on_hand
from records.lots import centre_of_lot, rounds_before
from records.published_list import numbers
from records.tables.bids import Bid
from records.tables.money import Deposit
from records.tables.projects import Lot
from supervision.rules.surroundings import NOTHING_KNOWN, Surroundings, load_surroundings


class BidFact(NamedTuple):
    """One bid on hand. `order` is its public number; without a published list it counts receipt from 1."""

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
    manager: str | None = None
    author: str | None = None
    consortium: tuple[str, ...] = ()
    """The other members of a consortium under this bidder."""

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
    notice_at: datetime | None = None
    deadline: datetime | None = None
    estimate: Decimal | None = None
    deposit_required: Decimal | None = None
    withdrawn: tuple[tuple[str, datetime], ...] = ()
    """Bidders who took their bid back, and when; some have bid again."""
    around: Surroundings = NOTHING_KNOWN

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
    Bid.mac, Bid.cpu_serial, Bid.disk_serial, Bid.dongle_serial, Bid.file_id, Bid.manager, Bid.author, Bid.withdrawn_at, Bid.vat,
)  # fmt: skip
_BEFORE_PRICE, _AFTER_PRICE = slice(1, 4), slice(5, 15)
"""Where the columns of `_BID` stand that are a BidFact's, in its order."""
_DEPOSIT = (
    Deposit.lot_id, Deposit.bidder_id, Deposit.form, Deposit.amount, Deposit.payer_account_hash,
    Deposit.received_at,
)  # fmt: skip
_LOT = (
    Lot.id, Lot.name, centre_of_lot().label("centre_id"), Lot.trade_family, Lot.category, Lot.method, Lot.currency,
    Lot.control_price, Lot.deadline, Lot.vat, Lot.notice_at, Lot.estimate, Lot.deposit_required, Lot.tenderer_id,
    Lot.agency_id,
)  # fmt: skip


def load_facts(session: Session, lot_ids: Sequence[str], prices_read: Iterable[str] = ()) -> list[LotFacts]:
    """Facts of the lots, in the order asked; unknown lots are left out.

    `prices_read` names the lots whose reading is done (`supervision.readiness`): in the others prices
    are secret and stay None.
    """
    lots: dict[str, Any] = {row.id: row for row in session.execute(select(*_LOT).where(Lot.id.in_(lot_ids)))}
    read = frozenset(prices_read)
    bids: dict[str, list[Any]] = defaultdict(list)
    for bid in session.execute(select(*_BID).where(Bid.lot_id.in_(lots))):
        bids[bid.lot_id].append(bid)
    since, listed = rounds_before(session, list(lots)), numbers(session, list(lots))
    deposits: dict[str, list[Any]] = defaultdict(list)
    for deposit in session.execute(select(*_DEPOSIT).where(Deposit.lot_id.in_(lots)).order_by(Deposit.id)):
        deposits[deposit.lot_id].append(deposit)
    held = {i: on_hand(bids[i], lot.deadline, since.get(i)) for i, lot in lots.items()}
    ordered = {i: _numbered(held[i], listed) for i in lots}
    around = load_surroundings(
        session, lots, {i: [bid.bidder_id for bid in found] for i, found in held.items()}
    )
    members = _consortia(session, list(lots))
    return [_facts(lots[i], bids[i], ordered[i], deposits[i], i in read, members, around[i]) for i in lot_ids if i in lots]  # fmt: skip


def _consortia(session: Session, lots: list[str]) -> dict[str, tuple[str, ...]]:
    """Bid → the members of its consortium beside its lead, for the few bids that have any."""
    query = select(Bid.id, Bid.consortium).where(Bid.lot_id.in_(lots), cast(Bid.consortium, String) != "[]")
    return {bid: tuple(members) for bid, members in session.execute(query) if members}


def _numbered(held: list[Any], listed: Mapping[str, int]) -> list[tuple[int, Any]]:
    """Bids on hand with their public numbers; those that are in no list follow, in order of receipt."""
    own = sorted((listed[bid.id], bid) for bid in held if bid.id in listed)
    last = own[-1][0] if own else 0
    return [*own, *enumerate((bid for bid in held if bid.id not in listed), last + 1)]


def _facts(
    lot: Any,
    bids: list[Any],
    held: list[tuple[int, Any]],
    deposits: list[Any],
    prices_read: bool,
    members: Mapping[str, tuple[str, ...]],
    around: Surroundings,
) -> LotFacts:
    facts = _bid_facts(held, prices_read, _vat_basis(lot), members)
    gone = {b.bidder_id for b in bids} - {b.bidder_id for b in facts}
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
        notice_at=lot.notice_at,
        deadline=lot.deadline,
        estimate=lot.estimate,
        deposit_required=lot.deposit_required,
        withdrawn=tuple((bid.bidder_id, bid.withdrawn_at) for bid in bids if bid.withdrawn_at is not None),
        around=around,
    )


def _bid_facts(
    held: list[tuple[int, Any]], prices_read: bool, vat_basis: str, members: Mapping[str, tuple[str, ...]]
) -> tuple[BidFact, ...]:
    """One fact per bidder. A price on another VAT basis than the lot's is none."""
    return tuple(
        BidFact._make((
            order, *b[_BEFORE_PRICE], b.price if prices_read and _vat_basis(b) == vat_basis else None, *b[_AFTER_PRICE],
            members.get(b.id, ()),
        ))
        for order, b in held
    )  # fmt: skip


def _vat_basis(row: Any) -> str:
    """Whether amounts are with VAT 含税 or without; not told, they are with it, as usual."""
    return row.vat or "included"
