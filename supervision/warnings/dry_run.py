"""The dry run 试算 of a rule: what it would have found over the last year with other settings, beside those in force."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import add_months, local_day, start_of, today
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.projects import Lot, counted
from records.tables.supervision import Warning
from supervision.lens.reader import Lens
from supervision.rules.finding import Finding
from supervision.rules.market_rule import Ask, UnusualLots
from supervision.rules.market_run import on_lens
from supervision.rules.registry import rule_of
from supervision.rules.scan import findings_over
from supervision.rules.switchboard import Setting
from supervision.warnings.handling import CLOSED_STATES
from supervision.warnings.tally import Judged, in_statistics, judged

MONTHS = 12
SHOWN = 20
"""Lots listed of those that come or go."""
STRATA, BINS = 4, 24
"""Strata whose distribution is shown, the largest, and the bars of each."""


@dataclass(frozen=True)
class Place:
    """What a dry run knows of a lot: its name, centre and month, and whether its bids were opened at all."""

    name: str
    centre: str | None
    month: str
    opened: bool


@dataclass(frozen=True)
class Tally:
    """What one setting finds: `lots` with a finding out of those opened in its centres, and how the same findings were judged."""

    findings: int
    lots: int
    of: int
    months: Mapping[str, int]
    judged: Judged

    @property
    def rate(self) -> float | None:
        """预警率: lots with a finding ÷ lots opened."""
        return self.lots / self.of if self.of else None


@dataclass(frozen=True)
class Moved:
    """A finding that comes or goes, and what a supervisor had said of it."""

    lot: str | None
    name: str
    value: float
    threshold: float
    verdict: str | None


@dataclass(frozen=True)
class Stratum:
    """How a value is spread over the lots of one stratum, and from where the rule would warn."""

    name: str
    lots: int
    first: float
    last: float
    bars: tuple[int, ...]
    threshold: float | None
    usual: float
    """The median."""
    warned: int


@dataclass(frozen=True)
class DryRun:
    """Both settings beside each other over the months named, oldest first."""

    months: tuple[str, ...]
    now: Tally
    tried: Tally
    gone: tuple[Moved, ...]
    gone_count: int
    come: tuple[Moved, ...]
    come_count: int
    strata: tuple[Stratum, ...]


Key = tuple[tuple[str, str], ...]
Verdicts = Mapping[Key, str | None]


def begins() -> datetime:
    """The first moment of the twelve months that a dry run looks at, this one among them."""
    return start_of(add_months(today().replace(day=1), 1 - MONTHS))


def opened_since(session: Session, since: datetime) -> int:
    """Openings that were held since a moment, rehearsals aside."""
    query = select(func.count()).select_from(Opening).join(Lot, Lot.id == Opening.lot_id)
    query = query.where(Opening.scheduled_at >= since, Opening.result == "opened", counted())
    return session.scalar(query) or 0


def dry_run(ledger: Ledger, lens: Lens, held: Setting, tried: Setting) -> DryRun:
    """Run a rule over the last twelve months as it is set and as it might be; nothing is raised or kept."""
    rule, since = rule_of(tried.rule), begins()
    places = lots_of(lens, since)
    with ledger.read() as session:
        verdicts = _verdicts(session, rule.id)
    with on_lens(lens) as ask:
        before, after = (
            _of_lots(findings_over(ledger, lens, ask, rule, setting.parameters, since), setting, places)
            for setting in (held, tried)
        )  # fmt: skip
        strata = _strata(ask, rule, tried, after)
    months = tuple(_months(since))
    gone, come = _without(before, after), _without(after, before)
    return DryRun(
        months, _tally(held, before, places, verdicts), _tally(tried, after, places, verdicts),
        _moved(gone, places, verdicts), len(gone), _moved(come, places, verdicts), len(come), strata,
    )  # fmt: skip


def _of_lots(findings: Sequence[Finding], setting: Setting, places: Mapping[str, Place]) -> list[Finding]:
    """Those in the setting's scope and about lots that are counted: a rate has the same lots above and below the line."""
    return [one for one in findings if setting.covers(one) and (one.lot_id is None or one.lot_id in places)]


def lots_of(lens: Lens, since: datetime) -> dict[str, Place]:
    """The lots whose opening was over since a moment, failed ones too; the lens holds no rehearsals."""
    rows = lens.rows(
        "SELECT lot_id, lot_name, centre_id, month, opened FROM lots WHERE opened_at >= $since",
        {"since": since},
    )
    return {lot: Place(*known) for lot, *known in rows}


def _months(since: datetime) -> Iterable[str]:
    first = datetime.fromisoformat(local_day(since)).date()
    return (f"{add_months(first, n):%Y-%m}" for n in range(MONTHS))


def _key(subjects: Iterable[Mapping[str, Any]]) -> Key:
    return tuple(sorted((one["kind"], one["id"]) for one in subjects))


def _key_of(finding: Finding) -> Key:
    return tuple(sorted((one.kind, one.id) for one in finding.subjects))


def _verdicts(session: Session, rule: str) -> Verdicts:
    """Whom closed warnings of the rule were about → how they were closed, the newest of several; rehearsals aside."""
    query = (
        select(Warning.subjects, Warning.disposition)
        .where(Warning.rule == rule, Warning.state.in_(CLOSED_STATES), in_statistics())
        .order_by(Warning.raised_at, Warning.id)
    )
    return {_key(subjects): disposition for subjects, disposition in session.execute(query)}


def _tally(
    setting: Setting, findings: Sequence[Finding], places: Mapping[str, Place], verdicts: Verdicts
) -> Tally:
    lots = {one.lot_id for one in findings if one.lot_id}
    of = sum(one.opened and (not setting.centres or one.centre in setting.centres) for one in places.values())
    months = Counter(places[lot].month for one in findings if (lot := one.lot_id) and lot in places)
    return Tally(
        len(findings), len(lots), of, dict(months), judged(verdicts.get(_key_of(one)) for one in findings)
    )


def _without(these: Sequence[Finding], those: Sequence[Finding]) -> list[Finding]:
    there = {_key_of(one) for one in those}
    return [one for one in these if _key_of(one) not in there]


def _moved(findings: Sequence[Finding], places: Mapping[str, Place], verdicts: Verdicts) -> tuple[Moved, ...]:
    return tuple(
        Moved(one.lot_id, _named(one, places), one.value, one.threshold, verdicts.get(_key_of(one)))
        for one in findings[:SHOWN]
    )


def _named(finding: Finding, places: Mapping[str, Place]) -> str:
    """The name of the lot a finding is about, else the id of whoever it is about first."""
    lot = finding.lot_id
    return (places[lot].name if lot in places else lot) if lot else finding.subjects[0].id


def _strata(ask: Ask, rule: object, setting: Setting, findings: Sequence[Finding]) -> tuple[Stratum, ...]:
    """The distributions of a rule that goes by its place in the local market; of another there are none."""
    if not isinstance(rule, UnusualLots):
        return ()
    values = rule.values(setting.parameters).c
    by_stratum: dict[str, list[float]] = defaultdict(list)
    for row in ask(select(values.stratum, values.value).where(values.value.is_not(None))):
        by_stratum[row["stratum"]].append(row["value"])
    thresholds = {one.stratum: one.threshold for one in findings}
    warned = Counter(one.stratum for one in findings)
    largest = sorted(by_stratum, key=lambda name: (-len(by_stratum[name]), name))[:STRATA]
    return tuple(_stratum(name, by_stratum[name], thresholds.get(name), warned[name]) for name in largest)


def _stratum(name: str, values: Sequence[float], threshold: float | None, warned: int) -> Stratum:
    """Bars from the smallest value to the 99th percentile, which also takes what lies beyond it."""
    ordered = sorted(values)
    first, last = ordered[0], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    if threshold is not None:
        first, last = min(first, threshold), max(last, threshold)
    width = (last - first) / BINS or 1.0
    counted = Counter(min(BINS - 1, int((value - first) / width)) for value in ordered)
    return Stratum(
        name,
        len(values),
        first,
        last,
        tuple(counted[n] for n in range(BINS)),
        threshold,
        median(ordered),
        warned,
    )
