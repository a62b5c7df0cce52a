"""The study of experts (S14): who marks whom higher than the panel, over awarded lots only (招标投标法 art. 44)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import BEIJING
from records.tables.bids import Bid
from records.tables.evaluation import Evaluation, Score
from records.tables.money import Award
from records.tables.projects import Lot, counted
from records.visibility import award_come
from supervision.detection.favour import (
    LEAST_SESSIONS,
    Deviations,
    Favours,
    Marks,
    deviations,
    favours,
    measurable,
    power,
)
from supervision.detection.tendency import FALSE_DISCOVERIES

NAME = "experts"
MONTHS = 48
"""Months back that are looked at: the same expert is drawn for the same bidder a few times a year."""
LEAST_EFFECT = 0.5
"""Points below which an effect is not listed, however small its p."""
BIASES = (0.5, 1.0, 2.0)
"""Points of injected bias whose discovery is published."""
_MOST_LISTED, _MOST_UNEQUAL = 50, 50


def pair_of(subjects: Iterable[Mapping[str, str]]) -> tuple[str | None, str | None]:
    """The expert and the bidder that a warning is about; None for what it is not about."""
    by_kind = {one["kind"]: one["id"] for one in subjects}
    return by_kind.get("expert"), by_kind.get("bidder")


def study(session: Session, at: datetime) -> dict[str, Any]:
    """The whole study at the moment `at`, as JSON values: lots that are awarded, of the last months."""
    table = _read(session, at)
    awarded, waiting = _lots(session, at, table)
    result: dict[str, Any] = {
        "as_of": at.isoformat(), "months": MONTHS, "lots": awarded, "waiting": waiting,
        "unequal": _unequal(table), "compared": _compared(table), "pairs": 0, "past_gate": 0, "tested": 0, "drawn": False, "power": [], "listed": [], "heat": {"experts": [], "bidders": [], "cells": []},
    }  # fmt: skip
    subjective = table[table["kind"] == "subjective"]
    if subjective.empty:
        return result
    rows = subjective.groupby(["session", "expert", "bidder"], sort=False, as_index=False).agg(
        points=("points", "sum"), full=("full", "sum"), lot=("lot", "first"), name=("name", "first"), on=("on", "first"),
        centre=("centre", "first"),
    )  # fmt: skip
    marks, names = _marks(rows)
    deviating = deviations(marks)
    found = favours(marks, deviating)
    passed = found.adjusted_p <= FALSE_DISCOVERIES
    listed = np.flatnonzero(passed & (np.abs(found.effect) >= LEAST_EFFECT))[:_MOST_LISTED]
    powers = measurable(marks, deviating, found)
    totals = table.groupby(["session", "expert", "bidder"], as_index=False).agg(points=("points", "sum"))
    return result | {
        "pairs": len(found.p), "past_gate": int(passed.sum()),
        "tested": int((powers[1].adjusted_p > FALSE_DISCOVERIES).sum()), "drawn": powers[1] is not found,
        "power": [{"bias": bias, "found": _number(power(powers[0], deviating, powers[1], bias))} for bias in BIASES],
        "listed": [_pair(n, found, rows, marks, deviating, names, totals) for n in listed],
        "heat": _heat(rows, deviating, [(names[0][found.expert[n]], names[1][found.bidder[n]]) for n in listed]),
    }  # fmt: skip


def _read(session: Session, at: datetime) -> pd.DataFrame:
    """All scores of lots awarded by `at`, one row a (session, expert, bid, item)."""
    awarded = select(Award.lot_id).where(Award.status == "awarded", award_come(at))
    query = (
        select(
            Score.evaluation_id, Score.expert_id, Bid.bidder_id, Score.item, Score.kind, Score.score,
            Score.full_marks, Lot.id, Lot.name, Lot.deadline, Lot.division_code,
        )
        .join(Evaluation, Evaluation.id == Score.evaluation_id)
        .join(Bid, Bid.id == Score.bid_id)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(counted(), Lot.deadline >= _since(at), Lot.id.in_(awarded))
        .order_by(Lot.deadline, Score.evaluation_id, Score.expert_id, Bid.bidder_id)
    )  # fmt: skip
    columns = ["session", "expert", "bidder", "item", "kind", "points", "full", "lot", "name", "on", "centre"]
    table = pd.DataFrame([tuple(row) for row in session.execute(query)], columns=columns)
    return table.astype({"points": np.float64, "full": np.float64})


def _since(at: datetime) -> datetime:
    return at - timedelta(days=MONTHS * 365.25 / 12)


def _lots(session: Session, at: datetime, table: pd.DataFrame) -> tuple[int, int]:
    """How many awarded lots are looked at, and how many with scores wait for their award."""
    scored = select(func.count(Evaluation.lot_id.distinct())).where(
        Evaluation.id.in_(select(Score.evaluation_id)), Evaluation.started_at >= _since(at)
    )
    awarded = int(table["lot"].nunique())
    return awarded, max(0, (session.scalar(scored) or 0) - awarded)


def _compared(table: pd.DataFrame) -> int:
    """Objective items of a bidder that more than one expert marked: what can differ at all."""
    objective = table[table["kind"] == "objective"]
    marks = objective.groupby(["session", "bidder", "item"]).size()
    return int((marks > 1).sum())


def _unequal(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Objective items on which the experts of a session differ about the same bid (E5): they must be equal."""
    objective = table[table["kind"] == "objective"]
    if objective.empty:
        return []
    spans = objective.groupby(["session", "bidder", "item"], as_index=False).agg(
        low=("points", "min"), high=("points", "max"), lot=("lot", "first"), name=("name", "first")
    )
    apart = spans[spans["high"] > spans["low"]].head(_MOST_UNEQUAL)
    columns = ["lot", "name", "bidder", "item", "low", "high"]
    return [dict(zip(columns, row, strict=True)) for row in apart[columns].itertuples(index=False)]


def _marks(rows: pd.DataFrame) -> tuple[Marks, tuple[list[str], list[str]]]:
    session, _ = pd.factorize(rows["session"])
    expert, experts = pd.factorize(rows["expert"])
    bidder, bidders = pd.factorize(rows["bidder"])
    made = Marks(
        session.astype(np.int64), expert.astype(np.int64), bidder.astype(np.int64),
        rows["points"].to_numpy(np.float64), rows["full"].to_numpy(np.float64),
    )  # fmt: skip
    return made, (list(experts), list(bidders))


_HEAT = 12
"""Most experts and bidders of the heat map."""


def _heat(rows: pd.DataFrame, deviating: Deviations, listed: list[tuple[str, str]]) -> dict[str, Any]:
    """Experts by bidders, the listed first, then who sat and bid most: mean deviation in points, sessions, whether listed."""
    experts, bidders = (
        list(dict.fromkeys([*(pair[side] for pair in listed), *_busiest(rows[name])]))[:_HEAT]
        for side, name in enumerate(("expert", "bidder"))
    )
    here = rows.assign(deviation=deviating.points)
    here = here[here["expert"].isin(experts) & here["bidder"].isin(bidders)].dropna(subset=["deviation"])
    means = here.groupby(["expert", "bidder"])["deviation"].agg(["mean", "size"])
    cells = [
        {
            "expert": experts.index(e),
            "bidder": bidders.index(b),
            "points": mean,
            "sessions": int(n),
            "listed": (e, b) in listed,
            "few": n < LEAST_SESSIONS,
        }
        for (e, b), mean, n in zip(
            means.index.tolist(), means["mean"].tolist(), means["size"].tolist(), strict=True
        )
    ]
    return {"experts": experts, "bidders": bidders, "cells": cells}


def _busiest(names: pd.Series[str]) -> list[str]:
    """Who stands in most rows first, ties by name."""
    counts = names.value_counts()
    return sorted(map(str, counts.index), key=lambda name: (-int(counts[name]), name))


def _pair(
    n: int, found: Favours, rows: pd.DataFrame, marks: Marks, deviating: Deviations,
    names: tuple[list[str], list[str]], totals: pd.DataFrame,
) -> dict[str, Any]:  # fmt: skip
    expert, bidder = names[0][found.expert[n]], names[1][found.bidder[n]]
    sat = np.unique(marks.session[(marks.expert == found.expert[n]) & (marks.bidder == found.bidder[n])])
    sessions = [_session(rows, marks, deviating, int(one), expert, bidder) for one in sat]
    for sitting in sessions:
        sitting["outcome"] = _without(totals[totals["session"] == sitting["session"]], expert)
    return {
        "expert": expert, "bidder": bidder, "effect": float(found.effect[n]), "low": float(found.low[n]),
        "high": float(found.high[n]), "p": float(found.p[n]), "adjusted_p": float(found.adjusted_p[n]),
        "changes": sum(sitting["outcome"]["changes"] for sitting in sessions), "sessions": sessions,
    }  # fmt: skip


def _session(
    rows: pd.DataFrame, marks: Marks, deviating: Deviations, session: int, expert: str, bidder: str
) -> dict[str, Any]:
    """One session: of every bid the expert's points, the others', their mean, the usual spread, the deviation."""
    here = np.flatnonzero(marks.session == session)
    mine = here[(rows["expert"].iloc[here] == expert).to_numpy()]
    first = rows.iloc[here[0]]
    bids = [_bid(rows, marks, deviating, here, int(row)) for row in mine]
    return {
        "session": first["session"], "lot": first["lot"], "name": first["name"], "centre": first["centre"],
        "on": first["on"].astimezone(BEIJING).date().isoformat(), "full": float(first["full"]),
        "bids": sorted(bids, key=lambda bid: -bid["mean"]),
        "effect": next((b["deviation"] for b in bids if b["bidder"] == bidder), None),
    }  # fmt: skip


def _bid(rows: pd.DataFrame, marks: Marks, deviating: Deviations, here: Any, row: int) -> dict[str, Any]:
    others = here[(marks.bidder[here] == marks.bidder[row]) & (here != row)]
    return {
        "bidder": rows["bidder"].iloc[row], "points": float(marks.points[row]),
        "others": [float(points) for points in marks.points[others]], "mean": float(deviating.others[row]),
        "usual": float(deviating.usual[row]), "deviation": float(deviating.points[row]),
    }  # fmt: skip


def _without(totals: pd.DataFrame, expert: str) -> dict[str, Any]:
    """The first by all experts' mean total of the scores held, and by the others' without this one."""
    everyone = totals.groupby("bidder")["points"].mean().sort_index()
    rest = totals[totals["expert"] != expert].groupby("bidder")["points"].mean().sort_index()
    first, other = str(everyone.idxmax()), str(rest.idxmax())
    return {
        "changes": first != other, "first": first, "other": other,
        "scores": {who: [float(everyone[who]), float(rest[who])] for who in {first, other}},
    }  # fmt: skip


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
