"""Reading bid files in child processes with limits on time and memory.

A file made to hang or to fill the memory costs its own child only; it is told as unread and the rest go on.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from messages import Message
from supervision.likeness.formats import LONGEST_TEXT, packed

SUFFIXES = (".pdf", ".docx", ".xlsx")
SECONDS, MEMORY = 60.0, 1 << 30
"""Processor seconds a file may take, and how many bytes of memory its child may use. The kernel holds both."""
_PATIENCE = 20
"""So many times `seconds` by the clock a file may take: a busy machine gives a child little of its time."""
_FILES_OF_A_CHILD = 40
"""After so many a new one begins: libraries keep memory."""
_LONGEST_ANSWER = 256 << 20
"""Bytes of an answer; no file of honest size has as many."""


@dataclass
class Content:
    """What is compared of a file, or of all files of a bidder."""

    packed: bytes = b""
    """Its words without white space, deflated."""
    origin: set[tuple[str, str]] = field(default_factory=set)
    """(kind, value): author, editor, document id, and what else says where it was made."""
    items: dict[str, float] = field(default_factory=dict)
    """Priced items of a bill of quantities: name → unit price or amount."""
    places: list[tuple[int, str, int]] = field(default_factory=list)
    """(where it begins in the text, file, page from 1 or 0 for files without) of every part."""

    @classmethod
    def of(cls, text: str, file: str = "") -> Content:
        """Of words alone."""
        return cls(packed(text), places=[(0, file, 0)])

    @property
    def text(self) -> str:
        """The words."""
        found = zlib.decompressobj().decompress(self.packed, 4 * LONGEST_TEXT) if self.packed else b""
        return found.decode("utf-8", "ignore")

    def add(self, other: Content) -> None:
        """Put another file of the same bidder beside it."""
        before = self.text
        room = LONGEST_TEXT - len(before)
        if room > 0 and other.packed:
            self.packed = packed(f"{before}\n{other.text[: room - 1]}")
            self.places += [(len(before) + 1 + begin, file, page) for begin, file, page in other.places]
        self.origin |= other.origin
        self.items |= {sys.intern(name): price for name, price in other.items.items()}

    def place(self, where: int) -> tuple[str, int]:
        """(file, page) of a position in the text."""
        begun = [(file, page) for begin, file, page in self.places if begin <= where]
        return begun[-1] if begun else ("", 0)


@dataclass(frozen=True)
class Unread:
    """A file that could not be read, and why."""

    path: Path
    why: Message


Read = tuple[Path, Content | Unread]
_Found = Read | Exception
"""What a reading thread hands over: a file, or what it stumbled over itself, which ends the whole reading."""


def read_all(paths: Sequence[Path], *, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[Read]:
    """Every file's content or why it could not be read, as they come; as many at once as there are cores.

    `seconds` of processor time and `memory` bytes a file; one whose child stands still as long by the clock is given up.
    """
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for path in paths:
        waiting.put(path)
    found: queue.Queue[_Found] = queue.Queue(maxsize=4)
    stop = threading.Event()
    for _ in range(min(len(paths), os.cpu_count() or 1)):
        threading.Thread(target=_reader, args=(waiting, found, stop, seconds, memory), daemon=True).start()
    try:
        for _ in paths:
            answer = found.get()
            if isinstance(answer, Exception):
                raise answer
            yield answer
    finally:
        stop.set()


def _reader(
    waiting: queue.SimpleQueue[Path], found: queue.Queue[_Found], stop: threading.Event, seconds: float, memory: int
) -> None:  # fmt: skip
    """Have files read one after another until none is left or nobody waits for them."""
    child = _Child(seconds, memory)
    try:
        while not stop.is_set():
            path = waiting.get_nowait()
            _hand_over((path, child.read(path)), found, stop)
    except queue.Empty:
        return
    except Exception as error:  # noqa: BLE001 - raised where it is waited for, which would otherwise wait for ever
        _hand_over(error, found, stop)
    finally:
        child.end()


def _hand_over(answer: _Found, found: queue.Queue[_Found], stop: threading.Event) -> None:
    """Put an answer where it is waited for, as soon as there is room and while anybody waits."""
    while not stop.is_set():
        try:
            return found.put(answer, timeout=0.5)
        except queue.Full:
            continue


class _Child:
    """The process that opens files; a new one where it has died, been ended or read its share."""

    def __init__(self, seconds: float, memory: int) -> None:
        self.seconds, self.memory = seconds, memory
        self.process: subprocess.Popen[bytes] | None = None
        self.files = 0

    def read(self, path: Path) -> Content | Unread:
        """What a file holds, or why that cannot be told."""
        if self.process is None or self.files >= _FILES_OF_A_CHILD:
            self._begin()
        self.files += 1
        try:
            line = self._ask(path)
        except TimeoutError:
            self.end()
            return Unread(path, Message("likeness.too_slow", seconds=round(self.seconds)))
        return self._died(path) if line is None else _read(path, json.loads(line))

    def _died(self, path: Path) -> Unread:
        """Why a file is unread over which the child died: of its processor time, else of its memory."""
        if self.end() == -signal.SIGXCPU:
            return Unread(path, Message("likeness.too_much_work", seconds=round(self.seconds)))
        return Unread(path, Message("likeness.too_large"))

    def _begin(self) -> None:
        self.end()
        command = [
            sys.executable,
            "-m",
            "supervision.likeness.formats",
            str(max(1, round(self.seconds))),
            str(self.memory),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=_ROOT
        )
        self.files = 0

    def _ask(self, path: Path) -> bytes | None:
        """The child's line; None if it died over the file. Raises TimeoutError."""
        assert self.process is not None and self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        parts: list[bytes] = []
        size, pipe = 0, self.process.stdout.fileno()
        until = time.monotonic() + _PATIENCE * self.seconds
        while size <= _LONGEST_ANSWER:
            self._wait(pipe, until)
            part = os.read(pipe, 1 << 20)
            if not part:
                return None
            parts.append(part)
            size += len(part)
            if part.endswith(b"\n"):
                return b"".join(parts)
        return None

    def _wait(self, pipe: int, until: float) -> None:
        """Wait for something to read. Raises TimeoutError where the child stands still, or it is `until` by the clock."""
        used = self._processor_time()
        answered = select.poll()  # `select` knows no pipe beyond the 1024th file of a process
        answered.register(pipe, select.POLLIN)
        while not answered.poll(self.seconds * 1000):
            before, used = used, self._processor_time()
            if used == before or time.monotonic() >= until:
                raise TimeoutError

    def _processor_time(self) -> int:
        """Ticks the child has run: of proc_pid_stat(5) utime and stime, after the name in brackets."""
        assert self.process is not None
        stat = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8", "replace")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return int(user) + int(system)

    def end(self) -> int | None:
        """End the process, whatever it is at; how it ended, negative for a signal, None if there was none."""
        ended = None
        if self.process is not None:
            self.process.kill()
            ended = self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None
        return ended


_ROOT = Path(__file__).resolve().parents[2]
"""Where the packages lie, so that the child finds them."""


def _read(path: Path, answer: Mapping[str, Any]) -> Content | Unread:
    if "why" in answer:
        return Unread(path, Message(answer["why"], detail=answer.get("detail", "")))
    return Content(
        base64.b64decode(answer["text"]),
        {(kind, value) for kind, value in answer["origin"]},
        answer["items"],
        [(begin, path.name, page) for begin, page in answer["places"]],
    )
