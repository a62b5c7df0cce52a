"""Kill -9 of the hub while four rooms record and a browser watches: nothing kept is lost, all comes back by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import select

from records.serving import signing
from records.tables.evidence import Gap, Recording, Segment
from records.tables.organisations import Room
from streaming import ffmpeg
from streaming.recording import ledger as recordings
from tests.browser.public_site import FLAGS
from tests.chromium import HEADLESS
from tests.ledgers import new_ledger
from tests.ports import free_port
from tests.streaming import hub_market as market

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
ROOMS = [f"hz-0{number}" for number in range(1, 5)]
LOST_SECONDS = 2.0
"""Of each room at most a fragment."""
BACK_SECONDS = 5.0
"""From the restarted hub's first answer until the viewer's picture moves again."""
CODING: ffmpeg.Options = {"threads": 1, "g": 12, "b:v": "200k", "b:a": "24k"}
SUPERVISED = """
import asyncio, json, sys
from sunbid.processes.child import Command
from sunbid.processes.supervisor import Supervisor
port, commands = int(sys.argv[1]), json.loads(sys.argv[2])
hub = Command("hub", (sys.executable, "-m", "sunbid", "hub"), port, "/healthz")
rooms = [Command(name, argv, follows="hub") for name, argv in commands.items()]
say = lambda name, line: print(name, line, flush=True)
asyncio.run(Supervisor([hub, *rooms], "127.0.0.1", say).run())
"""
WATCH = """() => {
  const video = document.getElementById("video");
  window.moved = [];
  const note = () => { window.moved.push(Date.now() / 1000); video.requestVideoFrameCallback(note); };
  video.requestVideoFrameCallback(note);
}"""


def until(condition: Callable[[], object], seconds: float) -> float:
    """Wait for a condition; the moment it came true, in seconds of Unix time."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
    return time.time()


class Site:
    """A supervised hub with four rooms on air, as `sunbid up` keeps one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "var"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.ledger = new_ledger(self.data / "ledger.db")
        self._market()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
        own = {"SUNBID_DATA": str(self.data), "SUNBID_HUB_PORT": str(self.port), "PYTHONPATH": str(ROOT)}
        self.log = folder / "log"
        self._process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISED, str(self.port), json.dumps(self._encoders())],
            env=clean | own, cwd=folder, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _market(self) -> None:
        market.rooms(self.ledger)
        for room in ROOMS[2:]:
            market.room(self.ledger, room)
        with self.ledger.write() as session:
            for room in ROOMS:
                session.get_one(Room, room).token_hash = signing.token_hash(market.TOKEN)
        for room in ROOMS:
            market.opening(self.ledger, f"O-{room}", room=room)
            market.begin(self.ledger, f"O-{room}")

    def _encoders(self) -> dict[str, list[str]]:
        picture = ffmpeg.moving_picture("320x180", 12)
        return {
            room: ffmpeg.publish(f"{self.address}/whip/{room}", market.TOKEN, picture, coding=CODING)
            for room in ROOMS
        }

    def hub(self) -> int | None:
        """Process number of the hub."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self._process.pid)],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        found = [line.split()[0] for line in listed.splitlines() if line.endswith("-m sunbid hub")]
        return int(found[0]) if found else None

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def recordings(self) -> dict[str, list[Recording]]:
        with self.ledger.read() as session:
            rows = list(session.scalars(select(Recording).order_by(Recording.started_at, Recording.id)))
        return {room: [row for row in rows if row.room_id == room] for room in ROOMS}

    def pieces(self, recording: Recording) -> list[Segment]:
        with self.ledger.read() as session:
            query = select(Segment).where(Segment.recording_id == recording.id).order_by(Segment.seq)
            return list(session.scalars(query))

    def newest(self) -> dict[str, str]:
        """Room → the file that is being written. A busy machine may have begun another before it: a sender that was lost
        comes back to a new one."""
        return {room: rows[-1].id for room, rows in self.recordings().items() if rows}

    def recorded(self, pieces: int, since: Mapping[str, str] | None = None) -> bool:
        """Whether every room's newest file has so many closed pieces, and is another than it was."""
        return all(
            rows and rows[-1].id != (since or {}).get(room) and len(self.pieces(rows[-1])) >= pieces
            for room, rows in self.recordings().items()
        )

    def stop(self) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        until(lambda: made.recorded(pieces=3), 120)
        yield made
    finally:
        made.stop()
        made.ledger.close()


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=HEADLESS, args=FLAGS)
        opened = browser.new_page(locale="zh-CN", base_url=site.address)
        opened.goto(f"/room/{ROOMS[0]}")
        expect(opened.locator("#transport")).to_have_text("实时", timeout=30_000)
        opened.evaluate(WATCH)
        opened.wait_for_timeout(2000)
        yield opened
        browser.close()


def kill(site: Site) -> tuple[float, float]:
    """Kill the hub; when that was and when the next one answered."""
    before = site.hub()
    assert before is not None
    killed = time.time()
    os.kill(before, signal.SIGKILL)
    until(lambda: site.hub() not in (None, before), 10)
    return killed, until(site.answers, 60)


def moves_again(page: Page, killed: float) -> tuple[float, float]:
    """(last picture before the dark, first one after it) in Unix seconds; the page is not touched."""
    times: list[float] = []
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        page.wait_for_timeout(250)
        times = page.evaluate("window.moved")
        after = [moment for moment in times if moment > killed + 1]
        if len(after) > 20:
            break
    last = max(moment for moment in times if moment < killed + 1)
    return last, min(moment for moment in times if moment > killed + 1)


def test_kill_9_of_the_hub_while_four_rooms_record(site: Site, page: Page) -> None:
    cut_off = site.newest()
    killed, answered = kill(site)
    last, first = moves_again(page, killed)
    print(
        f"hub away {answered - killed:.1f} s, dark {first - last:.1f} s, after the hub {first - answered:.1f} s"
    )
    assert first - answered < BACK_SECONDS
    expect(page.locator("#transport")).to_have_text("实时")
    until(lambda: site.recorded(pieces=3, since=cut_off), 30)
    assert site.stop() == 0
    for room, rows in site.recordings().items():
        place = [row.id for row in rows].index(cut_off[room])
        before, after = rows[place : place + 2]
        for row in rows:
            assert_whole(site, row)
        lost = killed - before.ended_at.timestamp()
        print(
            f"{room}: {lost:.2f} s lost, {(after.started_at - before.ended_at).total_seconds():.1f} s not recorded"
        )
        assert lost < LOST_SECONDS
        assert before.session_id == after.session_id == f"O-{room}"
        assert_gap_listed(site, before, after)


def assert_whole(site: Site, recording: Recording) -> None:
    """The file is what the ledger says of it to the last byte, and plays from end to end without an error."""
    path = site.data / "recordings" / recording.path
    with site.ledger.read() as session:
        assert recordings.verify(session, recording.id, path.parents[2]) is None
    assert path.stat().st_size == recording.bytes == sum(piece.bytes for piece in site.pieces(recording))
    ends = max(piece.started_at.timestamp() + piece.seconds for piece in site.pieces(recording))
    assert recording.ended_at is not None and abs(recording.ended_at.timestamp() - ends) < 0.01
    played = subprocess.run(ffmpeg.decode(path), capture_output=True, text=True, check=False)
    assert played.returncode == 0 and not played.stderr, played.stderr


def assert_gap_listed(site: Site, before: Recording, after: Recording) -> None:
    with site.ledger.read() as session:
        (gap,) = session.scalars(select(Gap).where(Gap.recording_id == after.id, Gap.reason == "restart"))
    assert (gap.started_at, gap.ended_at) == (before.ended_at, after.started_at)
