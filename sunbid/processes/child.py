"""One watched process: how it starts, how its health is asked, how its whole group ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from messages import local
from records.clock import timestamp

_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None) if _LINUX else None
LONGEST_ANSWER = 1 << 18
"""Bytes read of an answer about a process' health."""
LONGEST_LINE = 1 << 20
"""Bytes; a longer line of a child's log is cut."""


@dataclass(frozen=True)
class Command:
    """A process to keep alive.

    `argv` may be made anew at each start, for what holds only a while. `follows` names one that must be ready first; with `dies_with` it also restarts whenever that one does.
    """

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    port: int | None = None
    health: str | None = None
    sign: Path | None = None
    """The file in which a process without a port says how it is."""
    follows: str | None = None
    dies_with: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    end_signal: signal.Signals = signal.SIGTERM
    niceness: int = 0
    """By how much it gives way to the others, 0 to 19 (nice(2))."""


class Guardian:
    """The script that outlives a killed supervisor just long enough to end the rest."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        """Told of every group as it starts: between its start and a later word the supervisor might be killed."""
        script = Path(__file__).with_name("guardian.py")
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), *map(str, sorted(self._groups))],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def watch(self, group: int) -> None:
        """A group that must not outlive the supervisor."""
        self._groups.add(group)
        self._write(f"+{group}\n")

    def forget(self, group: int) -> None:
        """A group that ended."""
        self._groups.discard(group)
        self._write(f"-{group}\n")

    def alive(self) -> bool:
        """Whether the script runs; where it does not, another one takes its place and is told of every group."""
        if self._process.poll() is None:
            return True
        self._process = self._started()
        return False

    def close(self) -> None:
        """The supervisor ends well: let the guardian clear up what is listed still, and wait for it."""
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()


def _before_it_runs(parent: int, command: Command) -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask the kernel to end it when the parent is gone, and give way."""
    if _LIBC is None:
        return None

    def bind() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(command.end_signal))
        if os.getppid() != parent:
            os._exit(1)
        if command.niceness:
            _give_way(command.niceness)

    return bind


def _give_way(niceness: int) -> None:
    """Nice(2) counts within a session alone where the kernel groups by sessions, and every child has one of its own:
    there the group is told too (sched(7), autogroup)."""
    os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


async def start(command: Command) -> tuple[Process, asyncio.StreamReader]:
    """Start a command in a process group of its own; also its log. Raises OSError if it cannot be run.

    The log goes through a pipe of ours: asyncio's own would keep `wait()` waiting for grandchildren
    that hold it open.
    """
    output, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(command.argv() if callable(command.argv) else command.argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **command.env},
            start_new_session=True,
            preexec_fn=_before_it_runs(os.getpid(), command),
        )
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(theirs)
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
    )
    return process, reader


def signal_group(group: int, how: int) -> bool:
    """Send a signal (0: only ask) to a whole process group; False if nobody is left in it."""
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return False
    return True


async def end_group(group: int, how: signal.Signals, grace: float) -> None:
    """End a whole process group: `how`, then SIGKILL for what is left after `grace` seconds."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + grace
    if not signal_group(group, how):
        return
    while loop.time() < limit:
        await asyncio.sleep(0.05)
        if not signal_group(group, 0):
            return
    signal_group(group, signal.SIGKILL)


async def lines(log: asyncio.StreamReader, write: Callable[[str], None]) -> None:
    """Hand every line of a log to `write`, until nobody can write to it any more.

    A line that `write` cannot write (a full disk, a closed terminal) is lost; reading goes on, or the process would
    stand still at its next line.
    """
    while True:
        try:
            raw = await log.readline()
        except ValueError:
            raw = local("log.line_too_long").encode()
        if not raw:
            return
        with contextlib.suppress(OSError, ValueError):
            write(raw.decode(errors="replace").rstrip())


class Health(Enum):
    """How a process is."""

    WELL = "well"
    WAITING = "waiting"
    """It says what is wrong, and that a new process would not help: a database that is away, say."""
    ILL = "ill"
    """No answer, or one that says a new process would help."""


async def health(host: str, port: int, path: str | None, timeout: float) -> Health:
    """How a process is that answers on a port: a connection, and an answer below 500 where `path` is given."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return Health.WELL if path is None else await _answers(reader, writer, host, path)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return Health.ILL


def sign_of_life(file: Path, most: float) -> Health:
    """How a process is that has no port: what it says in a file, which must be no older than `most` seconds."""
    try:
        age, sign = timestamp() - file.stat().st_mtime, file.read_bytes()
    except OSError:
        return Health.ILL
    return _said(sign) if age <= most else Health.ILL


def forget(sign: Path) -> None:
    """What a former process said of itself is not what the next one says; where it cannot go, it grows old."""
    with contextlib.suppress(OSError):
        sign.unlink(missing_ok=True)


def _said(answer: bytes) -> Health:
    try:
        state = json.loads(answer)
    except ValueError:
        return Health.ILL
    if not isinstance(state, dict) or state.get("replace") is not False:
        return Health.ILL
    return Health.WELL if state.get("status") == "ok" else Health.WAITING


async def _answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> Health:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    words = (await reader.readline()).split()
    if len(words) >= 2 and words[1].isdigit() and int(words[1]) < 500:
        return Health.WELL
    answer = b""
    while len(answer) < LONGEST_ANSWER and (more := await reader.read(LONGEST_ANSWER)):
        answer += more
    return _said(answer.partition(b"\r\n\r\n")[2])
