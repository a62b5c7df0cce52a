"""What the command line prints: tables for people, JSON for programs, failures with their exit codes."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from messages import local

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from records.ledger import Ledger
    from sunbid.reports.page import Report
    from sunbid.settings import Settings

BAD_USE = 2
FAILED = 1
_PAGE = b"<!doctype html>"
"""How a report begins."""


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print a message on standard error and end with an exit code."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


def only_warnings_logged() -> None:
    """What the program logs meanwhile: warnings alone, on standard error, where no result stands."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=lambda *_: structlog.PrintLogger(
            sys.stderr
        ),  # the stream of the moment it is written to
    )


def settings() -> Settings:
    """The settings; an unknown or invalid one ends the command with exit code 2."""
    from sunbid.settings import SettingsError, load

    try:
        return load().settings
    except SettingsError as error:
        fail(str(error), BAD_USE)


def held_ledger(chosen: Settings) -> Ledger:
    """The ledger that a command only reads, brought up to date. Where there is none the command ends: a mistyped folder is
    told, and no empty ledger made in it."""
    from sqlalchemy import make_url

    from sunbid import wiring

    url = make_url(chosen.effective_database_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        fail(local("cli.no_ledger", place=url.database or "—"), BAD_USE)
    return wiring.opened(chosen)


@contextmanager
def acting() -> Iterator[Session]:
    """A write session of the ledger for one act; what is refused ends the command with its reason.

    Exit code 1 where the ledger does not allow it (nothing of that name, taken already), 2 for bad words.
    """
    from records.administration import Conflict, Disturbs
    from sunbid import wiring
    from sunbid.turn import turn

    try:
        with turn(wiring.opened(settings())) as session:
            yield session
    except Disturbs as refusal:
        fail(local("cli.add_yes", why=refusal.message))
    except (LookupError, Conflict) as refusal:
        fail(str(refusal.args[0]))
    except ValueError as refusal:
        fail(str(refusal), BAD_USE)


def done(answer: dict[str, Any], words: str, as_json: bool) -> None:
    """What has been done: one line for people, one JSON object for programs."""
    if as_json:
        emit(answer)
    else:
        print(words)


def command(settings: Settings, *words: str) -> str:
    """A command for this very installation, to be copied into another terminal: with the data folder, and a place for
    the database (its password is not printed), where variables name them here."""
    program = sys.argv[0]
    called = [sys.executable, "-m", "sunbid"] if program.endswith("__main__.py") else [program]
    said = []
    if os.environ.get("SUNBID_DATA"):
        said.append(f"SUNBID_DATA={shlex.quote(str(settings.data.resolve()))}")
    if os.environ.get("SUNBID_DATABASE_URL"):
        said.append("SUNBID_DATABASE_URL=…")
    return " ".join((*said, *map(shlex.quote, (*called, *words))))


def emit(value: Any) -> None:
    """One JSON value on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def report(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Rows as one JSON array, as a table on a terminal, tab-separated in a pipe (there under the columns' own names)."""
    if as_json:
        emit(rows)
        return
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _drawn([local(f"table.{column}") for column in columns], cells)
        return
    for line in (list(columns), *cells):
        print("\t".join(line))


def _may_be_report(path: Path | None) -> Path | None:
    """Ends the command, before it measures anything, where a report cannot be meant: in a folder that is mistyped, over a
    file that is none."""
    if path is None:
        return None
    why = None
    if not path.parent.exists():
        why = local("cli.report_no_folder", folder=path.parent)
    elif path.is_file() and not _is_page(path):
        why = local("cli.report_over_another")
    if why:
        fail(local("cli.report_not_written", path=path, why=why))
    return path


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PAGE)).lower() in (_PAGE, b"")


ReportOption = Annotated[Path | None, typer.Option(help=local("cli.report"), callback=_may_be_report)]
"""--report FILE.html of a command."""


def save_report(made: Report, path: Path) -> None:
    """Write a report; one that cannot be written ends the command with its reason."""
    from sunbid.reports.page import save

    try:
        with waiting(local("cli.drawing_report")):
            save(made, path)
    except OSError as error:
        fail(local("cli.report_not_written", path=path, why=error.strerror or error))
    print(local("cli.report_written", path=path), file=sys.stderr)


def _drawn(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for line in cells:
        drawn.add_row(*map(Text, line))
    Console().print(drawn)


def _shown(cell: Any) -> str:
    if isinstance(cell, bool):
        return "✓" if cell else "—"
    return "" if cell is None else str(cell)


@contextmanager
def counting(words: str) -> Iterator[Callable[[str], None]]:
    """Gives a function that shows how far something has come; on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _so_far: None
        return
    from rich.console import Console

    with Console(stderr=True).status(words) as status:
        yield lambda so_far: status.update(f"{words} · {so_far}")


@contextmanager
def measuring(words: str) -> Iterator[Callable[[int, int, str], None]]:
    """Gives a function of (bytes done, bytes in all, what to say) that draws a bar with speed and time left; on a
    terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _said: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"), progress.BarColumn(20), progress.DownloadColumn(),
        progress.TransferSpeedColumn(), progress.TimeRemainingColumn(),
    )  # fmt: skip
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(words, total=None)
        yield lambda done, total, said: shown.update(
            task, completed=done, total=total, description=f"{words} · {said}"
        )


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show on a terminal that something takes a while; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(words):
        yield
