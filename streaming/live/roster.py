"""Rooms and who may publish to them or watch them; kept in memory, refreshed every two seconds."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import called, say
from records.serving import signing
from records.tables.organisations import Centre, Room
from streaming.live.reading import Reader
from streaming.rooms.peer import Peer
from streaming.rooms.subrooms import main_room

REFRESH_SECONDS = 2.0


@dataclass(frozen=True)
class RoomCard:
    """What the hub knows of a room."""

    id: str
    name: str
    name_en: str | None
    centre: str
    centre_name: str
    centre_name_en: str | None
    kind: str
    public: bool
    token_hash: str | None
    closed: bool = False
    """Out of use: on no list, but its openings and recordings are still found."""

    def title(self, lang: str) -> str:
        """Centre and room as the public reads it."""
        centre, room = self.centre_called(lang), called(self.name, self.name_en, lang)
        return say("site.room.title", lang, centre=centre, room=room)

    def centre_called(self, lang: str) -> str:
        """Its centre as the public reads it."""
        return called(self.centre_name, self.centre_name_en, lang)


def load_rooms(session: Session) -> dict[str, RoomCard]:
    """All rooms by id, in order of centre and id."""
    rows = session.execute(
        select(Room, Centre).join(Centre, Room.centre_id == Centre.id).order_by(Centre.id, Room.id)
    )
    return {room.id: _card(room, centre) for room, centre in rows}


def _card(room: Room, centre: Centre) -> RoomCard:
    return RoomCard(
        id=room.id,
        name=room.name,
        name_en=room.name_en,
        centre=centre.id,
        centre_name=centre.name,
        centre_name_en=centre.name_en,
        kind=room.kind,
        public=room.is_public,
        token_hash=room.token_hash,
        closed=room.closed_at is not None,
    )


Watched = Callable[[str, Peer, str, str], None]
"""(room, session, viewer, look)"""


@dataclass(frozen=True)
class Withdrawn:
    """A right to publish into a room that has ended: of the token of that digest, or, None, of everybody."""

    room: str
    token_hash: str | None


def _withdrawn(before: RoomCard, after: RoomCard | None) -> Withdrawn | None:
    if after is None or after.closed:
        return None if before.closed else Withdrawn(before.id, None)
    if before.token_hash and before.token_hash != after.token_hash:
        return Withdrawn(before.id, before.token_hash)
    return None


class Roster:
    """The authority of the media plane: answers at once from memory."""

    def __init__(self, reader: Reader, key: bytes) -> None:
        self._reader = reader
        self._key = key
        self.rooms: dict[str, RoomCard] = {}
        self.on_watched: Watched | None = None
        """Told of every viewer of a room that is not public."""
        self._spent: dict[str, float] = {}
        """Numbers of publishing tickets → when they were used."""

    async def refresh(self) -> list[Withdrawn]:
        """Read the rooms again; returns the rights to publish that have ended since the last time."""
        before, self.rooms = self.rooms, await self._reader.ask(load_rooms)
        ended = (_withdrawn(card, self.rooms.get(card.id)) for card in before.values())
        return [one for one in ended if one]

    def called(self, room: str, lang: str) -> str:
        """What people call a room or sub-room; its id where it is unknown."""
        card = self.rooms.get(main_room(room))
        return card.title(lang) if card is not None else room

    def public_room(self, room: str) -> RoomCard | None:
        """The room if the public may know of it: an evaluation room does not exist for them."""
        card = self.rooms.get(room)
        return card if card and card.public else None

    def public_rooms(self) -> list[RoomCard]:
        """All rooms in use that the public may watch."""
        return [card for card in self.in_use() if card.public]

    def centres(self) -> set[str]:
        """The codes of the centres that have a room, in use or closed."""
        return {card.centre for card in self.rooms.values()}

    def in_use(self) -> list[RoomCard]:
        """All rooms but the closed ones."""
        return [card for card in self.rooms.values() if not card.closed]

    def may_publish(self, room: str, token: str | None) -> int:
        """HTTP status for a publisher: 200, 401 without token, 404 no such room, 403 wrong token."""
        if not token:
            return HTTPStatus.UNAUTHORIZED
        card = self.rooms.get(room)
        if card is None:
            return HTTPStatus.NOT_FOUND
        held = card.token_hash or ""
        right = hmac.compare_digest(held, signing.token_hash(token))
        return HTTPStatus.OK if right or self._spend(room, token) else HTTPStatus.FORBIDDEN

    def _spend(self, room: str, ticket: str) -> bool:
        """Whether this is a ticket for the room that nobody has used; it is used up by asking."""
        number = signing.check_publish_ticket(self._key, ticket, room)
        if number is None or number in self._spent:
            return False
        instant = time.monotonic()
        self._spent = {n: at for n, at in self._spent.items() if instant - at < 2 * signing.TICKET_SECONDS}
        self._spent[number] = instant
        return True

    def may_watch(self, room: str, token: str | None) -> bool:
        """Whether the bearer may watch: anybody in a public room, elsewhere only with a view token of the desk."""
        card = self.rooms.get(room)
        if card is None:
            return False
        return card.public or bool(token and signing.check_view_token(self._key, token, room))

    def may_watch_inside(self, room: str, token: str | None, *, off_air: bool) -> bool:
        """Whether the bearer gets the line inside a public room: with a view token of the desk, which off air must name
        the entry that says who looks at what is not public."""
        found = self._bearer(room, token)
        return found is not None and self.rooms[main_room(room)].public and bool(found[1] or not off_air)

    def watched(self, room: str, token: str | None, peer: Peer) -> None:
        """Somebody who may watch has joined: a look at what is not public is written down."""
        found = self._bearer(room, token)
        if found is None or self.on_watched is None:
            return
        viewer, look = found
        if look or not self.rooms[main_room(room)].public:
            self.on_watched(room, peer, viewer, look)

    def _bearer(self, room: str, token: str | None) -> tuple[str, str] | None:
        """Viewer and look of a view token for a room that there is, or for the room that a camera belongs to."""
        main = main_room(room)
        if not token or main not in self.rooms:
            return None
        held = (signing.read_view_token(self._key, token, name) for name in (room, main))
        return next((found for found in held if found), None)
