"""The process supervisor: starts the processes, keeps them alive, ends them cleanly, leaves none behind."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from messages import Fault, Message, lines, local
from records.serving import private
from sunbid.processes import child as children
from sunbid.processes.child import Command, Guardian, Health
from sunbid.settings import ANY_HOST, Settings, variable

FIRST_WAITS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second … restart in a row; the last one repeats."""
STEADY = 30.0
"""A process that ran this many seconds starts again at the first wait."""
STOP_GRACE = 8.0
PROBE_EVERY = 5.0
GUARDIAN_EVERY = 1.0
PROBE_TIMEOUT = 10.0
SIGN_OLDEST = 30.0
"""Seconds after which a process without a port must have said again how it is."""
PROBE_MISSES = 3
"""So many probes in a row without an answer, after the first good one, mean that the process hangs; more of them
where patience is needed (`Kept.patience`)."""
START_GRACE = 180.0
"""Seconds a process may take from its start to its first good answer; longer where patience is needed."""
SETTLED = 600.0
"""A process that has answered for so many seconds has got over what it was ended for before."""
MOST_PATIENCE = 8.0
"""No process is waited for longer than so many times as on a quiet machine."""

Say = Callable[[str, str], None]
"""Takes a process' name and one line of its log."""


class CannotStart(Fault):
    """Something stands in the way: a port taken, another supervisor on the same data."""


def check_ports(settings: Settings) -> None:
    """Raise CannotStart naming every port that is taken, and its setting."""
    taken = [
        Message("start.port_taken", port=port, kind=kind, setting=setting, variable=variable(setting))
        for setting, port, kind in port_table(settings)
        if not port_free(settings.host, port, kind)
    ]
    if taken:
        raise CannotStart(lines(taken))


def port_table(settings: Settings) -> tuple[tuple[str, int, str], ...]:
    """Setting, number and kind of every port the processes listen on."""
    return (
        ("hub_port", settings.hub_port, "TCP"),
        ("media_port", settings.effective_media_port, "UDP"),
        ("desk_port", settings.desk_port, "TCP"),
        ("intake_port", settings.intake_port, "TCP"),
    )


def port_free(host: str, port: int, kind: str) -> bool:
    """Whether a port can be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "TCP" else socket.SOCK_DGRAM) as probe:
        if kind == "TCP":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder's lock. Raises CannotStart if another supervisor holds it."""
    private.begin()
    private.folder(data)
    private.keep(data, lambda words: print(words, file=sys.stderr, flush=True))
    with (data / "supervisor.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(Message("start.already_running", folder=str(data))) from None
        yield


class Kept:
    """One command and its present process."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.process: Process | None = None
        self.ready = asyncio.Event()
        self.row = 0
        """Restarts in a row without a steady run between them."""
        self.health = Health.WELL
        self.silent = 0
        """How often in a row it was ended for giving no good answer."""

    @property
    def patience(self) -> float:
        """How many times longer than usual it is waited for: more after each time in vain, and on a busy machine,
        where a new process would answer no sooner than the old one."""
        waiting_for_a_core = os.getloadavg()[0] / (os.cpu_count() or 1)
        return min(MOST_PATIENCE, max(1.0, waiting_for_a_core, 2.0**self.silent))


class Supervisor:
    """Keeps a set of commands running until told to stop."""

    def __init__(self, commands: Sequence[Command], host: str, say: Say) -> None:
        self.kept = {command.name: Kept(command) for command in commands}
        self.host = "127.0.0.1" if host in ANY_HOST else host
        self.say = say
        self.stopping = asyncio.Event()
        self._guardian: Guardian | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._clearing: set[asyncio.Task[None]] = set()

    async def run(self, when_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run until SIGTERM or SIGINT; a second signal kills without grace. Leaves no process behind."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self._on_signal)
        self._guardian = Guardian()
        try:
            self._tasks["guardian"] = loop.create_task(self._keep_guardian())
            for name in self.kept:
                self._tasks[name] = loop.create_task(self._keep(self.kept[name]))
            if await self._all_ready() and when_ready:
                await when_ready()
            await self.stopping.wait()
        finally:
            await self._end_all()
            self._guardian.close()

    def add(self, command: Command) -> None:
        """Keep one more command alive from now on."""
        self.kept[command.name] = Kept(command)
        self._tasks[command.name] = asyncio.get_running_loop().create_task(
            self._keep(self.kept[command.name])
        )

    async def _keep_guardian(self) -> None:
        while self._guardian and await self._unless_stopped(asyncio.sleep(GUARDIAN_EVERY)):
            if not self._guardian.alive():
                self.say("sunbid", local("start.guardian_replaced"))

    def _on_signal(self) -> None:
        if self.stopping.is_set():
            self.say("sunbid", local("start.forced"))
            for kept in self.kept.values():
                self._signal(kept, signal.SIGKILL)
            return
        self.say("sunbid", local("start.stopping"))
        self.stopping.set()

    async def _all_ready(self) -> bool:
        """Wait until every process has answered once; False if told to stop before."""

        async def all_of_them() -> None:
            for kept in tuple(self.kept.values()):
                await kept.ready.wait()

        return await self._unless_stopped(all_of_them())

    async def _keep(self, kept: Kept) -> None:
        loop = asyncio.get_running_loop()
        while not self.stopping.is_set():
            if kept.command.follows and not await self._unless_stopped(
                self.kept[kept.command.follows].ready.wait()
            ):
                return
            began = loop.time()
            await self._run_once(kept)
            if self.stopping.is_set():
                return
            kept.row = 1 if loop.time() - began >= STEADY else kept.row + 1
            wait = FIRST_WAITS[min(kept.row, len(FIRST_WAITS)) - 1]
            self.say("sunbid", local("start.restarting", process=kept.command.name, wait=f"{wait:g}"))
            await self._unless_stopped(asyncio.sleep(wait))

    async def _unless_stopped(self, waited: Coroutine[Any, Any, Any]) -> bool:
        """Wait for something or for the order to stop, whichever comes first; False if told to stop."""
        task = asyncio.ensure_future(waited)
        stop = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        for one in (task, stop):
            one.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)
        return not self.stopping.is_set()

    async def _run_once(self, kept: Kept) -> None:
        if kept.command.sign:
            children.forget(kept.command.sign)
        try:
            process, output = await children.start(kept.command)
            kept.process = process
        except OSError as error:
            self.say(kept.command.name, local("start.cannot_be_started", error=str(error)))
            return
        if self._guardian:
            self._guardian.watch(process.pid)
        if self.stopping.is_set():
            self._signal(kept, signal.SIGKILL)
        log = asyncio.create_task(children.lines(output, lambda line: self.say(kept.command.name, line)))
        probe = asyncio.create_task(self._probe(kept))
        try:
            code = await process.wait()
        finally:
            kept.ready.clear()
            probe.cancel()
            self._clear_up(kept, process, log)
        if not self.stopping.is_set():
            self.say("sunbid", local("start.exit_status", process=kept.command.name, code=code))

    def _clear_up(self, kept: Kept, process: Process, log: asyncio.Task[None]) -> None:
        """End what the process left in its group, and the processes that make no sense without it."""

        async def clear() -> None:
            await children.end_group(process.pid, signal.SIGTERM, 2.0)
            if self._guardian:
                self._guardian.forget(process.pid)
            await log

        task = asyncio.create_task(clear())
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)
        for other in self.kept.values():
            if other.command.dies_with and other.command.follows == kept.command.name:
                other.row = 0
                self._signal(other, signal.SIGKILL)

    async def _probe(self, kept: Kept) -> None:
        """Say when the process is ready; kill it when it comes to no good answer, or gives none any more."""
        if kept.command.port is None and kept.command.sign is None:
            kept.ready.set()
            return
        kept.health = Health.WELL
        if await self._first_answer(kept):
            kept.ready.set()
            await self._until_silent(kept)
        kept.silent += 1
        self.say("sunbid", local("start.stuck", process=kept.command.name))
        self._signal(kept, signal.SIGKILL)

    async def _first_answer(self, kept: Kept) -> bool:
        """Wait for the first good answer; False once the start took too long. One that says it waits has its time."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while loop.time() - heard < START_GRACE * kept.patience:
            found = await self._look(kept)
            if found is Health.WELL:
                return True
            if found is Health.WAITING:
                heard = loop.time()
            await asyncio.sleep(0.1)
        return False

    async def _until_silent(self, kept: Kept) -> None:
        """Return once the process has given no good answer too many times in a row."""
        loop = asyncio.get_running_loop()
        since, misses = loop.time(), 0
        while misses < PROBE_MISSES * kept.patience:
            await asyncio.sleep(PROBE_EVERY)
            misses = misses + 1 if await self._look(kept) is Health.ILL else 0
            if not misses and loop.time() - since >= SETTLED:
                kept.silent = 0

    async def _look(self, kept: Kept) -> Health:
        """How the process is now; says so when it begins to wait."""
        before, kept.health = kept.health, await self._health(kept.command)
        if Health.WAITING is kept.health is not before:
            self.say("sunbid", local("start.waits", process=kept.command.name))
        return kept.health

    async def _health(self, command: Command) -> Health:
        if command.port is not None:
            return await children.health(self.host, command.port, command.health, PROBE_TIMEOUT)
        return children.sign_of_life(command.sign, SIGN_OLDEST) if command.sign else Health.WELL

    def _signal(self, kept: Kept, how: signal.Signals) -> None:
        process = kept.process
        if process is not None and process.returncode is None:
            children.signal_group(process.pid, how)

    async def _end_all(self) -> None:
        """Ask every group to end, wait, kill what stays."""
        self.stopping.set()
        waiting = []
        for kept in self.kept.values():
            if kept.process is None or kept.process.returncode is not None:
                continue
            waiting.append(children.end_group(kept.process.pid, kept.command.end_signal, STOP_GRACE))
        await asyncio.gather(*waiting)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*self._clearing, return_exceptions=True)
