"""A small market for the tests of the hub: rooms, openings and a media plane without media."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from records import states
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.serving.workers import Workers
from records.sources import HOUSE
from records.tables.intake import Source
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from streaming.config import HubConfig
from streaming.hub import create_app
from streaming.live.roster import Roster
from streaming.service import Service

TOKEN = "secret-of-hz-01"


@dataclass
class Status:
    publishing: bool = False
    video: str | None = None
    audio: str | None = None
    fps: float = 0.0
    loss: float = 0.0


@dataclass
class FakeMedia(Service):
    """Rooms are on air when the test says so."""

    roster: Roster
    on_air: set[str] = field(default_factory=set)
    callbacks: list[Callable[[str], None]] = field(default_factory=list)
    covers: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    off_air: set[str] = field(default_factory=set)
    withdrawn: list[tuple[str, str | None]] = field(default_factory=list)

    def status(self, room: str) -> Status:
        return Status(room in self.on_air)

    def cover(self, room: str, *, muted: bool, slated: bool, off_air: bool = False) -> None:
        if self.covers.get(room, (False, False)) != (muted, slated):
            self.covers[room] = (muted, slated)
        (self.off_air.add if off_air else self.off_air.discard)(room)

    def on_change(self, callback: Callable[[str], None]) -> None:
        self.callbacks.append(callback)

    def cameras(self, room: str) -> list[str]:
        return []

    def notices(self, room: str) -> list[dict[str, Any]]:
        return []

    def withdraw(self, room: str, token_hash: str | None) -> None:
        self.withdrawn.append((room, token_hash))

    def rooms(self) -> list[str]:
        return []

    def switch(self, room: str, on: bool) -> None:
        (self.on_air.add if on else self.on_air.discard)(room)
        for callback in self.callbacks:
            callback(room)


def rooms(ledger: Ledger) -> None:
    """Two opening rooms, one evaluation room, one room closed to the public."""
    with ledger.write() as session:
        session.add(Source(name="test", demo=True))
        session.add(Centre(id="hz", name="市本级", name_en="City", source="test"))
        session.add(Organisation(id="T1", name="示例城建<b>", source="test"))
        session.flush()
        held = signing.token_hash(TOKEN)
        session.add_all(
            [
                Room(id="hz-01", centre_id="hz", name="开标一室", token_hash=held, source=HOUSE),
                Room(id="hz-02", centre_id="hz", name="开标二室", source=HOUSE),
                Room(id="hz-e1", centre_id="hz", name="评标一室", kind="evaluation", source=HOUSE),
                Room(id="hz-x", centre_id="hz", name="内部开标室", public_allowed=False, source=HOUSE),
            ]
        )


def room(ledger: Ledger, key: str) -> str:
    """One more opening room."""
    with ledger.write() as session:
        session.add(Room(id=key, centre_id="hz", name=f"开标室{key}", source=HOUSE))
    return key


def opening(
    ledger: Ledger, key: str = "O1", *, room: str = "hz-01", at: datetime | None = None,
    title: str = "示例学校一标段", masked: bool = False, family: str = "works",
) -> str:  # fmt: skip
    """A lot and its announced opening."""
    moment = at or now() - timedelta(minutes=5)
    with ledger.write() as session:
        session.add(Project(id=f"P-{key}", name=title, trade_family=family, source="test"))
        session.flush()
        session.add(
            Lot(
                id=f"L-{key}", project_id=f"P-{key}", name=title, tenderer_id="T1", deadline=moment,
                prequalification=masked, trade_family=family, source="test",
            )
        )  # fmt: skip
        session.flush()
        states.new_opening(
            session, Opening(id=key, lot_id=f"L-{key}", room_id=room, scheduled_at=moment, source="test")
        )
    return key


def event(
    ledger: Ledger, key: str, step: str, /, ts: datetime | None = None, actor: str = "host", **payload: Any
) -> None:
    """One event of an opening."""
    with ledger.write() as session:
        states.append_event(session, key, step, payload, actor=actor, ts=ts)


def bidders(count: int) -> list[dict[str, Any]]:
    """A list of bidders."""
    return [{"no": number, "name": f"示例建设第{number}公司"} for number in range(1, count + 1)]


def begin(ledger: Ledger, key: str = "O1", count: int = 3, ts: datetime | None = None) -> None:
    """Publish the bidders and decrypt."""
    event(ledger, key, "bidders_published", ts=ts, count=count, bidders=bidders(count))
    event(ledger, key, "decrypt_progress", ts=ts, done=count, total=count)


def read(ledger: Ledger, key: str, number: int, price: str = "27648000.00") -> None:
    """Read one bid aloud."""
    event(ledger, key, "bid_read", no=number, name=f"示例建设第{number}公司", price=price, duration_days=490)


def finish(ledger: Ledger, key: str = "O1", count: int = 3) -> None:
    """Read all bids, confirm, end."""
    for number in range(1, count + 1):
        read(ledger, key, number)
    event(ledger, key, "record_confirmed", rows=count)
    event(ledger, key, "ended", result="opened")


@dataclass
class Rig:
    """A hub over a ledger, with its fake media plane."""

    ledger: Ledger
    client: TestClient
    media: FakeMedia
    data: Path

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)


def config(ledger: Ledger, data: Path) -> HubConfig:
    """Settings of a hub over a ledger of the tests."""
    url = ledger.url.render_as_string(hide_password=False)
    return HubConfig(url, data, poll_seconds=0.05, max_feeds=8, record=False)


def hub(ledger: Ledger, data: Path, *, record: bool = False) -> tuple[Any, FakeMedia]:
    """The app and its media plane, not yet started."""
    made: list[FakeMedia] = []

    def make(_config: HubConfig, roster: Roster, _workers: Workers) -> FakeMedia:
        made.append(FakeMedia(roster))
        return made[0]

    return create_app(replace(config(ledger, data), record=record), make), made[0]


@contextmanager
def running(ledger: Ledger, data: Path) -> Iterator[Rig]:
    """A running hub over a ledger with rooms and no openings."""
    rooms(ledger)
    app, media = hub(ledger, data)
    with TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)) as client:
        yield Rig(ledger, client, media, data)
