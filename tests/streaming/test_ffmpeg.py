"""ffmpeg's commands: built in one place, the output last, and nothing said twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streaming import ffmpeg

ROOT = Path(__file__).parents[2]
PICTURE = ffmpeg.moving_picture("320x180", 12)
BUILT_ELSEWHERE = re.compile(
    r"imageio_ffmpeg|^\s*import ffmpeg\b|\blavfi\b|[\"' ]-(c:v|c:a|bsf:v|f)[ \"']", re.M
)
COMMANDS = {
    "recording": (ffmpeg.recording("mp4", Path("a.mp4"), 2.0), "a.mp4"),
    "webm": (ffmpeg.recording("webm", Path("a.webm"), 2.0), "a.webm"),
    "camera": (
        ffmpeg.camera("sap://127.0.0.1:5000", ("rtsp", "tcp"), transcode=False),
        "sap://127.0.0.1:5000",
    ),
    "coded": (ffmpeg.camera("sap://127.0.0.1:5000", ("rtsp", "tcp"), transcode=True), "sap://127.0.0.1:5000"),
    "publish": (ffmpeg.publish("http://hub/whip/a", "token", PICTURE), "http://hub/whip/a"),
    "file": (ffmpeg.draw_file(Path("a.mkv"), PICTURE, ffmpeg.TONE, ffmpeg.LIVE_OPUS), "a.mkv"),
    "play": (ffmpeg.play_by_whip(Path("a.mkv"), "http://hub/whip/a"), "http://hub/whip/a"),
    "decode": (ffmpeg.decode(Path("a.mp4")), "-"),
}


def value(command: list[str], option: str) -> str:
    """What follows an option that stands once."""
    assert command.count(option) == 1, command
    return command[command.index(option) + 1]


def test_no_command_is_built_elsewhere() -> None:
    """No other file names the program, its bindings or its options."""
    sources = [
        path
        for folder in ("sunbid", "streaming", "benchmarks", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    here = {ROOT / "streaming" / "ffmpeg.py", Path(__file__)}
    found = [path for path in sources if path not in here and BUILT_ELSEWHERE.search(path.read_text("utf-8"))]
    assert not found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_program_comes_first_and_the_output_last(name: str) -> None:
    command, output = COMMANDS[name]
    assert command[0] == ffmpeg.program() and command[-1] == output


def test_a_recording_is_copied_into_pieces_that_never_change_and_replaces_no_file() -> None:
    command = ffmpeg.recording("mp4", Path("a.mp4"), 0.5)
    assert value(command, "-c") == "copy" and value(command, "-map") == "0" and "-n" in command
    assert value(command, "-frag_duration") == "500000" and value(command, "-flush_packets") == "1"
    assert {"frag_keyframe", "empty_moov", "default_base_moof"} <= {
        *value(command, "-movflags")[1:].split("+")
    }
    assert command.index("-copyts") < command.index("-i") < command.index("-bsf:v")
    assert value(ffmpeg.recording("webm", Path("a.webm"), 0.5), "-cluster_time_limit") == "500"


def test_a_camera_is_passed_on_unless_its_pictures_may_be_coded_anew() -> None:
    plain, coded = (
        ffmpeg.camera("sap://127.0.0.1:5000", ("rtsp", "tcp"), transcode=transcode)
        for transcode in (False, True)
    )
    assert (value(plain, "-c:v"), value(coded, "-c:v")) == ("copy", "libx264")
    assert value(coded, "-bf") == "0" and "-vf" not in plain
    assert [plain[at + 1] for at, option in enumerate(plain) if option == "-map"] == ["0:v:0", "0:a:0?"]


def test_what_a_caller_says_of_the_coding_stands_in_place_of_the_usual() -> None:
    command = ffmpeg.publish("http://hub/whip/a", None, PICTURE, coding={"profile:v": "high"})
    assert value(command, "-profile:v") == "high" and "-authorization" not in command


def test_paths_in_filter_graphs_are_quoted_twice() -> None:
    assert ffmpeg.quoted(Path("/it's: here")) == r"'/it\'\''s\: here'"
