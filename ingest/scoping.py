"""Each source has its own keys for what hangs on a lot: bids, deposits, events, scores and the like.

Envelopes are told apart by (source, kind, key, version), so two sources may use one key. The first keeps it as the
row's id; another's row gets `key@@source`. Otherwise the answer "held by somebody else" would tell a competitor how
many sealed bids there are (招标投标法 art. 22), and whoever sends a key first would shut its owner out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest import ownership
from ingest.envelope import Record
from ingest.kinds import REFERENCES

if TYPE_CHECKING:
    from ingest.batch import Batch

SCOPED = frozenset(kind for kind, rule in ownership.RULES.items() if rule.under in ("lot", "opening"))
"""Kinds of which every source has keys of its own."""
MARK = "@@"
"""Between a key and its source in the id of a row whose key another source had before."""


def sent(key: str, source: str) -> str:
    """The key as its source sent it, of a row's id."""
    return key.removesuffix(MARK + source)


class Keys:
    """The ids of one transaction's records."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._taken: dict[tuple[str, str], str] = {}
        """(kind, id) → the source that has taken it in this transaction."""

    def scoped(self, records: Sequence[Record]) -> list[Record]:
        """The records with the ids of their own and of what they refer to. Doing it again changes nothing but what
        has been taken by others meanwhile."""
        self._fetch(records)
        return [self._record(record) for record in records]

    def _fetch(self, records: Iterable[Record]) -> None:
        named: dict[str, set[str]] = defaultdict(set)
        for record in records:
            for kind, key in _named(record):
                named[kind] |= {key, key + MARK + record.source}
        for kind, keys in named.items():
            self._batch.fetch_held(kind, sorted(keys))

    def _record(self, record: Record) -> Record:
        changed = {
            attribute: found
            for attribute, kind in REFERENCES[record.kind]
            if kind in SCOPED and (key := getattr(record.data, attribute)) is not None
            and (found := self._id(record.source, kind, key)) != key
        }  # fmt: skip
        if changed:
            record = replace(record, data=record.data.model_copy(update=changed))
        if record.kind in SCOPED:
            key = self._id(record.source, record.kind, record.key)
            self._taken.setdefault((record.kind, key), record.source)
            record = record if key == record.key else replace(record, key=key)
        return record

    def _id(self, source: str, kind: str, key: str) -> str:
        own = key + MARK + source
        for known in (key, own):
            if source in self._batch.held.get((kind, known), ()) or self._taken.get((kind, known)) == source:
                return known
        others = self._batch.held.get((kind, key)) or self._taken.get((kind, key))
        return own if others else key


def _named(record: Record) -> list[tuple[str, str]]:
    found = [(record.kind, record.key)] if record.kind in SCOPED else []
    for attribute, kind in REFERENCES[record.kind]:
        if kind in SCOPED and (key := getattr(record.data, attribute)) is not None:
            found.append((kind, key))
    return found
