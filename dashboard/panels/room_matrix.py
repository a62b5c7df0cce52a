"""How the streams of all opening rooms do, as a matrix on S04: a column a room, grouped by centre; what is wrong stands below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy.orm import Session

import messages
from dashboard.live import rooms as rooms_live
from dashboard.panels import room_health
from dashboard.shell.html import esc
from supervision.lists import market

ACROSS = 28
"""Rooms beside each other; more stand in further rows."""
TROUBLES_SHOWN = 4
"""Rooms whose troubles are told below; how many more have some is said."""
ROWS = ("state", "bitrate", "fps", "loss", "recorder")
STATES = ("live", "paused", "standby")
WORST = {"bad": 0, "fair": 1}


@dataclass(frozen=True)
class Column:
    """One room: what it and its centre are called, and its line of the hub; None where the hub tells of none."""

    id: str
    centre: str
    name: str
    line: rooms_live.Room | None


def columns(session: Session, seen: rooms_live.Snapshot, lang: str) -> list[Column]:
    """The opening rooms that may be broadcast, by centre in the order of the rooms' ids."""
    open_to_all = [
        (room, centre) for room, centre in market.rooms(session)
        if room.kind == "opening" and room.public_allowed and room.closed_at is None
    ]  # fmt: skip
    first: dict[str, str] = {}
    for room, centre in open_to_all:
        first[centre.id] = min(first.get(centre.id, room.id), room.id)
    ordered = sorted(open_to_all, key=lambda one: (first[one[1].id], one[1].id, one[0].id))
    return [
        Column(
            room.id,
            messages.called(centre.name, centre.name_en, lang),
            _short(messages.called(room.name, room.name_en, lang), lang),
            seen.room(room.id),
        )
        for room, centre in ordered
    ]


def _short(name: str, lang: str) -> str:
    """A room without the word that all opening rooms begin with."""
    start = messages.say("service.matrix_opening_room", lang)
    return name.removeprefix(start).strip() or name


def matrix(found: Sequence[Column], seen: rooms_live.Snapshot, lang: str) -> str:
    """The card: the matrix, and below it what is wrong, where, and what to do."""
    title = messages.say("service.matrix", lang, n=len(found))
    if seen.trouble:
        body = f'<p class="none">{esc(messages.say(f"control.hub_{seen.trouble}", lang))}</p>'
    elif not found:
        body = f'<p class="none">{esc(messages.say("service.matrix_none", lang))}</p>'
    else:
        bands = [found[start : start + ACROSS] for start in range(0, len(found), ACROSS)]
        body = "".join(_table(band, title, lang) for band in bands) + _troubles(found, lang)
    loss, rate = rooms_live.LIMITS["loss"][0], rooms_live.LIMITS["fps_low"][0]
    limits = messages.say("service.matrix_limits", lang, loss=f"{loss:.0%}", fps=f"{rate:.0f}")
    note = "" if seen.trouble else _counts(found, lang)
    return (
        f'<section class="card tab matrix"><div class="hd"><h2>{esc(title)}</h2><span class="muted">{esc(note)}</span>'
        f'<span class="muted end">{esc(limits)}</span></div>{body}</section>'
    )


def _counts(found: Sequence[Column], lang: str) -> str:
    """ "直播中 4 · 暂停 1 · 候播 2 · 空闲 21": what the rooms are doing."""
    states = Counter(column.line["state"] if column.line else "idle" for column in found)
    parts = [
        f"{messages.say(f'control.state_{state}', lang)} {states[state]}" for state in STATES if states[state]
    ]
    rest = states.total() - sum(states[state] for state in STATES)
    return " · ".join([*parts, f"{messages.say('control.state_idle', lang)} {rest}"])


# ── the matrix ───────────────────────────────────────────────────────────────


def _table(band: Sequence[Column], title: str, lang: str) -> str:
    centres = "".join(
        f'<th scope="colgroup" colspan="{len(rooms)}" title="{esc(name)}"><span>{esc(name)}</span></th>'
        for name, rooms in ((name, list(held)) for name, held in groupby(band, lambda one: one.centre))
    )
    starts = {
        one.id for before, one in zip([None, *band], band, strict=False)
        if before is None or before.centre != one.centre
    }  # fmt: skip
    rooms = "".join(_head(one, one.id in starts) for one in band)
    lines = "".join(_line(row, band, starts, lang) for row in ROWS)
    return (
        f'<div class="scroll"><table><caption class="vh">{esc(title)}</caption>'
        f'<thead><tr><th scope="col">{messages.say("column.centre", lang)}</th>{centres}</tr>'
        f'<tr><th scope="col">{messages.say("column.room", lang)}</th>{rooms}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _classes(one: Column, starts: bool, *more: str) -> str:
    at_work = "work" if one.line and one.line["state"] in ("live", "paused") else ""
    found = " ".join(filter(None, ("first" if starts else "", at_work, *more)))
    return f' class="{found}"' if found else ""


def _head(one: Column, starts: bool) -> str:
    return (
        f'<th scope="col"{_classes(one, starts)}><a href="/room?room={esc(one.id)}" target="_self"'
        f' title="{esc(one.centre)} {esc(one.name)}">{esc(one.name)}</a></th>'
    )


def _line(row: str, band: Sequence[Column], starts: set[str], lang: str) -> str:
    cells = "".join(
        f"<td{_classes(one, one.id in starts, _mark(row, one.line))}>{esc(_cell(row, one.line, lang))}</td>"
        for one in band
    )
    return f'<tr><th scope="row">{esc(messages.say(f"service.matrix_{row}", lang))}</th>{cells}</tr>'


def _cell(row: str, line: rooms_live.Room | None, lang: str) -> str:
    """A figure without its unit, which stands at the row's head."""
    if line is None:
        return messages.say("service.matrix_idle", lang) if row == "state" else "—"
    if row == "state":
        return messages.say(f"service.matrix_{line['state']}", lang)
    if row == "recorder":
        recorder = line.get("recorder")
        return messages.say(f"service.matrix_rec_{recorder['state'] if recorder else 'none'}", lang)
    if not line["publishing"] or line.get(row) is None:
        return "—"
    factor, places = {"bitrate": (1e-6, 2), "fps": (1, 0), "loss": (100, 2)}[row]
    return f"{line[row] * factor:.{places}f}"


def _mark(row: str, line: rooms_live.Room | None) -> str:
    """Whether a cell is over its limit: fair, bad, or all is well."""
    return "" if line is None else dict(rooms_live.faults(line)).get(row, "")


# ── what is wrong ────────────────────────────────────────────────────────────


def _troubles(found: Sequence[Column], lang: str) -> str:
    faults = [
        (WORST[grade], one, what, why)
        for one in found
        if one.line
        for grade, what, why in _wrong(one.line, lang)
    ]
    faults.sort(key=lambda line: (line[0], line[1].id))
    lines = "".join(
        f'<li class="{"bad" if worst == 0 else "fair"}">{room_health.mark("bad" if worst == 0 else "fair", lang)}'
        f"<b>{esc(one.centre)} {esc(one.name)} {esc(what)}</b> <span>{esc(why) if why else ''}</span>"
        f'<a href="/room?room={esc(one.id)}" target="_self">{esc(messages.say("service.matrix_open", lang))}</a></li>'
        for worst, one, what, why in faults[:TROUBLES_SHOWN]
    )
    more = len(faults) - TROUBLES_SHOWN
    if more > 0:
        lines += f'<li class="more">{esc(messages.say("service.matrix_more", lang, n=more))}</li>'
    return f'<ul class="wrong">{lines}</ul>' if lines else ""


def _wrong(line: rooms_live.Room, lang: str) -> list[tuple[str, str, str]]:
    """(grade, what is wrong with a room, why and what to do)."""
    shown = rooms_live.figures(line, lang)
    found = [
        (
            grade,
            f"{messages.say(f'control.{name}', lang)} {shown[name]}",
            messages.say(f"service.matrix_remedy_{name}", lang),
        )
        for name, grade in rooms_live.faults(line)
    ]
    found += [("bad", what, why) for what, why in room_health.sources(line, lang)]
    return found + [("fair", what, why) for what, why in room_health.notices(line, lang)]
