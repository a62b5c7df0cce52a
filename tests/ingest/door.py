"""`sunbid import` in this process: the command itself, its report, and what it kept of refusals and notes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from records.ledger import Ledger
from sunbid.cli import app


@dataclass
class Imported:
    """A report and the lines of its two files."""

    report: dict[str, Any]
    rejects: list[dict[str, Any]]
    notes: list[dict[str, Any]]

    @property
    def counts(self) -> tuple[int, int]:
        """(accepted, rejected)."""
        return self.report["accepted"], self.report["rejected"]


SENTENCE = re.compile(r"(?<!sunbid )\b(?!sunbid )[A-Za-z]{2,} [a-z]{2,} ")
"""English that runs on: no part of a Chinese reason, while names, codes and commands of ours may be."""


class Door:
    """The command line over a ledger of its own in `folder`."""

    def __init__(self, folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.ledger = folder, ledger
        monkeypatch.setenv("SUNBID_DATA", str(folder))
        monkeypatch.setenv("SUNBID_DATABASE_URL", ledger.url.render_as_string(hide_password=False))

    def put(self, *words: Any) -> Imported:
        """Run `sunbid import`; it must end well whatever the files are."""
        result = CliRunner().invoke(app, ["import", *map(str, words)])
        assert result.exit_code == 0, (result.output, result.exception)
        report = json.loads(result.stdout)
        assert report["read"] == report["accepted"] + report["duplicate"] + report["rejected"]
        made = Imported(report, kept(report["rejects_file"]), kept(report["notes_file"]))
        assert (len(made.rejects), len(made.notes)) == (report["rejected"], report["notes"])
        for line in (*made.rejects, *made.notes):
            assert line["reason"] and " / " in line["reason"] and line["file"], line
            assert not SENTENCE.search(line["reason"].split(" / ")[0]), (
                f"a library's own words: {line['reason']}"
            )
        return made

    def file(self, name: str, content: str | bytes, *words: Any) -> Imported:
        """Import one file of this content."""
        path = self.folder / "pack" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.put(path, *words)


def kept(path: str | None) -> list[dict[str, Any]]:
    """The lines of a rejects or notes file: each must be JSON to the letter."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n") if path else []
    return [json.loads(line, parse_constant=refuse) for line in lines]
