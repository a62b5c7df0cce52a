"""`sunbid scan`: run rules over the whole ledger and its lens without raising anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import now, timestamp
from records.ledger import Ledger
from records.tables.projects import Lot
from records.visibility import Datum, visible
from supervision.config import SIGN
from supervision.home import Place
from supervision.lens.reader import Lens
from supervision.lens.tables import lots as lens_lots
from supervision.lens.writer import LensWriter
from supervision.rules.baseline import UNKNOWN, measure_baselines, ready_facts
from supervision.rules.candidates import lots_that_may_fire
from supervision.rules.finding import Finding
from supervision.rules.market_rule import Ask, MarketRule
from supervision.rules.market_run import findings_of_market, lots_opened_since, on_lens
from supervision.rules.registry import RULES, rule_of
from supervision.rules.rule import LotRule, Rule

Settings = Mapping[str, Mapping[str, float]]
Engine = Callable[[Lens], AbstractContextManager[Ask]]
_SILENT = 30.0
"""Seconds after which a watch that gave no sign is not there."""

_PART = 25


def scan(
    ledger: Ledger,
    rules: Sequence[str] | None = None,
    params: Mapping[str, Mapping[str, float]] | None = None,
    since: datetime | None = None,
    lens: Lens | None = None,
    engine: Engine = on_lens,
) -> Iterator[Finding]:
    """Findings: lot rules by lot in order of deadline, then market rules; memory stays flat.

    `rules`: ids (None: all); `params`: {rule: {parameter: value}}; `since`: lots of an earlier deadline or opening are
    left out (parties are judged by all their lots, and their findings say so); `lens`: what market rules read, without one they are left out;
    `engine`: what answers over the lens, DuckDB or `on_spark`.
    Raises messages.Unknown for an unknown rule, messages.Invalid for an unknown or out-of-range parameter.
    """
    chosen = [rule_of(rule_id) for rule_id in (rules or RULES)]
    settings = {
        rule_of(rule_id).id: rule_of(rule_id).settings(given) for rule_id, given in (params or {}).items()
    }
    return _findings(ledger, chosen, settings, since, lens, engine)


def _findings(
    ledger: Ledger,
    chosen: list[Rule],
    settings: Settings,
    since: datetime | None,
    lens: Lens | None,
    engine: Engine,
) -> Iterator[Finding]:
    of_lots = [rule for rule in chosen if isinstance(rule, LotRule)]
    of_market = [rule for rule in chosen if isinstance(rule, MarketRule)]
    usual = measure_baselines(ledger, now()) if of_lots else UNKNOWN
    if lens is None:
        yield from (usual.of(found) for found in _of_lots(ledger, of_lots, settings, since, None))
        return
    with engine(lens) as ask:
        yield from (usual.of(found) for found in _of_lots(ledger, of_lots, settings, since, ask))
        of_parties = _of_market(lens, ask, of_market, settings, since)
        yield from of_parties if since is None else map(_marked, of_parties)


def _marked(finding: Finding) -> Finding:
    """A finding of no one lot is about parties, a group or a market, judged by all their lots whatever `since` says, and
    says so: `evidence.period` is "all"."""
    if finding.lot_id is not None:
        return finding
    return replace(finding, evidence={**finding.evidence, "period": "all"})


def findings_over(
    ledger: Ledger, lens: Lens, ask: Ask, rule: Rule, chosen: Mapping[str, float], since: datetime
) -> list[Finding]:
    """What one rule with these parameters finds in the lots opened since a moment; `ask` answers over the lens."""
    settings = {rule.id: chosen}
    if isinstance(rule, LotRule):
        return list(_of_lots(ledger, [rule], settings, since, ask))
    of_market = [rule] if isinstance(rule, MarketRule) else []
    return list(_of_market(lens, ask, of_market, settings, since))


def _of_market(
    lens: Lens, ask: Ask, rules: list[MarketRule], settings: Settings, since: datetime | None
) -> Iterator[Finding]:
    recent = None if since is None else lots_opened_since(lens, since)
    for finding in findings_of_market(ask, rules, settings):
        if recent is None or finding.lot_id is None or finding.lot_id in recent:
            yield finding


def _of_lots(
    ledger: Ledger, rules: list[LotRule], settings: Settings, since: datetime | None, ask: Ask | None
) -> Iterator[Finding]:
    """With the lens, lots whose opening is over are looked at only where a rule may fire; those still open always."""
    if not rules:
        return
    at = now()
    with ledger.read() as session:
        ids = _lots(session, at, since)
        worth = {} if ask is None else _worth(session, rules, settings, ask)
    if len(worth) == len(rules):
        ids = [lot for lot in ids if any(lot in of_rule for of_rule in worth.values())]
    for n in range(0, len(ids), _PART):
        with ledger.read() as session:
            batch = ready_facts(session, ids[n : n + _PART], at)
        for facts in batch:
            for rule in rules:
                if rule.id not in worth or facts.lot_id in worth[rule.id]:
                    yield from rule.evaluate(facts, settings.get(rule.id))


def _lots(session: Session, at: datetime, since: datetime | None) -> list[str]:
    query = select(Lot.id).where(visible(Datum.WARNINGS, at=at)).order_by(Lot.deadline, Lot.id)
    if since is not None:
        query = query.where(Lot.deadline >= since)
    return list(session.scalars(query))


def _worth(session: Session, rules: list[LotRule], settings: Settings, ask: Ask) -> dict[str, set[str]]:
    """Rule → the lots at which it is to look; a rule left out looks at all. What the lens does not hold yet is always
    worth it."""
    chosen = {rule.id: rule.settings(settings.get(rule.id)) for rule in rules}
    held = {row["lot_id"] for row in ask(select(lens_lots.c.lot_id))}
    others = set(session.scalars(select(Lot.id))) - held
    return {rule: lots | others for rule, lots in lots_that_may_fire(chosen, ask, session).items()}


def lens_of_now(ledger: Ledger, data_dir: Path, home: Place) -> Lens:
    """The lens of a data folder: as the watch keeps it, and brought up to now where no watch is running."""
    sign = data_dir / SIGN
    if not sign.exists() or timestamp() - sign.stat().st_mtime > _SILENT:
        LensWriter(ledger, data_dir, home).start()
    return Lens(data_dir)
