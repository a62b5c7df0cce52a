"""Rooms of this house and their publishing tokens and cameras: add, change, close; every act is audited."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, current, texts
from records.administration import COMMAND_LINE, By, Conflict, alike, refuse_twin
from records.clock import now
from records.serving import signing
from records.sources import HOUSE
from records.tables.broadcast import BroadcastSession
from records.tables.evaluation import Evaluation
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room

KINDS = ("opening", "evaluation")
"""Kinds of room that can be added here."""
MOST_CAMERAS = 2
MOST_LOST = 0.1
"""Share of a publisher's packets, before repair, from which on its picture is not sound."""
_ID = re.compile(r"(?!\.+\Z)[\w.\-]{1,64}")
CAMERA_SCHEMES = ("rtsp", "rtsps")
"""Schemes of the addresses by which the hub can pull a camera (streaming/sources)."""
_CAMERA = re.compile(rf"(?:{'|'.join(CAMERA_SCHEMES)})://[^\s/]+(/\S*)?", re.IGNORECASE)
_LONGEST_NAME = 200
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


def known(session: Session, room_id: str) -> Room:
    """The room. Raises LookupError if there is none."""
    row = session.get(Room, room_id)
    if row is None:
        raise Unknown(Message("room.unknown", room=room_id))
    return row


def list_rooms(session: Session) -> list[tuple[Room, Centre]]:
    """Every room with its centre, closed ones included, by id."""
    query = select(Room, Centre).join(Centre, Room.centre_id == Centre.id).order_by(Room.id)
    return [(room, centre) for room, centre in session.execute(query)]


def add(
    session: Session, room_id: str, name: str, centre: str, kind: str = "opening", camera: str = "",
    by: By = COMMAND_LINE,
) -> str:  # fmt: skip
    """A new room in the centre of that id or name, which is made where there is none (see `centre_of`); the room's
    publishing token, which cannot be had again.

    Raises ValueError for a bad id, name, kind or camera address and for an id that is taken.
    """
    if not _ID.fullmatch(room_id):
        raise Invalid(Message("room.bad_id", room=repr(room_id)))
    if kind not in KINDS:
        raise Invalid(Message("room.unknown_kind", kind=kind, kinds=list(KINDS)))
    if session.get(Room, room_id) is not None:
        raise Conflict(Message("room.exists", room=room_id))
    refuse_twin(session.scalars(select(Room.id)), room_id)
    address = cameras(camera)
    place = centre_of(session, centre)
    token = signing.new_token()
    session.add(
        Room(
            id=room_id, centre_id=place, name=_named(name), kind=kind, public_allowed=kind == "opening",
            rtsp_url=address, token_hash=signing.token_hash(token), source=HOUSE,
        )
    )  # fmt: skip
    session.flush()
    _note(session, by, "room.add", room_id, {"kind": kind, "centre": place, "camera": bool(address)})
    return token


def edit(
    session: Session, room_id: str, *, name: str | None = None, name_en: str | None = None,
    centre: str | None = None, capacity: int | None = None, by: By = COMMAND_LINE,
) -> Room:  # fmt: skip
    """Change what a room is called, where it belongs and how many it seats; None leaves as it is.

    Kind and secrecy cannot be changed: an evaluation room never becomes public. Raises LookupError, ValueError.
    """
    row = known(session, room_id)
    given: dict[str, Any] = {}
    if name is not None:
        given["name"] = _named(name)
    if name_en is not None:
        given["name_en"] = name_en.strip() or None
    if centre is not None:
        given["centre_id"] = centre_of(session, centre)
    if capacity is not None:
        if not 0 < capacity < 100_000:
            raise Invalid(Message("room.bad_capacity"))
        given["capacity"] = capacity
    if not given:
        raise Invalid(Message("room.nothing_to_change"))
    for field, value in given.items():
        setattr(row, field, value)
    _note(session, by, "room.edit", room_id, {"changed": sorted(given)})
    return row


def new_token(session: Session, room_id: str, by: By = COMMAND_LINE, sure: bool = False) -> str:
    """A new publishing token; the old one is void at once, and who publishes with it is ended. A first one ends nobody.

    Raises LookupError, ValueError (closed; an opening is under way and the one who acts is not `sure`).
    """
    row = _open(session, room_id)
    disturbed = _undisturbed(session, room_id, sure) if row.token_hash else {}
    token = signing.new_token()
    row.token_hash = signing.token_hash(token)
    _note(session, by, "room.token", room_id, disturbed)
    return token


def set_camera(
    session: Session, room_id: str, camera: str, by: By = COMMAND_LINE, sure: bool = False
) -> Room:
    """The camera's address, or two with a space between; empty takes the camera away. Begins to pull at once.

    Raises LookupError, ValueError (bad address; another camera would go off during an opening, not `sure`).
    """
    row, address = _open(session, room_id), cameras(camera)
    goes = bool(row.rtsp_url) and not row.camera_released and row.rtsp_url != address
    disturbed = _undisturbed(session, room_id, sure) if goes else {}
    row.rtsp_url, row.camera_released = address, False
    _note(session, by, "room.camera", room_id, {"camera": bool(address), **disturbed})
    return row


def release_camera(
    session: Session, room_id: str, released: bool = True, by: By = COMMAND_LINE, sure: bool = False
) -> Room:
    """Let the camera give the room free for another publisher, or take it back; its address is kept.

    Raises LookupError, ValueError (no camera; it would go off during an opening and the one who acts is not `sure`).
    """
    row = _open(session, room_id)
    if not row.rtsp_url:
        raise Conflict(Message("room.no_camera", room=room_id))
    disturbed = _undisturbed(session, room_id, sure) if released and not row.camera_released else {}
    row.camera_released = released
    _note(session, by, "room.release" if released else "room.retake", room_id, disturbed)
    return row


def remove(session: Session, room_id: str, by: By = COMMAND_LINE, sure: bool = False) -> bool:
    """Take a room out of use; True if its row is gone, False if it is kept for its openings and recordings.

    Either way it can no longer be published to, who publishes into it is ended, and it stands on no list. Raises
    LookupError, ValueError (an opening is under way in it and the one who acts is not `sure`).
    """
    row = _open(session, room_id)
    disturbed = _undisturbed(session, room_id, sure)
    gone = not _used(session, room_id)
    if gone:
        session.delete(row)
    else:
        row.closed_at, row.token_hash, row.rtsp_url, row.camera_released = now(), None, None, False
    session.flush()
    _note(session, by, "room.remove", room_id, {"kept": not gone, **disturbed})
    return gone


def cameras(text: str) -> str | None:
    """Camera addresses as they are kept. Raises ValueError, which never repeats an address: it may hold a password."""
    found = text.split()
    if len(found) > MOST_CAMERAS:
        raise Invalid(Message("room.too_many_cameras", most=MOST_CAMERAS))
    if not all(_CAMERA.fullmatch(one) for one in found):
        raise Invalid(Message("room.bad_camera"))
    return " ".join(found) or None


def shown_camera(room: Room) -> str:
    """A camera's address without its user name and password."""
    return _SECRET.sub("", room.rtsp_url or "")


def _open(session: Session, room_id: str) -> Room:
    row = known(session, room_id)
    if row.closed_at is not None:
        raise Conflict(Message("room.closed", room=room_id))
    return row


def _used(session: Session, room_id: str) -> bool:
    return any(
        session.scalar(select(func.count()).where(column == room_id))
        for column in (Opening.room_id, Evaluation.room_id, BroadcastSession.room_id)
    )


def centre_of(session: Session, words: str) -> str:
    """The id of the centre that has this id or this name; where there is none, one is made with it as both.

    Raises ValueError where several centres have the name, and for words that can be no id.
    """
    found = centres_called(session, words)
    if len(found) > 1:
        raise Conflict(Message("room.several_centres", name=words, found=found))
    if found:
        return found[0]
    if not _ID.fullmatch(words):
        raise Invalid(Message("room.bad_centre_id", centre=repr(words)))
    session.add(Centre(id=words, name=words, source=HOUSE))
    session.flush()
    return words


def centres_called(session: Session, words: str) -> list[str]:
    """Ids of the centres meant by an id or a name, Chinese or English."""
    if session.get(Centre, words) is not None:
        return [words]
    every = list(session.scalars(select(Centre).order_by(Centre.id)))
    return [one.id for one in every if alike((one.id, one.name, one.name_en or ""), words)]


def namesakes(session: Session, room_id: str) -> list[str]:
    """Ids of the other rooms in use that a reader cannot tell from this one: of its centre, of its name."""
    row = known(session, room_id)
    others = session.scalars(
        select(Room).where(Room.centre_id == row.centre_id, Room.id != row.id, Room.closed_at.is_(None))
    )
    return sorted(one.id for one in others if alike((one.name,), row.name))


def _undisturbed(session: Session, room_id: str, sure: bool) -> dict[str, Any]:
    return current.undisturbed(session, Opening.room_id == room_id, Message("room.named", room=room_id), sure)


def _named(name: str) -> str:
    words = texts.typed(" ".join(name.split()))
    if not words or len(words) > _LONGEST_NAME:
        raise Invalid(Message("room.name_length", most=_LONGEST_NAME))
    return words


def _note(session: Session, by: By, action: str, room_id: str, detail: dict[str, Any] | None = None) -> None:
    audit.write(session, by.name, action, object_kind="room", object_id=room_id, detail=detail, ip=by.ip)
