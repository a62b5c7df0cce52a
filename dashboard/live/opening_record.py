"""The opening record 开标记录 as its readers get it: the rows that were read aloud, in words, and as CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

import messages
from records import opening_record
from records.clock import BEIJING
from records.currencies import currency, is_comparable, vat_told
from records.tables.openings import Opening
from records.tables.projects import Lot
from supervision.figures import formats as figures

COLUMNS = ("no", "name", "price", "limit", "duration_days", "quality", "remark", "read_at")
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def unit(session: Session, opening_id: str, lang: str) -> str:
    """What the amounts of an opening are in, for headings."""
    opening = session.get(Opening, opening_id)
    if opening is None:
        return ""
    lot = session.get_one(Lot, opening.lot_id)
    return figures.heading_unit(currency(lot.currency, lot.vat), lang)


def headings(session: Session, opening_id: str, lang: str) -> dict[str, str]:
    """Column of the record → its heading; prices with their currency."""
    of_amounts = unit(session, opening_id, lang)
    return {column: messages.say(f"room.{column}", lang, unit=of_amounts) for column in COLUMNS}


def rows(session: Session, opening_id: str, lang: str) -> list[dict[str, str]]:
    """The record's rows as text, in order of number; prices in the lot's currency. Empty before the reading."""
    opening = session.get(Opening, opening_id)
    lot = session.get_one(Lot, opening.lot_id) if opening else None
    return [_row(row, lot, lang) for row in opening_record.rows(session, opening_id)]


def _check(price: Decimal | None, remark: str | None, lot: Lot | None, lang: str) -> str:
    """How a price stands against the ceiling; empty where one of them is not there."""
    if price is None or lot is None or lot.control_price is None:
        return ""
    if not is_comparable(vat_told(remark), lot.vat):
        return messages.say("room.not_comparable", lang)
    return messages.say("room.over" if price > lot.control_price else "room.normal", lang)


def _row(row: dict[str, Any], lot: Lot | None, lang: str) -> dict[str, str]:
    price = Decimal(row["price"]) if row.get("price") else None
    return {
        "no": str(row["no"]),
        "name": row["name"],
        "price": "—" if price is None else f"{price:,.2f}",
        "limit": _check(price, row.get("remark"), lot, lang),
        "duration_days": str(row.get("duration_days", "")),
        "quality": messages.named("term", row.get("quality", ""), lang),
        "remark": messages.named("term", row.get("remark", ""), lang),
        "read_at": row["read_at"].astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
    }


def as_csv(session: Session, opening_id: str, lang: str) -> str:
    """The record as CSV that spreadsheet programs open rightly; no cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings(session, opening_id, lang).values())
    for row in rows(session, opening_id, lang):
        writer.writerow("'" + row[c] if row[c].startswith(_RISKY) else row[c] for c in COLUMNS)
    return "\ufeff" + out.getvalue()
