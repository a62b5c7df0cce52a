"""`/log`: the log of evidence as static files anyone may cache, and the worker that enters leaves and signs heads."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from evidence import verify
from messages import Message
from records.clock import now
from records.serving.problems import Problem
from records.serving.requests import body
from records.serving.workers import Worker, Workers
from records.tables.broadcast import BroadcastSession
from streaming.live.board import Board, moment
from streaming.live.covers import Covers
from streaming.live.reading import Reader
from streaming.log import leaves
from streaming.log.keeper import Keeper, Refused
from streaming.service import Checks, Service, Trouble

TICK_SECONDS = 1.0
SIGN_SECONDS = 30.0
"""A log that grows is signed at least so often."""
BEFORE = timedelta(hours=1)
"""So long before its time an opening's chain is committed to every minute."""
LARGEST_NOTE = 64 << 10
"""Bytes of a checkpoint that a witness may send."""
TILE = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/(x\d{3}/)*\d{3}(\.p/([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]))?",
    re.ASCII,
)
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "access-control-allow-origin": "*"}
AT_ONCE = {"cache-control": "public, max-age=2", "access-control-allow-origin": "*"}

log = structlog.get_logger()

Opening = Mapping[str, Any]


class EvidenceLog(Service):
    """Enters what happens into the log and serves it."""

    def __init__(
        self, keeper: Keeper, reader: Reader, board: Board, covers: Covers, workers: Workers
    ) -> None:
        self.keeper, self._reader, self._board, self._covers, self._workers = (
            keeper,
            reader,
            board,
            covers,
            workers,
        )
        self._task: asyncio.Task[None] | None = None
        self._signed = 0.0
        self._minute: datetime | None = None

    def routes(self) -> Sequence[BaseRoute]:
        """Checkpoint, tiles, keys, the file that checks packages, and where witnesses send what they have signed."""
        return [
            Route("/log/checkpoint", self.checkpoint),
            Route("/log/add-cosignature", self.add_cosignature, methods=["POST"]),
            Route("/log/keys", self.keys),
            Route("/log/verify.py", self.verify_py),
            Route("/log/{path:path}", self.tile),
        ]

    def trouble(self) -> Checks:
        """Whether the log is signed as it should be."""
        wrong = self.keeper.trouble
        return {"evidence_log": Trouble(wrong, Message("evidence.damaged_remedy")) if wrong else None}

    def metrics(self) -> Iterable[Metric]:
        """Its length, as the public knows it."""
        head = self.keeper.head
        yield GaugeMetricFamily(
            "sunbid_hub_log_leaves", "leaves of the log of evidence", head.size if head else 0
        )

    async def start(self) -> None:
        """Take the log up, then follow the board."""
        await asyncio.to_thread(self.keeper.open)
        self._task = self._workers.task("evidence_log", self._run)

    async def stop(self) -> None:
        """Sign what has been entered, and enter no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self.sign)

    async def _run(self, worker: Worker) -> None:
        while True:
            worker.beat()
            try:
                await self.enter()
                if time.monotonic() - self._signed > SIGN_SECONDS:
                    await asyncio.to_thread(self.sign)
            except SQLAlchemyError as error:
                log.warning("evidence_not_entered", error=type(error).__name__)
            await asyncio.sleep(TICK_SECONDS)

    def sign(self) -> None:
        """Sign a head if the log has grown."""
        self._signed = time.monotonic()
        try:
            self.keeper.sign()
        except SQLAlchemyError as error:
            log.warning("evidence_head_not_signed", error=type(error).__name__)

    # -- entering ---------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Enter what has come to be known since the last time."""
        running = await self.running()
        minute = leaves.minute_of(now())
        heads = [o["id"] for o in self._waiting(minute)] if minute != self._minute else []
        live = minute != self._minute and bool(running or heads)
        if running or live:
            await self._reader.write(
                lambda session: self._enter(session, running, heads, minute if live else None)
            )
        self._minute = minute

    async def running(self) -> list[Opening]:
        """Openings that have begun and are not sealed."""
        ids = await self._reader.ask(_unsealed)
        found = (self._board.openings.get(one) for one in ids)
        return [o for o in found if o and o["state"] in {"in_progress", "paused", "ended"}]

    def _waiting(self, minute: datetime) -> list[Opening]:
        """Openings whose steps are not public yet, from an hour before their time."""
        close = (o for o in self._board.openings.values() if o["state"] == "scheduled")
        return [o for o in close if abs((moment(o["scheduled_at"]) or minute) - minute) < BEFORE]

    def _enter(
        self, session: Session, running: Sequence[Opening], heads: Sequence[str], minute: datetime | None
    ) -> None:
        for opening in running:
            leaves.append(session, leaves.new_of_opening(session, opening["id"], self._switches(opening)))
        if minute is not None:
            leaves.append(session, [leaves.head_of_chain(session, one, minute) for one in heads])
            leaves.append(session, [leaves.head_of_audit(session, minute)])

    def _switches(self, opening: Opening) -> list[Mapping[str, Any]]:
        """The operators' switches of its room while it ran."""
        begun, ended = moment(opening["started_at"]), moment(opening["ended_at"]) or now()
        history = self._covers.get(str(opening["room"] or "")).history
        return [one for one in history if begun and begun <= datetime.fromisoformat(one["at"]) <= ended]

    # -- addresses --------------------------------------------------------------------------------

    async def checkpoint(self, request: Request) -> Response:
        """The newest signed head."""
        if not self.keeper.note:
            raise Problem(404, Message("evidence.no_head"))
        return PlainTextResponse(self.keeper.note, headers=AT_ONCE)

    async def keys(self, request: Request) -> Response:
        """Public keys, as `sunbid verify --key` reads them."""
        return PlainTextResponse(self.keeper.keys(), headers=AT_ONCE)

    async def verify_py(self, request: Request) -> Response:
        """The file that checks a package on any machine."""
        return FileResponse(
            verify.__file__, media_type="text/x-python", filename="verify.py", headers=AT_ONCE
        )

    async def tile(self, request: Request) -> Response:
        """A tile or a file of entries; what was not signed is not there."""
        path = request.path_params["path"]
        if not TILE.fullmatch(path):
            raise Problem(404, Message("evidence.no_tile"))
        file: Path = self.keeper.folder / path
        if not await asyncio.to_thread(file.is_file):
            raise Problem(404, Message("evidence.no_tile"))
        return FileResponse(file, media_type="application/octet-stream", headers=FOR_EVER)

    async def add_cosignature(self, request: Request) -> Response:
        """A checkpoint that a witness has cosigned."""
        raw = await body(request, LARGEST_NOTE)
        try:
            await asyncio.to_thread(self.keeper.add_cosignature, raw.decode("utf-8", "replace"))
        except Refused as refusal:
            raise Problem(refusal.status, refusal.message) from None
        return PlainTextResponse(self.keeper.note, headers={"cache-control": "no-store"})


def _unsealed(session: Session) -> list[str]:
    return list(
        session.scalars(select(BroadcastSession.opening_id).where(BroadcastSession.state != "sealed"))
    )
