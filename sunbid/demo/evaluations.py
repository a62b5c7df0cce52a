"""Evaluations 评标会 of the demonstration market: rooms and seats, draw, arrival, course, scores, fees and
appraisals.

Like every record here they follow from the plan and the moment alone. A session goes on from version to version:
planned, drawn for, arrived, under way, over; some rooms clash and some devices fail, so that the dispatch has work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.clock import BEIJING
from records.tables.evaluation import ExpertDraw
from sunbid.demo import names
from sunbid.demo.envelopes import SOURCE, Envelope, envelope
from sunbid.demo.lots import LotPlan

EXPERTS, SPECIALISTS = 60, 20
"""Experts of the pool, and those of them who know the ring's field."""
ROOMS = {"330100": 4, "330109": 2, "330110": 2}
"""Evaluation rooms of a centre, where not one."""
SEATS = 6
_AFTER_OPENING, _LATEST = timedelta(minutes=60), time(16, 30)
"""An evaluation begins an hour after the deadline, and not in the evening: then the next morning at nine."""
_DRAWN_BEFORE, _ARRIVED_BEFORE = timedelta(minutes=50), timedelta(minutes=12)
_PAID_AFTER, _APPRAISED_AFTER = timedelta(hours=3), timedelta(hours=20)
_ROOMY = timedelta(minutes=30)
"""How much longer than it takes a room is kept."""
_FAULTY_ONE_IN = 23
SITES = {
    "cross_city": ("湖州", "嘉兴", "绍兴", "宁波", "金华", "温州", "台州", "舟山", "衢州", "丽水"),
    "cross_province": ("上海", "合肥", "烟台"),
}
"""Tier → the cities of the secondary sites; those within the city are its own centres."""
_FEES = (480, 600, 780, 860, 980, 980, 1040, 1080, 1180, 1320, 1460, 1640, 1900)
_GRADES = ("excellent",) * 7 + ("good",) * 2 + ("fair",)
_DEVICES = ("recorder", "camera", "terminal")


@dataclass(frozen=True)
class Sitting:
    """One evaluation, planned whole."""

    plan: LotPlan
    start: datetime
    end: datetime
    committee: int

    @property
    def key(self) -> str:
        """Its number."""
        return f"PB-{self.plan.key}"

    @property
    def draw(self) -> int:
        """What its chances hang on."""
        return crc32(self.key.encode())


def planned(plan: LotPlan) -> Sitting | None:
    """The evaluation of a lot; None where its opening fails."""
    if plan.fails or not plan.ranking():
        return None
    start = plan.deadline + _AFTER_OPENING
    local = start.astimezone(BEIJING)
    if local.time() > _LATEST:
        start = datetime.combine(local.date() + timedelta(days=1), time(9), BEIJING)
    length = timedelta(minutes=40 + min(240, 6 * len(plan.bids)))
    return Sitting(plan, start, start + length, 7 if len(plan.bids) > 40 else 5)


def rooms_and_experts(at: datetime) -> Iterator[Envelope]:
    """The evaluation rooms of the centres, and the experts by pseudonym."""
    for division, *_ in names.CENTRES:
        for room in rooms_of(division):
            number = int(room[-1])
            data = {
                "centre": division, "name": f"评标{number:02d}室", "name_en": f"Evaluation room {number}", "kind": "evaluation",
                "capacity": SEATS, "public_allowed": False,
            }  # fmt: skip
            yield envelope("room", room, 1, at, data)
    for number in range(EXPERTS):
        data = {"specialities": [f"A{number % 9:02d}"], "pool": "示例专家库", "division_code": "330100"}
        yield envelope("expert", expert(number), 1, at, data)


def expert(number: int) -> str:
    """The pseudonym of an expert."""
    return f"ZJ-演示-{number + 1:03d}"


def rooms_of(division: str) -> list[str]:
    """The evaluation rooms of a centre."""
    return [f"pb-{division}-{n + 1}" for n in range(ROOMS.get(division, 1))]


def records(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    """All that is known by `now` of the evaluation of a lot whose opening is over."""
    held = planned(plan)
    if held is None or plan.deadline > now:
        return
    yield _course(held, now)
    if held.end <= now:
        yield from _fees(held, now)
        if plan.liked:
            yield from scores(plan, held.key, [(one, expert(one)) for one in committee(held)], held.end)


def committee(held: Sitting) -> list[int]:
    """The numbers of its experts: of all, or of the few whose field it is where the ring bids."""
    pool = SPECIALISTS if held.plan.liked else EXPERTS
    return Random(f"committee/{held.key}").sample(range(pool), held.committee)


def _course(held: Sitting, now: datetime) -> Envelope:
    """The session in the version it has come to."""
    plan = held.plan
    drawn, arrived = held.start - _DRAWN_BEFORE, held.start - _ARRIVED_BEFORE
    moments = (plan.deadline, drawn, arrived, held.start, held.end)
    version = max(n for n, moment in enumerate(moments, 1) if moment <= now)
    data: dict[str, Any] = {
        "lot": plan.key, "mode": "remote" if plan.tier else "on_site", "main_site": _centre(plan.division),
        "experts": held.committee, "scheduled_at": _stamp(held.start), "bookings": _bookings(held),
        "state": "scheduled" if version < 4 else "in_progress" if version < 5 else "ended",
    }  # fmt: skip
    if plan.tier:
        data |= {"tier": plan.tier, "secondary_sites": [_secondary(held)]}
    if version >= 2:
        data |= {"drawn_at": _stamp(drawn), "arrived": 0}
    if version >= 3:
        data |= {"arrived": held.committee, "arrived_at": _stamp(arrived)}
    if version >= 4:
        data["started_at"] = _stamp(held.start)
    if version >= 5:
        data["ended_at"] = _stamp(held.end)
    return envelope("evaluation", held.key, version, moments[version - 1], data)


def _bookings(held: Sitting) -> list[dict[str, Any]]:
    """A room at the main site, and a room of the secondary site where there is one."""
    here = rooms_of(held.plan.division)
    away = held.committee // 2 if held.plan.tier else 0
    span = {"starts_at": _stamp(held.start), "ends_at": _stamp(held.end + _ROOMY)}
    faults = [_DEVICES[held.draw % len(_DEVICES)]] if held.draw % _FAULTY_ONE_IN == 0 else []
    checked = _stamp(held.start - timedelta(hours=1))
    kept: list[dict[str, Any]] = [
        {"site": _centre(held.plan.division), "room": here[held.draw % len(here)], "seats": held.committee - away,
         "checked_at": checked, "faults": faults, **span},
    ]  # fmt: skip
    if held.plan.tier == "city":
        other = _other_centre(held)
        kept.append(
            {"site": _centre(other), "room": rooms_of(other)[0], "seats": away, "checked_at": checked, **span}
        )
    elif held.plan.tier:
        kept.append(
            {"site": _secondary(held), "place": f"副场 {held.draw % 3 + 1:02d}", "seats": away, **span}
        )
    return kept


def _other_centre(held: Sitting) -> str:
    others = [division for division, *_ in names.CENTRES if division != held.plan.division]
    return others[held.draw % len(others)]


def _secondary(held: Sitting) -> str:
    if held.plan.tier == "city":
        return _centre(_other_centre(held))
    sites = SITES[held.plan.tier or "cross_city"]
    return sites[int(len(sites) * Random(held.key).random() ** 1.7)]


def _centre(division: str) -> str:
    return next(zh for code, zh, *_ in names.CENTRES if code == division)


def _fees(held: Sitting, now: datetime) -> Iterator[Envelope]:
    """A fee an attendance: due at the end, transferred three hours later; a few transfers fail. Then the appraisal."""
    rng = Random(f"fees/{held.key}")
    base = rng.choice(_FEES)
    hours = Decimal(int((held.end - held.start).total_seconds() // 1800)) / 2
    for place, number in enumerate(committee(held)):
        amount = base + rng.choice((0, 0, 0, 60, 120))
        outcome, grade, lapse = rng.random(), rng.choice(_GRADES), rng.random()
        data: dict[str, Any] = {
            "evaluation": held.key, "expert": expert(number), "hours": str(hours), "amount": str(amount),
        }  # fmt: skip
        version, at = 1, held.end
        if held.end + _PAID_AFTER <= now:
            version, at = 2, held.end + _PAID_AFTER
            data |= _transfer(outcome, at)
        if held.end + _APPRAISED_AFTER <= now and held.draw % 40:
            version, at = 3, held.end + _APPRAISED_AFTER
            data |= {"grade": grade, "appraised_at": _stamp(at), "deductions": _deductions(lapse, grade)}
        yield envelope("fee", f"ZF-{held.plan.key}-{place + 1}", version, at, data)


def _transfer(outcome: float, at: datetime) -> dict[str, Any]:
    if outcome < 0.006:
        return {"status": "failed", "reason": "mismatch"}
    if outcome < 0.009:
        return {"status": "failed", "reason": "returned"}
    return {"status": "paid", "paid_at": _stamp(at)}


def _deductions(lapse: float, grade: str) -> list[str]:
    if grade == "excellent":
        return []
    return ["late"] if lapse < 0.25 else ["unexplained"] if lapse < 0.4 else ["left"] if lapse < 0.5 else []


def leave_draws(session: Session, plans: Iterable[LotPlan], now: datetime) -> None:
    """Write the draws of experts 专家抽取 that are not there yet, in the caller's transaction: counts only, the result is sealed."""
    held = set(session.scalars(select(ExpertDraw.id)))
    sessions = (found for plan in plans if (found := planned(plan)) is not None)
    session.add_all(
        _draw(found)
        for found in sessions
        if found.start - _DRAWN_BEFORE <= now and f"CQ-{found.key}" not in held
    )


def _draw(found: Sitting) -> ExpertDraw:
    """More are drawn than are needed, for some decline; those who are drawn in their place are told too."""
    declined = found.draw % 3
    return ExpertDraw(
        id=f"CQ-{found.key}", lot_id=found.plan.key, requested=found.committee, drawn=found.committee + declined,
        notified=found.committee + declined, declined=declined, sealed_at=found.start - _DRAWN_BEFORE, source=SOURCE,
    )  # fmt: skip


def every(plans: Iterable[LotPlan], now: datetime) -> Iterator[Envelope]:
    """The evaluations of several lots."""
    for plan in plans:
        yield from records(plan, now)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


# ── scores 评分 ──────────────────────────────────────────────────────────────
# Of the ring's lots, whose bidders the same specialists judge again and again. Everybody sees the same merit, each expert a
# little kindlier or sterner and not quite exactly; one of them leans to one firm.

ITEMS = (("技术方案", "subjective", 30), ("施工组织", "subjective", 20), ("企业信用", "objective", 10))
"""Item, kind, full marks."""
LEANING = 7
"""The number of the expert who leans to `LotPlan.liked`."""
MERIT, MERITS, KINDNESS, DOUBT, LEANS = 0.8, 0.05, 0.012, 0.016, 0.06
"""Of full marks: the usual merit and its spread, the spread of kindness, of each mark, and what the leaning adds."""


def scores(
    plan: LotPlan, evaluation: str, experts: Sequence[tuple[int, str]], at: datetime
) -> Iterator[Envelope]:
    """Every mark of the experts (number, pseudonym) for every valid bid, given by `at`."""
    rng = Random(f"scores/{plan.key}")
    merit = {bid.key: [rng.gauss(MERIT, MERITS) for _ in ITEMS] for bid in plan.valid}
    for place, (number, expert) in enumerate(experts, 1):
        kindness = rng.gauss(0, KINDNESS)
        for order, bid in enumerate(plan.valid, 1):
            leans = LEANS if number == LEANING and bid.firm == plan.liked else 0.0
            for item, (name, kind, full) in enumerate(ITEMS):
                own = kindness + leans + rng.gauss(0, DOUBT) if kind == "subjective" else 0.0
                mark = min(1.0, max(0.3, merit[bid.key][item] + own)) * full
                data = {
                    "evaluation": evaluation, "expert": expert, "bid": bid.key, "item": name, "kind": kind,
                    "full_marks": str(full), "score": f"{mark:.1f}", "submitted_at": at.isoformat(timespec="milliseconds"),
                }  # fmt: skip
                yield envelope("score", f"PF-{plan.key}-{place}-{order}-{item + 1}", 1, at, data)
