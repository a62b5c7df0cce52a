"""What declares a kind of record: its data, table, references, owner, and its names in every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from ingest.kinds.fields import Data
from ingest.kinds.national import DEAL, National
from records.tables.base import Base, table_of


@dataclass(frozen=True)
class Owner:
    """Who may create and change the records of a kind."""

    under: str | None = None
    """The kind whose owner alone may create them; None: every source may."""
    shared: bool = False
    """Whether every source may speak of them; else only the one that sent them first."""
    register: bool = False
    """Whether a key means the same record whoever says it; else every source has keys of its own."""
    fields: tuple[str, ...] = ()
    """Fields of a shared record that only its owner changes: others leave them out or repeat them."""


OF_LOT = Owner("lot")
"""Only the owner of a lot may send what belongs to it."""
LOT, BIDDER, BID = ("lot_id", "lot"), ("bidder_id", "organisation"), ("bid_id", "bid")
ROOM = ("room_id", "room")
EVALUATION, EXPERT = ("evaluation_id", "evaluation"), ("expert_id", "expert")
"""References that several kinds make: (attribute, kind it refers to)."""


@dataclass(frozen=True, eq=False)
class Kind:
    """All that is particular to one kind of record; formats, checks, statements and documents follow from it."""

    name: str
    zh: str
    """The Chinese name, which is that of its CSV file too."""
    data: type[Data]
    """The model of `data`: an attribute is a column of the table, an alias the name on the wire."""
    model: type[Base] | None = None
    """The table, one row a record; None: its records become no rows of their own."""
    references: tuple[tuple[str, str], ...] = ()
    """(attribute, kind it refers to) of what must be there before a record is placed."""
    lot_through: tuple[str, str] | None = None
    """(attribute, kind) of the record by which it names its lot, where it names none itself."""
    owner: Owner = field(default_factory=Owner)
    facts: tuple[str, ...] | None = None
    """Columns worth knowing of a row that is there, to judge others; None: its source and what its owner alone changes."""
    parts: str | None = None
    """The attribute that is a list of parts, kept as JSON."""
    inferred: Callable[[str, Any], dict[str, Any]] | None = None
    """(key, data) → columns that follow from them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Chinese CSV header → field, of the fields (or of the words for them) that no other kind has."""
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Field → Chinese word → code; where two words stand for a code, the first is the usual one."""
    national: Mapping[str, National] = field(default_factory=dict)
    """Name in the national exchange standard → our field."""
    number: str | None = None
    """National name that is the record's own number, where a file has no column for its key."""
    national_ignored: frozenset[str] = DEAL
    """National names taken and kept in the journal only: of the exchange itself, or said by another record."""
    ocds: str | None = None
    """Where an OCDS release tells of it; None: only the `x_sunbid` of a full export does."""
    hidden: Mapping[str, str | None] = field(default_factory=dict)
    """Personal data that may be sent and is never stored readable: field → the field that takes its
    keyed hash, or None if it is dropped."""
    in_addresses: bool = False
    """Whether its key is one step of web addresses, and must be reachable there."""
    sent: bool = True
    """Whether sources send it; else its rows come along with those of another kind."""

    @cached_property
    def table(self) -> Table:
        """Its table; raises TypeError for a kind without rows."""
        if self.model is None:
            raise TypeError(self.name)
        return table_of(self.model)

    @cached_property
    def scoped(self) -> bool:
        """Whether every source has keys of its own."""
        return not self.owner.register

    @cached_property
    def newest_counts(self) -> bool:
        """Whether several sources speak of one record and the latest `occurred_at` counts."""
        return self.owner.shared and not self.owner.fields

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The columns of `facts`."""
        return ("source", *self.owner.fields) if self.facts is None else self.facts

    @cached_property
    def dated(self) -> bool:
        """Whether its rows say when they were last written."""
        return "updated_at" in self.table.c

    @cached_property
    def aside(self) -> tuple[str, ...]:
        """Attributes that are no columns."""
        return tuple(self.data.model_fields.keys() - self.table.c.keys())

    @cached_property
    def about(self) -> str:
        """What it is, in one line."""
        return " ".join((self.data.__doc__ or "").split())

    def translated(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`data` under our names; the same object where it has no national name.

        A national name that does not belong to the kind, or that would overwrite a field of ours, stays
        as it is, so that the model refuses it by its name.
        """
        if self._national_known.isdisjoint(data):
            return data
        ours: dict[str, Any] = {}
        for name, value in data.items():
            if name in self.national_ignored:
                continue
            rule = self.national.get(name)
            if rule is None or rule.field in data or rule.field in ours:
                ours[name] = value if rule is None else rule.converted(value)
            else:
                ours[rule.field] = rule.converted(value)
        return ours

    @cached_property
    def _national_known(self) -> frozenset[str]:
        return self.national_ignored | self.national.keys()
