"""kill -9 in the middle of the load: what was acknowledged is there, exactly once."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import websockets

from ingest.apply import apply_batch
from ingest.sources import add_source
from records.bids import Bid
from records.intake import Journal
from records.ledger import Ledger

from .conftest import envelope, market, rows
from .serving import free_port, start

TOTAL = 1500


async def send_all(port: int, token: str, name: str, answered: dict[str, str]) -> None:
    """Send what has no answer yet, over and over, until all is answered."""
    while len(answered) < TOTAL:
        try:
            async with websockets.connect(
                f"ws://127.0.0.1:{port}/records", additional_headers={"Authorization": f"Bearer {token}"}
            ) as socket:
                reading = asyncio.create_task(read(socket, answered))
                for i in range(TOTAL):
                    if (key := f"{name}-{i}") not in answered:
                        await socket.send(json.dumps(envelope("bid", key, {"lot": "l0", "bidder": "o0"})))
                await reading
        except (OSError, websockets.WebSocketException):
            await asyncio.sleep(0.05)


async def read(socket: websockets.ClientConnection, answered: dict[str, str]) -> None:
    while len(answered) < TOTAL:
        answer = json.loads(await socket.recv())
        answered[answer["key"]] = answer["status"]


@pytest.mark.server
async def test_what_was_acknowledged_survives_kill_9(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    apply_batch(sqlite_ledger, "base", market())
    with sqlite_ledger.write() as session:
        tokens = {name: add_source(session, name) for name in ("east", "west")}
    url, port = sqlite_ledger.url.render_as_string(), free_port()
    process: subprocess.Popen[bytes] = await asyncio.to_thread(start, url, tmp_path, port)
    answered: dict[str, dict[str, str]] = {name: {} for name in tokens}
    sending = [
        asyncio.create_task(send_all(port, token, name, answered[name])) for name, token in tokens.items()
    ]
    kills = 0
    for share in (0.2, 0.45, 0.7):
        while sum(map(len, answered.values())) < share * 2 * TOTAL:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        kills += 1
        told = {key for part in answered.values() for key, status in part.items() if status == "accepted"}
        held = {row.id for row in rows(sqlite_ledger, Bid)}
        assert told <= held, "an acknowledged record is missing after kill -9"
        process = await asyncio.to_thread(start, url, tmp_path, port)
    try:
        await asyncio.wait_for(asyncio.gather(*sending), 60)
    finally:
        process.kill()
        process.wait()
    assert kills == 3
    assert set(Counter(s for part in answered.values() for s in part.values())) <= {"accepted", "duplicate"}
    journal = Counter((row.source, row.key) for row in rows(sqlite_ledger, Journal, Journal.kind == "bid"))
    assert len(journal) == 2 * TOTAL and set(journal.values()) == {1}
    assert len(rows(sqlite_ledger, Bid)) == 2 * TOTAL
