"""What a rule is: a name in plain words, its law, its parameters, and what it cannot know. A lot rule reads the facts of
one lot, a market rule (`supervision.rules.market_rule`) the lens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from messages import Invalid, Message
from messages import Parameter as Parameters
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding, Level, Subject
from supervision.rules.grounds import law_of

FAMILIES = ("process", "tenderers", "agencies", "rings", "bidders", "files", "experts")
"""Families of rules; `rule.family.<code>` names them."""


@dataclass(frozen=True)
class Parameter:
    """A number a supervisor may change, within its range (both ends included)."""

    name: str
    default: float
    low: float
    high: float
    whole: bool = False


Mode = Literal["on", "shadow", "off"]
"""How a rule runs. on: its findings become warnings; shadow: they are counted and shown to nobody; off: it does not look."""


class Rule(ABC):
    """What every rule has. Stateless: findings depend on what it reads and the parameters alone.

    Its words are messages: `rule.<id>.name`, `.formula`, `.unit` (of value, baseline and
    threshold), `.cannot_know`, one a parameter, and what it says of a lot.
    """

    id: ClassVar[str]
    version: ClassVar[str] = "1"
    family: ClassVar[str]
    level: ClassVar[Level]
    mode: ClassVar[Mode] = "on"
    share: ClassVar[bool] = False
    """Whether what it measures is a part of one, which people read as per cent."""
    reads: ClassVar[tuple[str, ...]]
    """Fields of the ledger it looks at."""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    """The first is the one that decides: it stands for the threshold where there is room for one."""

    def says(self, key: str, **parameters: Parameters) -> Message:
        """One of its messages."""
        return Message(f"rule.{self.id}.{key}", **parameters)

    @property
    def law(self) -> Message:
        """What it rests on: law, practice, papers."""
        return law_of(self.id)

    def parameter_name(self, parameter: Parameter) -> Message:
        """What a parameter is: a word that rules share."""
        return Message(f"rule.parameter.{parameter.name}")

    def grounds(self) -> dict[str, object]:
        """What it rests on, in every language, for the evidence."""
        return {"law": self.law.text("zh"), "law_en": self.law.text("en")}

    def settings(self, given: Mapping[str, float] | None = None) -> dict[str, float]:
        """Defaults overlaid by `given`. Raises messages.Invalid naming an unknown or out-of-range parameter."""
        known = {parameter.name: parameter for parameter in self.parameters}
        chosen = {name: parameter.default for name, parameter in known.items()}
        for name, value in (given or {}).items():
            parameter = known.get(name)
            if parameter is None:
                raise Invalid(
                    Message("rule.no_parameter", rule=self.id, parameter=name, choices=list(known) or "—")
                )
            if not parameter.low <= value <= parameter.high or (parameter.whole and value != int(value)):
                range_of = {"value": value, "low": parameter.low, "high": parameter.high}
                raise Invalid(Message("rule.out_of_range", rule=self.id, parameter=name, **range_of))
            chosen[name] = value
        return chosen


class LotRule(Rule):
    """A rule about one lot."""

    @abstractmethod
    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """The findings of a lot; the baseline is filled in by who knows the market."""

    @abstractmethod
    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """The lot's value in the rule's unit, suspicious or not; None where nothing can be measured."""

    def finding(
        self,
        facts: LotFacts,
        bidders: list[str],
        *,
        title: Message,
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
            title=title,
            subjects=subjects,
            value=value,
            threshold=threshold,
            stratum=facts.stratum,
            evidence={**self.grounds(), **evidence},
            lot_id=facts.lot_id,
            centre_id=facts.centre_id,
        )
