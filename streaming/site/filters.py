"""Filters of the hall, read from the address, so that a link opens the same view again."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.datastructures import QueryParams

from messages import Message
from records.tables.projects import TRADE_FAMILIES
from streaming.live.register import Entry
from streaming.site.render import LANGS

FILTER_STATES = ("scheduled", "in_progress", "paused", "ended", "sealed")
VIEWS = ("hall", "schedule", "replay")
WALLS = (4, 9, 16)
"""Tiles of the walls of equal pictures."""
LAST_PAGE = 100_000
YEARS = range(1900, 2200)
"""Years a visitor may turn to."""


@dataclass(frozen=True)
class Filters:
    """Filters of an address; a value there is none of counts as none, and `faults` says so."""

    q: str = ""
    centre: str = ""
    family: str = ""
    state: str = ""
    key: bool = False

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        """Filters of an address."""
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

    def admit(self, opening: Mapping[str, Any]) -> bool:
        """Whether the public state of an opening passes; the search for words is the register's."""
        return self._pass(
            opening["centre"], opening["trade_family"], opening["state"], bool(opening["key_project"])
        )

    def admit_entry(self, entry: Entry) -> bool:
        """Whether an entry of the register passes."""
        return self._pass(entry.centre, entry.family, entry.state, entry.key)

    def _pass(self, centre: str | None, family: str, state: str, key: bool) -> bool:
        return (
            (not self.centre or centre == self.centre)
            and (not self.family or family == self.family)
            and (not self.state or state == self.state)
            and (not self.key or key)
        )


def asked_day(text: str | None, default: date) -> date:
    """The day of an address; the default where it names none."""
    return _day(text or "") or default


def asked_page(text: str | None) -> int:
    """The page of an address, from 1."""
    return min(int(text), LAST_PAGE) if text and _is_page(text) else 1


def _day(text: str) -> date | None:
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        return None
    return chosen if chosen.year in YEARS and chosen.isoformat() == text else None


def _is_page(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8 and int(text) > 0


_CHOICES = {
    "view": VIEWS, "family": TRADE_FAMILIES, "state": FILTER_STATES, "tiles": tuple(map(str, WALLS)), "key": ("1",),
}  # fmt: skip
"""Parameter of an address → the values it can have."""


HALL = frozenset({*_CHOICES, "q", "centre", "day", "page", "lang"})
"""Parameters of the hall's address."""
FEED = frozenset({"q", "centre", "family", "state", "key", "lang"})
"""Those of the schedule as a feed."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,19}")
"""A parameter that is named when it is told that there is none of its name."""
_OF_OTHERS = frozenset({"from", "isappinstalled", "nsukey", "scene", "spm", "fbclid", "gclid"})
"""What messengers and advertisers hang on an address they pass on; it asks for nothing."""


def unknown(query: QueryParams, names: Collection[str]) -> list[Message]:
    """That an address asks for something by a name that is none of `names`. What it says is not repeated: a page of ours
    would seem to say it."""
    strange = dict.fromkeys(name for name in query if name not in names and not _of_others(name))
    return [Message("site.asked.unknown", asked=name if _NAME.fullmatch(name) else "…") for name in strange]


def _of_others(name: str) -> bool:
    return name in _OF_OTHERS or name.startswith(("_", "utm_"))


def no_such_language(query: QueryParams) -> list[Message]:
    """That an address asks for a language there is not, on whatever page."""
    asked = query.get("lang")
    return [] if not asked or asked in LANGS else [not_among("lang", asked, LANGS)]


def not_among(name: str, asked: str, choices: Collection[str]) -> Message:
    """That a parameter has a value it cannot have."""
    return Message("site.asked.not_among", asked=f"{name}={asked[:40]}", choices=list(choices))


def faults(
    query: QueryParams, centres: Collection[str], names: Collection[str], pages: int | None = None
) -> list[Message]:
    """What an address asks for that there is not, so that whoever opens it is told and not simply shown everything;
    `centres` are the codes of those there are, `pages` how many the list has, None where there are none to turn."""
    found = no_such_language(query) + unknown(query, names) + _given_twice(query, names)
    found += [
        not_among(name, said, choices)
        for name, choices in _CHOICES.items()
        if name in names and (said := query.get(name)) and said not in choices
    ]
    if (centre := query.get("centre")) and centres and centre not in centres:
        found.append(Message("site.asked.no_centre", asked=f"centre={centre[:40]}"))
    return found + _day_faults(query, names) + _page_faults(query, names, pages)


def _given_twice(query: QueryParams, names: Collection[str]) -> list[Message]:
    """Parameters that an address has more than once with different values: the last one counts."""
    return [
        Message("site.asked.twice", asked=name, last=f"{name}={query[name][:40]}")
        for name in query
        if name in names and len(set(query.getlist(name))) > 1
    ]


def _day_faults(query: QueryParams, names: Collection[str]) -> list[Message]:
    """A day that is none, or that is asked of a view which has no days."""
    day, asked = query.get("day"), f"day={query.get('day', '')[:40]}"
    if not day or "day" not in names:
        return []
    if _day(day) is None:
        return [Message("site.asked.no_day", asked=asked)]
    return [] if query.get("view") == "schedule" else [Message("site.asked.only_schedule", asked=asked)]


def _page_faults(query: QueryParams, names: Collection[str], pages: int | None) -> list[Message]:
    page, asked = query.get("page"), f"page={query.get('page', '')[:40]}"
    if not page or "page" not in names:
        return []
    if not _is_page(page):
        return [Message("site.asked.no_page", asked=asked)]
    if int(page) > (pages or 1):
        return [Message("site.asked.past_the_end", asked=asked, pages=pages or 1)]
    return []
