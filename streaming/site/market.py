"""The public market page: what the watch publishes under topic `market`, as figures, a line and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from messages import called
from streaming.site.render import word

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 880, 240, 48, 28, 12


@dataclass(frozen=True)
class Figure:
    """One large number with its name above and its comparison below."""

    label: str
    value: str
    unit: str
    note: str


@dataclass(frozen=True)
class Chart:
    """Coordinates of the monthly line, ready for an SVG; `rows` says the same in words."""

    points: str
    last: tuple[float, float]
    ticks: list[tuple[float, str]]
    labels: list[tuple[float, str]]
    reference: float | None
    """Where a published share stands, if the watch tells of one."""
    reference_words: str
    rows: list[dict[str, str]]


def figures(payload: dict[str, Any], lang: str) -> list[Figure]:
    """The last twelve months large, the present month below them; all time where those months are empty."""
    whole, span = _reach(payload, lang)
    year = whole or payload["rolling12"]
    as_of = word(lang, "market.asof", time=str(payload["as_of"])[:16].replace("T", " "))
    over = span or word(lang, "market.rolling12")

    def count(name: str) -> Figure:
        now = "" if whole else word(lang, "market.month", value=_number(payload[name])) + " · "
        return Figure(
            word(lang, f"market.{name}", span=over),
            _number(year[name]),
            word(lang, f"market.{name}.unit"),
            f"{now}{as_of}",
        )

    share = year["outside"]
    parts = word(
        lang,
        "market.outside.parts",
        outside=_number(share["numerator"]),
        all=_number(share["denominator"]),
        unknown=_number(share["unknown"]),
    )
    text = "—" if share["value"] is None else f"{share['value'] * 100:.2f}"
    outside = Figure(word(lang, "market.outside", span=over), text, "%" if text != "—" else "", parts)
    return [outside, count("participations"), count("firms"), count("openings")]


def _reach(payload: dict[str, Any], lang: str) -> tuple[dict[str, Any] | None, str]:
    """Figures of all time with what they span, where the last twelve months hold none but earlier times do."""
    whole = payload.get("all")
    if not whole or payload["rolling12"]["openings"] or not whole["openings"]:
        return None, ""
    if whole["first"] is None:
        return whole, word(lang, "market.undated")
    return whole, word(lang, "market.span", first=whole["first"], last=whole["last"])


def definition(payload: dict[str, Any], lang: str) -> str:
    """口径 of the figures: what is called outside here."""
    zh, en = payload.get("home_name") or (payload.get("home", ""),) * 2
    if not payload.get("home"):
        return word(lang, "market.definition.nowhere")
    return word(lang, "market.definition", home=called(zh, en, lang))


def chart(payload: dict[str, Any], lang: str) -> Chart | None:
    """The monthly share of outside participations; None with fewer than two months that have one."""
    series = [(row["month"], row) for row in payload["series"] if row["value"] is not None]
    if len(series) < 2:
        return None
    values: list[float] = [row["value"] * 100 for _, row in series]
    published = payload.get("reference")
    every_value: list[float] = [*values, *([published["share"]] if published else [])]
    low = max(0.0, 10 * (min(every_value) // 10))
    high = 10 * (max(every_value) // 10 + 1)
    step = (WIDTH - LEFT - 16) / (len(series) - 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 1)

    places = [(round(LEFT + i * step, 1), y(value)) for i, value in enumerate(values)]
    every = max(1, len(series) // 6)
    ticks = [(y(tick), f"{tick:g}") for tick in (low, (low + high) / 2, high)]
    return Chart(
        points=" ".join(f"{a},{b}" for a, b in places),
        last=places[-1],
        ticks=ticks,
        labels=[(places[i][0], series[i][0]) for i in range(0, len(series), every)],
        reference=y(published["share"]) if published else None,
        reference_words=word(lang, "market.reference", **_share_words(published)) if published else "",
        rows=[
            {
                "month": month,
                "share": f"{row['value'] * 100:.2f} %",
                "outside": _number(row["numerator"]),
                "all": _number(row["denominator"]),
            }
            for month, row in reversed(series)
        ],
    )


def _share_words(published: dict[str, Any]) -> dict[str, str]:
    return {"year": str(published["year"]), "share": f"{published['share']:.2f}"}


def _number(value: Any) -> str:
    return "—" if value is None else f"{value:,}"
