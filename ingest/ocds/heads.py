"""What every part of an OCDS release needs: its envelopes' heads, its notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingest.files.pieces import EPOCH, Piece
from ingest.ocds import codelists as ocdsmap
from ingest.ocds.values import children, fit, section, text, version_of, words

if TYPE_CHECKING:
    from ingest.ocds.reader import Reader
Json = dict[str, Any]
_PUBLISHER = re.compile(r"^ocds-[a-z0-9]{6}", re.IGNORECASE)


class Telling:
    """A release, and the pieces made of it: envelopes, and notes on what the ledger has no place for."""

    def __init__(self, reader: Reader, release: Json, ocid: str, line: int | None, path: str) -> None:
        self.reader, self.release, self.line, self.path = reader, release, line, path
        self.version, self.when = version_of(release)
        registered = _PUBLISHER.match(ocid)
        self.scope = registered.group(0).lower() if registered else reader.source
        self.ocid = ocid if ocid.lower().startswith("ocds-") else f"{reader.source}:{ocid}"
        self.key = fit(self.ocid)
        tags = words(release.get("tag"))
        self.extra = section(release, "x_sunbid")
        self.fields = section(self.extra, "fields")
        self.partial = bool(tags) and "compiled" not in tags and not self.fields
        self.notes: list[Piece] = []
        self.tender = section(release, "tender")
        told = enumerate(children(release.get("parties")))
        self.parties = {text(p.get("id"), 1000) or f"\x00{index}": p for index, p in told}
        self.sent: set[str] = set()
        self.bids = children(section(release, "bids").get("details")) or children(release.get("bids"))
        self.awards = children(release.get("awards"))
        self.tenderers = children(self.tender.get("tenderers"))
        self.took_part: list[str] | None = None
        money = ocdsmap.currency(release)
        self.currency = money or "CNY"
        self.told_currency = money if self.partial else self.currency
        self._taken: dict[str, int] = {}

    def send(
        self, kind: str, key: str, data: Json, version: int | None = None, *, partial: bool = False
    ) -> Piece:
        """One envelope, at the release's version and date (version 0: at the earliest), without what is not known;
        of a full export of sunbid the record as it was."""
        known = {name: value for name, value in data.items() if value is not None}
        envelope = {
            "source": self.reader.source, "kind": kind, "key": key,
            "version": self.version if version is None else version,
            "occurred_at": self.when if version is None or version else EPOCH, "data": known,
        }  # fmt: skip
        meant = section(self.fields, kind).get(key)
        if isinstance(meant, dict):
            return self._meant(envelope, meant)
        return Piece(envelope, None, self.line, self.path, partial=partial, loose=True, demo=self._demo())

    # ── x_sunbid: what a full export of sunbid says beyond OCDS ──────────────

    def _demo(self) -> bool:
        return self.extra.get("demo") is True

    def _meant(self, envelope: Json, meant: Json) -> Piece:
        """The record as the ledger that was exported held it."""
        data = {**envelope["data"], **section(meant, "data")}
        told: Json = {name: meant[name] for name in ("key", "version", "occurred_at") if name in meant}
        source = self.reader.source_of(meant.get("source", self.extra.get("source")))
        data = {name: value for name, value in data.items() if value is not None}
        return Piece(
            {**envelope, **told, "source": source, "data": data},
            None,
            self.line,
            self.path,
            demo=self._demo(),
        )

    def _carried(self) -> Iterator[Piece]:
        """Records of the kinds OCDS does not know."""
        for index, record in enumerate(children(self.extra.get("records"))):
            where = f"{self.path}x_sunbid.records[{index}]."
            record = {**record, "source": self.reader.source_of(record.get("source"))}
            yield Piece(record, None, self.line, where, demo=self._demo())

    # ── what the ledger has no place for ─────────────────────────────────────

    def note(self, where: str, raw: Any, reason: str) -> None:
        """Keep a part of the release beside the ledger, with the reason."""
        self.notes.append(Piece(None, raw, self.line, f"{self.path}{where}", reason, note=True))
