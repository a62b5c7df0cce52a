"""生命线: the life of one lot, from notice to contract, as far as a supervisor may know of it at this moment.

What may be told is asked of `records.visibility` datum by datum, once; what may not is not read at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session, aliased

from messages import called
from records.bids_on_hand import bids_on_hand
from records.clock import now
from records.lots import centre_of_lot, current_opening
from records.published_list import numbers
from records.tables.evaluation import Evaluation
from records.tables.money import Award, Deposit
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot, Project
from records.visibility import (
    PLAIN_NOTICES,
    Audience,
    Datum,
    Progress,
    award_come,
    visible,
    visible_progress,
    visible_status,
)
from supervision.home import Place

_ASKED = (
    Datum.BIDDER_COUNT, Datum.BIDDER_NAMES, Datum.BID_PRICES, Datum.DEPOSITS, Datum.OPENING_PROCESS, Datum.LOT_OUTCOME,
    Datum.EVALUATION, Datum.CANDIDATES, Datum.AWARD, Datum.CONTRACT, Datum.WARNINGS,
)  # fmt: skip
"""What the life line tells and the law keeps secret for a while."""


@dataclass(frozen=True)
class Offer:
    """One bid on hand. `price` and what became of it only once they may be told."""

    id: str
    bidder_id: str | None
    number: int | None
    """Its public number in the list of bidders."""
    bidder: str | None
    outside: bool | None
    price: Decimal | None
    rejected: bool
    reason: str | None


@dataclass(frozen=True)
class Refunds:
    """The deposits of a lot: how many came, and what became of those that go back."""

    count: int
    amount: Decimal
    """Of all that came."""
    returned: int
    returned_amount: Decimal
    waiting: int
    waiting_amount: Decimal
    guarantees: int
    first: datetime | None
    last: datetime | None
    """When the first and the last came in."""
    due: datetime | None
    """The earliest time one of those still held is due."""
    began: datetime | None
    ended: datetime | None
    """When the first and the last went back."""
    interest: Decimal
    """Paid with what went back, as its records say."""


@dataclass(frozen=True)
class Life:
    """One lot with everything of its life that may be told; lists in order of time."""

    id: str
    name: str
    status: str
    project_id: str
    family: str
    category: str | None
    method: str
    currency: str
    vat: str | None
    control_price: Decimal | None
    notice_at: datetime | None
    deadline: datetime | None
    tenderer: str | None
    agency: str | None
    centre: Centre | None
    seen: Collection[Datum]
    """What may be told of it now."""
    openings: Sequence[tuple[Opening, Progress]] = ()
    notices: Sequence[Notice] = ()
    objections: Sequence[Objection] = ()
    evaluations: Sequence[Evaluation] = ()
    offers: Sequence[Offer] = ()
    refunds: Refunds | None = None
    awards: Sequence[tuple[Award, str]] = ()
    """Candidates and winners with their names, by rank."""
    contract: Contract | None = None
    winner_read: datetime | None = None
    """When the winning price was read aloud."""

    @property
    def opening(self) -> tuple[Opening, Progress] | None:
        """The opening the lot is at, and how it stands."""
        current = current_opening([one for one, _ in self.openings])
        return next((pair for pair in self.openings if pair[0] is current), None)

    @property
    def won(self) -> tuple[Award, str] | None:
        """The award and the winner's name, once it may be told."""
        return next((pair for pair in self.awards if pair[0].status == "awarded"), None)

    @property
    def outside(self) -> int | None:
        """How many bidders are from elsewhere; None where the place of none is known."""
        known = [offer.outside for offer in self.offers if offer.outside is not None]
        return sum(known) if known else None

    @property
    def rejected(self) -> int:
        """How many bids the evaluation rejected."""
        return sum(offer.rejected for offer in self.offers)


def life(session: Session, lot_id: str, home: Place) -> Life | None:
    """The life of a lot; None where there is no such lot."""
    tenderer, agency = aliased(Organisation), aliased(Organisation)
    query = (
        select(
            Lot, visible_status(), Project.id, tenderer.name, agency.name, Centre,
            *(visible(datum, Audience.SUPERVISOR) for datum in _ASKED),
        )
        .join(Project, Project.id == Lot.project_id)
        .outerjoin(tenderer, tenderer.id == Lot.tenderer_id)
        .outerjoin(agency, agency.id == Lot.agency_id)
        .outerjoin(Centre, Centre.id == centre_of_lot())
        .where(Lot.id == lot_id)
    )  # fmt: skip
    row = session.execute(query).first()
    if row is None:
        return None
    lot, status, project, tenderer_name, agency_name, centre, *allowed = row
    seen = frozenset(datum for datum, may in zip(_ASKED, allowed, strict=True) if may)
    awards = _awards(session, lot_id, seen)
    openings = _openings(session, lot_id, seen)
    return Life(
        lot.id, lot.name, status, project, lot.trade_family, lot.category, lot.method, lot.currency, lot.vat,
        lot.control_price, lot.notice_at, lot.deadline, tenderer_name, agency_name, centre, seen, openings,
        _notices(session, lot_id, seen), _objections(session, lot_id), _evaluations(session, lot_id, seen),
        _offers(session, lot_id, seen, home), _refunds(session, lot_id, seen), awards,
        _contract(session, lot_id, seen), _winner_read(session, lot_id, awards, openings),
    )  # fmt: skip


def neighbours(session: Session, found: Life) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """(id, name) of the lot of the same centre whose deadline is the one before, and of the one after; None: there is none."""
    if found.deadline is None:
        return None, None
    place = tuple_(Lot.deadline, Lot.id)
    here = tuple_(literal(found.deadline, Lot.deadline.type), literal(found.id))
    query = select(Lot.id, Lot.name).where(visible(Datum.NOTICE, Audience.SUPERVISOR, dated=Lot.notice_at))
    if found.centre is not None:
        query = query.where(centre_of_lot() == found.centre.id)
    before = query.where(place < here).order_by(Lot.deadline.desc(), Lot.id.desc()).limit(1)
    after = query.where(place > here).order_by(Lot.deadline, Lot.id).limit(1)
    return _first(session, before), _first(session, after)


def _first(session: Session, query: Select[str, str]) -> tuple[str, str] | None:
    row = session.execute(query).first()
    return None if row is None else (row[0], row[1])


def _openings(session: Session, lot_id: str, seen: Collection[Datum]) -> list[tuple[Opening, Progress]]:
    query = select(Opening).where(Opening.lot_id == lot_id).order_by(Opening.scheduled_at, Opening.id)
    due = Datum.OPENING_PROCESS in seen
    return [(one, visible_progress(one, due)) for one in session.scalars(query)]


def _notices(session: Session, lot_id: str, seen: Collection[Datum]) -> list[Notice]:
    """Those published by now; candidates, result and termination tell who bid and wait for the outcome."""
    query = select(Notice).where(Notice.lot_id == lot_id, Notice.published_at <= now())
    if Datum.LOT_OUTCOME not in seen:
        query = query.where(Notice.type.in_(PLAIN_NOTICES))
    return list(session.scalars(query.order_by(Notice.published_at, Notice.id)))


def _objections(session: Session, lot_id: str) -> list[Objection]:
    query = select(Objection).where(Objection.lot_id == lot_id)
    return list(session.scalars(query.order_by(Objection.raised_at, Objection.id)))


def _evaluations(session: Session, lot_id: str, seen: Collection[Datum]) -> list[Evaluation]:
    if Datum.EVALUATION not in seen:
        return []
    query = select(Evaluation).where(Evaluation.lot_id == lot_id)
    return list(session.scalars(query.order_by(Evaluation.started_at, Evaluation.id)))


def _offers(session: Session, lot_id: str, seen: Collection[Datum], home: Place) -> list[Offer]:
    if Datum.BIDDER_COUNT not in seen:
        return []
    bids = bids_on_hand(session, lot_id)
    firms = {
        key: (name, place)
        for key, name, place in session.execute(
            select(Organisation.id, Organisation.name, Organisation.division_code).where(
                Organisation.id.in_({bid.bidder_id for bid in bids})
            )
        )
    }
    listed = numbers(session, [lot_id])
    prices, named, judged = (
        datum in seen for datum in (Datum.BID_PRICES, Datum.BIDDER_NAMES, Datum.CANDIDATES)
    )
    found = []
    for bid in bids:
        name, place = firms.get(bid.bidder_id, (None, None))
        away = not place.startswith(home.division) if place and home.division else None
        rejected = judged and bid.status == "disqualified"
        found.append(
            Offer(
                bid.id, bid.bidder_id if named else None, listed.get(bid.id), name if named else None, away if named else None,
                bid.price if prices else None, rejected, bid.reject_reason if rejected else None,
            )
        )  # fmt: skip
    return found


def _refunds(session: Session, lot_id: str, seen: Collection[Datum]) -> Refunds | None:
    """None while secret, and where no deposit is known."""
    if Datum.DEPOSITS not in seen:
        return None
    rows = session.scalars(select(Deposit).where(Deposit.lot_id == lot_id)).all()
    if not rows:
        return None
    paid = [one for one in rows if one.form == "transfer"]
    back = [one for one in paid if one.refunded_at]
    held = [one for one in paid if not one.refunded_at and one.status == "received"]
    came = [one.received_at for one in rows if one.received_at]
    went = [one.refunded_at for one in back if one.refunded_at]
    none = Decimal(0)
    return Refunds(
        len(rows), sum((one.amount for one in rows), none), len(back), sum((one.amount for one in back), none), len(held),
        sum((one.amount for one in held), none), len(rows) - len(paid), min(came, default=None), max(came, default=None),
        min((one.due_refund_at for one in held if one.due_refund_at), default=None), min(went, default=None),
        max(went, default=None), sum((one.interest or none for one in back), none),
    )  # fmt: skip


def _awards(session: Session, lot_id: str, seen: Collection[Datum]) -> list[tuple[Award, str]]:
    states = [
        state for state, datum in (("candidate", Datum.CANDIDATES), ("awarded", Datum.AWARD)) if datum in seen
    ]
    query = (
        select(Award, Organisation.name)
        .join(Organisation, Organisation.id == Award.bidder_id)
        .where(Award.lot_id == lot_id, Award.status.in_(states), award_come())
        .order_by(Award.rank, Award.id)
    )
    return [(award, name) for award, name in session.execute(query)]


def _contract(session: Session, lot_id: str, seen: Collection[Datum]) -> Contract | None:
    """The first that is signed."""
    if Datum.CONTRACT not in seen:
        return None
    query = select(Contract).where(Contract.lot_id == lot_id, Contract.signed_at <= now())
    return session.scalars(query.order_by(Contract.signed_at, Contract.id)).first()


def _winner_read(
    session: Session,
    lot_id: str,
    awards: Sequence[tuple[Award, str]],
    openings: Sequence[tuple[Opening, Progress]],
) -> datetime | None:
    """When the winner's bid was read aloud; None before the award and where no log tells."""
    won = next((award for award, _ in awards if award.status == "awarded"), None)
    current = current_opening([one for one, _ in openings])
    if won is None or current is None or not current.head_seq:
        return None
    bids = {bid.id for bid in bids_on_hand(session, lot_id) if bid.bidder_id == won.bidder_id}
    wanted = {number for key, number in numbers(session, [lot_id]).items() if key in bids}
    query = (
        select(OpeningEvent.ts, OpeningEvent.payload)
        .where(OpeningEvent.opening_id == current.id, OpeningEvent.type == "bid_read")
        .order_by(OpeningEvent.seq)
    )
    return next((at for at, payload in session.execute(query) if payload.get("no") in wanted), None)


def place_of(found: Life, lang: str) -> str | None:
    """The lot's centre in the reader's language."""
    return None if found.centre is None else called(found.centre.name, found.centre.name_en, lang)
