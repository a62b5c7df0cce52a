"""Plays openings in real time through the intake: `python -m sunbid.demo.player`, started by the demonstration."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from messages import local
from records.clock import now
from sunbid.demo import bid_files, envelopes, evaluations, fonts, market, opening_steps, rooms, script
from sunbid.demo.envelopes import Envelope
from sunbid.demo.link import Link
from sunbid.demo.lots import LotPlan
from sunbid.demo.people import People
from sunbid.logs import setup as logs

TOKEN_VARIABLE = "DEMO_SOURCE_TOKEN"
SCHEDULE_EVERY = timedelta(minutes=10)
EVALUATIONS_EVERY = timedelta(minutes=1)
ENGLISH = {
    "sign_in": "Sign-in", "bidders_published": "Bidders published", "decrypt_progress": "Decryption",
    "control_price": "Control price", "coefficient_drawn": "Coefficient drawn", "bid_read": "Price reading",
    "objection": "Objection", "objection_answered": "Objection answered",
    "record_confirmed": "Record confirmed", "ended": "Ended", "paused": "Paused", "resumed": "Resumed",
}  # fmt: skip

Show = Callable[[opening_steps.Step], None]


async def sleep_until(moment: datetime) -> None:
    """Return at `moment`, at once if it has passed."""
    await asyncio.sleep(max(0.0, (moment - now()).total_seconds()))


async def play(link: Link, plan: LotPlan, pace: opening_steps.Pace, show: Show) -> None:
    """One opening: sealed bids and deposits before it, then step by step, each when its time has come."""
    steps = list(opening_steps.steps(plan, pace))
    waiting = list(sealed(plan))
    for step in steps:
        await sleep_until(step.at)
        waiting = await received(link, waiting)
        show(step)
        if step.bid:
            await link.send([envelopes.opened_bid(plan, step.bid, step.at)])
        await link.send([step.event])


async def received(link: Link, bids: list[Envelope]) -> list[Envelope]:
    """Send what has been received by now; what comes later waits for the next step."""
    late = [bid for bid in bids if datetime.fromisoformat(bid["occurred_at"]) > now()]
    await link.send(bid for bid in bids if bid not in late)
    return late


def sealed(plan: LotPlan) -> Iterator[Envelope]:
    """Who has bid, and the deposits, in order of receipt."""
    for bid in plan.bids:
        yield envelopes.sealed_bid(plan, bid)
        yield envelopes.deposit(plan, bid)


def announcement(plan: LotPlan) -> Iterator[Envelope]:
    """Project, lot and opening."""
    yield from envelopes.notice(plan)
    yield envelopes.opening(plan)


async def announce(link: Link, plan: LotPlan, people: People, data: Path) -> None:
    """Tell of a lot, once the files that its records refer to lie where they are looked for."""
    await asyncio.to_thread(bid_files.write, data, [plan], people)
    await link.send(announcement(plan))


async def play_room(link: Link, people: People, start: datetime, place: int, data: Path) -> None:
    """The openings of one room on air, each announced while the one before still runs."""
    show = screen(data, place)
    script_of_room = script.room_script(people, start, place)
    plan = next(script_of_room)
    await announce(link, plan, people, data)
    while True:
        following = next(script_of_room)
        await announce(link, following, people, data)
        await play(link, plan, script.show_pace(plan), show)
        plan = following


def screen(data: Path, place: int) -> Show:
    """What writes the step on the room's big screen."""
    room = script.label(place)[0]
    chinese = fonts.chinese_font() is not None

    def show(step: opening_steps.Step) -> None:
        rooms.say(data, room, step.shown if chinese else ENGLISH[step.type])

    return show


async def play_schedule(link: Link, people: People, data: Path) -> None:
    """The market's own openings of today, without pictures; announces each new day as it comes."""
    started: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            moment = now()
            for plan in market.around(people, moment):
                if plan.key not in started and not market.is_over(plan, moment):
                    started.add(plan.key)
                    await announce(link, plan, people, data)
                    group.create_task(play(link, plan, market.real_pace(plan), lambda step: None))
            await asyncio.sleep(SCHEDULE_EVERY.total_seconds())


async def play_evaluations(link: Link, people: People) -> None:
    """The evaluations of these days go on: whatever has changed since the last look."""
    sent: dict[str, int] = {}
    while True:
        found = list(evaluations.every(market.around(people, now()), now()))
        await link.send(one for one in found if sent.get(one["key"], 0) < one["version"])
        sent.update((one["key"], one["version"]) for one in found)
        await asyncio.sleep(EVALUATIONS_EVERY.total_seconds())


async def run(options: argparse.Namespace, token: str) -> None:
    """Play until ended."""
    people = People(options.seed)
    link = Link(options.intake, token)
    start = now()
    options.data.mkdir(parents=True, exist_ok=True)
    rooms.folder(options.data).mkdir(exist_ok=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        group.create_task(play_schedule(link, people, options.data))
        group.create_task(play_evaluations(link, people))
        for place in range(options.rooms):
            group.create_task(play_room(link, people, start, place, options.data))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="plays the openings of the demonstration")
    parser.add_argument("--intake", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rooms", type=int, required=True)
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        sys.exit(local("demo.no_variable", name=TOKEN_VARIABLE))
    logs.setup("info")
    asyncio.run(run(parser.parse_args(), token))


if __name__ == "__main__":
    main()
