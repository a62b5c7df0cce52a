"""Commands on recordings: what may go when its time is up, and letting it go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from messages import local
from sunbid import output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streaming.recording.retention import Item

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
COLUMNS = ("class", "name", "files", "bytes", "expired_from", "expired_to", "held", "why_held")

recordings = typer.Typer(no_args_is_help=True, help=local("cli.recordings_how_long_they"))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(recordings, name="recordings")


@recordings.callback(help=local("command.recording_group"))
def group() -> None:
    """Recordings."""


@recordings.command(help=local("command.recording_retention"))
def retention(
    delete: Annotated[bool, typer.Option("--delete", help=local("cli.delete_files_may_go"))] = False,
    yes: Annotated[bool, typer.Option("--yes", help=local("cli.do_ask_again"))] = False,
    as_json: JsonOption = False,
) -> None:
    """Recordings whose time is up, by class; deletes nothing unless told to."""
    from streaming.recording import retention as keeping
    from sunbid import wiring

    if yes and not delete:
        output.fail(local("cli.yes_goes_delete"), output.BAD_USE)
    settings = output.settings()
    ledger, folder = wiring.opened(settings), settings.data.resolve() / "recordings"
    with ledger.read() as session:
        items = keeping.plan(session)
    rows = _by_class(items)
    if not delete:
        _show(rows, items, as_json)
        return
    going = [item for item in items if item.may_go]
    if going and not yes:
        _show(rows, items, as_json=False)
        _ask(going)
    done = keeping.delete(ledger, folder, going, "cli")
    _tell(done, as_json)


def _by_class(items: Iterable[Item]) -> list[dict[str, Any]]:
    """One row a class: what may go (files, bytes, first and last day they expired) and what is held back."""
    from records.clock import BEIJING
    from streaming.recording.retention import CLASSES

    rows: dict[str, dict[str, Any]] = {}
    for item in items:
        rule = CLASSES.get(item.retention_class)
        row = rows.setdefault(item.retention_class, {
            "class": item.retention_class, "name": str(rule.name) if rule else "", "files": 0, "bytes": 0,
            "expired_from": None, "expired_to": None, "held": 0, "why_held": "",
        })  # fmt: skip
        if not item.may_go:
            row["held"] += 1
            row["why_held"] = str(item.why)
            continue
        day = item.expired_at.astimezone(BEIJING).date().isoformat()
        row["files"] += 1
        row["bytes"] += item.bytes
        row["expired_from"] = row["expired_from"] or day
        row["expired_to"] = day
    return [rows[name] for name in sorted(rows)]


def _show(rows: list[dict[str, Any]], items: list[Item], as_json: bool) -> None:
    if as_json:
        files = [
            {
                "id": item.recording_id, "room": item.room_id, "session": item.session_id, "path": item.path,
                "bytes": item.bytes, "class": item.retention_class, "expired_at": item.expired_at.isoformat(),
                "may_go": item.may_go, "why": str(item.why),
            }
            for item in items
        ]  # fmt: skip
        output.emit({"classes": rows, "files": files})
        return
    if not rows:
        print(local("cli.no_recording_s_time"))
        return
    output.report(rows, COLUMNS, as_json=False)
    going = [item for item in items if item.may_go]
    if going:
        print(
            local("cli.recordings_may_go", number=len(going), size=sum(item.bytes for item in going)),
            file=sys.stderr,
        )


def _ask(going: list[Item]) -> None:
    if not sys.stdin.isatty():
        output.fail(local("cli.cannot_undone_add_yes"), output.BAD_USE)
    typer.confirm(local("cli.delete_files_good", going=len(going)), abort=True)


def _tell(done: Any, as_json: bool) -> None:
    if as_json:
        output.emit(
            {
                "deleted": list(done.deleted),
                "bytes": done.bytes,
                "kept": {one: str(why) for one, why in done.kept.items()},
            }
        )
    else:
        print(local("cli.deleted", files=len(done.deleted), size=done.bytes))
        for recording_id, why in done.kept.items():
            print(f"▲ {recording_id}: {why}", file=sys.stderr)
    if done.kept:
        raise SystemExit(output.FAILED)
