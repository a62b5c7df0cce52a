"""The feeds: gapless, resumable, prompt, and silent about what is not yet public."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from records import chain
from records.clock import now, running_from
from records.ledger import Ledger
from streaming.live import feed as feeds
from streaming.live.logs import OpeningLog
from streaming.live.reading import Reader, new_public_rows
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig


def take(socket: WebSocketTestSession, count: int) -> list[dict[str, Any]]:
    return [socket.receive_json() for _ in range(count)]


def test_replay_from_any_point_then_live(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    with rig.client.websocket_connect("/feeds/openings/O1") as socket:
        first = take(socket, 3)
        assert [message["seq"] for message in first] == [1, 2, 3]
        market.read(rig.ledger, "O1", 1)
        assert take(socket, 1)[0]["type"] == "bid_read"
    with rig.client.websocket_connect("/feeds/openings/O1?after=2") as socket:
        assert [message["seq"] for message in take(socket, 2)] == [3, 4]


def test_the_chain_can_be_recomputed_from_the_feed(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    with rig.client.websocket_connect("/feeds/openings/O1") as socket:
        messages = take(socket, 8)
    bodies = [
        ({"opening": "O1", **{key: m[key] for key in ("seq", "ts", "type", "payload")}}, m["hash"])
        for m in messages
    ]
    assert chain.verify(chain.genesis("opening/O1"), bodies) is None


def test_an_event_is_with_the_subscriber_within_a_second(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger, count=5)
    with rig.client.websocket_connect("/feeds/openings/O1?after=3") as socket:
        for number in range(1, 6):
            market.read(rig.ledger, "O1", number)
            written = time.monotonic()
            assert take(socket, 1)[0]["payload"]["no"] == number
            assert time.monotonic() - written < 1.0


def looked(rig: Rig, opening: str) -> None:
    """Return once the hub has gone past every row written so far: a later opening is on its board."""
    market.opening(rig.ledger, opening, room="hz-02", at=now() + timedelta(hours=2))
    until = time.monotonic() + 30
    while rig.get(f"/api/openings/{opening}").status_code != 200:
        assert time.monotonic() < until, "the hub reads no more"
        time.sleep(0.02)


def test_what_is_not_yet_public_waits_and_holds_back_what_follows(rig: Rig) -> None:
    with running_from(now()) as forward:
        deadline = now() + timedelta(hours=1)
        market.opening(rig.ledger, at=deadline)
        with rig.client.websocket_connect("/feeds/openings/O1") as socket:
            take(socket, 1)
            market.event(rig.ledger, "O1", "sign_in", ts=now(), count=7)
            looked(rig, "O2")
            assert '"count":7' not in rig.get("/api/openings/O1/events").text
            assert "签到 7 家" not in rig.get("/room/hz-01").text
            forward(timedelta(hours=1))
            market.event(rig.ledger, "O1", "bidders_published", count=7, bidders=market.bidders(7))
            told = take(socket, 2)
            assert now() >= deadline
            assert [message["type"] for message in told] == ["sign_in", "bidders_published"]
            assert told[0]["payload"] == {"count": 7}


def test_a_hidden_event_older_than_the_hub_appears_when_due(rig: Rig) -> None:
    with running_from(now()) as forward:
        deadline = now() + timedelta(hours=1)
        market.opening(rig.ledger, at=deadline)
        market.event(rig.ledger, "O1", "sign_in", ts=now(), count=7)
        looked(rig, "O2")  # the poller has gone past this row before anybody asks for the feed
        forward(timedelta(hours=1))
        market.event(rig.ledger, "O1", "bidders_published", count=7, bidders=market.bidders(7))
        with rig.client.websocket_connect("/feeds/openings/O1") as socket:
            told = [message["type"] for message in take(socket, 3)]
        assert told == ["scheduled", "sign_in", "bidders_published"]


@pytest.mark.parametrize(
    ("address", "code"),
    [("/feeds/openings/none", feeds.UNKNOWN), ("/feeds/openings/O1?after=-1", feeds.BAD_REQUEST)],
)
def test_wrong_requests_are_closed_with_a_code(rig: Rig, address: str, code: int) -> None:
    market.opening(rig.ledger)
    with (
        rig.client.websocket_connect(address) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_json()
    assert closed.value.code == code


def test_too_many_subscribers_are_asked_to_come_back(rig: Rig) -> None:
    market.opening(rig.ledger)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            take(stack.enter_context(rig.client.websocket_connect("/feeds/openings/O1")), 1)
        last = stack.enter_context(rig.client.websocket_connect("/feeds/openings/O1"))
        with pytest.raises(WebSocketDisconnect) as closed:
            last.receive_json()
    assert closed.value.code == feeds.FULL
    with rig.client.websocket_connect("/feeds/openings/O1") as socket:
        assert take(socket, 1)


def test_the_hall_hears_of_a_change(rig: Rig) -> None:
    with rig.client.websocket_connect("/feeds/hall") as socket:
        assert {room["state"] for room in socket.receive_json()["rooms"]} == {"idle"}
        market.opening(rig.ledger)
        rooms = {room["id"]: room for room in socket.receive_json()["rooms"]}
    assert rooms["hz-01"]["state"] == "standby"


class Stuck:
    """A subscriber whose connection takes nothing."""

    headers: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self.closed: int | None = None
        self.application_state = feeds.WebSocketState.CONNECTED

    async def receive(self) -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    async def send_text(self, _text: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, _reason: str) -> None:
        self.closed = code


async def test_a_stuck_subscriber_is_closed_and_may_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SEND_SECONDS", 0.05)
    hub = feeds.Feeds(None, None, 10)  # type: ignore[arg-type]
    log, socket = OpeningLog("O1"), Stuck()
    log.extend([{"seq": 1, "ts": "2026-11-19T01:00:00Z", "type": "resumed", "payload": {}, "hash": "x"}])
    await hub._serve(socket, lambda: hub._send_events(socket, log, 0))  # type: ignore[arg-type]
    assert socket.closed == feeds.TOO_SLOW
    assert not hub.open


def test_a_log_never_skips() -> None:
    log = OpeningLog("O1")
    messages = [
        {"seq": seq, "ts": "2026-11-19T01:00:00Z", "type": "resumed", "payload": {}, "hash": str(seq)}
        for seq in (1, 2, 4)
    ]
    assert log.extend(messages) == 2
    assert log.extend(messages[1:2]) == 0
    assert len(log.texts) == 2


@pytest.mark.server
async def test_rows_committed_out_of_order_are_not_lost(postgres_url: str) -> None:
    """On PostgreSQL a lower number can be committed after a higher one has been seen."""
    from sqlalchemy import text

    ledger = Ledger(postgres_url)
    market.rooms(ledger)
    for key, room in (("O1", "hz-01"), ("O2", "hz-02")):
        market.opening(ledger, key, room=room)
    reader = Reader(ledger)
    news = new_public_rows()
    await reader.ask(news.from_the_end)
    insert = text(
        "insert into public_event (topic, subject, position, visible_from, payload, created_at) "
        "values ('x', :who, 0, now(), '{}', now())"
    )
    with ledger.engine.connect() as slow, ledger.engine.connect() as quick:
        slow.execute(insert, {"who": "slow"})
        quick.execute(insert, {"who": "quick"})
        quick.commit()
        seen = await reader.ask(news.poll)
        slow.commit()
    later = await reader.ask(news.poll)
    assert ([row.subject for row in seen], [row.subject for row in later]) == (["quick"], ["slow"])
    reader.close()
    ledger.close()
