"""What sends the picture on is missed when it is dead or stuck, like every other worker of the hub."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.lightpeer import LightPeer
from records.ledger import Ledger
from records.serving import workers
from streaming.edges import edge as link
from streaming.rooms import media
from tests.needed import needs_native
from tests.streaming.encoder import WholeHub, pictures, until, whole_hub


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The thread that encrypts and sends stops at its first packet, until the event is set."""
    needs_native()
    native = importlib.import_module("streaming.fanout.native")
    free = threading.Event()

    @native.ffi.callback("int(void *, void *, int *)")
    def protect(_session: object, _packet: object, _length: object) -> int:
        free.wait(60)
        return 1

    monkeypatch.setattr(native, "PROTECT", native.ffi.cast("void *", protect))
    monkeypatch.setattr(media, "FANOUT_SECONDS", 0.4)
    yield free
    free.set()


async def test_a_stuck_fan_out_makes_the_hub_unwell_and_to_be_replaced(
    ledger: Ledger, tmp_path: Path, stuck: threading.Event
) -> None:
    async with whole_hub(ledger, tmp_path, fanout="native") as hub:
        encoder = await hub.publish(audio=[])
        await watch(hub)
        assert (await report(hub))[0] == 200, "it has nothing to do yet"
        sending = asyncio.create_task(encoder.send(pictures([index * 0.04 for index in range(50)])))
        await until_status(hub, 503)
        _, told = await report(hub)
        assert told["replace"] is True and "fanout" in str(told["checks"])
        stuck.set()
        await until_status(hub, 200)
        await sending


async def watch(hub: WholeHub) -> None:
    peer = LightPeer()
    hub.peers.append(peer)
    answer = await hub.http.post(
        "/whep/hz-01", content=peer.offer("recvonly"), headers={"Content-Type": "application/sdp"}
    )
    assert answer.status_code == 201, answer.text
    await peer.connect(answer.text)


async def report(hub: WholeHub) -> tuple[int, dict[str, object]]:
    answer = await hub.http.get("/healthz")
    return answer.status_code, answer.json()


async def until_status(hub: WholeHub, status: int) -> None:
    for _ in range(200):
        if (await report(hub))[0] == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"/healthz did not come to {status}: {await report(hub)}")


async def test_who_looks_after_an_edge_is_missed_when_it_keeps_failing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: link.EdgeLink) -> None:
        raise RuntimeError("something nobody thought of")

    monkeypatch.setattr(link.EdgeLink, "_serve", broken)
    monkeypatch.setattr(workers, "AGAIN", 0.01)
    async with whole_hub(ledger, tmp_path, edges="ws://127.0.0.1:9?key=k&secret=s") as hub:
        await until_status(hub, 503)
        assert "edge" in str((await report(hub))[1]["checks"])


async def test_an_edge_that_is_away_is_waited_for(ledger: Ledger, tmp_path: Path) -> None:
    async with whole_hub(ledger, tmp_path, edges="ws://127.0.0.1:9?key=k&secret=s") as hub:
        await until(lambda: hub.hub.health.report()["status"] != "ok")
        status, told = await report(hub)
        assert (status, told["replace"]) == (200, False)
