"""Baselines 基线: what a rule's value usually is, measured on the market's own opened lots."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.tables.projects import Lot, counted
from records.visibility import Datum, visible
from supervision.readiness import Readiness, lots_readiness
from supervision.rules.alike import MEASURE
from supervision.rules.facts import LotFacts, load_facts
from supervision.rules.finding import Finding
from supervision.rules.registry import LOT_RULES

SAMPLE = 400
"""The newest lots looked at."""

ENOUGH = 20
"""Measured lots below which nothing is called usual: the baseline is then unknown 未知."""

_PART = 10
_PAUSE = 0.01


@dataclass(frozen=True)
class Baselines:
    """Rule → stratum → usual value (median over lots). The stratum "" is the whole market."""

    usual: Mapping[tuple[str, str], float]

    def of(self, finding: Finding) -> Finding:
        """The finding with its baseline: of its stratum if that is large enough, else of the market, else None. So is that of
        a finding whose value is of another thing than what its rule measures in every lot."""
        if MEASURE in finding.evidence:
            return replace(finding, baseline=None)
        for stratum, shown in ((finding.stratum or "", finding.stratum), ("", "all")):
            value = self.usual.get((finding.rule, stratum))
            if value is not None:
                return replace(finding, baseline=value, stratum=shown)
        return replace(finding, baseline=None)


UNKNOWN = Baselines({})


def measure_baselines(ledger: Ledger, at: datetime | None = None) -> Baselines:
    """Measure every lot rule on the newest opened lots, in small pieces so that nothing else waits long."""
    moment = at or now()
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ledger.read() as session:
        ids = _newest(session, moment)
    for n in range(0, len(ids), _PART):
        with ledger.read() as session:
            for facts in ready_facts(session, ids[n : n + _PART], moment):
                for rule in LOT_RULES.values():
                    value = rule.measure(facts)
                    if value is not None:
                        values[rule.id, facts.stratum].append(value)
                        values[rule.id, ""].append(value)
        time.sleep(_PAUSE)
    return Baselines({key: median(found) for key, found in values.items() if len(found) >= ENOUGH})


def _newest(session: Session, at: datetime) -> list[str]:
    query = select(Lot.id).where(Lot.deadline.is_not(None), visible(Datum.WARNINGS, at=at), counted())
    return list(session.scalars(query.order_by(Lot.deadline.desc(), Lot.id).limit(SAMPLE)))


def ready_facts(session: Session, lot_ids: list[str], at: datetime) -> list[LotFacts]:
    """Facts of those lots that may be looked at, with prices only where they were read."""
    ready = lots_readiness(session, lot_ids, at)
    seen = [i for i in lot_ids if ready.get(i, Readiness.SECRET) > Readiness.SECRET]
    return load_facts(session, seen, [i for i in seen if ready[i] is Readiness.PRICES])
