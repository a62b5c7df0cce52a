"""Keeping the lens in step with the ledger: which months changed, and rewriting only those."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from records import chain
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.broadcast import PublicEvent
from records.tables.intake import Journal
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation
from records.tables.projects import Lot
from records.tables.supervision import WatchMark
from records.tail import Tail, keep_mark
from records.visibility import award_come
from supervision.home import Place
from supervision.lens.export import candidates, chunks, export_month, month_of, opened_lots
from supervision.lens.reader import FORMAT, TABLES, Lens
from supervision.rules.readiness import SETTLED_AFTER

SETTLED_MARK = "lens:settled"
OPENING_TOPICS = ("opening", "opening_event")

log = structlog.get_logger()


class LensWriter:
    """The one writer of a lens. `refresh` follows the ledger, `sweep` compares everything."""

    def __init__(self, ledger: Ledger, data_dir: Path, home: Place | None = None) -> None:
        """`home` decides who is from outside; a lens seen from another place is built anew."""
        self.ledger = ledger
        self.home = home or Place()
        self.lens = Lens(data_dir)
        self.journal = Tail("lens:journal", select(Journal.lot_id, Journal.kind, Journal.key), Journal.seq)
        self.public = Tail("lens:public", select(PublicEvent.topic, PublicEvent.subject), PublicEvent.seq)
        self._settled_to: datetime | None = None
        self._whole: dict[Path, tuple[int, int]] = {}
        """File → time and size with which it was last found whole."""

    def start(self) -> list[str]:
        """Continue after the last run; without a usable lens build it whole. Returns the months written."""
        with self.ledger.read() as session:
            self.journal.resume(session)
            self.public.resume(session)
            mark = session.get(WatchMark, SETTLED_MARK)
        self._settled_to = _from_micros(mark.position) if mark else None
        return self.sweep()

    def refresh(self) -> list[str]:
        """Rewrite the months touched since the last call. Returns them."""
        at = now()
        with self.ledger.read() as session:
            lots = self._touched(session, at)
            months = self._months_of(session, lots, at)
        self._write(sorted(months), at)
        self._keep(at)
        return sorted(months)

    def sweep(self) -> list[str]:
        """Compare every month's fingerprint with the ledger and rewrite those that differ."""
        at = now()
        with self.ledger.read() as session:
            self._drain(session)
            prints = fingerprints(session, at)
        manifest = self.lens.manifest()
        held = manifest.get("months", {}) if self._ours(manifest) else {}
        differing = {
            month
            for month, mark in prints.items()
            if held.get(month, {}).get("print") != mark
            or not all(self._sound(name, month, held[month].get(name)) for name in TABLES)
        }
        months = sorted(differing | (set(held) - set(prints)) | self._left_over(manifest, prints))
        self._write(months, at, prints)
        self._settled_to = at - SETTLED_AFTER
        self._keep(at)
        return months

    # ── what changed ─────────────────────────────────────────────────────────

    def _drain(self, session: Session) -> None:
        """Skip what lies in the journal: the sweep sees the ledger itself."""
        for tail in (self.journal, self.public):
            while tail.poll(session, 10_000):
                pass

    def _touched(self, session: Session, at: datetime) -> set[str]:
        lots: set[str] = set()
        while rows := self.journal.poll(session, 10_000):
            lots.update(row.lot_id for row in rows if row.lot_id)
            lots |= self._renamed(session, rows)
        while rows := self.public.poll(session, 10_000):
            lots |= lots_of_openings(session, {r.subject for r in rows if r.topic in OPENING_TOPICS})
        since, until = self._settled_to, at - SETTLED_AFTER
        if since is not None:
            lots.update(session.scalars(select(Lot.id).where(Lot.deadline > since, Lot.deadline <= until)))
            come = (Award.awarded_at > since + SETTLED_AFTER, Award.awarded_at <= at)
            lots.update(session.scalars(select(Award.lot_id).where(*come)))
        self._settled_to = until
        return lots

    def _renamed(self, session: Session, rows: Iterable[Any]) -> set[str]:
        """Lots shown with an organisation or centre whose name or place is no longer what the ledger says."""
        keys: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            keys[row.kind].add(row.key)
        found: set[str] = set()
        for part in chunks(sorted(keys["organisation"])):
            query = select(Organisation.id, Organisation.division_code, Organisation.name)
            for firm, division, name in session.execute(query.where(Organisation.id.in_(part))):
                found.update(
                    lot for (lot,) in self.lens.rows(
                        "SELECT lot_id FROM bids WHERE bidder_id = $firm AND $division IS NOT NULL"
                        " AND bidder_division IS DISTINCT FROM $division"
                        " UNION SELECT lot_id FROM lots WHERE winner_id = $firm AND winner_name <> $name",
                        {"firm": firm, "division": division, "name": name},
                    )
                )  # fmt: skip
        for part in chunks(sorted(keys["centre"])):
            for centre, name in session.execute(select(Centre.id, Centre.name).where(Centre.id.in_(part))):
                query_lots = "SELECT lot_id FROM lots WHERE centre_id = ? AND centre_name IS DISTINCT FROM ?"
                found.update(lot for (lot,) in self.lens.rows(query_lots, [centre, name]))
        return found

    def _months_of(self, session: Session, lots: set[str], at: datetime) -> set[str]:
        """The months the lots belong to now and the months the lens has them in."""
        if not lots:
            return set()
        ids = sorted(lots)
        present = {month_of(lot.opened_at) for lot in opened_lots(session, ids, at)}
        query = "SELECT DISTINCT month FROM lots WHERE lot_id IN (SELECT unnest($lots))"
        held = {month for (month,) in self.lens.rows(query, {"lots": ids})}
        return present | held

    # ── writing ──────────────────────────────────────────────────────────────

    def _write(self, months: Sequence[str], at: datetime, prints: dict[str, str] | None = None) -> None:
        manifest = deepcopy(self.lens.manifest())
        if not self._ours(manifest):
            version = int(manifest.get("version", 0))
            manifest = {"format": FORMAT, "home": list(self.home.prefixes), "version": version, "months": {}}
        for month in months:
            with self.ledger.read() as session:
                tables = dict(zip(TABLES, export_month(session, month, at, self.home), strict=True))
                mark = (prints or {}).get(month) or fingerprint(session, month, at)
            for name, table in tables.items():
                _replace(self._file(name, month), table)
            rows = {name: table.num_rows for name, table in tables.items()}
            manifest["months"].pop(month, None)
            if any(rows.values()):
                manifest["months"][month] = {**rows, "print": mark}
        if months:
            manifest["version"] += 1
            log.info("lens refreshed", months=list(months), version=manifest["version"])
        manifest["as_of"] = at.isoformat()
        _replace_text(self.lens.manifest_path, json.dumps(manifest, sort_keys=True, indent=1))

    def _ours(self, manifest: dict[str, Any]) -> bool:
        return manifest.get("format") == FORMAT and manifest.get("home") == list(self.home.prefixes)

    def _left_over(self, manifest: dict[str, Any], prints: dict[str, str]) -> set[str]:
        """Months an older lens has files of that nothing belongs to any more."""
        if self._ours(manifest):
            return set()
        files = self.lens.folder.glob("*/month=*/data.parquet")
        return {file.parent.name.removeprefix("month=") for file in files} - set(prints)

    def _sound(self, table: str, month: str, rows: int | None) -> bool:
        """Whether a file can be read to its end and holds what the manifest says. One that was found whole is read
        again only after it changed."""
        path = self._file(table, month)
        try:
            seen = (path.stat().st_mtime_ns, path.stat().st_size)
            if self._whole.get(path) == seen:
                return True
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                held = file.read()
            whole = held.schema.equals(TABLES[table]) and held.num_rows == rows
            whole = whole and set(held["month"].to_pylist()) <= {month}
        except (OSError, pa.ArrowException) as error:
            log.warning("lens file damaged", table=table, month=month, error=str(error)[:200])
            return False
        if whole:
            self._whole[path] = seen
        return whole

    def _file(self, table: str, month: str) -> Path:
        return self.lens.folder / table / f"month={month}" / "data.parquet"

    def _keep(self, at: datetime) -> None:
        """Only after the files stand: a crash before this repeats work, a crash after it loses none."""
        with self.ledger.write() as session:
            keep_mark(session, self.journal.name, self.journal.position)
            keep_mark(session, self.public.name, self.public.position)
            keep_mark(session, SETTLED_MARK, _micros(self._settled_to or at - SETTLED_AFTER))


def lots_of_openings(session: Session, openings: set[str]) -> set[str]:
    """The lots of some openings."""
    found: set[str] = set()
    for part in chunks(sorted(openings)):
        found.update(session.scalars(select(Opening.lot_id).where(Opening.id.in_(part))))
    return found


def fingerprints(session: Session, at: datetime) -> dict[str, str]:
    """Month → digest of what decides its rows: number and newest change of its lots, bids and awards."""
    lots = opened_lots(session, sorted(session.scalars(select(Lot.id))), at)
    changed: dict[str, list[str]] = defaultdict(list)
    for table, column in ((Lot, Lot.id), (Bid, Bid.lot_id), (Award, Award.lot_id)):
        query = select(column, _count(table, at), func.max(table.updated_at)).group_by(column)
        for lot_id, count, newest in session.execute(query):
            changed[lot_id].append(f"{table.__tablename__}:{count}:{newest.isoformat()}")
    months: dict[str, list[list[Any]]] = defaultdict(list)
    for lot in lots:
        months[month_of(lot.opened_at)].append(_line(lot.id, lot.opened_at, lot.opened, changed[lot.id]))
    return {month: chain.digest(sorted(lines)) for month, lines in months.items()}


def fingerprint(session: Session, month: str, at: datetime) -> str:
    """The digest of one month, from its own lots only."""
    lots = [
        lot
        for lot in opened_lots(session, candidates(session, month), at)
        if month_of(lot.opened_at) == month
    ]
    changed: dict[str, list[str]] = defaultdict(list)
    for table, column in ((Lot, Lot.id), (Bid, Bid.lot_id), (Award, Award.lot_id)):
        for part in chunks([lot.id for lot in lots]):
            query = (
                select(column, _count(table, at), func.max(table.updated_at))
                .where(column.in_(part))
                .group_by(column)
            )
            for lot_id, count, newest in session.execute(query):
                changed[lot_id].append(f"{table.__tablename__}:{count}:{newest.isoformat()}")
    return chain.digest(sorted(_line(lot.id, lot.opened_at, lot.opened, changed[lot.id]) for lot in lots))


def _count(table: type[Lot | Bid | Award], at: datetime) -> ColumnElement[int]:
    """Rows that count at the moment `at`: awards dated ahead do not yet."""
    return func.count() if table is not Award else func.sum(case((award_come(at), 1), else_=0))


def _line(lot_id: str, opened: datetime | None, is_open: bool, changed: list[str]) -> list[Any]:
    return [lot_id, opened.isoformat() if opened else None, is_open, *changed]


def _replace(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    temporary.replace(path)


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
