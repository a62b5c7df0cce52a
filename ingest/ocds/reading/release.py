"""One OCDS release on its way into envelopes: its identity, its parts, and the envelopes and notes made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.files.pieces import EPOCH, Piece
from ingest.kinds.fields import EARLIEST, LATEST
from ingest.ocds.codelists import currency_code
from ingest.ocds.reading.source import ReleaseSource
from ingest.ocds.values import children, fit, instant, section, words
from messages import Message

Json = dict[str, Any]
_PUBLISHER = re.compile(r"^ocds-[a-z0-9]{6}", re.IGNORECASE)
"""The prefix of ocids registered for a publisher."""


_HEAD = frozenset({"key", "version", "occurred_at"})


class Release:
    """One release of a source.

    `ocid` is unique in the world, `key` the same as a record's key; local organisation numbers are unique within
    `scope`. `partial`: it says only what has changed (no compiled release, no full export of sunbid). `currency`
    is that of the tender, `stated_currency` the one to be written on its lots.
    """

    def __init__(self, source: ReleaseSource, release: Json, ocid: str, line: int | None, path: str) -> None:
        self.source, self.json, self.line, self.path = source, release, line, path
        self.version, self.occurred_at = _version(release)
        registered = _PUBLISHER.match(ocid)
        self.scope = registered.group(0).lower() if registered else source.name
        self.ocid = ocid if ocid.lower().startswith("ocds-") else f"{source.name}:{ocid}"
        self.key = fit(self.ocid)
        self._extension = section(release, "x_sunbid")
        self._demo = self._extension.get("demo") is True
        self._records_as_held = section(self._extension, "fields")
        tags = words(release.get("tag"))
        self.partial = bool(tags) and "compiled" not in tags and not self._records_as_held
        self._read_parts(release)
        currency = _currency(self)
        self.currency = currency or "CNY"
        self.stated_currency = currency if self.partial else self.currency
        self.notes: list[Piece] = []

    def _read_parts(self, release: Json) -> None:
        self.tender = section(release, "tender")
        self.bids = children(section(release, "bids").get("details")) or children(release.get("bids"))
        self.awards = children(release.get("awards"))

    @property
    def has_tender(self) -> bool:
        """Whether the release says anything of the tender itself; a part of the story need not."""
        return bool(self.tender) or not self.partial

    def envelope(
        self, kind: str, key: str, data: Json, version: int | None = None, *, partial: bool = False
    ) -> Piece:
        """One envelope, at the release's version and date, without what is not known.

        Version 0 stands for what is mentioned only, at the earliest time. Of a full export of sunbid it is the
        record as it was held.
        """
        envelope = {
            "source": self.source.name, "kind": kind, "key": key,
            "version": self.version if version is None else version,
            "occurred_at": EPOCH if version == 0 else self.occurred_at, "data": _known(data),
        }  # fmt: skip
        held = section(self._records_as_held, kind).get(key)
        if isinstance(held, dict):
            return self._as_held(envelope, held)
        return Piece(
            envelope, None, self.line, self.path, partial=partial, version_derived=True, demo=self._demo
        )

    def note(self, where: str, raw: Any, reason: Message) -> None:
        """Keep a part of the release beside the ledger, with the reason."""
        self.notes.append(Piece(None, raw, self.line, f"{self.path}{where}", reason, note=True))

    # ── x_sunbid: what a full export of sunbid says beyond OCDS ──────────────

    def _as_held(self, envelope: Json, held: Json) -> Piece:
        """The record as the ledger that was exported held it."""
        data = _known({**envelope["data"], **section(held, "data")})
        head = {name: value for name, value in held.items() if name in _HEAD}
        source = self.source.of(held.get("source", self._extension.get("source")))
        whole = {**envelope, **head, "source": source, "data": data}
        return Piece(whole, None, self.line, self.path, demo=self._demo)

    def carried_records(self) -> Iterator[Piece]:
        """Records of the kinds OCDS does not know."""
        for index, record in enumerate(children(self._extension.get("records"))):
            where = f"{self.path}x_sunbid.records[{index}]."
            record = {**record, "source": self.source.of(record.get("source"))}
            yield Piece(record, None, self.line, where, demo=self._demo)


def _known(data: Json) -> Json:
    return {name: value for name, value in data.items() if value is not None}


def _version(release: Json) -> tuple[int, str]:
    """(version, occurred_at) from the release's date: milliseconds since 1970; 1 where it is undated."""
    when: datetime | None = instant(release.get("date"))
    if when is None or not EARLIEST <= when <= LATEST:
        return 1, EPOCH
    return max(1, int(when.timestamp() * 1000)), when.isoformat()


def _currency(release: Release) -> str | None:
    """The currency of a tender: its own, else the first of its lots, bids or awards."""
    holders = (release.tender, *children(release.tender.get("lots")), *release.bids, *release.awards)
    codes = (currency_code(section(holder, "value").get("currency")) for holder in holders)
    return next(filter(None, codes), None)
