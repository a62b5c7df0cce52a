"""Which lots a lot rule may fire on, told by one select over everything: a scan then looks at those alone.

A select gives more lots than will fire, never fewer (tests/supervision/test_candidates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, func, select, union
from sqlalchemy.orm import Session

from records.tables.money import Deposit
from records.tables.projects import Lot
from supervision.lens.tables import bids
from supervision.rules.market_rule import Row, priced, share
from supervision.rules.market_run import Ask

Chosen = Mapping[str, float]


def lots_that_may_fire(rule_id: str, chosen: Chosen, ask: Ask, session: Session) -> set[str] | None:
    """Ids of the lots; None if the rule has no such select and must look at every lot.

    `ask` answers over the lens, which holds lots whose opening is over; `session` is the ledger's.
    """
    if rule_id not in _SELECTS:
        return None
    return {row["lot_id"] for row in _SELECTS[rule_id](chosen, ask, session)}


def _same_machine(_: Chosen, ask: Ask, __: Session) -> list[Row]:
    """B4: a value without its separators with two bidders."""
    shared = union(*(_shared(bids.c[name]) for name in ("mac", "disk_serial", "dongle_serial", "file_id")))
    return ask(select(shared.subquery("shared").c.lot_id))


def _shared(column: Column[Any]) -> Select[*tuple[Any, ...]]:
    value: ColumnElement[Any] = func.upper(column)
    for separator in "-:. _/":
        value = func.replace(value, separator, "")
    held = select(bids.c.lot_id, value.label("value")).where(column.is_not(None)).subquery()
    return select(held.c.lot_id).group_by(held.c.lot_id, held.c.value).having(func.count() > 1)


def _same_account(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """B6: an account with two bidders."""
    query = (
        select(Deposit.lot_id)
        .where(Deposit.form == "transfer", Deposit.payer_account_hash.is_not(None))
        .group_by(Deposit.lot_id, Deposit.payer_account_hash)
        .having(func.count(func.distinct(Deposit.bidder_id)) > 1)
    )
    return [{"lot_id": lot} for lot in session.scalars(query)]


def _ladder(chosen: Chosen, ask: Ask, _: Session) -> list[Row]:
    """B10: gaps near their mean, with room for what doubles round away."""
    low, high = priced.alias("low"), priced.alias("high")
    next_one = (high.c.lot_id == low.c.lot_id) & (high.c.place == low.c.place + 1)
    gaps = (
        select(low.c.lot_id, (high.c.price - low.c.price).label("gap")).join(high, next_one).subquery("gaps")
    )
    g, mean = gaps.c, func.avg(gaps.c.gap)
    worst = func.max(func.abs(g.gap))
    room = 1 + chosen["tolerance"] + 1e-6
    return ask(
        select(g.lot_id).group_by(g.lot_id)
        .having(func.count() >= chosen["min_bids"] - 1, mean > 0, share(worst, mean) <= room)
    )  # fmt: skip


def _short_time(chosen: Chosen, _: Ask, session: Session) -> list[Row]:
    """T8: hours below the days asked for; the calendar may count a day less than hours do."""
    query = select(Lot.id, Lot.notice_at, Lot.deadline).where(
        Lot.notice_at.is_not(None), Lot.deadline.is_not(None)
    )
    most = timedelta(days=chosen["days_to_bid"] + 1)
    return [{"lot_id": lot} for lot, notice, end in session.execute(query) if end - notice < most]  # type: ignore[operator]


def _large_deposit(_: Chosen, __: Ask, session: Session) -> list[Row]:
    """T10: lots that tell both amounts."""
    query = select(Lot.id).where(Lot.deposit_required > 0, Lot.estimate > 0)
    wide = query.where(Lot.deposit_required * 200 > Lot.estimate)
    return [{"lot_id": lot} for lot in session.scalars(wide)]


_SELECTS: dict[str, Callable[[Chosen, Ask, Session], list[Row]]] = {
    "B4": _same_machine, "B6": _same_account, "B10": _ladder, "T8": _short_time, "T10": _large_deposit,
}  # fmt: skip
