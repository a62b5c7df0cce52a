"""`sunbid bench city`: what the watch finds of what is planted in the seeded city, family by family, and how often each rule
speaks where nothing is planted. With `--page docs/detection.md` the tables of that page are written anew.

The answer file beside the data says what is planted; nothing but tests and this reads it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import citymarket
from benchmarks.detection import put
from messages import Message, local
from records.clock import now
from records.ledger import Ledger
from sunbid.demo.city.build import ANSWERS
from supervision.home import NOWHERE
from supervision.rules.finding import Finding
from supervision.rules.registry import RULES, rule_of
from supervision.rules.scan import lens_of_now, scan
from supervision.studies import experts, rings

CAP = 0.03
"""Share of clean lots from which a rule speaks too often: of a thousand lots nobody looks at thirty for one reason."""
Family = frozenset[str]


@dataclass(frozen=True)
class Found:
    """What was found of one planted family, and what else."""

    family: str
    planted: int
    hits: int
    found: int

    @property
    def precision(self) -> float:
        """Share of what was found that is planted."""
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of what is planted that was found."""
        return self.hits / self.planted if self.planted else 0.0


def families(
    planted: dict[str, Any], findings: list[Finding], groups: list[Any], listed: list[Any]
) -> list[Found]:
    """Each planted family beside what was found of its kind. `groups` of the study of rings, `listed` of that of experts."""
    captive = {frozenset((one["tenderer"], one["bidder"])) for one in planted["captive_tenderers"]}
    found = {
        frozenset(s.id for s in f.subjects if s.kind in ("tenderer", "bidder"))
        for f in findings
        if f.rule == "T1"
    }
    biased = {frozenset((one["expert"], one["bidder"])) for one in planted["biased_experts"]}
    favoured = {frozenset((one["expert"], one["bidder"])) for one in listed}
    ringed = {frozenset(one["members"]) for one in planted["rings"]}
    joint = {lot for ring in planted["rings"] for lot in ring["lots"]}
    machines = {f.lot_id for f in findings if f.rule == "B4"}
    return [
        _compared("rings", ringed, {frozenset(one["members"]) for one in groups}),
        _compared("captive tenderers", captive, found),
        _compared("biased experts", biased, favoured),
        Found("ring lots with one machine (B4)", len(machines & joint), len(machines & joint), len(machines)),
    ]  # fmt: skip


def _compared(family: str, planted: set[Family], found: set[Family]) -> Found:
    return Found(family, len(planted), len(planted & found), len(found))


def alert_rates(
    findings: Iterable[Finding], planted: dict[str, Any], lots: set[str]
) -> dict[str, tuple[int, float | None]]:
    """Rule → (findings about nobody planted, share of the clean lots that it speaks of; None for rules about parties)."""
    guilty = {one for part in planted["rings"] for one in part["members"]}
    guilty |= {one[side] for one in planted["captive_tenderers"] for side in ("tenderer", "bidder")}
    guilty |= {one[side] for one in planted["biased_experts"] for side in ("expert", "bidder")}
    touched = {lot for part in planted["rings"] + planted["captive_tenderers"] for lot in part["lots"]}
    touched |= {one.removeprefix("PB-") for part in planted["biased_experts"] for one in part["evaluations"]}
    clean, alerted, count = lots - touched, defaultdict(set), Counter[str]()
    for found in findings:
        if guilty.isdisjoint(s.id for s in found.subjects) and found.lot_id not in touched:
            count[found.rule] += 1
            if found.lot_id is not None:
                alerted[found.rule].add(found.lot_id)
    return {
        rule: (count[rule], len(alerted[rule] & clean) / len(clean) if alerted[rule] else None)
        for rule in RULES
    }


def measured(market: citymarket.Market) -> dict[str, Any]:
    """All figures of one market."""
    ledger = Ledger(market.url)
    lens = lens_of_now(ledger, market.data, NOWHERE)
    planted = json.loads((market.data / ANSWERS).read_text())
    findings = list(scan(ledger, lens=lens))
    with ledger.read() as session:
        scored = experts.study(session, now())
    lots = {str(lot) for (lot,) in lens.rows("SELECT lot_id FROM lots", {})}
    found = families(planted, findings, rings.study(lens, now())["groups"], scored["listed"])
    ledger.close()
    return {
        "bids": market.bids, "lots": len(lots), "fraction": planted["fraction"], "power": scored["power"], "pairs": scored["pairs"],
        "tested": scored["tested"], "drawn": scored["drawn"],
        "families": [vars(one) | {"precision": one.precision, "recall": one.recall} for one in found],
        "rates": alert_rates(findings, planted, lots),
    }  # fmt: skip


def table(measured: dict[str, Any]) -> str:
    """The figures as the page has them."""
    head = (
        f"城市的 {measured['fraction']:g}（{measured['lots']:,} 个标段、{measured['bids']:,} 家次） — {measured['fraction']:g} of the city "
        f"({measured['lots']:,} lots, {measured['bids']:,} bids)\n\n"
        "| 埋设 planted | 个数 count | 找到 found | 查准率 precision | 查全率 recall |\n|---|---|---|---|---|\n"
    )
    rows = "".join(
        f"| {one['family']} | {one['planted']} | {one['hits']} / {one['found']} | {one['precision']:.2f} | {one['recall']:.2f} |\n"
        for one in measured["families"]
    )
    power = " · ".join(f"{one['bias']:g} 分 points {_share(one['found'])}" for one in measured["power"])
    on = (
        "组抽自一位专家四场的投标 bids drawn from four sessions of one expert"
        if measured["drawn"]
        else "对 pairs"
    )
    rates = "".join(
        f"| {rule} {Message(f'rule.{rule}.name').documented()} | {count:,} | {_rate(rule, rate)} |\n"
        for rule, (count, rate) in measured["rates"].items()
    )
    return (
        f"{head}{rows}\n注入偏差的检出率（5 % FDR，{measured['tested']:,} {on}） — injected bias found: {power}\n\n"
        f"| 规则 rule | 无埋设处的发现 findings where nothing is planted | 占清白标段 of clean lots |\n|---|---|---|\n{rates}"
    )


def _share(found: float | None) -> str:
    return "—" if found is None else f"{100 * found:.0f} %"


def _rate(rule: str, rate: float | None) -> str:
    if rate is None:
        return "—"
    over = " ⚠" if rate > CAP and rule_of(rule).mode == "on" else ""
    return f"{100 * rate:.2f} %{over}"


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; with --json one object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench city", description=__doc__)
    citymarket.options(parser)
    parser.add_argument("--page", type=Path, help=local("bench.detection.page"))
    parser.add_argument("--json", action="store_true", help=local("bench.json"))
    given = parser.parse_args(argv)
    with citymarket.market(given.data, given.fraction) as market:
        found = measured(market)
    print(shown := table(found))
    if given.page:
        put(given.page, shown, "city")
    if given.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
