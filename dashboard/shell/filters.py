"""The filters row. Every choice stands in the address, so a link reopens the same view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from html import escape
from typing import Literal, cast
from urllib.parse import urlencode

import streamlit as st

import messages
from dashboard import context, reach
from dashboard.shell import address_checks as address
from dashboard.shell import choices, layout, offered
from dashboard.shell.html import draw as put
from messages import Message
from records.clock import add_months, today
from records.tables.projects import TRADE_FAMILIES
from supervision.figures import answers
from supervision.figures.filters import GRAINS, HOMES, UNITS, Filters, Grain, Home, Period, Unit
from supervision.figures.formats import currency_name
from supervision.figures.lots import Mark, Reach
from supervision.lists import evaluations

Compare = Literal["yoy", "mom"]
COMPARES = ("yoy", "mom")
"""同比, 环比: what a period is compared with."""
MONTHS_BACK = 24
YEAR_DIGITS = 4
ALL, UNDATED = "all", "undated"
EARLIEST, LATEST = 1900, 2200
"""Years a period may be asked for: a year before it and after it must be dates too."""
PICKED = "pick"
"""Query parameter of the mark whose lots are shown: dimension and value, `winner:91330100…`."""
LOTS_SORT = "lots-sort"
"""Query parameter of the order of a table of lots."""
DEFAULTS = {"period": "rolling12", "compare": "yoy", "home": "city", "unit": "participations"}


@dataclass(frozen=True)
class Choice:
    """What the filters row says: the metrics' filters and what to compare with."""

    filters: Filters = field(default_factory=Filters)
    compare: Compare = "yoy"
    query: tuple[tuple[str, str], ...] = ()
    """The choices as they stand in the address, defaults left out."""
    asked: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Everything the address says; the live screens' own choices among it."""
    viewer: str = ""
    """The account that asks, where an export asks for what was given to it."""
    pick: Mark | None = None
    """The mark of a chart that the table of lots is narrowed to."""

    @property
    def before(self) -> Period | None:
        """The period to compare with: a year earlier (同比) or the one before (环比), cut at the same day while this one runs."""
        period, day = self.filters.period, self.filters.today
        if period is None:
            return None
        return period.year_before(day) if self.compare == "yoy" else period.previous(self.filters.grain, day)

    def same_days(self, lang: str) -> str:
        """The days that a running period is compared with, in words; empty where whole periods are compared."""
        period, before = self.filters.period, self.before
        if period is None or before is None or not period.runs(self.filters.today):
            return ""
        last = before.end - timedelta(days=1)
        return messages.say("period.span", lang, first=before.start, last=last)

    def as_query(self) -> dict[str, str]:
        """The choices as query parameters."""
        return dict(self.query)


def a_period(name: str, word: str) -> Message | None:
    """What is wrong with the word of a period; None where it names one."""
    if _named(word) is not None:
        return None
    return Message("filters.not_a_period", asked=f"{name}={word[:40]}", choices=[*GRAINS, ALL, UNDATED])


def _held(every: Callable[[], Collection[str]]) -> address.Check:
    """One of those that the records have; they are read again before one is said to be none of them."""

    def wrong(name: str, value: str) -> Message | None:
        if value in every():
            return None
        offered.look_again()
        return None if value in every() else Message("filters.no_such_choice", asked=f"{name}={value[:40]}")

    return wrong


_CARRIED = "carried"
"""In the session: what the links to the other screens take along."""
ANALYSIS: Mapping[str, address.Check] = {
    "period": a_period, "compare": address.one_of(COMPARES), "centre": _held(lambda: [id for id, _, _ in offered.centres()]),
    "family": address.one_of(TRADE_FAMILIES), "category": _held(offered.categories), "topic": _held(offered.topics),
    "currency": address.a_currency, "home": address.one_of(HOMES), "unit": address.one_of(UNITS),
}  # fmt: skip
"""Query parameters of the filters row, and what each may say."""


MARKS = answers.MARKS | evaluations.MARKS
"""What marks of charts can be asked for what is behind them."""


def read_choice(params: Mapping[str, str], marks: Collection[str] = MARKS) -> Choice:
    """The choice that query parameters name; unknown values, and marks that are not of `marks`, fall back to their
    defaults: `unknown` names the former, so that a screen can say so and an export refuse them."""
    asked, wrong = dict(params), unknown(params)
    params = {name: value for name, value in params.items() if name not in wrong}
    word = params.get("period") or DEFAULTS["period"]
    grain, period = _named(word) or _named(DEFAULTS["period"]) or ("year", None)
    filters = Filters(
        period=period,
        grain=grain,
        centre=params.get("centre") or None,
        trade_family=params.get("family") or None,
        category=params.get("category") or None,
        topic=params.get("topic") or None,
        home=cast(Home, params.get("home") or "city"),
        unit=cast(Unit, params.get("unit") or "participations"),
        currency=params.get("currency") or None,
        holidays=context.config().holidays,
        undated=word == UNDATED,
        today=today(),
    )
    compare: Compare = "mom" if params.get("compare") == "mom" else "yoy"
    by, _, value = params.get(PICKED, "").partition(":")
    pick = Mark(by, value) if by in marks and value and value.isprintable() else None
    kept = (*_WIDGETS, "q", *([PICKED] if pick else []))
    query = tuple((k, params[k]) for k in kept if params.get(k) and params[k] != DEFAULTS.get(k))
    return Choice(filters, compare, query, asked, pick=pick)


def unknown(params: Mapping[str, str]) -> dict[str, Message]:
    """Filter → what is wrong with the value that query parameters give it."""
    given = ((name, value) for name, value in params.items() if name in ANALYSIS)
    return address.faults(given, ANALYSIS, {})


def _named(word: str) -> tuple[Grain, Period | None] | None:
    """A period by its word: all, undated, day, quarter, ytd, rolling12, a year as 2025, a month as 2026-11; None for
    any other word."""
    if word in (ALL, UNDATED):
        return "year", None
    if word in GRAINS:
        return word, Period.of(word, today())
    grain: Grain = "year" if len(word) == YEAR_DIGITS else "month"
    try:
        first = date.fromisoformat(f"{word}-01-01" if grain == "year" else f"{word}-01")
    except ValueError:
        return None
    return (grain, Period.of(grain, first)) if EARLIEST <= first.year <= LATEST else None


def filter_row(lang: str, names: Sequence[str], marks: Collection[str]) -> Choice:
    """Draw the named filters in one row and return what they say; `marks` are those that can be picked on the screen."""
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        for name in names:
            _WIDGETS[name](lang)
    asked = st.query_params.to_dict()
    for name, fault in unknown(asked).items():
        if name in names:
            choices.note(name, fault)
    if marks:
        choices.check(PICKED, address.a_mark(MARKS))
    return read_choice(asked, marks)


def carry() -> dict[str, str]:
    """What the address says of the filters row; the links to the other screens take it along."""
    st.session_state[_CARRIED] = carried = _of_address()
    return carried


def carried_to(path: str) -> str:
    """The address of another screen with what this one's says of the filters row."""
    said = _of_address()
    return f"{path}?{urlencode(said)}" if said else path


def carry_anew() -> None:
    """Draw the links again where a choice has changed what they are to take along: a choice draws its screen alone."""
    if st.session_state.get(_CARRIED, _of_address()) != _of_address():
        st.rerun(scope="app")


def _of_address() -> dict[str, str]:
    return {name: said for name, said in st.query_params.to_dict().items() if name in ANALYSIS and said}


def _stored(name: str) -> str:
    """What the address says of a filter; its default where that is nothing that it can be."""
    said = st.query_params.get(name, "")
    return said if said and not unknown({name: said}) else DEFAULTS.get(name, "")


def _keep(name: str) -> None:
    """A widget changed: into the address, or out of it when it says the default again."""
    value = st.session_state[f"filter-{name}"] or DEFAULTS.get(name, "")
    layout.choose(**{name: "" if value == DEFAULTS.get(name, "") else value, "page": ""})


def narrow(name: str, value: str) -> None:
    """Choose a filter's value from elsewhere on the screen, as its own box would; "" for all."""
    st.session_state[f"filter-{name}"] = value
    _keep(name)


def _select(name: str, lang: str, options: Mapping[str, str]) -> None:
    label = messages.say(f"filters.{name}", lang)
    values, stored = list(options), _stored(name)
    if stored not in options:
        values.append(stored)
    key = f"filter-{name}"
    st.session_state[key] = stored  # the address decides, also after a step back
    st.selectbox(
        label, values, format_func=lambda v: f"{label}　{options.get(v, v)}", key=key,
        label_visibility="collapsed", on_change=_keep, args=(name,), width=_width(label, options, stored),
        filter_mode="contains", placeholder=label,
    )  # fmt: skip


def _width(label: str, options: Mapping[str, str], stored: str) -> int:
    """Pixels that the chosen words need: full-width characters 15, others 8, and the arrow."""
    shown = label + "　" + options.get(stored, stored)
    return min(60 + sum(15 if ord(c) > 0x2E7F else 8 for c in shown), 320)


def _segments(name: str, lang: str, options: Mapping[str, str]) -> None:
    key = f"filter-{name}"
    st.session_state[key] = _stored(name) if _stored(name) in options else next(iter(options))
    st.segmented_control(
        messages.say(f"filters.{name}", lang), list(options), format_func=options.__getitem__, key=key,
        label_visibility="collapsed", on_change=_keep, args=(name,), required=True,
    )  # fmt: skip


def _periods(lang: str) -> None:
    options = {g: messages.say(f"filters.grain_{g}", lang) for g in ("rolling12", "ytd")}
    options["quarter"] = messages.say("filters.this_quarter", lang)
    first = today().replace(day=1)
    for back in range(MONTHS_BACK):
        month = add_months(first, -back)
        options[f"{month:%Y-%m}"] = Period.of("month", month).label(lang)
    found = reach.everything()
    if found.first is not None and found.last is not None:
        for year in range(found.last.year, found.first.year - 1, -1):
            options[f"{year:04}"] = Period.of("year", date(year, 1, 1)).label(lang)
    options[ALL] = messages.say("filters.all_time", lang)
    if found.undated or _stored("period") == UNDATED:
        options[UNDATED] = messages.say("filters.undated", lang, n=found.undated)
    if (stored := _stored("period")) not in options and (named := _named(stored)) and named[1]:
        options[stored] = named[1].label(lang)
    _select("period", lang, options)


def _currencies(lang: str) -> None:
    """Only where there are two or more: each is counted by itself, never added up."""
    found = reach.everything().currencies
    if len(found) > 1:
        _select(
            "currency",
            lang,
            {"": messages.say("filters.commonest", lang)} | {c: currency_name(c, lang) for c in found},
        )


def _centre(lang: str) -> None:
    found = offered.centres()
    if not found:
        return
    small = offered.small_centres()
    _select(
        "centre",
        lang,
        {"": every_centre([id for id, _, _ in found], lang)}
        | {c: _called(c in small, messages.called(zh, en, lang), lang) for c, zh, en in found},
    )


def every_centre(ids: Collection[str], lang: str) -> str:
    """What stands for all of these centres: how many trade, and apart from them how many handle small-value lots alone."""
    small = len(offered.small_centres().intersection(ids))
    trading = messages.say("filters.all_centres", lang, n=len(ids) - small)
    return trading + messages.say("filters.and_small_centres", lang, n=small) if small else trading


def _called(small: bool, name: str, lang: str) -> str:
    return messages.say("filters.small_centre", lang, name=name) if small else name


def _family(lang: str) -> None:
    every = messages.say("filters.all", lang)
    _select(
        "family",
        lang,
        {"": every} | {code: messages.say(f"site.family.{code}", lang) for code in TRADE_FAMILIES},
    )


def _category(lang: str) -> None:
    _select(
        "category",
        lang,
        {"": messages.say("filters.all", lang)}
        | {c: messages.named("term", c, lang) for c in offered.categories()},
    )


def _topic(lang: str) -> None:
    """Only where there is one."""
    if found := offered.topics():
        _select(
            "topic",
            lang,
            {"": messages.say("filters.all", lang)} | {c: messages.named("term", c, lang) for c in found},
        )


def _compare(lang: str) -> None:
    _segments("compare", lang, {w: messages.say(f"filters.{w}", lang) for w in COMPARES})


def _home(lang: str) -> None:
    _segments("home", lang, {k: messages.say(f"filters.home_{k}", lang) for k in HOMES})


def _unit(lang: str) -> None:
    _segments("unit", lang, {k: messages.say(f"filters.unit_{k}", lang) for k in UNITS})


def _space(_lang: str) -> None:
    st.space("stretch")


_WIDGETS: dict[str, Callable[[str], None]] = {
    "period": _periods, "compare": _compare, "centre": _centre, "family": _family, "category": _category,
    "topic": _topic,    "currency": _currencies, "space": _space, "unit": _unit, "home": _home,
}  # fmt: skip


def notice(filters: Filters, query: Mapping[str, str], lang: str) -> None:
    """Say so where the chosen period holds nothing while there are data, and offer periods that do."""
    if (filters.period is None and not filters.undated) or reach.lots_in(filters):
        return
    found = reach.reach(replace(filters, undated=False))
    if found.last is None and not found.undated:
        return
    words = {"all": messages.say("filters.all_time", lang)}
    if found.last is not None:
        for grain in ("month", "year"):
            period = Period.of(grain, found.last)
            words[_word(period)] = period.label(lang)
    if found.undated:
        words["undated"] = messages.say("filters.undated", lang, n=found.undated)
    links = "".join(
        f'<a href="?{escape(urlencode({**query, "period": key}))}" target="_self">{escape(text)}</a>'
        for key, text in words.items()
    )
    shown = filters.period.label(lang) if filters.period else messages.say("filters.undated", lang, n=0)
    put(
        f'<p class="reach" role="status">{messages.say("filters.nothing_in", lang, period=escape(shown))}'
        f" {_span(found, lang)} {links}</p>"
    )


def _span(found: Reach, lang: str) -> str:
    if found.first is None or found.last is None:
        return ""
    return messages.say("filters.reach", lang, first=found.first, last=found.last)


def _word(period: Period) -> str:
    """How a month or a year stands in the address."""
    year = period == Period.of("year", period.start)
    return f"{period.start.year:04}" if year else f"{period.start:%Y-%m}"
