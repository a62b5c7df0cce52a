"""A recording as the recorder leaves it: a file of moving pictures and sound, and its rows in the ledger."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

from records.ledger import Ledger
from records.tables.evidence import Recording
from streaming import ffmpeg
from streaming.recording import ledger as recordings

PIECES = "+frag_keyframe+empty_moov+default_base_moof+skip_trailer+frag_discont"


def shoot(path: Path, seconds: int, *, size: str = "320x180", gop: int = 25, between: int = 0) -> Path:
    """A fragmented MP4 of pictures and sounds that all differ; `between`: B-frames between two others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        ffmpeg.program(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-f", "lavfi",
        "-i", "anoisesrc=color=pink:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast",
        "-g", str(gop), "-bf", str(between), "-c:a", "libopus", "-movflags", PIECES, "-frag_duration", "2000000",
        "-f", "mp4", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return path


def keep(
    ledger: Ledger, data: Path, film: Path, opening: str, started_at: datetime, camera: str = "main"
) -> str:
    """Lay a film into the recordings of an opening; the id of its row."""
    name = f"{opening}-{camera}-{film.stem}"
    place = data / "recordings" / "hz-01" / f"{name}.mp4"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(film.read_bytes())
    row = Recording(
        id=name, session_id=opening, room_id="hz-01", camera=camera, path=f"hz-01/{name}.mp4", container="mp4",
        started_at=started_at,
    )  # fmt: skip
    with ledger.write() as session, place.open("rb") as file:
        recordings.add(session, row)
        recordings.append(session, name, recordings.take_whole("mp4", file, 0))
        recordings.close(session, name)
    return name
