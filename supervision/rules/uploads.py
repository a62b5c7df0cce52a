"""Files that came by one line: bids of different bidders from one address within half an hour, lot after lot (B5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import combinations, groupby
from typing import Any

from sqlalchemy import Select, func, select

from records.clock import rfc3339
from supervision.lens.tables import bids
from supervision.rules.files import masked
from supervision.rules.finding import Finding
from supervision.rules.market_rule import Row, RowRule
from supervision.rules.rule import Parameter

_SHOWN = 20
"""Lots in the evidence of a pair."""


class OneUploadAddress(RowRule):
    """B5: two bidders' files came from one address within minutes, in several lots (发改法规〔2026〕195号 item 17).

    Uploads from a centre's public terminal are not in the lens: sharing an address is normal there.
    """

    id, family, level = "B5", "bidders", "orange"
    reads = ("bid.upload_ip", "bid.received_at", "bid.on_site")
    parameters = (Parameter("minutes", 30, 1, 1440, whole=True), Parameter("min_lots", 2, 2, 50, whole=True))

    def select(self, chosen: Mapping[str, float]) -> Select[*tuple[Any, ...]]:
        """Bids whose address another bidder of the lot has too. Times are compared in `judge`: engines subtract them each
        in its own way."""
        known = bids.c.upload_ip.is_not(None)
        shared = (
            select(bids.c.lot_id, bids.c.upload_ip).where(known).group_by(bids.c.lot_id, bids.c.upload_ip)
            .having(func.count(func.distinct(bids.c.bidder_id)) > 1).subquery("shared")
        )  # fmt: skip
        s = shared.c
        return (
            select(bids.c.lot_id, bids.c.upload_ip, bids.c.bidder_id, bids.c.received_at)
            .join(shared, (s.lot_id == bids.c.lot_id) & (s.upload_ip == bids.c.upload_ip))
            .where(bids.c.received_at.is_not(None))
            .order_by(bids.c.lot_id, bids.c.upload_ip, bids.c.bidder_id, bids.c.received_at)
        )

    def judge(self, rows: Sequence[Row], chosen: Mapping[str, float]) -> list[Finding]:
        """One finding a pair of bidders that shared an address in enough lots."""
        met: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
        for pair, row in _close(rows, timedelta(minutes=chosen["minutes"])):
            met[pair][row["lot_id"]] = row
        return [
            self._about(pair, lots, chosen["min_lots"])
            for pair, lots in sorted(met.items())
            if len(lots) >= chosen["min_lots"]
        ]

    def _about(self, pair: tuple[str, str], lots: Mapping[str, Row], least: float) -> Finding:
        evidence: dict[str, object] = {
            "strength": "medium",
            "lots": [
                {"lot": lot, "address": masked(row["upload_ip"]), "received_at": rfc3339(row["received_at"])}
                for lot, row in list(lots.items())[:_SHOWN]
            ],
        }
        subjects = [("bidder", one) for one in pair]
        return self.about(
            subjects, self.says("found", count=len(lots)), float(len(lots)), least, evidence=evidence
        )


def _close(rows: Sequence[Row], within: timedelta) -> Iterator[tuple[tuple[str, str], Row]]:
    """Pairs of bidders of one lot and address whose files came so close, each with the later one's row."""
    for _, group in groupby(rows, key=lambda row: (row["lot_id"], row["upload_ip"])):
        for one, other in combinations(group, 2):
            if (
                one["bidder_id"] != other["bidder_id"]
                and abs(one["received_at"] - other["received_at"]) <= within
            ):
                yield (
                    (one["bidder_id"], other["bidder_id"]),
                    max(one, other, key=lambda row: row["received_at"]),
                )
