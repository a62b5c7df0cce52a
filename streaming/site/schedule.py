"""`/schedule.ics` and `/schedule.atom`: the openings of the last week and all to come, for calendars and feed readers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from icalendar import Calendar, Event, Timezone, TimezoneStandard
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from messages import Message
from records.clock import BEIJING, today
from records.serving.problems import Problem
from records.serving.requests import has_tag
from streaming.live.board import Board
from streaming.live.reading import Reader, announced, openings_of
from streaming.live.roster import Roster
from streaming.service import Service
from streaming.site.filters import FEED, Filters, faults
from streaming.site.opening import reason_told
from streaming.site.render import LANGS, address, named, word

PAST = timedelta(days=7)
MOST = 1000
"""Openings in a feed, the earliest first."""
ZONE = "Asia/Shanghai"
ATOM = "http://www.w3.org/2005/Atom"

Opening = Mapping[str, Any]


class Schedule(Service):
    """The schedule as feeds, with the filters of the hall."""

    def __init__(self, reader: Reader, board: Board, roster: Roster) -> None:
        self._reader, self._board, self._roster = reader, board, roster

    def routes(self) -> list[Route]:
        """Both feeds."""
        return [Route("/schedule.ics", self.calendar), Route("/schedule.atom", self.atom)]

    async def calendar(self, request: Request) -> Response:
        """The schedule as iCalendar (RFC 5545)."""
        found = await self._openings(request)
        lang, base = _language(request), _base(request)
        body = _calendar([(o, self._place(o, lang), since) for o, since in found], base, lang)
        return _answer(request, body, "text/calendar")

    async def atom(self, request: Request) -> Response:
        """The schedule as Atom (RFC 4287)."""
        found = await self._openings(request)
        lang, base = _language(request), _base(request)
        body = _atom([(o, self._place(o, lang), since) for o, since in found], base, lang)
        return _answer(request, body, "application/atom+xml")

    async def _openings(self, request: Request) -> list[tuple[Opening, str]]:
        """The openings, each with the moment its announcement or its newest state became public."""
        if found := faults(request.query_params, self._roster.centres(), FEED):
            raise Problem(400, Message("site.asked.nothing_given", found=found))
        filters, first = Filters.of(request.query_params), (today() - PAST).isoformat()
        entries = await asyncio.to_thread(
            self._board.register.find, filters.q, lambda e: e.day >= first and filters.admit_entry(e)
        )
        entries.sort(key=lambda entry: (entry.scheduled_at, entry.id))
        ids = [entry.id for entry in entries[:MOST]]
        openings, since = await self._reader.ask(lambda s: (openings_of(s, ids), announced(s, ids)))
        return [(o, str(o["ended_at"] or o["started_at"] or since.get(o["id"], ""))) for o in openings]

    def _place(self, opening: Opening, lang: str) -> str:
        room = self._roster.public_room(opening["room"] or "")
        return room.title(lang) if room else str(opening["centre_name"] or "")


def _calendar(openings: Sequence[tuple[Opening, str, str]], base: str, lang: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//sunbid//schedule//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{word(lang, 'name')} · {word(lang, 'nav.schedule')}")
    calendar.add("x-wr-timezone", ZONE)
    calendar.add_component(_zone())
    for opening, place, since in openings:
        event = Event()
        event.add("uid", f"{hashlib.sha256(str(opening['id']).encode()).hexdigest()[:32]}@sunbid")
        event.add("dtstamp", datetime.fromisoformat(since or str(opening["scheduled_at"])).astimezone(UTC))
        event.add("dtstart", *_local(opening["scheduled_at"]))
        if opening["ended_at"]:
            event.add("dtend", *_local(opening["ended_at"]))
        event.add("summary", opening["title"])
        event.add("location", place)
        event.add("description", _about(opening, lang))
        event.add("url", base + address(f"/opening/{opening['id']}", lang))
        event.add("status", "CANCELLED" if _fell_through(opening) else "CONFIRMED")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _fell_through(opening: Opening) -> bool:
    """Whether no bids were opened to the end: called off, failed or broken off."""
    return opening["state"] == "cancelled" or opening["result"] in ("failed", "terminated")


def _zone() -> Timezone:
    """Beijing time, which a calendar names and has to define; a calendar without openings holds it alone."""
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", ZONE)
    standard.add("dtstart", datetime(1970, 1, 1))
    standard.add("tzoffsetfrom", BEIJING.utcoffset(None))
    standard.add("tzoffsetto", BEIJING.utcoffset(None))
    standard.add("tzname", "CST")
    zone.add_component(standard)
    return zone


def _local(text: object) -> tuple[datetime, dict[str, str]]:
    """A moment in Beijing time, and the name of that zone."""
    return datetime.fromisoformat(str(text)).astimezone(BEIJING).replace(tzinfo=None), {"TZID": ZONE}


def _about(opening: Opening, lang: str) -> str:
    rows = (
        ("facts.lot", opening["lot"]),
        ("facts.code", opening["project"]),
        ("tenderer", opening["tenderer"]),
        ("facts.family", named(lang, "family", opening["trade_family"])),
        ("facts.result", named(lang, "result", opening["result"])),
        ("facts.result_reason", reason_told(opening, lang)),
    )
    return "\n".join(f"{word(lang, key)}{word(lang, 'colon')}{value}" for key, value in rows if value)


def _atom(openings: Sequence[tuple[Opening, str, str]], base: str, lang: str) -> bytes:
    feed = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": word(lang, "language.tag")})
    _put(feed, "title", f"{word(lang, 'name')} · {word(lang, 'nav.schedule')}")
    _put(feed, "id", f"{base}/schedule.atom")
    ElementTree.SubElement(feed, "link", rel="self", href=base + address("/schedule.atom", lang))
    ElementTree.SubElement(feed, "link", rel="alternate", href=base + address("/", lang, view="schedule"))
    _put(ElementTree.SubElement(feed, "author"), "name", word(lang, "name"))
    _put(
        feed, "updated", max((since for *_, since in openings if since), default=f"{today()}T00:00:00+08:00")
    )
    for opening, place, since in openings:
        entry, url = ElementTree.SubElement(feed, "entry"), base + address(f"/opening/{opening['id']}", lang)
        _put(entry, "title", str(opening["title"]))
        _put(entry, "id", f"{base}{address('/opening/' + str(opening['id']), LANGS[0])}")
        ElementTree.SubElement(entry, "link", rel="alternate", href=url)
        _put(entry, "updated", since or f"{today()}T00:00:00+08:00")
        state = word(lang, f"opening.{opening['state']}")
        _put(
            entry,
            "summary",
            f"{opening['scheduled_at'][:16].replace('T', ' ')} · {place} · {state}\n{_about(opening, lang)}",
        )
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _put(above: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(above, name).text = "".join(sign for sign in text if sign >= " " or sign == "\n")


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGS else LANGS[0]


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _answer(request: Request, body: bytes, kind: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "public, max-age=60", "access-control-allow-origin": "*"}
    if has_tag(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)
