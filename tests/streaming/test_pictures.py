"""A coded picture has one digest whichever way it comes: from the recording's file, over WebRTC, in a part of HLS."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import av
import pytest

from streaming import ffmpeg
from streaming.hls.fmp4 import AUDIO_TRACK, VIDEO_TRACK, Sample, Stretch, fragment
from streaming.recording import pictures
from streaming.recording.ledger import follow
from streaming.recording.mp4 import Mp4Follower
from tests.needed import needed
from tests.streaming.film import shoot

NODE = shutil.which("node")
SCRIPT = Path("streaming/site/static/pictures.js").resolve()
PARAMETERS = b"\x67\x42\xc0\x1f\x01", b"\x68\xce\x3c\x80"
DELIMITER = b"\x09\xf0"


def browser(kind: str, pieces: list[bytes]) -> list[bytes]:
    """What the script of the public site makes of each, hashed."""
    needed(NODE is not None, "node")
    code = f"""
      import {{ ofFrame, ofFragments }} from {json.dumps(SCRIPT.as_uri())};
      const pieces = JSON.parse(await new Response(process.stdin).text()).map((one) => new Uint8Array(Buffer.from(one, "base64")));
      const found = pieces.flatMap((one) => ({{ frame: (raw) => [ofFrame(raw)], fragments: ofFragments }})["{kind}"](one));
      console.log(JSON.stringify(found.map((one) => Buffer.from(one).toString("base64"))));
    """
    given = json.dumps([base64.b64encode(piece).decode() for piece in pieces])
    run = subprocess.run(
        [str(NODE), "--input-type=module", "-e", code],
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    coded = (base64.b64decode(one) for one in json.loads(run.stdout))
    return [hashlib.sha256(one).digest()[: pictures.SIZE] for one in coded]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shoot(tmp_path_factory.mktemp("film") / "film.mp4", 4)


@pytest.fixture(scope="module")
def recorded(film: Path) -> list[bytes]:
    """The digests of a film's pictures, from its pieces as they stand in the file."""
    found: list[bytes] = []
    with film.open("rb") as file:
        follower = follow("mp4", file)
        assert isinstance(follower, Mp4Follower)
        pieces = list(follower.pieces())
        for piece in pieces:
            raw = film.read_bytes()[piece.offset : piece.offset + piece.bytes]
            found += pictures.in_fragment(raw, follower.tracks)
    assert len(pieces) > 3 and len(found) == len(set(found)) == 100
    return found


def samples(film: Path) -> list[bytes]:
    """Its pictures as MP4 keeps them, read by somebody else."""
    with av.open(str(film)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def nals(sample: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        found.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def test_over_webrtc_whatever_stands_before_the_slices_and_behind(film: Path, recorded: list[bytes]) -> None:
    frames = []
    for number, sample in enumerate(samples(film)):
        start = (b"\0\0\0\1", b"\0\0\1")[number % 2]
        beside = [DELIMITER, *PARAMETERS] if number % 3 == 0 else []
        frames.append(b"".join(start + nal for nal in [*beside, *nals(sample)]) + bytes(number % 4))
    assert browser("frame", frames) == recorded


def test_in_parts_and_segments_of_hls(film: Path, recorded: list[bytes]) -> None:
    film_pictures, parts = samples(film), []
    for at in range(0, len(film_pictures), 7):
        sets = b"".join(len(one).to_bytes(4, "big") + one for one in PARAMETERS)
        shown = [Sample(sets + one, 3600, offset=at % 2) for one in film_pictures[at : at + 7]]
        sound = Stretch(AUDIO_TRACK, at, [Sample(b"\0\0\0\1\x65sound", 960)])
        parts.append(fragment(at, [Stretch(VIDEO_TRACK, at * 3600, shown), sound]))
    assert browser("fragments", parts) == recorded
    assert browser("fragments", [b"".join(parts)]) == recorded, "a whole segment holds its parts"


def test_any_other_picture_has_another_digest(film: Path, recorded: list[bytes]) -> None:
    sample = bytearray(samples(film)[10])
    sample[-2] ^= 1
    assert browser("frame", [b"".join(b"\0\0\0\1" + nal for nal in nals(bytes(sample)))])[0] not in recorded


def test_of_vp8_the_whole_picture(tmp_path: Path) -> None:
    film = tmp_path / "film.webm"
    coding = {"t": 3, "c:v": "libvpx", "deadline": "realtime", "g": 25, "c:a": "libopus", "live": 1, "cluster_time_limit": 1000, "f": "webm"}  # fmt: skip
    command = ffmpeg.draw_file(
        film, ffmpeg.moving_picture("320x180", 25), "anoisesrc=sample_rate=48000", coding
    )
    subprocess.run(command, check=True)
    found: list[bytes] = []
    with film.open("rb") as file:
        for piece in follow("webm", file).pieces():
            found += pictures.in_cluster(film.read_bytes()[piece.offset : piece.offset + piece.bytes])
    frames = samples(film)
    assert (
        found
        == [hashlib.sha256(frame).digest()[: pictures.SIZE] for frame in frames]
        == browser("frame", frames)
    )
    assert len(found) > 70
