"""CPU per recorded room, and the seconds of video lost at kill -9 of ffmpeg and of the hub.

One synthetic camera (H.264 720p25, about 1 Mbit/s, and Opus) is shown in every room. Counted are the
recording process, less what it spends on receiving the camera, and the ffmpegs it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.studio import Studio
from messages import local
from records.ledger import Ledger
from records.serving.workers import Workers
from records.tables.evidence import Recording, Segment
from streaming.recording.recorder import Recorder, RecorderConfig

ROOM = "room-0"
READY_SECONDS = 30.0
AFTERMATH_SECONDS = 1.0
"""What the ffmpegs of a killed hub get to close their files."""


def main(argv: list[str] | None = None) -> int:
    """Run the measurement; prints figures, with --json also one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench record", description=__doc__)
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--host", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.host:
        asyncio.run(_host(arguments.host[0], Path(arguments.host[1])))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_measure(Path(folder) / "a", arguments.rooms, arguments.seconds))
        print("… kill -9", file=sys.stderr, flush=True)
        result["lost_hub_s"] = _lost_with_hub(Path(folder) / "b")
    result["lost_s"] = max(result["lost_ffmpeg_s"], result["lost_hub_s"])
    print(f"CPU per recorded room  {result['cpu_per_room']:.2%} of a core ({arguments.rooms} rooms)")
    print(f"lost at kill -9        ffmpeg {result['lost_ffmpeg_s']:.2f} s, hub {result['lost_hub_s']:.2f} s")
    if arguments.json:
        print(json.dumps(result))
    return 0


def _ledger(folder: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.upgrade()
    return ledger


def _recorder(studio: Studio, ledger: Ledger, folder: Path) -> Recorder:
    return Recorder(
        studio, ledger, RecorderConfig(folder), lambda room: "s" if studio.publishing else None, Workers()
    )


async def _measure(folder: Path, rooms: int, seconds: float) -> dict[str, Any]:
    studio = Studio([f"room-{number}" for number in range(rooms)])
    ledger = _ledger(folder)
    recorder = _recorder(studio, ledger, folder)
    await studio.on(size="1280x720", bitrate="1M")
    print("… camera alone", file=sys.stderr, flush=True)
    await asyncio.sleep(2)
    alone = await _share([os.getpid()], seconds / 2)
    print("… recording", file=sys.stderr, flush=True)
    await recorder.start()
    await _until(lambda: sum(status.bytes > 0 for status in recorder.status().values()) == rooms)
    pids = [status.pid for status in recorder.status().values() if status.pid]
    share = await _share([os.getpid(), *pids], seconds)
    lost = await _lost_with_ffmpeg(recorder, ledger)
    await studio.off()
    await recorder.stop()
    ledger.close()
    return {"cpu_per_room": round(max(0.0, share - alone) / rooms, 5), "rooms": rooms, "lost_ffmpeg_s": lost}


async def _share(pids: list[int], seconds: float) -> float:
    """Cores used by some processes over a while."""
    before, start = sum(map(_cpu, pids)), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(map(_cpu, pids)) - before) / (time.monotonic() - start)


def _cpu(pid: int) -> float:
    """Seconds of CPU a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _until(condition: Any) -> None:
    limit = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(local("bench.recording_did_begin_time"))
        await asyncio.sleep(0.1)


async def _lost_with_ffmpeg(recorder: Recorder, ledger: Ledger) -> float:
    """Kill one ffmpeg; seconds between the last whole piece of its file and the first of the next."""
    before = recorder.status()[ROOM]
    assert before.pid is not None and before.recording_id is not None
    os.kill(before.pid, signal.SIGKILL)

    def gone_on() -> bool:
        status = recorder.status()[ROOM]
        return status.recording_id not in (None, before.recording_id) and status.bytes > 50_000

    await _until(gone_on)
    with ledger.read() as session:
        last = session.scalars(
            select(Segment).where(Segment.recording_id == before.recording_id).order_by(Segment.seq.desc())
        ).first()
        following = session.get_one(Recording, recorder.status()[ROOM].recording_id)
        assert last is not None
        lost = following.started_at.timestamp() - last.started_at.timestamp() - last.seconds
    return round(max(0.0, lost), 3)


def _lost_with_hub(folder: Path) -> float:
    """Kill a recording process; seconds between the kill and the end of what the next one finds."""
    ledger = _ledger(folder)
    killed = kill_host(str(ledger.url), folder, after_bytes=1_000_000)
    asyncio.run(_recover(ledger, folder))
    with ledger.read() as session:
        ended = session.scalars(select(Recording.ended_at)).one()
    ledger.close()
    assert ended is not None
    return round(max(0.0, killed - ended.timestamp()), 3)


async def _recover(ledger: Ledger, folder: Path) -> None:
    recorder = _recorder(Studio([ROOM]), ledger, folder)
    await recorder.start()
    await recorder.stop()


def kill_host(url: str, folder: Path, after_bytes: int) -> float:
    """Record in a process of its own until its file holds `after_bytes`, then kill -9 it; returns when."""
    command = [sys.executable, "-m", "benchmarks.record", "--host", url, str(folder)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root
    ) as host:
        assert host.stdout is not None
        camera = 0
        for line in host.stdout:
            marker, *figures = line.split()
            if marker != "written":
                continue
            camera = int(figures[1])
            if int(figures[0]) >= after_bytes:
                break
        host.kill()
        killed = time.time()
    if camera:
        os.kill(camera, signal.SIGKILL)
    time.sleep(AFTERMATH_SECONDS)
    return killed


async def _host(url: str, folder: Path) -> None:
    """The process that is killed: records one room and says how many bytes are safe."""
    studio = Studio([ROOM])
    recorder = _recorder(studio, Ledger(url), folder)
    await recorder.start()
    await studio.on()
    while True:
        await asyncio.sleep(0.1)
        status = recorder.status().get(ROOM)
        print("written", status.bytes if status else 0, studio.pid, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
