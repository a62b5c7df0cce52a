"""`/control`: the desk's orders to mute a room, to put the slate up or to lift it, and the state of all rooms.

Only tokens the desk has signed are obeyed, each once. Where a room asks for two people the first order
waits as a request until another person's order confirms it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from messages import Message
from records import control
from records.clock import now, rfc3339
from records.control import Order
from records.serving.problems import Problem
from records.serving.workers import Worker, Workers
from streaming.http.health import Health
from streaming.live.board import Board
from streaming.live.covers import Cover, Covers, is_on, switched
from streaming.live.pending import Pending
from streaming.live.roomstates import RoomStates
from streaming.live.roster import Roster
from streaming.rooms.plane import MediaPlane
from streaming.service import Service

log = structlog.get_logger()

REPLAY_SECONDS = 4 * control.MAX_AGE
_OPEN = {"muted": False, "slated": False, "off_air": False}


class Control(Service):
    """Obeys orders, lays the slate over a room whose opening is paused, and takes one off air while none is going on."""

    def __init__(
        self, key: bytes, roster: Roster, board: Board, media: MediaPlane, covers: Covers, pending: Pending,
        states: RoomStates, health: Health, workers: Workers, signed: Callable[[], dict[str, Any]],
    ) -> None:  # fmt: skip
        self._key, self._roster, self._board = key, roster, board
        self._media, self._covers, self._pending = media, covers, pending
        self._states, self._health, self._workers, self._signed_head = states, health, workers, signed
        self._obeyed: dict[str, float] = {}
        self._applied: dict[str, dict[str, bool]] = {}
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        """State of all rooms; an order about one."""
        return [
            Route("/control/rooms", self.rooms, methods=["GET"]),
            Route("/control/rooms/{room:path}", self.order, methods=["POST"]),
        ]

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Cover what is to be covered, then follow the board. Before the media plane starts."""
        self.apply()
        self._task = self._workers.task("control", self._follow)

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, worker: Worker) -> None:
        version = -1
        while True:
            worker.rest()
            version = await self._board.signal.newer(version)
            worker.beat()
            self.apply()

    def apply(self) -> None:
        """Tell the media plane what differs from what it was told before."""
        for room in self._roster.rooms:
            cover = self._covers.get(room)
            # in a pause the room talks among itself: its sound is withheld with the picture
            paused = self._board.paused(room)
            wanted = {
                "muted": cover.muted or paused, "slated": cover.slated or paused, "off_air": not self._board.on_air(room),
            }  # fmt: skip
            if self._applied.get(room, _OPEN) != wanted:
                self._applied[room] = wanted
                self._media.cover(room, **wanted)
                log.info("room_covered", room=room, **wanted, pause=paused)

    # -- the state of all rooms -------------------------------------------------------------------

    async def rooms(self, request: Request) -> Response:
        """`GET /control/rooms`: every room with its figures, evaluation rooms too, and the hub's health."""
        self._signed(request)
        answer = {"now": rfc3339(now()), "health": self._health.report(), "rooms": self._states.rows()}
        return _json({**answer, "log": self._signed_head()})

    # -- orders -----------------------------------------------------------------------------------

    async def order(self, request: Request) -> Response:
        """`POST /control/rooms/{room}`: 200 done, 202 waits for a second person, else a problem."""
        order = self._signed(request)
        self._check(order, request.path_params["room"])
        self._remember(order)
        async with self._lock:
            agreed = self._agreed(order)
            return agreed if isinstance(agreed, Response) else await self._switch(*agreed)

    def _signed(self, request: Request) -> Order:
        """The order that a request's token holds. Raises Problem 401 or 403."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, Message("order.token_wanted"))
        order = control.check(self._key, token.strip())
        if order is None or not order.actor:
            raise Problem(403, Message("order.token_invalid"))
        return order

    def _check(self, order: Order, room: str) -> None:
        """Raise Problem unless the order may be given: for this room, of a known act, for the first time."""
        if order.room != room or order.act not in control.ACTS:
            raise Problem(403, Message("order.token_for_another"))
        if room not in self._roster.rooms:
            raise Problem(404, Message("room.unknown_room", room=room[:80]))
        if len(order.reason) > control.LONGEST_REASON:
            raise Problem(400, Message("order.reason_too_long", most=control.LONGEST_REASON))
        if order.nonce in self._obeyed:
            raise Problem(409, Message("order.obeyed_before"))

    def _agreed(self, order: Order) -> tuple[Order, tuple[str, ...]] | Response:
        """The order and who gives it: one name, two where the room asks for two; or what to answer instead."""
        two = self._covers.get(order.room).needs_two and control.needs_second(order.act, order.on)
        if order.request:
            return self._confirmed(order)
        if not two:
            return order, (order.actor,)
        return _json({"done": False, "pending": self._pending.ask(order).as_dict()}, 202)

    def _confirmed(self, order: Order) -> tuple[Order, tuple[str, ...]]:
        asked = self._pending.get(order.request)
        if asked is None or not asked.made_by(order):
            raise Problem(409, Message("order.no_request"))
        if not order.second or order.second == asked.actor:
            raise Problem(403, Message("order.another_person"))
        self._pending.done(asked)
        return replace(order, reason=asked.reason), (asked.actor, order.second)

    async def _switch(self, order: Order, by: tuple[str, ...]) -> Response:
        room, before = order.room, self._covers.get(order.room)
        if is_on(before, order.act) == order.on and order.act != "slate":
            return self._done(room, by)
        cover = switched(before, order.act, order.on, order.reason, by)
        self._covers.put(room, cover)
        if order.on:
            self.apply()  # what is to be hidden is hidden before it is written down
        try:
            await asyncio.to_thread(self._covers.save, room)
        except OSError as error:
            self._take_back(order, before, error)
            raise Problem(507, Message("order.not_saved", error=error.strerror)) from None
        self.apply()
        self._board.look()
        log.info("room_switched", room=room, act=order.act, on=order.on, people=len(by))
        return self._done(room, by)

    def _take_back(self, order: Order, before: Cover, error: OSError) -> None:
        """What hides stays in force until the next start; what uncovers is taken back."""
        log.error("room_state_not_saved", room=order.room, error=error.strerror)
        if not order.on:
            self._covers.put(order.room, before)
        self._board.look()

    def _done(self, room: str, by: tuple[str, ...]) -> Response:
        return _json({"done": True, "by": list(by), "room": self._states.row(self._roster.rooms[room])})

    def _remember(self, order: Order) -> None:
        """A token is obeyed once; what is too old to be obeyed at all need not be remembered."""
        instant = time.monotonic()
        self._obeyed = {n: at for n, at in self._obeyed.items() if instant - at < REPLAY_SECONDS}
        self._obeyed[order.nonce] = instant


def _json(body: dict[str, Any], status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status, {"cache-control": "no-store"}, media_type="application/json")
