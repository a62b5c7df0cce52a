"""`sunbid likeness`: what files of different bidders share beyond the tender documents."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from messages import local
from sunbid import output

if TYPE_CHECKING:
    from supervision.likeness.comparing import Alike
    from supervision.likeness.reading import Content


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(help=local("command.likeness"))(likeness)


def likeness(
    folder: Annotated[Path, typer.Argument(help=local("cli.bid_files"))],
    template: Annotated[list[Path] | None, typer.Option(help=local("cli.template"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=local("cli.print_json"))] = False,
) -> None:
    """Pairs of bidders whose files share text, errors, origin, contacts or price ratios beyond the tender documents."""
    from supervision.likeness.comparing import compare
    from supervision.likeness.reading import Content

    if not folder.is_dir() or not (files := _bid_files(folder)):
        output.fail(local("likeness.no_files", folder=folder), output.BAD_USE)
    if missing := [path for path in template or () if not path.is_file()]:
        output.fail(local("cli.no_file", path=missing[0]), output.BAD_USE)
    owners = dict.fromkeys(template or (), "") | {path: name for name, own in files.items() for path in own}
    contents, unread = _contents(owners)
    given = contents.pop("", Content())
    with output.waiting(local("likeness.comparing", bidders=len(contents))):
        found = compare(contents, given, {name: name for name in contents})
    if as_json:
        for one in found:
            output.emit(_as_dict(one))
    else:
        _show(found, len(contents))
    if unread:
        raise SystemExit(output.FAILED)


def _as_dict(one: Alike) -> dict[str, Any]:
    return {
        "bidders": [one.one, one.other], "reasons": list(one.reasons), "text": round(one.text, 4),
        "passages": [{"words": p.words, "one": _place(*p.one), "other": _place(*p.other)} for p in one.passages],
        "errors": list(one.errors), "mixed": list(one.mixed), "origin": [kind for kind, _ in one.origin],
        "contacts": one.contacts, "ratio": one.ratio, "at_ratio": round(one.at_ratio, 4), "items": one.items,
    }  # fmt: skip


def _place(file: str, page: int) -> str:
    return f"{file} p. {page}" if page else file


def _show(found: list[Alike], bidders: int) -> None:
    print(local("likeness.summary", bidders=bidders, pairs=len(found)))
    rows = [
        {
            "bidders": f"{one.one} · {one.other}", "reasons": " ".join(one.reasons), "text": f"{100 * one.text:.0f} %",
            "errors": len(one.errors), "origin": " ".join(kind for kind, _ in one.origin), "contacts": one.contacts,
            "at_ratio": f"{100 * one.at_ratio:.0f} %",
        }
        for one in found
    ]  # fmt: skip
    output.report(rows, ("bidders", "reasons", "text", "errors", "origin", "contacts", "at_ratio"), False)
    print(local("collusion.caution"))


def _bid_files(folder: Path) -> dict[str, list[Path]]:
    """Bidder → its files: what lies in a folder of its own, or a single file by its name. Files of other types are
    counted and told."""
    from supervision.likeness.reading import SUFFIXES

    found: dict[str, list[Path]] = {}
    others: Counter[str] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() not in SUFFIXES:
            others[path.suffix.lower() or path.name] += 1
            continue
        first = path.relative_to(folder).parts[0]
        found.setdefault(Path(first).stem if path.parent == folder else first, []).append(path)
    if others:
        suffixes = ", ".join(f"{suffix} × {count}" for suffix, count in others.most_common())
        print(local("likeness.other_types", types=suffixes), file=sys.stderr)
    return found


def _contents(owners: dict[Path, str]) -> tuple[dict[str, Content], int]:
    """Bidder → the content of all its files, and how many could not be read; those are named."""
    from supervision.likeness.reading import Content, Unread, read_all

    contents: dict[str, Content] = {name: Content() for name in owners.values()}
    sizes = {path: path.stat().st_size for path in owners}
    unread = done = 0
    with output.measuring(local("likeness.reading")) as show:
        for path, read in read_all(list(owners)):
            done += sizes[path]
            show(done, sum(sizes.values()), path.name)
            if isinstance(read, Unread):
                unread += 1
                print(f"{path}: {read.why}", file=sys.stderr)
            else:
                contents[owners[path]].add(read)
    return contents, unread
