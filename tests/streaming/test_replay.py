"""A tap that comes between two keyframes begins with what was sent since the last one."""

import asyncio
import contextlib
import time
from itertools import pairwise

import httpx
import pytest
from media_helper import BEARER, SDP, Camera, number, rig, until
from sqlalchemy import select
from test_media_clients import hub  # noqa: F401 - fixture
from test_record_room import film

from benchmarks.lightpeer import LightPeer
from records.clock import now
from records.serving.workers import Workers
from records.tables.evidence import Recording, Segment
from streaming import ffmpeg
from streaming.hls.server import HlsServer
from streaming.recording import ledger as recordings
from streaming.recording.recorder import Recorder, RecorderConfig

PACKETS = {"audio": 1, "video": 3}
"""Of one picture and what sounds meanwhile."""


@pytest.fixture
async def one():
    async with rig() as made:
        yield made


class Keeper:
    """A tap that keeps what it gets, the replayed apart."""

    def __init__(self):
        self.before, self.live = [], []

    def replay(self, kind, codec, packets, arrived):
        self.before.append((kind, packets, arrived))

    def packets(self, kind, codec, packets):
        self.live += packets

    def report(self, kind, sender_report):
        """Nothing is made of reports here."""

    def video(self):
        return [packet for kind, packets, _ in self.before if kind == "video" for packet in packets]


async def shown(hub, source, camera, sound, count):  # noqa: F811
    """A keyframe and pictures after it, 40 ms apart by their RTP time, with sound."""
    streams = hub.server.room("hz-01").streams
    awaited = {kind: stream.counts.packets + count * PACKETS[kind] for kind, stream in streams.items()}
    for index in range(count):
        for packet in (*camera.frame(key=index == 0), sound.packet(b"opus")):
            source.send_rtp(packet)
        sound.timestamp += 1920
    await until(lambda: {kind: stream.counts.packets for kind, stream in streams.items()} == awaited)


async def test_it_gets_the_packets_since_the_last_keyframe_with_their_times(one):
    source, camera, sound, late = await one.publish(), Camera(), Camera(0x2222, 111), Keeper()
    sound.timestamp = 5000
    await shown(one, source, camera, sound, 10)
    await shown(one, source, camera, sound, 25)
    began = now().timestamp()
    one.server.tap("hz-01", late, replay=late.replay)
    pictures = late.video()
    assert len(pictures) == 75 and all((number(b) - number(a)) & 0xFFFF == 1 for a, b in pairwise(pictures))
    times = [arrived for kind, _, arrived in late.before if kind == "video"]
    assert times[-1] - times[0] == pytest.approx(24 * 0.04) and began - 1 < times[-1] <= now().timestamp()
    assert [arrived for _, _, arrived in late.before] == sorted(arrived for _, _, arrived in late.before)
    assert 20 <= sum(kind == "audio" for kind, _, _ in late.before) <= 25
    for packet in camera.frame():
        source.send_rtp(packet)
    await until(lambda: len(late.live) == 3)
    assert (number(late.live[0]) - number(pictures[-1])) & 0xFFFF == 1, (
        "nothing is missing, nothing comes twice"
    )


async def test_what_is_withheld_is_not_replayed(one):
    source, camera, sound = await one.publish(), Camera(), Camera(0x2222, 111)
    await shown(one, source, camera, sound, 5)
    one.server.cover("hz-01", muted=False, slated=True)
    public, inside = Keeper(), Keeper()
    one.server.tap("hz-01", public, replay=public.replay)
    one.server.tap("hz-01", inside, kept=True, replay=inside.replay)
    assert public.before == [] and inside.before == []
    one.server.cover("hz-01", muted=False, slated=False)
    other = Keeper()
    one.server.tap("hz-01", other, replay=other.replay)
    assert other.before == [], "not before the next keyframe"


async def test_without_a_keyframe_or_a_publisher_there_is_nothing(one):
    idle, headless = Keeper(), Keeper()
    one.server.tap("hz-02", idle, replay=idle.replay)
    source, camera = await one.publish(), Camera()
    for packet in camera.frame():
        source.send_rtp(packet)
    await until(lambda: one.server.room("hz-01").video.counts.packets == 3)
    one.server.tap("hz-01", headless, replay=headless.replay)
    assert idle.before == [] and headless.before == []


async def test_a_first_keyframe_right_behind_the_handshake_is_not_lost(one):
    """As ffmpeg sends it, which answers the hub's handshake: its media is read in one go with the last word of it."""
    source = LightPeer()
    one.peers.append(source)
    answer = await one.http.post(
        "/whip/hz-01", content=source.offer("sendonly", setup="passive"), headers=SDP | BEARER
    )
    await source.connect(answer.text)
    assert not one.server.status("hz-01").publishing, "the hub has not read the end of the handshake yet"
    for packet in Camera().frame(key=True):
        source.send_rtp(packet)
    video = one.server.room("hz-01").video
    await until(lambda: one.server.status("hz-01").publishing)
    assert video.counts.packets == 3 and len(video.cache.since_keyframe(2048)) == 3


@contextlib.asynccontextmanager
async def deaf_camera(hub, room):  # noqa: F811
    """ffmpeg over WHIP never answers a request for a keyframe; it makes one every twenty seconds."""
    command = ffmpeg.publish(
        f"{hub.base}/whip/{room}",
        "good",
        ffmpeg.moving_picture("320x180", 15),
        coding={"threads": 1, "g": 300, "b:v": "200k"},
    )
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await until(lambda: hub.media.status(room).publishing, 20)
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.server
async def test_a_camera_that_cannot_be_asked_is_recorded_and_cut_from_the_middle(hub, ledger, tmp_path):  # noqa: F811
    wanted: set[str] = set()
    recorder = Recorder(
        hub.media, ledger, RecorderConfig(tmp_path, fragment_seconds=1.0, tick_seconds=0.2),
        lambda room: "op-1" if room in wanted else None, Workers(),
    )  # fmt: skip
    segmenter = HlsServer(hub.media, lambda room, token: True)
    await recorder.start()
    try:
        began = now().timestamp()
        async with deaf_camera(hub, "hz-01"), deaf_camera(hub, "hz-01.far"):
            await asyncio.sleep(4)
            asked = now().timestamp()
            wanted |= {"hz-01", "hz-01.far"}
            await until(lambda: sum(s.bytes > 0 for s in recorder.status().values()) == 2, 30)
            await cut(segmenter)
            await asyncio.sleep(1.5)
    finally:
        await recorder.stop()
        segmenter.stop()
    with ledger.read() as session:
        rows = list(session.scalars(select(Recording).order_by(Recording.camera)))
        assert [(row.room_id, row.camera, row.session_id) for row in rows] == [
            ("hz-01", "far", "op-1"), ("hz-01", "main", "op-1"),
        ]  # fmt: skip
        for row in rows:
            assert recordings.verify(session, row.id, tmp_path) is None
            seconds = sum(session.scalars(select(Segment.seconds).where(Segment.recording_id == row.id)))
            assert began < row.started_at.timestamp() < asked - 2, "it begins with the last keyframe"
            assert seconds == pytest.approx(row.ended_at.timestamp() - row.started_at.timestamp(), abs=0.1)
            found = film(tmp_path / row.path)
            assert found.decoded >= 15 * seconds - 3 and found.length["audio"] > 3
            assert abs(found.length["audio"] - found.length["video"]) < 0.5
    assert len({row.path for row in rows}) == 2


async def cut(segmenter):
    """The first playlist is there at once instead of after the next keyframe."""
    from starlette.applications import Starlette

    transport = httpx.ASGITransport(app=Starlette(routes=segmenter.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=20) as client:
        began = time.monotonic()
        answer = await client.get("/hls/hz-01/index.m3u8")
        assert answer.status_code == 200 and time.monotonic() - began < 2
        text = (await client.get("/hls/hz-01/opus/live.m3u8")).text
        numbers = [int(line.split(".")[0]) for line in text.splitlines() if line.endswith(".m4s")]
        assert numbers and max(numbers) <= now().timestamp() + 1, "numbers never overtake the clock"
