"""The report of `sunbid flags`: how many of each kind every indicator flagged, and those with the most flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from messages import known, local
from sunbid.reports.page import Column, Report, Section, most

Flags = Mapping[str, Mapping[str, Mapping[str, float | None]]]
LONGEST = 50
"""Rows of a group's table; the JSON has all."""


def report(flags: Flags, lines: int, bad: int, source: str) -> Report:
    """Group → identifier → indicator → value, as Cardinal prints them."""
    facts = [
        (local("report.releases"), f"{lines - bad:,}"), (local("report.bad_lines"), f"{bad:,}"),
        *((local(f"report.group.{group}"), f"{len(found):,}") for group, found in flags.items()),
    ]  # fmt: skip
    return Report(
        local("report.flags"),
        source,
        facts,
        [_indicators(flags), *(_group(*entry) for entry in flags.items())],
    )


def _indicators(flags: Flags) -> Section:
    counts = Counter(one for found in flags.values() for values in found.values() for one in values)
    ranked = [(f"{one} {_name(one)}", number, f"{number:,}") for one, number in counts.most_common()]
    return Section(local("report.by_indicator"), picture=most(ranked, local("report.by_indicator")))


def _name(indicator: str) -> str:
    """Most indicators are rules as well; two are counted over files alone."""
    return local(
        f"rule.{indicator}.name" if known(f"rule.{indicator}.name") else f"flags.indicator.{indicator}"
    )


def _group(group: str, found: Mapping[str, Mapping[str, float | None]]) -> Section:
    ranked = sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    columns = (
        Column(local("report.identifier")),
        Column(local("report.number"), True),
        Column(local("report.indicators")),
    )
    rows = [
        (who, len(values), " · ".join(f"{name} = {'—' if value is None else f'{value:.4g}'}" for name, value in sorted(values.items())))
        for who, values in ranked[:LONGEST]
    ]  # fmt: skip
    return Section(local(f"report.group.{group}"), "", None, columns, rows, max(len(found) - LONGEST, 0))
