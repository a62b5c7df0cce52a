"""A market of bids as arrays: who bid what in which tender, in order of time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from messages import Invalid, Message
from supervision.detection.csv_tables import Report, Row, read_rows

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

REQUIRED = ("tender_id", "bidder_id", "bid_value")
COLUMNS = (*REQUIRED, "winner", "date", "control_price", "location", "category")
"""Columns of the bid table (contracts §5). The score reads neither winner, location nor category: it knows no label, and
takes one table as one market. Winners are counted, so that a tender with an odd number of them can be told."""

_WON = frozenset({"1", "1.0"})
_YEARS = range(1900, 2200)
"""A date given as a plain number within these is a year; one beyond `_STAMPS` is seconds since 1970."""
_STAMPS = 100_000_000


class Offer(NamedTuple):
    """One bid as a table has it; NaN where date or control price is not known, "" an unknown bidder."""

    tender: str
    bidder: str
    value: float
    date: float = np.nan
    """A number of its own scale (a year, a count of days), or seconds since 1970."""
    control: float = np.nan


@dataclass(frozen=True)
class Market:
    """Tenders 0…T−1 in order of time; bids in order of tender. Money in any one unit."""

    tenders: Sequence[str]
    """Names of the tenders."""
    bidders: Sequence[str]
    """Names of the bidders."""
    tender: Ints
    """Tender of each bid, rising."""
    bidder: Ints
    """Bidder of each bid; −1 where it is not known."""
    value: Floats
    """Price of each bid."""
    date: Floats
    """Date of each tender as it was given (a number of its own scale, or seconds since 1970); NaN unknown."""
    control: Floats
    """Control price 控制价 of each tender; NaN unknown."""
    winners: Ints | None = None
    """How many winners each tender's rows name; None where the table does not say who won."""

    @cached_property
    def size(self) -> Ints:
        """Bids of each tender."""
        return np.bincount(self.tender, minlength=len(self.tenders)).astype(np.int64)

    @cached_property
    def start(self) -> Ints:
        """Where each tender's bids begin."""
        return np.concatenate(([0], np.cumsum(self.size)[:-1])).astype(np.int64)

    @cached_property
    def lowest(self) -> Floats:
        """Lowest price of each tender."""
        found: Floats = np.minimum.reduceat(self.value, self.start)
        return found

    @cached_property
    def incidence(self) -> Any:
        """Sparse T × bidders matrix of float32 ones: who bid where, a firm's several bids in a tender once."""
        known = self.bidder >= 0
        shape = (len(self.tenders), len(self.bidders))
        made = sp.csr_matrix(
            (np.ones(known.sum(), np.float32), (self.tender[known], self.bidder[known])), shape=shape
        )
        made.sum_duplicates()
        made.data[:] = 1
        return made

    @cached_property
    def year(self) -> Ints:
        """Year of each tender; 0 where its date does not tell one."""
        return np.array([_year(stamp) for stamp in self.date], dtype=np.int64)


def numbered(column: Any) -> tuple[Ints, list[str]]:
    """The values of an Arrow column of text by the number of their first appearance, and the values."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def _year(stamp: float) -> int:
    if np.isnan(stamp):
        return 0
    if int(stamp) in _YEARS:
        return int(stamp)
    return datetime.fromtimestamp(stamp, UTC).year if stamp >= _STAMPS else 0


def market_of(offers: Iterable[Offer]) -> Market:
    """The market of these bids: tenders in order of date, or as they stand where one has none.

    A tender's date and control price are the first that its bids have.
    """
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(offer.tender, []).append(offer)
    dates = {name: _first(offer.date for offer in bids) for name, bids in found.items()}
    ordered = list(found) if any(map(math.isnan, dates.values())) else sorted(found, key=dates.__getitem__)
    names: dict[str, int] = {}
    bids = [offer for name in ordered for offer in found[name]]
    bidder = [names.setdefault(one.bidder, len(names)) if one.bidder else -1 for one in bids]
    return Market(
        tenders=ordered,
        bidders=list(names),
        tender=np.repeat(np.arange(len(ordered)), [len(found[name]) for name in ordered]).astype(np.int64),
        bidder=np.array(bidder, dtype=np.int64),
        value=np.array([one.value for one in bids], dtype=np.float64),
        date=np.array([dates[name] for name in ordered], dtype=np.float64),
        control=np.array([_first(one.control for one in found[name]) for name in ordered], dtype=np.float64),
    )


def _first(values: Iterable[float]) -> float:
    return next((value for value in values if not math.isnan(value)), math.nan)


def read_market(path: Path, report: Report) -> Market:
    """The bid table of contracts §5 as a market; rows that cannot be used are reported and left out.

    A row without `bid_value` is a bidder without a price and silently left out; bids without a bidder may be several in
    a tender. Raises Invalid for a file that is no
    such table, OSError where it cannot be read.
    """
    won = Counter[str]()
    market = market_of(_offers(_counted(read_rows(path, REQUIRED, report), won), report))
    if not market.tenders:
        raise Invalid(Message("table.no_rows"))
    return replace(market, winners=np.array([won[one] for one in market.tenders])) if won else market


def _counted(rows: Iterable[Row], won: Counter[str]) -> Iterator[Row]:
    """The rows as they are, the winners that they name counted by tender, with or without a price."""
    for row in rows:
        if (said := row.fields.get("winner")) is not None:
            won[row.fields["tender_id"]] += said in _WON
        yield row


def _offers(rows: Iterable[Row], report: Report) -> Iterator[Offer]:
    """The usable rows as bids: a known bidder's second bid in a tender is wrong, repeats would make its prices look tight."""
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        if not row.fields["bid_value"]:
            continue
        try:
            offer = _offer(row)
            first = lines.setdefault((offer.tender, offer.bidder), row.line) if offer.bidder else row.line
            if first != row.line:
                raise row.wrong("bidder_id", Message("table.bid_twice", bidder=offer.bidder, first=first))
            yield offer
        except Invalid as error:
            report(error.message)


def _offer(row: Row) -> Offer:
    """Raises Invalid naming line and column."""
    name, value = row.text("tender_id"), row.number("bid_value", 0)
    control = row.optional_number("control_price", 0)
    return Offer(name, row.fields["bidder_id"], value, row.when("date"), control)
