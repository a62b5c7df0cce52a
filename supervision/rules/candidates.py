"""Which lots a lot rule may fire on, told by one select over everything: a scan then looks at those alone.

A select gives more lots than will fire, never fewer (tests/supervision/test_candidates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, String, cast, exists, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.tables.bids import Bid, FileCheck
from records.tables.evaluation import Evaluation, Expert, Fee, Score
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.relations import Relation
from supervision.lens.tables import bids
from supervision.rules.market_rule import Ask, Row, priced, share
from supervision.rules.serials import SHORTEST, latin

Chosen = Mapping[str, float]


def lots_that_may_fire(rules: Mapping[str, Chosen], ask: Ask, session: Session) -> set[str] | None:
    """Ids of the lots, for rules by id with their parameters; None if one of them has no such select and must look at
    every lot. Rules of one select are answered by asking it once.

    Lots whose files were compared are few and always among them. `ask` answers over the lens, which holds lots whose opening is over; `session` is the ledger's.
    """
    if not rules.keys() <= _SELECTS.keys():
        return None
    asked = {_SELECTS[rule]: chosen for rule, chosen in rules.items()}
    found = {row["lot_id"] for selects, chosen in asked.items() for row in selects(chosen, ask, session)}
    return found | set(session.scalars(select(FileCheck.lot_id)))


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
    """T8: hours below the days asked for; the calendar may count a day less than hours do."""
    query = select(Lot.id, Lot.notice_at, Lot.deadline).where(
        Lot.notice_at.is_not(None), Lot.deadline.is_not(None)
    )
    most = timedelta(days=chosen["days_to_bid"] + 1)
    return [{"lot_id": lot} for lot, notice, end in session.execute(query) if end - notice < most]  # type: ignore[operator]


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


def _contract_grew(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """T16: contracts that were changed, or are worth more than the award."""
    more = (
        select(Contract.lot_id)
        .join(Award, Award.lot_id == Contract.lot_id)
        .where(Contract.value > Award.price)
    )
    several = select(Contract.lot_id).group_by(Contract.lot_id).having(func.count() > 1)
    changed = select(Contract.lot_id).where(_filled(Contract.changes))
    return [{"lot_id": lot} for lot in session.scalars(union(more, several, changed))]


def _related(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """T4, B16: lots in which one bids who is related to anybody, or whose legal representative has a namesake."""
    namesakes = select(Organisation.legal_rep).group_by(Organisation.legal_rep).having(func.count() > 1)
    known = union(
        select(Relation.from_id), select(Relation.to_id), select(Organisation.id).where(Organisation.legal_rep.in_(namesakes))
    ).subquery("known")  # fmt: skip
    query = select(Bid.lot_id).where(Bid.bidder_id.in_(select(known.c[0]))).distinct()
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


_AWARDED_BIDS = select(Award.lot_id).join(Bid, Bid.lot_id == Award.lot_id).where(Award.status == "awarded")
_rejected = _ids(_AWARDED_BIDS.where(Bid.status == "disqualified").distinct())
"""T5, T7: awarded lots with a rejected bid."""
_SELECTS: dict[str, Callable[[Chosen, Ask, Session], list[Row]]] = {
    "B4": _same_machine, "B6": _same_account, "B10": _ladder, "T8": _short_time, "T10": _large_deposit,
    "T4": _related, "B16": _related, "T9": _opened_off_time, "O8": _awarded_off_time, "O10": _publicity, "T16": _contract_grew,
    "T5": _rejected, "T7": _rejected,
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
