"""Synthetic rooms on air: one ffmpeg a room draws the picture and publishes it over WHIP.

Encoded small and slow on purpose: the demonstration has to leave the machine to the rest of sunbid.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streaming import ffmpeg
from sunbid.demo import fonts, scene
from sunbid.processes.child import Command

RATE = 12
"""Pictures a second."""
TIME_ZONE = "CST-8"
"""Beijing time, in the notation that needs no time-zone files."""
GIVES_WAY = 19
"""The pictures of the demonstration are made on the machine that is demonstrated, real cameras make theirs elsewhere: what
serves people goes first."""
CODING: ffmpeg.Options = {
    "color_range": "tv",
    "colorspace": "bt709",
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "threads": 1,
    "g": RATE,
    "keyint_min": RATE,
    "b:v": "500k",
    "maxrate": "700k",
    "bufsize": "700k",
    "b:a": "24k",
    "compression_level": 0,
}
"""A keyframe a second, and as little work as the encoders know."""


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
    picture = _picture(data, on_air.room, background, clock)
    return Command(
        name=on_air.room,
        argv=lambda: ffmpeg.publish(
            f"{hub}/whip/{on_air.room}", on_air.ticket(), picture, _tone(on_air.variant), CODING
        ),
        follows="hub",
        env={"TZ": TIME_ZONE},
        end_signal=signal.SIGKILL,
        niceness=GIVES_WAY,
    )  # fmt: skip


def _picture(data: Path, room: str, background: Path, clock: Path) -> str:
    """The background decoded once, then only the two texts are drawn on it."""
    digits = fonts.clock_font(folder(data))
    words = fonts.chinese_font() or digits
    return ffmpeg.graph(
        ("movie", {"filename": ffmpeg.quoted(background)}),
        ("scale", {"out_range": "tv", "out_color_matrix": "bt709"}),
        ("format", {"pix_fmts": "yuv420p"}),
        ("loop", {"loop": -1, "size": 1}),
        ("setpts", {"expr": f"N/({RATE}*TB)"}),
        ("fps", {"fps": RATE}),
        ("drawtext", {**_text(digits, clock, 120), "fontsize": 24, "fontcolor": "white"}),
        (
            "drawtext",
            {
                **_text(words, stage_file(data, room), 160),
                "reload": RATE // 3,
                "expansion": "none",
                "fontsize": 30,
                "fontcolor": "0xF2A900",
            },
        ),
    )


def _text(font: Path, file: Path, height: int) -> ffmpeg.Options:
    return {"fontfile": ffmpeg.quoted(font), "textfile": ffmpeg.quoted(file), "x": 240, "y": height}


def _tone(variant: int) -> str:
    return ffmpeg.graph(
        ("sine", {"frequency": 196 + 24 * variant, "sample_rate": 48_000}), ("volume", {"volume": 0.02})
    )
