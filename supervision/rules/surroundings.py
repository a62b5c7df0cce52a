"""Surroundings of a lot's bids: its opening, the award, contracts, complaints, and how its parties are related."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select, union
from sqlalchemy.orm import Session

from records.clock import day_of
from records.lots import current_opening
from records.tables.bids import Bid, FileCheck
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.relations import Relation
from records.visibility import Datum, visible

YEAR = timedelta(days=365)


class AwardFact(NamedTuple):
    """The award of a lot. `price` is None in another currency than the lot's; `received_at` is of the winner's bid, also
    where that bid came too late to be on hand."""

    bidder_id: str
    price: Decimal | None
    awarded_at: datetime | None
    publicity_from: datetime | None
    publicity_until: datetime | None
    received_at: datetime | None
    established: date | None


class ContractFact(NamedTuple):
    """A contract. `value` is None in another currency, or with VAT where the award is without."""

    bidder_id: str
    value: Decimal | None
    changes: int
    subcontractors: tuple[str, ...]


class Tie(NamedTuple):
    """Two parties of a lot that are related, directly or `through` one other; `ratio` is the smaller share held, per cent."""

    one: str
    other: str
    types: tuple[str, ...]
    ratio: Decimal | None
    through: str | None


class PairAlike(NamedTuple):
    """Two bidders whose files are alike, as the comparison of the lot's files tells it (`FileCheck.pairs`)."""

    one: str
    other: str
    reasons: tuple[str, ...]
    text: float
    """Share of the smaller one's own passages in the other, 0–1."""
    errors: int
    origin: tuple[str, ...]
    """Kinds of what names the same machine, file, person or firm."""
    contacts: int
    ratio: float | None
    at_ratio: float


class PanelFact(NamedTuple):
    """An expert of an awarded lot's panel whose employer is known; `ties` are the employer's with bidders."""

    expert_id: str
    employer_id: str | None
    former: tuple[str, ...]
    ties: tuple[Tie, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a lot beside its bids."""

    tenderer_id: str | None = None
    agency_id: str | None = None
    opened_at: datetime | None = None
    """When its opening began."""
    award: AwardFact | None = None
    contracts: tuple[ContractFact, ...] = ()
    noticed: bool = False
    """Whether its source sends notices at all: the call for tenders is among them."""
    results_noticed: bool = False
    """Whether candidates or the result were published."""
    upheld: tuple[datetime, ...] = ()
    """Objections and complaints upheld against the tenderer within a year before the lot's own last one; empty if the
    lot has none."""
    ties: tuple[Tie, ...] = ()
    """Between tenderer or agency and a bidder, and between two bidders."""
    compared: bool = False
    """Whether the bidders' files were compared."""
    alike: tuple[PairAlike, ...] = ()
    panel: tuple[PanelFact, ...] = ()
    """Experts whose employer is known; nobody before the award (招标投标法 art. 37)."""


NOTHING_KNOWN = Surroundings()


def load_surroundings(
    session: Session, lots: Mapping[str, Any], bidders: Mapping[str, Sequence[str]]
) -> dict[str, Surroundings]:
    """Lot → what surrounds it. `lots` are rows with id, tenderer_id, agency_id, currency; `bidders` those on hand by lot."""
    awards, contracts = _awards(session, lots), _contracts(session, lots)
    opened, notices = _opened(session, lots), _notices(session, lots)
    upheld, parties, files = _upheld(session, lots), _Parties(session, lots), _compared_files(session, lots)
    panels = _panels(session, lots)
    return {
        lot: Surroundings(
            tenderer_id=row.tenderer_id,
            agency_id=row.agency_id,
            opened_at=opened.get(lot),
            award=awards.get(lot),
            contracts=tuple(contracts[lot]),
            noticed="tender" in notices[lot],
            results_noticed=bool(notices[lot] & {"candidates", "result"}),
            upheld=upheld.get(lot, ()),
            ties=parties.ties(row, bidders.get(lot, ())),
            compared=lot in files,
            alike=files.get(lot, ()),
            panel=tuple(parties.with_ties(row, one, bidders.get(lot, ())) for one in panels.get(lot, ())),
        )
        for lot, row in lots.items()
    }


def _compared_files(session: Session, lots: Mapping[str, Any]) -> dict[str, tuple[PairAlike, ...]]:
    """Lot → pairs of bidders whose files are alike, for lots whose files were compared."""
    query = select(FileCheck.lot_id, FileCheck.pairs).where(
        FileCheck.lot_id.in_(lots), FileCheck.state == "done"
    )
    return {lot: tuple(_alike(pair) for pair in pairs) for lot, pairs in session.execute(query)}


def _alike(pair: Mapping[str, Any]) -> PairAlike:
    kinds = tuple(kind for kind, _ in pair["origin"])
    return PairAlike(
        pair["one"], pair["other"], tuple(pair["reasons"]), pair["text"], len(pair["errors"]), kinds, pair["contacts"],
        pair["ratio"], pair["at_ratio"],
    )  # fmt: skip


def _panels(session: Session, lots: Mapping[str, Any]) -> dict[str, list[PanelFact]]:
    """Who sat is told by scores and by fees."""
    sat = union(*(
        select(Evaluation.lot_id, table.expert_id).join(table, table.evaluation_id == Evaluation.id)
        .where(Evaluation.lot_id.in_(lots))
        for table in (Score, Fee)
    )).subquery("sat")  # fmt: skip
    query = (
        select(sat.c.lot_id, Expert.id, Expert.employer_id, Expert.former_employers)
        .join(Expert, Expert.id == sat.c.expert_id)
        .join(Lot, Lot.id == sat.c.lot_id)
        .where(visible(Datum.EXPERTS))
        .order_by(Expert.id)
    )
    found: dict[str, list[PanelFact]] = defaultdict(list)
    for lot, expert, employer, former in session.execute(query):
        if employer or former:
            found[lot].append(PanelFact(expert, employer, tuple(former)))
    return found


def _opened(session: Session, lots: Mapping[str, Any]) -> dict[str, datetime]:
    """When the opening in force began; a lot whose opening was called off and held anew has the later one."""
    query = select(Opening).where(Opening.lot_id.in_(lots)).order_by(Opening.scheduled_at)
    held: dict[str, list[Opening]] = defaultdict(list)
    for opening in session.scalars(query):
        held[opening.lot_id].append(opening)
    current = {lot: current_opening(found) for lot, found in held.items()}
    return {
        lot: one.started_at for lot, one in current.items() if one is not None and one.started_at is not None
    }


def _awards(session: Session, lots: Mapping[str, Any]) -> dict[str, AwardFact]:
    columns = (
        Award.lot_id, Award.bidder_id, Award.price, Award.currency, Award.awarded_at, Award.publicity_from,
        Award.publicity_until, Organisation.established,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(Organisation, Organisation.id == Award.bidder_id)
        .where(Award.lot_id.in_(lots), Award.status == "awarded")
        .order_by(Award.rank.desc(), Award.id.desc())
    )
    rows = {row.lot_id: row for row in session.execute(query)}
    received = _received(session, lots, {row.bidder_id for row in rows.values()})
    return {
        lot: AwardFact(
            row.bidder_id, row.price if row.currency == lots[lot].currency else None, row.awarded_at, row.publicity_from,
            row.publicity_until, received.get((lot, row.bidder_id)), row.established,
        )
        for lot, row in rows.items()
    }  # fmt: skip


def _received(
    session: Session, lots: Mapping[str, Any], winners: set[str]
) -> dict[tuple[str, str], datetime]:
    """The first receipt of each winner's bids: a later one replaces what was in time."""
    query = (
        select(Bid.lot_id, Bid.bidder_id, Bid.received_at)
        .where(Bid.lot_id.in_(lots), Bid.bidder_id.in_(winners), Bid.received_at.is_not(None), Bid.withdrawn_at.is_(None))
        .order_by(Bid.received_at.desc())
    )  # fmt: skip
    return {(row.lot_id, row.bidder_id): row.received_at for row in session.execute(query)}


def _contracts(session: Session, lots: Mapping[str, Any]) -> dict[str, list[ContractFact]]:
    found: dict[str, list[ContractFact]] = defaultdict(list)
    query = select(Contract).where(Contract.lot_id.in_(lots)).order_by(Contract.id)
    for row in session.scalars(query):
        comparable = row.currency == lots[row.lot_id].currency and row.vat == lots[row.lot_id].vat
        value = row.value if comparable else None
        found[row.lot_id].append(
            ContractFact(row.bidder_id, value, len(row.changes), tuple(row.subcontractors))
        )
    return found


def _notices(session: Session, lots: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for lot, kind in session.execute(select(Notice.lot_id, Notice.type).where(Notice.lot_id.in_(lots))):
        found[lot].add(kind)
    return found


def _upheld(session: Session, lots: Mapping[str, Any]) -> dict[str, tuple[datetime, ...]]:
    tenderers = {row.tenderer_id for row in lots.values() if row.tenderer_id}
    query = (
        select(Objection.lot_id, Lot.tenderer_id, Objection.raised_at)
        .join(Lot, Lot.id == Objection.lot_id)
        .where(Objection.upheld.is_(True), Lot.tenderer_id.in_(tenderers))
        .order_by(Objection.raised_at)
    )
    of_tenderer: dict[str, list[datetime]] = defaultdict(list)
    own: dict[str, datetime] = {}
    for lot, tenderer, at in session.execute(query):
        if tenderer is not None:
            of_tenderer[tenderer].append(at)
            own[lot] = at
    return {
        lot: tuple(at for at in of_tenderer[lots[lot].tenderer_id] if last - YEAR < at <= last)
        for lot, last in own.items()
        if lot in lots
    }


class _Parties:
    """How tenderers, agencies and bidders of some lots are related."""

    def __init__(self, session: Session, lots: Mapping[str, Any]) -> None:
        inviting = {one for row in lots.values() for one in (row.tenderer_id, row.agency_id) if one}
        bidding = select(Bid.bidder_id).where(Bid.lot_id.in_(lots))
        self._near: dict[str, dict[str, list[Relation]]] = defaultdict(lambda: defaultdict(list))
        ends = (Relation.from_id, Relation.to_id)
        touching = or_(*(end.in_(inviting) for end in ends), *(end.in_(bidding) for end in ends))
        for relation in session.scalars(select(Relation).where(touching).order_by(Relation.id)):
            self._near[relation.from_id][relation.to_id].append(relation)
            self._near[relation.to_id][relation.from_id].append(relation)
        self._legal_rep = _namesakes(session, lots, inviting)

    def ties(self, lot: Any, bidders: Sequence[str]) -> tuple[Tie, ...]:
        """All ties that matter in a lot."""
        on = day_of(lot.deadline) if lot.deadline else None
        asked = sorted({one for one in bidders if one in self._near or one in self._legal_rep})
        inviting = [one for one in (lot.tenderer_id, lot.agency_id) if one]
        pairs = [(one, other) for one in inviting for other in asked if one != other]
        pairs += sorted(
            {*combinations([one for one in asked if one in self._near], 2), *self._one_person(asked)}
        )
        return tuple(tie for one, other in pairs if (tie := self._tie(one, other, on)) is not None)

    def with_ties(self, lot: Any, expert: PanelFact, bidders: Sequence[str]) -> PanelFact:
        """The expert with the direct ties of its employer to bidders."""
        if expert.employer_id is None:
            return expert
        on = day_of(lot.deadline) if lot.deadline else None
        near = sorted(set(bidders) & self._near.get(expert.employer_id, {}).keys())
        ties = (self._tie(expert.employer_id, bidder, on) for bidder in near)
        return expert._replace(ties=tuple(tie for tie in ties if tie is not None and tie.through is None))

    def _one_person(self, bidders: Sequence[str]) -> list[tuple[str, str]]:
        """Pairs with a legal representative of the same name."""
        of: dict[str, list[str]] = defaultdict(list)
        for one in bidders:
            if one in self._legal_rep:
                of[self._legal_rep[one]].append(one)
        return [pair for found in of.values() for pair in combinations(found, 2)]

    def _tie(self, one: str, other: str, on: date | None) -> Tie | None:
        direct = _valid(self._near.get(one, {}).get(other, ()), on)
        types = sorted({relation.type for relation in direct})
        same = self._legal_rep.get(one)
        if same is not None and same == self._legal_rep.get(other):
            types.append("legal_rep")
        if types:
            return Tie(
                one, other, tuple(types), max((r.ratio for r in direct if r.ratio), default=None), None
            )
        return self._through(one, other, on)

    def _through(self, one: str, other: str, on: date | None) -> Tie | None:
        """The shortest way round: by one other organisation, the first of those there are."""
        for between in sorted(self._near.get(one, {}).keys() & self._near.get(other, {}).keys()):
            here, there = (_valid(self._near[end][between], on) for end in (one, other))
            if here and there:
                types = sorted({relation.type for relation in (*here, *there)})
                shares = [max((r.ratio for r in side if r.ratio), default=None) for side in (here, there)]
                least = min((share for share in shares if share is not None), default=None)
                return Tie(one, other, tuple(types), least if None not in shares else None, between)
        return None


def _namesakes(session: Session, lots: Mapping[str, Any], inviting: set[str]) -> dict[str, str]:
    """Organisation → its legal representative, where another party of the same lot may have one of that name."""
    known = Organisation.legal_rep.is_not(None) & (Organisation.legal_rep != "")
    twice = (
        select(Organisation.legal_rep)
        .join(Bid, Bid.bidder_id == Organisation.id)
        .where(Bid.lot_id.in_(lots), known)
        .group_by(Bid.lot_id, Organisation.legal_rep)
        .having(func.count(func.distinct(Organisation.id)) > 1)
    )
    names = {
        *session.scalars(twice),
        *session.scalars(select(Organisation.legal_rep).where(Organisation.id.in_(inviting), known)),
    }
    parties = Organisation.id.in_(inviting) | Organisation.id.in_(
        select(Bid.bidder_id).where(Bid.lot_id.in_(lots))
    )
    query = select(Organisation.id, Organisation.legal_rep).where(Organisation.legal_rep.in_(names), parties)
    return {one: name for one, name in session.execute(query) if name}


def _valid(relations: Sequence[Relation], on: date | None) -> list[Relation]:
    """Those that held on a day; without one, all."""
    return [
        r for r in relations
        if on is None or ((r.valid_from is None or r.valid_from <= on) and (r.valid_until is None or on <= r.valid_until))
    ]  # fmt: skip
