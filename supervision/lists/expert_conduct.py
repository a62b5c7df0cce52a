"""The register of experts' conduct 违规闭环 (E10): lateness, leaving, leaks and remarks as sources report them, and how far each has
been dealt with. Bookkeeping, no inference; experts are pseudonyms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from records.tables.evaluation import Expert

STATES = ("discovered", "informed", "recorded", "handled", "published")
"""The steps of the loop in their order; the last closes it."""


@dataclass(frozen=True)
class Conduct:
    """One entry of the register."""

    expert: str
    type: str
    state: str
    at: datetime | None

    @property
    def open(self) -> bool:
        """Whether the loop is not closed yet."""
        return self.state != STATES[-1]


def conduct(session: Session) -> list[Conduct]:
    """The register, open entries first, the newest of each kind first."""
    query = select(Expert.id, Expert.violations).where(cast(Expert.violations, String).not_in(("[]", "null")))
    found = [
        Conduct(
            expert, one["type"], one["state"], datetime.fromisoformat(one["at"]) if one.get("at") else None
        )
        for expert, violations in session.execute(query)
        for one in violations
    ]
    return sorted(found, key=lambda one: (not one.open, -(one.at.timestamp() if one.at else 0), one.expert))


def by_state(found: Sequence[Conduct]) -> dict[str, int]:
    """How many stand at each step."""
    counted = Counter(one.state for one in found)
    return {state: counted[state] for state in STATES}
