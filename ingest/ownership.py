"""Who may say what: kind × field × source, as one table.

A record belongs to the source that sent it first, and what hangs on a project, a lot or an opening may be sent only by
whoever that belongs to. A few kinds are shared: several sources may speak about them and the newest word counts, field
by field within the limits below. Rooms made on this machine belong to the house, and no source changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.envelope import Record, Refusal
from ingest.kinds import LOT_THROUGH
from records.sources import HOUSE

if TYPE_CHECKING:
    from ingest.batch import Batch


@dataclass(frozen=True)
class Rule:
    """Who may create and change the records of a kind."""

    under: str | None = None
    """The kind whose owner alone may create them; None: every source may."""
    shared: bool = False
    """Whether every source may change them; else only the one that sent them first."""


_FREE, _SHARED, _LOT = Rule(), Rule(shared=True), Rule("lot")

RULES: Mapping[str, Rule] = {
    "centre": _SHARED, "organisation": _SHARED, "room": _SHARED,
    "expert": _FREE, "relation": _FREE, "credit": _FREE, "inspection": _FREE, "project": _FREE,
    "opinion": Rule("project"), "lot": Rule("project"),
    "notice": _LOT, "bid": _LOT, "deposit": _LOT, "control_price": _LOT, "objection": _LOT, "opening": _LOT,
    "opening_event": Rule("opening"), "evaluation": _LOT, "score": _LOT, "fee": _LOT, "award": _LOT,
    "contract": _LOT,
}  # fmt: skip
"""Every kind → its rule."""
SHARED = frozenset(kind for kind, rule in RULES.items() if rule.shared)
"""Kinds of which the newest word counts: the one with the latest `occurred_at`."""

OWNED = ("centre_id",)
"""Fields of a room that only its owner changes."""
TIGHTENED: Mapping[str, tuple[Any, ...]] = {
    "kind": ("opening", "witness", "evaluation"),
    "public_allowed": (True, False),
}
"""Fields of a room that a source it does not belong to may only move towards the end of the list, never back: what is
evaluated in confidence (招标投标法 art. 38) is not opened to the public by somebody else's record."""
ROOM_FACTS = ("source", "centre_id", "name", "name_en", "kind", "capacity", "public_allowed")
"""What of a room must be known to judge a record about it."""


def check(batch: Batch, record: Record) -> None:
    """Raise Refusal unless what a record hangs on belongs to its source."""
    under = RULES[record.kind].under
    if under is None:
        return
    key = batch.lot_of(record) if under == "lot" else getattr(record.data, f"{under}_id")
    owner = batch.facts[under].get(key, {}).get("source") if key is not None else None
    if owner is not None and owner != record.source:
        named = under if getattr(record.data, f"{under}_id", None) else LOT_THROUGH[record.kind][1]
        raise Refusal(
            f"data.{named}",
            f"{under} {key} 属于数据来源 {owner}，只有它可以报送 {record.kind} / "
            f"{under} {key} belongs to source {owner}, which alone may send its {record.kind}",
        )


def overrules(record: Record, known: Mapping[str, Any] | None) -> bool:
    """Whether a source speaks of its own room: then it need not be newer than what others have said."""
    return record.kind == "room" and known is not None and known["source"] == record.source


def room(record: Record, row: dict[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row of a room as its record may make it; raises Refusal for what is not the sender's to say."""
    if known is None or known["source"] == record.source:
        return row
    owner, said = known["source"], record.data.model_fields_set
    for column in (*OWNED, *TIGHTENED):
        if column not in said:
            row[column] = known[column]
        elif not _may(column, known[column], row[column]):
            raise _not_yours(column, owner)
    if owner == HOUSE:
        _unchanged(row, said, known)
        row |= {name: known[name] for name in ROOM_FACTS}
    return row | {"source": owner}


def _may(column: str, before: Any, after: Any) -> bool:
    """Whether somebody else than the owner may make `after` of `before`."""
    order = TIGHTENED.get(column)
    if order is None:
        return bool(before == after)
    return order.index(after) >= order.index(before)


def _unchanged(row: Mapping[str, Any], said: set[str], known: Mapping[str, Any]) -> None:
    for column in ROOM_FACTS[1:]:
        if column in said and row[column] != known[column]:
            raise _not_yours(column, HOUSE)


def _not_yours(column: str, owner: str) -> Refusal:
    field = column.removesuffix("_id")
    whose = ("本机", "this installation") if owner == HOUSE else (f"数据来源 {owner}", f"source {owner}")
    return Refusal(
        f"data.{field}",
        f"此开标室属于{whose[0]}，其 {field} 不能由别的来源这样更改 / "
        f"the room belongs to {whose[1]}, its {field} is not for another source to change like this",
    )
