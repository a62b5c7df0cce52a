"""The report of `sunbid scan`: which rules found how much, how grave, and the findings rule by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from messages import local
from sunbid.reports.page import Column, Report, Section, most
from supervision.rules.finding import Finding
from supervision.rules.registry import RULES

LONGEST = 50
"""Findings of a rule that are listed; --json has all."""


def report(findings: Sequence[Finding], source: str, since: date | None = None) -> Report:
    """The findings of one scan, the rules with the most first; `since`: the first day of the lots asked for."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    ordered = sorted(by_rule.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    picture = most(
        [(_name(rule), len(found), f"{len(found):,}") for rule, found in ordered], local("report.by_rule")
    )
    sections = [
        Section(local("report.by_rule"), picture=picture),
        *(_rule(*entry, since) for entry in ordered),
    ]
    return Report(local("report.scan"), source, _facts(findings, len(by_rule), since), sections)


def _facts(findings: Sequence[Finding], rules: int, since: date | None) -> list[tuple[str, str]]:
    levels = Counter(finding.level for finding in findings)
    lots = {finding.lot_id for finding in findings if finding.lot_id}
    return [
        (local("report.findings"), f"{len(findings):,}"), (local("report.rules_found"), f"{rules} / {len(RULES)}"),
        (local("report.lots"), f"{len(lots):,}"),
        *((local(f"level.{level}"), f"{levels[level]:,}") for level in ("red", "orange", "yellow")),
        *([(local("cli.deadline_from"), f"{since:%Y-%m-%d}")] if since else []),
    ]  # fmt: skip


def _name(rule: str) -> str:
    return f"{rule} {local(f'rule.{rule}.name')}"


def _rule(rule: str, found: Sequence[Finding], since: date | None) -> Section:
    ordered = sorted(found, key=lambda one: ("red", "orange", "yellow").index(one.level))
    columns = (
        Column(local("report.level")), Column(local("report.what")), Column(local("report.subjects")),
        Column(local("report.value"), True), Column(local("report.threshold"), True), Column(local("report.baseline"), True),
    )  # fmt: skip
    rows = [
        (
            local(f"level.{one.level}"), one.title, " ".join(subject.id for subject in one.subjects),
            f"{one.value:.6g}", f"{one.threshold:.6g}", "—" if one.baseline is None else f"{one.baseline:.6g}",
        )
        for one in ordered[:LONGEST]
    ]  # fmt: skip
    words = f"{local(f'rule.{rule}.formula')} {RULES[rule].law}"
    if since and (whole := sum(one.lot_id is None for one in found)):
        words += "\n" + local("cli.over_all_data", found=whole, rules=rule, since=f"{since:%Y-%m-%d}")
    return Section(_name(rule), words, None, columns, rows, max(len(found) - LONGEST, 0))
