"""A ledger with both its doors in this process: records go in at the intake, the public looks in at the hub."""

from __future__ import annotations

import json
import math
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from starlette.testclient import TestClient

from evidence.checkpoint import Ed25519Signer
from evidence.verify import ED25519
from ingest.config import IntakeConfig
from ingest.http.server import create_app
from records.clock import frozen_at, now
from records.ledger import Ledger
from records.sources import add_source
from streaming.log import service
from streaming.log.keeper import KEY_FILE
from tests.ledgers import new_ledger
from tests.streaming import hub_market

Envelope = dict[str, Any]
Seen = dict[str, tuple[int, list[tuple[str, str]], str]]

T = datetime.fromisoformat("2026-05-06T09:30:00+08:00")
"""The deadline as it was announced."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Place = Callable[[datetime], None]
"""Sets the clock."""
FIRMS = 40
PAGES = (
    "/", "/?tiles=4", "/?tiles=16", "/?view=schedule", "/?view=schedule&day=2026-05-06", "/?view=replay", "/?q=示例", "/?state=ended", "/room/r1",
    "/opening/O1", "/project/P1", "/market", "/verify", "/verify?opening=O1", "/publish/r1", "/nothing",
)  # fmt: skip
ADDRESSES = (
    *PAGES, *(f"{page}{'&' if '?' in page else '?'}lang=en" for page in PAGES),
    "/api/rooms", "/api/time", "/api/openings", "/api/openings?day=2026-05-06", "/api/openings?day=2026-05-07",
    "/api/openings?day=2026-05-06&state=ended", "/api/openings/O1", "/api/openings/O1/events",
    "/api/openings/O1/events?after=1", "/api/openings/O1/events?after=2", "/api/openings/O1/record",
    "/api/openings/O1/record.pdf",
    "/api/openings/O1/evidence", "/api/openings/O1/replay", "/api/openings/O1/replay/main-1.mp4",
    "/api/openings/O1/replay/main-1.mp4?download=1", "/api/openings/O1/replay/far-1.vtt", "/api/openings/O1/replay/nothing",
    "/schedule.ics", "/schedule.ics?q=示例&lang=en", "/schedule.atom", "/schedule.atom?family=works",
    "/hls/r1/index.m3u8", "/hls/r1/low/live.m3u8", "/hls/r1/low/part1.mp4", "/control/rooms",
    "/log/checkpoint", "/log/keys", "/log/recorded/r1", "/log/verify.py", "/log/tile/0/000", "/log/tile/entries/000", "/static/x/site.css",
    "/healthz", "/metrics",
)  # fmt: skip
_NUMBERS = count(1)
_OF_THE_PROCESS = ("/healthz", "/metrics")
_MACHINE = ("loop", "clock", "disk")
_VARYING = re.compile(r"^(process_|python_|sunbid_\w*(seconds|lag|bytes))")
"""Figures of the process itself: two runs of one world differ in them."""


def said(kind: str, key: str, data: dict[str, Any], version: int = 1, at: datetime | None = None) -> Envelope:
    """A record as a platform sends it, now unless it says otherwise."""
    moment = (at or now()).isoformat()
    return {"kind": kind, "key": key, "version": version, "occurred_at": moment, "data": data}


def lot(version: int = 1, **changes: Any) -> Envelope:
    """The lot as announced, or changed."""
    data = {"project": "P1", "name": "示例学校一标段", "tenderer": "T1", "deadline": T.isoformat()}
    return said("lot", "L1", {**data, **{k: _plain(v) for k, v in changes.items()}}, version)


def opening(version: int = 1, at: datetime = T, **changes: Any) -> Envelope:
    """The opening as announced, or changed."""
    data = {"lot": "L1", "room": "r1", "scheduled_at": at.isoformat()}
    return said("opening", "O1", {**data, **{k: _plain(v) for k, v in changes.items()}}, version)


def step(
    number: int, kind: str, /, at: datetime | None = None, detail: Any = None, **payload: Any
) -> Envelope:
    """An event of the opening."""
    data = {"opening": "O1", "type": kind, "payload": payload}
    return said("opening_event", f"O1#{number}", data | ({"detail": detail} if detail else {}), at=at)


def bidders(number: int) -> list[dict[str, Any]]:
    """A list of bidders."""
    return [{"no": number, "name": f"示例建设第{number}公司"} for number in range(1, number + 1)]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class World:
    """One installation. `send` goes in at the intake's door, `get` and `look` come in at the hub's."""

    def __init__(self, ledger: Ledger, intake: TestClient, hub: TestClient) -> None:
        self.ledger, self._intake, self.hub = ledger, intake, hub
        self._marks = 0

    def send(self, *records: Envelope) -> list[dict[str, Any]]:
        """What the intake answers to each; the hub has heard of all before this returns."""
        answers: list[dict[str, Any]] = self._intake.post("/records", content=json.dumps(records)).json()
        self.settle()
        return answers

    def settle(self) -> None:
        """Return when the hub has looked at the ledger and at the clock once more, from beginning to end."""
        for _ in range(2):
            self._marks += 1
            name = f"mark{self._marks}"
            self._post(said("project", "MARK", {"name": name}, self._marks))
            self.wait(
                lambda name=name: "/project/MARK" in self.hub.get(f"/?q={name}&_={next(_NUMBERS)}").text
            )

    def _post(self, *records: Envelope) -> None:
        answers = self._intake.post("/records", content=json.dumps(records)).json()
        assert [answer["status"] for answer in answers] == ["accepted"] * len(records), answers

    def accept(self, *records: Envelope) -> None:
        """Send what must be taken."""
        answers = self.send(*records)
        assert {answer["status"] for answer in answers} == {"accepted"}, answers

    def refuse(self, record: Envelope) -> dict[str, Any]:
        """Send what must not be taken; the answer."""
        (answer,) = self.send(record)
        assert answer["status"] == "rejected", answer
        return answer

    def events(self) -> list[dict[str, Any]]:
        """The public feed of the opening."""
        return list(self.hub.get("/api/openings/O1/events").json())

    def types(self) -> list[str]:
        """Types of the events in the public feed."""
        return [event["type"] for event in self.events()]

    def wait(self, condition: Any, seconds: float = 20.0) -> None:
        """Until the hub shows it."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "the hub did not show it"
            time.sleep(0.03)

    def text(self) -> str:
        """Everything the public can read, as one text."""
        return "\n".join(body for _, _, body in self.look().values())

    def look(self, number: int = 0) -> Seen:
        """What the public is answered at every address: status, headers, body.

        `number` keeps pages apart that the hub holds ready for a second: the clock stands still here.
        """
        seen: Seen = {}
        for path in ADDRESSES:
            found = self.hub.get(f"{path}{'&' if '?' in path else '?'}_={number}")
            body = _steady(path, found.text) if path in _OF_THE_PROCESS else found.text
            headers = sorted(
                (k, v)
                for k, v in found.headers.items()
                if path not in _OF_THE_PROCESS or k != "content-length"
            )
            seen[path] = found.status_code, headers, body
        return seen | self._tiles() | self._feeds()

    def _tiles(self) -> Seen:
        """The files of the log that are not full yet, as its signed head names them."""
        head = self.hub.get("/log/checkpoint")
        size = int(head.text.splitlines()[1]) % 256 if head.status_code == 200 else 0
        paths = [f"/log/tile/{level}/000.p/{size}" for level in ("0", "entries")] if size else []
        answers = ((path, self.hub.get(path)) for path in paths)
        return {
            path: (found.status_code, sorted(found.headers.items()), found.content.hex())
            for path, found in answers
        }

    def _feeds(self) -> Seen:
        """What the feeds say to who joins now."""
        found: Seen = {}
        for path, said in (("/feeds/hall", 1), ("/feeds/openings/O1", len(self.events()))):
            with self.hub.websocket_connect(path) as socket:
                found[f"WS {path}"] = 101, [], "\n".join(socket.receive_text() for _ in range(said))
        return found


def _steady(path: str, text: str) -> str:
    """Health and figures without what measures the machine: its clock, its memory, its load."""
    if path == "/healthz":
        told = json.loads(text)
        checks = {name: said for name, said in told["checks"].items() if name not in _MACHINE}
        return json.dumps({"at": told["at"], "checks": checks})
    lines = [line for line in text.splitlines() if not any(f'part="{part}"' in line for part in _MACHINE)]
    return "\n".join(line.rpartition(" ")[0] if _VARYING.match(line) else line for line in lines)


@cache
def log_key() -> str:
    """The key that signs the log of every installation here: what differs by it is no secret."""
    return str(Ed25519Signer("sunbid.example/log", ED25519, secrets.token_bytes(32)))


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """An installation with a room, a tenderer, a lot whose opening is announced, and forty firms."""
    folder.mkdir(parents=True, exist_ok=True)
    file, token = begun()
    (folder / "ledger.db").write_bytes(file)
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    (folder / KEY_FILE).parent.mkdir()
    (folder / KEY_FILE).write_text(f"{log_key()}\n")
    with (
        mock.patch.object(service, "SIGN_SECONDS", math.inf),  # when a head is signed is no secret either
        intake_of(ledger, folder, token) as intake,
    ):
        app, _media = hub_market.hub(ledger, folder)
        with TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)) as hub:
            yield World(ledger, intake, hub)
    ledger.close()


def intake_of(ledger: Ledger, folder: Path, token: str) -> TestClient:
    """The intake's door to a ledger, for the platform that has this token."""
    url = ledger.url.render_as_string(hide_password=False)
    return TestClient(create_app(IntakeConfig(url, folder)), headers={"Authorization": f"Bearer {token}"})


@cache
def begun() -> tuple[bytes, str]:
    """(file, token): a ledger that knows what everybody knows, and what opens its intake to the platform.

    It comes in at the intake's door once in a process, an hour before the deadline, and every installation begins
    with a copy.
    """
    with tempfile.TemporaryDirectory() as made, frozen_at(T - HOUR):
        folder = Path(made)
        ledger = new_ledger(folder / "ledger.db")
        with ledger.write() as session:
            token = add_source(session, "platform")
        with intake_of(ledger, folder, token) as intake:
            answers = intake.post("/records", content=json.dumps(announced())).json()
        assert {answer["status"] for answer in answers} == {"accepted"}, answers
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        ledger.close()
        return (folder / "ledger.db").read_bytes(), token


def announced() -> list[Envelope]:
    """What everybody knows: centre, room, tenderer, firms, project, lot, opening."""
    return [
        said("centre", "C1", {"name": "市本级", "level": "city"}),
        said("room", "r1", {"centre": "C1", "name": "开标一室"}),
        said("organisation", "T1", {"name": "示例城建", "roles": ["tenderer"]}),
        *(said("organisation", f"B{n}", {"name": f"示例建设第{n}公司"}) for n in range(1, FIRMS + 1)),
        said("project", "P1", {"name": "示例学校", "tenderer": "T1"}),
        lot(),
        opening(),
    ]


def bid_secretly(number: int) -> list[Envelope]:
    """What a platform sends of bidders before the deadline."""
    about = [(n, {"lot": "L1", "bidder": f"B{n}"}) for n in range(1, number + 1)]
    received = (now() - timedelta(minutes=5)).isoformat()
    return [
        *(said("bid", f"b{n}", {**who, "price": str(900 + n), "received_at": received}) for n, who in about),
        *(said("deposit", f"d{n}", {**who, "amount": "5"}) for n, who in about),
    ]
