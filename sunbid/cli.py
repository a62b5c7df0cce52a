"""The command line: `sunbid --help`. Exit codes: 0 success, 1 failure, 2 bad use."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from messages import local
from records.serving import private
from sunbid.commands import (
    accounts,
    detection,
    displays,
    evidence,
    flags,
    likeness,
    recordings,
    records,
    rooms,
    run,
    scan,
    sources,
    system,
)
from sunbid.typer_words import speaking

app = typer.Typer(
    name="sunbid",
    help=local("cli.live_bid_openings_kept"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    run, records, scan, flags, detection, likeness, recordings, evidence, rooms, accounts, displays, sources, system,
)  # fmt: skip
for group in GROUPS:
    group.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sunbid {version('sunbid')}")
        raise typer.Exit


@app.callback(help=local("cli.live_bid_openings_kept"))
def front(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help=local("cli.version"))
    ] = False,
) -> None:
    """Live bid openings, kept as evidence and supervised."""


def _run() -> None:
    """The command; a database or a system that fails ends it with one line that says what it said."""
    try:
        app()
    except Exception as error:
        from sqlalchemy.exc import SQLAlchemyError

        from records.ledger import is_busy, words
        from sunbid import output, wiring

        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            place = f" {error.filename}" if error.filename else ""
            output.fail(local("cli.system_failed", error=f"{error.strerror or error}{place}"))
        if not isinstance(error, SQLAlchemyError):
            raise
        if is_busy(error):
            from sunbid.turn import who

            output.fail(local("cli.ledger_busy", who=who(wiring.ledger(output.settings()))))
        output.fail(local("cli.ledger_failed", error=words(error), database=output.settings().database_shown))


def main() -> None:
    """Entry point of the `sunbid` script. Whatever it and its children write is for this user alone."""
    private.begin()
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()


speaking(app)

if __name__ == "__main__":
    main()
