"""Synthetic rooms on air: one ffmpeg a room draws the picture and publishes it over WHIP.

Encoded small and slow on purpose: the demonstration has to leave the machine to the rest of sunbid.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from sunbid.children import Command
from sunbid.demo import fonts, scene

RATE = 12
"""Pictures a second."""
TIME_ZONE = "CST-8"
"""Beijing time, in the notation that needs no time-zone files."""


@dataclass(frozen=True)
class OnAir:
    """A room to publish."""

    room: str
    title: str
    title_latin: str
    variant: int
    ticket: Callable[[], str]
    """Makes what opens the room once: ffmpeg takes it on its command line, where others can read it."""


def folder(data: Path) -> Path:
    """Where the pictures' parts are."""
    return data / "demo"


def stage_file(data: Path, room: str) -> Path:
    """The text on the big screen of a room; the script rewrites it at each step."""
    return folder(data) / f"{room}.txt"


def say(data: Path, room: str, words: str) -> None:
    """Change the text on the big screen, whole or not at all: ffmpeg reads it at any moment."""
    target = stage_file(data, room)
    partial = target.with_suffix(".part")
    partial.write_text(words, encoding="utf-8")
    partial.replace(target)


def command(data: Path, hub: str, on_air: OnAir) -> Command:
    """The process that publishes a room; draws its background first."""
    folder(data).mkdir(parents=True, exist_ok=True)
    background = folder(data) / f"{on_air.room}.png"
    scene.draw(background, on_air.variant, on_air.title, on_air.title_latin)
    say(data, on_air.room, " ")
    clock = folder(data) / "clock.txt"
    clock.write_text("%{localtime:%Y-%m-%d %H\\:%M\\:%S.%3N}", encoding="utf-8")
    graph = _graph(data, on_air.room, background, clock)
    return Command(
        name=on_air.room,
        argv=lambda: (
            imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-loglevel", "error", "-nostdin",
            "-re", "-f", "lavfi", "-i", graph,
            "-re", "-f", "lavfi", "-i", f"sine=frequency={196 + 24 * on_air.variant}:sample_rate=48000,volume=0.02",
            "-map", "0:v", "-map", "1:a",
            "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline",
            "-pix_fmt", "yuv420p", "-color_range", "tv", "-colorspace", "bt709",
            "-color_primaries", "bt709", "-color_trc", "bt709", "-threads", "1", "-bf", "0", "-g", str(RATE), "-keyint_min", str(RATE),
            "-b:v", "500k", "-maxrate", "700k", "-bufsize", "700k",
            "-c:a", "libopus", "-ac", "2", "-b:a", "24k", "-compression_level", "0",
            "-f", "whip", "-authorization", on_air.ticket(), f"{hub}/whip/{on_air.room}",
        ),
        follows="hub",
        env={"TZ": TIME_ZONE},
        end_signal=signal.SIGKILL,
    )  # fmt: skip


def _graph(data: Path, room: str, background: Path, clock: Path) -> str:
    """The picture once decoded, then only the two texts are drawn on it."""
    digits = _quoted(fonts.clock_font(folder(data)))
    words = _quoted(fonts.chinese_font() or fonts.clock_font(folder(data)))
    return ",".join(
        (
            f"movie={_quoted(background)}",
            "scale=out_range=tv:out_color_matrix=bt709",
            "format=yuv420p",
            "loop=loop=-1:size=1",
            f"setpts=N/({RATE}*TB)",
            f"fps={RATE}",
            f"drawtext=fontfile={digits}:textfile={_quoted(clock)}:fontsize=24:fontcolor=white:x=240:y=120",
            f"drawtext=fontfile={words}:textfile={_quoted(stage_file(data, room))}:reload={RATE // 3}:expansion=none"
            ":fontsize=30:fontcolor=0xF2A900:x=240:y=160",
        )
    )


def _quoted(path: Path) -> str:
    """A path inside a filter graph: quoted for the graph, its colons and quotes for the option."""
    inner = str(path.resolve()).replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\:")
    return "'" + inner.replace("'", "'\\''") + "'"
