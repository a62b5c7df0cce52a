"""How old what the desk shows is: the lens moves every few seconds, so one that has stood still for long is stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import messages
from dashboard import context
from records.clock import BEIJING, now, today

STALE_AFTER = timedelta(minutes=2)
"""The watch renews the lens' as-of time every few seconds, and takes a minute over the largest months."""


@dataclass(frozen=True)
class Freshness:
    """As of when figures stand (None: there are none yet), and whether that is longer ago than it should be."""

    as_of: datetime | None
    stale: bool

    def words(self, lang: str) -> str:
        """How long they have stood still, in whole minutes, hours or days; empty while they are fresh."""
        if not self.stale or self.as_of is None:
            return ""
        minutes = int((now() - self.as_of).total_seconds() // 60)
        for unit, size in (("days", 2 * 24 * 60), ("hours", 2 * 60)):
            if minutes >= size:
                return messages.say(f"fresh.{unit}", lang, n=2 * minutes // size)
        return messages.say("fresh.minutes", lang, n=minutes)


def of(as_of: datetime | None) -> Freshness:
    """The freshness of figures that stand as of a moment."""
    return Freshness(as_of, as_of is not None and now() - as_of > STALE_AFTER)


def of_lens() -> Freshness:
    """The freshness of the lens."""
    return of(context.lens().as_of())


def moment(at: datetime | None) -> str:
    """A moment of today as HH:MM:SS, of another day with its date; a dash for none."""
    if at is None:
        return "—"
    local = at.astimezone(BEIJING)
    return f"{local:%H:%M:%S}" if local.date() == today() else f"{local:%Y-%m-%d %H:%M}"
