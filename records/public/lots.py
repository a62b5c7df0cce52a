"""The public rows of projects and lots: what notice and tender documents say, nothing of bidders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.bulk import chunks
from records.clock import now, rfc3339
from records.keys import key_of
from records.public.rows import Row, demo_sources, forget_unseen, money, row, write
from records.tables.base import table_of
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project
from records.visibility import FIRST_MOMENT, Datum, LotClock, status_from, visible_from

_LOT_PLAIN = (
    "id", "trade_family", "category", "method", "evaluation_method", "currency", "round", "status",
    "prequalification", "flags", "unified_deal_code", "classify_code",
)  # fmt: skip
_LOT_MOMENTS = ("notice_at", "deadline", "planned_award_at")
_BASE_PRICE_OUT = frozenset(
    {"opening", "opened", "evaluating", "publicity", "re_evaluation", "awarded", "contracted", "archived"}
)
"""States of a lot whose opening has begun and has not failed: the base price 标底 was announced at it."""


def _lot_rows(
    row: Mapping[str, Any],
    project: tuple[str, str | None],
    names: Mapping[str | None, str],
    demo: bool,
    opening_at: datetime | None = None,
) -> list[tuple[dict[str, Any], datetime]]:
    """(payload, visible from) of a lot as it stands: what notice and tender documents say, nothing of bidders.

    `row` holds the columns of `lot`, `project` its project's (name, key_flag), `names` those of
    organisations by id. `opening_at` stands in for a deadline that is not known. What hangs on the deadline
    comes as a second row, visible from then on: a status that tells how many have bid, and the base price
    标底 once the opening may have begun.
    """
    plain = _lot(row, project, names, demo)
    status_since = status_from(row["status"], row["deadline"] or opening_at)
    early = status_since > now()
    rows = [({**plain, "status": "bidding"} if early else plain, FIRST_MOMENT)]
    if row["base_price"] is not None and row["status"] in _BASE_PRICE_OUT:
        clock = LotClock(deadline=row["deadline"], bidders_published=row["deadline"])
        since = visible_from(Datum.BASE_PRICE, clock)
        if since is not None:
            return [*rows, ({**plain, "base_price": money(row["base_price"])}, since)]
    return [*rows, (plain, status_since)] if early else rows


def _lot(
    row: Mapping[str, Any], project: tuple[str, str | None], names: Mapping[str | None, str], demo: bool
) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _LOT_PLAIN},
        **{name: rfc3339(row[name]) for name in _LOT_MOMENTS},
        "title": row["name"],
        "project": row["project_id"],
        "project_name": project[0],
        "tender_project": row["tender_project_id"] and key_of(row["tender_project_id"]),
        "tenderer": names.get(row["tenderer_id"]),
        "agency": names.get(row["agency_id"]),
        "centre": row["centre_id"],
        **({} if row["vat"] is None else {"vat": row["vat"]}),
        "control_price": money(row["control_price"]),
        **({} if row["start_price"] is None else {"start_price": money(row["start_price"])}),
        "deposit_required": money(row["deposit_required"]),
        "key_project": bool(project[1]),
        "division": row["division_code"],
        "demo": demo,
    }


def publish_lot(session: Session, lot: Lot) -> None:
    """Write the public state of a lot as it stands, in the caller's transaction."""
    write(session, lots(session, [lot.id], demo_sources(session)))


def _opening_times(session: Session, lot_ids: Iterable[str]) -> dict[str, datetime]:
    """Lot → when its latest opening is announced for."""
    query = (
        select(Opening.lot_id, func.max(Opening.scheduled_at).label("at"))
        .where(Opening.lot_id.in_(list(lot_ids)), Opening.state != "cancelled")
        .group_by(Opening.lot_id)
    )
    return {row.lot_id: row.at for row in session.execute(query)}


def projects(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
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
        "investment": money(held["investment"]),
        "key_flag": held["key_flag"],
        "tenderer": names.get(held["tenderer_id"]),
        "division": held["division_code"],
        "lots": lots,
        "demo": held["source"] in demo,
    }


def lots(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Public rows (topic `lot`) of lots as they stand."""
    rows = []
    for part in chunks(sorted(set(ids))):
        query = select(table_of(Lot), Project.name.label("project_name"), Project.key_flag.label("key_flag"))
        found = session.execute(query.join(Project, Project.id == Lot.project_id).where(Lot.id.in_(part)))
        mapped = found.mappings().all()
        names = _names(session, (lot[who] for lot in mapped for who in ("tenderer_id", "agency_id")))
        times = _opening_times(session, [lot["id"] for lot in mapped if lot["deadline"] is None])
        forget_unseen(session, "lot", part)
        for lot in mapped:
            project, at = (lot["project_name"], lot["key_flag"]), times.get(lot["id"])
            held = cast(Mapping[str, Any], lot)
            states = _lot_rows(held, project, names, lot["source"] in demo, at)
            rows += [row("lot", lot["id"], payload, since) for payload, since in states]
    return rows


def _names(session: Session, ids: Iterable[str | None]) -> dict[str | None, str]:
    wanted = sorted({i for i in ids if i})
    found: dict[str | None, str] = {}
    for part in chunks(wanted):
        rows = session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(part)))
        found.update((key, name) for key, name in rows)
    return found
