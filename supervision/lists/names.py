"""What a centre or a room is called in the reader's language."""

from __future__ import annotations

from messages import called
from records.tables.organisations import Centre, Room


def room(held: Room, at: Centre, lang: str) -> str:
    """A room with its centre before it."""
    return f"{called(at.name, at.name_en, lang)} {called(held.name, held.name_en, lang)}"


def of_opening(held: Room | None, at: Centre | None, lang: str) -> str | None:
    """Where an opening is: its room with its centre; None where no room is known."""
    return None if held is None or at is None else room(held, at, lang)
