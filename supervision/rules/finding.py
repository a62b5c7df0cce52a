"""Finding 发现: what a rule says about its subjects (contracts §5); it becomes a warning when raised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from messages import Message

Level = Literal["red", "orange", "yellow"]
LEVELS: tuple[Level, ...] = ("red", "orange", "yellow")
"""Worst first; `level.<code>` names them."""

SubjectKind = Literal["lot", "tenderer", "agency", "bidder", "group", "expert", "project"]


@dataclass(frozen=True, order=True)
class Subject:
    """Whom or what a finding is about."""

    kind: SubjectKind
    id: str

    def as_dict(self) -> dict[str, str]:
        """As it stands in records and messages."""
        return {"kind": self.kind, "id": self.id}


@dataclass(frozen=True)
class Finding:
    """A reason to look, never an accusation. `value`, `baseline`, `threshold` are in the rule's unit."""

    rule: str
    rule_version: str
    family: str
    level: Level
    title: Message
    subjects: tuple[Subject, ...]
    value: float
    threshold: float
    baseline: float | None = None
    """The usual value in the stratum; None: unknown 未知, the market is too small to say."""
    stratum: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    lot_id: str | None = None
    centre_id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The finding as contracts §5 words it."""
        return {
            "rule": self.rule,
            "level": self.level,
            "subjects": [subject.as_dict() for subject in self.subjects],
            "value": self.value,
            "baseline": self.baseline,
            "threshold": self.threshold,
            "stratum": self.stratum,
            "evidence": self.evidence,
            "rule_version": self.rule_version,
        }
