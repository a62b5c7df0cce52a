"""Panels of the wall that are read live from the ledger: openings of the day, rooms, the ticker, counts of warnings."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import messages
from dashboard import context
from dashboard.kiosk.panel import Ask, Panel, bars, pair, total
from dashboard.live.ticker import happened
from dashboard.live.ticker import today as today_standing
from dashboard.shell import figure_cards, offered
from dashboard.shell.cards import DASH
from messages import called
from records import clock
from records.clock import BEIJING, now, today
from records.current import RUNNING
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.lists import hall, market, room_day
from supervision.warnings import desk as warnings

OPENINGS = 60
"""Openings of the day that the board scrolls through."""
CENTRES, TICKER, ROOMS = 19, 12, 12
RESPONSE_DAYS = 30


def _today(ask: Ask) -> list[hall.Entry]:
    """The day's openings of the wall's centre and family, rehearsals too: first what runs, then what comes, then what is over
    or called off."""
    filters = ask.filters
    question = hall.Question(today(), today(), filters.centre, filters.trade_family)
    with context.ledger().read() as session:
        found = hall.schedule(session, question, ask.lang, 300)
    return sorted(found, key=lambda one: (_rank(one.state), one.scheduled_at, one.id))


def _rank(state: str) -> int:
    return 0 if state in RUNNING else 1 if state == "scheduled" else 2


def openings(ask: Ask) -> Panel:
    """The board of the day's openings; it scrolls by itself where there are more than fit."""
    found, day = _today(ask), today_standing(ask.filters)
    note = ask.say("wall.today_note", n=day.all, live=day.running) + _rehearsed(ask, day.rehearsals)
    return {
        "kind": "openings", "title": ask.say("wall.today"), "note": note,
        "rows": [_row(one, ask) for one in found[:OPENINGS]], "empty": ask.say("wall.none_today"),
    }  # fmt: skip


def _rehearsed(ask: Ask, n: int) -> str:
    """Rehearsals 演练 are shown like any other opening and counted apart."""
    return ask.say("overview.rehearsals", n=figures.number(n)) if n else ""


def _row(one: hall.Entry, ask: Ask) -> dict[str, str]:
    running = one.state in RUNNING
    word = ask.say(f"site.stage.{one.stage}" if running and one.stage else f"site.opening.{one.state}")
    if one.state == "paused":
        word = ask.say("site.opening.paused")
    reading = one.state == "in_progress" and one.stage == "reading"
    kind = "now" if reading else "on" if one.state == "in_progress" else "wait"
    place = f"{one.centre} {one.room}".strip()
    return {
        "time": f"{one.scheduled_at.astimezone(BEIJING):%H:%M}",
        "lot": one.title,
        "place": place,
        "state": word,
        "kind": kind,
    }


def today_counts(ask: Ask) -> Panel:
    """How many openings of the day run, wait and are over; rehearsals apart."""
    day = today_standing(ask.filters)
    counts = (day.running, day.waiting, day.over)
    words = ("wall.running", "wall.waiting", "wall.over")
    pairs = [
        pair(ask.say(word), figures.number(n), ask.say("overview.sessions"))
        for word, n in zip(words, counts, strict=True)
    ]
    return {"kind": "pairs", "title": ask.say("wall.today"), "note": "", "pairs": pairs}


def ticker(ask: Ask) -> Panel:
    """What happened today, newest first."""
    return {
        "kind": "ticker", "title": ask.say("overview.ticker"), "empty": ask.say("overview.quiet"),
        "rows": happened(ask.filters, ask.lang, TICKER),
    }  # fmt: skip


def centres(ask: Ask) -> Panel:
    """The centres with the lots they opened, greatest first; one where an opening runs is marked. Those of small value
    are counted beside its title."""
    listed, small = offered.centres(), offered.small_centres()
    opened = figure_cards.breakdown("lots_opened", ask.filters, "centre")
    running = [one for one in _today(ask) if one.state in RUNNING]
    live, rehearsed = Counter(one.centre for one in running), sum(one.rehearsal for one in running)
    cells: list[dict[str, Any]] = [
        {
            "name": (name := called(zh, en, ask.lang)),
            "value": opened[id].value if id in opened else 0,
            "live": live.get(name, 0),
        }
        for id, zh, en in listed
        if ask.filters.centre == id or (ask.filters.centre is None and id not in small)
    ]
    cells.sort(key=lambda cell: (-cell["value"], cell["name"]))
    rest = 0 if ask.filters.centre else len(listed) - len(cells[:CENTRES])
    more = f" · {ask.say('wall.more_centres', n=rest)}" if rest else ""
    nowhere = opened[None].value if None in opened and ask.filters.centre is None else 0
    return {
        "kind": "centres", "title": ask.say("wall.centres"), "note": f"{ask.period}{more}", "unit": ask.say("openness.lots_unit"),
        "cells": cells[:CENTRES], "live": ask.say("wall.live_now", n=sum(live.values()) - rehearsed) + _rehearsed(ask, rehearsed),
        "caption": _order_is_no_map(ask, "wall.lots_nowhere", nowhere), "empty": "" if cells else ask.say("overview.no_centres"),
    }  # fmt: skip


def _order_is_no_map(ask: Ask, key: str, rest: int) -> str:
    """What stands below the hexagons; `rest`: how many are of no centre, so that none of them counts them."""
    words = [ask.say("wall.hexagons"), *([ask.say(key, n=figures.number(rest))] if rest else [])]
    return messages.clauses(words, ask.lang)


# ── rooms ────────────────────────────────────────────────────────────────────


def service_totals(ask: Ask) -> Panel:
    """Rooms there are, openings of the day, those under way."""
    rooms = figure_cards.values(("M17",), ask.filters)["M17"]
    day = today_standing(ask.filters)
    sessions = ask.say("overview.sessions")
    return {"kind": "totals", "title": "", "totals": [
        total(ask.say("wall.rooms"), figures.number(rooms.value), ask.say("service.rooms_unit")),
        total(ask.say("wall.today"), figures.number(day.all), sessions),
        total(ask.say("wall.running"), figures.number(day.running), sessions),
    ]}  # fmt: skip


def rooms(ask: Ask) -> Panel:
    """The day of the rooms: preparing, planned, open, over; an evaluation room tells only that it is used."""
    with context.ledger().read() as session:
        lines = room_day.day(session, ask.lang)
    shown = sorted(lines, key=lambda line: not line.busy)[:ROOMS]
    first, last = room_day.hours(shown)
    kinds = ("live", "planned", "done", "used")
    return {
        "kind": "gantt", "title": ask.say("service.gantt"), "note": ask.say("service.gantt_note", shown=len(shown), n=len(lines)) if lines else "",
        "first": first, "last": last, "now": room_day.hour(now().replace(second=0, microsecond=0)),
        "rows": [
            {"name": line.name, "busy": line.busy, "bars": [
                {"from": round(room_day.hour(bar.start), 3), "to": round(room_day.hour(bar.end.replace(second=0, microsecond=0)), 3), "kind": bar.kind}
                for bar in line.bars
            ]}
            for line in shown
        ],
        "legend": {kind: ask.say(f"service.gantt_{kind}") for kind in kinds},
        "empty": "" if shown else ask.say("service.gantt_none"),
    }  # fmt: skip


def pictures(ask: Ask) -> Panel:
    """The pictures of the rooms; what a room is at as the hall tells it, no number of bidders."""
    filters = ask.filters
    with context.ledger().read() as session:
        seats = hall.seats(session, ask.lang, centre=filters.centre, family=filters.trade_family)
    return {
        "kind": "pictures", "title": "", "hub": context.config().hub_url.rstrip("/"), "count": 9,
        "seats": [seat | {"grade": "", "tip": ""} for seat in seats],
    }  # fmt: skip


# ── warnings: counts only ────────────────────────────────────────────────────


def lamps(ask: Ask) -> Panel:
    """Open warnings by level."""
    with context.ledger().read() as session:
        found, received = warnings.counts(session, ask.filters.centre), market.has_lots(session)
    calm = ask.say("overview.calm" if received else "common.nothing_received")
    levels = [
        {"level": name, "name": ask.say(f"level.{name}"), "value": figures.number(n)}
        for name, n in found.items()
    ]
    return {
        "kind": "lamps", "title": ask.say("overview.warnings"), "note": ask.say("wall.counts_only"), "levels": levels,
        "small": ask.say("common.footer_warning") if sum(found.values()) else calm,
    }  # fmt: skip


def handling(ask: Ask) -> Panel:
    """How fast and how often warnings of the last weeks were dealt with."""
    since = clock.start_of(today() - timedelta(days=RESPONSE_DAYS - 1))
    with context.ledger().read() as session:
        done = warnings.response(session, since)
    hours, rate = done.first_response_hours, done.disposition_rate
    return {"kind": "pairs", "title": ask.say("wall.handling"), "note": ask.say("wall.last_days", n=RESPONSE_DAYS), "pairs": [
        pair(ask.say("wall.raised"), figures.number(done.raised)), pair(ask.say("wall.closed"), figures.number(done.closed)),
        pair(ask.say("wall.disposed"), DASH if rate is None else f"{figures.half_up(rate * 100)}", "%"),
        pair(ask.say("wall.first_response"), DASH if hours is None else figures.number(hours, 1), ask.say("wall.hours")),
    ]}  # fmt: skip


def warning_totals(ask: Ask) -> Panel:
    """Warnings of the period, the lots they are about, those that became leads."""
    found = figure_cards.live(("M44", "M45", "M48"), ask.filters)
    return {"kind": "totals", "title": "", "totals": [
        total(ask.say("wall.raised_in", period=ask.period), figures.number(found["M44"].value)),
        total(ask.say("wall.warned_lots"), figures.number(found["M45"].numerator), ask.say("openness.lots_unit")),
        total(ask.say("wall.became_leads"), figures.number(found["M48"].value)),
    ]}  # fmt: skip


def warned_centres(ask: Ask) -> Panel:
    """Every centre with its worst open level and how many are open; no lot, no name."""
    with context.ledger().read() as session:
        found, every = warnings.lamps(session), sum(warnings.counts(session).values())
    nowhere = every - sum(one.open for one in found) if ask.filters.centre is None else 0
    cells: list[dict[str, Any]] = [
        {
            "name": called(one.centre_name, one.centre_name_en, ask.lang),
            "value": one.open,
            "level": one.level,
            "live": 0,
        }
        for one in found
        if ask.filters.centre in (None, one.centre_id)
    ]
    cells.sort(key=lambda cell: (-cell["value"], cell["name"]))
    return {
        "kind": "centres", "title": ask.say("wall.warned_centres"), "note": ask.say("wall.counts_only"), "unit": ask.say("wall.items"),
        "cells": cells[:CENTRES], "live": "", "caption": _order_is_no_map(ask, "wall.warnings_nowhere", nowhere),
        "levels": {name: ask.say(f"level.{name}") for name in ("red", "orange", "yellow")}, "calm": ask.say("wall.calm_centre"),
        "empty": "" if cells else ask.say("overview.no_centres"),
    }  # fmt: skip


def families(ask: Ask) -> Panel:
    """Warnings of the period by the family of their rules."""
    with context.ledger().read() as session:
        received = market.has_lots(session)
    found = figure_cards.live_breakdown("M44", ask.filters, "family")
    rows = sorted(
        ((ask.say(f"rule.family.{key}"), one.value) for key, one in found.items() if one.value),
        key=lambda r: -r[1],
    )
    return {
        "kind": "ranking", "title": ask.say("wall.by_family"), "note": ask.period,
        "bars": bars([(name, n, figures.number(n)) for name, n in rows]), "empty": ask.say("wall.no_warnings" if received else "common.nothing_received"),
    }  # fmt: skip


def warned_share(ask: Ask) -> Panel:
    """The share of lots with a warning, how often warnings were borne out."""
    found = figure_cards.live(("M45", "M47"), ask.filters)
    pairs = [pair(FIGURES[one].name.text(ask.lang), found[one].text.rstrip("%"), "%") for one in found]
    return {"kind": "pairs", "title": ask.say("wall.warned_share"), "note": ask.period, "pairs": pairs}
