"""A WHIP encoder of any habits, and a whole hub to send to: real H.264, real RTP, real HTTP and UDP.

Media time is the test's: a minute is sent as fast as the hub takes it.
"""

from __future__ import annotations

import asyncio
import io
import re
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
from sqlalchemy import select

from benchmarks.lightpeer import LightPeer
from records.ledger import Ledger
from records.tables.evidence import Recording
from streaming.config import HubConfig
from streaming.hub import Hub, create_app
from tests.streaming import hub_market

ROOM = "hz-01"
HEADERS = {"Content-Type": "application/sdp", "Authorization": f"Bearer {hub_market.TOKEN}"}
MTU = 1100
SPEED = 20.0
"""Times faster than life."""
BITS = 10
AT_ONCE = 24
"""Packets between two breaths: the socket's buffer holds them."""


@dataclass
class Coded:
    """A picture as the encoder puts it out: in coding order, `at` seconds when it is shown."""

    at: float
    nals: list[bytes]


def nals(data: bytes) -> list[bytes]:
    """The NAL units of Annex B."""
    return [nal.rstrip(b"\0") for nal in data.split(b"\0\0\1")[1:]]


def pictures(
    times: Sequence[float], size: tuple[int, int] = (160, 96), gop: int = 25, **options: str
) -> list[Coded]:
    """Moving pictures shown at these seconds; parameter sets before each keyframe. `options`: libx264's."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.gop_size = "yuv420p", Fraction(1, 90_000), gop
    encoder.framerate = Fraction(25)
    encoder.options = {
        "preset": "ultrafast", "profile": "main", "bf": "0", "forced-idr": "1", "keyint_min": str(gop),
        "x264-params": "repeat-headers=1:scenecut=0:force-cfr=0:rc-lookahead=0",
    } | options  # fmt: skip
    found: list[Coded] = []

    def take(packets: Iterable[av.Packet]) -> None:
        found.extend(Coded(packet.pts / 90_000, nals(bytes(packet))) for packet in packets)

    for index, at in enumerate(times):
        picture = np.zeros((size[1] * 3 // 2, size[0]), np.uint8)
        picture[:, :] = 128
        picture[: size[1], index * 7 % size[0] :] = 40 + index % 160
        for bit in range(BITS):  # the picture's number, in blocks along the top
            picture[:16, 16 * bit : 16 * bit + 16] = 220 if index >> bit & 1 else 20
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = round(at * 90_000), Fraction(1, 90_000)
        take(encoder.encode(frame))
    take(encoder.encode(None))
    return found


def sound(start: float, end: float) -> list[Coded]:
    """440 Hz as Opus packets of 20 ms."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    wave = (9000 * np.sin(2 * np.pi * 440 * np.arange(960 * 25) / 48_000)).astype(np.int16)
    made: list[bytes] = []
    for index in range(round((end - start) * 50) + 2):
        piece = np.resize(np.roll(wave, -960 * index), 960)
        frame = av.AudioFrame.from_ndarray(np.repeat(piece, 2)[None, :], "s16", "stereo")
        frame.sample_rate = 48_000
        made += [bytes(packet) for packet in encoder.encode(frame)]
    count = round((end - start) * 50)
    return [Coded(start + index / 50, [data]) for index, data in enumerate(made[:count])]


def tone(codec: str, seconds: float) -> list[bytes]:
    """440 Hz in packets of 20 ms of a telephone codec."""
    name, rate = {"PCMU": ("pcm_mulaw", 8000), "PCMA": ("pcm_alaw", 8000), "G722": ("g722", 16000)}[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
    wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    made: list[bytes] = []
    for at in range(0, len(wave), rate // 50):
        frame = av.AudioFrame.from_ndarray(wave[None, at : at + rate // 50].astype(np.int16), "s16", "mono")
        frame.sample_rate = rate
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made


@dataclass
class Line:
    """RTP of one kind out of a peer."""

    payload_type: int
    ssrc: int
    rate: int
    sequence: int = 100
    base: int = 5_000

    def packets(self, coded: Coded) -> Iterator[bytes]:
        """One picture or sound, in packets; NAL units alone or in fragments."""
        bodies = [body for nal in coded.nals for body in _cut(nal)] if self.rate == 90_000 else coded.nals
        stamp = (self.base + round(coded.at * self.rate)) & 0xFFFFFFFF
        for index, body in enumerate(bodies):
            last = 0x80 if self.rate == 90_000 and index == len(bodies) - 1 else 0
            self.sequence = (self.sequence + 1) & 0xFFFF
            yield (
                struct.pack("!BBHII", 0x80, last | self.payload_type, self.sequence, stamp, self.ssrc) + body
            )


def _cut(nal: bytes) -> list[bytes]:
    if len(nal) <= MTU:
        return [nal]
    head, kind = nal[0] & 0xE0 | 28, nal[0] & 31
    parts = [nal[1:][at : at + MTU] for at in range(0, len(nal) - 1, MTU)]
    last = len(parts) - 1
    return [
        bytes((head, kind | 0x80 * (index == 0) | 0x40 * (index == last))) + part
        for index, part in enumerate(parts)
    ]


@dataclass
class Encoder:
    """One publisher with picture and sound."""

    peer: LightPeer
    location: str
    video: Line = field(default_factory=lambda: Line(96, 0x1111, 90_000))
    audio: Line = field(default_factory=lambda: Line(111, 0x2222, 48_000))

    async def send(
        self,
        film: Sequence[Coded],
        voice: Sequence[Coded] = (),
        tell: Callable[[float], object] = lambda at: None,
    ) -> None:
        """Send both as they are coded, each when the other's time has come; `tell` hears that time first."""
        latest, entries = float("-inf"), []
        for coded in film:
            latest = max(latest, coded.at)
            entries.append((latest, self.video, coded))
        entries += [(coded.at, self.audio, coded) for coded in voice]
        sent, clock = 0, asyncio.get_running_loop().time
        begun, first = clock(), min(entry[0] for entry in entries)
        for at, line, coded in sorted(entries, key=lambda entry: entry[0]):
            if (ahead := (at - first) / SPEED - (clock() - begun)) > 0.005:
                await asyncio.sleep(ahead)
            tell(at)
            for packet in line.packets(coded):
                self.peer.send_rtp(packet)
                sent += 1
                if sent % AT_ONCE == 0:
                    await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)


@dataclass
class WholeHub:
    """A running hub with recorder, HLS and a UDP port."""

    hub: Hub
    http: httpx.AsyncClient
    ledger: Ledger
    data: Path
    peers: list[LightPeer] = field(default_factory=list)

    async def publish(self, room: str = ROOM, **sections: list[str]) -> Encoder:
        """An encoder that has connected."""
        peer = LightPeer()
        self.peers.append(peer)
        answer = await self.http.post(
            f"/whip/{room}", content=peer.offer("sendonly", **sections), headers=HEADERS
        )
        assert answer.status_code == 201, answer.text
        await peer.connect(answer.text)
        await until(lambda: self.hub.media.status(room).publishing)
        return Encoder(peer, answer.headers["location"])

    async def hls(self, room: str = ROOM, flavour: str = "opus") -> str:
        """The media playlist, which begins the cutting."""
        answer = await self.http.get(f"/hls/{room}/{flavour}/live.m3u8")
        return answer.text if answer.status_code == 200 else ""

    async def health(self) -> dict[str, str]:
        """The checks of `/healthz`."""
        checks: dict[str, str] = (await self.http.get("/healthz")).json()["checks"]
        return checks

    def recordings(self) -> list[Path]:
        """The recorded files, oldest first."""
        with self.ledger.read() as session:
            rows = session.scalars(select(Recording).order_by(Recording.started_at)).all()
        return [self.data / "recordings" / row.path for row in rows]


@asynccontextmanager
async def whole_hub(
    ledger: Ledger, data: Path, *, record: bool = False, fanout: str = "plain", edges: str = ""
) -> AsyncIterator[WholeHub]:
    """A hub over the small market; with `record` an opening is going on, and its room is recorded."""
    hub_market.rooms(ledger)
    if record:
        hub_market.opening(ledger)
        hub_market.begin(ledger)
    config = HubConfig(
        ledger.url.render_as_string(hide_password=False), data, media_port=0, fanout=fanout, record=record, edges=edges,
        poll_seconds=0.05,
    )  # fmt: skip
    app = create_app(config)
    hub: Hub = app.state.hub
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 40000))
    async with (
        hub.running(),
        httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=30) as http,
    ):
        made = WholeHub(hub, http, ledger, data)
        try:
            yield made
        finally:
            for peer in made.peers:
                peer.vanish()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition; fails the test when it does not come true."""
    limit = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < limit, "it did not happen in time"
        await asyncio.sleep(0.02)


@dataclass
class Played:
    """What a player makes of a file.

    shown, numbers  when each picture is shown, in order, and the number it bears
    sound, loud     seconds of sound, and of the tone in it
    ends            where each track ends
    """

    shown: list[float]
    keys: list[float]
    numbers: list[int]
    sound: float
    loud: float
    ends: dict[str, float]


def play(data: bytes | Path) -> Played:
    """Demux and decode a file."""
    shown, keys, numbers = [], [], []
    ends: dict[str, float] = {}
    heard = loud = 0
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as file:
        for packet in file.demux():
            kind = packet.stream.type
            if packet.pts is not None:
                at = float(packet.pts * packet.time_base)
                ends[kind] = max(ends.get(kind, 0.0), at + float((packet.duration or 0) * packet.time_base))
                keys += [at] * (kind == "video" and packet.is_keyframe)
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    shown.append(frame.time)
                    numbers.append(number(frame))
                elif isinstance(frame, av.AudioFrame):
                    heard += frame.samples
                    loud += frame.samples * is_loud(frame)
    return Played(shown, keys, numbers, heard / 48_000, loud / 48_000, ends)


def number(frame: av.VideoFrame) -> int:
    """The number written into a picture."""
    top = frame.to_ndarray(format="gray")[4:12]
    return sum(int(top[:, 16 * bit + 4 : 16 * bit + 12].mean() > 120) << bit for bit in range(BITS))


def is_loud(frame: av.AudioFrame) -> bool:
    """Whether the tone sounds in it."""
    level = np.abs(frame.to_ndarray().astype(np.float64)).mean()
    return bool(level > (0.05 if "flt" in frame.format.name else 1600))


@dataclass
class Watched:
    """What somebody who watches by HLS gets: every whole segment, in runs between discontinuities."""

    runs: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    seconds: float = 0.0
    longest_part: float = 0.0

    @property
    def film(self) -> Played:
        """The only run there is."""
        assert len(self.runs) == 1, f"{len(self.runs)} runs"
        return play(self.runs[0])


class Viewer:
    """Watches a room by HLS for as long as it is entered."""

    def __init__(self, hub: WholeHub, room: str = ROOM, flavour: str = "opus") -> None:
        self.seen = Watched()
        self._get = lambda name: hub.http.get(f"/hls/{room}/{flavour}/{name}")
        self._done: set[str] = set()
        self._running = True

    async def __aenter__(self) -> Watched:
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0.05)  # the first request has begun the cutting
        return self.seen

    async def __aexit__(self, *_: object) -> None:
        self._running = False
        await self._task
        await self._look()

    async def _watch(self) -> None:
        while self._running:
            await self._look()
            await asyncio.sleep(0.01)

    async def _look(self) -> None:
        answer = await self._get("live.m3u8")
        if answer.status_code != 200:
            return
        head, breaks, seconds = "", False, 0.0
        for line in answer.text.splitlines():
            if found := re.match(r'#EXT-X-MAP:URI="(.+)"', line):
                head = found[1]
            elif line == "#EXT-X-DISCONTINUITY":
                breaks = True
            elif found := re.match(r"#EXT-X-PART:DURATION=([\d.]+)", line):
                self.seen.longest_part = max(self.seen.longest_part, float(found[1]))
            elif found := re.match(r"#EXTINF:([\d.]+)", line):
                seconds = float(found[1])
            elif line.endswith(".m4s") and line not in self._done:
                await self._take(line, head, breaks)
                self.seen.seconds += seconds
            if line.endswith(".m4s"):
                breaks = False

    async def _take(self, name: str, head: str, breaks: bool) -> None:
        numbers = [int(one.removesuffix(".m4s")) for one in self._done]
        assert not numbers or int(name.removesuffix(".m4s")) == max(numbers) + 1, "a segment was missed"
        self._done.add(name)
        if breaks or not self.seen.runs:
            self.seen.runs.append(b"")
        if not self.seen.runs[-1] or head not in self.seen.heads:
            self.seen.heads.append(head)
            self.seen.runs[-1] += (await self._get(head)).content
        self.seen.runs[-1] += (await self._get(name)).content
