"""The wall of the hall: a tile for every room on air, paused, about to begin, or waiting with its camera on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streaming.live.board import Board, Opening
from streaming.live.logs import Logs
from streaming.live.roster import RoomCard, Roster
from streaming.live.story import Story
from streaming.site.opening_words import Slate, slate
from streaming.site.render import word

SHOWN = frozenset({"scheduled", "in_progress", "paused"})


@dataclass(frozen=True)
class Tile:
    """One room on the hall's wall; without an opening its camera is on and nothing is being opened."""

    room: RoomCard
    opening: Opening | None
    state: str
    badge: str
    picture: bool
    slate: Slate
    steps: dict[str, str] = field(default_factory=dict)


class Tiles:
    """Builds the tiles."""

    def __init__(self, board: Board, roster: Roster, logs: Logs) -> None:
        self._board, self._roster, self._logs = board, roster, logs

    def all(self, admit: Callable[[Opening], bool], waiting: bool, lang: str) -> list[Tile]:
        """Rooms on air, then paused, then without picture, then about to begin; with `waiting` also rooms whose
        camera is on before any opening."""
        found = []
        for room in self._roster.public_rooms():
            opening = self._board.current(room.id)
            if opening and opening["state"] in SHOWN:
                found += [self._tile(room, opening, lang)] if admit(opening) else []
            elif waiting and opening is None and self._board.publishing(room.id):
                found.append(self._waiting(room, lang))
        return sorted(found, key=_order)

    def _tile(self, room: RoomCard, opening: Opening, lang: str) -> Tile:
        log = self._logs.held(opening["id"])
        story = log.story if log else Story()
        sending = self._board.publishing(room.id)
        cover = self._board.covered(room.id)
        picture = sending and opening["state"] == "in_progress" and not cover.slated
        state = self._board.state(room)["state"]
        text_only = opening["state"] == "in_progress" and not sending and not cover.slated
        badge = word(lang, "state.text" if text_only else f"state.{state}")
        told = slate(opening, sending, story, lang, cover)
        return Tile(room, opening, state, badge, picture, told, story.steps)

    def _waiting(self, room: RoomCard, lang: str) -> Tile:
        upcoming, cover = self._board.upcoming(room.id), self._board.covered(room.id)
        told = slate(None, True, Story(), lang, cover, upcoming)
        state = self._board.state(room)["state"]
        return Tile(room, None, state, word(lang, f"state.{state}"), False, told)


def _order(tile: Tile) -> tuple[int, str, str]:
    if tile.opening is None:
        return (5, "", tile.room.id)
    ranks = {"live": 0, "paused": 2, "standby": 3}
    rank = 1 if tile.opening["state"] == "in_progress" and not tile.picture else ranks.get(tile.state, 4)
    return (rank, tile.opening["scheduled_at"], tile.room.id)
