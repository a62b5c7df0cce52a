"""Drawings made of SVG markup where a shape is simpler to draw than to describe as a chart."""

from __future__ import annotations

from html import escape

from dashboard.charts.axis import wide


def svg(width: float, height: float, label: str, inner: str) -> str:
    """A drawing that shrinks with its column; `label` is its name for who does not see it. One with links in it is a group:
    a picture would hide them."""
    role = "group" if "<a " in inner else "img"
    return (
        f'<svg class="meet" viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px" role="{role}"'
        f' aria-label="{escape(label)}">{inner}</svg>'
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
    """Words with their anchor at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def linked(drawn: str, href: str) -> str:
    """What is drawn as a link, where it leads somewhere."""
    return f'<a href="{escape(href)}" target="_self">{drawn}</a>' if href else drawn


def fitted(words: str, pixels: float) -> str:
    """Words as far as they have room, with … for what is cut."""
    if wide(words) <= pixels:
        return words
    kept = words
    while kept and wide(f"{kept}…") > pixels:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
