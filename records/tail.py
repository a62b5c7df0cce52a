"""Following a numbered table without missing a row, even one committed out of order.

PostgreSQL numbers a row before its transaction commits, so a lower number may appear after a higher one was seen.
Numbers that were skipped are therefore asked for again for a while, and the position that is kept never passes one
still missing. SQLite has one writer and commits in order: a hole there is a row that will never come.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.clock import now
from records.tables.supervision import WatchMark

PATIENCE = 30.0
"""Seconds to wait for a missing number: longer than a transaction of ours lasts; a rollback leaves a hole."""
WIDEST = 1000
"""Missing numbers that are waited for, the newest; a wider hole is history cut off, not a late commit."""


class Tail:
    """The rows of a query whose number lies above the last seen, each given once per run.

    `number` is the numbered column; every row given carries its value as the last one. `name` is the mark under which
    is kept how far one has read. One caller at a time.
    """

    def __init__(
        self, name: str, query: Select[*tuple[Any, ...]], number: InstrumentedAttribute[int]
    ) -> None:
        self.name = name
        self.number = number
        self.high = 0
        """The highest number seen."""
        self._query: Select[Any] = query.add_columns(number.label("number_in_tail")).order_by(number)
        self._missing: dict[int, float] = {}
        """Number skipped → until when it is waited for, by the monotonic clock."""

    def from_the_end(self, session: Session) -> None:
        """Give only what comes from now on, and what of the numbers before is still to be committed."""
        self.high, self._missing = session.scalar(select(func.max(self.number))) or 0, {}
        if _commits_out_of_order(session):
            first = max(self.high - WIDEST, 0)
            held = set(session.scalars(select(self.number).where(self.number > first)))
            self._wait_for(n for n in range(first + 1, self.high) if n not in held)

    def resume(self, session: Session) -> bool:
        """Continue from the mark; False if there is none yet, and then start just before the end."""
        mark = session.get(WatchMark, self.name)
        self._missing = {}
        if mark is not None:
            self.high = mark.position
            return True
        self.high = max((session.scalar(select(func.max(self.number))) or 0) - WIDEST, 0)
        return False

    def poll(self, session: Session, limit: int = 2000) -> list[Any]:
        """New rows in order of number, at most `limit`; as many as that: there may be more at once."""
        wanted: ColumnElement[bool] = self.number > self.high
        if self._missing:
            wanted = or_(wanted, self.number.in_(list(self._missing)))
        rows = list(session.execute(self._query.where(wanted).limit(limit)))
        self._note([row[-1] for row in rows], _commits_out_of_order(session))
        return rows

    def _note(self, numbers: list[int], holes: bool) -> None:
        for number in numbers:
            self._missing.pop(number, None)
            if number > self.high:
                if holes:
                    self._wait_for(range(max(self.high + 1, number - WIDEST), number))
                self.high = number
        instant = time.monotonic()
        waiting = [(n, until) for n, until in self._missing.items() if until > instant]
        self._missing = dict(waiting[-WIDEST:])

    def _wait_for(self, numbers: Iterable[int]) -> None:
        self._missing.update(dict.fromkeys(numbers, time.monotonic() + PATIENCE))

    @property
    def position(self) -> int:
        """Everything up to here has been given or will never come."""
        return min(self._missing) - 1 if self._missing else self.high


def _commits_out_of_order(session: Session) -> bool:
    return session.get_bind().dialect.name != "sqlite"


def keep_mark(session: Session, name: str, position: int, detail: dict[str, Any] | None = None) -> None:
    """Write how far somebody has read, in the caller's write transaction."""
    mark = session.get(WatchMark, name)
    if mark is None:
        session.add(WatchMark(name=name, position=position, detail=detail))
    else:
        mark.position, mark.detail, mark.updated_at = position, detail, now()
