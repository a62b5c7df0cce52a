"""Commands on records: import, scan, db, backup, restore."""

from __future__ import annotations

import sys
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer

from messages import Fault
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]

db = typer.Typer(no_args_is_help=True, help="账本：升级、核对 / the ledger: upgrade, check")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("import")(import_)
    for command in (export, scan, backup, restore):
        app.command()(command)
    app.add_typer(db, name="db")


def import_(
    paths: Annotated[list[Path] | None, typer.Argument(help="文件或目录 / files or folders")] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="改正后的拒收文件，重新提交 / a rejects file put right, taken again")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="auto|ocds|csv")] = "auto",
    source: Annotated[
        str | None, typer.Option(help="数据来源，默认取文件名 / source; default: file name")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """导入文件，打印 JSON 报告（有无 --json 都一样） / files or folders into the ledger; prints a JSON report."""
    from ingest.files.imports import import_paths
    from ingest.files.resubmit import resubmit
    from sunbid import wiring

    if bool(paths) == bool(rejects):
        output.fail("请给出文件或 --rejects 之一 / name files or --rejects, one of the two", output.BAD_USE)
    settings = output.settings()
    ledger, data = wiring.opened(settings), settings.data.resolve()
    try:
        if rejects:
            with output.waiting("导入 / importing"):
                report = resubmit(ledger, rejects, data_dir=data, source=source)
        else:
            with output.measuring("导入 / importing") as show:
                report = import_paths(
                    ledger, paths or [], data_dir=data, format=format_, source=source,
                    progress=lambda so_far, reached: show(
                        reached.done, reached.total, f"{reached.path.name} {so_far.read:,}"
                    ),
                )  # fmt: skip
    except (FileNotFoundError, ValueError) as error:
        output.fail(str(error), output.BAD_USE)
    output.emit(report.as_dict())
    if not (report.read or report.notes):
        words = "没有读到记录；文件名是否如 docs/formats.md、docs/csv.md 所列？ / nothing was read: are the files named as these say?"
        print(words, file=sys.stderr)


def export(
    out: Annotated[Path, typer.Option(help="空目录 / an empty folder")],
    format_: Annotated[str, typer.Option("--format", help="ocds|csv")] = "ocds",
    public: Annotated[
        bool, typer.Option("--public", help="只含此刻公开的 / only what is public now")
    ] = False,
    publisher: Annotated[str | None, typer.Option(help="发布者 / publisher")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="许可网址 / licence address")] = None,
    as_json: JsonOption = False,
) -> None:
    """导出为 OCDS 1.1 或 CSV / OCDS 1.1 release packages with the bids extension, or the CSV pack."""
    from dataclasses import replace

    from ingest.csv.write import export_csv
    from ingest.ocds.writing.export import OcdsProfile, export_ocds
    from sunbid import wiring

    if format_ not in ("ocds", "csv") or (public and format_ == "csv"):
        output.fail(
            "格式为 ocds 或 csv；--public 只用于 ocds / ocds or csv; --public goes with ocds", output.BAD_USE
        )
    profile = replace(OcdsProfile(), license=license_)
    if publisher:
        profile = replace(profile, publisher=publisher)
    ledger = wiring.opened(output.settings())
    try:
        with output.waiting("导出 / exporting"):
            if format_ == "ocds":
                told = export_ocds(ledger, out, public=public, profile=profile).as_dict()
            else:
                told = export_csv(ledger, out).as_dict()
    except FileExistsError as error:
        output.fail(str(error), output.BAD_USE)
    if as_json:
        output.emit(told)
    else:
        print(" · ".join(f"{name}: {value}" for name, value in told.items()))


def scan(
    rule: Annotated[list[str] | None, typer.Option(help="规则编号，可重复 / rule id, repeatable")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="RULE.PARAM=VALUE", help="改参数 / set a parameter")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="截止日不早于 / deadline from")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """对账本运行规则，不产生预警 / run the rules over the ledger without raising warnings."""
    from records.clock import BEIJING
    from sunbid import wiring
    from supervision.rules import scan as scanning
    from supervision.rules.registry import parse_settings

    begin = datetime.combine(since.date(), time(), BEIJING) if since else None
    ledger = wiring.opened(output.settings())
    try:
        findings = scanning.scan(ledger, rule, parse_settings(set_ or []), begin)
    except Fault as error:
        output.fail(str(error), output.BAD_USE)
    found = 0
    with output.counting("扫描 / scanning") as show:
        for finding in findings:
            found += 1
            show(str(found))
            if as_json:
                output.emit(finding)
            else:
                print(_line(finding))
    if not as_json:
        print(f"共 {found} 项，仅供核查 / {found} findings, reasons to look, no accusations")


def _line(finding: dict[str, object]) -> str:
    subjects = finding["subjects"]
    assert isinstance(subjects, list)
    named = " ".join(f"{one['kind']}:{one['id']}" for one in subjects[:4])
    return (
        f"{finding['level']:<7} {finding['rule']:<5} {finding['value']} (≥ {finding['threshold']})  {named}"
    )


@db.command()
def upgrade(as_json: JsonOption = False) -> None:
    """把账本升级到当前版本 / bring the ledger's schema to the present version."""
    from sunbid import wiring

    settings = output.settings()
    with output.waiting("升级 / upgrading"):
        ledger = wiring.opened(settings)
    version = ledger.schema_version()
    answer = {"database": settings.database_shown, "version": version}
    output.done(answer, f"{settings.database_shown} @ {version}", as_json)


@db.command()
def check(as_json: JsonOption = False) -> None:
    """核对链、序列与引用；有破损则退出码 1 / chains, counters, references; exit 1 if anything is broken."""
    from records.check import check as look
    from sunbid import wiring

    ledger = wiring.opened(output.settings())
    with output.counting("核对 / checking") as show, ledger.read() as session:
        report = look(session, lambda name, number, of: show(f"{name} {number}/{of}"))
    if as_json:
        output.emit(report.as_dict())
    else:
        for name, rows in report.tables.items():
            print(f"{name:<18} {rows}")
        for waiting in report.waiting:
            print(f"等待 / waiting: {waiting}")
        print(f"未处理的拒收 / rejects left: {report.rejected}")
        for problem in report.problems:
            print(f"▲ {problem}")
        print("完好 / whole" if report.whole else "有破损 / broken")
    if not report.whole:
        raise SystemExit(output.FAILED)


def backup(
    out: Annotated[Path, typer.Option(help="空目录 / an empty folder")],
    as_json: JsonOption = False,
) -> None:
    """运行中完整备份 / a full backup while everything runs."""
    from records.backup import BackupError
    from records.backup import backup as make
    from sunbid import wiring

    settings = output.settings()
    try:
        with output.counting("备份 / backing up") as show:
            manifest = make(
                wiring.opened(settings), settings.data.resolve(), out,
                lambda name, number, of: show(f"{name} {number}/{of}"),
            )  # fmt: skip
    except BackupError as error:
        output.fail(str(error))
    rows = sum(entry["rows"] for entry in manifest["tables"].values())
    summary = {"out": str(out), "rows": rows, "files": len(manifest["files"])}
    if as_json:
        output.emit(summary)
    else:
        print(f"已备份 / saved: {out} · {rows} 行 rows · {summary['files']} 个文件 files")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="备份目录 / folder of a backup")],
    as_json: JsonOption = False,
) -> None:
    """恢复到空的账本与数据目录 / restore into an empty ledger and data folder."""
    from records.backup import BackupError
    from records.backup import restore as put_back
    from sunbid import wiring

    settings = output.settings()
    try:
        with output.counting("恢复 / restoring") as show:
            report = put_back(
                folder, wiring.ledger(settings), settings.data.resolve(),
                lambda name, number, of: show(f"{name} {number}/{of}"),
            )  # fmt: skip
    except BackupError as error:
        output.fail(str(error))
    if as_json:
        output.emit(report.as_dict())
    else:
        print(f"已恢复 / restored: {sum(report.tables.values())} 行 rows")
        for problem in report.problems:
            print(f"▲ {problem}")
    if not report.whole:
        raise SystemExit(output.FAILED)
