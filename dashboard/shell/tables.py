"""Tables of the screens: plain markup, sortable and paged; sort and page stand in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any
from urllib.parse import urlencode

import streamlit as st

import messages
from dashboard.shell.html import draw as put
from dashboard.shell.html import esc
from records.serving.requests import whole


@dataclass(frozen=True)
class Column:
    """One column: the key of its heading, whether it is a number, and which sort it shows."""

    key: str
    number: bool = False
    sort: str = ""


def markup(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    lang: str,
    sorted_by: str = "",
    caption: str = "",
) -> str:
    """A table. Cells are markup already: the caller has passed every text through `esc`."""
    heads = "".join(_head(column, lang, sorted_by) for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td{_class(c)}>{cell}</td>" for c, cell in zip(columns, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table><caption class="vh">{esc(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _class(column: Column) -> str:
    return ' class="num"' if column.number else ""


def _head(column: Column, lang: str, sorted_by: str) -> str:
    here = column.sort != "" and column.sort == sorted_by
    sort = ' aria-sort="descending"' if here else ""
    arrow = " ▼" if here else ""
    return f'<th scope="col"{_class(column)}{sort}>{messages.say(f"column.{column.key}", lang)}{arrow}</th>'


def card(title: str, table: str, note: str = "", empty: str = "") -> str:
    """A table in a card of its own, or one sentence why it is empty."""
    inner = table or f'<p class="none">{esc(empty)}</p>'
    muted = f'<span class="muted">{note}</span>' if note else ""
    return f'<section class="card tab"><div class="hd"><h2>{esc(title)}</h2>{muted}</div>{inner}</section>'


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


def window(name: str, total: int, size: int, sorts: Mapping[str, str]) -> Window:
    """The rows to show, as the address says; unknown sorts and pages fall back to the first."""
    sort = st.query_params.get(f"{name}-sort", "")
    pages = max(ceil(total / size), 1)
    number = min(max(whole(st.query_params.get(f"{name}-page", "1")) or 1, 1), pages)
    return Window(sort if sort in sorts else next(iter(sorts)), number, pages, size)


def controls(name: str, shown: Window, sorts: Mapping[str, str], lang: str) -> None:
    """Sort choice and page buttons of a table, to stand in its title row."""
    st.selectbox(
        messages.say("table.sort", lang), list(sorts), index=list(sorts).index(shown.sort),
        format_func=lambda key: messages.say("table.by", lang, column=sorts[key]), key=f"{name}-sort-{shown.sort}",
        label_visibility="collapsed", on_change=_sorted, args=(name, shown.sort), width=168, placeholder=messages.say("table.sort", lang),
    )  # fmt: skip
    put(f'<span class="muted pages">{shown.page} / {shown.pages}</span>')
    for word, to in (("before", shown.page - 1), ("next", shown.page + 1)):
        st.button(
            messages.say(f"table.{word}", lang), key=f"turn-{word}-{name}", help=messages.say(f"table.{word}", lang),
            disabled=not 1 <= to <= shown.pages, on_click=_turned, args=(name, to),
        )  # fmt: skip


def _sorted(name: str, before: str) -> None:
    st.query_params[f"{name}-sort"] = st.session_state[f"{name}-sort-{before}"]
    st.query_params.pop(f"{name}-page", None)


def _turned(name: str, page: int) -> None:
    st.query_params[f"{name}-page"] = str(page)


def paged(
    name: str, title: str, note: str, total: int, size: int, sorts: Mapping[str, str], lang: str,
    draw: Callable[[Window], str],
) -> None:  # fmt: skip
    """A card with a long table: title, sort and page buttons on top, `draw` makes the markup of the rows shown."""
    shown = window(name, total, size, sorts)
    with st.container(key=f"table-{name}", gap=None):
        with st.container(horizontal=True, vertical_alignment="center", key=f"tablebar-{name}"):
            put(f'<div class="hd"><h2>{esc(title)}</h2><span class="muted">{esc(note)}</span></div>')
            controls(name, shown, sorts, lang)
        put(f'<div class="tab">{draw(shown)}</div>')


def share_cell(part: int, whole: int, text: str) -> str:
    """A share with its small bar."""
    width = 100 * part / whole if whole else 0
    return f'<span class="mini" aria-hidden="true"><i style="width:{width:.0f}%"></i></span>{esc(text)}'


def one(text: Any) -> str:
    """A short text that stays on one line."""
    return f'<span class="one">{esc(text)}</span>'


def link(address: str, name: Any) -> str:
    """A link in a cell; the name is escaped, the address must be ours."""
    return f'<a href="{esc(address)}" target="_blank" rel="noopener">{esc(name)}</a>'


def here(params: Mapping[str, str], name: Any) -> str:
    """A link in a cell that stays on this screen with other choices."""
    return f'<a href="?{esc(urlencode(params))}" target="_self">{esc(name)}</a>'
