"""Names of files, columns and codes of a CSV pack, in Chinese and English."""

from __future__ import annotations

from ingest import schema
from ingest.kinds import words
from ingest.kinds.registry import KINDS

FILES = {stem: name for name, kind in KINDS.items() for stem in (name, f"{name}s", kind.zh)}
"""Stem of a file → kind."""

_COMMON = {"编号": "key", "版本": "version", "发生时间": "occurred_at", "id": "key"}


def _headers(kind: str) -> dict[str, str]:
    fields = {name for name, *_ in schema.fields(kind)}
    zh = {**words.HEADERS, **KINDS[kind].headers}
    return {**_COMMON, **{header: name for header, name in zh.items() if name in fields}}


HEADERS = {kind: _headers(kind) for kind in KINDS}
"""Kind → Chinese header → field; English headers are the field names themselves."""


def zh_names(kind: str) -> dict[str, str]:
    """Field → Chinese header, for the documentation."""
    return {name: header for header, name in reversed(HEADERS[kind].items()) if header != "id"}


def coded(kind: str) -> dict[str, list[str]]:
    """Fields of a kind that hold codes → their codes; a spreadsheet may have Chinese words for them."""
    fields = ((name, words.strip("[]")) for name, words, *_ in schema.fields(kind))
    return {name: words.split(", ") for name, words in fields if ", " in words and "|" not in words}
