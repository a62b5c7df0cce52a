"""Recording with a real source and a real ffmpeg: files, chain, gaps, kills, changes, the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest
from sqlalchemy import select

from benchmarks.record import kill_host
from benchmarks.studio import Studio
from records.ledger import Ledger
from records.serving.workers import Workers
from records.tables.evidence import Gap, Recording, Segment
from streaming.machine import GIB, Limits
from streaming.recording import ledger as recordings
from streaming.recording import retention
from streaming.recording.recorder import Recorder, RecorderConfig
from streaming.replay.cut import Cut
from streaming.replay.reels import Source, camera
from streaming.wire.codecs import VP8
from tests.side_by_side import Together

pytestmark = pytest.mark.server
beside = Together()  # not those of which the first moments of a file are measured
ROOM = "hz-01"


@dataclass
class Rig:
    """A studio, a recorder, and what the test may turn."""

    studio: Studio
    ledger: Ledger
    folder: Path
    free: int = 100 * GIB
    session: str | None = "op-1"
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        config = RecorderConfig(
            self.folder, fragment_seconds=1.0, linger_seconds=1.0, tick_seconds=0.2,
            free_space=lambda folder: (self.free, 200 * GIB), limits=Limits(),
        )  # fmt: skip
        self.recorder = Recorder(self.studio, self.ledger, config, self.wanted, Workers())

    def wanted(self, room: str) -> str | None:
        return self.session if self.studio.publishing else None

    def rows(self) -> list[Recording]:
        with self.ledger.read() as session:
            return list(session.scalars(select(Recording).order_by(Recording.started_at, Recording.id)))

    def gaps(self) -> list[Gap]:
        with self.ledger.read() as session:
            return list(session.scalars(select(Gap).order_by(Gap.started_at)))

    def segments(self, recording_id: str) -> list[Segment]:
        with self.ledger.read() as session:
            query = select(Segment).where(Segment.recording_id == recording_id).order_by(Segment.seq)
            return list(session.scalars(query))

    def seconds(self) -> float:
        return sum(segment.seconds for row in self.rows() for segment in self.segments(row.id))

    def sound(self, recording: Recording) -> bool:
        """Whether every byte of the file is in the chain and the chain holds."""
        with self.ledger.read() as session:
            held = recordings.verify(session, recording.id, self.folder) is None
        return held and (self.folder / recording.path).stat().st_size == recording.bytes


@asynccontextmanager
async def recording(ledger: Ledger, folder: Path, **studio: object) -> AsyncIterator[Rig]:
    rig = Rig(Studio([ROOM], **studio), ledger, folder)  # type: ignore[arg-type]
    await rig.recorder.start()
    try:
        await rig.studio.on(gop=25, size="320x180")
        yield rig
    finally:
        await rig.studio.off()
        await rig.recorder.stop()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        await asyncio.sleep(0.1)


@dataclass
class Film:
    """What a player finds in a file: seconds by track, and where keyframes stand."""

    length: dict[str, float]
    keys: list[float]
    decoded: int


def film(path: Path) -> Film:
    length: dict[str, float] = {}
    keys: list[float] = []
    with av.open(str(path)) as file:
        for packet in file.demux():
            if packet.pts is None:
                continue
            moment = float(packet.pts * packet.time_base)
            length[packet.stream.type] = max(moment, length.get(packet.stream.type, 0.0))
            if packet.stream.type == "video" and packet.is_keyframe:
                keys.append(moment)
    with av.open(str(path)) as file:
        return Film(length, keys, sum(1 for _ in file.decode(video=0)))


async def test_a_room_is_recorded_with_both_tracks_and_every_byte_is_chained(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 3)
        status = rig.recorder.status()[ROOM]
        assert status.recording and status.bytes > 0 and status.dropped == 0 and status.gaps == 0
        assert status.fragment_age is not None and status.fragment_age < 10
    (row,) = rig.rows()
    assert (row.session_id, row.room_id, row.container) == ("op-1", ROOM, "mp4")
    assert row.path == f"{ROOM}/{row.path.split('/')[1]}/{row.id}.mp4"
    assert row.ended_at is not None and row.expire_at == retention.expire_at("procurement", row.ended_at)
    assert rig.sound(row)
    segments = rig.segments(row.id)
    assert row.head_hash == segments[-1].hash and segments[0].offset == 0
    found = film(tmp_path / row.path)
    assert found.length["video"] == pytest.approx(sum(s.seconds for s in segments), abs=0.2)
    assert found.length["audio"] == pytest.approx(found.length["video"], abs=0.4)
    assert found.keys[0] == 0 and len(found.keys) >= 3
    assert found.decoded >= 25 * found.length["video"] - 2
    assert not rig.gaps()


async def test_kill_9_of_ffmpeg_loses_nothing_and_a_new_file_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 2)
        first = rig.recorder.status()[ROOM]
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: rig.recorder.status()[ROOM].recording_id not in (None, first.recording_id))
        await until(lambda: len(rig.rows()) == 2 and len(rig.segments(rig.rows()[1].id)) >= 3)
    before, after = rig.rows()
    assert before.id == first.recording_id and before.ended_at is not None
    assert after.started_at <= before.ended_at, "the new file begins before the old one breaks off"
    for row in (before, after):
        assert rig.sound(row)
        assert film(tmp_path / row.path).decoded > 20
    assert not rig.gaps()


@beside
async def test_a_changed_picture_begins_a_new_file(ledger: Ledger, tmp_path: Path) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 1)
        await rig.studio.off()
        await rig.studio.on(size="480x270", gop=25)
        await until(lambda: len(rig.rows()) == 2 and len(rig.segments(rig.rows()[1].id)) >= 2)
    sizes = []
    for row in rig.rows():
        assert rig.sound(row)
        with av.open(str(tmp_path / row.path)) as file:
            sizes.append((file.streams.video[0].width, file.streams.video[0].height))
    assert sizes == [(320, 180), (480, 270)]


@beside
async def test_vp8_goes_into_webm(ledger: Ledger, tmp_path: Path) -> None:
    async with recording(ledger, tmp_path, codec=VP8) as rig:
        await until(lambda: rig.seconds() > 2)
    (row,) = rig.rows()
    assert row.container == "webm" and row.path.endswith(".webm")
    assert rig.sound(row)
    found = film(tmp_path / row.path)
    assert set(found.length) == {"video", "audio"} and found.decoded > 40


@beside
async def test_a_span_without_pictures_is_kept_as_a_gap(ledger: Ledger, tmp_path: Path) -> None:
    async with recording(ledger, tmp_path, sound=False) as rig:
        await until(lambda: rig.seconds() > 1)
        pid = rig.studio.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(3)
        os.kill(pid, signal.SIGCONT)
        await until(rig.gaps)
    (gap,) = rig.gaps()
    assert gap.reason == "source" and gap.ended_at is not None
    assert 2.5 < (gap.ended_at - gap.started_at).total_seconds() < 6
    assert rig.rows()[0].gaps == 1 and rig.sound(rig.rows()[0])


def told(rig: Rig) -> str | None:
    """What the recorder says is wrong."""
    message = rig.recorder.message()
    return message.key if message else None


@beside
async def test_a_full_disk_stops_recording_cleanly_and_room_lets_it_go_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 1)
        rig.free = GIB
        await until(lambda: told(rig) == "recording.disk_low")
        assert rig.recorder.status()[ROOM].recording
        rig.free = 100 << 20
        await until(lambda: rig.rows()[0].ended_at is not None and not rig.recorder.status())
        await until(lambda: told(rig) == "recording.disk_full")
        rig.free = 600 << 20
        await asyncio.sleep(1)
        assert not rig.recorder.status(), "just above the floor it must not flap"
        await asyncio.sleep(1.5)
        rig.free = 100 * GIB
        await until(lambda: len(rig.rows()) == 2 and len(rig.segments(rig.rows()[1].id)) >= 2)
        await until(lambda: told(rig) is None)
    assert all(rig.sound(row) for row in rig.rows())
    (gap,) = rig.gaps()
    assert gap.reason == "disk" and gap.recording_id == rig.rows()[1].id


@beside
async def test_another_opening_in_the_same_room_gets_a_file_of_its_own(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 1)
        rig.session = "op-2"
        await until(lambda: len(rig.rows()) == 2 and len(rig.segments(rig.rows()[1].id)) >= 2)
        rig.session = None
        await until(lambda: all(row.ended_at for row in rig.rows()))
        assert not rig.recorder.status()
    assert [row.session_id for row in rig.rows()] == ["op-1", "op-2"]
    assert all(rig.sound(row) for row in rig.rows())
    assert not rig.gaps(), "two openings: what lies between them is no gap"


def test_kill_9_of_the_hub_leaves_files_that_the_next_one_closes(ledger: Ledger, tmp_path: Path) -> None:
    killed = kill_host(str(ledger.url), tmp_path, after_bytes=60_000)
    with ledger.read() as session:
        (row,) = recordings.unfinished(session)
        assert row.ended_at is None
    with (tmp_path / row.path).open("ab") as file:
        file.write(b"\0\0\1\0moof torn")
    asyncio.run(_restart(ledger, tmp_path))
    with ledger.read() as session:
        closed = session.get_one(Recording, row.id)
        assert recordings.verify(session, row.id, tmp_path) is None
        assert not recordings.unfinished(session)
    assert closed.bytes == (tmp_path / row.path).stat().st_size
    assert closed.ended_at is not None and killed - closed.ended_at.timestamp() < 2.5
    assert film(tmp_path / row.path).decoded > 25


async def _restart(ledger: Ledger, folder: Path) -> None:
    recorder = Recorder(Studio([ROOM]), ledger, RecorderConfig(folder), lambda room: None, Workers())
    await recorder.start()
    await recorder.stop()


def test_a_changed_byte_is_found(ledger: Ledger, tmp_path: Path) -> None:
    async def record() -> Rig:
        async with recording(ledger, tmp_path) as rig:
            await until(lambda: rig.seconds() > 1)
        return rig

    rig = asyncio.run(record())
    (row,) = rig.rows()
    path = tmp_path / row.path
    data = bytearray(path.read_bytes())
    spot = rig.segments(row.id)[1]
    data[spot.offset + spot.bytes // 2] ^= 1
    path.write_bytes(data)
    with ledger.read() as session:
        broken = recordings.verify(session, row.id, tmp_path)
    assert broken is not None and broken.index == 1


async def test_what_the_recorder_wrote_is_replayed_in_step_and_whole(ledger: Ledger, tmp_path: Path) -> None:
    async with recording(ledger, tmp_path) as rig:
        await until(lambda: rig.seconds() > 4)
    (row,) = rig.rows()
    assert row.ended_at is not None
    source = Source(tmp_path / row.path, row.bytes, row.started_at)
    (movie,) = camera([source], Cut("op-1", row.started_at, row.ended_at)).reels
    out = tmp_path / "replay.mp4"
    out.write_bytes(movie.read(0, movie.size))
    found, before = film(out), film(tmp_path / row.path)
    assert found.decoded == pytest.approx(before.decoded, abs=2)
    assert found.length["audio"] == pytest.approx(found.length["video"], abs=0.4)
    assert found.length["video"] == pytest.approx(before.length["video"], abs=0.2)
