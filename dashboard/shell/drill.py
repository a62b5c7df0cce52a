"""Drill-down: a click on a mark of a chart narrows the lots below to those behind it. What was picked stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st

import messages
from supervision.figures.figure import OPENED, Rows
from supervision.figures.lots import rows_of_mark

PICKED = "pick"
"""Query parameter: dimension and value of the mark, `winner:91330100…`."""


@dataclass(frozen=True)
class Pick:
    """A mark: the value of a dimension of the figures."""

    by: str
    value: str

    @property
    def rows(self) -> Rows:
        """The lots behind it."""
        return rows_of_mark(self.by, self.value)


def picked(named: Mapping[str, Callable[[str], str]]) -> Pick | None:
    """The mark the address names, if it is of one of the dimensions of `named`."""
    by, _, value = st.query_params.get(PICKED, "").partition(":")
    return Pick(by, value) if by in named and value else None


def open_lots(by: str) -> Callable[[str], None]:
    """What a chart's click does: the table of lots shows those behind the mark; the same mark again shows all."""
    return partial(_pick, by)


def rows_shown(pick: Pick | None) -> Rows:
    """The lots a screen's table has."""
    return OPENED if pick is None else pick.rows


def notice(pick: Pick | None, named: Mapping[str, Callable[[str], str]], lang: str) -> None:
    """Say above the table which mark it is narrowed to, and offer all lots again. `named` puts a value into words."""
    if pick is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="picked"):
        words = named[pick.by](pick.value)
        st.button(
            f"{messages.say(f'drill.{pick.by}', lang, value=words)}　✕", key="unpick", on_click=_forget,
            help=messages.say("drill.all", lang),
        )  # fmt: skip


def _pick(by: str, value: str) -> None:
    chosen = f"{by}:{value}"
    if st.query_params.get(PICKED) == chosen:
        _forget()
        return
    st.query_params[PICKED] = chosen
    st.query_params.pop("lots-page", None)


def _forget() -> None:
    st.query_params.pop(PICKED, None)
    st.query_params.pop("lots-page", None)
