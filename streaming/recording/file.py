"""One file being recorded: an ffmpeg that copies a room's packets into it, and its closed pieces."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from records.parent import end_with_parent
from streaming import ffmpeg
from streaming.recording import ledger as recordings
from streaming.recording import pictures
from streaming.recording.ledger import Digested
from streaming.recording.mp4 import Damaged, Mp4Follower
from streaming.recording.rtpout import START_SECONDS, Lane, RtpOut, describe, free_pair
from streaming.wire.codecs import H264, Codec
from streaming.wire.h264 import Parameters

log = structlog.get_logger()

DRAIN_SECONDS = 0.25
"""Time the last packets get to pass through before ffmpeg is asked to end."""
LEFTOVER_SECONDS = 3.0
"""Time the ffmpeg of a killed hub gets to write its last fragment."""


@dataclass(frozen=True)
class Source:
    """What a file is made of; when it changes, a new file begins. `audio` None: there is no sound."""

    video: Codec
    audio: Codec | None
    parameters: Parameters | None

    @property
    def shape(self) -> tuple[object, ...]:
        """Profile and size of H.264; empty for VP8, whose keyframes say their size."""
        return self.parameters.shape if self.parameters else ()

    @property
    def container(self) -> str:
        """MP4 for H.264, WebM (Matroska) for VP8."""
        return "mp4" if self.video.name == H264 else "webm"


class RecordingFile:
    """A file from its first packet to its last piece. Packets go in on the event loop; `look` and
    `settle` touch the disk and belong to a worker thread."""

    def __init__(
        self, recording_id: str, path: Path, source: Source, started_at: datetime, fragment_seconds: float
    ) -> None:
        self.id, self.path, self.source, self.started_at = recording_id, path, source, started_at
        self.container = source.container
        self.bytes = self.pieces = 0
        """Of the closed pieces."""
        self.piece_at = time.monotonic()
        """When the last closed piece was seen."""
        self.written_until = started_at.timestamp()
        """Unix time up to which the pictures are in closed pieces."""
        self._fragment_seconds = fragment_seconds
        self._file: BinaryIO | None = None
        self._follower: recordings.Follower | None = None
        self._process: Process | None = None
        self._said: deque[str] = deque(maxlen=5)
        self._stopping = False
        self._opening: asyncio.Future[None] | None = None
        codecs = {"video": source.video, "audio": source.audio}
        lanes = [Lane(kind, codec, free_pair()) for kind, codec in codecs.items() if codec]
        self.out = RtpOut(lanes)
        self._sdp = describe(lanes, source.parameters)

    # -- on the event loop ------------------------------------------------------------------------

    async def run(self) -> None:
        """Start ffmpeg, feed it, and return when it has ended, for whatever reason."""
        try:
            self._process = await self._spawn()
            listening = asyncio.ensure_future(self._listen(self._process))
            opening = self._opening = asyncio.ensure_future(self.out.open())
            ended = asyncio.ensure_future(self._process.wait())
            await asyncio.wait((opening, ended), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
            elif opening.exception():
                self._process.kill()
            await asyncio.gather(opening, listening, return_exceptions=True)
            code = await ended
            if not self._stopping:
                log.warning("recording.ffmpeg_ended", recording=self.id, code=code, said=list(self._said))
        except OSError as error:
            log.error("recording.not_started", recording=self.id, error=str(error))
        finally:
            self.out.close()

    async def _spawn(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *ffmpeg.recording(self.container, self.path, self._fragment_seconds),
            stdin=PIPE, stdout=DEVNULL, stderr=PIPE, preexec_fn=end_with_parent(os.getpid()),
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(self._sdp.encode())
        process.stdin.close()
        return process

    async def _listen(self, process: Process) -> None:
        """Keep the last lines of ffmpeg's standard error: an unread pipe would stop it."""
        assert process.stderr is not None
        async for line in process.stderr:
            self._said.append(line.decode(errors="replace").strip()[:400])

    async def stop(self) -> None:
        """Let ffmpeg write what it has and end: by a goodbye, then by signals, then by force."""
        self._stopping = True
        if self._opening is not None:  # what waits for ffmpeg to listen belongs into the file
            await asyncio.wait((self._opening,), timeout=START_SECONDS)
        await asyncio.sleep(DRAIN_SECONDS)
        self.out.bye()
        # the first SIGTERM ends ffmpeg only where packets still come, the second also where it waits
        for how, patience in (
            (None, 2.0),
            (signal.SIGTERM, 0.5),
            (signal.SIGTERM, 5.0),
            (signal.SIGKILL, 5.0),
        ):
            if await self._ends(how, patience):
                return
            if how is signal.SIGKILL:
                log.error("recording.ffmpeg_survives", recording=self.id)

    async def _ends(self, how: signal.Signals | None, patience: float) -> bool:
        process = self._process
        if process is None or process.returncode is not None:
            return True
        with suppress(ProcessLookupError):
            if how is not None:
                process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            return False
        return True

    @property
    def pid(self) -> int | None:
        """Process number of the ffmpeg that writes the file."""
        return self._process.pid if self._process else None

    # -- in the worker thread ---------------------------------------------------------------------

    def look(self) -> list[Digested]:
        """The pieces closed since the last look, on disk for good (fdatasync) and with their digests.

        Damaged where the file is not what ffmpeg should have written; OSError of the disk.
        """
        if self._file is None:
            if not self.path.exists():
                return []
            self._file = self.path.open("r+b")
            self._follower = recordings.follow(self.container, self._file)
        assert self._follower is not None
        pieces = list(self._follower.pieces())
        if not pieces:
            return []
        os.fdatasync(self._file.fileno())
        self.bytes, self.piece_at = self._follower.end, time.monotonic()
        ends = [piece.start + piece.seconds for piece in pieces if piece.seconds]
        self.written_until = max([self.written_until, *(self.started_at.timestamp() + end for end in ends)])
        found = recordings.digested(self._file, pieces, self._pictures)
        self.pieces += len(found)
        return found

    def _pictures(self, piece: bytes) -> tuple[bytes, ...]:
        """Digests of a piece's pictures; none where they cannot be told apart: the piece is kept all the same."""
        try:
            if isinstance(self._follower, Mp4Follower):
                return pictures.in_fragment(piece, self._follower.tracks)
            return pictures.in_cluster(piece)
        except (Damaged, LookupError) as error:
            log.error("recording.pictures_not_told", recording=self.id, error=str(error))
            return ()

    def settle(self) -> list[Digested]:
        """After the end: the last whole pieces; a torn end is cut off the file."""
        try:
            pieces = self.look()
        except Damaged:
            pieces = []
        if self._file is not None:
            self._file.truncate(self.bytes)
            os.fdatasync(self._file.fileno())
            self._file.close()
            self._file = None
        return pieces


def end_leftover(path: Path) -> bool:
    """End the ffmpeg of a killed hub that still holds this file; whether there was one. Linux only."""
    pids = [pid for pid in _processes() if _writes(pid, path)]
    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        limit = time.monotonic() + LEFTOVER_SECONDS / 3
        while any(_writes(pid, path) for pid in pids) and time.monotonic() < limit:
            time.sleep(0.05)
    return bool(pids)


def _processes() -> list[int]:
    folder = Path("/proc")
    return (
        [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()] if folder.exists() else []
    )


def _writes(pid: int, path: Path) -> bool:
    """Whether a process is an ffmpeg of ours that writes `path`: its last argument."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2:-1] == [os.fsencode(path)]
    except OSError:
        return False
