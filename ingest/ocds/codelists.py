"""OCDS codelists and fields beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ingest.ocds.values import amount, children, moment, section, text, words
from records.states import IllegalTransition, check_lot_transition

if TYPE_CHECKING:
    from ingest.ocds.reader import One
Json = dict[str, Any]

TENDER_STATUS = {
    "planning": "draft", "planned": "draft", "active": "bidding", "complete": "opened",
    "cancelled": "terminated", "withdrawn": "terminated", "unsuccessful": "failed",
}  # fmt: skip
"""OCDS tender or lot status → lot status."""
AWARD_STATUS = {"pending": "candidate", "active": "awarded", "cancelled": "cancelled", "unsuccessful": None}
ROLES = {
    "buyer": "tenderer", "procuringEntity": "tenderer", "tenderer": "bidder", "supplier": "supplier",
}  # fmt: skip
"""OCDS role → role of an organisation."""
METHODS = ("open", "selective", "limited", "direct")
CATEGORIES = {"works": "works", "goods": "procurement", "services": "procurement"}
"""OCDS main procurement category → 交易类别."""
_CURRENCY = re.compile(r"^[A-Za-z]{3}$")
_SCHEME = re.compile(r"^[A-Z]{2}-[A-Z0-9_-]+$")


def code(value: Any) -> str | None:
    """A currency code, None for anything else."""
    return value.upper() if isinstance(value, str) and _CURRENCY.match(value) else None


def vat(value: Json) -> str | None:
    """Whether an amount is with VAT, where its value says so (valueAddedTaxIncluded, as ProZorro publishes it)."""
    told = value.get("valueAddedTaxIncluded")
    return {True: "included", False: "excluded"}.get(told) if isinstance(told, bool) else None


def currency(release: Json) -> str | None:
    """The currency of a tender: its own, else the first of its bids or awards."""
    return next(filter(None, (code(value) for value in _currencies(release))), None)


def _currencies(release: Json) -> Iterable[Any]:
    tender = section(release, "tender")
    yield section(tender, "value").get("currency")
    for holder in (*children(tender.get("lots")), *children(section(release, "bids").get("details"))):
        yield section(holder, "value").get("currency")
    for award in children(release.get("awards")):
        yield section(award, "value").get("currency")


def trade_family(one: One) -> str | None:
    """交易类别 from mainProcurementCategory; of a partial release that does not name it nothing is known."""
    main = one.tender.get("mainProcurementCategory")
    if main is None and one.partial:
        return None
    return CATEGORIES.get(str(main), "other")


def registered(party: Json) -> str | None:
    """The number a party has in a register (https://org-id.guide): its scheme, which begins with a country, and
    its id there. None where it names no such register."""
    identifier = section(party, "identifier")
    scheme, number = text(identifier.get("scheme")), text(identifier.get("id"), 1000)
    return f"{scheme}-{number}" if scheme and number and _SCHEME.match(scheme) else None


def registration(party: Json, key: str) -> Json:
    """What a party says of itself beyond its name."""
    address = section(party, "address")
    lines = [text(address.get(part)) for part in ("region", "locality", "streetAddress")]
    scheme = str(section(party, "identifier").get("scheme") or "")
    country = re.match(r"^([A-Z]{2})-", scheme or key)
    return {
        "roles": list(dict.fromkeys(ROLES[role] for role in words(party.get("roles")) if role in ROLES)),
        "address": " ".join(line for line in lines if line)[:2000],
        "country": country.group(1) if country else None,
    }


def lot(one: One, described: Json, bids: list[Json], awards: list[Json]) -> Json:
    """The data of one lot, without its names and parties."""
    tender = one.tender
    period = section(tender, "tenderPeriod")
    value = section(described, "value") or section(tender, "value")
    method = tender.get("procurementMethod")
    return {
        "trade_family": trade_family(one),
        "category": _category(tender, text(described.get("id"), 500)),
        "method": method if method in METHODS else None,
        "evaluation_method": text(tender.get("awardCriteria")) or text(tender.get("awardCriteriaDetails")),
        "currency": one.told_currency,
        "vat": vat(value),
        "estimate": amount(value.get("amount")),
        "notice_at": moment(period.get("startDate")),
        "deadline": moment(period.get("endDate")),
        "planned_award_at": moment(section(tender, "awardPeriod").get("startDate")),
        "status": _status(described.get("status") or tender.get("status"), bids, awards),
    }


def _category(tender: Json, lot_id: str | None) -> str | None:
    items = children(tender.get("items"))
    own = [item for item in items if lot_id and text(item.get("relatedLot"), 500) == lot_id]
    kind = section((own or items)[0], "classification") if items else {}
    return (
        text(kind.get("description")) or text(kind.get("id")) or text(tender.get("mainProcurementCategory"))
    )


def _status(told: Any, bids: list[Json], awards: list[Json]) -> str | None:
    """Awards speak before the tender's status; bids that can be read were opened."""
    standing = {status for award in awards for status in words(award.get("status"))}
    if "active" in standing:
        return "awarded"
    status = TENDER_STATUS.get(told) if isinstance(told, str) else None
    if status in (None, "bidding", "opened"):
        if "pending" in standing:
            return "publicity"
        if status is None and bids:
            return "opened"
    return status


def over(before: Json, after: Json) -> Json:
    """What a partial release says over what was known."""
    return {**before, **{name: value for name, value in after.items() if value is not None}}


def merged(before: Json, after: Json) -> Json:
    """A lot after a partial release: what it says over what was known; its status never goes back."""
    data = over(before, after)
    try:
        if before.get("status"):
            check_lot_transition(before["status"], data.get("status") or before["status"])
    except IllegalTransition:
        data["status"] = before["status"]
    return data
