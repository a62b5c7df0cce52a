"""Open Contracting Data Standard 1.1 releases as envelopes, however sparse (bids and lots extensions).

Keys: an ocid with the registered prefix `ocds-` is unique in the world and stays as it is; any other is
unique in its file only and gets the source's name before it. Organisations keep a USCC or an identifier
that begins with a country code; a local number gets the publisher's prefix (or the source's name).

Versions: a dated release has its date in milliseconds, an undated one 1. What a release mentions only
by its id has version 0 and the earliest time, so that it never replaces what is really known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.files.pieces import Piece
from ingest.ocds import codelists as ocdsmap
from ingest.ocds import shape as ocds_shape
from ingest.ocds import texts as ocds_texts
from ingest.ocds import versioned as ocds_versioned
from ingest.ocds.parties import Parties
from ingest.ocds.unplaced import Left
from ingest.ocds.values import Memory, amount, children, fit, moment, section, text

Json = dict[str, Any]
_PARTICIPANTS = 100


@dataclass
class Reader:
    """Turns releases of one source into pieces; remembers what it must across releases.

    `keeps_sources`: a full export of sunbid says under which sources its records were held; they keep
    them unless the one who imports has named a source.
    """

    source: str
    memory: Memory = field(default_factory=Memory)
    keeps_sources: bool = False
    left: Left = field(default_factory=Left)

    def source_of(self, told: Any) -> str:
        """The source a record counts for."""
        return told if self.keeps_sources and isinstance(told, str) and told else self.source

    def release(self, release: Json, line: int | None, path: str) -> Iterator[Piece]:
        """The envelopes of one release, parents before children, and what in it cannot be read."""
        release, odd = ocds_texts.cleaned(release)
        for where, raw in odd:
            yield Piece(None, raw, line, f"{path}{where}", ocds_texts.REASON, note=True)
        ocid = text(release.get("ocid"), 1000)
        if ocid is None:
            yield Piece(None, release, line, f"{path}ocid", "缺少 ocid / ocid is missing")
            return
        if ocds_versioned.is_versioned(release):
            release = ocds_versioned.compiled(release)
        release, told = self._shaped(release, line, path)
        yield from told
        yield from One(self, release, ocid, line, path).pieces()

    def _shaped(self, release: Json, line: int | None, path: str) -> tuple[Json, list[Piece]]:
        """The release in the shape this reader expects, and a note on each place that had another."""
        told: list[Piece] = []

        def tell(where: str, raw: Any, reason: str) -> None:
            told.append(Piece(None, raw, line, f"{path}{where}", reason, note=True))

        whole = section(
            release, "x_sunbid", "fields"
        )  # a full export of sunbid says everything in its own part
        return ocds_shape.release(ocds_shape.Walk(tell, self.left, counting=not whole), release), told


class One(Parties):
    """One release on its way into envelopes."""

    def pieces(self) -> Iterator[Piece]:
        """Everything the release says, in an order in which nothing has to wait."""
        for party in self.parties.values():
            yield from self.party(party)
        tenderer, agency = self.buyers()
        for who in (tenderer, agency):
            yield from self.mention(who)
        yield from self._project(tenderer)
        for who in self.tenderers:
            yield from self.mention(who)
        self.took_part = self.participants()
        yield from self._lots(tenderer, agency)
        for index, bid in enumerate(self.bids):
            yield from self._bid(index, bid)
        for index, award in enumerate(self.awards):
            yield from self._award(index, award)
        yield from self._carried()
        yield from self.notes

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
            "investment": amount(section(budget, "amount").get("amount")),
            "tenderer": self.organisation(tenderer),
        }
        if self._skeleton():
            yield self.send("project", self.key, {"name": text(self.ocid)}, version=0)
        elif self.partial:
            last = self.reader.memory.last("project", self.key)
            data = ocdsmap.over(last[1] if last else {}, data)
            self.reader.memory.keep("project", self.key, self.version, data)
            yield self.send("project", self.key, data, partial=True)
        else:
            yield self.send("project", self.key, {**data, "name": name or text(self.ocid)})

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
            "participants": None if bids else self.took_part,
        }
        if not self.partial:
            return self.send("lot", key, {**data, "name": data["name"] or text(key)})
        last = self.reader.memory.last("lot", key)
        data = ocdsmap.merged(last[1] if last else {}, data)
        self.reader.memory.keep("lot", key, self.version, data)
        return self.send("lot", key, data, partial=True)

    def participants(self) -> list[str] | None:
        """Who is told to have taken part in the tender, where no bid says so; nothing else is known of them."""
        keys = dict.fromkeys(key for who in self.tenderers if (key := self.organisation(who)))
        if len(keys) > _PARTICIPANTS:
            left = list(keys)[_PARTICIPANTS:]
            self.note(
                "tender.tenderers",
                left,
                f"参与单位多于 {_PARTICIPANTS} 家，其余不记 / more than the ledger holds",
            )
        return list(keys)[:_PARTICIPANTS] or None

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
        tenderers = [who for who in children(bid.get("tenderers")) if self.organisation(who)]
        tenderers = tenderers or [{"id": f"{self.key}/bidder/{number}", "name": "未具名投标人"}]
        for tenderer in tenderers:
            yield from self.mention(tenderer)
        members = [key for key in map(self.organisation, tenderers) if key]
        lots = self.lots_of(bid)
        price = self._price(bid, f"{where}.value", lots)
        for lot_id in lots:
            data = {
                "lot": self.lot_key(lot_id),
                "bidder": members[0] if members else None,
                "consortium": members[1:] or None,
                "received_at": moment(bid.get("date")),
                "price": price,
                "vat": ocdsmap.vat(section(bid, "value")),
                "status": bid.get("status") or "pending",
            }
            yield self.send("bid", self._own(f"{self.lot_key(lot_id)}/bid/{number}"), data)

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
        return amount(value.get("amount"))

    def _award(self, index: int, award: Json) -> Iterator[Piece]:
        """An award without a supplier, or without success, moves the lot; there is nobody to be held as its
        bidder, so the award itself is a note and nothing is refused: the schema asks for no supplier."""
        where = f"awards[{index}]"
        told = award.get("status") or "pending"
        status = ocdsmap.AWARD_STATUS.get(told, told) if isinstance(told, str) else told
        suppliers = [who for who in children(award.get("suppliers")) if self.organisation(who)]
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
        decided = moment(award.get("date")) if status == "awarded" else None
        for supplier in suppliers:
            yield from self.mention(supplier)
        winner, *members = dict.fromkeys(key for key in map(self.organisation, suppliers) if key)
        for lot_id in lots:
            data = {
                "lot": self.lot_key(lot_id),
                "bidder": winner,
                "consortium": members or None,
                "price": price,
                "currency": ocdsmap.code(section(award, "value").get("currency")) or self.currency,
                "vat": ocdsmap.vat(section(award, "value")),
                "status": status,
                "awarded_at": decided,
            }
            yield self.send("award", self._own(f"{self.lot_key(lot_id)}/award/{number}"), data)
