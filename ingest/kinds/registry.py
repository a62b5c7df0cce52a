"""The kinds of records, parents before children: `KINDS` are sent, `ROWS` lie in a table of their own.

In the models an attribute is a column of the ledger, an alias the name on the wire. A version of a
record is the whole record: a field left out takes its default, it does not keep the value of the
version before. Unknown fields are refused, so nothing slips in unread.
"""

from __future__ import annotations

from sqlalchemy import Table

from ingest.kinds import bids, evaluation, organisations, procedure, projects, society
from ingest.kinds.kind import Kind

_ALL = (
    organisations.CENTRE,
    organisations.ORGANISATION,
    organisations.ROOM,
    evaluation.EXPERT,
    organisations.RELATION,
    organisations.CREDIT,
    projects.PROJECT,
    society.OPINION,
    society.INSPECTION,
    projects.TENDER_PROJECT,
    projects.LOT,
    procedure.NOTICE,
    bids.BID,
    bids.DEPOSIT,
    bids.CONTROL_PRICE,
    procedure.OBJECTION,
    procedure.OPENING,
    procedure.OPENING_EVENT,
    evaluation.EVALUATION,
    evaluation.SCORE,
    evaluation.FEE,
    bids.AWARD,
    bids.CONTRACT,
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL if kind.sent}
"""The kinds that sources send."""
ROWS: dict[str, Kind] = {kind.name: kind for kind in _ALL if kind.model is not None}
"""The kinds that are one row each; `tender_project` comes with its lots."""
TABLES: dict[str, Table] = {name: kind.table for name, kind in ROWS.items()}


def beneath(kind: str) -> list[tuple[str, str]]:
    """(kind, column) of all rows that refer to a row of `kind`."""
    return [
        (row.name, column) for row in ROWS.values() for column, target in row.references if target == kind
    ]
