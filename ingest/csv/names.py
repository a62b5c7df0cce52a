"""Names of files and columns of a CSV pack, in Chinese and English."""

from __future__ import annotations

from ingest import schema as describe
from ingest.kinds import words
from ingest.kinds.registry import KINDS

FILES = {stem: name for name, kind in KINDS.items() for stem in (name, f"{name}s", kind.zh)}
"""Stem of a file → kind."""

_COMMON = {"编号": "key", "版本": "version", "发生时间": "occurred_at", "id": "key"}


def _headers(kind: str) -> dict[str, str]:
    fields = {name for name, *_ in describe.fields(kind)}
    zh = {**words.HEADERS, **KINDS[kind].headers}
    return {**_COMMON, **{header: name for header, name in zh.items() if name in fields}}


HEADERS = {kind: _headers(kind) for kind in KINDS}
"""Kind → Chinese header → field; English headers are the field names themselves."""


def zh_names(kind: str) -> dict[str, str]:
    """Field → Chinese header, for the documentation."""
    return {name: header for header, name in reversed(HEADERS[kind].items()) if header != "id"}
