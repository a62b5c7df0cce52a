"""Chinese words for the codes of the records, as a spreadsheet has them: 公开招标 for `open`."""

from __future__ import annotations

from ingest import schema as describe


def coded(kind: str) -> dict[str, list[str]]:
    """Fields of a kind that hold codes → their codes."""
    fields = ((name, words.strip("[]")) for name, words, *_ in describe.fields(kind))
    return {name: words.split(", ") for name, words in fields if ", " in words and "|" not in words}
