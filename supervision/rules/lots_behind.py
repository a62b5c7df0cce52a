"""The lots a finding rests on. One about a lot has it; one about parties, a group or a market lists the latest in its
evidence, so that whoever checks it can open them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import FromClause, Select, case, func, select

from supervision.rules.finding import Finding
from supervision.rules.market_rule import Ask, MarketRule

SHOWN = 30
"""Lots named of one finding."""
_KEYS = ("kind", "one", "two")
_LISTS = ("lots", "marks")
"""Where evidence lists lots: as ids, or as what is told of each, its id under `lot`."""


def lots_named(evidence: Mapping[str, Any]) -> list[str]:
    """Ids of the lots that evidence lists."""
    lists = [found for name in _LISTS if isinstance(found := evidence.get(name), list)]
    return [str(one["lot"] if isinstance(one, dict) else one) for found in lists for one in found if one]


def with_lots(ask: Ask, rule: MarketRule, found: list[Finding], chosen: Mapping[str, float]) -> list[Finding]:
    """The findings of a rule, each with the lots that `rule.lots_behind` gives for it, the latest first."""
    query = rule.lots_behind(chosen) if found else None
    if query is None:
        return found
    behind = query.subquery("behind")
    names = [name for name in _KEYS if name in behind.c]
    keys = [_key(one, names) for one in found]
    told = defaultdict[tuple[str, ...], list[object]](list)
    for row in ask(_latest(behind, names, keys)):
        told[tuple(row[name] for name in names)].append(rule.lot_told(row))
    return [
        replace(one, evidence={**one.evidence, rule.lots_listed: told[key]})
        for one, key in zip(found, keys, strict=True)
    ]


def _key(finding: Finding, names: Sequence[str]) -> tuple[str, ...]:
    one, *others = finding.subjects
    of = {"kind": one.kind, "one": one.id, "two": others[0].id if others else ""}
    return tuple(of[name] for name in names)


def _latest(
    behind: FromClause, names: Sequence[str], keys: Sequence[tuple[str, ...]]
) -> Select[*tuple[Any, ...]]:
    """The rows of the findings' subjects, of each the latest; undated ones count as the oldest."""
    b = behind.c
    wanted = [b[name].in_(sorted({key[n] for key in keys})) for n, name in enumerate(names)]
    undated = case((b.opened_at.is_(None), 1), else_=0)
    place = func.row_number().over(
        partition_by=[b[name] for name in names], order_by=(undated, b.opened_at.desc(), b.lot_id.desc())
    )
    placed = select(*b, place.label("place")).where(*wanted).subquery("placed")
    return (
        select(*placed.c)
        .where(placed.c.place <= SHOWN)
        .order_by(*(placed.c[name] for name in names), placed.c.place)
    )
