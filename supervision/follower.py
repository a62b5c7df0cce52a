"""Following a numbered table of the ledger without missing a row, even one committed out of order.

On PostgreSQL a transaction may commit a lower number after a higher one was seen. Numbers skipped are
therefore asked for again for a while, and the position that is kept never passes one still missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.clock import now
from records.tables.supervision import WatchMark

PATIENCE = 30.0
"""Seconds to wait for a missing number: longer than a transaction of ours lasts; a rollback leaves a hole."""

WIDEST = 1000
"""Numbers of one hole that are waited for; a wider hole is history cut off, not a late commit."""


class Follower:
    """Rows of one table with a number above the last seen, each given once per run."""

    def __init__(
        self, name: str, number: InstrumentedAttribute[int], columns: Sequence[InstrumentedAttribute[Any]]
    ) -> None:
        self.name = name
        self.number = number
        self.columns = columns
        self.high = 0
        self._missing: dict[int, float] = {}

    def resume(self, session: Session) -> bool:
        """Continue from the kept mark; False if there is none yet, and then start just before the end."""
        mark = session.get(WatchMark, self.name)
        self._missing = {}
        if mark is not None:
            self.high = mark.position
            return True
        self.high = max((session.scalar(select(func.max(self.number))) or 0) - WIDEST, 0)
        return False

    def poll(self, session: Session, limit: int = 2000) -> list[Any]:
        """New rows as (number, *columns), in order."""
        wanted: ColumnElement[bool] = self.number > self.high
        if self._missing:
            wanted = or_(wanted, self.number.in_(list(self._missing)))
        query = select(self.number, *self.columns).where(wanted).order_by(self.number).limit(limit)
        rows = list(session.execute(query))
        self._note([row[0] for row in rows], session.get_bind().dialect.name != "sqlite")
        return rows

    def _note(self, numbers: list[int], holes: bool) -> None:
        """SQLite has one writer and commits in order, so there a hole is never a late row."""
        moment = time.monotonic()
        for number in numbers:
            self._missing.pop(number, None)
            if number <= self.high:
                continue
            if holes:
                first = max(self.high + 1, number - WIDEST)
                self._missing.update(dict.fromkeys(range(first, number), moment + PATIENCE))
            self.high = number
        self._missing = {n: until for n, until in self._missing.items() if until > moment}

    @property
    def position(self) -> int:
        """Everything up to here has been given or will never come."""
        return min(self._missing) - 1 if self._missing else self.high


def keep_mark(session: Session, name: str, position: int, detail: dict[str, Any] | None = None) -> None:
    """Write how far somebody has read, in the caller's write transaction."""
    mark = session.get(WatchMark, name)
    if mark is None:
        session.add(WatchMark(name=name, position=position, detail=detail))
    else:
        mark.position, mark.detail, mark.updated_at = position, detail, now()
