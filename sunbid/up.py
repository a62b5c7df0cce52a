"""`sunbid up`: the four processes under the supervisor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from messages import Message, local
from records.ledger import words
from records.tables.users import User
from sunbid import output, wiring
from sunbid.logs.file import LogFile
from sunbid.processes.child import Command
from sunbid.processes.supervisor import CannotStart, Say, Supervisor, check_ports, only_one
from sunbid.settings import Settings
from supervision.config import SIGN

COLOURS = {"hub": 34, "desk": 36, "intake": 35, "watch": 33, "sunbid": 32}


def commands(settings: Settings) -> list[Command]:
    """The four processes and where they answer."""
    own = (sys.executable, "-m", "sunbid")
    return [
        Command("hub", (*own, "hub"), settings.hub_port, "/healthz"),
        Command("intake", (*own, "intake"), settings.intake_port, "/healthz"),
        Command("watch", (*own, "watch"), sign=settings.data / SIGN),
        Command("desk", (*own, "desk"), settings.desk_port, "/healthz"),
    ]


def prepare(settings: Settings) -> None:
    """Check ports and bring the ledger up to date. Raises CannotStart."""
    check_ports(settings)
    ledger = wiring.ledger(settings)
    try:
        ledger.upgrade()
    except SQLAlchemyError as error:
        raise CannotStart(
            Message("start.ledger_not_upgraded", database=settings.database_shown, error=words(error))
        ) from error
    finally:
        ledger.close()


def to_terminal(name: str, line: str) -> None:
    """One line of the common log stream on standard error, prefixed with the process it comes from."""
    label = f"{name:<7}│"
    if sys.stderr.isatty():
        label = f"\x1b[{COLOURS.get(name, 37)}m{label}\x1b[0m"
    print(f"{label} {line}", file=sys.stderr, flush=True)


def to_terminal_and(log: LogFile) -> Say:
    """The same, and into the log on disk."""

    def say(name: str, line: str) -> None:
        log.write(name, line)
        to_terminal(name, line)

    return say


def ready_lines(settings: Settings) -> Iterator[str]:
    """What is said once all processes answer: where, and how the first account is made where there is none."""
    hub, desk = settings.effective_hub_url, settings.effective_desk_url
    yield local("start.ready", hub=hub, desk=desk, intake=settings.intake_shown)
    if not _has_accounts(settings):
        first = output.command(settings, "user", "add", "admin", "--role", "admin")
        yield local("start.no_account", command=first)


def _has_accounts(settings: Settings) -> bool:
    """Whether anybody can sign in at the desk; a ledger that cannot be asked now is told of by the processes."""
    ledger = wiring.ledger(settings)
    try:
        with ledger.read() as session:
            return session.scalar(select(User.name).limit(1)) is not None
    except SQLAlchemyError:
        return True
    finally:
        ledger.close()


def run(settings: Settings) -> None:
    """Run the four processes until told to stop."""
    with only_one(settings.data):
        prepare(settings)
        say = to_terminal_and(LogFile(settings.data / "log" / "sunbid.log"))
        supervisor = Supervisor(commands(settings), settings.host, say)

        async def ready() -> None:
            for line in await asyncio.to_thread(lambda: tuple(ready_lines(settings))):
                say("sunbid", line)

        asyncio.run(supervisor.run(ready))
