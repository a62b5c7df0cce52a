"""Commands on evidence: check a package offline, follow a hub's log as a witness."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(help=local("command.verify"))(verify)


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help=local("cli.verify_path"))],
    key: Annotated[Path | None, typer.Option("--key", help=local("cli.verify_key"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Check an evidence package offline; exit code 1, naming file and place, if anything differs."""
    from evidence import verify as checking

    lang = checking.language()
    words = checking.WORDS[lang]
    try:
        keys = checking.read_keys(key) if key else []
    except (OSError, ValueError):
        output.fail(words["no_key_file"].format(path=key), output.BAD_USE)
    try:
        with output.measuring(local("cli.verifying", path=path.name)) as measured:

            def progress(step: str, done: int, total: int) -> None:
                if step == "files":
                    measured(done, total, "")

            verdict = checking.check(path, keys, progress)
    except (OSError, zipfile.BadZipFile):
        output.fail(words["no_package"].format(path=path))
    if as_json:
        output.emit(verdict.told(lang))
    else:
        print("\n".join(checking.told_in_lines(verdict, lang)))
    if verdict.broken:
        raise SystemExit(output.FAILED)
