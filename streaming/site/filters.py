"""Filters of the hall, read from the address, so that a link opens the same view again."""

from __future__ import annotations

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
    return min(max(int(text), 1), LAST_PAGE) if text and _is_page(text) else 1


def _day(text: str) -> date | None:
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        return None
    return chosen if chosen.year in YEARS else None


def _is_page(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8


_CHOICES = {
    "view": VIEWS, "family": TRADE_FAMILIES, "state": FILTER_STATES, "tiles": tuple(map(str, WALLS)), "key": ("1",),
}  # fmt: skip
"""Parameter of an address → the values it can have."""


def no_such_language(query: QueryParams) -> list[Message]:
    """That an address asks for a language there is not, on whatever page."""
    asked = query.get("lang")
    if not asked or asked in LANGS:
        return []
    return [Message("site.asked.not_among", asked=f"lang={asked[:40]}", choices=list(LANGS))]


def faults(query: QueryParams, centres: Collection[str]) -> list[Message]:
    """What an address asks for that there is not, so that whoever opens it is told and not simply shown everything;
    `centres` are the codes of those there are."""
    found = no_such_language(query)
    found += [
        Message("site.asked.not_among", asked=f"{name}={said[:40]}", choices=list(choices))
        for name, choices in _CHOICES.items()
        if (said := query.get(name)) and said not in choices
    ]
    if (centre := query.get("centre")) and centres and centre not in centres:
        found.append(Message("site.asked.no_centre", asked=f"centre={centre[:40]}"))
    if (day := query.get("day")) and _day(day) is None:
        found.append(Message("site.asked.no_day", asked=f"day={day[:40]}"))
    if (page := query.get("page")) and not _is_page(page):
        found.append(Message("site.asked.no_page", asked=f"page={page[:40]}"))
    return found
