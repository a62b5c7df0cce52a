"""What a rule is: a name in plain words, its law, its parameters, and what it cannot know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding, Level, Subject

FAMILIES: dict[str, tuple[str, str]] = {
    "process": ("交易流程", "Process"),
    "tenderers": ("招标人与代理", "Tenderers and agencies"),
    "bidders": ("投标人抱团", "Bidder rings"),
    "files": ("文件与资金同源", "Files and money of one origin"),
    "experts": ("专家评审", "Experts"),
}


@dataclass(frozen=True)
class Parameter:
    """A number a supervisor may change, within its range (both ends included)."""

    name: str
    default: float
    low: float
    high: float
    zh: str
    en: str
    whole: bool = False


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str


class LotRule(ABC):
    """A rule about one lot. Stateless: `evaluate` depends on the facts and the parameters alone."""

    id: ClassVar[str]
    version: ClassVar[str]
    family: ClassVar[str]
    level: ClassVar[Level]
    name: ClassVar[Words]
    law: ClassVar[Words]
    formula: ClassVar[Words]
    unit: ClassVar[Words]
    """Unit of value, baseline and threshold."""
    reads: ClassVar[tuple[str, ...]]
    """Fields of the ledger it looks at."""
    cannot_know: ClassVar[Words]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    @abstractmethod
    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """The lot's value in the rule's unit, suspicious or not; None where nothing can be measured."""

    @abstractmethod
    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """The findings of a lot; the baseline is filled in by who knows the market."""

    def settings(self, given: Mapping[str, float] | None = None) -> dict[str, float]:
        """Defaults overlaid by `given`. Raises ValueError naming an unknown or out-of-range parameter."""
        known = {parameter.name: parameter for parameter in self.parameters}
        chosen = {name: parameter.default for name, parameter in known.items()}
        for name, value in (given or {}).items():
            parameter = known.get(name)
            if parameter is None:
                choices = ", ".join(known) or "—"
                raise ValueError(
                    f"规则 {self.id} 没有参数 {name!r}；可用 / no such parameter, choose from: {choices}"
                )
            if not parameter.low <= value <= parameter.high or (parameter.whole and value != int(value)):
                raise ValueError(
                    f"规则 {self.id} 参数 {name}={value} 超出范围 {parameter.low}–{parameter.high} / out of range"
                )
            chosen[name] = value
        return chosen

    def finding(
        self,
        facts: LotFacts,
        bidders: list[str],
        *,
        title: Words,
        value: float,
        threshold: float,
        evidence: dict[str, object],
        level: Level | None = None,
    ) -> Finding:
        """A finding of this rule about a lot and some of its bidders, at the rule's level unless told otherwise."""
        subjects = (Subject("lot", facts.lot_id), *(Subject("bidder", b) for b in sorted(bidders)))
        return Finding(
            rule=self.id,
            rule_version=self.version,
            family=self.family,
            level=level or self.level,
            title=title.zh,
            title_en=title.en,
            subjects=subjects,
            value=value,
            threshold=threshold,
            stratum=facts.stratum,
            evidence={"law": self.law.zh, "law_en": self.law.en, **evidence},
            lot_id=facts.lot_id,
            centre_id=facts.centre_id,
        )
