"""A room may have a second camera: it fills a room of its own, named after the first with ".far".

The far camera has no entry in the roster: whoever may publish to or watch a room may do so with its far
camera, and viewers change between the two by joining the other one.
"""

from __future__ import annotations

FAR = ".far"
SUFFIXES = ("", FAR)
"""Of the near and the far camera."""


def main_room(room: str) -> str:
    """The room that the roster knows."""
    return room.removesuffix(FAR)


def camera(room: str) -> str:
    """Which camera of its room a room or sub-room is: main or far."""
    return "far" if room.endswith(FAR) else "main"
