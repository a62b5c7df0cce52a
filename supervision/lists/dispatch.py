"""场所与席位调度: today's evaluation rooms, who uses which seats when, where two clash, and where one of them could go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

import messages
from records.clock import now, start_of, today
from records.tables.evaluation import Evaluation
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot
from records.visibility import Datum, visible
from supervision.figures.filters import Filters
from supervision.figures.narrow import of_lots
from supervision.lists.remote import on_day, short

_SECONDARY = re.compile(r"副场\s*(\w+)")
"""How sites elsewhere number the rooms they lend."""


@dataclass(frozen=True)
class Use:
    """Seats of a room kept for one evaluation."""

    lot_id: str
    lot: str
    seats: int
    start: datetime
    end: datetime
    over: bool
    """Whether the evaluation has ended: it is in nobody's way any more."""
    faults: tuple[str, ...] = ()
    """Devices that did not pass the check before it."""


@dataclass
class RoomDay:
    """One evaluation room today. `site` says which rooms may stand in for each other."""

    key: str
    name: str
    site: str
    capacity: int | None
    known: bool
    """Whether it is one of our own rooms, of which all is known."""
    uses: list[Use] = field(default_factory=list)


@dataclass(frozen=True)
class Clash:
    """What does not fit: two uses at once (overlap), more seats than there are (seats), a device that failed (device)."""

    kind: str
    room: RoomDay
    use: Use
    start: datetime
    end: datetime
    remedy: RoomDay | None
    """A free room of the same site with seats enough; None: there is none."""
    other: Use | None = None


def day(session: Session, filters: Filters, lang: str, called: Callable[[str], str] = str) -> list[RoomDay]:
    """The rooms with anything today, and the free ones of the same sites; by site and name. `called` names a site elsewhere,
    which records know by its Chinese name, in the reader's language."""
    start = start_of(today())
    rooms = _own_rooms(session, lang)
    query = (
        select(Evaluation.bookings, Evaluation.state, Lot.id, Lot.name)
        .join(Lot, Lot.id == Evaluation.lot_id)
        .where(visible(Datum.EVALUATION), on_day(start))
    )
    for bookings, state, lot_id, lot in session.execute(of_lots(query, filters)):
        for booking in bookings:
            _room(rooms, booking, lang, called).uses.append(_use(booking, state, lot_id, lot))
    busy = {room.site for room in rooms.values() if room.uses}
    shown = [room for room in rooms.values() if room.uses or room.site in busy]
    for room in shown:
        room.uses.sort(key=lambda use: (use.start, use.lot_id))
    return sorted(shown, key=lambda room: (not room.known, room.key))


def _own_rooms(session: Session, lang: str) -> dict[str, RoomDay]:
    query = (
        select(Room, Centre)
        .join(Centre, Centre.id == Room.centre_id)
        .where(Room.kind == "evaluation", Room.closed_at.is_(None))
    )
    return {
        room.id: RoomDay(room.id, _called(room, centre, lang), centre.id, room.capacity, True)
        for room, centre in session.execute(query)
    }


def _called(room: Room, centre: Centre, lang: str) -> str:
    """A room with its centre, without the words that all evaluation rooms begin with in the reader's language."""
    name = (
        messages.called(room.name, room.name_en, lang)
        .removeprefix(messages.say("remote.room_begins", lang))
        .strip()
    )
    return f"{messages.called(centre.name, centre.name_en, lang)} {name}".strip()


def _room(
    rooms: dict[str, RoomDay], booking: Mapping[str, object], lang: str, called: Callable[[str], str]
) -> RoomDay:  # fmt: skip
    """The room a booking names; one of a site elsewhere is known by its site and its name there."""
    own = rooms.get(str(booking.get("room")))
    if own is not None:
        return own
    site, place = short(str(booking["site"])), str(booking.get("place") or booking.get("room") or "")
    key = f"~{site}/{place}"
    return rooms.setdefault(
        key, RoomDay(key, f"{called(site)} {_place(place, lang)}".strip(), key, None, False)
    )


def _place(name: str, lang: str) -> str:
    """A room elsewhere: 副场 01 in the reader's language, any other name as recorded."""
    found = _SECONDARY.fullmatch(name)
    return messages.say("remote.secondary", lang, n=found[1]) if found else name


def _use(booking: Mapping[str, object], state: str, lot_id: str, lot: str) -> Use:
    faults = booking.get("faults")
    return Use(
        lot_id, lot, int(str(booking["seats"])), datetime.fromisoformat(str(booking["starts_at"])),
        datetime.fromisoformat(str(booking["ends_at"])), state in ("ended", "failed"),
        tuple(faults) if isinstance(faults, list) else (),
    )  # fmt: skip


def clashes(rooms: Sequence[RoomDay], at: datetime | None = None) -> list[Clash]:
    """What does not fit from now on, the soonest first, each with a room that could take it."""
    moment = at or now()
    found = [clash for room in rooms for clash in _of_room(room, rooms) if clash.end > moment]
    return sorted(found, key=lambda clash: (clash.start, clash.room.key))


def _of_room(room: RoomDay, rooms: Sequence[RoomDay]) -> Iterator[Clash]:
    waiting = [use for use in room.uses if not use.over]
    for first, second in combinations(waiting, 2):
        start, end = max(first.start, second.start), min(first.end, second.end)
        if start < end:
            yield Clash("overlap", room, second, start, end, _free(second, room, rooms), first)
    for use in waiting:
        if room.capacity is not None and use.seats > room.capacity:
            yield Clash("seats", room, use, use.start, use.end, _free(use, room, rooms))
        if use.faults:
            yield Clash("device", room, use, use.start, use.end, _free(use, room, rooms))


def _free(use: Use, room: RoomDay, rooms: Sequence[RoomDay]) -> RoomDay | None:
    """The smallest room of the same site that has the seats, is free all the time, and whose devices work."""
    able = [
        other
        for other in rooms
        if other is not room and other.known and other.site == room.site and (other.capacity or 0) >= use.seats
        and not any(one.start < use.end and use.start < one.end and not one.over for one in other.uses)
        and not any(one.faults and not one.over for one in other.uses)
    ]  # fmt: skip
    return min(able, key=lambda other: (other.capacity or 0, other.key), default=None)
