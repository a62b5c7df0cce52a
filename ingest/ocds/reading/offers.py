"""The bids and the awards of an OCDS release, one envelope for each lot they are related to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.files.pieces import Piece
from ingest.ocds.codelists import AWARD_STATUS, currency_code, vat
from ingest.ocds.reading.organisations import Organisations
from ingest.ocds.reading.release import Release
from ingest.ocds.reading.tender import Lots
from ingest.ocds.values import amount, fit, moment, section, text
from messages import Message

Json = dict[str, Any]


@dataclass
class Offers:
    """The bids and awards of one release."""

    release: Release
    organisations: Organisations
    lots: Lots
    _times: Counter[str] = field(default_factory=Counter)

    def _unique(self, key: str) -> str:
        """A key of its own for every bid and award, even where the release gives one id twice."""
        self._times[key] += 1
        times = self._times[key]
        return fit(key if times == 1 else f"{key}~{times}")

    def bids(self) -> Iterator[Piece]:
        """Every bid but invitations."""
        for index, bid in enumerate(self.release.bids):
            where = f"bids.details[{index}]"
            if bid.get("status") == "invited":
                self.release.note(where, bid, Message("ocds.invitation"))
            else:
                yield from self._bid(bid, text(bid.get("id"), 500) or str(index + 1), where)

    def _bid(self, bid: Json, number: str, where: str) -> Iterator[Piece]:
        unnamed = {"id": f"{self.release.key}/bidder/{number}", "name": "未具名投标人"}
        tenderers = self.organisations.named(bid.get("tenderers")) or [unnamed]
        yield from self.organisations.mentioned(tenderers)
        members = [key for one in tenderers if (key := self.organisations.key(one))]
        data = {
            "bidder": members[0] if members else None,
            "consortium": members[1:] or None,
            "received_at": moment(bid.get("date")),
            "price": self._price(bid, f"{where}.value"),
            "vat": vat(section(bid, "value")),
            "status": bid.get("status") or "pending",
        }
        yield from self._for_each_lot("bid", number, bid, data)

    def awards(self) -> Iterator[Piece]:
        """Every award that names a supplier and was not without success.

        Any other only moves its lot: there is nobody to be held as its bidder, so it is a note and nothing is
        refused, for the schema asks for no supplier.
        """
        for index, award in enumerate(self.release.awards):
            stated = award.get("status") or "pending"
            status = AWARD_STATUS.get(stated, stated) if isinstance(stated, str) else stated
            suppliers = self.organisations.named(award.get("suppliers"))
            where, number = f"awards[{index}]", text(award.get("id"), 500) or str(index + 1)
            if status is None or not suppliers:
                self.release.note(where, award, Message("ocds.award_without_supplier"))
            else:
                price = self._price(award, f"{where}.value", own_currency=True)
                data = {"price": price, "status": status}
                yield from self._award(award, number, suppliers, data)

    def _award(self, award: Json, number: str, suppliers: list[Json], data: Json) -> Iterator[Piece]:
        value = section(award, "value")
        yield from self.organisations.mentioned(suppliers)
        winner, *members = self.organisations.keys(suppliers)
        data |= {
            "bidder": winner,
            "consortium": members or None,
            "currency": currency_code(value.get("currency")) or self.release.currency,
            "vat": vat(value),
            "awarded_at": moment(award.get("date")) if data["status"] == "awarded" else None,
        }
        yield from self._for_each_lot("award", number, award, data)

    def _for_each_lot(self, kind: str, number: str, item: Json, data: Json) -> Iterator[Piece]:
        for lot in map(self.lots.key, self.lots.ids_of(item)):
            yield self.release.envelope(kind, self._unique(f"{lot}/{kind}/{number}"), {"lot": lot, **data})

    def _price(self, item: Json, where: str, own_currency: bool = False) -> str | None:
        """The price of a bid or an award; one for several lots, or in another currency, is none of a lot.

        `own_currency`: it is kept with its own currency.
        """
        value = section(item, "value")
        currency, of_lot = currency_code(value.get("currency")), self.release.currency
        if currency and currency != of_lot and not own_currency:
            reason = Message("ocds.other_currency", currency=currency, of_lot=of_lot)
            self.release.note(where, item, reason)
            return None
        if value.get("amount") is not None and len(self.lots.ids_of(item)) > 1:
            self.release.note(where, item, Message("ocds.price_of_several_lots"))
            return None
        return amount(value.get("amount"))
