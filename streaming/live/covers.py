"""Mute and slate of each room as the operators left them: kept in a small file a room, so that a restart of
the hub uncovers nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import structlog

from evidence.files import write_whole
from messages import Message
from records.clock import now, rfc3339
from records.filenames import bounded, file_name
from streaming.service import Checks, Service, Trouble

HISTORY = 500
"""Switches of a room that are remembered."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Cover:
    """What is withheld from the public in one room, why, and whether it takes two people to change it."""

    muted: bool = False
    slated: bool = False
    reason: str = ""
    needs_two: bool = False
    by: tuple[str, ...] = ()
    """Who ordered the last switch."""
    since: str | None = None
    """RFC 3339 time of the last switch."""
    history: tuple[dict[str, Any], ...] = ()


OPEN = Cover()
_FIELD = {"mute": "muted", "slate": "slated", "needs_two": "needs_two"}


def is_on(cover: Cover, act: str) -> bool:
    """Whether what `act` switches is on."""
    return bool(getattr(cover, _FIELD[act]))


def switched(cover: Cover, act: str, on: bool, reason: str, by: tuple[str, ...]) -> Cover:
    """The cover after an order."""
    at = rfc3339(now())
    entry = {"at": at, "act": act, "on": on, "by": list(by), "reason": reason}
    given = (reason if on else "") if act == "slate" else cover.reason
    changed: dict[str, Any] = {_FIELD[act]: on}
    return replace(
        cover, reason=given, by=by, since=at, history=(*cover.history, entry)[-HISTORY:], **changed
    )


def withheld(cover: Cover, act: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime, str]]:
    """Spans between two moments in which operators withheld sound (`mute`) or picture (`slate`), and why.

    A history that begins with uncovering began covered: its first switches are lost.
    """
    spans: list[tuple[datetime, datetime, str]] = []
    began: tuple[datetime, str] | None = None
    switches = [entry for entry in cover.history if entry["act"] == act]
    if switches and not switches[0]["on"]:
        began = (start, "")
    for entry in switches:
        at = datetime.fromisoformat(entry["at"])
        if entry["on"]:
            began = began or (at, str(entry["reason"]))
        elif began is not None:
            spans.append((began[0], at, began[1]))
            began = None
    if began is not None:
        spans.append((began[0], end, began[1]))
    return [(max(a, start), min(b, end), why) for a, b, why in spans if a < end and b > start]


def forgotten(cover: Cover, since: datetime) -> bool:
    """Whether switches made after a moment may have dropped out of the history, or were never known."""
    full = len(cover.history) >= HISTORY
    return full and datetime.fromisoformat(cover.history[0]["at"]) > since


class Covers(Service):
    """All rooms' covers, from the folder `rooms` of the data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "rooms"
        self.damaged: dict[str, str] = {}
        """Stem → file that could not be read; the room stays covered until an operator lifts it."""
        self._rename()
        self._held = {path.stem: self._read(path) for path in self._files()}
        """By the name of the file: a long room id cannot be told from it."""

    def trouble(self) -> Checks:
        """Rooms whose file is damaged: nobody knows what was to be hidden."""
        if not self.damaged:
            return {"rooms": None}
        damaged = Message("trouble.states", rooms=list(self.damaged.values()))
        return {"rooms": Trouble(damaged, Message("trouble.states_remedy"))}

    def get(self, room: str) -> Cover:
        """The cover of a room; an unknown one is open."""
        return self._held.get(file_name(room), OPEN)

    def lost(self, room: str) -> bool:
        """Whether the file of a room could not be read and no operator has switched since."""
        return file_name(room) in self.damaged

    def put(self, room: str, cover: Cover) -> None:
        """Take a cover over in memory."""
        self._held[file_name(room)] = cover

    def save(self, room: str) -> None:
        """Write a room's cover: it stands on the disk when this returns. OSError where it cannot."""
        cover = self.get(room)
        body = {
            "room": room, "muted": cover.muted, "slated": cover.slated, "reason": cover.reason,
            "needs_two": cover.needs_two, "by": list(cover.by), "since": cover.since,
            "history": list(cover.history),
        }  # fmt: skip
        raw = json.dumps(body, ensure_ascii=False, indent=1).encode()
        write_whole(self._folder / f"{file_name(room)}.json", raw)
        self.damaged.pop(file_name(room), None)

    def _rename(self) -> None:
        """Give files of rooms whose names were wholly percent-quoted once the name that `file_name` gives them."""
        for path in self._files():
            room = unquote(path.stem)
            if path.stem == bounded(quote(room, safe="")) != file_name(room):
                path.replace(path.with_name(f"{file_name(room)}.json"))

    def _files(self) -> Iterable[Path]:
        return sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ()

    def _read(self, path: Path) -> Cover:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            flags = {name: data[name] for name in ("muted", "slated", "needs_two")}
            if not all(isinstance(value, bool) for value in flags.values()):
                raise ValueError("muted, slated and needs_two must be true or false")
            return Cover(
                reason=str(data["reason"]), by=tuple(data["by"]), since=data["since"],
                history=tuple(data["history"]), **flags,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            # nobody knows what was to be hidden: privacy first
            log.error("room_state_damaged", file=path.name, error=type(error).__name__)
            self.damaged[path.stem] = path.name
            return Cover(muted=True, slated=True, reason="technical")
