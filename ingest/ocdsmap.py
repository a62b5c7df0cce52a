"""OCDS codelists and fields beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from records.states import IllegalTransition, check_lot_transition

if TYPE_CHECKING:
    from ingest.ocds import One

Json = dict[str, Any]

TENDER_STATUS = {
    "planning": "draft", "planned": "draft", "active": "bidding", "complete": "opened",
    "cancelled": "terminated", "withdrawn": "terminated", "unsuccessful": "failed",
}  # fmt: skip
"""OCDS tender or lot status → lot status."""
AWARD_STATUS = {"pending": "candidate", "active": "awarded", "cancelled": "cancelled", "unsuccessful": None}
_ROLES = {
    "buyer": "tenderer", "procuringEntity": "tenderer", "tenderer": "bidder", "supplier": "supplier",
}  # fmt: skip
_CURRENCY = re.compile(r"^[A-Za-z]{3}$")


def code(value: Any) -> str | None:
    """A currency code, None for anything else."""
    return value.upper() if isinstance(value, str) and _CURRENCY.match(value) else None


def currency(release: Json) -> str:
    """The currency of a tender: its own, else the first of its bids or awards, else CNY."""
    return next(filter(None, (code(value) for value in _currencies(release))), "CNY")


def _currencies(release: Json) -> Iterable[Any]:
    from ingest.ocds import children, section

    tender = section(release, "tender")
    yield section(tender, "value").get("currency")
    for holder in (*children(tender.get("lots")), *children(section(release, "bids").get("details"))):
        yield section(holder, "value").get("currency")
    for award in children(release.get("awards")):
        yield section(award, "value").get("currency")


def trade_family(tender: Json) -> str:
    """交易类别 from mainProcurementCategory."""
    main = tender.get("mainProcurementCategory")
    return {"works": "works", "goods": "procurement", "services": "procurement"}.get(str(main), "other")


def registration(party: Json, key: str) -> Json:
    """What a party says of itself beyond its name."""
    from ingest.ocds import section, text

    given = party.get("roles")
    roles = given if isinstance(given, list) else []
    address = section(party, "address")
    lines = [text(address.get(part)) for part in ("region", "locality", "streetAddress")]
    scheme = str(section(party, "identifier").get("scheme") or "")
    country = re.match(r"^([A-Z]{2})-", scheme or key)
    return {
        "roles": list(dict.fromkeys(_ROLES[role] for role in roles if role in _ROLES)),
        "address": " ".join(line for line in lines if line)[:2000],
        "country": country.group(1) if country else None,
    }


def lot(one: One, described: Json, bids: list[Json], awards: list[Json]) -> Json:
    """The data of one lot, without its names and parties."""
    from ingest.ocds import amount, instant, section, text

    tender = one.tender
    period, value = section(tender, "tenderPeriod"), section(described, "value") or section(tender, "value")
    method = tender.get("procurementMethod")
    return {
        "trade_family": trade_family(tender),
        "category": _category(tender),
        "method": method if method in ("open", "selective", "limited", "direct") else None,
        "evaluation_method": text(tender.get("awardCriteria")),
        "currency": one.currency,
        "estimate": amount(value.get("amount")),
        "notice_at": instant(period.get("startDate")),
        "deadline": instant(period.get("endDate")),
        "planned_award_at": instant(section(tender, "awardPeriod").get("startDate")),
        "status": _status(described.get("status") or tender.get("status"), bids, awards),
    }


def _category(tender: Json) -> str | None:
    from ingest.ocds import children, section, text

    items = children(tender.get("items"))
    kind = section(items[0], "classification") if items else {}
    return (
        text(kind.get("description")) or text(kind.get("id")) or text(tender.get("mainProcurementCategory"))
    )


def _status(told: Any, bids: list[Json], awards: list[Json]) -> str | None:
    """Awards speak before the tender's status; bids that can be read were opened."""
    standing = {award.get("status") for award in awards}
    if "active" in standing:
        return "awarded"
    status = TENDER_STATUS.get(told) if isinstance(told, str) else None
    if status in (None, "bidding", "opened"):
        if "pending" in standing:
            return "publicity"
        if status is None and bids:
            return "opened"
    return status


def merged(before: Json, after: Json) -> Json:
    """A lot after a partial release: what it says over what was known; its status never goes back."""
    data = {**before, **{name: value for name, value in after.items() if value is not None}}
    try:
        if before.get("status"):
            check_lot_transition(before["status"], data.get("status") or before["status"])
    except IllegalTransition:
        data["status"] = before["status"]
    return data
