"""The rules over the whole ledger without raising anything: scan."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from messages import Fault, joined, language_of_environment, local
from sunbid import output

if TYPE_CHECKING:
    from supervision.rules.finding import Finding
    from supervision.rules.scan import Engine


class EngineName(StrEnum):
    """What answers the market rules' selects over the lens."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(help=local("command.scan"))(scan)


def scan(
    rule: Annotated[list[str] | None, typer.Option(help=local("cli.rule_id_repeatable"))] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="RULE.PARAM=VALUE", help=local("cli.set_parameter"))
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=local("cli.deadline_from"))
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help=local("cli.engine"), show_default=False)
    ] = EngineName.DUCKDB,
    report: output.ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help=local("cli.print_json"))] = False,
) -> None:
    """Run the rules over the ledger without raising warnings."""
    found, kept, whole = 0, list["Finding"](), Counter[str]()
    findings = _findings(rule, set_ or [], since, engine)
    try:
        with output.counting(local("cli.scanning")) as show:
            for found, finding in enumerate(findings, 1):
                show(str(found))
                if report:
                    kept.append(finding)
                whole[finding.rule] += finding.lot_id is None
                _print(finding, as_json)
    except Fault as error:
        output.fail(str(error))
    _end(found, +whole, since, as_json)
    if report:
        from sunbid.reports.scan import report as of_scan

        output.save_report(of_scan(kept, local("report.of_ledger"), since), report)


def _end(found: int, whole: Counter[str], since: datetime | None, as_json: bool) -> None:
    """How many there were, and which of them --since did not narrow; beside JSON the second stands on standard error."""
    if since and whole:
        rules = joined(list(whole), language_of_environment())
        said = local("cli.over_all_data", found=whole.total(), rules=rules, since=f"{since:%Y-%m-%d}")
        print(said, file=sys.stderr if as_json else sys.stdout)
    if not as_json:
        print(local("cli.findings_reasons_look_no", found=found))


def _findings(
    rules: list[str] | None, changed: list[str], since: datetime | None, engine: EngineName
) -> Iterator[Finding]:
    """What is found, as it is found; an unknown rule or parameter ends the command before it begins."""
    from records.clock import BEIJING
    from sunbid import wiring
    from supervision.rules import scan as scanning
    from supervision.rules.registry import parse_settings, rule_of

    begin = datetime.combine(since.date(), time(), BEIJING) if since else None
    settings = output.settings()
    output.only_warnings_logged()
    try:
        chosen = parse_settings(changed)
        for name in rules or ():
            rule_of(name)
        ledger = output.held_ledger(settings)
        with output.waiting(local("cli.reading_lens")):
            lens = scanning.lens_of_now(ledger, settings.data.resolve(), wiring.home(settings))
        return scanning.scan(ledger, rules, chosen, begin, lens, _engine(engine))
    except Fault as error:
        output.fail(str(error), output.BAD_USE)


def _engine(name: EngineName) -> Engine:
    if name is EngineName.SPARK:
        from supervision.rules.on_spark import on_spark

        return on_spark
    from supervision.rules.market_run import on_lens

    return on_lens


def _print(finding: Finding, as_json: bool) -> None:
    if as_json:
        output.emit(finding.as_dict())
        return
    named = " ".join(f"{one.kind}:{one.id}" for one in finding.subjects[:4])
    print(
        f"{local(f'level.{finding.level}')}  {finding.rule:<5} {finding.value:.6g} ({finding.threshold:.6g})  {named}"
    )
