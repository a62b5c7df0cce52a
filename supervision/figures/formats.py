"""Figures as users read them: half-up rounding, 万元/亿元, per cent, "—" for what is undefined (§5.2)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from records.currencies import WITHOUT_VAT

DASH = "—"
WAN = Decimal(10_000)
YI = Decimal(100_000_000)
CNY = "CNY"
ENGLISH_UNITS = ((1, ""), (10**3, "thousand"), (10**6, "million"), (10**9, "billion"))

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


def percent(value: Number | None, places: int = 2) -> str:
    """A fraction as per cent: 0.3415 → "34.15%"; None → "—"."""
    return DASH if value is None else f"{half_up(_decimal(value) * 100, places)}%"


def points(value: Number | None, places: int = 2) -> str:
    """A difference of two fractions in percentage points, with its sign: 0.021 → "+2.10"; None → "—"."""
    return DASH if value is None else f"{half_up(_decimal(value) * 100, places):+}"


def number(value: Number | None, places: int = 0) -> str:
    """A count or mean with thousands separators; None → "—"."""
    return DASH if value is None else f"{half_up(value, places):,}"


def places(value: Number) -> int:
    """Decimals a measure is shown with, the same in every table: none for a whole one, four for a small one, else two."""
    exact = _decimal(value)
    if exact == exact.to_integral_value():
        return 0
    return 2 if abs(exact) >= Decimal("0.1") else 4


def measure(value: Number | None) -> str:
    """A measured value (a warning's, its baseline, its threshold) with as many decimals as `places` says."""
    return DASH if value is None else number(value, places(value))


def currency_name(code: str, lang: str = "zh") -> str:
    """A currency as readers know it: its ISO 4217 code, and in words that its amounts are without VAT."""
    iso = code.removesuffix(WITHOUT_VAT)
    if iso == code:
        return code
    return f"{iso}（不含税）" if lang == "zh" else f"{iso} excl. VAT"


def with_vat(currency: str) -> str:
    """The plain currency of one that may be without VAT: deposits know no tax."""
    return currency.removesuffix(WITHOUT_VAT)


def money(value: Number | None, currency: str, lang: str = "zh", beside: Number | None = None) -> str:
    """Money with its currency, two decimals: "12.34万元", "12.34亿元", "12.34万 JPY", "CNY 1.23 million"; None → "—".

    The unit is that of the amount itself, or of the greater one that it stands `beside` in a ranking.
    """
    if value is None:
        return DASH
    amount = _decimal(value)
    by = amount if beside is None else _decimal(beside)
    return _chinese(amount, currency, by) if lang == "zh" else _english(amount, currency, by)


def _chinese(amount: Decimal, currency: str, by: Decimal) -> str:
    large = half_up(abs(by) / WAN) >= WAN
    scale = "亿" if large else "万"
    return f"{half_up(amount / (YI if large else WAN)):,}{in_units(scale, currency)}"


def in_units(scale: str, currency: str) -> str:
    """万 or 亿 of a currency: "万元", "亿 JPY", "万元（不含税）"."""
    name = currency_name(currency)
    return scale + (
        "元" + name.removeprefix(CNY) if currency.removesuffix(WITHOUT_VAT) == CNY else " " + name
    )


def heading_unit(currency: str, lang: str = "zh", scale: str = "") -> str:
    """A unit as it stands between a heading's brackets: "元", "万元，不含税", "JPY", "CNY excl. VAT"."""
    if lang != "zh":
        return currency_name(currency, lang)
    return in_units(scale, currency).strip().replace("（", "，").removesuffix("）")


def _english(amount: Decimal, currency: str, by: Decimal) -> str:
    """The unit is the smallest in which the rounded figure stays below a thousand."""
    fitting = (unit for unit in ENGLISH_UNITS if half_up(abs(by) / unit[0]) < ENGLISH_UNITS[1][0])
    size, unit = next(fitting, ENGLISH_UNITS[-1])
    iso, _, tax = currency_name(currency, "en").partition(" ")
    return " ".join(part for part in (iso, f"{half_up(amount / size):,}", unit, tax) if part)


def wan_count(value: Number | None, unit: str = "家次", lang: str = "zh") -> str:
    """A big count as 万: 312600 → "31.26万家次", plain below 10,000 and in English ("312,600 bids"); None → "—"."""
    if value is None:
        return DASH
    amount = _decimal(value)
    if lang != "zh":
        return f"{half_up(amount, 0):,} {unit}".rstrip()
    return f"{half_up(amount / WAN):,}万{unit}" if abs(amount) >= WAN else f"{half_up(amount, 0):,}{unit}"
