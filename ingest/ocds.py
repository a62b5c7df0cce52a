"""Open Contracting Data Standard 1.1 releases as envelopes, however sparse (bids and lots extensions).

Keys: an ocid with the registered prefix `ocds-` is unique in the world and stays as it is; any other is
unique in its file only and gets the source's name before it. Organisations keep a USCC or an identifier
that begins with a country code; a local number gets the publisher's prefix (or the source's name).

Versions: a dated release has its date in milliseconds, an undated one 1. What a release mentions only
by its id has version 0 and the earliest time, so that it never replaces what is really known.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ingest import ocdsmap
from ingest.envelope import canonical
from ingest.pieces import EPOCH, Piece
from records.identifiers import looks_like_uscc

Json = dict[str, Any]
_PUBLISHER = re.compile(r"^ocds-[a-z0-9]{6}", re.IGNORECASE)
_COUNTRY = re.compile(r"^([A-Z]{2})-.+")
_REMEMBERED = 100_000


class Memory:
    """The last data of organisations and lots of one import, bounded, so that a run needs constant memory."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._held: OrderedDict[tuple[str, str], tuple[int, Json]] = OrderedDict()

    def last(self, kind: str, key: str) -> tuple[int, Json] | None:
        """(version, data) last sent of a record in this run."""
        return self._held.get((kind, key))

    def keep(self, kind: str, key: str, version: int, data: Json) -> None:
        """Remember what is sent."""
        self._held[kind, key] = version, data
        self._held.move_to_end((kind, key))
        if len(self._held) > self._size:
            self._held.popitem(last=False)


def children(value: Any) -> list[Json]:
    """The objects of a list; anything else in it is none of ours."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def section(value: Json, *path: str) -> Json:
    """A nested object, empty where it is missing."""
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, dict) else {}
    return value


def text(value: Any, limit: int = 300) -> str | None:
    """A trimmed text or number as text, None if empty."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    return " ".join(str(value).split())[:limit] or None


def amount(value: Any) -> Any:
    """An amount as a decimal string of at most four places; what is no number stays, to be refused."""
    if value is None or isinstance(value, bool):
        return value
    try:
        exact = Decimal(str(value))
        return format(exact.quantize(Decimal("0.0001")).normalize(), "f") if exact.is_finite() else str(value)
    except InvalidOperation:
        return str(value)


def instant(value: Any) -> Any:
    """A time with offset; without one UTC, a date its midnight. What is no time stays, to be refused."""
    if not isinstance(value, str):
        return value
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat()


def fit(key: str) -> str:
    """A key of at most 200 characters; a longer one ends in its own hash."""
    key = " ".join(key.split())
    return key if len(key) <= 200 else key[:180] + "~" + hashlib.sha256(key.encode()).hexdigest()[:16]


def version_of(release: Json) -> tuple[int, str]:
    """(version, occurred_at) from the release's date."""
    try:
        when = datetime.fromisoformat(instant(release.get("date")))
    except (TypeError, ValueError):
        return 1, EPOCH
    return max(1, int(when.timestamp() * 1000)), when.isoformat()


@dataclass
class Reader:
    """Turns releases of one source into pieces; remembers what it must across releases."""

    source: str
    memory: Memory = field(default_factory=Memory)

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
        self.partial = bool(tags) and "compiled" not in tags
        self.tender = section(release, "tender")
        self.parties = {str(p["id"]): p for p in children(release.get("parties")) if p.get("id") is not None}
        self.sent: set[str] = set()
        self.bids = children(section(release, "bids").get("details")) or children(release.get("bids"))
        self.awards = children(release.get("awards"))
        self.currency = ocdsmap.currency(release)

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

    def _send(self, kind: str, key: str, data: Json, version: int | None = None) -> Piece:
        known = {name: value for name, value in data.items() if value is not None}
        envelope = {
            "source": self.reader.source, "kind": kind, "key": key,
            "version": self.version if version is None else version,
            "occurred_at": self.when if version is None or version else EPOCH, "data": known,
        }  # fmt: skip
        return Piece(envelope, None, self.line, self.path)

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
        title = text(section(planning, "project").get("title")) or text(planning.get("project"))
        data = {
            "name": title or text(self.tender.get("title")) or text(self.ocid),
            "trade_family": ocdsmap.trade_family(self.tender),
            "investment": amount(section(planning, "budget", "amount").get("amount")),
            "tenderer": self.organisation(tenderer),
        }
        if self._skeleton():
            yield self._send("project", self.key, {"name": text(self.ocid)}, version=0)
        else:
            yield self._send("project", self.key, data)

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
        if last is None and not self.tender:
            return self._send("lot", key, {"project": self.key, "name": text(key)}, version=0)
        data = ocdsmap.merged(last[1] if last else {}, data)
        self.reader.memory.keep("lot", key, self.version, data)
        return self._send("lot", key, {**data, "name": data.get("name") or text(key)})

    # ── bids and awards ──────────────────────────────────────────────────────

    def _bid(self, index: int, bid: Json) -> Iterator[Piece]:
        if bid.get("status") == "invited":
            return  # an invitation is not a bid
        value = section(bid, "value")
        if (told := ocdsmap.code(value.get("currency"))) and told != self.currency:
            where = f"{self.path}bids.details[{index}].value.currency"
            yield Piece(
                None,
                bid,
                self.line,
                where,
                f"币种 {told} 与标段 {self.currency} 不同 / currency differs from the lot's",
            )
            return
        number = text(bid.get("id"), 500) or str(index + 1)
        tenderers = children(bid.get("tenderers")) or [
            {"id": f"{self.key}/bidder/{number}", "name": "未具名投标人"}
        ]
        for tenderer in tenderers:
            yield from self._mention(tenderer)
        members = [key for key in map(self.organisation, tenderers) if key]
        lots = self.lots_of(bid)
        for lot_id in lots:
            data = {
                "lot": self.lot_key(lot_id),
                "bidder": members[0] if members else None,
                "consortium": members[1:] or None,
                "received_at": instant(bid.get("date")),
                "price": amount(value.get("amount")) if len(lots) == 1 else None,
                "status": bid.get("status") or "pending",
            }
            yield self._send("bid", fit(f"{self.lot_key(lot_id)}/bid/{number}"), data)

    def _award(self, index: int, award: Json) -> Iterator[Piece]:
        status = ocdsmap.AWARD_STATUS.get(award.get("status") or "pending", award.get("status"))
        if status is None:
            return  # unsuccessful: the lot's status says so, there is nobody to name
        suppliers = children(award.get("suppliers"))
        if not suppliers:
            where = f"{self.path}awards[{index}].suppliers"
            yield Piece(None, award, self.line, where, "没有中标人 / the award names no supplier")
        number = text(award.get("id"), 500) or str(index + 1)
        value = section(award, "value")
        for place, supplier in enumerate(suppliers):
            yield from self._mention(supplier)
            for lot_id in self.lots_of(award):
                data = {
                    "lot": self.lot_key(lot_id),
                    "bidder": self.organisation(supplier),
                    "price": amount(value.get("amount")),
                    "currency": ocdsmap.code(value.get("currency")) or self.currency,
                    "status": status,
                    "awarded_at": instant(award.get("date")) if status == "awarded" else None,
                }
                suffix = f"/{place + 1}" if place else ""
                yield self._send("award", fit(f"{self.lot_key(lot_id)}/award/{number}{suffix}"), data)
