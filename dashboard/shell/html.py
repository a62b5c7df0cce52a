"""Small pieces of markup the screens share. Whatever comes from records passes through `esc`."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

import messages

ICONS = {
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.3V11M8 5v.2"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 5"/>',
    "cross": '<path d="m4.5 4.5 7 7M11.5 4.5l-7 7"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.2 1.4"/>',
}
_LEVEL_SHAPES = {
    "red": '<path d="M7 1 13.5 13H.5z"/>',
    "orange": '<path d="M7 .5 13.5 7 7 13.5.5 7z"/>',
    "yellow": '<circle cx="7" cy="7" r="6"/>',
}


def esc(value: Any) -> str:
    """Text as markup; None as a dash."""
    return "—" if value is None or value == "" else escape(" ".join(str(value).split()))


def draw(markup: str) -> None:
    """Put markup on the page. `st.html` would drop every drawing; a blank line would end the markup block."""
    st.markdown("".join(line.strip() for line in markup.splitlines()), unsafe_allow_html=True, anchors=False)


def icon(name: str) -> str:
    """A line icon out of ICONS."""
    return f'<svg class="ic" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" aria-hidden="true">{ICONS[name]}</svg>'


def level(name: str, word: str) -> str:
    """A warning level: colour, shape and word together."""
    return f'<span class="lv {name}"><svg viewBox="0 0 14 14" aria-hidden="true">{_LEVEL_SHAPES[name]}</svg>{esc(word)}</span>'


def tip(label: str, text: str) -> str:
    """The mark that explains a figure on hover or focus."""
    return (
        f'<span class="tip" tabindex="0" role="note" aria-label="{escape(label)}：{escape(text)}">{icon("info")}'
        f'<span aria-hidden="true">{escape(text)}</span></span>'
    )


def card(title: str, inner: str, note: str = "", extra: str = "ch") -> str:
    """A card with its title, an optional muted note, and what is inside."""
    muted = f'<span class="muted">{note}</span>' if note else ""
    return (
        f'<section class="card {extra}"><div class="hd"><h2>{esc(title)}</h2>{muted}</div>{inner}</section>'
    )


def language_switch(lang: str, query: str = "") -> str:
    """Links to the same page in the other languages, each by its own name; `query` is what the address says besides."""
    return "".join(
        f'<a href="?lang={other}{escape(query)}" target="_self" lang="{messages.say("site.language.tag", other)}">'
        f"{messages.say('common.language_name', other)}</a>"
        for other in messages.languages()
        if other != lang
    )
