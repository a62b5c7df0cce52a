"""What each rule rests on: the articles of law, and the practice and literature it follows. One table for all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from messages import Message, known
from records.law import (
    BIDDING_LAW,
    BIDDING_RULES,
    CIVIL_CODE,
    COMPLAINTS,
    ELECTRONIC_BIDDING,
    MUST_BE_TENDERED,
    SMART_BIDDING,
    ZHEJIANG_RULES,
    Article,
)


@dataclass(frozen=True)
class Work:
    """A practice, list of indicators or paper; its words are `source.<name>`, with the places in it that are followed."""

    name: str
    places: Sequence[str] = ()

    @property
    def cited(self) -> Message:
        """As it is written: Cardinal R035."""
        return Message(f"source.{self.name}", places=list(self.places))

    @property
    def short(self) -> Message:
        """As a narrow column has it: World Bank."""
        brief = f"source.short.{self.name}"
        return Message(brief) if known(brief) else self.cited


Ground = Article | Work

STATISTICAL = Work("statistical")
"""统计规则: nothing but how unusual it is in its market."""


def _law(*articles: int, paragraph: int | None = None, items: Sequence[int] = ()) -> Article:
    return Article(BIDDING_LAW, articles, paragraph, items)


def _rules(*articles: int, paragraph: int | None = None, items: Sequence[int] = ()) -> Article:
    return Article(BIDDING_RULES, articles, paragraph, items)


def _scene(item: int) -> Article:
    return Article(SMART_BIDDING, items=[item])


def _cardinal(code: str) -> Work:
    return Work("cardinal", [code])


GROUNDS: dict[str, tuple[Ground, ...]] = {
    "T1": (STATISTICAL, Work("prozorro", ["R040"]), Work("proact_share"), _law(32)),
    "T2": (STATISTICAL, _rules(13)),
    "T3": (STATISTICAL, Work("agency_rating")),
    "T4": (_rules(13, 34),),
    "T5": (Work("prozorro", ["SAS 3-2", "SAS 3-5"]), _cardinal("R035")),
    "T6": (STATISTICAL, _cardinal("R038")),
    "T7": (Work("world_bank_rejected"), _cardinal("R036")),
    "T8": (_law(24), Article(CIVIL_CODE, [201])),
    "T9": (_law(34),),
    "T10": (_rules(26),),
    "T11": (_law(4), Article(MUST_BE_TENDERED)),
    "T12": (_rules(36), _cardinal("R030")),
    "T13": (STATISTICAL, Work("prozorro", ["X009"])),
    "T14": (STATISTICAL, Work("world_bank_lowest")),
    "T15": (_rules(8), Work("ocp", ["R013"])),
    "T16": (Work("supplements"), Work("markup"), _scene(19)),
    "B1": (STATISTICAL, _scene(17), Work("wachs_kertesz")),
    "B2": (STATISTICAL, Work("oecd_rotation"), Work("ocp", ["R057"])),
    "B3": (STATISTICAL, _cardinal("R025"), Work("ocp", ["R053"]), Work("oecd_cover")),
    "B4": (_rules(40, items=[1, 2]),),
    "B5": (_scene(17),),
    "B6": (_rules(40, items=[6]),),
    "B7": (_rules(40, items=[3]),),
    "B8": (_rules(40, items=[1]),),
    "B9": (_rules(40, items=[4, 5]),),
    "B10": (_rules(40, items=[4]),),
    "B11": (STATISTICAL, Work("imhof"), Work("garcia")),
    "B12": (STATISTICAL, Work("oecd_cover"), Work("relative_distance")),
    "B13": (STATISTICAL, _cardinal("R024")),
    "B13b": (STATISTICAL, _cardinal("R058")),
    "B14": (STATISTICAL, Work("chassang")),
    "B15": (_law(29), _rules(35), Article(ELECTRONIC_BIDDING, [31])),
    "B16": (_rules(34, paragraph=2),),
    "B17": (_rules(37, paragraph=3),),
    "B18": (STATISTICAL, Work("oecd_sharing")),
    "B20": (Work("oecd_compensation"),),
    "E1": (_scene(9), Work("shandong_association")),
    "E2": (_scene(17),),
    "E3": (STATISTICAL, _scene(17)),
    "E4": (_scene(17),),
    "E5": (_scene(9),),
    "E6": (STATISTICAL,),
    "E7": (_rules(46),),
    "E8": (_rules(48),),
    "E9": (_rules(46), Article(ZHEJIANG_RULES, [31])),
    "O1": (_law(28), _cardinal("R018")),
    "O2": (_law(28),),
    "O3": (_law(33), Article(ZHEJIANG_RULES, [33])),
    "O4": (STATISTICAL, Work("herfindahl")),
    "O5": (Work("prozorro", ["X007"]),),
    "O7": (_law(65), Article(COMPLAINTS)),
    "O8": (_rules(54), Work("proact")),
    "O10": (_rules(54),),
    **{
        code: (_cardinal(code),)
        for code in ("R018", "R024", "R025", "R028", "R035", "R036", "R038", "R048", "R058")
    },
}
"""Rule id → what it rests on, the weightiest first."""


def weightiest(rule_id: str) -> Message:
    """The one ground a narrow column has room for: the first article of law, else the first work."""
    grounds = GROUNDS[rule_id]
    return next((one for one in grounds if isinstance(one, Article)), grounds[0]).short


def law_of(rule_id: str) -> Message:
    """What a rule rests on, in words."""
    cited = (ground.cited for ground in GROUNDS[rule_id])
    return reduce(lambda first, following: Message("law.and", first=first, following=following), cited)
