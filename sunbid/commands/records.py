"""Commands on records: import, db, backup, restore."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from messages import language_of_environment, local
from sunbid import output

if TYPE_CHECKING:
    from ingest.csv.write import CsvReport
    from ingest.ocds.writing.export import ExportReport

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]

db = typer.Typer(no_args_is_help=True, help=local("cli.ledger_upgrade_check"))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("import", help=local("command.import"))(import_)
    for command in (export, backup, restore):
        app.command(help=local(f"command.{command.__name__}"))(command)
    app.add_typer(db, name="db")


def import_(
    paths: Annotated[list[Path] | None, typer.Argument(help=local("cli.files_folders"))] = None,
    rejects: Annotated[Path | None, typer.Option(help=local("cli.rejects_file_put_right"))] = None,
    format_: Annotated[str, typer.Option("--format", help="auto|ocds|csv")] = "auto",
    source: Annotated[str | None, typer.Option(help=local("cli.source_default_file_name"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Files or folders into the ledger; prints a JSON report."""
    from ingest.imports.files import import_paths
    from ingest.imports.resubmit import resubmit
    from sunbid import wiring

    if bool(paths) == bool(rejects):
        output.fail(local("cli.name_files_rejects_one"), output.BAD_USE)
    settings = output.settings()
    ledger, data = wiring.opened(settings), settings.data.resolve()
    try:
        if rejects:
            with output.waiting(local("cli.importing")):
                report = resubmit(ledger, rejects, data_dir=data, source=source)
        else:
            with output.measuring(local("cli.importing")) as show:
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
        words = local("cli.nothing_was_read_files")
        print(words, file=sys.stderr)
    if report.rejected and not (report.accepted or report.duplicate):
        print(local("cli.all_rejected", file=report.rejects_file), file=sys.stderr)


def export(
    out: Annotated[Path, typer.Option(help=local("cli.empty_folder"))],
    format_: Annotated[str, typer.Option("--format", help="ocds|csv")] = "ocds",
    public: Annotated[bool, typer.Option("--public", help=local("cli.only_what_public_now"))] = False,
    publisher: Annotated[str | None, typer.Option(help=local("cli.publisher"))] = None,
    templates: Annotated[bool, typer.Option("--templates", help=local("cli.empty_templates"))] = False,
    license_: Annotated[str | None, typer.Option("--license", help=local("cli.licence_address"))] = None,
    as_json: JsonOption = False,
) -> None:
    """OCDS 1.1 release packages with the bids extension, or the CSV pack."""
    from dataclasses import replace

    from ingest.csv.write import export_csv
    from ingest.ocds.writing.export import OcdsProfile, export_ocds

    if format_ not in ("ocds", "csv") or (public and format_ == "csv"):
        output.fail(local("cli.ocds_csv_public_goes"), output.BAD_USE)
    if templates:
        _templates(out, format_, as_json)
        return
    profile = replace(OcdsProfile(), license=license_)
    if publisher:
        profile = replace(profile, publisher=publisher)
    ledger = output.held_ledger(output.settings())
    try:
        with output.waiting(local("cli.exporting")):
            if format_ == "ocds":
                releases = export_ocds(ledger, out, public=public, profile=profile)
                counts, words = releases.as_dict(), _releases(out, releases)
            else:
                packs = export_csv(ledger, out)
                counts, words = packs.as_dict(), _packs(out, packs)
    except FileExistsError as error:
        output.fail(str(error), output.BAD_USE)
    output.done(counts, words, as_json)


def _templates(folder: Path, format_: str, as_json: bool) -> None:
    """Empty files of the CSV pack, their headings in the language of this process."""
    from ingest.csv.write import write_templates

    if format_ != "csv":
        output.fail(local("cli.templates_are_csv"), output.BAD_USE)
    made = write_templates(folder, language_of_environment())
    words = local("cli.templates_written", folder=folder, files=len(made))
    output.done({"files": [str(path) for path in made]}, words, as_json)


def _releases(out: Path, made: ExportReport) -> str:
    names = ("releases", "lots", "bids", "awards", "standing")
    counts = " · ".join(local(f"cli.exported_{name}", n=getattr(made, name)) for name in names)
    return local("cli.exported", folder=out, counts=counts, files=len(made.files))


def _packs(out: Path, made: CsvReport) -> str:
    return local("cli.exported_packs", folder=out, packs=len(made.folders), rows=sum(made.rows.values()))


@db.command(help=local("command.db_upgrade"))
def upgrade(as_json: JsonOption = False) -> None:
    """Bring the ledger's schema to the present version."""
    from sunbid import wiring

    settings = output.settings()
    with output.waiting(local("cli.upgrading")):
        ledger = wiring.opened(settings)
    version = ledger.schema_version()
    answer = {"database": settings.database_shown, "version": version}
    output.done(answer, f"{settings.database_shown} @ {version}", as_json)


@db.command(help=local("command.db_check"))
def check(as_json: JsonOption = False) -> None:
    """Chains, counters, references; exit 1 if anything is broken."""
    from records.check import check as look

    ledger = output.held_ledger(output.settings())
    with output.counting(local("cli.checking")) as show, ledger.read() as session:
        report = look(session, lambda name, number, of: show(f"{name} {number}/{of}"))
    if as_json:
        output.emit(report.as_dict())
    else:
        for name, rows in report.tables.items():
            print(f"{name:<18} {rows}")
        for waiting in report.waiting:
            print(local("cli.waiting", what=waiting))
        print(local("cli.rejects_left", number=report.rejected))
        for problem in report.problems:
            print(f"▲ {problem}")
        print(local("cli.whole") if report.whole else local("cli.broken"))
    if not report.whole:
        raise SystemExit(output.FAILED)


def backup(
    out: Annotated[Path, typer.Option(help=local("cli.empty_folder"))],
    as_json: JsonOption = False,
) -> None:
    """A full backup while everything runs."""
    from records.backup import BackupError
    from records.backup import backup as make
    from sunbid import wiring

    settings = output.settings()
    try:
        with output.counting(local("cli.backing_up")) as show:
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
        print(local("cli.saved", folder=out, rows=rows, files=summary["files"]))


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=local("cli.folder_backup"))],
    as_json: JsonOption = False,
) -> None:
    """Restore into an empty ledger and data folder."""
    from records.backup import BackupError
    from records.backup import restore as put_back
    from sunbid import wiring

    settings = output.settings()
    try:
        with output.counting(local("cli.restoring")) as show:
            report = put_back(
                folder, wiring.ledger(settings), settings.data.resolve(),
                lambda name, number, of: show(f"{name} {number}/{of}"),
            )  # fmt: skip
    except BackupError as error:
        output.fail(str(error))
    if as_json:
        output.emit(report.as_dict())
    else:
        print(local("cli.restored", rows=sum(report.tables.values())))
        for problem in report.problems:
            print(f"▲ {problem}")
    if not report.whole:
        raise SystemExit(output.FAILED)
