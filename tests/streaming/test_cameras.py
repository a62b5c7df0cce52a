"""RTSP cameras served by GStreamer, pulled by ffmpeg into rooms."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import types
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from media_helper import BEARER, SDP, Camera, Rig, number, rig, stamp, until

from benchmarks.lightpeer import LightPeer
from records.rooms import CAMERA_SCHEMES
from records.serving.workers import Workers
from records.tables.organisations import Room as RoomRow
from streaming.sources import cameras, protocol
from streaming.sources.cameras import Cameras, addresses
from streaming.sources.plainrtp import read_announcement
from streaming.sources.pull import Address, mask, meaning_of
from streaming.wire.h264 import BFrameWatch, ParameterWatch
from tests.needed import needed
from tests.side_by_side import Together

SYSTEM_PYTHON = Path("/usr/bin/python3")
PATIENCE = 60.0
"""Seconds a program that is started, or tried again after up to 8 s, may take on a machine with other work."""
SOURCE = Path(__file__).with_name("rtsp_camera.py")


def gstreamer() -> bool:
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    return (
        SYSTEM_PYTHON.exists()
        and not subprocess.run([SYSTEM_PYTHON, "-c", check], capture_output=True).returncode
    )


@pytest.fixture(scope="module")
def rtsp_server() -> None:
    needed(gstreamer(), "gir1.2-gst-rtsp-server-1.0")


needs_gstreamer = [pytest.mark.server, pytest.mark.usefixtures("rtsp_server")]


class Device:
    """A running camera."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.url = f"rtsp://127.0.0.1:{port}/cam"


@contextmanager
def device(*options: str, port: int = 0) -> Iterator[Device]:
    command = [str(SYSTEM_PYTHON), str(SOURCE), str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Device(process, int(process.stdout.readline().split()[1]))
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def said(held: Cameras, lang: str = "zh") -> str:
    """Why the camera of the room is as it is."""
    return str(held.status()["hz-01"].to_json("hz-01")[f"reason_{lang}"])


@asynccontextmanager
async def pulling(hub: Rig, text: str, room: str = "hz-01") -> AsyncIterator[Cameras]:
    """Cameras of one room, without a ledger to follow."""
    made = Cameras(hub.server, None, Workers())
    made.wanted({room: text})
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def hub() -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


beside = Together(hub=lambda _folder: rig())


def parts(packets: list[bytes]) -> ParameterWatch:
    watch = ParameterWatch()
    for packet in packets:
        watch.look(packet)
    return watch


class TestOnAir:
    pytestmark = needs_gstreamer

    @pytest.mark.parametrize(
        ("profile", "audio"), [("baseline", "pcma"), ("main", "aac"), ("high", "opus"), ("high", "none")]
    )
    @beside
    async def test_every_profile_and_sound_reaches_viewers(self, hub: Rig, profile: str, audio: str) -> None:
        with device("--profile", profile, "--audio", audio) as camera:
            async with pulling(hub, camera.url) as held:
                watcher = await hub.watch()
                await until(lambda: len(watcher.video) > 30, 20)
                status = hub.server.status("hz-01")
                assert status.publishing and status.video == "H264"
                assert status.audio == (None if audio == "none" else "OPUS")
                assert held.status()["hz-01"].state == "live"
                # the device sends its parameter sets in the SDP only; browsers need them in the stream
                found = parts(watcher.video).parameters
                assert found is not None
                assert found.sps[1] == {"baseline": 66, "main": 77, "high": 100}[profile]
                if audio != "none":
                    await until(lambda: len(watcher.of(111)) > 20)
                numbers = [number(packet) for packet in watcher.video]
                assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
        assert not hub.server.status("hz-01").publishing

    async def test_lips_in_sync_by_one_clock(self, hub: Rig) -> None:
        """Reports of both kinds put sound and picture of one moment within 150 ms (A-law in 128 ms packets)."""
        from streaming.wire import rtcp

        with device() as camera:
            async with pulling(hub, camera.url):
                watcher = await hub.watch()
                room = hub.server.room("hz-01")
                await until(lambda: len(watcher.video) > 20 and len(watcher.of(111)) > 20, 20)
                await until(lambda: all(stream.report for stream in room.streams.values()), 8)
                moments = {}
                for kind, rate in (("video", 90_000), ("audio", 48_000)):
                    stream = room.streams[kind]
                    report = next(iter(rtcp.parse(stream.report or b"")))
                    newest = stream.rewriter.timestamp
                    moments[kind] = (
                        rtcp.from_ntp(report.ntp)
                        + ((newest - report.timestamp + 2**31) % 2**32 - 2**31) / rate
                    )
                assert abs(moments["video"] - moments["audio"]) < 0.15

    @beside
    async def test_a_camera_that_went_away_comes_back(self, hub: Rig) -> None:
        with device() as camera:
            url, port = camera.url, camera.port
            async with pulling(hub, url) as held:
                watcher = await hub.watch()
                await until(lambda: len(watcher.video) > 10, PATIENCE)
                camera.process.kill()
                camera.process.wait()
                await until(lambda: held.status()["hz-01"].state == "connecting", PATIENCE)
                await until(lambda: "端口未开放" in said(held), PATIENCE)
                assert not hub.server.status("hz-01").publishing
                seen = len(watcher.video)
                with device(port=port):
                    await until(lambda: len(watcher.video) > seen + 10, PATIENCE)
                    assert held.status()["hz-01"].state == "live" and held.status()["hz-01"].reason is None
                    numbers = [number(packet) for packet in watcher.video]
                    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))

    @beside
    async def test_near_and_far_are_two_rooms(self, hub: Rig) -> None:
        with device() as near, device("--audio", "none") as far:
            async with pulling(hub, f"{near.url}\n{far.url}"):
                await until(lambda: hub.server.cameras("hz-01") == ["hz-01", "hz-01.far"], 20)
                watcher = await hub.watch("hz-01.far")
                await until(lambda: len(watcher.video) > 5)

    async def test_the_right_password_opens_and_is_never_told(
        self, hub: Rig, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with device("--user", "cam:s3cret-") as camera:
            url = camera.url.replace("//", "//cam:s3cret-@")
            async with pulling(hub, url) as held:
                await until(lambda: held.status()["hz-01"].state == "live", 20)
                lines = await asyncio.to_thread(subprocess.check_output, ["ps", "-ewwo", "args"])
                assert b"sap://127.0.0.1" in lines and b"s3cret-@" not in lines
                shown = repr(held._cameras) + repr(held.status()) + repr(held._cameras["hz-01"].address)
            async with pulling(hub, url.replace("s3cret-", "wr0ng")) as held:
                await until(lambda: "口令" in said(held), 10)
        written = capfd.readouterr()
        assert (
            "s3cret-@" not in shown + written.out + written.err and "wr0ng" not in written.out + written.err
        )


class TestRefused:
    pytestmark = needs_gstreamer

    @beside
    async def test_h265_names_the_remedy(self, hub: Rig) -> None:
        with device("--codec", "h265", "--audio", "none") as camera:
            async with pulling(hub, camera.url) as held:
                await until(lambda: held.status()["hz-01"].state == "refused", 20)
                assert (
                    "H.265" in said(held) and "改用 H.264" in said(held) and "set H.264" in said(held, "en")
                )
                assert not hub.server.status("hz-01").publishing

    @beside
    async def test_h265_is_transcoded_where_the_room_says_so(self, hub: Rig) -> None:
        with device("--codec", "h265") as camera:
            async with pulling(hub, camera.url + "#transcode") as held:
                watcher = await hub.watch()
                await until(lambda: len(watcher.video) > 20, 30)
                status = held.status()["hz-01"]
                assert status.state == "live" and status.transcoded
                found = parts(watcher.video).parameters
                assert found is not None and found.sps[1] == 66

    @beside
    async def test_b_frames_are_seen_and_named(self, hub: Rig) -> None:
        with device("--profile", "main", "--bframes", "2") as camera:
            async with pulling(hub, camera.url) as held:
                await until(lambda: held.status()["hz-01"].state == "refused", 20)
                assert held.status()["hz-01"].b_frames and "B 帧" in said(held)
                assert hub.server.room("hz-01").video.counts.packets == 0

    @beside
    async def test_b_frames_are_transcoded_where_the_room_says_so(self, hub: Rig) -> None:
        with device("--profile", "main", "--bframes", "2") as camera:
            async with pulling(hub, camera.url + "#transcode") as held:
                watcher = await hub.watch()
                await until(lambda: len(watcher.video) > 30, 30)
                assert held.status()["hz-01"].transcoded and held.status()["hz-01"].b_frames
                times = list(dict.fromkeys(stamp(packet) for packet in watcher.video))
                assert all(0 < (b - a) & 0xFFFFFFFF < 90_000 for a, b in pairwise(times))

    @beside
    async def test_a_camera_that_refuses_tcp_is_pulled_over_udp_and_that_is_said(self, hub: Rig) -> None:
        with device("--udp-only", "--audio", "none") as camera:
            async with pulling(hub, camera.url) as held:
                watcher = await hub.watch()
                await until(lambda: len(watcher.video) > 30, 25)
                status = held.status()["hz-01"]
                assert status.state == "live" and "UDP" in status.to_json("hz-01")["reason_zh"]
                assert "TCP" in status.to_json("hz-01")["reason_en"]

    @beside
    async def test_it_waits_while_someone_else_publishes(self, hub: Rig) -> None:
        source, pictures = await hub.publish(), Camera()
        playing = asyncio.create_task(_play(source, pictures))
        with device() as camera:
            async with pulling(hub, camera.url) as held:
                await until(lambda: held.status()["hz-01"].state == "waiting")
                playing.cancel()
                await source.close()
                await until(lambda: held.status()["hz-01"].state == "live", 20)
                page = LightPeer()
                offer = page.offer("sendonly")
                answer = await hub.http.post("/whip/hz-01", content=offer, headers=SDP | BEARER)
                assert answer.status_code == 409 and "takeover=1" in answer.json()["detail"]
                told = await hub.http.post("/whip/hz-01?takeover=1", content=offer, headers=SDP | BEARER)
                assert told.status_code == 201 and held.status()["hz-01"].state == "live"
                await page.connect(told.text)  # now it is there, and the camera yields until it goes
                playing = asyncio.create_task(_play(page, Camera(0x3333)))
                await until(lambda: held.status()["hz-01"].state == "waiting", 10)
                playing.cancel()
                await page.close()
                await until(lambda: held.status()["hz-01"].state == "live", 20)


async def _play(source: LightPeer, pictures: Camera) -> None:
    while True:
        for packet in pictures.frame(key=True):
            source.send_rtp(packet)
        await asyncio.sleep(0.04)


async def test_a_dead_address_is_tried_with_growing_pauses(hub: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def slept(seconds: float) -> None:
        if seconds > 0.7:
            pauses.append(seconds)
        await real(min(seconds, 0.01))

    quick = types.SimpleNamespace(**{**vars(asyncio), "sleep": slept})
    monkeypatch.setattr(cameras, "asyncio", quick)
    async with pulling(hub, "rtsp://127.0.0.1:9/cam"):
        while len(pauses) < 8:
            await real(0.05)
    expected = [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(0.8 * e <= p <= 1.2 * e for p, e in zip(pauses, expected, strict=False))


async def test_the_ledger_is_followed(ledger, hub: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from streaming.live.reading import Reader
    from tests.streaming import hub_market

    monkeypatch.setattr(cameras, "FOLLOW", 0.05)
    hub_market.rooms(ledger)
    reader = Reader(ledger)
    held = Cameras(hub.server, reader, Workers())
    await held.start()
    try:
        room = await reader.ask(lambda session: session.query(RoomRow.id).first()[0])
        for text, expected in (
            ("rtsp://127.0.0.1:9/a rtsp://127.0.0.1:9/b", [room, f"{room}.far"]),
            ("rtsp://127.0.0.1:9/a", [room]),
            (None, []),
        ):
            with ledger.write() as session:
                session.get(RoomRow, room).rtsp_url = text
            await until(lambda expected=expected: sorted(held.status()) == expected)
    finally:
        await held.stop()
        reader.close()


async def test_a_wrong_address_is_refused_by_name_without_its_password(hub: Rig) -> None:
    async with pulling(hub, "http://cam:s3cret@host/x") as held:
        status = held.status()["hz-01"]
    assert status.state == "refused" and "摄像机地址无效" in status.to_json("hz-01")["reason_zh"]
    assert "http://***@host/x" in status.to_json("hz-01")["reason_en"]


@pytest.mark.parametrize(
    "text",
    ["file:///etc/passwd", "rtsp:///x", "rtsp://h/x#loud", "concat:rtsp://h/x", "rtsp://h:99999999/x", "-i"],
)
def test_only_camera_addresses_are_taken(text: str) -> None:
    with pytest.raises(ValueError):
        addresses("r", text)


def test_what_can_be_entered_can_be_pulled() -> None:
    assert sorted(protocol.by_scheme()) == sorted(CAMERA_SCHEMES)


def test_addresses_of_a_room() -> None:
    found = addresses("r", " rtsp://u:p'w@h/near?a=1&b=2#transcode\n rtsps://h/far ")
    assert list(found) == ["r", "r.far"]
    assert found["r"] == Address("rtsp://u:p%27w@h/near?a=1&b=2", transcode=True)
    assert "p%27w" not in repr(found) and not found["r.far"].transcode
    with pytest.raises(ValueError, match="2 台"):
        addresses("r", "rtsp://h/1 rtsp://h/2 rtsp://h/3")


def test_passwords_are_masked_wherever_ffmpeg_says_them() -> None:
    said = "[rtsp @ 0x1] Error opening 'rtsp://admin:Pa$$@10.0.0.2/1': rtsps://a:b@c/d"
    assert mask(said) == "[rtsp @ 0x1] Error opening 'rtsp://***@10.0.0.2/1': rtsps://***@c/d"


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            ["[tcp @ 0x5] Connection to tcp://10.0.0.7:50403?timeout=0 failed: Connection refused"],
            "camera.port_closed",
        ),
        (["rtsp://10.0.0.7:40401/404: Connection timed out"], "camera.no_answer"),
        (
            ["method DESCRIBE failed: 403 Forbidden", "rtsp://10.0.0.7:554/a: Server returned 403"],
            "camera.forbidden",
        ),
        (["[rtsp @ 0x5] method DESCRIBE failed: 401 Unauthorized"], "camera.credentials_refused"),
    ],
)
def test_a_port_or_path_is_not_taken_for_an_answer(said: list[str], meaning: str) -> None:
    assert meaning_of(said).key == meaning


def test_b_frames_show_in_the_timestamps() -> None:
    def looked(*packets: tuple[int, int]) -> BFrameWatch:
        watch = BFrameWatch()
        for sequence, time in packets:
            watch.look(struct.pack("!BBHII", 0x80, 96, sequence & 0xFFFF, time % 2**32, 1))
        return watch

    forward = looked(*enumerate((0, 0, 3600, 7200, 7200, 10800)))
    assert (forward.pictures, forward.reordered) == (4, False)
    assert looked(*enumerate((0, 10800, 3600, 7200, 21600, 14400, 18000))).reordered
    assert not looked(*enumerate((-3600, 0, 3600), start=-1)).reordered
    assert not looked((1, 3600), (3, 10800), (2, 7200), (5, 18000), (4, 14400), (3, 10800)).reordered, "late"
    assert not looked(*enumerate((90_000, 93_600, 0, 3600, 7200))).reordered, "a clock set back once"


@pytest.mark.parametrize(
    "datagram", [b"", b"\x20", b"\x20" + b"x" * 40, b"\xff" * 300, b"\x20\0\0\0\0\0\0\0v=0\nm=video"]
)
def test_announcements_that_are_none(datagram: bytes) -> None:
    assert read_announcement(datagram) is None
