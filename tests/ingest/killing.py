"""Four platforms load records while the intake, or its database connection, is killed again and again."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets
from sqlalchemy import create_engine, text

from ingest.apply.envelopes import apply_batch
from records.ledger import Ledger
from records.sources import add_source
from records.tables.bids import Bid
from records.tables.intake import Held, Journal, Parked, Reject
from records.tables.money import Deposit

from .conftest import DEADLINE, count, envelope, market, rows
from .serving import free_port, start

SOURCES = ("north", "east", "south", "west")
WINDOW = 250
"""Records a platform sends ahead of the answers."""


def own_lots(name: str) -> list[dict[str, Any]]:
    """A project and two lots of a source: what hangs on them only it may send."""
    lots = ({"project": f"{name}-p", "name": f"标段{i}", "deadline": DEADLINE} for i in range(2))
    return [
        envelope("project", f"{name}-p", {"name": "学校工程", "tenderer": "city"}),
        *(envelope("lot", f"{name}-l{i}", lot) for i, lot in enumerate(lots)),
    ]


def record(name: str, number: int) -> dict[str, Any]:
    """Bids, and among them deposits: one before the bid it belongs to, one after it."""
    deposit = number % 5 in (0, 4)
    of = (number + 1 if number % 5 == 0 else number - 1) if deposit else number
    lot_and_bidder = {"lot": f"{name}-l{of % 2}", "bidder": f"o{of % 3}"}
    if deposit:
        data = {**lot_and_bidder, "bid": f"{name}-{of}", "amount": "5"}
        return envelope("deposit", f"{name}-{number}", data)
    return envelope("bid", f"{name}-{number}", {**lot_and_bidder, "price": str(number)})


@dataclass
class Platform:
    """One sender: keeps what is unanswered and sends it again after every break."""

    name: str
    token: str
    total: int
    answers: dict[str, str] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    breaks: int = 0

    async def run(self, port: int) -> None:
        """Send until everything is answered."""
        while len(self.answers) < self.total:
            try:
                async with websockets.connect(
                    f"ws://127.0.0.1:{port}/records",
                    additional_headers={"Authorization": f"Bearer {self.token}"},
                    compression=None,
                ) as socket:
                    await self._converse(socket)
            except (OSError, websockets.WebSocketException):
                self.breaks += 1
                await asyncio.sleep(0.05)

    async def _converse(self, socket: websockets.ClientConnection) -> None:
        numbers = (n for n in range(self.total) if f"{self.name}-{n}" not in self.answers)
        ahead = 0
        while len(self.answers) < self.total:
            while ahead < WINDOW and (number := next(numbers, None)) is not None:
                await socket.send(json.dumps(record(self.name, number)))
                ahead += 1
            answer = json.loads(await socket.recv())
            ahead -= 1
            self.answers[answer["key"]] = answer["status"]
            if "seq" in answer:
                self.seqs.append(answer["seq"])


@dataclass
class Rig:
    """A ledger, the intake in front of it, and the platforms."""

    ledger: Ledger
    folder: Path
    total: int
    kills: int
    seed: int = 7
    killed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    async def run(self) -> list[Platform]:
        """Load everything under `kills` kills at random moments; the platforms with their answers."""
        apply_batch(self.ledger, "base", market())
        with self.ledger.write() as session:
            platforms = [Platform(n, add_source(session, n), self.total // len(SOURCES)) for n in SOURCES]
        for name in SOURCES:
            apply_batch(self.ledger, name, own_lots(name))
        self.url = self.ledger.url.render_as_string(hide_password=False)
        port, began = free_port(), time.monotonic()
        self.process: subprocess.Popen[bytes] = await asyncio.to_thread(start, self.url, self.folder, port)
        sending = [asyncio.create_task(platform.run(port)) for platform in platforms]
        try:
            await self._kill(platforms, port, random.Random(self.seed))
            await asyncio.gather(*sending)
        finally:
            for task in sending:
                task.cancel()
            self.process.kill()
            self.process.wait()
        self.seconds = time.monotonic() - began
        return platforms

    async def _kill(self, platforms: list[Platform], port: int, rng: random.Random) -> None:
        """Kills spread over the load; each some milliseconds after its share has been answered."""
        for number in range(self.kills):
            share = self.total * (number + rng.random()) / (self.kills + 1)
            while sum(len(p.answers) for p in platforms) < share:  # noqa: ASYNC110 — what is watched is no task
                await asyncio.sleep(0.005)
            await asyncio.sleep(rng.random() * 0.05)
            if not self.ledger.is_sqlite and rng.random() < 0.5:
                while not await asyncio.to_thread(self._terminate):  # noqa: ASYNC110 — it may just be coming back
                    await asyncio.sleep(0.01)
                self.killed["connection"] += 1
                continue
            self.killed["process"] += 1
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
            self.process = await asyncio.to_thread(start, self.url, self.folder, port)

    def _terminate(self) -> int:
        """Kill the server's side of every connection the intake has."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            ended = connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            ).all()
        engine.dispose()
        return bool(ended)


def check(ledger: Ledger, platforms: list[Platform], total: int) -> None:
    """What was acknowledged is there exactly once, and so is everything else that was sent."""
    statuses = Counter(status for platform in platforms for status in platform.answers.values())
    assert set(statuses) <= {"accepted", "duplicate"} and statuses.total() == total
    held = {row.id for row in rows(ledger, Bid)} | {row.id for row in rows(ledger, Deposit)}
    told = {key for platform in platforms for key, status in platform.answers.items() if status == "accepted"}
    assert told <= held, f"{len(told - held)} acknowledged records are missing"
    assert held == {key for platform in platforms for key in platform.answers}
    journal = Counter(
        (row.source, row.kind, row.key) for row in rows(ledger, Journal, Journal.kind.in_(("bid", "deposit")))
    )
    assert len(journal) == total and set(journal.values()) == {1}
    assert count(ledger, Held, Held.kind.in_(("bid", "deposit"))) == total
    assert count(ledger, Parked) == count(ledger, Reject) == 0
    for platform in platforms:
        assert len(set(platform.seqs)) == len(platform.seqs), "a number was given twice"
        assert max(platform.seqs) <= platform.total + len(own_lots("")), "its own lots came first"


def lines_of(platforms: list[Platform], rig: Rig) -> str:
    """The figures of a run, for the report."""
    duplicates = sum(s == "duplicate" for p in platforms for s in p.answers.values())
    return (
        f"{rig.total} records, {dict(rig.killed)} killed, {sum(p.breaks for p in platforms)} broken connections, "
        f"{duplicates} answered as duplicate, {rig.seconds:.0f} s"
    )
