"""Figures as users read them: half-up rounding, scales such as 万 and 亿, per cent, "—" for what is undefined (§5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise

from messages import DEFAULT, say
from records.currencies import with_vat as with_vat

DASH = "—"
MINUS = "−"
CNY = "CNY"

Number = int | Decimal | float


def _decimal(value: Number) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def half_up(value: Number, places: int = 2) -> Decimal:
    """Round half away from zero, the commercial way (0.125 → 0.13), never half to even."""
    return _decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def ratio(numerator: Number, denominator: Number) -> Decimal | None:
    """The quotient as Decimal; None when the denominator is zero: such a share is unknown, not 0."""
    below = _decimal(denominator)
    return None if below == 0 else _decimal(numerator) / below


def minus(figure: str) -> str:
    """A written figure with the minus sign − (U+2212): a hyphen is too short beside digits, and lines break at it. Files
    for other programs keep the hyphen, which those read."""
    return figure.replace("-", MINUS)


def percent(value: Number | None, places: int = 2) -> str:
    """A fraction as per cent: 0.3415 → "34.15%"; None → "—"."""
    return DASH if value is None else minus(f"{half_up(_decimal(value) * 100, places)}%")


def points(value: Number | None, places: int = 2) -> str:
    """A difference of two fractions in percentage points, with its sign: 0.021 → "+2.10"; None → "—"."""
    return DASH if value is None else minus(f"{half_up(_decimal(value) * 100, places):+}")


def signed(value: Number | None, places: int = 2) -> str:
    """A deviation or difference with its sign, a minus (U+2212) and no hyphen: 0.5 → "+0.50", −0.25 → "−0.25"; what rounds
    to nothing has none; None → "—"."""
    if value is None:
        return DASH
    rounded = half_up(value, places)
    return minus(f"{rounded or abs(rounded):{'+' if rounded else ''},}")


def number(value: Number | None, places: int = 0) -> str:
    """A count or mean with thousands separators; None → "—"."""
    return DASH if value is None else minus(f"{half_up(value, places):,}")


def significant(value: float | None, digits: int = 3) -> str:
    """A statistic with so many significant digits: 0.0012345 → "0.00123", −4.5 → "−4.5"; None → "—"."""
    return DASH if value is None else minus(f"{value:.{digits}g}")


def places(value: Number) -> int:
    """Decimals a measure is shown with, the same in every table: none for a whole one, four for a small one, else two."""
    exact = _decimal(value)
    if exact == exact.to_integral_value():
        return 0
    return 2 if abs(exact) >= Decimal("0.1") else 4


def measure(value: Number | None) -> str:
    """A measured value (a warning's, its baseline, its threshold) with as many decimals as `places` says."""
    return DASH if value is None else number(value, places(value))


def currency_name(code: str, lang: str = DEFAULT) -> str:
    """A currency as readers know it: its ISO 4217 code, and in words that its amounts are without VAT."""
    iso = with_vat(code)
    return iso if iso == code else say("money.net", lang, amount=iso)


@dataclass(frozen=True)
class Scale:
    """What a language counts large figures in: 万, 亿, thousand, million, billion; its first may have no name."""

    size: int
    name: str


@cache
def scales(lang: str, listed: str = "money.scales") -> tuple[Scale, ...]:
    """The scales of a language for money, or for a number of things (count.scales), smallest first, as the catalogue
    lists them."""
    parts = say(listed, lang).split(",")
    return tuple(Scale(int(size), name.strip()) for size, _, name in (part.partition("=") for part in parts))


def scale_of(lang: str, least: int) -> Scale:
    """The smallest scale of money that is at least `least`, else the greatest."""
    every = scales(lang)
    return next((scale for scale in every if scale.size >= least), every[-1])


def _fitting(value: Decimal, every: Sequence[Scale]) -> Scale:
    """The smallest scale in which the rounded figure stays below one of the next."""
    for scale, following in pairwise(every):
        if half_up(abs(value) / scale.size) < following.size // scale.size:
            return scale
    return every[-1]


def money(value: Number | None, currency: str, lang: str = DEFAULT, beside: Number | None = None) -> str:
    """Money with its currency, two decimals: "12.34万元", "12.34亿元", "12.34万 JPY", "CNY 1.23 million"; None → "—".

    The scale is that of the amount itself, or of the greater one that it stands `beside` in a ranking.
    """
    if value is None:
        return DASH
    amount = _decimal(value)
    scale = _fitting(amount if beside is None else _decimal(beside), scales(lang))
    return in_scale(minus(f"{half_up(amount / scale.size):,}"), scale, currency, lang)


def exact_money(value: Number | None, currency: str, lang: str = DEFAULT) -> str:
    """One price as it was offered or awarded, to the hundredth of its currency: "27,648.1234万元", "CNY 276,481,234.00"; None → "—".

    Yuan are counted in the unit of the public pages (万元 in Chinese, yuan in English), others plainly; at least two decimals.
    """
    if value is None:
        return DASH
    size = int(say("site.money.yuan_a_unit", lang)) if with_vat(currency) == CNY else 1
    whole, _, part = minus(f"{half_up(value) / size:,f}").partition(".")
    scale = scale_of(lang, size) if size > 1 else ONES
    return in_scale(f"{whole}.{part.rstrip('0'):0<2}", scale, currency, lang)


def unrounded_money(value: Number, currency: str, lang: str = DEFAULT) -> str:
    """Money as `money` writes it where two decimals of its scale are all of it, else as `exact_money` does."""
    amount = _decimal(value)
    size = _fitting(amount, scales(lang)).size
    whole = half_up(amount / size) * size == amount
    return (money if whole else exact_money)(amount, currency, lang)


def in_scale(figure: str, scale: Scale, currency: str, lang: str) -> str:
    """A figure that counts a scale of a currency: "12万元", "12亿 JPY", "12万元（不含税）", "CNY 12 million"."""
    text = _plain(figure, scale, currency, lang)
    return text if currency == with_vat(currency) else say("money.net", lang, amount=text)


def unit(scale: Scale, currency: str, lang: str) -> str:
    """A scale of a currency alone: "万元", "亿 JPY", "万元（不含税）", "CNY million"."""
    return in_scale("", scale, currency, lang)


ONES = Scale(1, "")


def heading_unit(currency: str, lang: str = DEFAULT, scale: Scale = ONES) -> str:
    """A unit as it stands between a heading's brackets: "元", "万元，不含税", "JPY", "CNY excl. VAT"."""
    text = _plain("", scale, currency, lang)
    return text if currency == with_vat(currency) else say("money.net_in_brackets", lang, unit=text)


def _plain(figure: str, scale: Scale, currency: str, lang: str) -> str:
    """The same, whether with or without VAT left unsaid."""
    iso = with_vat(currency)
    key = "money.yuan" if iso == CNY else "money.other"
    return " ".join(say(key, lang, n=figure, scale=scale.name, currency=iso).split())


def big_count(value: Number | None, unit: str, lang: str = DEFAULT) -> str:
    """A number of things, a great one in the language's scales: 312600 → "31.26万家次", "312,600 bids"; None → "—"."""
    if value is None:
        return DASH
    amount = _decimal(value)
    scale = _fitting(amount, scales(lang, "count.scales"))
    shown = f"{half_up(amount / scale.size, 0 if scale.size == 1 else 2):,}"
    return say("count.of", lang, n=shown, scale=scale.name, unit=unit).strip()
