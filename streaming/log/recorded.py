"""`/log/recorded/{room}`: which pictures of a room that is live have lately been recorded, signed with the log's key.

A player compares what it shows with the list. It names the pieces of the recording by the SHA-256 with which they enter
the log as leaves, and the pictures in each by their digests (`streaming.recording.pictures`): whoever keeps a list can
show later what the package has to hold. Made once when pieces are written, it is the same bytes for everyone.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from evidence.checkpoint import signature_line
from evidence.verify import canonical
from messages import Message
from records import chain
from records.clock import now
from records.serving.problems import Problem
from streaming.live.board import Board, moment
from streaming.live.roster import Roster
from streaming.log.keeper import Keeper
from streaming.recording.ledger import Digested
from streaming.recording.types import Written
from streaming.rooms.subrooms import main_room
from streaming.service import Service

FORMAT = "sunbid-recorded-1"
"""First line of the note, by which its signature is one of nothing else."""
LISTED = timedelta(seconds=45)
"""How far back a list goes: over what a player may have in hand when it joins, and the time between two looks."""
SWITCHING = timedelta(seconds=1)
"""Pieces that begin within so much of an operators' switch are not listed: pictures take their times from their source."""
HEADERS = {"cache-control": "public, max-age=1", "access-control-allow-origin": "*"}


@dataclass
class _Room:
    """What is listed of one room while one opening is on air in it: all that was recorded from `since` on."""

    opening: str
    since: datetime
    pieces: deque[tuple[datetime, Mapping[str, Any]]] = field(default_factory=deque)
    """When each ends, and how it is told."""
    note: str = ""


class RecordedPictures(Service):
    """Lists what the recorder has written while the public sees it live: what is withheld is on no list."""

    def __init__(self, keeper: Keeper, roster: Roster, board: Board) -> None:
        self._keeper, self._roster, self._board = keeper, roster, board
        self._rooms: dict[str, _Room] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """One list a room or far camera."""
        return [Route("/log/recorded/{room}", self.recorded)]

    async def recorded(self, request: Request) -> Response:
        """The newest list of a room. Problem 404 where nothing is live, or nothing recorded."""
        room = request.path_params["room"]
        held = self._rooms.get(room)
        if held is None or not held.note or not self._on_air(room, held.opening):
            raise Problem(404, Message("evidence.nothing_recorded"))
        return PlainTextResponse(held.note, headers=HEADERS)

    def written(self, written: Written) -> None:
        """Take pieces of a recording that are on the disk for good."""
        room, opening = written.room, written.session_id
        if opening is None or not self._on_air(room, opening):
            self._rooms.pop(room, None)
            return
        held = self._rooms.get(room)
        if held is None or held.opening != opening or held.since < self._switched(room):
            held = self._rooms[room] = _Room(opening, now())
        for number, one in enumerate(written.pieces, written.first):
            self._list(held, written, number, one)
        while held.pieces and held.pieces[0][0] < now() - LISTED:
            held.pieces.popleft()
        held.note = self._signed(room, held) if held.pieces else ""

    def _list(self, held: _Room, written: Written, number: int, one: Digested) -> None:
        begins = written.started_at + timedelta(seconds=one.piece.start)
        if begins < held.since or not one.pictures:
            return
        held.pieces.append((
            begins + timedelta(seconds=one.piece.seconds),
            {
                "recording": written.recording, "segment": number, "sha256": one.sha256, "at": chain.stamp(begins),
                "ms": round(one.piece.seconds * 1000), "pictures": base64.b64encode(b"".join(one.pictures)).decode(),
            },
        ))  # fmt: skip

    def _signed(self, room: str, held: _Room) -> str:
        body = {
            "room": room, "opening": held.opening, "since": chain.stamp(held.since),
            "pieces": [piece for _, piece in held.pieces],
        }  # fmt: skip
        text = f"{FORMAT}\n{canonical(body).decode()}\n"
        return f"{text}\n{signature_line(self._keeper.signer, text)}"

    def _on_air(self, room: str, opening_id: str) -> bool:
        """Whether the public sees the room's pictures as those of that opening."""
        main, opening = main_room(room), self._board.openings.get(opening_id)
        if opening is None or opening["room"] != main or opening["state"] != "in_progress":
            return False
        return self._roster.public_room(main) is not None and not self._board.covered(main).slated

    def _switched(self, room: str) -> datetime:
        """Up to when the operators' last switch in a room may show in its pictures."""
        at = moment(self._board.covered(main_room(room)).since)
        return at + SWITCHING if at else datetime.min.replace(tzinfo=now().tzinfo)
