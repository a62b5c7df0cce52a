"""The ledger as OCDS 1.1 release packages, in constant memory, written so that a broken run leaves no half file."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy.orm import Session

from ingest.apply.envelopes_of_rows import envelope, plain
from ingest.files.folders import new_folder
from ingest.ocds.writing.processes import Process, demo_sources, processes, without_release
from ingest.ocds.writing.public import visible
from ingest.ocds.writing.release import build
from ingest.ocds.writing.x_sunbid import dumps, extension
from records.clock import now
from records.ledger import Ledger

Json = dict[str, Any]
EXTENSIONS = tuple(
    f"https://raw.githubusercontent.com/open-contracting-extensions/ocds_{name}_extension/v1.1.5/extension.json"
    for name in ("bid", "lots")
)
_OTHER_RECORDS = "00000-standing.jsonl"
"""What hangs on no lot, one envelope a line; it sorts before the packages."""


@dataclass(frozen=True)
class OcdsProfile:
    """What the packages say of their publisher. The prefix of ocids is given out by the Open Contracting
    Partnership; "ocds-sunbid" stands in until the publisher has one of its own."""

    publisher: str = "sunbid 阳光开标"
    publisher_uri: str | None = None
    uri: str | None = None
    """Address under which the files will be published; without one they get a urn."""
    license: str | None = None
    publication_policy: str | None = None
    ocid_prefix: str = "ocds-sunbid"
    releases_per_file: int = 1_000
    bytes_per_file: int = 50_000_000


@dataclass
class ExportReport:
    """What an export wrote."""

    releases: int = 0
    lots: int = 0
    bids: int = 0
    awards: int = 0
    standing: int = 0
    """Records beside the releases (full export only)."""
    public: bool = False
    files: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> Json:
        """The report as the command line prints it."""
        return asdict(self)


Progress = Callable[[ExportReport], None]


def export_ocds(
    ledger: Ledger,
    out: Path,
    *,
    public: bool,
    profile: OcdsProfile | None = None,
    progress: Progress | None = None,
    at: datetime | None = None,
) -> ExportReport:
    """Write release packages into the folder `out`, which must be new or empty.

    `public`: only what everyone may see at `at` (default: now). Otherwise everything the ledger holds of
    the market, with `x_sunbid` beside, so that an import gives the same ledger. Raises FileExistsError if
    `out` holds anything.
    """
    new_folder(out)
    profile, moment, started = profile or OcdsProfile(), at or now(), time.monotonic()
    report = ExportReport(public=public)
    with ledger.read() as session:
        if not public:
            _write_other_records(out / _OTHER_RECORDS, session, report)
        found = processes(session, profile.ocid_prefix, full=not public)
        with _Packages(out, profile, moment, report) as packages:
            for process in found:
                release = _public(process, moment) if public else _full(process)
                if release is not None:
                    packages.add(release)
                    _count(report, release)
                    if progress and report.releases % 100 == 0:
                        progress(report)
    report.seconds = round(time.monotonic() - started, 3)
    if progress:
        progress(report)
    return report


def _full(process: Process) -> Json:
    release = build(process)
    return {**release, "x_sunbid": extension(process, release)}


def _public(process: Process, at: datetime) -> Json | None:
    shown = visible(process, at)
    if shown is None:
        return None
    release = build(*shown)
    return {**release, "x_sunbid": {"demo": True}} if _demo(process) else release


def _demo(process: Process) -> bool:
    return any(lot["source"] in process.demo for lot in process.lots)


def _count(report: ExportReport, release: Json) -> None:
    report.releases += 1
    report.lots += len(release["tender"].get("lots", ())) or 1
    report.bids += len(release.get("bids", {}).get("details", ()))
    report.awards += len(release.get("awards", ()))


def _write_other_records(path: Path, session: Session, report: ExportReport) -> None:
    part = path.with_suffix(".part")
    demo = demo_sources(session)
    with part.open("wb") as file:
        for kind, row, held in without_release(session):
            mark = {"demo": True} if row["source"] in demo else {}
            file.write(orjson.dumps(envelope(kind, row, held) | mark) + b"\n")
            report.standing += 1
    if report.standing:
        part.rename(path)
        report.files.append(path.name)
    else:
        part.unlink()


class _Packages(AbstractContextManager["_Packages"]):
    """Release packages one after another; a file has its name only when it is whole."""

    def __init__(self, out: Path, profile: OcdsProfile, moment: datetime, report: ExportReport) -> None:
        self._out, self._profile, self._moment, self._report = out, profile, moment, report
        self._file: IO[bytes] | None = None
        self._releases = self._bytes = self._number = 0

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._close()
        elif self._file:
            self._file.close()

    def add(self, release: Json) -> None:
        """One release into the file at hand or the next."""
        body = dumps(release)
        full = self._releases >= self._profile.releases_per_file
        if self._file and (full or self._bytes + len(body) > self._profile.bytes_per_file):
            self._close()
        if self._file is None:
            self._open()
        assert self._file is not None
        self._bytes += self._file.write((b",\n" if self._releases else b"\n") + body)
        self._releases += 1

    def _open(self) -> None:
        self._number += 1
        self._file = self._part().open("wb")
        head = orjson.dumps(self._head())
        self._bytes = self._file.write(head[:-1] + b',"releases":[')
        self._releases = 0

    def _part(self) -> Path:
        return self._out / f"releases-{self._number:05}.part"

    def _head(self) -> Json:
        name, profile = f"releases-{self._number:05}.json", self._profile
        head = {
            "uri": f"{profile.uri.rstrip('/')}/{name}" if profile.uri else uuid.uuid4().urn,
            "version": "1.1",
            "publishedDate": plain(self._moment),
            "extensions": list(EXTENSIONS),
            "publisher": {"name": profile.publisher, "uri": profile.publisher_uri},
            "license": profile.license,
            "publicationPolicy": profile.publication_policy,
        }
        return {key: value for key, value in head.items() if value is not None}

    def _close(self) -> None:
        if self._file is None:
            return
        self._file.write(b"\n]}\n")
        self._file.close()
        self._file = None
        done = self._part().with_suffix(".json")
        self._part().rename(done)
        self._report.files.append(done.name)
