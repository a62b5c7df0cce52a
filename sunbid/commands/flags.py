"""Commands on plain files of releases: flags."""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from messages import Invalid, local
from sunbid import output

_SHOWN_BAD = 20
"""Lines left out that are named one by one: of a file that is no JSON Lines at all, all are."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(help=local("command.flags"))(flags)


def flags(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=local("cli.releases_file"))],
    settings: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help=local("cli.flags_settings"))
    ] = None,
    report: output.ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help=local("cli.print_json"))] = False,
) -> None:
    """Cardinal's eleven indicators straight from OCDS JSON Lines; they are JSON with and without --json."""
    from supervision.flags.file import BadLine, count_file, refuse_what_is_no_json_lines
    from supervision.flags.settings import Settings, read_settings

    named = count(1)

    def note(line: BadLine) -> None:
        if next(named) <= _SHOWN_BAD:
            why = str(line.why)
            print(local("flags.bad_line", file=file.name, line=line.number, why=why), file=sys.stderr)

    try:
        refuse_what_is_no_json_lines(file)
    except Invalid as error:
        output.fail(str(error))
    except OSError as error:
        output.fail(local("flags.unreadable", error=error), output.BAD_USE)
    try:
        chosen = read_settings(settings) if settings else Settings()
        if not chosen.enabled:
            print(local("flags.none_enabled", file=settings), file=sys.stderr)
        with output.measuring(local("cli.counting_flags")) as show:
            counted = count_file(file, chosen, note, lambda done, size: show(done, size, file.name))
    except Invalid as error:
        output.fail(f"{settings}: {error}", output.BAD_USE)
    except UnicodeDecodeError:  # of the settings: releases are read as bytes
        output.fail(local("flags.settings_no_utf8", file=settings), output.BAD_USE)
    except OSError as error:
        output.fail(local("flags.unreadable", error=error), output.BAD_USE)
    print(json.dumps(counted.flags, ensure_ascii=False, separators=(",", ":")))
    if report:
        from sunbid.reports.flags import report as of_flags

        output.save_report(of_flags(counted.flags, counted.lines, len(counted.bad), str(file)), report)
    if len(counted.bad) > _SHOWN_BAD:
        print(local("table.more_wrong", count=len(counted.bad) - _SHOWN_BAD), file=sys.stderr)
    if counted.bad:
        print(local("flags.bad_lines", count=len(counted.bad), lines=counted.lines), file=sys.stderr)
    if counted.bad and len(counted.bad) == counted.lines:
        output.fail(local("flags.no_release_at_all", file=file.name))
