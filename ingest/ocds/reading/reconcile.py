"""Envelopes of releases beside what the ledger holds, before they are judged.

Publishers release a process in parts, release a part again under the same date, and take a status back.
The schema allows all of it, so none of it may be refused: a part goes over what is held, other data under
the same date is a newer version, and a status that no lot may take keeps the one it has, with a note.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ingest.envelope import AHEAD, canonical
from ingest.files.pieces import Piece
from records.bulk import chunks
from records.clock import now
from records.states import IllegalTransition, check_lot_transition
from records.tables.base import table_of
from records.tables.intake import Held, Journal
from records.tables.projects import Lot

Json = dict[str, Any]
_HELD, _JOURNAL, _LOT = table_of(Held), table_of(Journal), table_of(Lot)
_WITH_DATA = ("lot", "project")
"""Kinds of which a release may say a part only."""


def over(before: Json, after: Json) -> Json:
    """What a partial release says over what was known."""
    return {**before, **{name: value for name, value in after.items() if value is not None}}


def lot_after(before: Json, after: Json) -> Json:
    """A lot after a partial release: what it says over what was known; its status never goes back."""
    data, status = over(before, after), before.get("status")
    if status and not _may_become(status, data.get("status") or status):
        data["status"] = status
    return data


def _may_become(before: str, after: str) -> bool:
    try:
        check_lot_transition(before, after)
    except IllegalTransition:
        return False
    return True


def reconciled(session: Session, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of one batch as they can be taken, in their order, with notes on what was left out."""
    batch = _Batch(session, pieces)
    return [made for piece in pieces for made in batch.reconciled(piece)]


@dataclass(slots=True)
class _Version:
    """A record as the ledger holds it, or as this batch will leave it."""

    number: int
    digest: bytes
    data: Json | None = None


def _digest(data: Json) -> bytes:
    return hashlib.sha256(canonical(data)).digest()


class _Batch:
    """What the ledger holds of the records of one batch."""

    def __init__(self, session: Session, pieces: Sequence[Piece]) -> None:
        self._held: dict[tuple[str, str, str], _Version] = {}
        self._lot_status: dict[str, str] = {}
        self._latest = now() + AHEAD
        keys: dict[str, set[str]] = defaultdict(set)
        for piece in pieces:
            if piece.version_derived and piece.envelope:
                keys[piece.envelope["kind"]].add(piece.envelope["key"])
        for kind, wanted in keys.items():
            for part in chunks(sorted(wanted)):
                self._fetch(session, kind, part)

    def _fetch(self, session: Session, kind: str, keys: Sequence[str]) -> None:
        columns = (_HELD.c.key, _HELD.c.source, _HELD.c.version, _HELD.c.digest)
        query: Any = select(*columns)
        if kind in _WITH_DATA:
            query = select(*columns, _JOURNAL.c.data).join(_JOURNAL, _JOURNAL.c.seq == _HELD.c.seq)
        for key, source, *held in session.execute(query.where(_HELD.c.kind == kind, _HELD.c.key.in_(keys))):
            self._held[kind, key, source] = _Version(*held)
        if kind == "lot":
            found = session.execute(select(_LOT.c.id, _LOT.c.status).where(_LOT.c.id.in_(keys)))
            self._lot_status.update((key, status) for key, status in found)

    def reconciled(self, piece: Piece) -> Iterator[Piece]:
        """The piece, and a note where a status had to be left out."""
        note = None
        if piece.version_derived and piece.envelope:
            note = self._reconcile(piece, piece.envelope)
        yield piece
        if note:
            yield note

    def _reconcile(self, piece: Piece, envelope: Json) -> Piece | None:
        if datetime.fromisoformat(envelope["occurred_at"]) > self._latest:
            return None  # later than any clock: it will be refused, and nothing may be built on it
        where = envelope["kind"], envelope["key"], envelope["source"]
        held = self._held.get(where)
        if piece.partial:
            _complete(envelope, held)
        digest = _digest(envelope["data"])
        if held and (digest == held.digest or envelope["version"] < held.number):
            return None
        note = self._without_illegal_status(piece, envelope) if envelope["kind"] == "lot" else None
        if note:
            digest = _digest(envelope["data"])
        if held and envelope["version"] == held.number and digest != held.digest:
            envelope["version"] += 1
        self._held[where] = _Version(envelope["version"], digest, envelope["data"])
        return note

    def _without_illegal_status(self, piece: Piece, envelope: Json) -> Piece | None:
        """A status the lot may not take is left out, with a note."""
        status, key = envelope["data"].get("status"), envelope["key"]
        if status is None:
            return None
        try:
            check_lot_transition(self._lot_status.get(key), status)
        except IllegalTransition as error:
            envelope["data"] = {name: value for name, value in envelope["data"].items() if name != "status"}
            raw, where = {"lot": key, "status": status}, f"{piece.path}status"
            return Piece(None, raw, piece.line, where, error.message, note=True)
        self._lot_status[key] = status
        return None


def _complete(envelope: Json, held: _Version | None) -> None:
    """A part over what is held; a part older than that only fills what is still missing."""
    stand_in = {"name": envelope["key"], "trade_family": "other"}
    data = envelope["data"]
    if held and held.data and envelope["version"] < held.number:
        said = {name: value for name, value in held.data.items() if stand_in.get(name) != value}
        filled = over(data, said)
        if {**stand_in, **filled} != held.data:
            data, envelope["version"] = filled, held.number + 1
    elif held and held.data:
        data = lot_after(held.data, data) if envelope["kind"] == "lot" else over(held.data, data)
    envelope["data"] = {**stand_in, **data}
