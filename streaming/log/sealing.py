"""The sealing 封存 of an opening at its end: package, proof, second copy, seal. Once, or not yet; never half.

The steps stand one behind the other, each durable before the next begins, and each finds what the one before left:
the folder with what is sealed, closed by the list of it; the seal's leaf in the log; a signed head over it, time stamp
and cosignatures; the zip and its copy; the seal in the ledger, which alone makes it count. A hub that was killed begins
again at the first and goes over what is done already.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from evidence import package, timestamp
from evidence.files import write_whole
from evidence.merkle import Forked
from evidence.verify import canonical
from messages import Message
from records.clock import now
from records.serving.workers import Worker, Workers
from records.tables.broadcast import BroadcastSession
from records.tables.evidence import LogLeaf, Recording, Seal, Segment
from streaming.config import HubConfig
from streaming.copies import Copies, same_everywhere
from streaming.live.board import Board, moment
from streaming.live.logs import Logs
from streaming.live.reading import Reader
from streaming.log import documents, leaves
from streaming.log.keeper import Keeper
from streaming.log.service import EvidenceLog
from streaming.replay.cut import Cut, covered
from streaming.replay.library import Library
from streaming.service import Checks, Service, Trouble

LOOK_SECONDS = 3.0
COMPARE_SECONDS = 60.0
"""How often the copies of all packages are compared."""
AFTER = timedelta(seconds=5)
"""So long after its end an opening is sealed at the earliest: its last pictures come to the disk."""
WITNESS_SECONDS = 90.0
"""How long a seal waits for the witnesses to cosign its head."""
ASK_SECONDS = 0.5
"""How often it is looked whether they have."""
STAMP_TRIES = 3
PATIENCE = 3600.0
"""Seconds that sealing one opening may take: hours of video are read twice."""
CONTENT = ".content.json"

log = structlog.get_logger()

Opening = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """All that is needed to seal one opening."""

    opening: Opening
    events: Sequence[Mapping[str, Any]]
    cut: Cut | None
    folder: Path

    @property
    def id(self) -> str:
        """The opening's."""
        return str(self.opening["id"])


class Sealing(Service):
    """Seals what has ended, one opening at a time."""

    def __init__(
        self, keeper: Keeper, entered: EvidenceLog, reader: Reader, board: Board, logs: Logs, library: Library, config: HubConfig,
        workers: Workers,
    ) -> None:  # fmt: skip
        self._keeper, self._entered, self._reader, self._board = keeper, entered, reader, board
        self._logs, self._library, self._config, self._workers = logs, library, config, workers
        self._data = config.data_dir
        self.copies = Copies(config.data_dir, config.archive)
        self._task: asyncio.Task[None] | None = None
        self._failed: dict[str, str] = {}
        """Opening → why it could not be sealed the last time."""

    def trouble(self) -> Checks:
        """Openings that have ended and could not be sealed."""
        if not self._failed:
            return {"sealing": None}
        wrong = Message(
            "evidence.not_sealed", openings=sorted(self._failed), error=next(iter(self._failed.values()))
        )
        return {"sealing": Trouble(wrong, Message("evidence.not_sealed_remedy"))}

    async def start(self) -> None:
        """Look for what has ended."""
        self._task = self._workers.task("sealing", self._run, patience=PATIENCE)

    async def stop(self) -> None:
        """Seal no more; what is half done is gone over at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, worker: Worker) -> None:
        compared = 0.0
        while True:
            worker.beat()
            for opening in await self._due():
                await self._try(opening)
            if time.monotonic() - compared > COMPARE_SECONDS:
                await asyncio.to_thread(same_everywhere, self._reader.ledger, self.copies)
                compared = time.monotonic()
            worker.rest()
            await asyncio.sleep(LOOK_SECONDS)

    async def _due(self) -> list[Opening]:
        try:
            ended = [one for one in await self._entered.running() if one["state"] == "ended"]
            late = [one for one in ended if (moment(one["ended_at"]) or now()) + AFTER < now()]
            return [one for one in late if await self._reader.ask(lambda s, key=one["id"]: _written(s, key))]  # type: ignore[misc]
        except SQLAlchemyError:
            return []  # the poller says that the ledger cannot be read

    async def _try(self, opening: Opening) -> None:
        try:
            await self.seal(opening)
            self._failed.pop(opening["id"], None)
        except (OSError, ValueError, EOFError, LookupError, RuntimeError, Forked, SQLAlchemyError) as error:
            log.exception("opening_not_sealed", opening=opening["id"])
            self._failed[opening["id"]] = f"{type(error).__name__}: {error}"[:200]

    async def seal(self, opening: Opening) -> None:
        """Seal one opening that has ended. Raises OSError, EOFError where a recording is shorter than the ledger says,
        ValueError where what was sealed before is not what is there."""
        await self._entered.enter()
        feed = await self._logs.get(opening["id"])
        cut = await self._library.decide(opening)
        job = Job(opening, list(feed.messages) if feed else [], cut, self.copies.folder(opening["id"]))
        content = await asyncio.to_thread(self.content, job)
        await asyncio.to_thread(self.enter_seal, job, content)
        size = await self._vouched(job)
        await asyncio.to_thread(self.finish, job, content, size)
        log.info("opening_sealed", opening=job.id, files=len(content["files"]), size=size)

    # -- the steps --------------------------------------------------------------------------------

    def content(self, job: Job) -> dict[str, Any]:
        """Write what is sealed, and the list of it last; what an earlier try has listed stays as it is."""
        listed = job.folder / CONTENT
        if listed.exists():
            held: dict[str, Any] = json.loads(listed.read_text("utf-8"))
            return held
        shutil.rmtree(job.folder, ignore_errors=True)
        with self._reader.ledger.read() as session:
            rows = _recordings(session, job.id)
            recordings = [_recording(session, row, number, job.cut) for number, row in enumerate(rows, 1)]
            entered = [row.position for row in leaves.of_opening(session, job.id) if row.kind == "event"]
            films = {
                one["path"]: (row.started_at, row.ended_at) for one, row in zip(recordings, rows, strict=True)
            }
        events = [one for one in job.events if one["seq"] in set(entered)]
        keys = [self._keeper.signer.verifier, *self._keeper.witnesses.values()]
        documents.write_all(
            job.folder, job.opening, events, films, keys, self._data, self._config.timestamp_ca
        )
        files = package.sealed_files(job.folder, self._sources(job, recordings))
        body = {"files": files, "recordings": recordings, "events": len(events)}
        write_whole(listed, canonical(body))
        return body

    def enter_seal(self, job: Job, content: Mapping[str, Any]) -> None:
        """Enter the seal into the log. Raises ValueError where another was entered before."""
        draft = leaves.disclosed(job.id, "seal", job.id, 0, now(), content)
        with self._reader.ledger.write() as session:
            if (
                not leaves.append(session, [draft])
                and _seal_leaf(session, job.id).leaf["sha256"] != draft.sha256
            ):
                raise ValueError("another seal is in the log")
        self._keeper.sign()

    async def _vouched(self, job: Job) -> int:
        """Have the head over the seal cosigned and time-stamped, as far as that is to be had; gives its size."""
        number = await self._reader.ask(lambda session: _seal_leaf(session, job.id).number)
        head = self._keeper.head
        if head is None or head.size <= number:
            raise ValueError("the log is not signed")
        await self._cosigned(head.size)
        if self._config.timestamp_url:
            await self._stamped(job, head.text.encode())
        return head.size

    async def _cosigned(self, size: int) -> None:
        for _ in range(round(WITNESS_SECONDS / ASK_SECONDS)):
            if self._keeper.cosigned(size) >= len(self._keeper.witnesses):
                return
            await asyncio.sleep(ASK_SECONDS)
        log.warning("seal_not_cosigned_by_all", size=size, cosigned=self._keeper.cosigned(size))

    async def _stamped(self, job: Job, text: bytes) -> None:
        """A time stamp over the head; one of an earlier try was over another. Without one it is sealed all the same."""
        shutil.rmtree(job.folder / "timestamps", ignore_errors=True)
        for attempt in range(STAMP_TRIES):
            try:
                reply = await asyncio.to_thread(timestamp.ask, self._config.timestamp_url, text)
                write_whole(job.folder / "timestamps" / "1.tsr", reply)
                return
            except (OSError, ValueError, ImportError) as error:
                log.warning(
                    "timestamp_not_given", opening=job.id, error=f"{type(error).__name__}: {error}"[:200]
                )
                await asyncio.sleep(attempt)

    def finish(self, job: Job, content: Mapping[str, Any], size: int) -> None:
        """Proofs, manifest, zip, second copy; then the seal in the ledger."""
        note = self._keeper.note_of(size) or self._keeper.note
        with self._reader.ledger.read() as session:
            rows = leaves.of_opening(session, job.id)
            first = self._keeper.first_head(session, rows[0].number)
        last = next(at for at, row in enumerate(rows) if row.kind == "seal")
        package.prove(
            job.folder, [_line(row) for row in rows[: last + 1]], self._keeper.tiles(size), note, first
        )
        package.list_all(job.folder, job.id, content["files"])
        sha256 = self.copies.make(job.id, job.folder, self._sources(job, content["recordings"]))
        manifest = package.file_digest(job.folder / "manifest.json")
        with self._reader.ledger.write() as session:
            segments = sum(row.kind == "segment" for row in rows)
            session.merge(Seal(
                opening_id=job.id, sealed_at=now(), head=(self._keeper.head_root(size)), key_id=self._keeper.signer.verifier.id.hex(),
                signature=note.rpartition("\n\n")[2].splitlines()[0], manifest_sha256=manifest, package_sha256=sha256,
                segments=segments,
            ))  # fmt: skip
            _mark(session, job.id)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _sources(self, job: Job, recordings: Iterable[Mapping[str, Any]]) -> list[package.Source]:
        """Where the recordings of a package are read from."""
        with self._reader.ledger.read() as session:
            return [_source(session, one, self._data / "recordings") for one in recordings]


# ── what the ledger knows ────────────────────────────────────────────────────────────────────────


def _recordings(session: Session, opening: str) -> list[Recording]:
    """The recordings of an opening that hold something, the near camera's first."""
    query = select(Recording).where(Recording.session_id == opening, Recording.bytes > 0)
    rows = session.scalars(query.order_by(Recording.started_at, Recording.id))
    return sorted(rows, key=lambda row: row.camera != "main")


def _written(session: Session, opening: str) -> bool:
    """Whether no recording of an opening is still being written."""
    running = (
        select(func.count())
        .select_from(Recording)
        .where(Recording.session_id == opening, Recording.ended_at.is_(None))
    )
    return not session.scalar(running)


def _recording(session: Session, row: Recording, number: int, cut: Cut | None) -> dict[str, Any]:
    """A recording as the seal tells of it: its id, its name in the package, and the segments withheld from the public."""
    pieces = list(
        session.scalars(select(Segment).where(Segment.recording_id == row.id).order_by(Segment.seq))
    )
    ending = "mp4" if row.container == "mp4" else row.container
    return {
        "id": row.id, "path": f"recording/{row.camera}-{number}.{ending}", "camera": row.camera, "segments": len(pieces),
        "withheld": _spans([piece.seq for piece in pieces if _withheld(piece, row, cut)]),
    }  # fmt: skip


def _withheld(piece: Segment, row: Recording, cut: Cut | None) -> bool:
    """Whether any of a segment was not for the public: pictures from before the opening began or after it ended, what was
    covered or muted. The head of a file, which holds no picture, is never withheld."""
    if piece.seq == 0 and not piece.seconds:
        return False
    if cut is None:
        return True
    begin = (piece.started_at - row.started_at).total_seconds()
    end = begin + piece.seconds
    first, last = ((at - row.started_at).total_seconds() for at in (cut.start, cut.end))
    holes = covered((*cut.hidden, *cut.muted), row.started_at)
    return begin < first or end > last or any(begin < b and end > a for a, b in holes)


def _spans(numbers: Sequence[int]) -> list[list[int]]:
    """Runs of numbers as [first, last]."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _source(session: Session, recording: Mapping[str, Any], folder: Path) -> package.Source:
    row = session.get_one(Recording, recording["id"])
    held = [range(first, last + 1) for first, last in recording["withheld"]]
    pieces = session.scalars(select(Segment).where(Segment.recording_id == row.id).order_by(Segment.seq))
    spans = tuple((one.offset, one.bytes) for one in pieces if not any(one.seq in span for span in held))
    return package.Source(recording["path"], folder / row.path, spans)


def _seal_leaf(session: Session, opening: str) -> LogLeaf:
    return session.scalars(select(LogLeaf).where(LogLeaf.opening_id == opening, LogLeaf.kind == "seal")).one()


def _line(row: LogLeaf) -> dict[str, Any]:
    """A leaf as leaves.jsonl holds it; a commitment is opened here."""
    beside = {"body": row.body, "key": row.key}
    return {"index": row.number, "leaf": row.leaf} | {
        key: value for key, value in beside.items() if value is not None
    }


def _mark(session: Session, opening: str) -> None:
    """What was sealed is marked so: session and recordings."""
    for broadcast in session.scalars(select(BroadcastSession).where(BroadcastSession.opening_id == opening)):
        broadcast.state = "sealed"
    for recording in session.scalars(select(Recording).where(Recording.session_id == opening)):
        recording.sealed_at = now()
