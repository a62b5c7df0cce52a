"""The study of rings (S13): per trade the gate and the groups, over the market the tenders with striking prices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from records.clock import BEIJING
from supervision.detection.channels import Scored, score
from supervision.detection.groups import Group, groups, links
from supervision.detection.learning import learn
from supervision.detection.market import Market
from supervision.detection.sharing import rotation
from supervision.lens.reader import Lens

NAME = "rings"
MONTHS = 48
"""Months back from the lens' state that are looked at: a ring of a small trade meets a few times a year."""
MOST_LEARNED = 20
"""Tenders listed by what verdicts teach of a trade."""
MOST_PRICES = 50
"""Tenders of the price list."""
_SMALLEST_MARKET = 20
"""Tenders below which the prices of a trade are not ranked: neither gate nor usual spread can be told."""

_BIDS = """
SELECT lot_id, bidder_id, CAST(price AS DOUBLE) AS price, CAST(control_price AS DOUBLE) AS control, is_winner,
  opened_at, lot_name, centre_id, coalesce(category, '') AS category
FROM bids WHERE opened_at >= $since AND status <> 'withdrawn'
  AND lot_id NOT IN (SELECT lot_id FROM lots WHERE contains(flags, 'rehearsal'))
ORDER BY opened_at, lot_id, bidder_id
"""


@dataclass(frozen=True)
class _Trade:
    """The bids of one trade, as a frame and as a market of the same rows."""

    name: str
    bids: pd.DataFrame
    market: Market


def study(lens: Lens, at: datetime, verdicts: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """The whole study over the months before `at`, as JSON values; with verdicts on lots also what they teach."""
    bids = lens.frame(_BIDS, {"since": at - timedelta(days=MONTHS * 365.25 / 12)})
    trades = [_trade(str(name), part) for name, part in bids.groupby("category", sort=True)]
    studied = [trade for trade in trades if len(trade.market.tenders) >= _SMALLEST_MARKET]
    scored = [(trade, score(_priced(trade))) for trade in studied]
    taught = {trade.name: _learned(trade, one, verdicts or {}) for trade, one in scored}
    found = [_group(trade, one) for trade in trades for one in _found(trade)]
    found.sort(key=lambda group: -group["met"] / max(group["expected"], 1e-9))
    return {
        "as_of": at.isoformat(),
        "months": MONTHS,
        "tenders": int(bids["lot_id"].nunique()),
        "markets": [_gate(trade, one) | {"learned": taught[trade.name]} for trade, one in scored],
        "prices": _prices(scored, found),
        "groups": found,
    }


def _trade(name: str, bids: pd.DataFrame) -> _Trade:
    """A trade; its rows are in order of time and stay so."""
    tender, tenders = pd.factorize(bids["lot_id"])
    bidder, bidders = pd.factorize(bids["bidder_id"])
    first = bids.groupby(tender).first()
    market = Market(
        list(tenders), list(bidders), tender.astype(np.int64), bidder.astype(np.int64),
        bids["price"].fillna(0).to_numpy(np.float64), _seconds(first["opened_at"]), first["control"].to_numpy(np.float64),
    )  # fmt: skip
    return _Trade(name, bids.reset_index(drop=True), market)


def _seconds(moments: pd.Series[Any]) -> Any:
    return (moments.dt.tz_convert("UTC") - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)


def _priced(trade: _Trade) -> Market:
    """The trade without the bids that have no price."""
    priced = trade.bids[trade.bids["price"] > 0]
    return _trade(trade.name, priced).market if len(priced) else trade.market


def _found(trade: _Trade) -> list[Group]:
    return groups(trade.market, links(trade.market))


def _gate(trade: _Trade, scored: Scored) -> dict[str, Any]:
    gate = scored.gate
    return {
        "market": trade.name, "tenders": len(trade.market.tenders), "counted": gate.tenders, "opens": gate.opens,
        "correlation": _number(gate.correlation), "meetings": _number(gate.meetings),
    }  # fmt: skip


def _learned(trade: _Trade, scored: Scored, verdicts: Mapping[str, bool]) -> dict[str, Any] | None:
    """What the verdicts on a trade's tenders teach, tested forward in time, and the tenders it puts first."""
    market = _priced(trade)
    found = learn(
        market, scored, {n: verdicts[lot] for n, lot in enumerate(market.tenders) if lot in verdicts}
    )
    if found is None:
        return None
    facts = trade.bids.drop_duplicates("lot_id").set_index("lot_id")
    first = np.argsort(-found.score, kind="stable")[:MOST_LEARNED]
    return {
        "verdicts": found.verdicts, "confirmed": found.confirmed, "forecast": found.forecast, "auc": found.auc,
        "label_free": found.label_free, "weights": found.weights,
        "lots": [
            {"lot": market.tenders[n], "name": facts.at[market.tenders[n], "lot_name"], "centre": facts.at[market.tenders[n], "centre_id"],
             "chance": float(found.score[n]), "score": float(scored.score[n])}
            for n in first
        ],
    }  # fmt: skip


# ── the price list ───────────────────────────────────────────────────────────


def _prices(scored: list[tuple[_Trade, Scored]], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tenders whose prices stand out most, of trades whose gate has the price channel, most striking first."""
    rows = [row for trade, one in scored if one.gate.price for row in _striking(trade, one)]
    rows.sort(key=lambda row: -row["score"])
    in_group = {
        lot["lot"]: place for place, group in reversed(list(enumerate(found))) for lot in group["lots"]
    }
    return [row | {"group": in_group.get(row["lot"])} for row in rows[:MOST_PRICES]]


def _striking(trade: _Trade, scored: Scored) -> list[dict[str, Any]]:
    market = _priced(trade)
    facts = trade.bids.drop_duplicates("lot_id").set_index("lot_id")
    total = (scored.price_channel + np.nan_to_num(scored.past_rank, nan=0.5)) / 2
    first = np.argsort(-np.where(market.size >= 3, total, -1), kind="stable")[:MOST_PRICES]
    usual = float(np.nanmedian(scored.screens.cv))
    return [
        {
            "lot": market.tenders[n], "name": facts.at[market.tenders[n], "lot_name"],
            "centre": facts.at[market.tenders[n], "centre_id"], "market": trade.name, "score": float(total[n]),
            "cv": _number(scored.screens.cv[n]), "usual": usual, "bids": int(market.size[n]),
            "past": _number(scored.past_rank[n]), "verified": scored.gate.opens != "unverified",
        }
        for n in first if market.size[n] >= 3
    ]  # fmt: skip


# ── the groups ───────────────────────────────────────────────────────────────


def _group(trade: _Trade, group: Group) -> dict[str, Any]:
    members = [str(trade.market.bidders[n]) for n in group.members]
    here = trade.bids[trade.bids["bidder_id"].isin(members)]
    joint = here.groupby("lot_id").filter(lambda rows: len(rows) >= 2)
    bids = trade.bids[trade.bids["lot_id"].isin(joint["lot_id"].unique())]
    lots = [_lot(rows, members) for _, rows in bids.groupby("lot_id", sort=False)]
    winners = [lot["winner"] for lot in lots if lot["winner"] is not None and lot["winner"] >= 0]
    turns = rotation(winners, len(members))
    return {
        "market": trade.name, "members": members, "met": group.met, "expected": group.expected,
        "cohesion": group.cohesion, "exclusivity": group.exclusivity, "log10_p": group.log_p / math.log(10),
        "rotation": _number(turns.evenness), "repeats": turns.repeats, "repeats_expected": _number(turns.expected),
        "repeats_p": _number(turns.p),
        "cv": _spread(lots), "lots": lots, "around": _around(trade, group),
    }  # fmt: skip


def _lot(rows: pd.DataFrame, members: list[str]) -> dict[str, Any]:
    """A joint tender: the members' prices and the others' ÷ control price, and who won (−1: none of the members)."""
    first, control = rows.iloc[0], rows["control"].iloc[0]
    share = rows["price"] / (control if control > 0 else np.nan)
    place = {member: n for n, member in enumerate(members)}
    mine = rows["bidder_id"].isin(members)
    won = rows.loc[rows["is_winner"].fillna(False).astype(bool), "bidder_id"]
    return {
        "lot": first["lot_id"], "name": first["lot_name"], "centre": first["centre_id"],
        "on": first["opened_at"].astimezone(BEIJING).date().isoformat(), "control": _number(control),
        "present": {place[who]: _number(s) for who, s in zip(rows.loc[mine, "bidder_id"], share[mine], strict=True)},
        "others": [float(s) for s in share[~mine].dropna().sort_values().head(40)],
        "bids": len(rows), "winner": place.get(won.iloc[0], -1) if len(won) else None,
    }  # fmt: skip


def _spread(lots: list[dict[str, Any]]) -> float | None:
    """Median over the joint tenders of the coefficient of variation of the members' prices."""
    found = []
    for lot in lots:
        shares = np.array([share for share in lot["present"].values() if share])
        if len(shares) >= 2:
            found.append(shares.std(ddof=1) / shares.mean())
    return float(np.median(found)) if found else None


_BESIDE = 9
"""Bidders shown beside a group: those its members meet most."""


def _around(trade: _Trade, group: Group) -> dict[str, Any]:
    """Who the members meet besides: the bidders met most, and all meetings among members and these, as a matrix.

    Only lots with two members or more count: in the crowded lots of others everybody meets everybody.
    """
    made = trade.market.incidence
    made = made[np.asarray(made[:, group.members].sum(axis=1)).ravel() >= 2]
    ours = np.asarray((made[:, group.members].T @ made).sum(axis=0)).ravel()
    ours[group.members] = 0
    beside = np.argsort(-ours, kind="stable")[:_BESIDE]
    beside = beside[ours[beside] > 0]
    shown = np.concatenate([group.members, beside])
    met = np.asarray((made[:, shown].T @ made[:, shown]).todense()).astype(int)
    return {"bidders": [str(trade.market.bidders[n]) for n in beside], "met": met.tolist()}


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
