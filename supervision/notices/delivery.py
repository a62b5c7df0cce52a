"""Delivery of notices: the changes of warnings are followed, and each channel goes on from where it last got through."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import DEFAULT, called
from records.clock import rfc3339
from records.ledger import Ledger
from records.tables.projects import Lot
from records.tables.supervision import Warning, WarningChange, WatchMark
from records.tail import Tail, keep_mark
from supervision.notices.channel import Channel, NotDelivered, Notice

AT_ONCE = 50
"""Most warnings of one notice: a day of many is a few messages, not hundreds."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
"""Seconds until a receiver that did not answer is tried again; doubled each time."""

log = structlog.get_logger()


class Delivery:
    """One channel's way through the warnings. What was not taken is sent again; what came before the first start is not."""

    def __init__(self, ledger: Ledger, channel: Channel, levels: Sequence[str], desk_url: str) -> None:
        """`levels` are those that are sent; `desk_url` where the desk is found."""
        self.ledger, self.channel, self.desk_url = ledger, channel, desk_url.rstrip("/")
        self.levels = frozenset(levels)
        query = select(
            Warning.id, Warning.rule, Warning.level, Warning.title, Warning.title_en, Warning.lot_id, Lot.name,
            Warning.raised_at, WarningChange.state,
        ).join(Warning, Warning.id == WarningChange.warning_id).outerjoin(Lot, Lot.id == Warning.lot_id)  # fmt: skip
        self.tail = Tail(f"notices:{channel.name}", query, WarningChange.seq)
        self._again, self._wait = 0.0, FIRST_WAIT
        self._begun = False
        self._held: list[Any] = []

    def tick(self) -> int:
        """Send what is new; returns how many warnings were sent. Raises SQLAlchemyError."""
        if time.monotonic() < self._again:
            return 0
        with self.ledger.read() as session:
            if not self._begun:
                self._begin(session)
            if not self._held:
                self._held = self.tail.poll(session, AT_ONCE)
        notices = [self._notice(row) for row in self._held if row.state == "new" and row.level in self.levels]
        if self._held and self._sent(notices):
            with self.ledger.write() as session:
                keep_mark(session, self.tail.name, self.tail.position)
            self._held = []
            return len(notices)
        return 0

    def _begin(self, session: Session) -> None:
        if session.get(WatchMark, self.tail.name) is None:
            self.tail.from_the_end(session)
        else:
            self.tail.resume(session)
        self._begun = True

    def _sent(self, notices: Sequence[Notice]) -> bool:
        try:
            if notices:
                self.channel.send(notices)
        except NotDelivered as why:
            log.warning(
                "notice not delivered", channel=self.channel.name, why=str(why), retry_seconds=self._wait
            )
            self._again, self._wait = time.monotonic() + self._wait, min(2 * self._wait, LONGEST_WAIT)
            return False
        self._again, self._wait = 0.0, FIRST_WAIT
        if notices:
            log.info("notice delivered", channel=self.channel.name, warnings=len(notices))
        return True

    def _notice(self, row: Any) -> Notice:
        return {
            "id": row.id, "rule": row.rule, "level": row.level, "title": called(row.title, row.title_en, DEFAULT),
            "lot": row.lot_id, "lot_name": row.name, "raised_at": rfc3339(row.raised_at),
            "url": f"{self.desk_url}/warnings?warning={row.id}",
        }  # fmt: skip
