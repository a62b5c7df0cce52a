"""Each source has keys of its own, but for what stands in the one register that all of them share.

Envelopes are told apart by (source, kind, key, version), so two sources may use one key, and what one refers to is its
own. Otherwise the answer "held by somebody else" would tell a competitor how many sealed bids there are (招标投标法
art. 22), and whoever sent a key first would shut its owner out.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.envelope import Record
from ingest.kinds.registry import KINDS, ROWS
from records.keys import second_id

SCOPED = frozenset(kind.name for kind in (*KINDS.values(), *ROWS.values()) if kind.scoped)
"""Kinds of which every source has keys of its own."""


def scope(kind: str, source: str) -> str:
    """Whose keys of a kind a source speaks of: its own, or ("") those of the register."""
    return source if kind in SCOPED else ""


def ids(kind: str, key: str, source: str) -> Iterator[str]:
    """The ids that a source's key may have."""
    yield key
    if kind in SCOPED:
        yield second_id(key, source)


def named(record: Record) -> Iterator[tuple[str, str]]:
    """(kind, id) of all rows that must be known to place a record."""
    keys: list[tuple[str, str | None]] = [(record.kind, record.key)]
    keys += [(kind, getattr(record.data, attribute)) for attribute, kind in KINDS[record.kind].references]
    if record.kind == "lot":
        keys.append(("tender_project", getattr(record.data, "tender_project_id", None)))
    for kind, key in keys:
        if key is not None:
            yield from ((kind, one) for one in ids(kind, key, record.source))
