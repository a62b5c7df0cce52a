"""The public market page: what the watch publishes under topic `market`, as figures, a line and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streaming.site.render import word

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 880, 240, 48, 28, 12
REFERENCE = 34.15
"""外地企业参与占比 of Hangzhou in 2023, the labelled reference line (domain: M04)."""


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
    rows: list[dict[str, str]]


def figures(payload: dict[str, Any], lang: str) -> list[Figure]:
    """The last twelve months large, the present month below them."""
    year, month = payload["rolling12"], payload
    as_of = word(lang, "market.asof", time=str(payload["as_of"])[:16].replace("T", " "))

    def count(name: str) -> Figure:
        now = word(lang, "market.month", value=_number(month[name]))
        return Figure(
            word(lang, f"market.{name}"),
            _number(year[name]),
            word(lang, f"market.{name}.unit"),
            f"{now} · {as_of}",
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
    outside = Figure(word(lang, "market.outside"), text, "%", parts)
    return [outside, count("participations"), count("firms"), count("openings")]


def chart(payload: dict[str, Any], lang: str) -> Chart | None:
    """The monthly share of outside participations; None with fewer than two months that have one."""
    series = [(row["month"], row) for row in payload["series"] if row["value"] is not None]
    if len(series) < 2:
        return None
    values: list[float] = [row["value"] * 100 for _, row in series]
    low = max(0.0, 10 * (min([*values, REFERENCE]) // 10))
    high = 10 * (max([*values, REFERENCE]) // 10 + 1)
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
        reference=y(REFERENCE),
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


def _number(value: Any) -> str:
    return "—" if value is None else f"{value:,}"
