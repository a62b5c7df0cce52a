"""Open Contracting Data Standard 1.1 releases as envelopes, however sparse (bids and lots extensions).

Keys: an ocid with the registered prefix `ocds-` is unique in the world and stays as it is; any other is
unique in its file only and gets the source's name before it. Organisations keep a USCC or an identifier
that begins with a country code; a local number gets the publisher's prefix (or the source's name).

Versions: a dated release has its date in milliseconds, an undated one 1. What a release mentions only
by its id has version 0 and the earliest time, so that it never replaces what is really known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingest import ocdsmap
from ingest.envelope import canonical
from ingest.fields import EARLIEST, LATEST
from ingest.ocds_values import Memory, amount, children, fit, instant, section, text, version_of
from ingest.pieces import EPOCH, Piece
from records.identifiers import looks_like_uscc

Json = dict[str, Any]
_PUBLISHER = re.compile(r"^ocds-[a-z0-9]{6}", re.IGNORECASE)
_COUNTRY = re.compile(r"^([A-Z]{2})-.+")
_LARGEST = Decimal(900_000_000_000_000)
"""What the ledger holds as money."""


@dataclass
class Reader:
    """Turns releases of one source into pieces; remembers what it must across releases.

    `keeps_sources`: a full export of sunbid says under which sources its records were held; they keep
    them unless the one who imports has named a source.
    """

    source: str
    memory: Memory = field(default_factory=Memory)
    keeps_sources: bool = False

    def source_of(self, told: Any) -> str:
        """The source a record counts for."""
        return told if self.keeps_sources and isinstance(told, str) and told else self.source

    def release(self, release: Json, line: int | None, path: str) -> Iterator[Piece]:
        """The envelopes of one release, parents before children, and what in it cannot be read."""
        ocid = text(release.get("ocid"), 1000)
        if ocid is None:
            yield Piece(None, release, line, f"{path}ocid", "缺少 ocid / ocid is missing")
            return
        yield from One(self, release, ocid, line, path).pieces()


class One:
    """One release on its way into envelopes."""

    def __init__(self, reader: Reader, release: Json, ocid: str, line: int | None, path: str) -> None:
        self.reader, self.release, self.line, self.path = reader, release, line, path
        self.version, self.when = version_of(release)
        registered = _PUBLISHER.match(ocid)
        self.scope = registered.group(0).lower() if registered else reader.source
        self.ocid = ocid if ocid.lower().startswith("ocds-") else f"{reader.source}:{ocid}"
        self.key = fit(self.ocid)
        tags = release.get("tag")
        tags = tags if isinstance(tags, list) else [tags] if isinstance(tags, str) else []
        self.extra = section(release, "x_sunbid")
        self.fields = section(self.extra, "fields")
        self.partial = bool(tags) and "compiled" not in tags and not self.fields
        self.notes: list[Piece] = []
        self.tender = section(release, "tender")
        self.parties = {str(p["id"]): p for p in children(release.get("parties")) if p.get("id") is not None}
        self.sent: set[str] = set()
        self.bids = children(section(release, "bids").get("details")) or children(release.get("bids"))
        self.awards = children(release.get("awards"))
        told = ocdsmap.currency(release)
        self.currency = told or "CNY"
        self.told_currency = told if self.partial else self.currency
        self._taken: dict[str, int] = {}

    def pieces(self) -> Iterator[Piece]:
        """Everything the release says, in an order in which nothing has to wait."""
        for party in self.parties.values():
            yield from self._party(party)
        tenderer, agency = self._buyers()
        for who in (tenderer, agency):
            yield from self._mention(who)
        yield from self._project(tenderer)
        yield from self._lots(tenderer, agency)
        for index, bid in enumerate(self.bids):
            yield from self._bid(index, bid)
        for index, award in enumerate(self.awards):
            yield from self._award(index, award)
        yield from self._carried()
        yield from self.notes

    def _send(
        self, kind: str, key: str, data: Json, version: int | None = None, *, partial: bool = False
    ) -> Piece:
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

    def amount(self, value: Json, where: str) -> Any:
        """The amount of a value; OCDS allows negative ones and any size, the ledger does not."""
        given = value.get("amount")
        if isinstance(given, (int, float, Decimal)) and not isinstance(given, bool):
            exact = Decimal(str(given))
            if not exact.is_finite() or not 0 <= exact <= _LARGEST:
                reason = (
                    "金额为负或过大，账本不记 / a negative or too large amount has no place in the ledger"
                )
                self.note(where, value, reason)
                return None
        return amount(given)

    def instant(self, value: Any, where: str) -> Any:
        """A time; one outside 1900–2200 is legal in OCDS and has no place in the ledger."""
        told = instant(value)
        try:
            inside = EARLIEST <= datetime.fromisoformat(told) <= LATEST
        except (TypeError, ValueError):
            return told
        if not inside:
            reason = (
                "时间不在 1900–2200 年之间，账本不记 / a time outside 1900–2200 has no place in the ledger"
            )
            self.note(where, value, reason)
        return told if inside else None

    # ── organisations ────────────────────────────────────────────────────────

    def organisation(self, party: Json | None) -> str | None:
        """The key of the organisation a reference names; None for no reference."""
        given = text(party.get("id"), 1000) if party else None
        if given is None:
            name = text(party.get("name")) if party else None
            return None if name is None else fit(f"{self.scope}:{name}")
        full = self.parties.get(given, party or {})
        code = str(section(full, "identifier").get("id") or given).removeprefix("CN-USCC-").upper()
        if looks_like_uscc(code):
            return code
        return fit(given if _COUNTRY.match(given) else f"{self.scope}:{given}")

    def _party(self, party: Json) -> Iterator[Piece]:
        key = self.organisation(party)
        name = text(party.get("name")) or text(section(party, "identifier").get("legalName"))
        if key is None:
            return
        self.sent.add(key)
        data = {"name": name or text(party.get("id")), **ocdsmap.registration(party, key)}
        data = {field: value for field, value in data.items() if value}
        version, last = self.version, self.reader.memory.last("organisation", key)
        if name is None and len(data) == 1:
            yield from self._by_id(key, data)
            return
        if last and canonical(last[1]) == canonical(data):
            version = last[0]
        elif last and last[0]:
            version = max(version, last[0] + 1)
        self.reader.memory.keep("organisation", key, version, data)
        yield self._send("organisation", key, data, version)

    def _mention(self, party: Json | None) -> Iterator[Piece]:
        """An organisation named by a reference alone; what is known of it better is not overwritten."""
        key = self.organisation(party)
        if party is None or key is None or key in self.sent:
            return
        self.sent.add(key)
        told, last = text(party.get("name")), self.reader.memory.last("organisation", key)
        if told is None:
            country = _COUNTRY.match(key)
            data = {"name": text(party.get("id")), "country": country.group(1) if country else None}
            yield from self._by_id(key, data)
        elif last is None or last[1].get("name") != told:
            yield from self._party(party)

    def _by_id(self, key: str, data: Json) -> Iterator[Piece]:
        """An organisation of which nothing is known but its id: said once a run."""
        if self.reader.memory.last("organisation", key) is None:
            self.reader.memory.keep("organisation", key, 0, data)
            yield self._send("organisation", key, data, version=0)

    def _buyers(self) -> tuple[Json | None, Json | None]:
        """(tenderer 招标人, agency 招标代理): the buyer, and the procuring entity where it is another one."""
        by_role = {
            role: p for p in self.parties.values() for role in p.get("roles") or [] if isinstance(role, str)
        }
        buyer = section(self.release, "buyer") or by_role.get("buyer")
        entity = section(self.tender, "procuringEntity") or by_role.get("procuringEntity")
        if buyer is None or self.organisation(buyer) is None:
            return entity or None, None
        same = entity is None or self.organisation(entity) == self.organisation(buyer)
        return buyer, None if same else entity

    # ── project and lots ─────────────────────────────────────────────────────

    def _skeleton(self) -> bool:
        """Whether the release says nothing of the tender itself and is only a part of the story."""
        return self.partial and not self.tender

    def _project(self, tenderer: Json | None) -> Iterator[Piece]:
        planning = section(self.release, "planning")
        budget = section(planning, "budget")
        titles = (section(planning, "project").get("title"), planning.get("project"), budget.get("project"))
        name = next(filter(None, map(text, titles)), None) or text(self.tender.get("title"))
        data = {
            "name": name,
            "trade_family": ocdsmap.trade_family(self),
            "investment": self.amount(section(budget, "amount"), "planning.budget.amount"),
            "tenderer": self.organisation(tenderer),
        }
        if self._skeleton():
            yield self._send("project", self.key, {"name": text(self.ocid)}, version=0)
        elif self.partial:
            last = self.reader.memory.last("project", self.key)
            data = ocdsmap.over(last[1] if last else {}, data)
            self.reader.memory.keep("project", self.key, self.version, data)
            yield self._send("project", self.key, data, partial=True)
        else:
            yield self._send("project", self.key, {**data, "name": name or text(self.ocid)})

    def lot_key(self, lot_id: str | None) -> str:
        """The key of a lot of this tender; the tender itself where it has no lots."""
        return self.key if lot_id is None else fit(f"{self.ocid}/{lot_id}")

    def lots_of(self, item: Json) -> list[str | None]:
        """The ids of the lots a bid or an award speaks about; None stands for the whole tender."""
        related = item.get("relatedLots")
        ids = (
            [text(i, 500) for i in related]
            if isinstance(related, list)
            else [text(item.get("relatedLot"), 500)]
        )
        named = [i for i in ids if i]
        if named:
            return list(dict.fromkeys(named))
        only = [text(lot.get("id"), 500) for lot in children(self.tender.get("lots"))]
        return [only[0]] if len(only) == 1 else [None]

    def _lots(self, tenderer: Json | None, agency: Json | None) -> Iterator[Piece]:
        described: dict[str | None, Json] = {
            text(lot.get("id"), 500): lot
            for lot in children(self.tender.get("lots"))
            if lot.get("id") is not None
        }
        for item in (*self.bids, *self.awards):
            for lot_id in self.lots_of(item):
                described.setdefault(lot_id, {})
        for lot_id, lot in (described or {None: {}}).items():
            yield self._lot(lot_id, lot, tenderer, agency)

    def _lot(self, lot_id: str | None, lot: Json, tenderer: Json | None, agency: Json | None) -> Piece:
        key = self.lot_key(lot_id)
        bids = [bid for bid in self.bids if lot_id in self.lots_of(bid)]
        awards = [award for award in self.awards if lot_id in self.lots_of(award)]
        data = ocdsmap.lot(self, lot, bids, awards) | {
            "project": self.key,
            "name": text(lot.get("title")) or text(self.tender.get("title")),
            "tenderer": self.organisation(tenderer),
            "agency": self.organisation(agency),
        }
        if not self.partial:
            return self._send("lot", key, {**data, "name": data["name"] or text(key)})
        last = self.reader.memory.last("lot", key)
        data = ocdsmap.merged(last[1] if last else {}, data)
        self.reader.memory.keep("lot", key, self.version, data)
        return self._send("lot", key, data, partial=True)

    # ── bids and awards ──────────────────────────────────────────────────────

    def _own(self, key: str) -> str:
        """A key of its own for every bid and award, even where the release gives one number twice."""
        times = self._taken[key] = self._taken.get(key, 0) + 1
        return fit(key if times == 1 else f"{key}~{times}")

    def _bid(self, index: int, bid: Json) -> Iterator[Piece]:
        where = f"bids.details[{index}]"
        if bid.get("status") == "invited":
            self.note(where, bid, "邀请不是投标 / an invitation is not a bid")
            return
        number = text(bid.get("id"), 500) or str(index + 1)
        tenderers = children(bid.get("tenderers")) or [
            {"id": f"{self.key}/bidder/{number}", "name": "未具名投标人"}
        ]
        for tenderer in tenderers:
            yield from self._mention(tenderer)
        members = [key for key in map(self.organisation, tenderers) if key]
        lots = self.lots_of(bid)
        price = self._price(bid, f"{where}.value", lots)
        for lot_id in lots:
            data = {
                "lot": self.lot_key(lot_id),
                "bidder": members[0] if members else None,
                "consortium": members[1:] or None,
                "received_at": self.instant(bid.get("date"), f"{where}.date"),
                "price": price,
                "status": bid.get("status") or "pending",
            }
            yield self._send("bid", self._own(f"{self.lot_key(lot_id)}/bid/{number}"), data)

    def _price(self, holder: Json, where: str, lots: list[str | None], foreign: bool = False) -> Any:
        """The price of a bid or an award; one price for several lots, or in another currency, is none of a lot."""
        value = section(holder, "value")
        told = ocdsmap.code(value.get("currency"))
        if told and told != self.currency and not foreign:
            self.note(
                where, holder, f"币种 {told} 与标段 {self.currency} 不同 / currency differs from the lot's"
            )
            return None
        if len(lots) > 1 and value.get("amount") is not None:
            self.note(where, holder, "一个总价对应多个标段 / one price for several lots")
            return None
        return self.amount(value, where)

    def _award(self, index: int, award: Json) -> Iterator[Piece]:
        """An award without a supplier, or without success, moves the lot; there is nobody to be held as its
        bidder, so the award itself is a note and nothing is refused: the schema asks for no supplier."""
        where = f"awards[{index}]"
        told = award.get("status") or "pending"
        status = ocdsmap.AWARD_STATUS.get(told, told) if isinstance(told, str) else told
        suppliers = children(award.get("suppliers"))
        if status is None or not suppliers:
            self.note(
                where,
                award,
                "没有中标人的定标，只更新标段状态 / an award without a supplier only moves the lot",
            )
            return
        number = text(award.get("id"), 500) or str(index + 1)
        lots = self.lots_of(award)
        price = self._price(award, f"{where}.value", lots, foreign=True)
        decided = self.instant(award.get("date"), f"{where}.date") if status == "awarded" else None
        for place, supplier in enumerate(suppliers):
            yield from self._mention(supplier)
            for lot_id in lots:
                data = {
                    "lot": self.lot_key(lot_id),
                    "bidder": self.organisation(supplier),
                    "price": price,
                    "currency": ocdsmap.code(section(award, "value").get("currency")) or self.currency,
                    "status": status,
                    "awarded_at": decided,
                }
                suffix = f"/{place + 1}" if place else ""
                yield self._send("award", self._own(f"{self.lot_key(lot_id)}/award/{number}{suffix}"), data)
