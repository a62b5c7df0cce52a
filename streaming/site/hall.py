"""The hall: which tiles and which lists a visitor sees, from the filters in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from starlette.datastructures import QueryParams

from records.clock import local_day, local_now, now, today
from records.projects import TRADE_FAMILIES
from streaming.live.board import STANDBY, Board, moment
from streaming.live.logs import Logs
from streaming.live.roster import RoomCard, Roster
from streaming.live.story import Story
from streaming.site.render import address, day, length, word
from streaming.site.telling import Slate, slate

VIEWS = ("hall", "schedule", "replay")
LISTED = 4
FILTER_STATES = ("scheduled", "in_progress", "paused", "ended", "sealed")

Opening = dict[str, Any]
Chip = dict[str, str]


@dataclass(frozen=True)
class Filters:
    """What the visitor asked for; made from the address, so a link reopens the same view."""

    q: str = ""
    centre: str = ""
    family: str = ""
    state: str = ""
    key: bool = False

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        """Filters of an address; unknown values count as none."""
        family, state = query.get("family", ""), query.get("state", "")
        return cls(
            q=query.get("q", "").strip()[:60],
            centre=query.get("centre", "")[:200],
            family=family if family in TRADE_FAMILIES else "",
            state=state if state in FILTER_STATES else "",
            key=query.get("key") == "1",
        )

    @property
    def active(self) -> bool:
        """Whether anything is filtered."""
        return bool(self.q or self.centre or self.family or self.state or self.key)

    def query(self) -> dict[str, str]:
        """The filters as query parameters."""
        return {"q": self.q, "centre": self.centre, "family": self.family, "state": self.state,
                "key": "1" if self.key else ""}  # fmt: skip

    def admit(self, opening: Opening) -> bool:
        """Whether an opening passes."""
        if self.centre and opening["centre"] != self.centre:
            return False
        if self.family and opening["trade_family"] != self.family:
            return False
        if self.state and opening["state"] != self.state:
            return False
        if self.key and not opening["key_project"]:
            return False
        searched = ("title", "project_name", "lot", "project", "tenderer", "room_name", "centre_name")
        return not self.q or any(self.q.lower() in str(opening[key] or "").lower() for key in searched)


@dataclass(frozen=True)
class Tile:
    """One room on the hall's wall."""

    room: RoomCard
    opening: Opening
    state: str
    badge: str
    picture: bool
    slate: Slate
    steps: dict[str, str] = field(default_factory=dict)


class Hall:
    """Builds what `hall.html` shows."""

    def __init__(self, board: Board, roster: Roster, logs: Logs) -> None:
        self._board, self._roster, self._logs = board, roster, logs

    def view(self, query: QueryParams, lang: str) -> dict[str, Any]:
        """Everything the page needs, by name."""
        filters = Filters.of(query)
        view = query.get("view", "hall")
        view = view if view in VIEWS else "hall"
        tiles = 9 if query.get("tiles") == "9" else 5
        day = today()
        chosen = _asked_day(query.get("day"), day)
        todays = self._board.on_day(day)
        cards = self.tiles(filters, lang)[:tiles] if view == "hall" else []
        return {
            "view": view, "nav": view, "filters": filters, "tiles": tiles, "cards": cards,
            "running": sum(o["state"] in {"in_progress", "paused"} for o in self._board.openings.values()),
            "today_count": len(todays),
            "centres": self._centres(lang), "families": list(TRADE_FAMILIES), "states": FILTER_STATES,
            "lists": self._lists(view, chosen, filters, lang), "day": chosen, "days": self._days(day, lang),
            "next_opening": self._next(), "stamp": self._board.signal.version,
            "demo": any(o["demo"] for o in self._board.openings.values()),
        }  # fmt: skip

    def tiles(self, filters: Filters, lang: str) -> list[Tile]:
        """Rooms on air, then paused, then without picture, then about to begin."""
        found = []
        for room in self._roster.public_rooms():
            opening = self._board.current(room.id)
            if (
                opening
                and opening["state"] in {"scheduled", "in_progress", "paused"}
                and filters.admit(opening)
            ):
                found.append(self._tile(room, opening, lang))
        return sorted(found, key=_tile_order)

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

    def _centres(self, lang: str) -> list[tuple[str, str]]:
        rooms = self._roster.public_rooms()
        names = {
            r.centre: (r.centre_name_en or r.centre_name) if lang == "en" else r.centre_name for r in rooms
        }
        return sorted(names.items())

    def _next(self) -> Opening | None:
        ahead = [o for o in self._board.openings.values() if o["state"] == "scheduled"]
        later = [o for o in ahead if (moment(o["scheduled_at"]) or now()) > now()]
        return min(later, key=lambda o: (o["scheduled_at"], o["id"]), default=None)

    def _days(self, today: date, lang: str) -> list[dict[str, Any]]:
        days = [today + timedelta(days=offset) for offset in range(-3, 8)]
        return [
            {
                "day": d,
                "label": f"{d.month}-{d.day:02}",
                "weekday": word(lang, "hall.today")[:2] if d == today and lang == "zh" else _weekday(d, lang),
                "count": len(self._board.on_day(d)),
            }
            for d in days
        ]

    def _lists(self, view: str, chosen: date, filters: Filters, lang: str) -> list[dict[str, Any]]:
        builders: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "hall": lambda: self._three(filters, lang),
            "schedule": lambda: [self._one_day(chosen, filters, lang)],
            "replay": lambda: [self._past(filters, lang, None)],
        }
        return builders[view]()

    def _three(self, filters: Filters, lang: str) -> list[dict[str, Any]]:
        day = today()
        tomorrow = day + timedelta(days=1)
        return [self._today(day, filters, lang), self._tomorrow(tomorrow, filters, lang),
                self._past(filters, lang, LISTED)]  # fmt: skip

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

    def _past(self, filters: Filters, lang: str, limit: int | None) -> dict[str, Any]:
        shown = [o for o in self._board.ended() if filters.admit(o)][:limit]
        href = address("/", lang, **{**filters.query(), "view": "replay"})
        link = {"href": href, "text": word(lang, "hall.more")} if limit else None
        note = word(lang, "hall.past.note")
        return self._list("past", "hall.past", shown, lang, link=link, note=note, dated=limit is None)

    def _one_day(self, chosen: date, filters: Filters, lang: str) -> dict[str, Any]:
        shown = [o for o in self._board.on_day(chosen) if filters.admit(o)]
        built = self._list("today", "hall.today", shown, lang)
        return {**built, "title": _short(chosen, lang)}

    def _list(
        self, key: str, title: str, openings: list[Opening], lang: str, *, link: Chip | None = None,
        note: str = "", dated: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "key": key, "title": word(lang, title), "note": note, "link": link, "dated": dated,
            "demo": any(o["demo"] for o in openings) and key != "tomorrow" and key != "past",
            "rows": [self._row(o, key, lang) for o in openings],
            "empty": word(lang, f"hall.empty.{key}"),
        }  # fmt: skip

    def _row(self, opening: Opening, key: str, lang: str) -> dict[str, Any]:
        over = opening["state"] in {"ended", "sealed", "cancelled"}
        place = self._place(opening, lang)
        took = length(opening["started_at"], opening["ended_at"])
        note = word(lang, "hall.length", time=took) if key == "past" and took else place
        path = f"/opening/{opening['id']}" if over or not opening["room"] else f"/room/{opening['room']}"
        if opening["state"] == "scheduled" and self._elsewhere(opening):
            path = f"/opening/{opening['id']}"
        time = opening["ended_at"] if key == "past" and opening["ended_at"] else opening["scheduled_at"]
        return {"opening": opening, "time": time, "note": note, "href": address(path, lang),
                "chip": _chip(opening, lang)}  # fmt: skip

    def _elsewhere(self, opening: Opening) -> bool:
        """Whether the room is at another opening, so that its page would not show this one."""
        current = self._board.current(opening["room"])
        return current is None or current["id"] != opening["id"]

    def _place(self, opening: Opening, lang: str) -> str:
        room = self._roster.public_room(opening["room"] or "")
        return room.title(lang) if room else str(opening["centre_name"] or "")


def _tile_order(tile: Tile) -> tuple[int, str, str]:
    ranks = {"live": 0, "paused": 2, "standby": 3}
    rank = 1 if tile.opening["state"] == "in_progress" and not tile.picture else ranks.get(tile.state, 4)
    return (rank, tile.opening["scheduled_at"], tile.room.id)


def _asked_day(text: str | None, today: date) -> date:
    try:
        return date.fromisoformat(text) if text else today
    except ValueError:
        return today


def _short(chosen: date, lang: str) -> str:
    midnight = local_now().replace(year=chosen.year, month=chosen.month, day=chosen.day)
    return day(midnight, lang, year=False)


def _weekday(chosen: date, lang: str) -> str:
    full = _short(chosen, lang)
    return full.split()[-1] if lang == "zh" else full.split(", ")[1][:3]


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
    if scheduled - instant <= STANDBY:
        return "soon"
    return "today" if local_day(scheduled) == local_day(instant) else "scheduled"
