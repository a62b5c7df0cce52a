"""Drawings of a day of evaluations along the hours: how far each session has come, and which seats are kept where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from dashboard.charts.axis import wide
from dashboard.charts.drawing import fitted, linked, svg, text

_WIDTH = 640
_TOP, _ROW, _LINE = 26, 36, 28
"""Pixels of the hours, of a session's row, of a room's row."""
_FIRST, _LAST = 9, 18
"""Hours that are shown at least."""
_TIER_END = 226
"""Where the name of a session's tier ends, in pixels."""
_NAMES, _MOST_NAMES = 172, 260
"""Pixels of the rooms' names and seats before the hours: at least, at most."""


@dataclass(frozen=True)
class Hours:
    """The hours of a day as pixels from `left` to `right`."""

    first: int
    last: int
    left: float
    right: float

    @classmethod
    def of(cls, edges: Sequence[float], now: float, left: float, right: float) -> Hours:
        """Wide enough for every edge and for now."""
        every = [*edges, now]
        return cls(
            max(0, min(_FIRST, int(min(every)))), min(24, max(_LAST, -int(-max(every) // 1))), left, right
        )

    def x(self, hour: float) -> float:
        """Where an hour stands, never outside."""
        share = (hour - self.first) / (self.last - self.first)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def axis(self, height: float, now: float, clock: str) -> str:
        """Every second hour and, in the sun colour, now."""
        drawn = []
        for hour in range(self.first, self.last + 1, 2 if self.last - self.first > 6 else 1):
            x = self.x(hour)
            drawn.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{height}"/>')
            if abs(x - self.x(now)) > 40:
                anchor = "end" if x + wide("00:00") / 2 > _WIDTH else "middle"
                drawn.append(text(x, 14, f"{hour:02d}:00", "muted", anchor))
        x = self.x(now)
        drawn.append(f'<line class="mean" x1="{x:.1f}" y1="18" x2="{x:.1f}" y2="{height}"/>')
        drawn.append(
            f'<rect class="now" x="{x - 21:.1f}" y="0" width="42" height="19" rx="3"/>{text(x, 14, clock, "on-sun")}'
        )
        return "".join(drawn)


@dataclass(frozen=True)
class Session:
    """One session: its moments as hours of the day (None: not yet), what it is called, where, and how it stands."""

    name: str
    where: str
    tier: str
    tier_name: str
    state: str
    planned: tuple[float, float] | None
    drawn: float | None
    arrived: float | None
    started: float | None
    ended: float | None
    href: str


def course(sessions: Sequence[Session], now: float, clock: str, label: str) -> str:
    """A row a session: drawn ◇, arrived ○, begun ▶, ended ■; what is planned in dashes."""
    edges = [
        edge
        for one in sessions
        for edge in (one.drawn, one.arrived, one.started, one.ended, *(one.planned or ()))
        if edge is not None
    ]
    hours = Hours.of(edges, now, 236, 560)
    height = _TOP + _ROW * len(sessions) + 2
    rows = "".join(_session(one, _TOP + n * _ROW, hours, now) for n, one in enumerate(sessions))
    return svg(_WIDTH, height, label, hours.axis(height, now, clock) + rows)


def _session(one: Session, y: float, hours: Hours, now: float) -> str:
    middle = y + _ROW / 2
    sign = {
        "city": f'<circle cx="6" cy="{middle}" r="5"/>',
        "cross_province": f'<path d="M6 {middle - 6}l6 6-6 6-6-6z"/>',
    }.get(one.tier, f'<rect x="1" y="{middle - 5}" width="10" height="10"/>')
    room = _TIER_END - 28 - wide(one.tier_name)
    name = fitted(one.name, room)
    words = (
        linked(f"<title>{escape(one.name)}</title>{text(20, middle - 3, name, '', 'start')}", one.href)
        + f"<g><title>{escape(one.where)}</title>{text(20, middle + 12, fitted(one.where, room), 'muted', 'start')}</g>"
        + text(_TIER_END, middle + 4, one.tier_name, "muted", "end")
        + text(_WIDTH, middle + 4, one.state, "strong", "end")
    )
    rule = f'<line class="axis" x1="0" y1="{y + _ROW}" x2="{_WIDTH}" y2="{y + _ROW}"/>'
    return f'<g class="site {one.tier}">{sign}</g>{words}{rule}{_track(one, middle, hours, now)}'


def _track(one: Session, y: float, hours: Hours, now: float) -> str:
    parts = []
    if one.planned and one.started is None:
        begin, end = (hours.x(edge) for edge in one.planned)
        parts.append(
            f'<rect class="plan" x="{begin:.1f}" y="{y - 6}" width="{max(end - begin, 4):.1f}" height="12" rx="2"/>'
        )
    if one.drawn is not None:
        begin = hours.x(one.drawn)
        end = hours.x(one.started if one.started is not None else now)
        parts.append(
            f'<rect class="pale" x="{begin:.1f}" y="{y - 5}" width="{max(end - begin, 2):.1f}" height="10"/>'
        )
    if one.started is not None:
        begin, end = hours.x(one.started), hours.x(one.ended if one.ended is not None else now)
        parts.append(
            f'<rect class="bar" x="{begin:.1f}" y="{y - 6}" width="{max(end - begin, 3):.1f}" height="12"/>'
        )
        parts.append(f'<path class="begin" d="M{begin:.1f} {y - 6}l8 6-8 6z"/>')
    if one.drawn is not None:
        x = hours.x(one.drawn)
        parts.append(f'<path class="hollow" d="M{x:.1f} {y - 6}l6 6-6 6-6-6z"/>')
    if one.arrived is not None:
        parts.append(f'<circle class="hollow" cx="{hours.x(one.arrived):.1f}" cy="{y}" r="5"/>')
    if one.ended is not None:
        x = hours.x(one.ended)
        parts.append(f'<rect class="end" x="{x - 5:.1f}" y="{y - 6}" width="10" height="12"/>')
    return "".join(parts)


# ── rooms and seats ──────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Kept:
    """Seats kept: from and until in hours, for what, and how many of how many."""

    start: float
    end: float
    name: str
    seats: str
    over: bool
    tip: str
    href: str = ""
    """Where it leads: to its lot."""


@dataclass
class RoomRow:
    """A room's day: its name, its seats, what is kept, spans that clash, and what is proposed to go here."""

    name: str
    seats: str
    kept: list[Kept] = field(default_factory=list)
    clashes: list[tuple[float, float, str]] = field(default_factory=list)
    proposed: list[Kept] = field(default_factory=list)


def dispatch(rooms: Sequence[RoomRow], now: float, clock: str, label: str) -> str:
    """Rooms below each other; a clash is hatched in orange, a proposal drawn in dashes."""
    edges = [edge for room in rooms for one in (*room.kept, *room.proposed) for edge in (one.start, one.end)]
    widest = max((wide(room.name) + wide(room.seats) for room in rooms), default=0)
    hours = Hours.of(edges, now, min(max(_NAMES, widest + 24), _MOST_NAMES), _WIDTH - 4)
    height = _TOP + _LINE * len(rooms) + 2
    rows = "".join(_room(room, _TOP + n * _LINE, hours) for n, room in enumerate(rooms))
    hatch = (
        '<defs><pattern id="clash" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="hatch" width="3" height="6"/></pattern></defs>'
    )
    return svg(_WIDTH, height, label, hatch + hours.axis(height, now, clock) + rows)


def _room(room: RoomRow, y: float, hours: Hours) -> str:
    end = hours.left - 8
    name = fitted(room.name, end - wide(room.seats) - 8)
    names = f"<g><title>{escape(room.name)}</title>{text(0, y + 18, name, '', 'start')}</g>"
    names += text(end, y + 18, room.seats, "muted", "end")
    rule = f'<line class="axis" x1="0" y1="{y + _LINE}" x2="{_WIDTH}" y2="{y + _LINE}"/>'
    kept = "".join(_kept(one, y, hours, "seat over" if one.over else "seat") for one in room.kept)
    clash = "".join(
        f'<rect class="clash" fill="url(#clash)" x="{hours.x(a):.1f}" y="{y + 4}" width="{max(hours.x(b) - hours.x(a), 3):.1f}"'
        f' height="{_LINE - 8}"><title>{escape(tip)}</title></rect>'
        for a, b, tip in room.clashes
    )
    proposed = "".join(_kept(one, y, hours, "proposed") for one in room.proposed)
    return names + rule + kept + clash + proposed


def _kept(one: Kept, y: float, hours: Hours, kind: str) -> str:
    begin, end = hours.x(one.start), hours.x(one.end)
    wide = max(end - begin, 4)
    box = f'<rect class="{kind}" x="{begin:.1f}" y="{y + 4}" width="{wide:.1f}" height="{_LINE - 8}" rx="3"/>'
    fits = int((wide - 12) // 12)
    seats = text(end - 6, y + 18, one.seats, "muted", "end") if fits >= 8 else ""
    room = fits - (5 if seats else 0)
    name = one.name if len(one.name) <= room else f"{one.name[: max(room - 1, 0)]}…" if room > 2 else ""
    words = text(begin + 6, y + 18, name, "", "start") if name else ""
    drawn = f"<g><title>{escape(one.tip)}</title>{box}{words}{seats}</g>"
    return linked(drawn, one.href)
