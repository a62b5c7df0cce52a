"""The columns in docs/lens.md, written from the schema: `python -m supervision.lens.page` renews them."""

from __future__ import annotations

from pathlib import Path

from supervision.lens.schema import PLACE, TABLES

DOCUMENT = Path("docs/lens.md")
BEGIN, END = "<!-- columns: begin -->", "<!-- columns: end -->"


def columns() -> str:
    """Every table with its columns and their Arrow types; those that all tables of lots begin with once."""
    lines = [_listed("…", [(name, str(kind)) for name, kind in PLACE.items()])]
    for name, schema in TABLES.items():
        own = [(field.name, str(field.type)) for field in schema]
        begins = [column for column, _ in own[: len(PLACE)]] == list(PLACE)
        lines.append(_listed(name, own[len(PLACE) :] if begins else own, "… + " if begins else ""))
    return "\n".join(lines)


def _listed(name: str, found: list[tuple[str, str]], before: str = "") -> str:
    return f"- **{name}**: {before}" + ", ".join(f"`{column}` {kind}" for column, kind in found)


def renewed(text: str) -> str:
    """The document with its columns as the schema says them."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{columns()}\n{END}{tail}"


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
