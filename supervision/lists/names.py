"""What a centre or a room is called in the reader's language."""

from __future__ import annotations

from records.tables.organisations import Centre, Room


def called(name: str, name_en: str | None, lang: str) -> str:
    """A name in the reader's language; the Chinese one where there is no other."""
    return name if lang == "zh" else name_en or name


def room(held: Room, at: Centre, lang: str) -> str:
    """A room with its centre before it."""
    return f"{called(at.name, at.name_en, lang)} {called(held.name, held.name_en, lang)}"


def of_opening(held: Room | None, at: Centre | None, lang: str) -> str | None:
    """Where an opening is: its room with its centre; None where no room is known."""
    return None if held is None or at is None else room(held, at, lang)
