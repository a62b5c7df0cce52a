"""What is secret cannot leak through a hub that cannot reach it."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from records.clock import now
from records.ledger import TABLES, Ledger
from records.serving import signing
from tests.streaming import hub_market as market
from tests.streaming.hub_market import TOKEN, Rig

OWN = {
    "broadcast_session",
    "viewing",
    "room_picture",
    "recording",
    "segment",
    "gap",
    "seal",
    "log_leaf",
    "log_head",
    "room_view",
}
"""Tables the hub alone writes."""
READABLE = {"room", "centre", "public_event", *OWN}
WRITABLE = {"broadcast_session", "log_leaf", "log_head", "room_view"}
EVERYTHING = ("/", "/?lang=en", "/?view=schedule", "/?view=replay", "/?q=x&state=ended", "/room/hz-01",
              "/opening/O1", "/project/P-O1", "/market", "/verify", "/publish/hz-01", "/api/rooms", "/api/openings",
              "/api/openings?day=2020-01-01", "/api/openings/O1", "/api/openings/O1/record",
              "/api/openings/O1/evidence", "/api/openings/O1/events", "/healthz", "/metrics", "/nothing")  # fmt: skip


def test_the_hub_touches_no_trading_table(ledger: Ledger, tmp_path: Path) -> None:
    market.rooms(ledger)
    market.opening(ledger)
    market.begin(ledger)
    app, media = market.hub(ledger, tmp_path / "data")
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement.lower())

    event.listen(app.state.hub.ledger.engine, "before_cursor_execute", note)
    with TestClient(app, base_url="http://hub") as client:
        media.switch("hz-01", True)
        for path in EVERYTHING:
            assert client.get(path).status_code < 500, path
        with client.websocket_connect("/feeds/openings/O1") as socket:
            socket.receive_json()
        time.sleep(1.3)
    names = {table.name for table in TABLES}
    touched = {name for line in statements for name in re.findall(r"[a-z_]+", _tables(line)) if name in names}
    written = {
        m[1] for line in statements if (m := re.match(r"(?:insert into|update|delete from) (\w+)", line))
    }
    assert touched <= READABLE
    assert written == WRITABLE


def _tables(statement: str) -> str:
    """Words that follow FROM, JOIN, INTO or UPDATE."""
    return " ".join(re.findall(r"(?:from|join|into|update)\s+([a-z_, ]+)", statement))


def test_before_the_deadline_nothing_tells_the_number_of_bidders(rig: Rig) -> None:
    market.opening(rig.ledger, at=now() + timedelta(minutes=10))
    market.event(rig.ledger, "O1", "sign_in", ts=now(), count=4711)
    time.sleep(0.4)
    for path in (*EVERYTHING, "/api/openings/O1/events?after=0"):
        assert "4711" not in rig.get(path).text, path
    assert len(rig.get("/api/openings/O1/events").json()) == 1
    assert rig.get("/api/openings/O1").json()["stage"] == "waiting"


def test_prequalified_names_stay_masked(rig: Rig) -> None:
    market.opening(rig.ledger, masked=True)
    market.begin(rig.ledger)
    market.finish(rig.ledger)
    time.sleep(0.4)
    for path in ("/room/hz-01", "/opening/O1", "/api/openings/O1/record", "/api/openings/O1/events"):
        text = rig.get(path).text
        assert "示例建设第" not in text, path
        assert "******" in text, path


@pytest.mark.parametrize(
    ("room", "token", "status"),
    [("hz-01", TOKEN, 200), ("hz-01", None, 401), ("hz-01", "guess", 403), ("none", TOKEN, 404), ("hz-02", "", 401),
     ("hz-02", TOKEN, 403)],
)  # fmt: skip
def test_who_may_publish(rig: Rig, room: str, token: str | None, status: int) -> None:
    assert rig.media.roster.may_publish(room, token) == status


def test_a_ticket_opens_its_room_once_and_soon(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that takes its token on the command line gets one that is worth nothing once it is used."""
    key, may_publish = signing.load_key(rig.data), rig.media.roster.may_publish
    ticket = signing.publish_ticket(key, "hz-01")
    assert may_publish("hz-02", ticket) == 403, "another room's"
    assert may_publish("hz-01", ticket) == 200
    assert may_publish("hz-01", ticket) == 403, "spent"
    assert may_publish("hz-01", signing.publish_ticket(key, "hz-01")) == 200
    late = signing.publish_ticket(key, "hz-01")
    later = time.time() + signing.TICKET_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert may_publish("hz-01", late) == 403, "too late"
    monkeypatch.undo()
    for other in (
        signing.view_token(key, "hz-01", "watcher"),
        signing.publish_ticket(b"x" * 32, "hz-01"),
        late[:-2],
    ):
        assert may_publish("hz-01", other) == 403, "no ticket of ours"


def test_who_may_watch(rig: Rig) -> None:
    may_watch = rig.media.roster.may_watch
    key = signing.load_key(rig.data)
    assert may_watch("hz-01", None)
    assert not may_watch("none", None)
    for closed in ("hz-e1", "hz-x"):
        assert not may_watch(closed, None)
        assert not may_watch(closed, signing.view_token(key, "hz-01", "watcher"))
        assert may_watch(closed, signing.view_token(key, closed, "watcher"))
