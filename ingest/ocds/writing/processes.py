"""Contracting processes out of the ledger, a few hundred lots at a time, so that any ledger fits in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Table, select, tuple_
from sqlalchemy.orm import Session

from ingest.apply.envelopes_of_rows import Key, Row, rows_where, selection, stamps
from ingest.kinds.registry import KINDS, TABLES
from records.bulk import chunks
from records.tables.base import table_of
from records.tables.intake import Source
from records.tables.openings import OpeningEvent
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice
from records.tables.projects import Lot, Project

LOTS_AT_ONCE = 250
_LOT, _PROJECT, _ORGANISATION = table_of(Lot), table_of(Project), table_of(Organisation)
_EVENT, _NOTICE, _CONTRACT = table_of(OpeningEvent), table_of(Notice), table_of(Contract)


@dataclass
class Process:
    """One contracting process: a project with those of its lots that are tendered together, and all about them."""

    ocid: str
    project: Row
    lots: list[Row]
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Kind → rows that refer to a lot of the process, directly or through another row."""
    events: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Opening → its events in order."""
    organisations: dict[str, Row] = field(default_factory=dict)
    notices: list[Row] = field(default_factory=list)
    contracts: list[Row] = field(default_factory=list)
    held: dict[Key, tuple[int, str]] = field(default_factory=dict)
    demo: frozenset[str] = frozenset()


def ocid_of(project: str, lot: str, prefix: str) -> str:
    """A process that came with an ocid keeps it, with its lots; any other lot is a process of its own."""
    keeps = project.startswith("ocds-") and (lot == project or lot.startswith(f"{project}/"))
    return project if keeps else f"{prefix}-{lot}"


def processes(session: Session, prefix: str, *, full: bool) -> Iterator[Process]:
    """Every process of the ledger; with `full` also what only the ledger itself can take back."""
    pairs = groupby(_lots(session), key=lambda lot: ocid_of(lot["project_id"], lot["id"], prefix))
    grouped = ((ocid, list(lots)) for ocid, lots in pairs)
    demo = demo_sources(session)
    while part := _next_part(grouped):
        yield from _filled(session, part, demo, full)


def demo_sources(session: Session) -> frozenset[str]:
    """Sources of demonstration data 演示数据."""
    return frozenset(session.scalars(select(Source.name).where(Source.demo)))


def _next_part(grouped: Iterator[tuple[str, list[Row]]]) -> list[tuple[str, list[Row]]]:
    part: list[tuple[str, list[Row]]] = []
    size = 0
    for group in grouped:
        part.append(group)
        size += len(group[1])
        if size >= LOTS_AT_ONCE:
            break
    return part


def _lots(session: Session) -> Iterator[Row]:
    """All lots, those of one project together."""
    at = tuple_(_LOT.c.project_id, _LOT.c.id)
    query = selection("lot").order_by(_LOT.c.project_id, _LOT.c.id).limit(LOTS_AT_ONCE)
    found = session.execute(query).mappings().all()
    while found:
        yield from found
        last = found[-1]
        found = session.execute(query.where(at > (last["project_id"], last["id"]))).mappings().all()


def by_id(session: Session, table: Table, ids: Iterable[str | None]) -> dict[str, Row]:
    """Rows by their ids."""
    found: dict[str, Row] = {}
    for part in chunks(sorted({i for i in ids if i})):
        found.update(
            (row["id"], row) for row in session.execute(select(table).where(table.c.id.in_(part))).mappings()
        )
    return found


def _filled(
    session: Session, part: Sequence[tuple[str, list[Row]]], demo: frozenset[str], full: bool
) -> Iterator[Process]:
    projects = by_id(session, _PROJECT, (lots[0]["project_id"] for _, lots in part))
    made = [Process(ocid, projects[lots[0]["project_id"]], lots, demo=demo) for ocid, lots in part]
    by_lot = {lot["id"]: process for process in made for lot in process.lots}
    for kind in carried() if full else ("bid", "opening", "award"):
        _attach(session, kind, by_lot, made)
    _attach_events(session, {row["id"]: process for process in made for row in process.rows["opening"]})
    for row in _of_lots(session, _NOTICE, list(by_lot)):
        by_lot[row["lot_id"]].notices.append(row)
    for row in _of_lots(session, _CONTRACT, list(by_lot)):
        by_lot[row["lot_id"]].contracts.append(row)
    _attach_organisations(session, made)
    if full:
        _attach_versions(session, made)
    yield from made


def carried() -> list[str]:
    """Kinds that hang on a lot, directly or through another such kind: they travel with its release."""
    reach = {"lot"}
    for kind in KINDS:  # parents before children
        refers = {target for _, target in KINDS[kind].references}
        if kind not in _SHARED and kind in TABLES and refers & reach:
            reach.add(kind)
    return [kind for kind in KINDS if kind in reach and kind != "lot"]


_SHARED = frozenset({"centre", "room", "organisation", "project", "lot"})


def _attach(session: Session, kind: str, by_lot: dict[str, Process], made: list[Process]) -> None:
    """The rows of a kind to the processes of the lots (or bids, evaluations…) they refer to."""
    column, target = next(
        (column, target)
        for column, target in (*(r for r in KINDS[kind].references if r[1] == "lot"), *KINDS[kind].references)
        if target == "lot" or target in carried()
    )
    holders = by_lot
    if target != "lot":
        holders = {row["id"]: process for process in made for row in process.rows[target]}
    for row in rows_where(session, kind, column, list(holders)):
        holders[row[column]].rows[kind].append(row)


def _of_lots(session: Session, table: Table, lots: list[str]) -> Iterator[Row]:
    for part in chunks(lots):
        query = select(table).where(table.c.lot_id.in_(part)).order_by(table.c.id)
        yield from session.execute(query).mappings()


def _attach_events(session: Session, by_opening: dict[str, Process]) -> None:
    for part in chunks(list(by_opening)):
        query = (
            select(_EVENT).where(_EVENT.c.opening_id.in_(part)).order_by(_EVENT.c.opening_id, _EVENT.c.seq)
        )
        for row in session.execute(query).mappings():
            by_opening[row["opening_id"]].events[row["opening_id"]].append(row)


def _attach_organisations(session: Session, made: list[Process]) -> None:
    wanted = {process.ocid: set(_named(process)) for process in made}
    found = by_id(session, _ORGANISATION, set().union(*wanted.values()))
    for process in made:
        process.organisations = {key: found[key] for key in sorted(wanted[process.ocid]) if key in found}


def _named(process: Process) -> Iterator[str]:
    """Every organisation that a process names."""
    holders: list[tuple[Row, tuple[str, ...]]] = [(process.project, ("tenderer_id",))]
    holders += [(lot, ("tenderer_id", "agency_id")) for lot in process.lots]
    for kind, rows in process.rows.items():
        names = tuple(column for column, target in KINDS[kind].references if target == "organisation")
        holders += [(row, names) for row in rows]
    holders += [(row, ("bidder_id",)) for row in process.contracts]
    for row, names in holders:
        yield from (row[name] for name in names if row[name])
        yield from row.get("consortium") or ()
        yield from row.get("participants") or ()


def _attach_versions(session: Session, made: list[Process]) -> None:
    """Under which versions the ledger holds what the processes carry."""
    keys: dict[str, set[str]] = defaultdict(set)
    for process in made:
        keys["project"].add(process.project["id"])
        keys["lot"].update(lot["id"] for lot in process.lots)
        keys["organisation"].update(process.organisations)
        for kind, rows in process.rows.items():
            keys[kind].update(row["id"] for row in rows)
    held: dict[Key, tuple[int, str]] = {}
    for kind, wanted in keys.items():
        held |= stamps(session, kind, sorted(wanted))
    for process in made:
        process.held = held


def without_release(
    session: Session, size: int = 2_000
) -> Iterator[tuple[str, Row, dict[Key, tuple[int, str]]]]:
    """(kind, row, versions) of all that travels with no release: centres, rooms, firms without a bid, experts…"""
    travels = {"lot", *carried()}
    for kind in (kind for kind in KINDS if kind in TABLES and kind not in travels):
        rows = iter(session.execute(_in_no_release(kind).execution_options(yield_per=size)).mappings())
        while part := list(islice(rows, size)):
            held = stamps(session, kind, [row["id"] for row in part])
            for row in part:
                yield kind, row, held


def _in_no_release(kind: str) -> Any:
    """The rows of a kind that no lot names."""
    table = TABLES[kind]
    query = select(table).order_by(table.c.id)
    bid = TABLES["bid"]
    named = {
        "project": (_LOT.c.project_id,),
        "organisation": (_LOT.c.tenderer_id, _LOT.c.agency_id, bid.c.bidder_id),
    }
    for column in named.get(kind, ()):
        query = query.where(table.c.id.not_in(select(column).where(column.is_not(None))))
    return query
