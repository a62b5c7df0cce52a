"""Screens draw, they don't count: no query stands in a page or in the desk's own code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = {f"dashboard/access/{name}.py" for name in ("accounts", "displays", "saved_views")}
"""The desk's accounts, wall displays and saved views are its own records: nobody else reads or writes them, and they are
no figure and no list."""
FILES = [
    path
    for package in ("pages", "dashboard")
    for path in sorted((ROOT / package).rglob("*.py"))
    if str(path.relative_to(ROOT)) not in OWN
]
PLAIN = {"sqlalchemy.exc", "sqlalchemy.orm"}
"""What is no query: errors of the ledger, and the type of a session."""


def queries(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in (
            "sqlalchemy",
            "duckdb",
        ):
            names = {alias.name for alias in node.names}
            if node.module not in PLAIN or (node.module == "sqlalchemy.orm" and names != {"Session"}):
                yield f"line {node.lineno}: imports {', '.join(sorted(names))} of {node.module}"
        elif isinstance(node, ast.Import) and any(
            a.name.split(".")[0] in ("sqlalchemy", "duckdb") for a in node.names
        ):
            yield f"line {node.lineno}: imports an engine"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_query(node.value):
            yield f"line {node.lineno}: {node.value[:60]}"


def is_query(text: str) -> bool:
    return text.lstrip().startswith(("SELECT ", "WITH ")) or " FROM " in text


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_no_query_stands_where_screens_are_drawn(path: Path) -> None:
    assert list(queries(path)) == []


def test_a_query_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text('from sqlalchemy import select\nfound = lens.rows("SELECT count(*) FROM lots")\n')
    assert len(list(queries(page))) == 2
