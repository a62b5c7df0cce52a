"""Ownership of records, who may say what: kind × field × source, as declared with the kind (`ingest.kinds.kind.Owner`).

What hangs on a project, a lot or an opening may be sent only by whoever that belongs to. Every source has keys of its
own (`ingest.apply.scoping`), but for the register all share: organisations, centres, rooms, projects, lots and openings,
which addresses name by their key. A project, a lot or an opening belongs to the source whose record of it was first
in place; a record that waits holds no key, and an operator can hand one over (`sunbid source give`). Of an organisation several sources may speak, and the newest word counts. Of a centre or a
room they may too, but only repeat what its owner says: its first source, or this machine where it was made here. An
opening takes place in a room of its own source or of this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.apply.state import State
from ingest.envelope import Record
from ingest.kinds.registry import KINDS
from ingest.refusal import Refusal
from messages import Message
from records.sources import HOUSE


def check(state: State, record: Record) -> None:
    """Raise Refusal unless a record, and what it hangs on, belong to its source."""
    _check_key(state, record)
    under = KINDS[record.kind].owner.under
    if under is None:
        return
    key = state.lot_of(record) if under == "lot" else getattr(record.data, f"{under}_id")
    owner = state.facts[under].get(key, {}).get("source") if key is not None else None
    if owner is not None and owner != record.source:
        through = KINDS[record.kind].lot_through
        named = under if through is None or getattr(record.data, f"{under}_id", None) else through[1]
        why = Message("refused.not_owner_of", under=under, key=key, owner=owner, kind=record.kind)
        raise Refusal(f"data.{named}", why)


def _check_key(state: State, record: Record) -> None:
    rule = KINDS[record.kind].owner
    if rule.shared or not rule.register:
        return
    owner = state.facts[record.kind].get(record.key, {}).get("source")
    if owner is not None and owner != record.source:
        raise Refusal("key", Message("refused.key_taken", owner=owner))


def kept(record: Record, row: dict[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row of a centre or a room as its record may make it; raises Refusal for what is not the sender's to say.

    Nobody is asked before its first word. A centre that this machine has made for one of its rooms is no more than a
    number, and belongs to the first source that describes it.
    """
    if known is None or known["source"] == record.source:
        return row
    owner, said = known["source"], record.data.model_fields_set
    if owner == HOUSE and record.kind == "centre":
        return row
    for column in KINDS[record.kind].owner.fields:
        if column in said and row[column] != known[column]:
            raise _not_yours(record, column, owner)
    return {**row, **known}


def check_venue(source: str, room: str, known: Mapping[str, Any], place: str = "data.room") -> None:
    """Raise Refusal where an opening of a source would take place in a room of another source, or in one that is no
    opening room; `known` is the room's source and kind, empty while it is not there."""
    if known.get("kind", "opening") != "opening":
        raise Refusal(place, Message("refused.not_an_opening_room", room=room))
    owner = known.get("source")
    if owner not in (None, HOUSE, source):
        raise Refusal(place, Message("refused.room_of_other", room=room, owner=owner))


def _not_yours(record: Record, column: str, owner: str) -> Refusal:
    field = column.removesuffix("_id")
    what = Message("refused.this_room" if record.kind == "room" else "refused.this_centre")
    whose = Message("refused.this_installation") if owner == HOUSE else Message("refused.source", name=owner)
    return Refusal(f"data.{field}", Message("refused.field_of_other", what=what, owner=whose, field=field))
