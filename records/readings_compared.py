"""What was read aloud, held against what the ledger has of the bids 投标: of every bid that could be decrypted the price of
its file is read, of one that could not, nothing (招标投标法 art. 36)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from records.opening_record import Progress, differs
from records.published_list import UNDECRYPTED, Line
from records.tables.bids import Bid

WAYS = ("read_undecrypted", "read_without_price", "read_as_undecrypted")
"""Ways in which a reading may depart from its bid besides by the amount, as findings name them."""


def way_read(bid: Bid | None, payload: Mapping[str, Any]) -> str | None:
    """Which of `WAYS` a reading departs from its bid in; None: in none, or a correction says why."""
    if bid is None or payload.get("reason"):
        return None
    if bid.decrypt_status == "failed":
        return None if payload.get("price") is None else "read_undecrypted"
    if bid.price is not None and payload.get("price") is None:
        return "read_without_price"
    failed = bid.decrypt_status == "success" and payload.get("remark") == UNDECRYPTED
    return "read_as_undecrypted" if failed else None


@dataclass(frozen=True)
class OtherPrice:
    """A price that stands in the record otherwise than in the file, both as plain decimals."""

    number: int
    read: str
    filed: str


def other_prices(lines: Iterable[Line], course: Progress) -> list[OtherPrice]:
    """The prices of a record that are not those of the files though no correction says why, in order of number."""
    filed = {line.number: line.bid.price for line in lines if line.bid}
    return [
        OtherPrice(number, str(read), format(filed[number], "f"))
        for number, read in sorted(course.read.items())
        if differs(filed.get(number), read) and not course.said[number].get("reason")
    ]
