"""Troubles of publishers and taps, for the hub's health and its operators."""

from __future__ import annotations

from collections.abc import Mapping

from messages import Message
from streaming.rooms.room import Room
from streaming.rooms.subrooms import camera
from streaming.service import CalledRoom, RoomName, Trouble, one_after_another

NAMED = 3
"""So many are named with their reasons; each is on its room's own bar besides."""
_TAPS = {
    "RoomRecorder": Message("tap.recorder"),
    "Cutter": Message("tap.hls"),
    "Relay": Message("tap.relay"),
    "TileStream": Message("tap.tile"),
}
"""Class of a tap → what people call it."""


def of_publishers(rooms: Mapping[str, Room], name: RoomName) -> Trouble | None:
    """Who sends what some viewers cannot have, and the remedy."""
    found = [(room, notice) for room in sorted(rooms) for notice in rooms[room].notices() if notice.grave]
    if not found:
        return None
    named = [
        Message("trouble.of_room", room=called(room, name), what=notice.what)
        for room, notice in found[:NAMED]
    ]
    if more := len(found[NAMED:]):
        named.append(Message("trouble.more", count=more))
    remedies = {notice.code: notice.remedy for _, notice in found}.values()
    return Trouble(one_after_another(named), one_after_another(list(remedies)))


def of_taps(rooms: Mapping[str, Room], name: RoomName) -> Trouble | None:
    """Which recorders, segmenters and relays failed at a packet within the last ten minutes."""
    found = {room: tap for room in sorted(rooms) if (tap := rooms[room].tap_failures.lately())}
    if not found:
        return None
    named = [
        Message("trouble.tap", room=called(room, name), tap=_TAPS.get(tap, tap))
        for room, tap in found.items()
    ]
    return Trouble(Message("trouble.taps", taps=named), Message("trouble.taps_remedy"))


def called(room: str, name: RoomName) -> Message:
    """A room's name, or that of its overview camera."""
    main = CalledRoom(room, name)
    return Message("trouble.overview_camera", room=main) if camera(room) == "far" else main
