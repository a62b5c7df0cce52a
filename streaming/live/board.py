"""The board of the hall: public openings of the days around today, and which of them each room is at."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from records import current as at_room
from records.clock import BEIJING, now, rfc3339, today
from records.public import rows as public
from streaming.live.covers import Cover, Covers
from streaming.live.logs import Logs
from streaming.live.reading import Reader, every, openings_on
from streaming.live.register import Register
from streaming.live.roster import RoomCard, Roster
from streaming.live.signal import Signal
from streaming.rooms.plane import MediaPlane

DAYS_BACK = 14
DAYS_AHEAD = 7
ROOMS_KEPT = 0.5
"""Seconds for which what the rooms are doing is not asked again while nothing changed: every viewer's page asks every
five, and only the time of day moves a room between two changes."""

Opening = dict[str, Any]


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time of a public payload."""
    return datetime.fromisoformat(text) if text else None


class Board:
    """Openings by id, and what each room is doing; `signal` tells of anything the hall shows.

    `camera_signals` tells how the cameras do that are pulled for a room: camera, state, since.
    """

    def __init__(
        self, reader: Reader, roster: Roster, logs: Logs, media: MediaPlane, covers: Covers,
        camera_signals: Callable[[str], list[dict[str, Any]]],
    ) -> None:  # fmt: skip
        self._reader, self._roster, self._logs = reader, roster, logs
        self._media, self._covers, self._camera_signals = media, covers, camera_signals
        self.openings: dict[str, Opening] = {}
        self._claims: defaultdict[str, dict[str, at_room.Claim]] = defaultdict(dict)
        """What claims each room, by room and opening."""
        self._rooms: tuple[dict[str, Any], ...] = ()
        self._rooms_until = 0.0
        self.register = Register()
        """All public openings and projects, for search and calendar."""
        self.day: date | None = None
        self.signal = Signal()
        self._since: dict[str, tuple[str, str | None]] = {}
        self._shown: object = None
        self.stamp = ""
        """What the hall shows, as a short digest: a page and the feed agree by it whether anything has changed since.
        How often it has changed is nobody's business, and differs between two hubs that show the same."""
        media.on_change(lambda _room: self.look())

    async def load(self) -> None:
        """Read the days around today; again whenever a new day begins."""
        day = today()
        days = [(day + timedelta(days=offset)).isoformat() for offset in range(-DAYS_BACK, DAYS_AHEAD + 1)]
        if not self.register.loaded:
            await self._reader.ask(
                lambda session: self.register.load(every(session, "opening"), every(session, "project"))
            )
        found = await self._reader.ask(lambda session: openings_on(session, days))
        self.openings, self._claims = {}, defaultdict(dict)
        for opening in found:
            self._hold(opening)
        self.day = day
        await self._follow_running()
        self.look()

    async def update(self, opening_ids: Iterable[str]) -> None:
        """Read the present public state of these openings."""
        ids = list(opening_ids)
        if not ids:
            return
        found = await self._reader.ask(
            lambda session: [public.latest(session, "opening", opening_id) for opening_id in ids]
        )
        for opening in found:
            if opening:
                self.register.put(opening)
                self._drop(opening["id"])
                if self._near(opening):
                    self._hold(opening)
        await self._follow_running()

    async def update_projects(self, codes: Iterable[str]) -> None:
        """Read the present public state of these projects."""
        wanted = list(codes)
        if wanted:
            for payload in await self._reader.ask(lambda s: list(every(s, "project", wanted))):
                self.register.put_project(payload)

    def _hold(self, opening: Opening) -> None:
        self.openings[opening["id"]] = opening
        self._claims[opening["room"]][opening["id"]] = at_room.Claim.of_payload(opening)

    def _drop(self, opening_id: str) -> None:
        if held := self.openings.pop(opening_id, None):
            self._claims[held["room"]].pop(opening_id)

    def _near(self, opening: Opening) -> bool:
        scheduled = moment(opening["scheduled_at"])
        if scheduled is None or self.day is None:
            return False
        offset = (scheduled.astimezone(BEIJING).date() - self.day).days
        return -DAYS_BACK <= offset <= DAYS_AHEAD

    async def _follow_running(self) -> None:
        """Hold the feeds of what is going on: the hall shows its steps."""
        running = {
            key for key, opening in self.openings.items() if opening["state"] in {"in_progress", "paused"}
        }
        for key in running:
            await self._logs.get(key)
        self._logs.pin(running)

    def look(self) -> None:
        """Announce a change if what the hall shows differs from what it showed."""
        self._rooms_until = 0.0
        shown = (
            sorted((o["id"], o["state"], o["stage"], o["scheduled_at"], o["room"] or "", o["title"]) for o in self.openings.values()),
            [(room.name, self.state(room), self.publishing(room.id)) for room in self._roster.public_rooms()],
            self.day,
        )  # fmt: skip
        if shown != self._shown:
            self._shown = shown
            self.stamp = hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
            self.signal.notify()

    def on_day(self, day: date) -> list[Opening]:
        """Openings scheduled on a day, by time."""
        chosen = [o for o in self.openings.values() if o["scheduled_at"][:10] == day.isoformat()]
        return sorted(chosen, key=lambda o: (o["scheduled_at"], o["id"]))

    def ended(self) -> list[Opening]:
        """Openings that are over, newest first."""
        chosen = [o for o in self.openings.values() if o["state"] in {"ended", "sealed"} and o["ended_at"]]
        return sorted(chosen, key=lambda o: (o["ended_at"], o["id"]), reverse=True)

    def current(self, room_id: str) -> Opening | None:
        """The opening a room is at (see records.current)."""
        key = at_room.first(self._claims[room_id].values(), now())
        return self.openings[key] if key else None

    def paused(self, room_id: str) -> bool:
        """Whether the opening a room is at is paused."""
        opening = self.current(room_id)
        return opening is not None and opening["state"] == "paused"

    def on_air(self, room_id: str) -> bool:
        """Whether the public may see what a room's cameras send (see records.current); not before it is known what is
        announced for the room."""
        return self.day is not None and at_room.on_air(self._claims[room_id].values(), now())

    def upcoming(self, room_id: str) -> Opening | None:
        """The next opening announced for a room."""
        key = at_room.upcoming(self._claims[room_id].values(), now())
        return self.openings[key] if key else None

    def last(self, room_id: str, opening: Opening | None) -> Opening | None:
        """What has ended in a room within the last hours, before the opening it is at."""
        over = [
            o for o in self.ended() if o["room"] == room_id and (opening is None or o["id"] != opening["id"])
        ]
        fresh = [o for o in over if (moment(o["ended_at"]) or now()) > now() - at_room.OVERDUE]
        return next(iter(fresh), None)

    def state(self, room: RoomCard) -> dict[str, Any]:
        """One line of `/api/rooms`; `reason` stands on the slate, so it is there only while one is up, `signals` only
        where cameras are pulled, and `off_air` only where pictures arrive that the public does not get."""
        opening = self.current(room.id)
        state = self._state(room.id, opening)
        since = self._remember(room.id, state, opening)
        cover = self.covered(room.id)
        why: dict[str, Any] = {"reason": cover.reason} if cover.slated and state == "paused" else {}
        if self.publishing(room.id) and not self.on_air(room.id):
            why["off_air"] = True
        if signals := self._camera_signals(room.id):
            why["signals"] = signals
        return {
            "id": room.id,
            "name": room.name,
            "centre": room.centre,
            "kind": room.kind,
            "state": state,
            "opening": opening["id"] if opening else None,
            "since": since,
            "muted": cover.muted,
            "cameras": self._media.cameras(room.id),
            **why,
        }

    def rooms(self) -> tuple[dict[str, Any], ...]:
        """`/api/rooms`: every public room and what it is doing; the same object again while it says the same."""
        if time.monotonic() >= self._rooms_until:
            states = tuple(self.state(room) for room in self._roster.public_rooms())
            self._rooms = self._rooms if states == self._rooms else states
            self._rooms_until = time.monotonic() + ROOMS_KEPT
        return self._rooms

    def public_rooms(self) -> list[str]:
        """Ids of the rooms the public may watch."""
        return [room.id for room in self._roster.public_rooms()]

    def publishing(self, room_id: str) -> bool:
        """Whether pictures of a room arrive."""
        return self._media.status(room_id).publishing

    def covered(self, room_id: str) -> Cover:
        """What the operators withhold of a room."""
        return self._covers.get(room_id)

    def covers(self, day: date) -> bool:
        """Whether the board knows every opening of a day."""
        return self.day is not None and -DAYS_BACK <= (day - self.day).days <= DAYS_AHEAD

    def _state(self, room_id: str, opening: Opening | None) -> str:
        publishing, slated = self.publishing(room_id), self.covered(room_id).slated
        if opening is None:
            return "idle" if not publishing else "paused" if slated else "standby"
        if opening["state"] == "paused":
            return "paused"
        if opening["state"] in {"ended", "sealed", "cancelled"}:
            return "ended"
        if slated and (publishing or opening["state"] == "in_progress"):
            return "paused"
        return "live" if opening["state"] == "in_progress" and publishing else "standby"

    def airing(self, opening: Opening) -> str:
        """An opening's state as its broadcast takes it: under the operators' slate it is paused."""
        slated = opening["state"] == "in_progress" and self.covered(opening["room"]).slated
        return "paused" if slated else str(opening["state"])

    def _remember(self, room_id: str, state: str, opening: Opening | None) -> str | None:
        held = self._since.get(room_id)
        if held is None:
            self._since[room_id] = (state, self._first_since(state, opening))
        elif held[0] != state:
            self._since[room_id] = (state, rfc3339(now()))
        return self._since[room_id][1]

    def _first_since(self, state: str, opening: Opening | None) -> str | None:
        """Since when a state holds that was there before this process began."""
        if opening is None:
            return None
        if state == "paused" and (log := self._logs.held(opening["id"])):
            return rfc3339(moment(log.story.paused_at))
        key = {"live": "started_at", "ended": "ended_at"}.get(state)
        return opening[key] if key else None
