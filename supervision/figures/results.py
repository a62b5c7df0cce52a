"""What figures are answered with: shares, quantiles and comparisons, each knowing how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from supervision.figures import formats as figures


@dataclass(frozen=True)
class Share:
    """A part of a whole. `unknown` counts what could not be placed: it is in neither of the two."""

    numerator: int | Decimal
    denominator: int | Decimal
    unknown: int = 0

    @property
    def exact(self) -> Decimal | None:
        """The fraction; None for an empty whole."""
        return figures.ratio(self.numerator, self.denominator)

    @property
    def value(self) -> float | None:
        """The fraction 0–1 for charts; None for an empty whole."""
        return None if self.exact is None else float(self.exact)

    @property
    def text(self) -> str:
        """As shown: per cent, two decimals, half up; "—" for an empty whole."""
        return figures.percent(self.exact)


@dataclass(frozen=True)
class Gap:
    """A difference of two shares, in fractions (0.021 = 2.1 percentage points); None if either is unknown."""

    minuend: Share
    subtrahend: Share

    @property
    def value(self) -> float | None:
        """minuend − subtrahend."""
        first, second = self.minuend.exact, self.subtrahend.exact
        return None if first is None or second is None else float(first - second)

    @property
    def text(self) -> str:
        """In percentage points with sign."""
        return figures.points(self.value)


@dataclass(frozen=True)
class Participations:
    """参与家次 and 企业数."""

    participations: int
    firms: int

    @property
    def value(self) -> float:
        """家次, for comparisons."""
        return float(self.participations)


@dataclass(frozen=True)
class Amount:
    """A sum of money in one currency over `count` lots, of which `missing` have no amount."""

    sum: Decimal
    count: int
    missing: int = 0
    currency: str = figures.CNY
    elsewhere: int = 0
    """Lots whose amount is in another currency: counted, never added up."""

    @property
    def known(self) -> Decimal | None:
        """The sum; None where not one of the lots has an amount: that is unknown, not nought."""
        return None if self.count and self.count == self.missing else self.sum

    @property
    def value(self) -> float | None:
        """The sum as float, for charts only."""
        return None if self.known is None else float(self.known)

    @property
    def text(self) -> str:
        """万元 or 亿元, or the same with another currency's code."""
        return self.shown()

    def shown(self, lang: str = "zh") -> str:
        """As shown in `lang`."""
        return figures.money(self.known, self.currency, lang)


@dataclass(frozen=True)
class Count:
    """A number of things."""

    value: int


@dataclass(frozen=True)
class Index:
    """An index number and over how many lots it was taken; None where not one of them tells."""

    value: float | None
    lots: int


@dataclass(frozen=True)
class Mean:
    """A quotient that is not a share: `total` per one of `count`."""

    total: int | Decimal
    count: int

    @property
    def value(self) -> float | None:
        """None where there is nothing to divide by."""
        return None if not self.count else float(Decimal(self.total) / self.count)

    @property
    def text(self) -> str:
        """Two decimals; "—" where there is nothing to divide by."""
        return figures.number(self.value, 2)


@dataclass(frozen=True)
class Quantiles:
    """Distribution over lots; all None when there is none."""

    lots: int
    mean: float | None
    p10: float | None
    median: float | None
    p90: float | None

    @property
    def value(self) -> float | None:
        """The median."""
        return self.median


@dataclass(frozen=True)
class Origins:
    """来源地数 and 来源集中度."""

    provinces: int | None
    """None where not one participation is of known place: that is unknown, not nought."""
    concentration: float | None
    """Σ share² over known provinces, 0–1."""

    @property
    def value(self) -> float | None:
        """Number of provinces."""
        return None if self.provinces is None else float(self.provinces)


T = TypeVar("T")


@dataclass(frozen=True)
class Comparison(Generic[T]):
    """A figure beside that of the period before (环比) and of the year before (同比)."""

    present: T
    previous: T | None
    year_before: T | None

    def difference(self, against: str = "year_before") -> float | None:
        """present − earlier in the figure's own unit (fractions for shares); None if either is unknown."""
        now, then = self._pair(against)
        return None if now is None or then is None else now - then

    def growth(self, against: str = "year_before") -> float | None:
        """present ÷ earlier − 1; None if either is unknown or the earlier one is zero."""
        now, then = self._pair(against)
        return None if now is None or not then else now / then - 1

    def _pair(self, against: str) -> tuple[float | None, float | None]:
        return getattr(self.present, "value", None), getattr(getattr(self, against), "value", None)
