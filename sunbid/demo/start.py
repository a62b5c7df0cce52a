"""`sunbid demo`: the demonstration market, rooms on air and all processes, in one go."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from dashboard.http.sign_in import add_user
from messages import DEFAULT, Message, local
from records.clock import BEIJING, now
from records.ledger import Ledger, words
from records.serving import signing
from records.tables.users import User, role_name
from sunbid import output, up, wiring
from sunbid.demo import (
    bid_files,
    broadcasts,
    evaluations,
    handled,
    home,
    load,
    market,
    player,
    rooms,
    script,
    witnesses,
)
from sunbid.demo.people import People
from sunbid.logs import setup as logs
from sunbid.logs.file import LogFile
from sunbid.processes.child import Command
from sunbid.processes.supervisor import CannotStart, Supervisor, only_one
from sunbid.settings import Settings

PASSWORD = "yangguang-demo"
"""Fixed on purpose: it guards nothing but invented data, and everybody who tries the demonstration needs it."""
DEMO_ROLES = ("supervisor", "leader", "operator", "public-officer", "group-member", "admin")
REAL_DATA = Path(__file__).parents[2] / "examples" / "tsuchiura"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ACCOUNTS = tuple((role, role, f"演示{role_name(role, DEFAULT)}") for role in DEMO_ROLES)
"""Name, role, shown name: each account is called as its role."""


@dataclass(frozen=True)
class Options:
    """What `sunbid demo` was asked for."""

    rooms: int
    scale: str
    seed: int
    video: bool
    verbose: bool


def run(settings: Settings, options: Options) -> None:
    """Run the demonstration until told to stop. Raises CannotStart."""
    began = time.monotonic()
    settings = home.settled(settings)
    with only_one(settings.data):
        ledger = wiring.ledger(settings)
        _refuse_real_data(ledger, settings)
        up.prepare(settings)
        token = load.ensure_source(ledger)
        built, since = _city(ledger, settings, options)
        with output.waiting(local("demo.preparing")):
            fresh = built + _load_market(ledger, settings, options, since)
            _accounts(ledger)
            with ledger.write() as session:
                witnesses.leave(session, now())
        ledger.close()
        _supervise(settings, options, token, began, fresh)


def _refuse_real_data(ledger: Ledger, settings: Settings) -> None:
    """The demonstration and its known passwords never enter a ledger that is not its own, and do not upgrade one."""
    try:
        held = load.held_by_others(ledger)
    except SQLAlchemyError as error:
        raise CannotStart(
            Message("demo.ledger_cannot_be_opened", database=settings.database_shown, error=words(error))
        ) from None
    if held:
        raise CannotStart(Message("demo.not_its_ledger", database=settings.database_shown, held=held))


def _city(ledger: Ledger, settings: Settings, options: Options) -> tuple[int, date | None]:
    """Build the city if it is wanted; (records added, the day from which the market's own days come on top)."""
    from sunbid.demo.city import build, clock, history

    if options.scale != "city":
        with ledger.read() as session:
            if history.held_city(session) is not None:
                raise CannotStart(Message("demo.folder_holds_city"))
        return 0, None
    logs.setup("warning")
    try:
        added, built_at = build.ensure(
            ledger, settings.data, options.seed, now(), place=wiring.home(settings)
        )
    except (build.CityRefused, build.BulkRefused) as error:
        raise CannotStart(error.message) from error
    return added, built_at.astimezone(BEIJING).date() - timedelta(days=clock.BUSY_BEFORE)


def _load_market(ledger: Ledger, settings: Settings, options: Options, since: date | None) -> int:
    at = now()
    load.load(ledger, settings.data, load.leftovers(ledger, at))
    records = market.generate(options.scale, options.seed, at, load.unfinished_days(ledger, at), since)
    added = load.load(ledger, settings.data, records)
    if options.scale == "small":
        with ledger.write() as session:
            broadcasts.leave(session, plans := list(market.plans(People(options.seed), at)), at)
            broadcasts.leave_pictures(session, broadcasts.mornings(at), at)
            evaluations.leave_draws(session, plans, at)
        bid_files.write(settings.data, plans, People(options.seed))
        handled.leave(ledger, at)
    return added


def _accounts(ledger: Ledger) -> None:
    with ledger.write() as session:
        for name, role, shown in ACCOUNTS:
            if session.get(User, name) is None:
                add_user(session, name, role, PASSWORD, shown)


def _supervise(settings: Settings, options: Options, token: str, began: float, fresh: int) -> None:
    log = LogFile(settings.data / "log" / "demo.log")

    def say(name: str, line: str) -> None:
        log.write(name, line)
        if options.verbose or name == "sunbid":
            up.to_terminal(name, line)

    here = home.environment(settings)
    commands = [replace(one, env={**one.env, **here}) for one in up.commands(settings)]
    commands.append(_player(settings, options, token))
    if options.video:
        commands += _publishers(settings, options.rooms)

    async def ready() -> None:
        print(block(settings, options, time.monotonic() - began, fresh, log.path), flush=True)

    try:
        asyncio.run(Supervisor(commands, settings.host, say).run(ready))
    finally:
        log.close()


def _player(settings: Settings, options: Options, token: str) -> Command:
    argv = (
        sys.executable, "-m", "sunbid.demo.player", "--intake", settings.intake_url,
        "--data", str(settings.data.resolve()), "--seed", str(options.seed), "--rooms", str(options.rooms),
    )  # fmt: skip
    return Command("script", argv, follows="intake", env={player.TOKEN_VARIABLE: token}, dies_with=False)


def _publishers(settings: Settings, count: int) -> list[Command]:
    """The rooms on air. Each opens with a ticket of its own, good once, so that no token stands in a list of processes."""
    hub, key = f"http://127.0.0.1:{settings.hub_port}", signing.load_key(settings.data.resolve())
    made = []
    for place in range(count):
        room, zh, en = script.label(place)
        on_air = rooms.OnAir(room, zh, en, place, partial(signing.publish_ticket, key, room))
        made.append(rooms.command(settings.data, hub, on_air))
    return made


_RULE = "─" * 78


def _shown(folder: Path) -> str:
    """A folder as it is shortest from where the visitor stands."""
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)


def block(settings: Settings, options: Options, seconds: float, fresh: int, log: Path) -> str:
    """What the visitor is told when everything is ready."""
    rows = "\n".join(f"    {name:<14} {PASSWORD}   {shown} ({role})" for name, role, shown in ACCOUNTS)
    said = local(
        "demo.ready",
        seconds=f"{seconds:.0f}",
        scale=options.scale,
        seed=options.seed,
        fresh=fresh,
        video=Message("demo.video" if options.video else "demo.no_video", rooms=options.rooms),
        hub=settings.effective_hub_url,
        desk=settings.effective_desk_url,
        intake=settings.intake_shown,
        accounts=rows
        if settings.host in LOOPBACK
        else rows + local("demo.others_can_sign_in", host=settings.host),
        command=output.command(settings, "import", _shown(REAL_DATA)),
        log=str(log),
    )
    return f"\n{_RULE}\n{said}\n{_RULE}"
