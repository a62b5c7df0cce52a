"""Traces that the city's own processes would have left: broadcasts, lead batches, how far the watch has read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from records.clock import add_months, day_of, start_of
from records.tables.broadcast import BroadcastSession, PublicEvent, Viewing
from records.tables.leads import Lead, LeadBatch
from records.tables.supervision import WatchMark
from records.tail import keep_mark
from sunbid.demo.audiences import audience
from sunbid.demo.broadcasts import leave_pictures
from sunbid.demo.city.lot import CityLot
from sunbid.demo.city.pieces import City, Piece
from supervision.warnings.lot_loop import DEADLINE_MARK

MARK = "demo:city"
"""Name of the mark that says which city a ledger holds."""
WATCHED = timedelta(days=92)
"""How far back the watch looks when it first starts over a city."""
_TARGETS = ("regulator", "police", "discipline", "finance", "market")
_OFFICES = ("示例建设局", "示例公安局经侦大队", "示例纪委监委", "示例财政局", "示例市场监督管理局")
_TITLES = ("投标人抱团疑点核查", "招标人异常关联疑点核查", "专家评审倾向疑点核查", "报价规律性差异疑点核查")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def leave(session: Session, city: City, pieces: Sequence[Piece], ends: Sequence[int]) -> None:
    """Write it all, in the caller's transaction."""
    plan = city.plan
    shown = [(lot, _broadcast(lot)) for lot in plan.lots if lot.broadcast]
    session.execute(insert(BroadcastSession), [one for _, one in shown])
    session.execute(insert(Viewing), [_audience(lot, one) for lot, one in shown])
    leave_pictures(session, {day_of(lot.deadline) for lot in plan.lots}, plan.clock.now)
    _leads(session, city)
    _marks(session, city, pieces, ends)
    detail = {
        "seed": plan.seed,
        "built_at": plan.clock.now.isoformat(),
        "fraction": plan.fraction,
    }
    keep_mark(session, MARK, plan.targets.records, detail)


def held_city(session: Session) -> dict[str, Any] | None:
    """Which city the ledger holds: seed, built_at, fraction; None if none."""
    mark = session.get(WatchMark, MARK)
    return None if mark is None else dict(mark.detail or {})


def _broadcast(lot: CityLot) -> dict[str, Any]:
    """One broadcast that is over; its recording has been disposed of, as most of the past have."""
    key = f"KB-{lot.key}"
    length = 1_800 + 12 * min(lot.bids, 600)
    return {
        "id": key,
        "opening_id": key,
        "room_id": lot.room,
        "state": "ended",
        "live_at": lot.deadline,
        "ended_at": lot.deadline + timedelta(seconds=length),
        "seconds_live": float(length - lot.bids % 7),
        "interruptions": int(lot.bids % 97 == 0),
    }


def _audience(lot: CityLot, one: dict[str, Any]) -> dict[str, Any]:
    return audience(one["opening_id"], min(lot.bids, 600), one["seconds_live"], one["ended_at"])


def _leads(session: Session, city: City) -> None:
    """The year's lead batches 流转批次, all closed, each of a few leads."""
    start = city.plan.clock.reference.start
    for number in range(city.plan.targets.batches):
        day = add_months(start, number * 12 // city.plan.targets.batches) + timedelta(days=11 + number % 9)
        at = start_of(day) + timedelta(hours=10)
        batch = f"LZ{day:%Y%m}-{number + 1:02d}"
        session.add(
            LeadBatch(
                id=batch, title=f"{_TITLES[number % len(_TITLES)]}（疑似）", target=_TARGETS[number % len(_TARGETS)],
                target_name=_OFFICES[number % len(_OFFICES)], state="closed", version=1, created_by="supervisor",
                created_at=at, reviewed_by="admin", reviewed_at=at + timedelta(hours=3),
                transferred_at=at + timedelta(hours=5), receipt_due_at=at + timedelta(days=3),
                receipt=f"示例函〔{day:%Y}〕{number + 11} 号", received_at=at + timedelta(days=1),
                due_at=at + timedelta(days=10), answered_at=at + timedelta(days=8), closed_at=at + timedelta(days=9),
            )
        )  # fmt: skip
        session.flush()
        for place in range(1 + number % 3):
            valid = (number + place) % 6 != 5
            session.add(
                Lead(
                    id=f"XS{day:%Y%m}-{number + 1:02d}-{place + 1}", batch_id=batch,
                    title=_TITLES[(number + place) % len(_TITLES)], created_by="supervisor", created_at=at,
                    valid=valid, result="已按程序核查办结" if valid else "线索要素不足，存档备查",
                    disposed_at=at + timedelta(days=9),
                )
            )  # fmt: skip


def _marks(session: Session, city: City, pieces: Sequence[Piece], ends: Sequence[int]) -> None:
    """The watch goes on from a quarter ago: older openings are history, not news."""
    since = city.plan.clock.now - WATCHED
    lots = city.plan.lots
    before = [
        end for piece, end in zip(pieces, ends, strict=True)
        if piece.what == "lots" and lots[piece.last - 1].deadline <= since
    ]  # fmt: skip
    keep_mark(session, "watch:journal", max(before, default=0))
    keep_mark(session, "watch:public", session.scalar(select(func.max(PublicEvent.seq))) or 0)
    keep_mark(session, DEADLINE_MARK, (since - _EPOCH) // timedelta(microseconds=1), {"lot": ""})
