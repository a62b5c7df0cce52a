"""The files of a lot's bidders and of its tender documents, as the records refer to them, and where they lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records.bids_on_hand import bids_on_hand
from records.tables.organisations import Organisation
from records.tables.procedure import Notice

TENDER = ""
"""Stands for the tender documents where files are told by bidder."""
_CALLING = ("tender", "change")
"""Notices that come with tender documents."""


@dataclass(frozen=True)
class Reference:
    """One file a record refers to."""

    bidder: str
    """Its bidder; TENDER for the tender documents."""
    path: str
    """Below the folder of bid files."""
    sha256: str | None


@dataclass(frozen=True)
class FilesOfLot:
    """All files of a lot's bids on hand and tender documents."""

    lot: str
    references: tuple[Reference, ...]
    called: dict[str, str]
    """Bidder → its name."""

    @property
    def digest(self) -> str:
        """Of what is to be compared: another value means to compare anew."""
        files = sorted([one.bidder, one.path, one.sha256 or ""] for one in self.references)
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def files_of(session: Session, lot: str) -> FilesOfLot:
    """What the records of a lot refer to."""
    bids = bids_on_hand(session, lot)
    found = [one for bid in bids for one in _references(bid.bidder_id, bid.files)]
    notices = select(Notice.files).where(
        Notice.lot_id == lot, Notice.type.in_(_CALLING), Notice.files.is_not(None)
    )
    found += [one for files in session.scalars(notices) for one in _references(TENDER, files)]
    firms = select(Organisation.id, Organisation.name).where(
        Organisation.id.in_({bid.bidder_id for bid in bids})
    )
    return FilesOfLot(lot, tuple(found), {row.id: row.name for row in session.execute(firms)})


def _references(bidder: str, files: Sequence[Any] | None) -> Iterator[Reference]:
    for file in files or ():
        yield Reference(bidder, file["path"], file.get("sha256"))


def located(folder: Path, one: Reference) -> Path | Message:
    """Where a file lies, or why it is not read: a reference may not lead out of the folder, and the file has to be the one
    that was announced."""
    path = (folder / one.path).resolve()
    if not path.is_relative_to(folder.resolve()):
        return Message("likeness.outside")
    try:
        if not path.is_file():
            return Message("likeness.not_there")
        if one.sha256 is not None:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != one.sha256:
                    return Message("likeness.another_file")
    except OSError as error:
        return Message("likeness.no_access", detail=error.strerror or type(error).__name__)
    return path
