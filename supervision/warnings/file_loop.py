"""Files in the watch: as soon as a lot's prices are read, the files its bids refer to are compared and what is alike raised."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid, FileCheck
from supervision.likeness.comparing import Alike, compare
from supervision.likeness.formats import MACHINE
from supervision.likeness.reading import Content, Unread, read_all
from supervision.likeness.references import TENDER, FilesOfLot, Reference, files_of, located
from supervision.readiness import Readiness, lots_readiness
from supervision.rules.baseline import Baselines
from supervision.rules.switchboard import in_force
from supervision.warnings.lot_loop import findings_of
from supervision.warnings.raising import raise_or_count

log = structlog.get_logger()

_PROGRESS_EVERY = 2.0
"""Seconds between two notes of how far the reading has come."""


class FileLoop:
    """Compares the files of lots whose records refer to any, each lot once for each set of files."""

    def __init__(self, ledger: Ledger, folder: Path, stop: threading.Event) -> None:
        self.ledger, self.folder, self.stop = ledger, folder, stop

    def tick(self, at: datetime, usual: Baselines) -> int:
        """Compare what is to be compared; gives how many lots were."""
        with self.ledger.read() as session:
            due = [
                files
                for lot in _with_files(session, at)
                if (files := files_of(session, lot)).digest != _compared(session, lot)
            ]
        for files in due:
            if self.stop.is_set():
                break
            self._compare(files)
            self._raise(files.lot, usual)
        return len(due)

    def _compare(self, files: FilesOfLot) -> None:
        began = time.monotonic()
        check = self._begin(files)
        contents: dict[str, Content] = {one.bidder: Content() for one in files.references}
        unread = self._read(files, check, contents)
        template = contents.pop(TENDER, Content())
        found = compare(contents, template, files.called)
        with self.ledger.write() as session:
            held = session.get_one(FileCheck, files.lot)
            held.state, held.done, held.checked_at = "done", held.size, now()
            held.unread, held.pairs = unread, [as_kept(one) for one in found]
        log.info(
            "bid files compared", lot=files.lot, bidders=len(contents), files=len(files.references), unread=len(unread),
            pairs=len(found), mb=round(check / 1e6, 1), seconds=round(time.monotonic() - began, 1),
        )  # fmt: skip

    def _begin(self, files: FilesOfLot) -> int:
        """Note that the comparison has begun; gives the bytes to read."""
        size = sum(_size(self.folder, one) for one in files.references)
        bidders = {one.bidder for one in files.references} - {TENDER}
        with self.ledger.write() as session:
            session.merge(
                FileCheck(
                    lot_id=files.lot, state="reading", digest=files.digest, bidders=len(bidders), files=len(files.references),
                    size=size, done=0, unread=[], pairs=[], started_at=now(), checked_at=None,
                )
            )  # fmt: skip
        return size

    def _read(self, files: FilesOfLot, size: int, contents: dict[str, Content]) -> list[dict[str, Any]]:
        """Fill the contents; gives the files that could not be read."""
        unread: list[dict[str, Any]] = []
        owners: dict[Path, list[Reference]] = {}
        for one in files.references:
            place = located(self.folder, one)
            if isinstance(place, Message):
                unread.append(_unread(one, place))
            else:
                owners.setdefault(place, []).append(one)
        done, noted = 0, time.monotonic()
        for path, read in read_all(list(owners)):
            for one in owners[path]:
                if isinstance(read, Unread):
                    unread.append(_unread(one, read.why))
                else:
                    contents[one.bidder].add(read)
            done += path.stat().st_size
            if time.monotonic() - noted > _PROGRESS_EVERY:
                noted = time.monotonic()
                with self.ledger.write() as session:
                    session.get_one(FileCheck, files.lot).done = min(done, size)
        return unread

    def _raise(self, lot: str, usual: Baselines) -> None:
        with self.ledger.write() as session:
            board = in_force(session)
            found = board.admitted(findings_of(session, [lot], now(), board))
            for warning in raise_or_count(session, [usual.of(one) for one in found], board):
                log.info("warning raised", id=warning.id, rule=warning.rule, severity=warning.level, lot=lot)


def _with_files(session: Session, at: datetime) -> list[str]:
    """Lots that have files to compare and whose prices are read, in order of name. What is compared is asked for in one
    place, so a lot whose files are as they were costs one select."""
    lots = list(
        session.scalars(select(Bid.lot_id).where(Bid.files.is_not(None)).distinct().order_by(Bid.lot_id))
    )
    ready = lots_readiness(session, lots, at)
    return [lot for lot in lots if ready.get(lot) is Readiness.PRICES]


def _compared(session: Session, lot: str) -> str:
    """The digest of what was compared of a lot; a comparison that was broken off counts as none."""
    query = select(FileCheck.digest).where(FileCheck.lot_id == lot, FileCheck.state == "done")
    return session.scalar(query) or ""


def _size(folder: Path, one: Reference) -> int:
    try:
        return (folder / one.path).stat().st_size
    except OSError:
        return 0


def _unread(one: Reference, why: Message) -> dict[str, Any]:
    return {"bidder": one.bidder, "path": one.path, "why": why.to_json()}


def as_kept(one: Alike) -> dict[str, Any]:
    """A pair as it is kept: serials and names of persons show their ends only."""
    return {
        "one": one.one, "other": one.other, "reasons": list(one.reasons), "text": round(one.text, 4),
        "passages": [{"words": p.words, "one": list(p.one), "other": list(p.other)} for p in one.passages],
        "errors": list(one.errors), "mixed": list(one.mixed), "origin": [[kind, masked(kind, value)] for kind, value in one.origin],
        "contacts": one.contacts, "ratio": one.ratio, "at_ratio": round(one.at_ratio, 4), "items": one.items,
    }  # fmt: skip


def masked(kind: str, value: str) -> str:
    """What may be shown of an origin: a serial's ends, a person's first character; a time and a firm whole."""
    if kind in MACHINE:
        return f"{value[:2]}…{value[-2:]}"
    return f"{value[:1]}…" if kind in ("author", "editor") else value
