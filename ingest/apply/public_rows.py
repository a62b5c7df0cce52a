"""The public rows of lots, projects and awards: what the law lets everyone see, and from when.

Never here: bids, deposits, the base price 标底, who is bidding. Openings publish themselves through
`records.states`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from records.bulk import chunks, insert_rows
from records.clock import now, rfc3339
from records.public import past_record as pastrecord
from records.public import rows as public
from records.tables.base import table_of
from records.tables.broadcast import PublicEvent
from records.tables.evaluation import Evaluation
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from records.visibility import FIRST_MOMENT, Datum, LotClock, visible_from

PUBLIC: Table = table_of(PublicEvent)


def row(topic: str, subject: str, payload: dict[str, Any], since: datetime = FIRST_MOMENT) -> dict[str, Any]:
    """One row of `public_event`."""
    return {
        "topic": topic, "subject": subject, "position": 0, "day": None,
        "visible_from": since, "payload": payload, "created_at": now(), "project": payload.get("project"),
    }  # fmt: skip


def write(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert public rows in the caller's transaction."""
    if rows:
        insert_rows(session.connection(), PUBLIC, rows)


def _names(session: Session, ids: Iterable[str | None]) -> dict[str | None, str]:
    wanted = sorted({i for i in ids if i})
    found: dict[str | None, str] = {}
    for part in chunks(wanted):
        rows = session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(part)))
        found.update((key, name) for key, name in rows)
    return found


def projects(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `project`) of projects as they stand, each with its lots."""
    rows = []
    for part in chunks(sorted(set(ids))):
        found = session.execute(select(table_of(Project)).where(Project.id.in_(part))).mappings().all()
        lots: dict[str, list[dict[str, Any]]] = defaultdict(list)
        query = select(Lot.project_id, Lot.id, Lot.name).where(Lot.project_id.in_(part)).order_by(Lot.id)
        for project_id, lot_id, name in session.execute(query):
            lots[project_id].append({"id": lot_id, "title": name})
        names = _names(session, (held["tenderer_id"] for held in found))
        rows += [row("project", held["id"], _project(held, lots[held["id"]], names, demo)) for held in found]
    return rows


def _project(
    held: Mapping[Any, Any], lots: list[dict[str, Any]], names: Mapping[str | None, str], demo: frozenset[str]
) -> dict[str, Any]:
    return {
        "id": held["id"],
        "name": held["name"],
        "trade_family": held["trade_family"],
        "sector": held["sector"],
        "investment": public.money(held["investment"]),
        "key_flag": held["key_flag"],
        "tenderer": names.get(held["tenderer_id"]),
        "division": held["division_code"],
        "lots": lots,
        "demo": held["source"] in demo,
    }


def lots(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `lot`) of lots as they stand."""
    rows = []
    for part in chunks(sorted(set(ids))):
        query = select(table_of(Lot), Project.name.label("project_name"), Project.key_flag.label("key_flag"))
        found = session.execute(query.join(Project, Project.id == Lot.project_id).where(Lot.id.in_(part)))
        mapped = found.mappings().all()
        names = _names(session, (lot[who] for lot in mapped for who in ("tenderer_id", "agency_id")))
        times = public.opening_times(session, [lot["id"] for lot in mapped if lot["deadline"] is None])
        public.forget_unseen(session, "lot", part)
        for lot in mapped:
            project, at = (lot["project_name"], lot["key_flag"]), times.get(lot["id"])
            held = cast(Mapping[str, Any], lot)
            states = public.lot_rows(held, project, names, lot["source"] in demo, at)
            rows += [row("lot", lot["id"], payload, since) for payload, since in states]
    return rows


def awards(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `award`, subject the lot): candidates from their publicity, then the result.

    Each row is the lot's whole state at its stage, so that the newest visible one is the present one.
    """
    rows = []
    for part in chunks(sorted(set(lot_ids))):
        experts = _expert_counts(session, part)
        public.forget_unseen(session, "award", part)
        query = (
            select(Award, Lot, Organisation.name)
            .join(Lot, Lot.id == Award.lot_id)
            .join(Organisation, Organisation.id == Award.bidder_id)
            .where(Award.lot_id.in_(part))
            .order_by(Award.lot_id, Award.rank, Award.id)
        )
        held = session.execute(query).all()
        names = pastrecord.member_names(session, [award.consortium for award, *_ in held])
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


def _award_rows(
    lot_id: str, found: list[Any], demo: frozenset[str], experts: int | None
) -> list[dict[str, Any]]:
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
        "price": public.money(award.price),
        "currency": award.currency,
    }


def past_records(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Rows (topic `record`, subject the opening) of the openings of these lots that came as history."""
    return [
        row("record", told.opening, {**told.payload, "demo": told.source in demo}, told.visible_from)
        for part in chunks(sorted(set(lot_ids)))
        for told in pastrecord.past_records(session, part)
    ]


def openings(session: Session, ids: Iterable[str]) -> None:
    """Publish the state of openings as they stand; what they refer to is loaded together first."""
    for part in chunks(sorted(set(ids))):
        found = session.scalars(select(Opening).where(Opening.id.in_(part))).all()
        kept = _load(session, Lot, {o.lot_id for o in found})
        kept += _load(session, Project, {lot.project_id for lot in kept})
        rooms = _load(session, Room, {o.room_id for o in found if o.room_id})
        kept += rooms + _load(session, Centre, {room.centre_id for room in rooms})
        people = {who for lot in kept if isinstance(lot, Lot) for who in (lot.tenderer_id, lot.agency_id)}
        kept += _load(session, Organisation, {who for who in people if who})
        for opening in found:
            public.publish_opening(session, opening)
        session.flush()


def _load(session: Session, model: Any, ids: set[str]) -> list[Any]:
    return list(session.scalars(select(model).where(model.id.in_(sorted(ids))))) if ids else []
