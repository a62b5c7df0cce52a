"""OCDS codelists beside ours, both ways, and the two codes of a Value object."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

# ── read ─────────────────────────────────────────────────────────────────────

LOT_STATUS = {
    "planning": "draft", "planned": "draft", "active": "bidding", "complete": "opened",
    "cancelled": "terminated", "withdrawn": "terminated", "unsuccessful": "failed",
}  # fmt: skip
"""tenderStatus of a tender or lot → lot status."""
AWARD_STATUS = {"pending": "candidate", "active": "awarded", "cancelled": "cancelled", "unsuccessful": None}
ROLES = {
    "buyer": "tenderer", "procuringEntity": "tenderer", "tenderer": "bidder", "supplier": "supplier",
}  # fmt: skip
"""partyRole → role of an organisation."""
METHODS = ("open", "selective", "limited", "direct")
"""The codes of `method` are those of OCDS."""
TRADE_FAMILIES = {"works": "works", "goods": "procurement", "services": "procurement"}
"""mainProcurementCategory → 交易类别."""

# ── written ──────────────────────────────────────────────────────────────────

TENDER_STATUS = {
    "draft": "planning", "bidding": "active", "closed": "active", "opening": "active", "paused": "active",
    "retender": "active", "opened": "complete", "evaluating": "complete", "publicity": "complete",
    "re_evaluation": "complete", "awarded": "complete", "contracted": "complete", "archived": "complete",
    "failed": "unsuccessful", "void": "unsuccessful", "terminated": "cancelled",
}  # fmt: skip
"""Lot status → tenderStatus."""
METHOD_DETAILS = {
    "open": "公开招标",
    "selective": "邀请招标",
    "limited": "有限竞争",
    "direct": "直接发包",
}
CATEGORIES = {"works": "works", "procurement": "goods"}
BID_STATUS = {
    "valid": "valid", "disqualified": "disqualified", "withdrawn": "withdrawn", "revoked": "withdrawn",
    "pending": "pending",
}  # fmt: skip
AWARD_STATUS_WRITTEN = {"candidate": "pending", "awarded": "active", "cancelled": "cancelled"}
DOCUMENT_TYPES = {
    "documents": "biddingDocuments", "tender": "tenderNotice", "change": "tenderNotice", "candidates": "awardNotice", "result": "awardNotice",
}  # fmt: skip

# ── a Value object ───────────────────────────────────────────────────────────

_CURRENCY = re.compile(r"^[A-Za-z]{3}$")


def currency_code(value: Any) -> str | None:
    """A currency code in capitals, None for anything else."""
    return value.upper() if isinstance(value, str) and _CURRENCY.match(value) else None


def vat(value: Json) -> str | None:
    """Whether an amount is with VAT, where its value says so (valueAddedTaxIncluded, as ProZorro publishes it)."""
    stated = value.get("valueAddedTaxIncluded")
    return {True: "included", False: "excluded"}.get(stated) if isinstance(stated, bool) else None
