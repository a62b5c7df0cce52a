"""Drill-down: a click on a mark of a chart narrows the lots below to those behind it. What was picked stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

import streamlit as st

import messages
from dashboard.shell import layout
from dashboard.shell.filters import PICKED
from dashboard.shell.html import esc
from supervision.figures import formats as figures
from supervision.figures.answers import by_award
from supervision.figures.dictionary import FIGURES
from supervision.figures.lots import Mark

_PAGES = ("lots-page", "fees-page")
"""Which rows of the tables that a mark narrows are shown: another mark begins with the first."""


def open_lots(by: str) -> Callable[[str], None]:
    """What a chart's click does: the table of lots shows those behind the mark; the same mark again shows all."""
    return partial(_pick, by)


def address(by: str, value: str) -> str:
    """The screen's address with a mark picked, for a figure that is a link."""
    kept = {name: held for name, held in st.query_params.to_dict().items() if name not in (PICKED, *_PAGES)}
    return "?" + urlencode({**kept, PICKED: f"{by}:{value}"})


def link(by: str, value: str, words: str) -> str:
    """Words, or a figure, as a link to the lots behind them."""
    return f'<a href="{esc(address(by, value))}" target="_self">{esc(words)}</a>'


def notice(pick: Mark | None, named: Mapping[str, Callable[[str], str]], lang: str) -> None:
    """Say above the table which mark it is narrowed to, and offer all lots again. `named` puts a value into words."""
    if pick is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="picked"):
        words = named[pick.by](pick.value)
        st.button(
            f"{messages.say(f'drill.{pick.by}', lang, value=words)}　✕", key="unpick", on_click=_forget,
            help=messages.say("drill.all", lang),
        )  # fmt: skip


def figure_name(id: str, lang: str) -> str:
    """What the figure is called whose lots are shown; its id where there is none."""
    return FIGURES[id].name.text(lang) if id in FIGURES else id


def note(pick: Mark | None, total: int, lang: str) -> str:
    """How many lots the table has, which day they go by, and what a click on one does."""
    said = "drill.by_award" if by_award(pick) else "openness.lots_note"
    return f"{messages.say(said, lang, n=figures.number(total))} · {messages.say('table.pick_lot', lang)}"


def _pick(by: str, value: str) -> None:
    chosen = f"{by}:{value}"
    if st.query_params.get(PICKED) == chosen:
        _forget()
        return
    layout.choose(**{PICKED: chosen} | dict.fromkeys(_PAGES, ""))


def _forget() -> None:
    layout.choose(**dict.fromkeys((PICKED, *_PAGES), ""))
