"""The kinds of records, parents before children: `KINDS` are sent, `ROWS` lie in a table of their own.

In the models an attribute is a column of the ledger, an alias the name on the wire. A version of a
record is the whole record: a field left out takes its default, it does not keep the value of the
version before. Unknown fields are refused, so nothing slips in unread.
"""

from __future__ import annotations

from sqlalchemy import Table

from ingest.kinds import bids, evaluation, organisations, procedure, projects, society
from ingest.kinds.kind import Kind

_SUBJECTS = (organisations, projects, bids, procedure, evaluation, society)
"""In this order: what bids name may stand in events, and is to be known before them."""


def _parents_first() -> dict[str, Kind]:
    """Every kind declared in the subjects, after all it refers to."""
    declared = {
        kind.name: kind for module in _SUBJECTS for kind in vars(module).values() if isinstance(kind, Kind)
    }
    ordered: dict[str, Kind] = {}

    def add(kind: Kind) -> None:
        for _, target in kind.references:
            add(declared[target])
        ordered.setdefault(kind.name, kind)

    for kind in declared.values():
        add(kind)
    return ordered


_ALL = _parents_first()
KINDS: dict[str, Kind] = {name: kind for name, kind in _ALL.items() if kind.sent}
"""The kinds that sources send."""
ROWS: dict[str, Kind] = {name: kind for name, kind in _ALL.items() if kind.model is not None}
"""The kinds that are one row each; `tender_project` comes with its lots."""
TABLES: dict[str, Table] = {name: kind.table for name, kind in ROWS.items()}


def beneath(kind: str) -> list[tuple[str, str]]:
    """(kind, column) of all rows that refer to a row of `kind`."""
    return [
        (row.name, column) for row in ROWS.values() for column, target in row.references if target == kind
    ]
