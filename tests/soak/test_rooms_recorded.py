"""28 rooms published and recorded at once, 1 Mbit/s each: no fragment is missing, and what a room costs."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from benchmarks.fanout import Mark, make_clip, running
from records.ledger import Ledger
from records.serving import signing
from records.tables.evidence import Gap, Recording, Segment
from records.tables.organisations import Room
from streaming import ffmpeg
from streaming.recording import ledger as recordings
from tests.ports import free_port
from tests.streaming import hub_market as market

ROOMS = [f"soak-{number:02}" for number in range(1, 29)]
SECONDS = float(os.environ.get("SUNBID_RECORD_SECONDS", "600"))
FRAGMENT = 2.0
"""Seconds of a fragment; the clip has a keyframe every two seconds."""

pytestmark = [pytest.mark.soak, pytest.mark.server, pytest.mark.timeout(SECONDS + 600)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = Ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.db'}")
    book.upgrade()
    market.rooms(book)
    for room in ROOMS:
        market.room(book, room)
        market.opening(book, f"O-{room}", room=room)
        market.begin(book, f"O-{room}")
    with book.write() as session:
        for room in ROOMS:
            session.get_one(Room, room).token_hash = signing.token_hash(market.TOKEN)
    yield book
    book.close()


def test_every_room_is_recorded_without_a_hole(ledger: Ledger, tmp_path: Path) -> None:
    data, port = tmp_path / "var", free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
    environment |= {"SUNBID_DATA": str(data), "SUNBID_HUB_PORT": str(port)}
    log = (tmp_path / "hub.log").open("w")
    with subprocess.Popen(
        [sys.executable, "-m", "sunbid", "hub"], env=environment, stdout=log, stderr=subprocess.STDOUT
    ) as hub:
        try:
            cores, seconds = published(hub, ledger, port, make_clip(tmp_path))
        finally:
            hub.kill()
    print(f"{len(ROOMS)} rooms, {seconds:.0f} s: {cores:.2f} cores, {cores / len(ROOMS):.2%} of one a room")
    for room in ROOMS:
        assert_whole(ledger, data, room, seconds)


def published(hub: subprocess.Popen[bytes], ledger: Ledger, port: int, clip: Path) -> tuple[float, float]:
    """Publish into every room for `SECONDS` once all are recorded, and until the hub has ended; (cores used by
    hub and recorders, seconds)."""
    with ExitStack() as stack:
        for room in ROOMS:
            wait_for(lambda: answers(port), 60)
            stack.enter_context(
                running(ffmpeg.play_by_whip(clip, f"http://127.0.0.1:{port}/whip/{room}", market.TOKEN))
            )
        wait_for(lambda: recorded(ledger) == len(ROOMS), 120)
        before = Mark.of(hub.pid)
        recorders = {pid: Mark.of(pid) for pid in children(hub.pid)}
        assert len(recorders) == len(ROOMS)
        time.sleep(SECONDS)
        after = Mark.of(hub.pid)
        used = after.process - before.process
        used += sum(Mark.of(pid).process - mark.process for pid, mark in recorders.items())
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(60) in (0, -signal.SIGTERM)
    return used / (after.at - before.at), after.at - before.at


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.2)


def recorded(ledger: Ledger) -> int:
    """Rooms of which at least one fragment is in the ledger."""
    with ledger.read() as session:
        query = select(Recording.room_id).join(Segment, Segment.recording_id == Recording.id).distinct()
        return len(session.scalars(query).all())


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def assert_whole(ledger: Ledger, data: Path, room: str, seconds: float) -> None:
    """One file, its fragments one after the other without a hole, and to the byte what the ledger says."""
    with ledger.read() as session:
        (recording,) = session.scalars(select(Recording).where(Recording.room_id == room))
        pieces = session.scalars(
            select(Segment).where(Segment.recording_id == recording.id).order_by(Segment.seq)
        ).all()
        assert recordings.verify(session, recording.id, data / "recordings") is None
        assert not session.scalars(select(Gap).where(Gap.recording_id == recording.id)).all()
    assert [piece.seq for piece in pieces] == list(range(pieces[0].seq, pieces[0].seq + len(pieces)))
    assert sum(piece.seconds for piece in pieces) >= seconds - FRAGMENT
    for one, following in itertools.pairwise(pieces):
        hole = following.started_at.timestamp() - (one.started_at.timestamp() + one.seconds)
        assert abs(hole) < 0.1, f"{room}: {hole:.2f} s between two fragments"
