"""Where the winning price lies among the prices read aloud: a histogram, as places of a picture without a script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median, quantiles
from typing import Any

from streaming.site.render import figure, is_yuan, money, price_unit, word

FEWEST = 5
"""Prices below which a table says more than a picture."""
HEIGHT = 40.0
"""Pixels of the highest bar."""
FAR = 3.0
"""Interquartile ranges beyond the quartiles from which a price is not drawn: one slip of a decimal point would press all
others into one bar."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """One bar: place and width in percent of the picture, height in pixels."""

    x: float
    width: float
    height: float


@dataclass(frozen=True)
class Mark:
    """A price with its words: place in percent, and which way the words stand."""

    x: float
    words: str

    @property
    def anchor(self) -> str:
        """Words stay inside the picture."""
        return "end" if self.x > 50 else "start"


@dataclass(frozen=True)
class Histogram:
    """The whole picture; `says` tells it in words."""

    title: str
    says: str
    bars: list[Bar]
    ticks: list[Mark]
    unit: str
    won: Mark | None
    limit: Mark | None


def histogram(
    record: Mapping[str, Any] | None, won: str | None, currency: str, lang: str
) -> Histogram | None:
    """The prices of an opening record that count alike, with VAT or without; `won` is the winning price. None with fewer
    than five of them."""
    read = [bid for bid in (record or {}).get("bids", []) if bid.get("price") is not None]
    prices = sorted(Decimal(bid["price"]) for bid in read if not bid.get("other_vat"))
    if len(prices) < FEWEST:
        return None
    limit = _limit(record)
    drawn = _near(prices)
    scale = _Scale.over(drawn, [x for x in (limit, _price(won)) if x is not None and x > 0])
    return Histogram(
        title=word(lang, "prices.title.won" if won else "prices.title", n=len(prices)),
        says=_says(prices, len(prices) - len(drawn), _price(won), lang, currency, len(read) - len(prices)),
        bars=_bars(drawn, scale),
        ticks=_ticks(scale, lang, currency),
        unit=price_unit(currency, lang),
        won=_mark("prices.won", won, scale, lang, currency),
        limit=_mark("prices.limit", None if limit is None else str(limit), scale, lang, currency),
    )


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _limit(record: Mapping[str, Any] | None) -> Decimal | None:
    control = (record or {}).get("control_price") or {}
    return _price(control.get("amount"))


def _near(prices: Sequence[Decimal]) -> list[Decimal]:
    low, _, high = quantiles(prices, n=4)
    wide = Decimal(FAR) * (high - low)
    return [price for price in prices if low - wide <= price <= high + wide]


@dataclass(frozen=True)
class _Scale:
    """Yuan → percent of the picture."""

    low: float
    high: float

    @classmethod
    def over(cls, prices: Sequence[Decimal], others: Sequence[Decimal]) -> _Scale:
        """A scale that holds the prices, and those of the others that lie near enough to leave the bars their shape."""
        low, high = float(prices[0]), float(prices[-1])
        span = (high - low) or abs(high) * 0.02 or 1.0
        near = [float(x) for x in others if low - 1.5 * span <= float(x) <= high + 1.5 * span]
        low, high = min([low, *near]), max([high, *near])
        return cls(low - 0.02 * span, high + 0.02 * span)

    def place(self, price: float) -> float | None:
        """Percent from the left; None outside the picture."""
        share = (price - self.low) / (self.high - self.low)
        return round(100 * share, 2) if 0 <= share <= 1 else None


def _bars(prices: Sequence[Decimal], scale: _Scale) -> list[Bar]:
    count = max(12, min(56, round(2.5 * math.sqrt(len(prices)))))
    step = (scale.high - scale.low) / count
    counts = [0] * count
    for price in prices:
        counts[min(count - 1, int((float(price) - scale.low) / step))] += 1
    most, width = max(counts), 100 / count
    return [
        Bar(round(i * width, 2), round(width, 2), round(max(2.0, HEIGHT * n / most), 1))
        for i, n in enumerate(counts)
        if n
    ]


def _ticks(scale: _Scale, lang: str, currency: str) -> list[Mark]:
    unit = int(word(lang, "money.yuan_a_unit")) if is_yuan(currency) else 1
    low, high = scale.low / unit, scale.high / unit
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in _STEPS if power * n >= rough)
    digits = max(0, -math.floor(math.log10(step))) + (1 if step / power == 2.5 else 0)
    found = []
    tick = math.ceil(low / step) * step
    while tick <= high:
        place = scale.place(tick * unit)
        if place is not None and 4 <= place <= 88:
            found.append(Mark(place, f"{tick:,.{digits}f}"))
        tick += step
    return found


def _mark(key: str, price: str | None, scale: _Scale, lang: str, currency: str) -> Mark | None:
    place = None if price is None else scale.place(float(price))
    return (
        None
        if place is None or price is None
        else Mark(place, word(lang, key, price=figure(price, lang, currency)))
    )


def _says(
    prices: Sequence[Decimal], far: int, won: Decimal | None, lang: str, currency: str, otherwise: int
) -> str:
    """The picture in words; `otherwise`: how many prices count otherwise and stand beside it."""
    points = {"low": prices[0], "middle": Decimal(median(prices)), "high": prices[-1]}
    said = [
        word(lang, "prices.says", **{key: money(str(value), lang, currency) for key, value in points.items()})
    ]
    if won is not None:
        said.append(word(lang, "prices.place", n=1 + sum(price < won for price in prices), of=len(prices)))
    if far:
        said.append(word(lang, "prices.far", n=far))
    if otherwise:
        said.append(word(lang, "prices.other_vat", n=otherwise))
    return word(lang, "prices.and").join(said)
