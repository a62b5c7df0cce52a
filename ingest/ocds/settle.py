"""OCDS pieces beside what the ledger holds, before they are judged.

Publishers release a process in parts, release a part again under the same date, and take a status back.
The schema allows all of it, so none of it may be refused: a part goes over what is held, other data under
the same date is a newer version, and a status that no lot may take keeps the one it has, with a note.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ingest.envelope import AHEAD, canonical
from ingest.files.pieces import Piece
from ingest.ocds.codelists import merged, over
from records.bulk import chunks
from records.clock import now
from records.states import IllegalTransition, check_lot_transition
from records.tables.base import table_of
from records.tables.intake import Held, Journal
from records.tables.projects import Lot

Json = dict[str, Any]
_HELD, _JOURNAL = table_of(Held), table_of(Journal)


@dataclass(slots=True)
class _Known:
    version: int
    digest: bytes
    data: Json | None = None


class Settler:
    """One batch of pieces."""

    def __init__(self, session: Session, pieces: Sequence[Piece]) -> None:
        self._session, self._pieces = session, pieces
        self._known: dict[tuple[str, str, str], _Known] = {}
        self._status: dict[str, str] = {}
        self._latest = now() + AHEAD
        wanted: dict[str, set[str]] = defaultdict(set)
        for piece in pieces:
            if piece.loose and piece.envelope:
                wanted[piece.envelope["kind"]].add(piece.envelope["key"])
        for kind, keys in wanted.items():
            for part in chunks(sorted(keys)):
                self._fetch(kind, part)

    def _fetch(self, kind: str, keys: Sequence[str]) -> None:
        columns = (_HELD.c.key, _HELD.c.source, _HELD.c.version, _HELD.c.digest)
        query: Any = select(*columns)
        if kind in ("lot", "project"):
            query = select(*columns, _JOURNAL.c.data).join(_JOURNAL, _JOURNAL.c.seq == _HELD.c.seq)
        for key, source, *held in self._session.execute(
            query.where(_HELD.c.kind == kind, _HELD.c.key.in_(keys))
        ):
            self._known[kind, key, source] = _Known(*held)
        if kind == "lot":
            lot = table_of(Lot)
            found = self._session.execute(select(lot.c.id, lot.c.status).where(lot.c.id.in_(keys)))
            self._status.update((key, status) for key, status in found)

    def settled(self) -> list[Piece]:
        """The pieces as they can be taken, in their order, with notes on what was left out."""
        done: list[Piece] = []
        for piece in self._pieces:
            if piece.loose and piece.envelope:
                note = self._settle(piece, piece.envelope)
                done += [piece, note] if note else [piece]
            else:
                done.append(piece)
        return done

    def _settle(self, piece: Piece, envelope: Json) -> Piece | None:
        if datetime.fromisoformat(envelope["occurred_at"]) > self._latest:
            return None  # later than any clock: it will be refused, and nothing may be built on it
        where = envelope["kind"], envelope["key"], envelope["source"]
        known = self._known.get(where)
        if piece.partial:
            self._complete(envelope, known)
        digest = hashlib.sha256(canonical(envelope["data"])).digest()
        if known and (digest == known.digest or envelope["version"] < known.version):
            return None
        note = self._keep_status(piece, envelope) if envelope["kind"] == "lot" else None
        if note:
            digest = hashlib.sha256(canonical(envelope["data"])).digest()
        if known and envelope["version"] == known.version and digest != known.digest:
            envelope["version"] += 1
        self._known[where] = _Known(envelope["version"], digest, envelope["data"])
        return note

    @staticmethod
    def _complete(envelope: Json, known: _Known | None) -> None:
        """A part over what is held; a part older than that only fills what is still missing."""
        stand_in = {"name": envelope["key"], "trade_family": "other"}
        data = envelope["data"]
        held = known.data if known else None
        if known and held and envelope["version"] < known.version:
            said = {name: value for name, value in held.items() if stand_in.get(name) != value}
            filled = over(data, said)
            if {**stand_in, **filled} != held:
                data, envelope["version"] = filled, known.version + 1
        elif held:
            data = merged(held, data) if envelope["kind"] == "lot" else over(held, data)
        envelope["data"] = {**stand_in, **data}

    def _keep_status(self, piece: Piece, envelope: Json) -> Piece | None:
        told, key = envelope["data"].get("status"), envelope["key"]
        before = self._status.get(key)
        if told is None:
            return None
        try:
            check_lot_transition(before, told)
        except IllegalTransition as error:
            envelope["data"] = {name: value for name, value in envelope["data"].items() if name != "status"}
            return Piece(
                None, {"lot": key, "status": told}, piece.line, f"{piece.path}status", str(error), note=True
            )
        self._status[key] = told
        return None
