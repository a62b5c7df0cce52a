"""`sunbid bench detection --data FOLDER`: the detectors against labelled cartels and known reviewer bias.

FOLDER holds the published data (docs/detection.md says which and where from); none of it comes with the product. Labels
are read here alone, to measure. With `--page docs/detection.md` the tables of that page are written anew.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from messages import local
from supervision.detection.channels import Scored, score
from supervision.detection.favour import Marks, deviations, favours, power
from supervision.detection.learning import auc, learn
from supervision.detection.market import Bools, Floats, Market, Offer, market_of
from supervision.detection.tendency import FALSE_DISCOVERIES
from supervision.studies.experts import BIASES

_RESAMPLES = 2000
_ENOUGH = 3
"""Bids a tender must have to be measured, as in the literature."""
_MARKETS = {
    "Brazil": "DB_Collusion_Brazil_processed.csv",
    "Italy": "DB_Collusion_Italy_processed.csv",
    "US milk": "DB_Collusion_America_processed.csv",
    "Swiss GR": "DB_Collusion_Switzerland_GR_and_See-Gaster_processed.csv",
}
_AUTHORS = {"CV": "cv", "SPD": "spd", "KURT": "kurt", "SKEW": "skew", "KSTEST": "ks"}
"""Column of the authors → our screen."""


@dataclass(frozen=True)
class Labelled:
    """A market whose cartel is known: `guilty` says of each tender whether the cartel bid in it."""

    name: str
    market: Market
    guilty: Bools
    authors: pd.DataFrame
    """The authors' own screens, by tender."""


def labelled(folder: Path) -> Iterator[Labelled]:
    """The markets of García Rodríguez et al. (2022) in `FOLDER/garcia2022`. Raises OSError where one is missing."""
    for name, file in _MARKETS.items():
        table = pd.read_csv(folder / "garcia2022" / file)
        blank = pd.Series(np.nan, table.index)
        date, control = table.get("Date", blank), table.get("Pre-Tender Estimate (PTE)", blank)
        firm = table["Competitors"].astype(str) if "Competitors" in table else blank.map(lambda _: "")
        columns = (table["Tender"].astype(str), firm, table["Bid_value"], date, control)
        market = market_of(Offer(*row) for row in zip(*columns, strict=True))
        first = table.groupby(table["Tender"].astype(str)).first().loc[list(market.tenders)]
        yield Labelled(name, market, (first["Collusive_competitor"] == 1).to_numpy(), first)


def marks(folder: Path) -> pd.DataFrame:
    """The marks of Lyngstad & Rønneberg (2020) in `FOLDER/ski-jumping` in the columns of a score table."""
    older = pd.read_stata(folder / "ski-jumping" / "data_prepared.dta")
    newer = pd.read_csv(folder / "ski-jumping" / "scraped-data-season-2016.csv")
    parts = [
        _marks(older, "12345", "judge_name", "judge_nation", "competitorname", "competitornation", "s"),
        _marks(newer, "ABCDE", "judgeName", "judgeNation", "competitorName", "competitorNation", "t"),
    ]
    made: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return made


def _marks(jumps: pd.DataFrame, seats: str, name: str, nation: str, who: str, whose: str, mark: str) -> Any:
    session = mark + jumps.index.astype(str)
    seated = [
        pd.DataFrame(
            {
                "session_id": session, "reviewer_id": jumps[name + seat], "subject_id": jumps[who],
                "score": jumps["judge" + seat], "affiliation_reviewer": jumps[nation + seat],
                "affiliation_subject": jumps[whose],
            }
        )
        for seat in seats
    ]  # fmt: skip
    return pd.concat(seated, ignore_index=True)


def interval(guilty: Bools, value: Floats) -> tuple[float, float]:
    """95 % of the AUCs of tenders drawn anew with replacement."""
    rng = np.random.default_rng(1)
    drawn = (rng.integers(0, len(guilty), len(guilty)) for _ in range(_RESAMPLES))
    found = [auc(guilty[rows], value[rows]) for rows in drawn if 0 < guilty[rows].sum() < len(rows)]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def by_chance(guilty: Bools, value: Floats) -> float:
    """The AUC that one in twenty shufflings of the labels reaches."""
    rng = np.random.default_rng(2)
    return float(np.quantile([auc(rng.permutation(guilty), value) for _ in range(_RESAMPLES)], 0.95))


def top_tenth(guilty: Bools, value: Floats) -> float:
    """Share of guilty tenders in the top tenth."""
    first = np.argsort(-np.nan_to_num(value, nan=-1), kind="stable")[: max(1, round(len(value) / 10))]
    return float(guilty[first].mean())


def agreement(case: Labelled, found: Scored) -> dict[str, float]:
    """Largest difference from the authors' screens, rounded to their four decimals, where both are defined."""
    largest = {}
    for theirs, ours in _AUTHORS.items():
        value, column = getattr(found.screens, ours), case.authors[theirs].to_numpy(np.float64)
        both = ~np.isnan(value) & ~np.isnan(column)
        largest[theirs] = float(np.abs(np.round(value[both], 4) - column[both]).max())
    return largest


def measured(case: Labelled) -> dict[str, Any]:
    """All figures of one market."""
    found = score(case.market)
    enough = case.market.size >= _ENOUGH
    guilty = case.guilty[enough]
    channels = {
        "price_channel": found.price_channel,
        "ring_channel": found.ring_channel,
        "score": found.score,
    }
    result: dict[str, Any] = {
        "market": case.name, "tenders": int(enough.sum()), "base": float(guilty.mean()), "gate": found.gate.opens,
        "correlation": found.gate.correlation, "meetings": found.gate.meetings, "difference": max(agreement(case, found).values()),
    }  # fmt: skip
    for name, values in channels.items():
        value = values[enough]
        if not np.isnan(value).all():
            result[name] = auc(guilty, value)
            result[f"{name}_top"] = top_tenth(guilty, value)
    learned = learn(case.market, found, {int(n): bool(case.guilty[n]) for n in np.flatnonzero(enough)})
    result["learned"] = None if learned is None else (learned.auc, learned.label_free, learned.forecast)
    result["score_interval"] = interval(guilty, found.score[enough])
    result["score_by_chance"] = by_chance(guilty, found.score[enough])
    return result


_PANELS, _SEATS, _BIDS, _EXPERTS, _BIDDERS = 600, 5, 8, 40, 60
"""The seeded market of scores: sessions, experts and bids of each, experts of the pool, bidders of the trade."""
_ITEMS = (30.0, 20.0)
"""Full marks of the subjective items."""


def seeded_panels(seed: int = 1) -> Marks:
    """Scores as the demonstration draws them: merit 80 ± 5 % of full marks, generosity ± 1.2 %, noise ± 1.6 % an item."""
    rng = np.random.default_rng(seed)
    rows = []
    for session in range(_PANELS):
        experts, bidders = (
            rng.choice(pool, count, replace=False) for pool, count in ((_EXPERTS, _SEATS), (_BIDDERS, _BIDS))
        )
        merit, generous = rng.normal(0.8, 0.05, _BIDS), rng.normal(0, 0.012, _SEATS)
        seen = merit + generous[:, None] + rng.normal(0, 0.016, (len(_ITEMS), _SEATS, _BIDS))
        marks = (np.clip(seen, 0.3, 1) * np.array(_ITEMS)[:, None, None]).sum(axis=0)
        rows += [
            (session, e, b, round(marks[i, j], 1))
            for i, e in enumerate(experts)
            for j, b in enumerate(bidders)
        ]
    columns = np.array(rows)
    session_, expert, bidder = (columns[:, n].astype(np.int64) for n in range(3))
    return Marks(session_, expert, bidder, columns[:, 3], np.full(len(rows), sum(_ITEMS)))


def powers() -> str:
    """What share of a bias is found on the seeded market at 5 % false discoveries, and how many pass without any."""
    marked = seeded_panels()
    deviating = deviations(marked)
    found = favours(marked, deviating)
    shares = " | ".join(f"{100 * power(marked, deviating, found, bias):.0f} %" for bias in BIASES)
    clean = int((found.adjusted_p <= FALSE_DISCOVERIES).sum())
    return (
        "\n| 评审检出能力 power | ½ 分 point | 1 分 point | 2 分 points | 无偏也过门槛 pass without bias |\n|---|---|---|---|---|\n"
        f"| {len(found.p):,} 对 pairs, {_PANELS} 场 sessions | {shares} | {clean} |\n"
    )


_HEAD = """| 市场 market | 标段 tenders (≥ 3) | 基率 base | 门 gate | ρ | 同场中位 median co-bids | 报价通道 price | 关系通道 ring | **分数 score** | 95 % | 置换 5 % by chance | 与作者各列最大差 largest difference from the authors' columns |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def table(rows: list[dict[str, Any]]) -> str:
    """The measured figures as a Markdown table: AUC / precision in the top tenth."""
    return _HEAD + "".join(_line(row) for row in rows) + _LEARNED + "".join(_learned(row) for row in rows)


_LEARNED = """
| 由结论学习 learned from verdicts | 预报的标段 tenders forecast | 模型，按时间前推 model, forward in time | 同样标段的无标注分数 score without labels, same tenders |
|---|---|---|---|
"""


def _learned(row: dict[str, Any]) -> str:
    if row["learned"] is None:
        return f"| {row['market']} | — | — | — |\n"
    model, free, forecast = row["learned"]
    return f"| {row['market']} | {forecast:,} | {model:.3f} | {free:.3f} |\n"


def _line(row: dict[str, Any]) -> str:
    pair = {
        name: f"{row[name]:.3f} / {row[f'{name}_top']:.2f}" if name in row else "—"
        for name in ("price_channel", "ring_channel", "score")
    }
    low, high = row["score_interval"]
    cells = [
        row["market"], f"{row['tenders']:,}", f"{row['base']:.2f}", row["gate"], _figure(row["correlation"]),
        _figure(row["meetings"]), pair["price_channel"], pair["ring_channel"], f"**{pair['score']}**",
        f"{low:.3f}–{high:.3f}", f"{row['score_by_chance']:.3f}", f"{row['difference']:.4f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _figure(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:.2f}"


def put(page: Path, block: str, mark: str = "measured") -> None:
    """Replace what stands between the marks of a page. Raises ValueError if it has none."""
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, tail = rest.partition(f"<!-- /{mark} -->")
    if not begin or not end:
        raise ValueError(f"{page}: <!-- {mark} --> … <!-- /{mark} -->")
    page.write_text(f"{head}{begin}{block}{end}{tail}", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench detection", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=local("bench.detection.data"))
    parser.add_argument("--page", type=Path, help=local("bench.detection.page"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    rows = [measured(case) for case in labelled(given.data)]
    print(shown := table(rows) + powers())
    if given.page:
        put(given.page, shown)
    if given.json:
        print(json.dumps(rows))
    return 0
