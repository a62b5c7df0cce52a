"""The public rows of lots, projects and awards: what the law lets everyone see, and from when.

Never here: bids, deposits, the base price 标底, who is bidding. Openings publish themselves through
`records.states`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from ingest.rows import chunks, table_of
from records import public
from records.base import now
from records.broadcast import PublicEvent
from records.money import Award
from records.openings import Opening
from records.organisations import Centre, Organisation, Room
from records.projects import Lot, Project
from records.visibility import FIRST_MOMENT, Datum, LotClock, visible_from

PUBLIC: Table = table_of(PublicEvent)


def _row(topic: str, subject: str, payload: dict[str, Any], since: datetime = FIRST_MOMENT) -> dict[str, Any]:
    return {
        "topic": topic, "subject": subject, "position": 0, "day": None,
        "visible_from": since, "payload": payload, "created_at": now(),
    }  # fmt: skip


def write(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert public rows in the caller's transaction."""
    if rows:
        session.connection().execute(PUBLIC.insert(), rows)


def _names(session: Session, ids: Iterable[str | None]) -> dict[str | None, str]:
    wanted = sorted({i for i in ids if i})
    found: dict[str | None, str] = {}
    for part in chunks(wanted):
        rows = session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(part)))
        found.update((key, name) for key, name in rows)
    return found


def _money(amount: Any) -> str | None:
    return None if amount is None else format(amount, "f")


def projects(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `project`) of projects as they stand, each with its lots."""
    rows = []
    for part in chunks(sorted(set(ids))):
        found = session.execute(select(table_of(Project)).where(Project.id.in_(part))).mappings().all()
        lots: dict[str, list[dict[str, Any]]] = defaultdict(list)
        query = select(Lot.project_id, Lot.id, Lot.name).where(Lot.project_id.in_(part)).order_by(Lot.id)
        for project_id, lot_id, name in session.execute(query):
            lots[project_id].append({"id": lot_id, "title": name})
        names = _names(session, (row["tenderer_id"] for row in found))
        rows += [_row("project", row["id"], _project(row, lots[row["id"]], names, demo)) for row in found]
    return rows


def _project(
    row: Mapping[Any, Any], lots: list[dict[str, Any]], names: Mapping[str | None, str], demo: frozenset[str]
) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "trade_family": row["trade_family"],
        "sector": row["sector"],
        "investment": _money(row["investment"]),
        "key_flag": row["key_flag"],
        "tenderer": names.get(row["tenderer_id"]),
        "division": row["division_code"],
        "lots": lots,
        "demo": row["source"] in demo,
    }


def lots(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `lot`) of lots as they stand: what notice and tender documents say."""
    rows = []
    for part in chunks(sorted(set(ids))):
        query = select(table_of(Lot), Project.name.label("project_name"), Project.key_flag.label("key_flag"))
        found = session.execute(query.join(Project, Project.id == Lot.project_id).where(Lot.id.in_(part)))
        mapped = found.mappings().all()
        names = _names(session, (row[who] for row in mapped for who in ("tenderer_id", "agency_id")))
        rows += [_row("lot", row["id"], _lot(row, names, demo)) for row in mapped]
    return rows


def _lot(row: Mapping[Any, Any], names: Mapping[str | None, str], demo: frozenset[str]) -> dict[str, Any]:
    plain = (
        "id", "trade_family", "category", "method", "evaluation_method", "currency", "round", "status",
        "prequalification", "flags",
    )  # fmt: skip
    return {
        **{name: row[name] for name in plain},
        "title": row["name"],
        "project": row["project_id"],
        "project_name": row["project_name"],
        "tenderer": names.get(row["tenderer_id"]),
        "agency": names.get(row["agency_id"]),
        "centre": row["centre_id"],
        "control_price": _money(row["control_price"]),
        "deposit_required": _money(row["deposit_required"]),
        "notice_at": public.rfc3339(row["notice_at"]),
        "deadline": public.rfc3339(row["deadline"]),
        "planned_award_at": public.rfc3339(row["planned_award_at"]),
        "key_project": bool(row["key_flag"]),
        "division": row["division_code"],
        "demo": row["source"] in demo,
    }


def awards(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[dict[str, Any]]:
    """Public rows (topic `award`, subject the lot): candidates from their publicity, then the result.

    Each row is the lot's whole state at its stage, so that the newest visible one is the present one.
    """
    rows = []
    for part in chunks(sorted(set(lot_ids))):
        query = (
            select(Award, Lot.deadline, Lot.name, Lot.project_id, Organisation.name)
            .join(Lot, Lot.id == Award.lot_id)
            .join(Organisation, Organisation.id == Award.bidder_id)
            .where(Award.lot_id.in_(part))
            .order_by(Award.lot_id, Award.rank, Award.id)
        )
        groups: dict[str, list[Any]] = defaultdict(list)
        for found in session.execute(query):
            groups[found[0].lot_id].append(found)
        for lot_id, found_rows in groups.items():
            rows += _award_rows(lot_id, found_rows, demo)
    return rows


def _award_rows(lot_id: str, found: list[Any], demo: frozenset[str]) -> list[dict[str, Any]]:
    standing = [row for row in found if row[0].status != "cancelled"]
    won = [row for row in standing if row[0].status == "awarded"]
    publicity = [row[0].publicity_from for row in found if row[0].publicity_from]
    decided = [row[0].awarded_at for row in found if row[0].awarded_at]
    clock = LotClock(
        deadline=found[0][1],
        publicity=min(publicity) if publicity else None,
        awarded=max(decided) if decided else None,
    )
    base = {
        "lot": lot_id,
        "title": found[0][2],
        "project": found[0][3],
        "candidates": [_line(row) for row in standing] if publicity else [],
        "demo": found[0][0].source in demo,
    }
    rows = []
    if since := visible_from(Datum.CANDIDATES, clock):
        span = {
            "publicity_until": public.rfc3339(
                max((r[0].publicity_until for r in standing if r[0].publicity_until), default=None)
            )
        }
        rows.append(_row("award", lot_id, {**base, "stage": "publicity", "awarded": [], **span}, since))
    if (since := visible_from(Datum.AWARD, clock)) and (won or not standing):
        lines = [{**_line(row), "awarded_at": public.rfc3339(row[0].awarded_at)} for row in won]
        result = {**base, "stage": "awarded" if won else "cancelled", "awarded": lines}
        rows.append(_row("award", lot_id, result, since))
    return rows


def _line(row: Any) -> dict[str, Any]:
    award = row[0]
    return {
        "rank": award.rank,
        "name": row[4],
        "price": _money(award.price),
        "currency": award.currency,
    }


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
