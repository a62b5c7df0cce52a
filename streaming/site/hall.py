"""The hall: which tiles and which lists a visitor sees, from the filters in the address. A tile for every room on air,
paused, about to begin, or waiting with its camera on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from starlette.datastructures import QueryParams

from records import current as at_room
from records.clock import local_day, now, today
from records.tables.projects import TRADE_FAMILIES
from streaming.live.board import Board, Opening, moment
from streaming.live.logs import Logs
from streaming.live.reading import Reader, openings_of
from streaming.live.register import OVER, Entry
from streaming.live.roster import RoomCard, Roster
from streaming.live.story import Story
from streaming.site.calendar import calendar
from streaming.site.filters import FILTER_STATES, VIEWS, WALLS, Filters, asked_day, asked_page, faults
from streaming.site.filters import HALL as PARAMETERS
from streaming.site.opening import Slate, slate
from streaming.site.render import address, dated, length, word

LISTED = 4
LEAD = 5
"""Tiles of the hall where one leads."""
PER_PAGE = 20
PROJECTS = 5
"""Projects named above the openings that a search finds."""

ON_THE_WALL = frozenset({"scheduled", "in_progress", "paused"})

Chip = dict[str, str]


class Hall:
    """Builds what `hall.html` shows."""

    def __init__(self, reader: Reader, board: Board, roster: Roster, logs: Logs) -> None:
        self._reader, self._board, self._roster = reader, board, roster
        self._tiles = Tiles(board, roster, logs)

    async def view(self, query: QueryParams, lang: str) -> dict[str, Any]:
        """Everything the page needs, by name."""
        filters = Filters.of(query)
        view = query.get("view", "hall")
        view = view if view in VIEWS else "hall"
        tiles = next((n for n in WALLS if query.get("tiles") == str(n)), LEAD)
        chosen = asked_day(query.get("day"), today())
        found = await self._search(view, filters) if filters.q else None
        lists = await self._lists(view, chosen, filters, found, asked_page(query.get("page")), lang)
        page, pages = lists[0].get("page", 1), lists[0].get("of")
        return {
            "view": view, "nav": view, "amiss": faults(query, self._roster.centres(), PARAMETERS, pages), "filters": filters, "tiles": tiles, "walls": WALLS,
            "feeds": {kind: address(f"/schedule.{kind}", lang, **filters.query()) for kind in ("ics", "atom")}, "lists": lists, "day": chosen,
            "cards": self._cards(filters, found, lang)[:tiles] if view == "hall" else [],
            "running": sum(o["state"] in {"in_progress", "paused"} for o in self._board.openings.values()),
            "today_count": self._board.register.on_day(today().isoformat()),
            "centres": self._centres(lang), "families": list(TRADE_FAMILIES), "states": FILTER_STATES,
            "calendar": self._calendar(chosen, filters, lang) if view == "schedule" else None,
            "projects": await self._projects(filters) if filters.q else [],
            "next_opening": self._next(), "stamp": self._board.stamp,
            "demo": any(o["demo"] for o in self._board.openings.values()), "heading": self._heading(view, chosen, page, lang),
        }  # fmt: skip

    def _heading(self, view: str, chosen: date, page: int, lang: str) -> str:
        title = word(lang, f"nav.{view}")
        if view == "schedule":
            return f"{title} · {_dated(chosen, lang)}"
        return f"{title} · {word(lang, 'list.page', n=page)}" if page > 1 else title

    def _cards(self, filters: Filters, found: Sequence[Entry] | None, lang: str) -> list[Any]:
        ids = None if found is None else {entry.id for entry in found}

        def admit(opening: Opening) -> bool:
            return filters.admit(opening) and (ids is None or opening["id"] in ids)

        return self._tiles.all(admit, not filters.active, lang)

    async def _search(self, view: str, filters: Filters) -> list[Entry]:
        """Openings of all days that match, the latest first."""

        def admit(entry: Entry) -> bool:
            return filters.admit_entry(entry) and (view != "replay" or entry.state in OVER)

        return await asyncio.to_thread(self._board.register.find, filters.q, admit)

    async def _projects(self, filters: Filters) -> list[Entry]:
        return (await asyncio.to_thread(self._board.register.projects, filters.q))[:PROJECTS]

    def _centres(self, lang: str) -> list[tuple[str, str]]:
        rooms = self._roster.public_rooms()
        return sorted({room.centre: room.centre_called(lang) for room in rooms}.items())

    def _next(self) -> Opening | None:
        ahead = [o for o in self._board.openings.values() if o["state"] == "scheduled"]
        later = [o for o in ahead if (moment(o["scheduled_at"]) or now()) > now()]
        return min(later, key=lambda o: (o["scheduled_at"], o["id"]), default=None)

    def _calendar(self, chosen: date, filters: Filters, lang: str) -> Any:
        kept = {**filters.query(), "q": ""}

        def turn(other: date) -> str:
            return address("/", lang, **kept, view="schedule", day=other.isoformat())

        return calendar(self._board.register, chosen, today(), turn, lang)

    async def _lists(
        self, view: str, chosen: date, filters: Filters, found: list[Entry] | None, page: int, lang: str
    ) -> list[dict[str, Any]]:
        if found is not None:
            return [await self._paged(view, "found", found, filters, page, lang)]
        if view == "schedule":
            return [await self._one_day(chosen, filters, lang)]
        if view == "replay":
            return [await self._paged(view, "past", await self._search(view, filters), filters, page, lang)]
        return self._three(filters, lang)

    def _three(self, filters: Filters, lang: str) -> list[dict[str, Any]]:
        day = today()
        tomorrow = day + timedelta(days=1)
        return [
            self._today(day, filters, lang),
            self._tomorrow(tomorrow, filters, lang),
            self._past(filters, lang),
        ]

    def _today(self, today: date, filters: Filters, lang: str) -> dict[str, Any]:
        everything = [o for o in self._board.on_day(today) if filters.admit(o)]
        ahead = [o for o in everything if o["state"] == "scheduled"]
        shown = (ahead + [o for o in reversed(everything) if o["state"] != "scheduled"])[:LISTED]
        href = address("/", lang, **{**filters.query(), "view": "schedule"})
        link = {"href": href, "text": word(lang, "hall.all", count=len(everything))} if everything else None
        return self._list("today", "hall.today", shown, lang, link=link)

    def _tomorrow(self, tomorrow: date, filters: Filters, lang: str) -> dict[str, Any]:
        shown = [o for o in self._board.on_day(tomorrow) if filters.admit(o)][:LISTED]
        href = address("/", lang, **{**filters.query(), "view": "schedule", "day": tomorrow.isoformat()})
        link = {"href": href, "text": word(lang, "hall.schedule")}
        return self._list("tomorrow", "hall.tomorrow", shown, lang, link=link, note=_short(tomorrow, lang))

    def _past(self, filters: Filters, lang: str) -> dict[str, Any]:
        shown = [o for o in self._board.ended() if filters.admit(o)][:LISTED]
        href = address("/", lang, **{**filters.query(), "view": "replay"})
        link = {"href": href, "text": word(lang, "hall.more")}
        return self._list("past", "hall.past", shown, lang, link=link, note=word(lang, "hall.past.note"))

    async def _one_day(self, chosen: date, filters: Filters, lang: str) -> dict[str, Any]:
        key = chosen.isoformat()
        entries = await asyncio.to_thread(
            self._board.register.find, "", lambda e: e.day == key and filters.admit_entry(e)
        )
        entries.sort(key=lambda entry: (entry.scheduled_at, entry.id))
        shown = await self._reader.ask(lambda s: openings_of(s, [entry.id for entry in entries]))
        built = self._list("today", "hall.today", shown, lang)
        return {**built, "title": _dated(chosen, lang), "empty": word(lang, "hall.empty.day")}

    async def _paged(
        self, view: str, key: str, found: list[Entry], filters: Filters, page: int, lang: str
    ) -> dict[str, Any]:
        """One page of a long list, with links to the others."""
        pages = max(1, -(-len(found) // PER_PAGE))
        page = min(page, pages)
        ids = [entry.id for entry in found[(page - 1) * PER_PAGE : page * PER_PAGE]]
        shown = await self._reader.ask(lambda s: openings_of(s, ids))
        note = word(lang, "hall.found", count=len(found))
        built = self._list(
            key, "hall.results" if key == "found" else "hall.past", shown, lang, note=note, dated=True
        )

        def turn(number: int) -> str:
            where = {} if view == "hall" else {"view": view}
            return address("/", lang, **filters.query(), **where, page=number if number > 1 else "")

        around = {n for n in (1, page - 2, page - 1, page, page + 1, page + 2, pages) if 1 <= n <= pages}
        return {**built, "pages": [(n, turn(n)) for n in sorted(around)] if pages > 1 else [], "page": page, "of": pages,
                "before": turn(page - 1) if page > 1 else "", "after": turn(page + 1) if page < pages else ""}  # fmt: skip

    def _list(
        self, key: str, title: str, openings: list[Opening], lang: str, *, link: Chip | None = None,
        note: str = "", dated: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "key": key, "title": word(lang, title), "note": note, "link": link, "dated": dated, "pages": [],
            "demo": any(o["demo"] for o in openings) and key not in {"tomorrow", "past"},
            "rows": [self._row(o, key, dated, lang) for o in openings], "empty": word(lang, f"hall.empty.{key}"),
        }  # fmt: skip

    def _row(self, opening: Opening, key: str, dated: bool, lang: str) -> dict[str, Any]:
        place = self._place(opening, lang)
        took = length(opening["started_at"], opening["ended_at"])
        note = word(lang, "hall.length", time=took) if key == "past" and took else place
        if key == "found":
            note = f"{opening['lot']} · {place}" if place else str(opening["lot"])
        time = opening["ended_at"] if key == "past" and opening["ended_at"] else opening["scheduled_at"]
        this_year = str(time)[:4] == f"{today().year:04}"
        return {"opening": opening, "time": time, "note": note, "href": address(self._path(opening), lang),
                "pattern": ("%m-%d %H:%M" if this_year else "%Y-%m-%d") if dated else "%H:%M",
                "chip": _chip(opening, lang)}  # fmt: skip

    def _path(self, opening: Opening) -> str:
        """Where a line leads: to the room while it is at this opening, else to the opening's own page."""
        current = self._board.current(opening["room"]) if opening["room"] else None
        over = opening["state"] in {"ended", "sealed", "cancelled"}
        here = current is not None and current["id"] == opening["id"] and not over
        return f"/room/{opening['room']}" if here else f"/opening/{opening['id']}"

    def _place(self, opening: Opening, lang: str) -> str:
        room = self._roster.public_room(opening["room"] or "")
        return room.title(lang) if room else str(opening["centre_name"] or "")


def _short(chosen: date, lang: str) -> str:
    return dated(chosen, lang, "day_of_year")


def _dated(chosen: date, lang: str) -> str:
    return dated(chosen, lang, "day_of_year" if chosen.year == today().year else "day")


def _chip(opening: Opening, lang: str) -> Chip:
    state = opening["state"]
    if state == "scheduled":
        key = f"opening.{_coming(opening)}"
        return {"kind": "on" if key in {"opening.soon", "opening.late"} else "line", "text": word(lang, key)}
    if opening["result"] in {"failed", "terminated"}:
        return {"kind": "line", "text": word(lang, f"result.{opening['result']}")}
    return {
        "kind": "on" if state in {"in_progress", "sealed"} else "line",
        "text": word(lang, f"opening.{state}"),
    }


def _coming(opening: Opening) -> str:
    """How near an announced opening is: late, soon, later today, or another day."""
    instant = now()
    scheduled = moment(opening["scheduled_at"]) or instant
    if scheduled <= instant:
        return "late"
    if scheduled - instant <= at_room.STANDBY:
        return "soon"
    return "today" if local_day(scheduled) == local_day(instant) else "scheduled"


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
            if opening and opening["state"] in ON_THE_WALL:
                found += [self._tile(room, opening, lang)] if admit(opening) else []
            elif waiting and opening is None and self._board.publishing(room.id):
                found.append(self._waiting(room, lang))
        return sorted(found, key=_by_state)

    def _tile(self, room: RoomCard, opening: Opening, lang: str) -> Tile:
        log = self._logs.held(opening["id"])
        story = log.story if log else Story()
        sending = self._board.publishing(room.id)
        cover = self._board.covered(room.id)
        picture = sending and opening["state"] == "in_progress" and not cover.slated
        state = self._board.state(room)["state"]
        text_only = opening["state"] == "in_progress" and not sending and not cover.slated
        badge = word(lang, "state.text" if text_only else f"state.{state}")
        covered = slate(opening, sending, story, lang, cover)
        return Tile(room, opening, state, badge, picture, covered, story.steps)

    def _waiting(self, room: RoomCard, lang: str) -> Tile:
        upcoming, cover = self._board.upcoming(room.id), self._board.covered(room.id)
        covered = slate(None, True, Story(), lang, cover, upcoming)
        state = self._board.state(room)["state"]
        return Tile(room, None, state, word(lang, f"state.{state}"), False, covered)


def _by_state(tile: Tile) -> tuple[int, str, str]:
    if tile.opening is None:
        return (5, "", tile.room.id)
    ranks = {"live": 0, "paused": 2, "standby": 3}
    rank = 1 if tile.opening["state"] == "in_progress" and not tile.picture else ranks.get(tile.state, 4)
    return (rank, tile.opening["scheduled_at"], tile.room.id)
