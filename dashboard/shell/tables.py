"""Tables of the screens: sorted, searched and copied from in the browser; which rows of a long one are there, and in which
order, stands in the address. They are saved by the export menu alone, which is audited (dashboard/exports). Short lists of links stay markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.column_config import LinkColumn, MultiselectColumn, NumberColumn, ProgressColumn, TextColumn

import messages
from dashboard.charts.theme import DAY
from dashboard.shell import layout
from dashboard.shell.html import draw as put
from dashboard.shell.html import esc
from records.serving.requests import whole
from supervision.figures import formats as figures
from supervision.rules.finding import LEVELS
from web import tokens

TEXT, COUNT, MEASURE, SHARE, MONEY, LEVEL, LINK = (
    "text",
    "count",
    "measure",
    "share",
    "money",
    "level",
    "link",
)
"""Kinds of columns: words; a whole number; a measured number; a share of 0 to 1 with its bar; (amount, currency); a
warning level by its name; an address that opens beside the desk."""
ROWS = 100
"""Rows of a table that are there at once; what is longer has pages."""
SEEN = 6
"""Rows of it that are seen without scrolling."""
HEAD, LINE = 32, 32
"""Pixels of the heading and of a row."""
THOUSAND = 1000
SHAPES = {"red": "▲", "orange": "◆", "yellow": "●"}
"""Level → its shape: colour never speaks alone."""
Shape = Any
"""How Streamlit shows a column: what its column_config makes."""
Amount = tuple[Decimal | float | None, str]


@dataclass(frozen=True)
class Column:
    """One column: the key of its heading, its kind, and which sort of the whole table it shows."""

    key: str
    kind: str = TEXT
    sort: str = ""
    width: int | None = None


@dataclass(frozen=True)
class Window:
    """Which rows of a long table are on screen."""

    sort: str
    page: int
    pages: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows stand before it."""
        return (self.page - 1) * self.size


@dataclass(frozen=True)
class Row:
    """The cells of a row, and what is opened when it is ticked."""

    cells: Sequence[Any]
    key: str = ""


def grid(
    name: str, title: str, note: str, total: int, columns: Sequence[Column], lang: str,
    read: Callable[[Window], Sequence[Row]], picked: Callable[[str], None] | None = None, size: int = ROWS, seen: int = SEEN,
) -> None:  # fmt: skip
    """A card with a table: `read` gives the rows of a window. Ticking a row calls `picked` with its key. Without any row it says
    so: an empty frame has a word of its own for that, in English."""
    if not total:
        draw_empty(title, messages.say("table.none", lang), note)
        return
    sorts = {c.sort: messages.say(f"column.{c.key}", lang) for c in columns if c.sort} or {"": ""}
    shown = window(name, total, size, sorts)
    rows = read(shown)
    with st.container(key=f"table-{name}", gap=None):
        with st.container(horizontal=True, vertical_alignment="center", key=f"tablebar-{name}"):
            put(f'<div class="hd"><h2>{esc(title)}</h2><span class="muted">{esc(note)}</span></div>')
            _controls(name, shown, sorts, lang)
        _frame(name, title, columns, rows, lang, picked, min(len(rows), seen))


def _frame(
    name: str, title: str, columns: Sequence[Column], rows: Sequence[Row], lang: str,
    picked: Callable[[str], None] | None, seen: int,
) -> None:  # fmt: skip
    cells = [[row.cells[place] for row in rows] for place in range(len(columns))]
    drawn = [_drawn(column, values, lang) for column, values in zip(columns, cells, strict=True)]
    table = pa.table({column.key: values for column, (values, _) in zip(columns, drawn, strict=True)})
    key = f"grid-{name}-{layout.address()}"
    st.dataframe(
        table, hide_index=True, row_height=LINE, height=HEAD + LINE * max(seen, 1) + 2, alt=title, placeholder=figures.DASH,
        column_config={column.key: shape for column, (_, shape) in zip(columns, drawn, strict=True)}, key=key,
        selection_mode="single-row", on_select=partial(_tick, key, [row.key for row in rows], picked) if picked else "ignore",
    )  # fmt: skip


def _tick(key: str, keys: Sequence[str], picked: Callable[[str], None]) -> None:
    for place in st.session_state[key]["selection"]["rows"]:
        if place < len(keys):
            picked(keys[place])


def _drawn(column: Column, values: Sequence[Any], lang: str) -> tuple[pa.Array[Any], Shape]:
    """What a column holds and how it is shown."""
    heading = messages.say(f"column.{column.key}", lang)
    return _KINDS[column.kind](heading, values, column.width, lang)


def _text(heading: str, values: Sequence[Any], width: int | None, _lang: str) -> tuple[pa.Array[Any], Shape]:
    words = [None if value is None else " ".join(str(value).split()) for value in values]
    return pa.array(words, pa.string()), TextColumn(heading, width=width)


def _count(heading: str, values: Sequence[Any], width: int | None, _lang: str) -> tuple[pa.Array[Any], Shape]:
    return pa.array(values, pa.int64()), NumberColumn(heading, format="%,d", width=width)


def _measure(
    heading: str, values: Sequence[Any], width: int | None, _lang: str
) -> tuple[pa.Array[Any], Shape]:
    numbers = [
        None if value is None else float(figures.half_up(value, figures.places(value))) for value in values
    ]
    return pa.array(numbers, pa.float64()), NumberColumn(heading, format="plain", width=width)


def _share(heading: str, values: Sequence[Any], width: int | None, _lang: str) -> tuple[pa.Array[Any], Shape]:
    parts = [None if value is None else float(figures.half_up(value * 100)) for value in values]
    shape = ProgressColumn(heading, format="%.2f %%", min_value=0, max_value=100, width=width)
    return pa.array(parts, pa.float64()), shape


def _money(
    heading: str, values: Sequence[Amount], width: int | None, lang: str
) -> tuple[pa.Array[Any], Shape]:
    """Amounts in one unit, so that they can be compared and sorted; in words where their currencies differ."""
    codes = {code for amount, code in values if amount is not None}
    if len(codes) > 1:
        words = [None if amount is None else figures.money(amount, code, lang) for amount, code in values]
        return pa.array(words, pa.string()), TextColumn(heading, width=width, alignment="right")
    code = next(iter(codes), figures.CNY)
    scale = figures.scale_of(lang, THOUSAND)
    shown = figures.in_scale("%,.2f", scale, code, lang)
    amounts = [
        None if amount is None else float(figures.half_up(Decimal(amount) / scale.size))
        for amount, _ in values
    ]
    return pa.array(amounts, pa.float64()), NumberColumn(heading, format=shown, width=width)


def _level(heading: str, values: Sequence[Any], width: int | None, lang: str) -> tuple[pa.Array[Any], Shape]:
    words = {name: f"{SHAPES[name]} {messages.say(f'level.{name}', lang)}" for name in LEVELS}
    night = layout.variant() != DAY
    colours = [tokens.colour(name, night=night) for name in LEVELS]
    shape = MultiselectColumn(heading, options=list(words.values()), color=colours, width=width)
    return pa.array([[words[name]] for name in values], pa.list_(pa.string())), shape


def _link(heading: str, values: Sequence[Any], width: int | None, lang: str) -> tuple[pa.Array[Any], Shape]:
    shape = LinkColumn(heading, display_text=messages.say("table.open", lang), width=width)
    return pa.array(values, pa.string()), shape


_KINDS: Mapping[str, Callable[[str, Sequence[Any], int | None, str], tuple[pa.Array[Any], Shape]]] = {
    TEXT: _text, COUNT: _count, MEASURE: _measure, SHARE: _share, MONEY: _money, LEVEL: _level, LINK: _link,
}  # fmt: skip


# ── which rows ───────────────────────────────────────────────────────────────


def window(name: str, total: int, size: int, sorts: Mapping[str, str]) -> Window:
    """The rows to show, as the address says; unknown sorts and pages fall back to the first."""
    sort = st.query_params.get(f"{name}-sort", "")
    pages = max(ceil(total / size), 1)
    number = min(max(whole(st.query_params.get(f"{name}-page", "1")) or 1, 1), pages)
    return Window(sort if sort in sorts else next(iter(sorts)), number, pages, size)


def paged(name: str, total: int, size: int, lang: str) -> Window:
    """The window of a short list, and the buttons that turn its pages where it has several: drawn where it is called."""
    shown = window(name, total, size, {"": ""})
    _controls(name, shown, {}, lang)
    return shown


def _controls(name: str, shown: Window, sorts: Mapping[str, str], lang: str) -> None:
    """Sort choice and page buttons of a table, where there is a choice."""
    if len(sorts) > 1:
        st.selectbox(
            messages.say("table.sort", lang), list(sorts), index=list(sorts).index(shown.sort),
            format_func=lambda key: messages.say("table.by", lang, column=sorts[key]), key=f"{name}-sort-{shown.sort}",
            label_visibility="collapsed", on_change=_sorted, args=(name, shown.sort), width=168, placeholder=messages.say("table.sort", lang),
        )  # fmt: skip
    if shown.pages > 1:
        _pager(name, shown, lang)


def _pager(name: str, shown: Window, lang: str) -> None:
    put(f'<span class="muted pages">{shown.page} / {shown.pages}</span>')
    for word, to in (("before", shown.page - 1), ("next", shown.page + 1)):
        st.button(
            messages.say(f"table.{word}", lang), key=f"turn-{word}-{name}", help=messages.say(f"table.{word}", lang),
            disabled=not 1 <= to <= shown.pages, on_click=_turned, args=(name, to),
        )  # fmt: skip


def _sorted(name: str, before: str) -> None:
    layout.choose(**{f"{name}-sort": st.session_state[f"{name}-sort-{before}"], f"{name}-page": ""})


def _turned(name: str, page: int) -> None:
    layout.choose(**{f"{name}-page": "" if page == 1 else str(page)})


# ── markup ───────────────────────────────────────────────────────────────────


def markup(columns: Sequence[Column], rows: Sequence[Sequence[str]], lang: str, caption: str = "") -> str:
    """A short list as markup. Cells are markup already: the caller has passed every text through `esc`."""
    heads = "".join(f'<th scope="col">{messages.say(f"column.{c.key}", lang)}</th>' for c in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table><caption class="vh">{esc(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def card(title: str, table: str, note: str = "", empty: str = "") -> str:
    """A list in a card of its own, or one sentence why it is empty."""
    inner = table or f'<p class="none">{esc(empty)}</p>'
    muted = f'<span class="muted">{note}</span>' if note else ""
    return f'<section class="card tab"><div class="hd"><h2>{esc(title)}</h2>{muted}</div>{inner}</section>'


def draw_empty(title: str, why: str, note: str = "") -> None:
    """A list without a row: one sentence why, in the place where it would stand."""
    put(card(title, "", esc(note), why))


def link(address: str, name: Any) -> str:
    """A link in a cell; the name is escaped, the address must be ours."""
    return f'<a href="{esc(address)}" target="_blank" rel="noopener">{esc(name)}</a>'
