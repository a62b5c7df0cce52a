"""The programme of the demonstration: which opening runs in which room, when it starts, and what is planted in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from records.clock import BEIJING
from sunbid.demo import names, opening_steps
from sunbid.demo.lots import LIVE_MARK, MOST_BIDS, LotPlan, plan_lot, rooms_on_air
from sunbid.demo.people import People

PAUSE = timedelta(seconds=45)
"""Between the end of an opening and the deadline of the next in the same room."""


@dataclass(frozen=True)
class Slot:
    """How the first opening of a room starts, so that the hall shows different stages from the first minute."""

    after: float
    """Seconds from the start of the demonstration to the deadline; negative: it is under way already."""
    bids: int | None = None
    planted: str | None = None
    name: str | None = None


FIRST = (
    Slot(-62, bids=MOST_BIDS, name="城北片区学校新建工程施工（一标段）"),
    Slot(-40, bids=11, planted="collusion", name="听涛路改造工程施工（二标段）"),
    Slot(-15, bids=34, name="远山小学综合楼新建工程施工"),
    Slot(75, bids=16, name="澄江泵站更新工程施工"),
)


def room_script(people: People, start: datetime, place: int) -> Iterator[LotPlan]:
    """The openings of the `place`-th room on air, one after another, without end."""
    division, room = rooms_on_air()[place]
    slot = FIRST[place] if place < len(FIRST) else Slot(20.0 + 25 * (place % 7))
    deadline = start + timedelta(seconds=slot.after)
    number = 0
    while True:
        number += 1
        tag = f"{start.astimezone(BEIJING):%y%m%d%H%M%S}{LIVE_MARK}{place + 1:02d}-{number}"
        plan = plan_lot(
            people, tag, deadline, division=division, room=room,
            bids=slot.bids, planted=slot.planted, name=slot.name,
        )  # fmt: skip
        yield plan
        *_, last = opening_steps.steps(plan, show_pace(plan))
        deadline = last.at + PAUSE
        slot = Slot(0)


def show_pace(plan: LotPlan) -> opening_steps.Pace:
    """How fast an opening on air runs."""
    return opening_steps.paced(plan, opening_steps.SHOW, opening_steps.SHOW_READING)


def label(place: int) -> tuple[str, str, str]:
    """Room id and what its screen is headed with, zh and en."""
    division, room = rooms_on_air()[place]
    zh, en = next((c[1], c[2]) for c in names.CENTRES if c[0] == division)
    number = 1 + sum(1 for d, r in rooms_on_air()[:place] if d == division)
    return room, f"{zh} 开标{'一二三四'[number - 1]}室", f"{en} · Opening room {number}"
