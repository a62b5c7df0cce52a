"""A panel of the wall as data: the choice it is drawn for (`Ask`), and the shapes its figures take on the way to the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import messages
from dashboard.shell import figure_cards
from dashboard.shell.cards import DASH, Kpi
from dashboard.shell.filters import Choice
from supervision.figures.dictionary import FIGURES
from supervision.figures.filters import Filters

Panel = dict[str, Any]
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Ask:
    """In which language, and with which choices of the filters row."""

    lang: str
    choice: Choice

    def say(self, key: str, **values: Any) -> str:
        """The text of `key` in the wall's language."""
        return messages.say(key, self.lang, **values)

    @property
    def filters(self) -> Filters:
        """The choices as the figures take them."""
        return self.choice.filters

    @cached_property
    def period(self) -> str:
        """The period in words, as a panel's note says it."""
        filters = self.filters
        if filters.undated:
            return self.say("filters.undated", n=0)
        if filters.period is None:
            return self.say("filters.all_time")
        known = {"rolling12": "filters.grain_rolling12", "ytd": "filters.grain_ytd"}
        return self.say(known[filters.grain]) if filters.grain in known else filters.period.label(self.lang)


def figure(ask: Ask, id: str, show: Callable[[Any], tuple[str, str]], **more: Any) -> Kpi:
    """A figure of the lens as the desk's card says it, with its comparison and its course."""
    return figure_cards.board(ask.choice, ask.lang, id).kpi(id, show, **more)


def panel(kpi: Kpi, note: str, **more: Any) -> Panel:
    """A card as a panel: the number large, its comparison, its course over the months."""
    trend = kpi.trend
    course = trend and {
        "names": list(trend.names),
        "values": [None if v is None else float(v) for v in trend.values],
        "said": list(trend.said),
    }
    return {
        "kind": "figure", "title": kpi.name, "note": note, "value": kpi.value, "unit": kpi.unit,
        "change": plain(kpi.change.line), "small": plain(kpi.note), "trend": course, "key": kpi.key, **more,
    }  # fmt: skip


def total(name: str, value: str, unit: str = "", note: str = "") -> dict[str, str]:
    """One of the running totals, as flip digits."""
    return {"name": name, "value": value, "unit": unit, "note": note}


def pair(name: str, value: str, unit: str = "") -> dict[str, str]:
    """A small figure with its name."""
    return {"name": name, "value": value, "unit": "" if value == DASH else unit}


def named(ask: Ask, id: str) -> str:
    """What a figure is called."""
    return FIGURES[id].name.text(ask.lang)


def bars(rows: Sequence[tuple[str, float, str]]) -> list[dict[str, Any]]:
    """(name, size, figure) as bars."""
    return [{"name": name, "size": float(size), "figure": shown} for name, size, shown in rows]


def plain(markup: str) -> str:
    """The words of a card's line without their markup."""
    return _TAG.sub(" ", markup).replace("  ", " ").strip()
