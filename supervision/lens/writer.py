"""Keeping the lens in step with the ledger: which months changed, and rewriting only those.

Files are never changed: a month that is rewritten gets new ones, named by the version, and the manifest that names them
replaces the one before in one step. So a reader sees all of a refresh or nothing of it.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from sqlalchemy import URL, select
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import PublicEvent
from records.tables.intake import Journal
from records.tables.organisations import Centre, Organisation
from records.tables.projects import Lot
from records.tables.supervision import WarningChange, WatchMark
from records.tail import Tail, keep_mark
from supervision.home import Place
from supervision.lens.changes import fingerprint, fingerprints, lots_come, lots_of_openings
from supervision.lens.many_months import on_cores
from supervision.lens.months import chunks, month_of, opened_lots
from supervision.lens.of_lots import month_of_lots
from supervision.lens.reader import Lens
from supervision.lens.schema import FORMAT, OF_LOTS, TABLES
from supervision.lens.without_lot import OWN_TABLES, months_of_keys, own_fingerprint, own_month, own_months
from supervision.readiness import SETTLED_AFTER

SETTLED_MARK = "lens:settled"
OPENING_TOPICS = ("opening", "opening_event")
KEPT_SECONDS = 600.0
"""How long files stay that no manifest names any more: whoever began to read them may end."""
BY_LOTS = "lots"
"""The part of a month that is of lots; its other parts are the tables that stand by themselves."""
PARTS: Mapping[str, tuple[str, ...]] = {
    BY_LOTS: ("bids", "lots", *OF_LOTS), **{name: (name,) for name in OWN_TABLES},
}  # fmt: skip
"""Part of a month, written at once → its tables."""
_BY_KIND = {table.journal: name for name, table in OWN_TABLES.items() if table.journal}

Unit = tuple[str, str]
"""(part, month)."""
Files = dict[str, dict[str, Any]]
"""Table → its file and how many rows it has."""
Job = tuple[Unit, datetime, int, str]
"""What is to be written, as of when, of which version, and its fingerprint ("": not known yet)."""
Made = tuple[str, Files]
"""The fingerprint of what was written, and its files."""
Progress = Callable[[int, int], None]
"""Told how many parts of months are written, of how many."""
MANY = 24
"""Parts of months from which it pays to have other processes write them too."""

log = structlog.get_logger()


class LensWriter:
    """The one writer of a lens. `refresh` follows the ledger, `sweep` compares everything."""

    def __init__(self, ledger: Ledger, data_dir: Path, home: Place | None = None, workers: int = 1) -> None:
        """`home` decides who is from outside; a lens seen from another place is built anew. With several `workers`
        many months are written at once, by processes of their own."""
        self.ledger, self.data_dir, self.workers = ledger, data_dir, workers
        self.home = home or Place()
        self.lens = Lens(data_dir)
        self.journal = Tail("lens:journal", select(Journal.lot_id, Journal.kind, Journal.key), Journal.seq)
        self.public = Tail("lens:public", select(PublicEvent.topic, PublicEvent.subject), PublicEvent.seq)
        self.warnings = Tail("lens:warnings", select(WarningChange.warning_id), WarningChange.seq)
        self._settled_to: datetime | None = None
        self._whole: dict[Path, tuple[int, int]] = {}
        """File → time and size with which it was last found whole."""
        self._unnamed: dict[Path, float] = {}
        """File that no manifest names → since when, by the monotonic clock."""

    @property
    def _tails(self) -> tuple[Tail, Tail, Tail]:
        return self.journal, self.public, self.warnings

    def start(self, progress: Progress = lambda _done, _all: None) -> list[str]:
        """Continue after the last run; without a usable lens build it whole. Returns the months written."""
        with self.ledger.read() as session:
            for tail in self._tails:
                tail.resume(session)
            mark = session.get(WatchMark, SETTLED_MARK)
        self._settled_to = _from_micros(mark.position) if mark else None
        return self.sweep(progress)

    def refresh(self) -> list[str]:
        """Rewrite the months touched since the last call. Returns them."""
        at = now()
        with self.ledger.read() as session:
            lots, keys = self._touched(session, at)
            units = {(BY_LOTS, month) for month in self._months_of(session, lots, at)}
            units |= {
                (name, month)
                for name, found in keys.items()
                for month in self._months_of_keys(session, name, found)
            }
            units |= self._differing(session, "leads", at)
        return self._write(units, at)

    def sweep(self, progress: Progress = lambda _done, _all: None) -> list[str]:
        """Compare every month's fingerprint with the ledger and rewrite those that differ."""
        at = now()
        with self.ledger.read() as session:
            self._drain(session)
            prints = {(BY_LOTS, month): mark for month, mark in fingerprints(session, at).items()}
            for name in OWN_TABLES:
                for month in own_months(session, name):
                    if mark := own_fingerprint(session, name, month, at):
                        prints[name, month] = mark
        held = self._held()
        differing = {unit for unit, mark in prints.items() if held.get(unit) != mark or not self._sound(unit)}
        self._settled_to = at - SETTLED_AFTER
        return self._write(differing | (set(held) - set(prints)), at, prints, progress)

    # ── what changed ─────────────────────────────────────────────────────────

    def _drain(self, session: Session) -> None:
        """Skip what lies in the tails: the sweep sees the ledger itself."""
        for tail in self._tails:
            while tail.poll(session, 10_000):
                pass

    def _touched(self, session: Session, at: datetime) -> tuple[set[str], dict[str, set[str]]]:
        """The lots touched, and by table the keys of rows that stand by themselves."""
        lots: set[str] = set()
        keys: dict[str, set[str]] = defaultdict(set)
        while rows := self.journal.poll(session, 10_000):
            lots.update(row.lot_id for row in rows if row.lot_id)
            lots |= self._renamed(session, rows)
            for row in rows:
                if row.kind in _BY_KIND:
                    keys[_BY_KIND[row.kind]].add(row.key)
        while rows := self.public.poll(session, 10_000):
            lots |= lots_of_openings(session, {r.subject for r in rows if r.topic in OPENING_TOPICS})
            keys["opinions"] |= {r.subject for r in rows if r.topic == "opinion"}
        while rows := self.warnings.poll(session, 10_000):
            keys["warnings"].update(row.warning_id for row in rows)
        return lots | self._come(session, at), keys

    def _come(self, session: Session, at: datetime) -> set[str]:
        """Lots that the clock has brought in, or something of them."""
        since, until = self._settled_to, at - SETTLED_AFTER
        self._settled_to = until
        if since is None:
            return set()
        settled = session.scalars(select(Lot.id).where(Lot.deadline > since, Lot.deadline <= until))
        return set(settled) | lots_come(session, since + SETTLED_AFTER, at)

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

    def _months_of_keys(self, session: Session, name: str, keys: set[str]) -> set[str]:
        """The months that rows of a table belong to now and those the lens has them in."""
        if not keys:
            return set()
        id_column = TABLES[name].names[1]
        query = f"SELECT DISTINCT month FROM {name} WHERE {id_column} IN (SELECT unnest($keys))"
        held = {month for (month,) in self.lens.rows(query, {"keys": sorted(keys)})}
        return months_of_keys(session, name, keys) | held

    def _differing(self, session: Session, name: str, at: datetime) -> set[Unit]:
        """The months of a small table that are no longer what the lens has."""
        held = {month: mark for (part, month), mark in self._held().items() if part == name}
        present = {month: own_fingerprint(session, name, month, at) for month in own_months(session, name)}
        return {
            (name, month) for month in present.keys() | held if present.get(month, "") != held.get(month, "")
        }

    # ── writing ──────────────────────────────────────────────────────────────

    def _held(self) -> dict[Unit, str]:
        """(part, month) → the fingerprint the lens has of it; nothing where it is not ours."""
        manifest = self.lens.manifest()
        if not self._ours(manifest):
            return {}
        return {
            (part, month): mark
            for month, entry in manifest["months"].items()
            for part, mark in entry["prints"].items()
        }

    def _write(
        self, units: Iterable[Unit], at: datetime, prints: Mapping[Unit, str] | None = None,
        progress: Progress = lambda _done, _all: None,
    ) -> list[str]:  # fmt: skip
        """New files for these parts of months, then the manifest that names them. Returns the months."""
        manifest, wanted = self._manifest(), sorted(units)
        version = manifest["version"] = manifest["version"] + bool(wanted)
        jobs = [(unit, at, version, (prints or {}).get(unit, "")) for unit in wanted]
        for done, ((part, month), (mark, files)) in enumerate(zip(wanted, self._made(jobs), strict=True), 1):
            self._keep_files(manifest["months"], part, month, mark, files)
            progress(done, len(wanted))
        manifest["as_of"] = at.isoformat()
        _replace_text(self.lens.manifest_path, json.dumps(manifest, sort_keys=True, indent=1))
        self._keep(at)
        self._remove_unnamed(manifest)
        months = sorted({month for _, month in wanted})
        if wanted:
            log.info(
                "lens refreshed", months=months, parts=sorted({part for part, _ in wanted}), version=version
            )
        return months

    def _made(self, jobs: Sequence[Job]) -> Iterable[Made]:
        """The files of parts of months, in their order."""
        if self.workers > 1 and len(jobs) >= MANY:
            return on_cores(self.workers, _maker, (self.ledger.url, self.data_dir, self.home), jobs)
        return map(self._make, jobs)

    def _make(self, job: Job) -> Made:
        (part, month), at, version, mark = job
        with self.ledger.read() as session:
            found = self._read(session, part, month, at)
            mark = mark or self._fingerprint(session, part, month, at)
        return mark, self._files(found, month, version)

    def _manifest(self) -> dict[str, Any]:
        """The manifest to go on from: that of the lens, or an empty one."""
        manifest = self.lens.manifest()
        if self._ours(manifest):
            return deepcopy(manifest)
        return {
            "format": FORMAT,
            "home": list(self.home.prefixes),
            "version": int(manifest.get("version", 0)),
            "months": {},
        }

    def _read(self, session: Session, part: str, month: str, at: datetime) -> dict[str, pa.Table]:
        if part == BY_LOTS:
            return month_of_lots(session, month, at, self.home)
        return {part: own_month(session, part, month, at)}

    def _fingerprint(self, session: Session, part: str, month: str, at: datetime) -> str:
        if part == BY_LOTS:
            return fingerprint(session, month, at)
        return own_fingerprint(session, part, month, at)

    def _files(self, tables: Mapping[str, pa.Table], month: str, version: int) -> dict[str, dict[str, Any]]:
        """Write the tables that have rows; where each is."""
        found = {}
        for name, table in tables.items():
            if table.num_rows:
                place = f"{name}/month={month}/{version}.parquet"
                _write_file(self.lens.folder / place, table)
                found[name] = {"file": place, "rows": table.num_rows}
        return found

    def _keep_files(
        self, months: dict[str, Any], part: str, month: str, mark: str, files: dict[str, dict[str, Any]]
    ) -> None:
        """Put a part of a month into the manifest, in place of what it was."""
        entry = months.setdefault(month, {"prints": {}, "tables": {}})
        for name in PARTS[part]:
            entry["tables"].pop(name, None)
        entry["prints"].pop(part, None)
        if files:
            entry["tables"] |= files
            entry["prints"][part] = mark
        if not entry["prints"]:
            del months[month]

    def _remove_unnamed(self, manifest: Mapping[str, Any]) -> None:
        """Remove files that no manifest has named for a while, by this writer's own watch."""
        named = {
            self.lens.folder / one["file"]
            for entry in manifest["months"].values()
            for one in entry["tables"].values()
        }
        unnamed = set(self.lens.folder.glob("*/month=*/*")) - named
        self._unnamed = {file: self._unnamed.get(file, time.monotonic()) for file in unnamed}
        for file, since in self._unnamed.items():
            if time.monotonic() - since > KEPT_SECONDS:
                file.unlink(missing_ok=True)

    def _ours(self, manifest: Mapping[str, Any]) -> bool:
        return manifest.get("format") == FORMAT and manifest.get("home") == list(self.home.prefixes)

    def _sound(self, unit: Unit) -> bool:
        """Whether the files of a part of a month can be read to their end and hold what the manifest says."""
        part, month = unit
        tables = self.lens.manifest()["months"][month]["tables"]
        return all(self._whole_file(name, month, tables[name]) for name in PARTS[part] if name in tables)

    def _whole_file(self, table: str, month: str, said: Mapping[str, Any]) -> bool:
        """Whether a file is whole. One that was found so is read again only after it changed."""
        path = self.lens.folder / said["file"]
        try:
            seen = (path.stat().st_mtime_ns, path.stat().st_size)
            if self._whole.get(path) == seen:
                return True
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                held = file.read()
            whole = held.schema.equals(TABLES[table]) and held.num_rows == said["rows"]
            whole = whole and set(held["month"].to_pylist()) <= {month}
        except (OSError, pa.ArrowException) as error:
            log.warning("lens file damaged", table=table, month=month, error=str(error)[:200])
            return False
        if whole:
            self._whole[path] = seen
        return whole

    def _keep(self, at: datetime) -> None:
        """Only after the files stand: a crash before this repeats work, a crash after it loses none."""
        with self.ledger.write() as session:
            for tail in self._tails:
                keep_mark(session, tail.name, tail.position)
            keep_mark(session, SETTLED_MARK, _micros(self._settled_to or at - SETTLED_AFTER))


def _maker(url: URL, data_dir: Path, home: Place) -> Callable[[Job], Made]:
    return LensWriter(Ledger(url), data_dir, home)._make


def _write_file(path: Path, table: pa.Table) -> None:
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
