"""Home 本地: the place whose market is supervised; what is registered elsewhere is 外地."""

from __future__ import annotations

from dataclasses import dataclass

from messages import DEFAULT, Invalid, Message, called, say
from records.identifiers import PROVINCES, province_name

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

    def words(self, lang: str = DEFAULT) -> str:
        """The place as texts name it: its name and prefix, or the prefix alone."""
        name = called(self.name, self.name_en, lang) or say("figure.home", lang)
        return say("common.in_brackets", lang, what=name, more=self.division) if self.division else name

    def rest_of_province(self, lang: str) -> str:
        """What firms from the same province but not from the city are called."""
        known = self.province in PROVINCES
        province = province_name(self.province, lang) if known else say("figure.home_province", lang)
        return say("figure.rest_of_province", lang, province=province)


NOWHERE = Place()


@dataclass(frozen=True)
class Reference:
    """A published share to compare M04 with: per cent, and the year it is of."""

    share: float
    year: int


@dataclass(frozen=True)
class CertificateRegion:
    """数字证书互认: a province whose certificates are recognised here, and how far that has come."""

    province: str
    """Two digits of GB/T 2260."""
    state: str
    """recognised 已互认, pilot 试点 or suspended 中断."""
