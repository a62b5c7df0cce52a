"""`sunbid scan`: run rules over the whole ledger without raising anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from records.clock import now
from records.ledger import Ledger
from records.tables.projects import Lot
from records.visibility import Datum, visible
from supervision.rules.baseline import measure_baselines, ready_facts
from supervision.rules.registry import LOT_RULES, rule_of

_PART = 25


def scan(
    ledger: Ledger,
    rules: Sequence[str] | None = None,
    params: Mapping[str, Mapping[str, float]] | None = None,
    since: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Findings as contracts §5 words them, by lot in order of deadline; memory stays flat.

    `rules`: ids (None: all); `params`: {rule: {parameter: value}}; `since`: deadline not before.
    Raises messages.Unknown for an unknown rule, messages.Invalid for an unknown or out-of-range parameter.
    """
    chosen = [rule_of(rule_id) for rule_id in (rules or LOT_RULES)]
    settings = {
        rule_of(rule_id).id: rule_of(rule_id).settings(given) for rule_id, given in (params or {}).items()
    }
    return _findings(ledger, chosen, settings, since)


def _findings(ledger: Ledger, chosen: Any, settings: Any, since: datetime | None) -> Iterator[dict[str, Any]]:
    at = now()
    usual = measure_baselines(ledger, at)
    query = select(Lot.id).where(visible(Datum.WARNINGS, at=at)).order_by(Lot.deadline, Lot.id)
    if since is not None:
        query = query.where(Lot.deadline >= since)
    with ledger.read() as session:
        ids = list(session.scalars(query))
    for n in range(0, len(ids), _PART):
        with ledger.read() as session:
            batch = ready_facts(session, ids[n : n + _PART], at)
        for facts in batch:
            for rule in chosen:
                for finding in rule.evaluate(facts, settings.get(rule.id)):
                    yield usual.of(finding).as_dict()
