"""A recording as the recorder leaves it: a file of moving pictures and sound, and its rows in the ledger."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from records.clock import frozen_at, now
from records.ledger import Ledger
from records.tables.evidence import Recording
from streaming import ffmpeg
from streaming.recording import ledger as recordings
from tests.streaming import hub_market as market

NOISE = "anoisesrc=color=pink:sample_rate=48000"
PIECES = "+frag_keyframe+empty_moov+default_base_moof+skip_trailer+frag_discont"


def shoot(path: Path, seconds: int, *, size: str = "320x180", gop: int = 25, between: int = 0) -> Path:
    """A fragmented MP4 of pictures and sounds that all differ; `between`: B-frames between two others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coding = {
        "t": seconds, "c:v": "libx264", "preset": "ultrafast", "g": gop, "bf": between, "c:a": "libopus",
        "movflags": PIECES, "frag_duration": 2_000_000, "f": "mp4",
    }  # fmt: skip
    command = ffmpeg.draw_file(path, ffmpeg.moving_picture(size, 25), NOISE, coding)
    subprocess.run(command, check=True)
    return path


def shoot_webm(path: Path, seconds: int, *, size: str = "320x180", gop: int = 25, rate: int = 25) -> Path:
    """The same in VP8, as the recorder writes it; `rate` in pictures a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coding = {
        "t": seconds, "c:v": "libvpx", "deadline": "realtime", "cpu-used": 8, "g": gop, "c:a": "libopus",
        "live": 1, "cluster_time_limit": 2000, "cluster_size_limit": 16_000_000, "f": "webm",
    }  # fmt: skip
    subprocess.run(ffmpeg.draw_file(path, ffmpeg.moving_picture(size, rate), NOISE, coding), check=True)
    return path


def keep(
    ledger: Ledger, data: Path, film: Path, opening: str, started_at: datetime, camera: str = "main"
) -> str:
    """Lay a film into the recordings of an opening; the id of its row."""
    name, kind = f"{opening}-{camera}-{film.stem}", film.suffix.removeprefix(".")
    place = data / "recordings" / "hz-01" / f"{name}.{kind}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(film.read_bytes())
    row = Recording(
        id=name, session_id=opening, room_id="hz-01", camera=camera, path=f"hz-01/{name}.{kind}", container=kind,
        started_at=started_at,
    )  # fmt: skip
    with ledger.write() as session, place.open("rb") as file:
        recordings.add(session, row)
        recordings.append(session, name, recordings.take_whole(kind, file, 0))
        recordings.close(session, name)
    return name


def replayed(ledger: Ledger, data: Path, film: Path, count: int, key: str = "O9") -> datetime:
    """An opening of an hour ago, recorded by both cameras, paused from second 6 to 8 and read from second 9 on, a bid each
    tenth of a second; when it was recorded from."""
    start = now().replace(microsecond=0) - timedelta(hours=1)
    with frozen_at(start - timedelta(hours=1)) as put:
        market.opening(ledger, key, room="hz-02", at=start, title="示例学校二标段")
        for camera in ("main", "far"):
            keep(ledger, data, film, key, start, camera)
        put(start + timedelta(seconds=1))
        market.begin(ledger, key, count=count)
        market.event(ledger, key, "coefficient_drawn", kind="浮动系数", value="0.97")
        put(start + timedelta(seconds=6))
        market.event(ledger, key, "paused", reason="设备故障")
        put(start + timedelta(seconds=8))
        market.event(ledger, key, "resumed")
        for number in range(1, count + 1):
            put(start + timedelta(seconds=9 + number / 10))
            market.read(ledger, key, number)
        market.event(ledger, key, "objection", no=1, content="解密截止以哪个时钟为准？")
        market.event(ledger, key, "objection_answered", no=1, answer="以国家标准时间为准。")
        put(start + timedelta(seconds=18))
        market.event(ledger, key, "record_confirmed", rows=count)
        market.event(ledger, key, "ended", result="opened")
    return start
