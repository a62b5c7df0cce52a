"""Fragmented MP4 and live WebM: what is written can be played, what grows is read piece by piece."""

from __future__ import annotations

import base64
import io
import subprocess
from pathlib import Path

import av
import pytest

from streaming import ffmpeg
from streaming.hls.fmp4 import AUDIO_TRACK, VIDEO_TRACK, Sample, Stretch, box, fragment, head, opus_entry
from streaming.recording.mkv import MkvFollower
from streaming.recording.mp4 import Damaged, Mp4Follower, Piece, boxes, find, runs, tracks
from streaming.wire.h264 import Parameters

SPS = base64.b64decode("Z0LAHtoCgL/lwEQAAAMABAAAAwDKPFi6gA==")
PARAMETERS = Parameters(SPS, bytes.fromhex("68ce3c80"))
STILL, MOVED = b"\0\0\0\x05\x65abcd", b"\0\0\0\x05\x41abcd"
FORMATS = {
    "mp4": {
        "c:v": "libx264",
        "preset": "ultrafast",
        "movflags": "+frag_keyframe+empty_moov+default_base_moof+skip_trailer",
        "f": "mp4",
    },
    "webm": {
        "c:v": "libvpx",
        "deadline": "realtime",
        "cpu-used": 8,
        "live": 1,
        "cluster_time_limit": 1000,
        "cluster_size_limit": 16_000_000,
        "f": "webm",
    },
}


def samples(count: int, duration: int, first: bytes, later: bytes) -> tuple[Sample, ...]:
    return tuple(Sample(later if index else first, duration, key=index == 0) for index in range(count))


def written() -> list[bytes]:
    first = [
        Stretch(VIDEO_TRACK, 0, samples(7, 3600, STILL, MOVED)),
        Stretch(AUDIO_TRACK, 0, samples(14, 960, b"\xfc\xff\xfe", b"\xfc\xff\xfe")),
    ]
    second = [Stretch(VIDEO_TRACK, 25_200, samples(5, 3600, STILL, MOVED))]
    return [head(PARAMETERS, opus_entry()), fragment(1, first), fragment(2, second)]


def test_a_written_file_is_played_with_both_tracks() -> None:
    with av.open(io.BytesIO(b"".join(written()))) as file:
        assert [(s.type, s.codec_context.name) for s in file.streams] == [
            ("video", "h264"),
            ("audio", "opus"),
        ]
        assert (file.streams.video[0].width, file.streams.video[0].height) == (640, 360)
        # read out while the file is open: packets of a closed one point nowhere
        packets = [
            (packet.stream.type, bytes(packet), float(packet.pts * packet.time_base), packet.is_keyframe)
            for packet in file.demux()
            if packet.size
        ]
    video = [packet for packet in packets if packet[0] == "video"]
    assert [data for _, data, _, _ in video] == [STILL] + [MOVED] * 6 + [STILL] + [MOVED] * 4
    assert [moment for _, _, moment, _ in video] == pytest.approx([i * 0.04 for i in range(12)])
    assert [key for _, _, _, key in video] == [True] + [False] * 6 + [True] + [False] * 4
    assert len(packets) - len(video) == 14


def test_boxes_say_what_was_written() -> None:
    start, first, _ = written()
    found = tracks(find(start, b"moov") or b"")
    assert [(track.id, track.kind, track.timescale) for track in found.values()] == [
        (1, "vide", 90000),
        (2, "soun", 48000),
    ]
    moof = find(first, b"moof") or b""
    assert [(run.track, run.base, run.duration, run.samples, run.key) for run in runs(moof)] == [
        (1, 0, 25_200, 7, True),
        (2, 0, 13_440, 14, True),
    ]


def test_pieces_of_a_growing_file_come_once_and_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    parts = written()
    whole = b"".join(parts)
    found: list[Piece] = []
    with path.open("wb") as writer, path.open("rb") as reader:
        follower = Mp4Follower(reader)
        for at in range(0, len(whole), 13):
            writer.write(whole[at : at + 13])
            writer.flush()
            found += follower.pieces()
            assert follower.end <= at + 13
    sizes = [len(part) for part in parts]
    assert [piece.bytes for piece in found] == sizes
    assert [piece.offset for piece in found] == [0, sizes[0], sizes[0] + sizes[1]]
    assert [(piece.start, piece.seconds, piece.key) for piece in found[1:]] == [
        (0.0, 0.28, True),
        (0.28, 0.2, True),
    ]
    with path.open("rb") as again:
        assert list(Mp4Follower(again, found[0].bytes + found[1].bytes).pieces()) == found[2:]


def test_sound_alone_beside_a_slow_picture_counts_no_time_of_its_own(tmp_path: Path) -> None:
    sound = [
        Stretch(AUDIO_TRACK, at * 48_000, samples(100, 960, b"\xfc\xff\xfe", b"\xfc\xff\xfe"))
        for at in (0, 2, 4)
    ]
    picture = Stretch(VIDEO_TRACK, 0, samples(1, 450_000, STILL, MOVED))
    parts = [fragment(1, sound[:1]), fragment(2, sound[1:2]), fragment(3, [picture, sound[2]])]
    path = tmp_path / "a.mp4"
    path.write_bytes(head(PARAMETERS, opus_entry()) + b"".join(parts))
    with path.open("rb") as file:
        pieces = list(Mp4Follower(file).pieces())
    assert [(piece.start, piece.seconds) for piece in pieces] == [(0, 0), (0, 0), (2, 0), (0, 5)]


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_file_of_ffmpeg_is_covered_by_its_pieces_without_holes(container: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{container}"
    picture = ffmpeg.graph(("testsrc2", {"size": "320x180", "rate": 25, "duration": 4}))
    sound = ffmpeg.graph(("sine", {"duration": 4}))
    coding = {"g": 25, "c:a": "libopus", **FORMATS[container]}
    subprocess.run(ffmpeg.draw_file(path, picture, sound, coding), check=True, stdin=subprocess.DEVNULL)
    follower = Mp4Follower if container == "mp4" else MkvFollower
    with path.open("rb") as file:
        pieces = list(follower(file).pieces())
    assert pieces[0].offset == 0 and pieces[0].seconds == 0
    ends = [piece.offset + piece.bytes for piece in pieces]
    assert ends[:-1] == [piece.offset for piece in pieces[1:]]
    assert ends[-1] == path.stat().st_size
    assert len(pieces) >= 4
    assert sum(piece.seconds for piece in pieces) == pytest.approx(4, abs=0.3)
    assert all(piece.key for piece in pieces[1:])


@pytest.mark.parametrize("follower", [Mp4Follower, MkvFollower])
def test_what_is_no_such_file_is_refused(
    follower: type[Mp4Follower] | type[MkvFollower], tmp_path: Path
) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"\xff\xff\xff\xffthis is not a film at all, not at all")
    with path.open("rb") as file, pytest.raises(Damaged):
        list(follower(file).pieces())


def test_a_box_larger_than_its_parent_is_damage() -> None:
    with pytest.raises(Damaged):
        list(boxes(box(b"free", bytes(8))[:-1]))
