"""Home 本地: the place whose market is supervised; what is registered elsewhere is 外地."""

from __future__ import annotations

from dataclasses import dataclass

from messages import Invalid, Message, say
from records.identifiers import PROVINCES

PROVINCE_DIGITS = 2
"""Digits of a division code (GB/T 2260) that name its province."""


@dataclass(frozen=True)
class Place:
    """Prefixes of the division codes that are home, and how the place is called.

    Without a division nobody can be called local or outside: every firm's place is then unknown.
    """

    division: str = ""
    """City view; two digits for a province, four for a city, six for a county."""
    province: str = ""
    """Province view; empty: derived from the division."""
    name: str = ""
    name_en: str = ""

    def __post_init__(self) -> None:
        for prefix in (self.division, self.province):
            if prefix and not prefix.replace("-", "").isalnum():
                raise Invalid(Message("figure.no_prefix", prefix=prefix))
        if not self.province:
            object.__setattr__(self, "province", self.division[:PROVINCE_DIGITS])

    @property
    def prefixes(self) -> tuple[str, str]:
        """What decides who is outside: (city view, province view)."""
        return self.division, self.province

    def words(self, lang: str = "zh") -> str:
        """The place as texts name it: its name and prefix, or the prefix alone."""
        name = self.name if lang == "zh" else self.name_en or self.name
        return _with_code(name or say("figure.home", lang), self.division, lang)

    def rest_of_province(self, lang: str = "zh") -> str:
        """What firms from the same province but not from the city are called."""
        names = PROVINCES.get(self.province)
        province = say("figure.home_province", lang) if names is None else names[0 if lang == "zh" else 1]
        return say("figure.rest_of_province", lang, province=province)


def _with_code(name: str, code: str, lang: str) -> str:
    if not code:
        return name
    return f"{name}（{code}）" if lang == "zh" else f"{name} ({code})"


NOWHERE = Place()


@dataclass(frozen=True)
class Reference:
    """A published share to compare M04 with: per cent, and the year it is of."""

    share: float
    year: int
