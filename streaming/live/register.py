"""The register of all public openings and projects, kept in memory for search, calendar and paging.

An entry holds what a search compares and a list sorts by, a few hundred bytes; whole payloads are read for the page
that is shown. A number, a name or the initials of its pinyin find an opening, whatever its day.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pypinyin import Style, pinyin

SEARCHED = (
    "id",
    "lot",
    "project",
    "title",
    "name",
    "project_name",
    "tenderer",
    "agency",
    "room_name",
    "centre_name",
)
"""Fields of a public payload that a search looks at."""
OVER = frozenset({"ended", "sealed"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One opening or project as searches and lists see it."""

    id: str
    words: str
    day: str = ""
    scheduled_at: str = ""
    ended_at: str = ""
    state: str = ""
    family: str = ""
    centre: str = ""
    key: bool = False
    lot: str = ""
    project: str = ""
    name: str = ""


class Register:
    """All entries by id. Reading is safe from other threads: every question works on a copy of the list."""

    def __init__(self) -> None:
        self._openings: dict[str, Entry] = {}
        self._projects: dict[str, Entry] = {}
        self._days: Counter[str] = Counter()
        self._initials = Initials()
        self.loaded = False

    def load(self, openings: Iterable[Mapping[str, Any]], projects: Iterable[Mapping[str, Any]]) -> None:
        """Take over what stands in the ledger."""
        for payload in openings:
            self.put(payload)
        for payload in projects:
            self.put_project(payload)
        self.loaded = True

    def put(self, payload: Mapping[str, Any]) -> None:
        """Take over the present public state of an opening."""
        entry = _opening(payload)
        before = self._openings.get(entry.id)
        if before:
            self._days[before.day] -= 1
        self._days[entry.day] += 1
        self._openings[entry.id] = entry
        self._initials.learn(entry.words)

    def put_project(self, payload: Mapping[str, Any]) -> None:
        """Take over the present public state of a project."""
        entry = Entry(str(payload["id"]), _words(payload), name=str(payload.get("name") or payload["id"]))
        self._projects[entry.id] = entry
        self._initials.learn(entry.words)

    def on_day(self, day: str) -> int:
        """Number of openings of a Beijing day, YYYY-MM-DD."""
        return self._days[day]

    def months(self) -> Counter[str]:
        """Month (YYYY-MM) → number of its openings."""
        found: Counter[str] = Counter()
        for day, count in list(self._days.items()):
            if count:
                found[day[:7]] += count
        return found

    def nearest(self, day: str) -> tuple[str | None, str | None]:
        """The last day with openings before `day` and the first after it."""
        days = [held for held, count in list(self._days.items()) if count]
        return max((d for d in days if d < day), default=None), min(
            (d for d in days if d > day), default=None
        )

    def find(self, query: str, admit: Callable[[Entry], bool] = lambda entry: True) -> list[Entry]:
        """Openings that match, the latest first; an empty query matches all."""
        match = self._matcher(query)
        found = [entry for entry in list(self._openings.values()) if admit(entry) and match(entry.words)]
        return sorted(found, key=lambda entry: (entry.ended_at or entry.scheduled_at, entry.id), reverse=True)

    def projects(self, query: str) -> list[Entry]:
        """Projects that match a query that is not empty, by id."""
        match = self._matcher(query)
        return sorted((e for e in list(self._projects.values()) if match(e.words)), key=lambda e: e.id)

    def numbered(self, number: str) -> list[Entry]:
        """Openings with this opening number, lot number or project code, the latest first."""
        wanted = _plain(number)
        here = (e for e in list(self._openings.values()) if wanted in map(_plain, (e.id, e.lot, e.project)))
        return sorted(here, key=lambda entry: (entry.scheduled_at, entry.id), reverse=True)

    def _matcher(self, query: str) -> Callable[[str], bool]:
        tests = [self._initials.test(token) for token in _plain(query).split()]
        return lambda words: all(test(words) for test in tests)


class Initials:
    """Which characters a letter may stand for: all readings of those that have been seen."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._of: dict[str, set[str]] = {}

    def learn(self, text: str) -> None:
        """Note the readings of characters not met before."""
        for character in set(text) - self._seen:
            self._seen.add(character)
            if character >= "㐀":
                for letter in pinyin(character, style=Style.FIRST_LETTER, heteronym=True)[0]:
                    self._of.setdefault(letter[:1], set()).add(character)

    def test(self, token: str) -> Callable[[str], bool]:
        """A test for one word of a query: it stands there as written, or letters of it are initials."""
        letters = sum(c in self._of for c in token)
        if letters < 1 or len(token) < 2:
            return lambda words: token in words
        pattern = re.compile("".join(self._class(c) for c in token))
        return lambda words: pattern.search(words) is not None

    def _class(self, character: str) -> str:
        others = self._of.get(character)
        return f"[{character}{re.escape(''.join(sorted(others)))}]" if others else re.escape(character)


def _plain(text: str) -> str:
    """Small letters, full-width forms as the plain ones."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def _words(payload: Mapping[str, Any]) -> str:
    return _plain("\n".join(dict.fromkeys(str(payload[key]) for key in SEARCHED if payload.get(key))))


def _opening(payload: Mapping[str, Any]) -> Entry:
    return Entry(
        id=str(payload["id"]),
        words=_words(payload),
        day=str(payload["scheduled_at"])[:10],
        scheduled_at=str(payload["scheduled_at"]),
        ended_at=str(payload.get("ended_at") or ""),
        state=str(payload["state"]),
        family=str(payload.get("trade_family") or ""),
        centre=str(payload.get("centre") or ""),
        key=bool(payload.get("key_project")),
        lot=str(payload.get("lot") or ""),
        project=str(payload.get("project") or ""),
    )
