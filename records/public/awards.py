"""The public rows of awards: the candidates from their publicity, then the result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.bulk import chunks
from records.clock import rfc3339
from records.public.past_record import member_names
from records.public.rows import Row, forget_unseen, money, row
from records.tables.evaluation import Evaluation
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.visibility import Datum, LotClock, visible_from


@dataclass(frozen=True)
class _Award:
    """An award with its lot and the names of who won."""

    award: Award
    lot: Lot
    name: str
    members: list[str]
    """The other firms of a consortium."""

    def line(self) -> dict[str, Any]:
        """It as one candidate of its lot."""
        return {
            "rank": self.award.rank,
            "name": self.name,
            **({"members": self.members} if self.members else {}),
            "price": money(self.award.price),
            "currency": self.award.currency,
            **({} if self.award.vat is None else {"vat": self.award.vat}),
        }


def awards(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Public rows (topic `award`, subject the lot): candidates from their publicity, then the result.

    Each row is the lot's whole state at its stage, so that the newest visible one is the present one.
    """
    rows = []
    for part in chunks(sorted(set(lot_ids))):
        experts = _expert_counts(session, part)
        forget_unseen(session, "award", part)
        for lot_id, found in _by_lot(session, part).items():
            rows += _of_lot(lot_id, found, demo, experts.get(lot_id))
    return rows


def _by_lot(session: Session, lot_ids: Sequence[str]) -> dict[str, list[_Award]]:
    query = (
        select(Award, Lot, Organisation.name)
        .join(Lot, Lot.id == Award.lot_id)
        .join(Organisation, Organisation.id == Award.bidder_id)
        .where(Award.lot_id.in_(lot_ids))
        .order_by(Award.lot_id, Award.rank, Award.id)
    )
    held = session.execute(query).all()
    names = member_names(session, [award.consortium for award, *_ in held])
    found: dict[str, list[_Award]] = defaultdict(list)
    for award, lot, name in held:
        members = [names[key] for key in award.consortium if key in names]
        found[award.lot_id].append(_Award(award, lot, name, members))
    return found


def _expert_counts(session: Session, lot_ids: Sequence[str]) -> dict[str, int]:
    """Procurement lot → number of experts: their names would be due (政府采购法实施条例 art. 43), pseudonyms
    are what is held."""
    query = (
        select(Evaluation.lot_id, func.max(Evaluation.experts))
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(Evaluation.lot_id.in_(lot_ids), Lot.trade_family == "procurement")
        .group_by(Evaluation.lot_id)
    )
    return {lot_id: number for lot_id, number in session.execute(query) if number}


def _of_lot(lot_id: str, found: list[_Award], demo: frozenset[str], experts: int | None) -> list[Row]:
    in_force = [one for one in found if one.award.status != "cancelled"]
    won = [one for one in in_force if one.award.status == "awarded"]
    clock, lot = _clock(found), found[0].lot
    base = {
        "lot": lot_id,
        "title": lot.name,
        "project": lot.project_id,
        "candidates": [one.line() for one in in_force] if clock.publicity else [],
        "publicity_from": rfc3339(clock.publicity),
        "publicity_until": rfc3339(_until(in_force)),
        "demo": found[0].award.source in demo,
    }
    rows = []
    if since := visible_from(Datum.CANDIDATES, clock):
        rows.append(row("award", lot_id, {**base, "stage": "publicity", "awarded": []}, since))
    if (since := visible_from(Datum.AWARD, clock)) and (won or not in_force):
        experts_known = visible_from(Datum.EXPERTS, clock) is not None
        result = {**base, **_result(won), **({"experts": experts} if experts and experts_known else {})}
        rows.append(row("award", lot_id, result, since))
    return rows


def _until(found: list[_Award]) -> datetime | None:
    return max((one.award.publicity_until for one in found if one.award.publicity_until), default=None)


def _clock(found: list[_Award]) -> LotClock:
    return LotClock(
        deadline=found[0].lot.deadline,
        publicity=min((one.award.publicity_from for one in found if one.award.publicity_from), default=None),
        awarded=max((one.award.awarded_at for one in found if one.award.awarded_at), default=None),
    )


def _result(won: list[_Award]) -> dict[str, Any]:
    lines = [{**one.line(), "awarded_at": rfc3339(one.award.awarded_at)} for one in won]
    return {"stage": "awarded" if won else "cancelled", "awarded": lines}
