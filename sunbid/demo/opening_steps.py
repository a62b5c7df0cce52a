"""How an opening 开标 runs, step by step with times: the same story for the past and for rooms on air."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sunbid.demo import names
from sunbid.demo.envelopes import Envelope, opening_event
from sunbid.demo.lots import BidPlan, LotPlan


@dataclass(frozen=True)
class Pace:
    """Seconds that the parts of an opening take."""

    sign_in: float
    publish: float
    decrypt: float
    price: float
    between_prices: float
    read_each: float
    objection: float
    confirm: float
    end: float
    pause: float = 0
    """Length of a pause now and then; 0: none."""


REAL = Pace(1800, 60, 300, 30, 30, 9, 60, 120, 60)
"""As in a real room; read_each is for one bidder, shortened so that the reading takes 15 minutes at most."""
REAL_READING = 900.0
SHOW = Pace(40, 8, 40, 8, 8, 5, 15, 15, 12, pause=20)
"""Of rooms on air: the whole of an opening within a few minutes."""
SHOW_READING = 540.0


def paced(plan: LotPlan, pace: Pace, longest: float) -> Pace:
    """The pace with which reading all bids takes at most `longest` seconds."""
    return replace(pace, read_each=min(pace.read_each, longest / max(1, len(plan.bids))))


@dataclass(frozen=True)
class Step:
    """One thing that happens at a moment, and the record that tells of it."""

    at: datetime
    type: str
    shown: str
    """What the screen in the room says."""
    event: Envelope
    bid: BidPlan | None = None
    """The bid that is read at this step."""


class _Clock:
    def __init__(self, start: datetime) -> None:
        self.now = start

    def after(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def steps(plan: LotPlan, pace: Pace) -> Iterator[Step]:
    """The steps of an opening in order, `sign_in` before the deadline, everything else from it on."""
    rng = Random(f"story/{plan.key}")
    number = 1

    def step(
        at: datetime, kind: str, payload: dict[str, Any], shown: str, bid: BidPlan | None = None
    ) -> Step:
        nonlocal number
        number += 1
        return Step(at, kind, shown, opening_event(plan, number, at, kind, payload), bid)

    yield step(plan.deadline - timedelta(seconds=pace.sign_in), "sign_in", {"count": None}, "签到")
    clock = _Clock(plan.deadline)
    if plan.fails:
        yield step(clock.after(pace.end), "ended", {"result": "failed"}, "流标")
        return
    bidders = [{"no": i + 1, "name": bid.firm.name} for i, bid in enumerate(plan.bids)]
    yield step(
        clock.after(pace.publish),
        "bidders_published",
        {"count": len(bidders), "bidders": bidders},
        f"公布投标人名单 {len(bidders)} 家",
    )
    if pace.pause and rng.random() < 0.4:
        yield step(clock.after(3), "paused", {"reason": "身份核对环节"}, "直播暂停：身份核对")
        yield step(clock.after(pace.pause), "resumed", {}, "恢复直播")
    for done in _portions(len(plan.bids), 8):
        payload = {"done": done, "failed": 0, "total": len(plan.bids)}
        yield step(
            clock.after(pace.decrypt / 8), "decrypt_progress", payload, f"解密 {done}/{len(plan.bids)}"
        )
    yield from _prices(plan, pace, clock, step, rng)
    for place, bid in enumerate(plan.bids):
        at = clock.after(pace.read_each)
        yield step(at, "bid_read", _read(plan, place, bid), f"唱标 {place + 1}/{len(plan.bids)}", bid)
    if rng.random() < 0.5:
        content, answer = rng.choice(names.OBJECTIONS)
        yield step(clock.after(pace.objection), "objection", {"no": 1, "content": content}, "异议")
        yield step(clock.after(pace.objection), "objection_answered", {"no": 1, "answer": answer}, "异议答复")
    confirmed = {"rows": len(plan.bids), "signed": len(plan.bids)}
    yield step(clock.after(pace.confirm), "record_confirmed", confirmed, "开标记录确认")
    yield step(clock.after(pace.end), "ended", {"result": "opened"}, "开标结束")


def _prices(plan: LotPlan, pace: Pace, clock: _Clock, step: Any, rng: Random) -> Iterator[Step]:
    over = sum(bid.price > plan.control_price for bid in plan.bids)
    limit = {"amount": str(plan.control_price), "normal": len(plan.bids) - over, "over": over}
    yield step(clock.after(pace.price), "control_price", limit, "公布招标控制价")
    pool = sorted({plan.coefficient, *(f"0.{rng.randint(950, 985)}" for _ in range(5))})
    drawn = {"kind": "浮动系数", "value": plan.coefficient, "pool": pool}
    yield step(
        clock.after(pace.between_prices), "coefficient_drawn", drawn, f"抽取浮动系数 {plan.coefficient}"
    )


def _read(plan: LotPlan, place: int, bid: BidPlan) -> dict[str, Any]:
    return {
        "no": place + 1,
        "name": bid.firm.name,
        "price": str(bid.price),
        "duration_days": bid.duration_days,
        "quality": "合格",
        "remark": "高于最高投标限价" if bid.price > plan.control_price else None,
        "total": len(plan.bids),
    }


def _portions(total: int, count: int) -> list[int]:
    """Rising counts that end at `total`, at most `count` of them."""
    return sorted({max(1, round(total * (i + 1) / count)) for i in range(count)})
