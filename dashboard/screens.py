"""The fifteen screens 屏 and twenty-nine functions 功能: navigation, permissions, tests and docs come from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import messages

PAGES = Path(__file__).parent.parent / "pages"

DIMENSIONS = ("display", "service", "warning")
"""The three dimensions 维度: analysis 分析展示, services 智慧服务, warnings 信息预警."""


@dataclass(frozen=True)
class Function:
    """功能: one thing a screen does."""

    id: str

    def name(self, lang: str) -> str:
        """Its name in the reader's language."""
        return messages.say(f"function.{self.id}", lang)


@dataclass(frozen=True)
class Screen:
    """屏: one page of the desk."""

    id: str
    slug: str
    dimension: str
    roles: frozenset[str]
    icon: str
    """Name of a Material symbol out of the font Streamlit carries."""
    functions: tuple[Function, ...]

    @property
    def path(self) -> Path:
        """The screen's file, s01_overview.py."""
        return PAGES / f"{self.id.lower()}_{self.slug}.py"

    def name(self, lang: str) -> str:
        """Its title in the reader's language."""
        return messages.say(f"screen.{self.id}", lang)

    def meaning(self, lang: str) -> str:
        """What it shows, in one sentence."""
        return messages.say(f"screen.{self.id}.meaning", lang)


_ALL = frozenset({"supervisor", "admin"})
_LED = _ALL | {"leader"}
_ROOMS = _LED | {"operator"}


def _screen(
    code: str, slug: str, dimension: str, roles: frozenset[str], icon: str, *functions: str
) -> Screen:
    return Screen(code, slug, dimension, roles, icon, tuple(map(Function, functions)))


SCREENS: tuple[Screen, ...] = (
    _screen("S01", "overview", "display", _LED, "grid_view", "F01", "F02"),
    _screen("S02", "openness", "display", _LED, "language", "F03", "F04"),
    _screen("S03", "competition", "display", _LED, "bar_chart", "F05", "F06"),
    _screen("S04", "service", "display", _LED, "speed", "F07", "F08"),
    _screen("S05", "savings", "display", _LED, "savings", "F09", "F10", "F11"),
    _screen("S06", "hall", "service", _ROOMS, "live_tv", "F12", "F13"),
    _screen("S07", "room", "service", _ALL | {"operator"}, "meeting_room", "F14", "F15"),
    _screen("S08", "witness", "service", _ALL | {"operator", "group-member"}, "videocam", "F16", "F17"),
    _screen("S09", "remote", "service", _ALL, "hub", "F18", "F19"),
    _screen("S10", "deposits", "service", _ALL | {"public-officer"}, "shield", "F20", "F21"),
    _screen("S11", "warnings", "warning", _LED, "notifications", "F22", "F23"),
    _screen("S12", "associations", "warning", _ALL, "account_tree", "F24", "F25"),
    _screen("S13", "rings", "warning", _ALL, "group", "F26", "F27"),
    _screen("S14", "experts", "warning", _ALL, "balance", "F28"),
    _screen("S15", "leads", "warning", _LED, "move_item", "F29"),
)  # fmt: skip

ADMIN = _screen("A01", "admin", "admin", frozenset({"admin"}), "settings")
"""The administrator's page; not one of the fifteen screens."""
LIFELINE = _screen("L01", "lot", "lot", _LED, "timeline", "lifeline")
"""The life line of one lot, to which every list of lots leads; it has an address and no place in the navigation."""

TABLES_OF: dict[str, tuple[str, ...]] = {
    "F01": ("lots", "participations"), "F02": ("openings",), "F03": ("lots", "participations"),
    "F05": ("lots",), "F06": ("awards",), "F07": ("openings",), "F08": ("lots",), "F09": ("lots", "awards"),
    "F12": ("schedule",), "F16": ("replays",), "F17": ("witnessing", "witness-reports", "looks"), "F18": ("remote-sessions",), "F19": ("fees",), "F20": ("deposits", "refunds"), "F21": ("opinions", "agency-credit", "group-visits"),
    "F22": ("warnings",), "F24": ("tenderer-links", "associations", "paths"), "F25": ("agency-links",), "F26": ("rings",),
    "F27": ("similarity",), "F28": ("expert-tendency",), "F29": ("leads",), "lifeline": ("lifeline",),
}  # fmt: skip
"""Function → the tables it shows, which are those it exports; `dashboard.exports.tables` reads them."""

NARROWER = {"F20": _ALL, "F16": _ALL | {"operator"}, "F17": _ALL | {"group-member"}}
"""Functions for fewer roles than their screen: who paid a deposit is no business of who answers opinions, a member of the
supervision group sees their own tasks only, and those who hold an opening do not witness it."""

BY_ID = {screen.id: screen for screen in (*SCREENS, LIFELINE, ADMIN)}
BY_SLUG = {screen.slug: screen for screen in (*SCREENS, LIFELINE, ADMIN)}

SUSPECTED = frozenset(
    table for screen in SCREENS if screen.dimension == "warning" for function in screen.functions
    for table in TABLES_OF.get(function.id, ())
)  # fmt: skip
"""Tables of the warning screens: their files say that what is in them are suspicions to be checked."""

WALL = ("overview", "openness", "competition", "service", "savings", "hall", "warnings")
"""Slugs of the screens that can stand on a wall, in the order of its playlist: what a leader may see, counts only."""

COUNTS_ONLY = {"S11": frozenset({"leader"}), "S15": frozenset({"leader"})}
"""Where a role sees counts and the funnel, never a subject's name."""


def may_see(role: str, screen: Screen) -> bool:
    """Whether `role` may open `screen`."""
    return role in screen.roles


def screens_of(role: str) -> list[Screen]:
    """The screens of `role`, in order."""
    return [screen for screen in SCREENS if may_see(role, screen)]


def pages_of(role: str) -> list[Screen]:
    """The pages `role` may open: its screens, the life line of a lot, and for the administrator one more."""
    return [*screens_of(role), *(page for page in (LIFELINE, ADMIN) if may_see(role, page))]


def wall_of(role: str) -> tuple[str, ...]:
    """Slugs of the screens that `role` may put on a wall, in order."""
    return tuple(slug for slug in WALL if may_see(role, BY_SLUG[slug]))


def names_visible(role: str, screen: Screen) -> bool:
    """Whether `role` may see who a warning is about on `screen`; counts only otherwise."""
    return may_see(role, screen) and role not in COUNTS_ONLY.get(screen.id, frozenset())


def roles_with_names(slug: str) -> frozenset[str]:
    """The roles that may see who a warning is about on the screen `slug`."""
    screen = BY_SLUG[slug]
    return frozenset(role for role in screen.roles if names_visible(role, screen))


def may_use(role: str, screen: Screen, function: str) -> bool:
    """Whether `role` may use a function (F01…) of `screen`."""
    return may_see(role, screen) and role in NARROWER.get(function, screen.roles)


def tables_of(role: str, screen: Screen) -> list[str]:
    """The tables that `role` may export from `screen`: what it shows this role, none where it shows counts only."""
    if not names_visible(role, screen):
        return []
    used = [f.id for f in screen.functions if may_use(role, screen, f.id)]
    return list(dict.fromkeys(table for function in used for table in TABLES_OF.get(function, ())))


def may_export(role: str, table: str) -> bool:
    """Whether any screen of `role` offers `table`."""
    return any(table in tables_of(role, screen) for screen in (*SCREENS, LIFELINE))
