"""Which lots a lot rule may fire on, told by one select over everything: a scan then looks at those alone.

A select gives more lots than will fire, never fewer (tests/supervision/test_candidates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Select,
    String,
    cast,
    exists,
    func,
    literal,
    select,
    true,
    union,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.legal_clock import days_between, is_tendered
from records.tables.bids import Bid, FileCheck
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.relations import Relation
from supervision.lens.rows import whole
from supervision.lens.tables import bids, lots
from supervision.rules.market_rule import Ask, Row, count_if, priced, real, share
from supervision.rules.serials import SHORTEST, latin

Chosen = Mapping[str, float]


def lots_that_may_fire(rules: Mapping[str, Chosen], ask: Ask, session: Session) -> dict[str, set[str]]:
    """Rule → ids of the lots on which it may fire, for rules by id with their parameters; a rule that has no select is left
    out and must look at every lot.

    Lots whose files were compared are few and always among them. `ask` answers over the lens, which holds lots whose
    opening is over; `session` is the ledger's.
    """
    compared = set(session.scalars(select(FileCheck.lot_id)))
    return {
        rule: compared | {row["lot_id"] for row in _SELECTS[rule](chosen, ask, session)}
        for rule, chosen in rules.items()
        if rule in _SELECTS
    }


def _same_machine(_: Chosen, ask: Ask, __: Session) -> list[Row]:
    """B4: serials with two bidders whose normal forms have the same Latin letters and digits."""
    shared = union(*(_shared(bids.c[name]) for name in ("mac", "disk_serial", "dongle_serial", "file_id")))
    return ask(select(shared.subquery("shared").c.lot_id))


def _shared(column: Column[Any]) -> Select[*tuple[Any, ...]]:
    long_enough = func.char_length(column) >= SHORTEST
    held = select(bids.c.lot_id, latin(column).label("value")).where(long_enough).subquery()
    return select(held.c.lot_id).group_by(held.c.lot_id, held.c.value).having(func.count() > 1)


def _same_account(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """B6: an account with two bidders."""
    query = (
        select(Deposit.lot_id)
        .where(Deposit.form == "transfer", Deposit.payer_account_hash.is_not(None))
        .group_by(Deposit.lot_id, Deposit.payer_account_hash)
        .having(func.count(func.distinct(Deposit.bidder_id)) > 1)
    )
    return [{"lot_id": lot} for lot in session.scalars(query)]


def _ladder(chosen: Chosen, ask: Ask, _: Session) -> list[Row]:
    """B10: gaps near their mean, with room for what doubles round away."""
    low, high = priced.alias("low"), priced.alias("high")
    next_one = (high.c.lot_id == low.c.lot_id) & (high.c.place == low.c.place + 1)
    gaps = (
        select(low.c.lot_id, (high.c.price - low.c.price).label("gap")).join(high, next_one).subquery("gaps")
    )
    g, mean = gaps.c, func.avg(gaps.c.gap)
    worst = func.max(func.abs(g.gap))
    room = 1 + chosen["tolerance"] + 1e-6
    return ask(
        select(g.lot_id).group_by(g.lot_id)
        .having(func.count() >= chosen["min_bids"] - 1, mean > 0, share(worst, mean) <= room)
    )  # fmt: skip


def _short_time(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """T8: fewer days than asked for, as the rule itself counts them."""
    query = select(Lot.id, Lot.notice_at, Lot.deadline, Lot.method, Lot.trade_family).where(
        Lot.notice_at.is_not(None), Lot.deadline.is_not(None)
    )
    return [
        {"lot_id": lot}
        for lot, notice, end, method, family in session.execute(query)
        if notice
        and end
        and 0 <= days_between(notice, end) < chosen["days_to_bid"]
        and is_tendered(method, family)
    ]


def _large_deposit(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """T10: lots that tell both amounts."""
    query = select(Lot.id).where(Lot.deposit_required > 0, Lot.estimate > 0)
    wide = query.where(Lot.deposit_required * 200 > Lot.estimate)
    return [{"lot_id": lot} for lot in session.scalars(wide)]


def _ids(query: Select[*tuple[Any, ...]]) -> Callable[[Chosen, Ask, Session], list[Row]]:
    """The lots that one select of the ledger names."""
    return lambda _chosen, _ask, session: [{"lot_id": lot} for lot in session.scalars(query)]


def _opened_off_time(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """T9: openings that did not begin at the deadline."""
    query = select(Lot.id, Lot.deadline, Opening.started_at).join(Opening, Opening.lot_id == Lot.id).where(
        Lot.deadline.is_not(None), Opening.started_at.is_not(None)
    )  # fmt: skip
    most = timedelta(minutes=chosen["minutes"])
    return [
        {"lot_id": lot} for lot, due, at in session.execute(query) if at is not None and due is not None and (at < due or at - due > most)
    ]  # fmt: skip


def _awarded_off_time(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """O8: awards too near to the deadline or too far from it; the calendar may count a day more or less than hours do."""
    query = select(Lot.id, Lot.deadline, Award.awarded_at).join(Award, Award.lot_id == Lot.id).where(
        Lot.deadline.is_not(None), Award.awarded_at.is_not(None)
    )  # fmt: skip
    least, most = timedelta(days=chosen["days_at_least"]), timedelta(days=chosen["days_at_most"] - 1)
    return [
        {"lot_id": lot} for lot, due, at in session.execute(query) if at is not None and due is not None and at != due and not least < at - due < most
    ]  # fmt: skip


def _publicity(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """O10: publicity that is short, or awards of which none is told."""
    query = select(Award.lot_id, Award.publicity_from, Award.publicity_until).where(Award.status == "awarded")
    least, noticed = timedelta(days=chosen["days_public"]), set(session.scalars(select(Notice.lot_id)))
    return [
        {"lot_id": lot}
        for lot, begins, ends in session.execute(query)
        if (lot in noticed if begins is None or ends is None else ends - begins < least)
    ]


def _contract_grew(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """T16: contracts that were changed, or with the winner are worth more than its award by enough, with room for what
    doubles round away."""
    paid, awarded = real(func.sum(whole(Contract.value))), real(whole(Award.price))
    more = (
        select(Award.lot_id)
        .join(Contract, (Contract.lot_id == Award.lot_id) & (Contract.bidder_id == Award.bidder_id))
        .where(Award.status == "awarded")
        .group_by(Award.id, Award.lot_id, Award.price)
        .having(paid > awarded * (chosen["of_award"] - 1e-6))
    )
    changed = select(Contract.lot_id).where(_filled(Contract.changes))
    return [{"lot_id": lot} for lot in session.scalars(union(more, changed))]


def _near(wanted: ColumnElement[bool]) -> CTE:
    """Organisations (`org`) by what they are next to (`hub`): themselves, those they have such a relation with, and the name of their legal representative where another has it too. Two are related, directly or by one
    other, where they share a hub."""
    one, other = Relation.from_id, Relation.to_id
    sides = [
        select(hub.label("hub"), org.label("org")).where(wanted)
        for hub, org in ((one, other), (other, one), (one, one), (other, other))
    ]
    named = Organisation.legal_rep.is_not(None) & (Organisation.legal_rep != "")
    twice = (
        select(Organisation.legal_rep).where(named).group_by(Organisation.legal_rep).having(func.count() > 1)
    )
    people = select(literal("person/") + Organisation.legal_rep, Organisation.id)
    return union(*sides, people.where(Organisation.legal_rep.in_(twice))).cte("near")


def _related_to_tenderer(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """T4: who invites and who bids share a hub."""
    near = _near(true())
    here, there = near.alias("here"), near.alias("there")
    inviting = union(*(
        select(Lot.id.label("lot_id"), here.c.hub, one.label("org")).join(here, here.c.org == one)
        for one in (Lot.tenderer_id, Lot.agency_id)
    )).subquery("inviting")  # fmt: skip
    query = (
        select(inviting.c.lot_id)
        .join(there, there.c.hub == inviting.c.hub)
        .join(Bid, (Bid.lot_id == inviting.c.lot_id) & (Bid.bidder_id == there.c.org))
        .where(there.c.org != inviting.c.org)
    )
    return [{"lot_id": lot} for lot in session.scalars(query.distinct())]


def _one_control(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """B16: two bidders share a hub by control, or by shares large enough."""
    near = _near((Relation.type == "control") | (Relation.ratio >= Decimal(str(chosen["share_held"]))))
    query = (
        select(Bid.lot_id).join(near, near.c.org == Bid.bidder_id)
        .group_by(Bid.lot_id, near.c.hub).having(func.count(func.distinct(Bid.bidder_id)) > 1)
    )  # fmt: skip
    return [{"lot_id": lot} for lot in session.scalars(query)]


def _tied_expert(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """E9: lots in which one bids for whom an expert of the panel works or worked, or who is related to the employer."""
    known = select(Expert.id).where(Expert.employer_id.is_not(None) | _filled(Expert.former_employers))
    sat = union(*(
        select(Evaluation.lot_id, table.expert_id).join(table, table.evaluation_id == Evaluation.id).where(table.expert_id.in_(known))
        for table in (Score, Fee)
    )).subquery("sat")  # fmt: skip
    between = (Relation.from_id == Expert.employer_id) & (Relation.to_id == Bid.bidder_id)
    turned = (Relation.to_id == Expert.employer_id) & (Relation.from_id == Bid.bidder_id)
    former = _filled(Expert.former_employers)
    tied = (Expert.employer_id == Bid.bidder_id) | former | exists().where(between | turned)
    query = (
        select(sat.c.lot_id).join(Expert, Expert.id == sat.c.expert_id).join(Bid, Bid.lot_id == sat.c.lot_id)
    )
    return [{"lot_id": lot} for lot in session.scalars(query.where(tied).distinct())]


def _same(column: InstrumentedAttribute[str | None]) -> Select[*tuple[Any, ...]]:
    """Lots in which two bids say the same, as `parties.plain` reads it."""
    said = func.lower(func.replace(func.replace(column, " ", ""), "\u3000", ""))
    return select(Bid.lot_id).where(column.is_not(None)).group_by(Bid.lot_id, said).having(func.count() > 1)


def _filled(column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether a list kept as JSON has anything in it."""
    return cast(column, String).not_in(("[]", "null"))


def _only_valid(chosen: Chosen, ask: Ask, _: Session) -> list[Row]:
    """T5: one valid bid, the winner's, and enough rejected."""
    b = bids.c
    valid, rejected = count_if(b.status == "valid"), count_if(b.status == "disqualified")
    return ask(select(b.lot_id).group_by(b.lot_id).having(valid == 1, rejected >= chosen["min_rejected"]))


def _lowest_rejected(chosen: Chosen, ask: Ask, _: Session) -> list[Row]:
    """T7: a rejected bid is as low as any, and the award, if the lens has it, dearer by enough."""
    b, lowest, award = bids.c, priced.c, real(lots.c.award_price)
    query = (
        select(b.lot_id).distinct()
        .join(priced, (lowest.lot_id == b.lot_id) & (lowest.place == 1))
        .join(lots, lots.c.lot_id == b.lot_id)
        .where(b.status == "disqualified", real(b.price) <= lowest.price)
        .where(award.is_(None) | (award >= lowest.price * (1 + chosen["dearer"] - 1e-6)))
    )  # fmt: skip
    return ask(query)


_AWARDED_BIDS = select(Award.lot_id).join(Bid, Bid.lot_id == Award.lot_id).where(Award.status == "awarded")
_SELECTS: dict[str, Callable[[Chosen, Ask, Session], list[Row]]] = {
    "B4": _same_machine, "B6": _same_account, "B10": _ladder, "T8": _short_time, "T10": _large_deposit,
    "T4": _related_to_tenderer, "B16": _one_control, "T9": _opened_off_time, "O8": _awarded_off_time, "O10": _publicity, "T16": _contract_grew,
    "T5": _only_valid, "T7": _lowest_rejected,
    "T12": _ids(
        _AWARDED_BIDS.join(Lot, Lot.id == Award.lot_id)
        .where(Bid.bidder_id == Award.bidder_id, Bid.received_at > Lot.deadline).distinct()
    ),
    "B9": _ids(select(FileCheck.lot_id)), "B7": _ids(_same(Bid.manager)), "B8": _ids(_same(Bid.author)),
    "B15": _ids(select(Bid.lot_id).where((Bid.withdrawn_at.is_not(None)) | (Bid.decrypt_status == "failed")).distinct()),
    "B17": _ids(select(Bid.lot_id).where(_filled(Bid.consortium)).distinct()),
    "B20": _ids(select(Contract.lot_id).where(_filled(Contract.subcontractors)).distinct()),
    "O5": _ids(
        select(Award.lot_id).join(Organisation, Organisation.id == Award.bidder_id)
        .where(Award.status == "awarded", Organisation.established.is_not(None)).distinct()
    ),
    "E9": _tied_expert,
    "O7": _ids(select(Objection.lot_id).where(Objection.upheld.is_(True)).distinct()),
}  # fmt: skip
