"""The public rows of awards: the candidates from their publicity, then the result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
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


def awards(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Public rows (topic `award`, subject the lot): candidates from their publicity, then the result.

    Each row is the lot's whole state at its stage, so that the newest visible one is the present one.
    """
    rows = []
    for part in chunks(sorted(set(lot_ids))):
        experts = _expert_counts(session, part)
        forget_unseen(session, "award", part)
        query = (
            select(Award, Lot, Organisation.name)
            .join(Lot, Lot.id == Award.lot_id)
            .join(Organisation, Organisation.id == Award.bidder_id)
            .where(Award.lot_id.in_(part))
            .order_by(Award.lot_id, Award.rank, Award.id)
        )
        held = session.execute(query).all()
        names = member_names(session, [award.consortium for award, *_ in held])
        groups: dict[str, list[Any]] = defaultdict(list)
        for award, lot, name in held:
            members = [names[key] for key in award.consortium if key in names]
            groups[award.lot_id].append((award, lot, name, members))
        for lot_id, found_rows in groups.items():
            rows += _award_rows(lot_id, found_rows, demo, experts.get(lot_id))
    return rows


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


def _award_rows(lot_id: str, found: list[Any], demo: frozenset[str], experts: int | None) -> list[Row]:
    standing = [held for held in found if held[0].status != "cancelled"]
    won = [held for held in standing if held[0].status == "awarded"]
    publicity = [held[0].publicity_from for held in found if held[0].publicity_from]
    decided = [held[0].awarded_at for held in found if held[0].awarded_at]
    clock = LotClock(
        deadline=found[0][1].deadline,
        publicity=min(publicity) if publicity else None,
        awarded=max(decided) if decided else None,
    )
    base = {
        "lot": lot_id,
        "title": found[0][1].name,
        "project": found[0][1].project_id,
        "candidates": [_line(held) for held in standing] if publicity else [],
        "demo": found[0][0].source in demo,
    }
    rows = []
    if since := visible_from(Datum.CANDIDATES, clock):
        span = {
            "publicity_until": rfc3339(
                max((r[0].publicity_until for r in standing if r[0].publicity_until), default=None)
            )
        }
        rows.append(row("award", lot_id, {**base, "stage": "publicity", "awarded": [], **span}, since))
    if (since := visible_from(Datum.AWARD, clock)) and (won or not standing):
        lines = [{**_line(held), "awarded_at": rfc3339(held[0].awarded_at)} for held in won]
        result = {**base, "stage": "awarded" if won else "cancelled", "awarded": lines}
        if experts and visible_from(Datum.EXPERTS, clock) is not None:
            result["experts"] = experts
        rows.append(row("award", lot_id, result, since))
    return rows


def _line(found: Any) -> dict[str, Any]:
    award = found[0]
    return {
        "rank": award.rank,
        "name": found[2],
        **({"members": found[3]} if found[3] else {}),
        "price": money(award.price),
        "currency": award.currency,
    }
