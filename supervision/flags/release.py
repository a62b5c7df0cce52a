"""One OCDS release as the indicators look at it: whatever is missing or of another type counts as not there."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]

NOT_SUBMITTED = frozenset({"invited", "withdrawn"})
"""Statuses of bids that were never submitted."""
LASTING = frozenset({"active", "cancelled", "unsuccessful"})
"""Statuses that an award keeps."""


class Bid(NamedTuple):
    """A submitted bid. `sole` is its tenderer if it names exactly one."""

    status: str
    tenderers: tuple[str, ...]
    sole: str | None
    amount: float | None
    currency: str | None
    date: str | None


class Award(NamedTuple):
    """An award with a status. `sole` is its supplier if it names exactly one."""

    status: str
    suppliers: tuple[str, ...]
    sole: str | None
    codes: tuple[str, ...]
    """Classifications of its items."""


class Release:
    """The parts of a release that indicators read, each taken out once."""

    __slots__ = (
        "active", "awards", "buyer", "details", "disqualified", "final", "method", "ocid", "procuring_entity", "submitted",
        "tender", "valid", "winner",
    )  # fmt: skip

    def __init__(self, ocid: str, raw: Json, tender: Json) -> None:
        self.ocid = ocid
        self.tender = tender
        self.method: str | None = _text(tender.get("procurementMethod"))
        self.details: str | None = _text(tender.get("procurementMethodDetails"))
        self.buyer: str | None = _id(raw.get("buyer"))
        self.procuring_entity: str | None = _id(tender.get("procuringEntity"))
        bids, awards = _bids(raw), raw.get("awards")
        self.submitted: list[Bid] = bids or []
        self.valid: list[Bid] = [bid for bid in self.submitted if bid.status == "valid"]
        self.disqualified: list[Bid] = []
        if len(self.valid) < len(self.submitted):
            self.disqualified = [bid for bid in self.submitted if bid.status == "disqualified"]
        self.awards: list[Award] = _awards(awards) if type(awards) is list else []
        self.active: list[Award] = [award for award in self.awards if award.status == "active"]
        known = bids is not None and type(awards) is list
        self.final: list[Award] | None = self.active if known and _ended(self.awards) else None
        """Active awards once none is pending; None before, and without lists of bids and awards."""
        self.winner: str | None = self.final[0].sole if self.final and len(self.final) == 1 else None
        """The one supplier of the one active award, once no award is pending."""


def read_release(raw: Any) -> Release | None:
    """The release of a line; None if it has no ocid or its tender was cancelled."""
    if type(raw) is not dict or type(ocid := raw.get("ocid")) is not str:
        return None
    tender = raw.get("tender")
    tender = tender if type(tender) is dict else {}
    return None if tender.get("status") == "cancelled" else Release(ocid, raw, tender)


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _id(reference: Any) -> str | None:
    return _text(reference.get("id")) if type(reference) is dict else None


def _ids(references: Any) -> tuple[tuple[str, ...], str | None]:
    """All identifiers of a list of organisations, and the one if the list has exactly one entry."""
    if type(references) is not list:
        return (), None
    if len(references) == 1:
        sole = _id(references[0])
        return ((), None) if sole is None else ((sole,), sole)
    return tuple(i for i in map(_id, references) if i is not None), None


def _bids(raw: Json) -> list[Bid] | None:
    holder = raw.get("bids")
    details = holder.get("details") if type(holder) is dict else None
    if type(details) is not list:
        return None
    return [
        _bid(bid, bid["status"])
        for bid in details
        if type(bid) is dict and type(bid.get("status")) is str and bid["status"] not in NOT_SUBMITTED
    ]


def _bid(bid: Json, status: str) -> Bid:
    value, amount, currency = bid.get("value"), None, None
    if type(value) is dict:
        number = value.get("amount")
        amount = float(number) if type(number) is float or type(number) is int else None
        currency = _text(value.get("currency"))
    return Bid(status, *_ids(bid.get("tenderers")), amount, currency, _text(bid.get("date")))


def _awards(awards: list[Any]) -> list[Award]:
    return [
        Award(award["status"], *_ids(award.get("suppliers")), _codes(award.get("items")))
        for award in awards
        if type(award) is dict and type(award.get("status")) is str
    ]


def _codes(items: Any) -> tuple[str, ...]:
    if type(items) is not list:
        return ()
    codes = [_id(item.get("classification")) for item in items if type(item) is dict]
    return tuple([code for code in codes if code is not None])


def _ended(awards: list[Award]) -> bool:
    """Whether every award is active, cancelled or unsuccessful; else results would not last."""
    return LASTING.issuperset([award.status for award in awards])
