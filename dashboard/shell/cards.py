"""KPI cards 指标卡: the number large, its name above, its comparison below, where it comes from in the tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import streamlit as st

import messages
from dashboard import context
from dashboard.charts.bars import spark
from dashboard.shell import layout
from dashboard.shell.html import draw, esc, tip
from records.clock import BEIJING, now
from supervision.figures import formats as figures

DASH = figures.DASH


@dataclass(frozen=True)
class Basis:
    """Where a figure comes from, how often it is renewed, and as of when it stands."""

    source: str
    every: str
    as_of: datetime | None


def live_basis(lang: str) -> Basis:
    """A figure read from the ledger just now."""
    return Basis(messages.say("kpi.source_ledger", lang), messages.say("kpi.every_live", lang), now())


def lens_basis(lang: str) -> Basis:
    """A figure of the lens."""
    return Basis(
        messages.say("kpi.source_lens", lang), messages.say("kpi.every_lens", lang), context.lens().as_of()
    )


@dataclass(frozen=True)
class Trend:
    """A figure's course over the points of its period: each point's name, its value, and the value as it is said."""

    names: Sequence[str]
    values: Sequence[float | None]
    said: Sequence[str]


@dataclass(frozen=True)
class Change:
    """How a figure has changed: the comparison line as markup (made by `change`), and the days it compares with where these
    are not a whole period."""

    line: str = ""
    same_days: str = ""


UNCOMPARED = Change()


@dataclass(frozen=True)
class Kpi:
    """One card. `name` and `note` are shown as they are; `value` without its unit."""

    name: str
    value: str
    unit: str = ""
    change: Change = UNCOMPARED
    note: str = ""
    definition: str = ""
    basis: Basis | None = None
    trend: Trend | None = None
    href: str = ""
    key: bool = False
    """The screen's one key figure: it alone wears the sun colour."""


def change(word: str, difference: float | None, unit: str, places: int = 2, scale: float = 1.0) -> str:
    """ "同比 ▲ 1.46 个百分点": the sign as a shape, never as a colour alone; a dash when there is nothing to compare."""
    if difference is None:
        return f"{word} <b>{DASH}</b>"
    amount = figures.half_up(Decimal(repr(difference * scale)), places)
    shape = "▲" if amount > 0 else "▼" if amount < 0 else "＝"
    return f"{word} <b>{shape} {abs(amount):,}</b> {unit}"


def growth(word: str, fraction: float | None) -> str:
    """ "同比 ▲ 3.20 %": relative growth."""
    return change(word, fraction, "%", 2, 100.0)


def _tip(kpi: Kpi, lang: str) -> str:
    basis = kpi.basis or Basis("", "", None)
    at = basis.as_of.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S") if basis.as_of else DASH
    parts = (
        ("definition", kpi.definition), ("as_of", at), ("source", basis.source), ("every", basis.every),
        ("same_days", kpi.change.same_days),
    )  # fmt: skip
    words = [messages.say(f"kpi.{key}", lang, text=text) for key, text in parts if text]
    return tip(kpi.name, " ".join(words))


def _card(kpi: Kpi, lang: str) -> str:
    lines = "<br>".join(line for line in (kpi.change.line, kpi.note) if line)
    link = f'<a href="{esc(kpi.href)}" target="_self" aria-label="{esc(kpi.name)}"></a>' if kpi.href else ""
    unit = f"<small>{esc(kpi.unit)}</small>" if kpi.unit and kpi.value != DASH else ""
    return (
        f'<section class="card kpi{" key" if kpi.key else ""}"><h2><span>{esc(kpi.name)}{_tip(kpi, lang)}</span></h2>'
        f"<strong>{esc(kpi.value)}{unit}</strong><p>{lines}</p>{link}</section>"
    )


def facts(kpis: Sequence[Kpi], lang: str) -> None:
    """Figures in a line within a panel: smaller than cards, with the same 口径."""
    draw(f'<dl class="facts">{"".join(_fact(one, lang) for one in kpis)}</dl>')


def _fact(kpi: Kpi, lang: str) -> str:
    unit = f"<small>{esc(kpi.unit)}</small>" if kpi.unit and kpi.value != DASH else ""
    lines = [line for line in (kpi.change.line, kpi.note) if line]
    note = f" <span>{' · '.join(lines)}</span>" if lines else ""
    value = f"{esc(kpi.value)}{unit}"
    shown = f'<a href="{esc(kpi.href)}" target="_self">{value}</a>' if kpi.href else value
    return f"<div><dt>{esc(kpi.name)}{_tip(kpi, lang)}</dt><dd>{shown}{note}</dd></div>"


def show(kpis: Sequence[Kpi], lang: str, row: str = "main") -> None:
    """One row of cards; `row` tells it from others on the same screen."""
    with st.container(key=f"kpis-{len(kpis)}-{row}"):
        for place, kpi in enumerate(kpis):
            with st.container(key=f"kpi-{place}-{row}", gap=None):
                draw(_card(kpi, lang))
                if kpi.trend is not None:
                    _spark(kpi.name, kpi.trend, f"spark-{place}-{row}")


def _spark(name: str, trend: Trend, key: str) -> None:
    made = spark(layout.variant(), name, trend.values, trend.names, trend.said)
    if made is not None:
        with st.container(key=key):  # by it the stylesheet makes room, before the line is drawn
            layout.spark(made)
