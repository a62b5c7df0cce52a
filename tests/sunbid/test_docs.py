"""The documents say what the project is: dependencies, commands, files they name."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def named(requirement: str) -> str:
    """The package of a requirement, without extras and version."""
    return re.split(r"[\[=<>~! ]", requirement, maxsplit=1)[0]


def test_every_direct_dependency_has_its_line_and_no_other() -> None:
    listed = re.findall(
        r"^\| `([\w.-]+)` \|", (ROOT / "docs" / "dependencies.md").read_text("utf-8"), re.MULTILINE
    )
    optional = chain.from_iterable(PROJECT["optional-dependencies"].values())
    wanted = {named(one) for one in (*PROJECT["dependencies"], *optional)}
    assert sorted(listed) == sorted(wanted)


@pytest.mark.parametrize("document", ["README.md", "docs/index.md", "docs/demo.md"])
def test_links_lead_somewhere(document: str) -> None:
    page = ROOT / document
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    missing = [
        p.name for p in (ROOT / "docs").glob("*.md") if p.name != "index.md" and f"({p.name})" not in index
    ]
    assert not missing


def test_the_demo_accounts_of_the_readme_exist() -> None:
    from sunbid.demo.start import ACCOUNTS, PASSWORD

    text = (ROOT / "README.md").read_text("utf-8")
    assert PASSWORD in text
    assert all(f"`{name}`" in text for name, _role, _shown in ACCOUNTS)


WORDS = (
    "README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md")),
    *(str(p.relative_to(ROOT)) for p in (ROOT / "messages").glob("*.po")),
)  # fmt: skip
NAMED = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?sunbid ([a-z]+)\b")


@pytest.mark.parametrize("place", WORDS)
def test_every_command_that_is_named_exists(place: str) -> None:
    from typer.main import get_group

    from sunbid.cli import app

    text = (ROOT / place).read_text("utf-8")
    quoted = text if place.endswith(".po") else "\n".join(re.findall(r"`[^`]+`|```.*?```", text, re.DOTALL))
    assert set(NAMED.findall(quoted)) <= set(get_group(app).commands)
