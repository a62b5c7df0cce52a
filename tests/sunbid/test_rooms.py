"""Synthetic rooms: the picture and the words on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from sunbid.demo import fonts, rooms, scene

ON_AIR = rooms.OnAir("hz-01", "市本级 开标一室", "City level · Opening room 1", 0, lambda: "ticket")


def frame(data: Path, target: Path) -> Image.Image:
    """One picture of the room as its ffmpeg would publish it."""
    command = rooms.command(data, "http://127.0.0.1:9", ON_AIR)
    assert callable(command.argv), "made anew at each start"
    argv = list(command.argv())
    argv = [*argv[: argv.index("-map")], "-map", "0:v", "-frames:v", "1", "-y", str(target)]
    subprocess.run(argv, env={**os.environ, **command.env}, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return Image.open(target).convert("RGB")


def white_points(picture: Image.Image) -> int:
    """Bright points where the clock is drawn on the dark screen."""
    return sum(picture.crop((238, 116, 600, 146)).convert("L").histogram()[200:])


def test_the_room_has_its_size_a_clock_and_room_for_words(tmp_path: Path) -> None:
    picture = frame(tmp_path, tmp_path / "one.png")
    assert picture.size == (scene.WIDTH, scene.HEIGHT)
    assert white_points(picture) > 300


def test_a_folder_name_with_quotes_colons_and_blanks_works(tmp_path: Path) -> None:
    odd = tmp_path / "it's a: test, [1]; 阳光"
    assert frame(odd, tmp_path / "two.png").size == (scene.WIDTH, scene.HEIGHT)


def test_words_change_whole(tmp_path: Path) -> None:
    rooms.folder(tmp_path).mkdir()
    rooms.say(tmp_path, "hz-01", "唱标 1/280")
    rooms.say(tmp_path, "hz-01", "唱标 2/280")
    assert rooms.stage_file(tmp_path, "hz-01").read_text(encoding="utf-8") == "唱标 2/280"
    assert not list(rooms.folder(tmp_path).glob("*.part"))


def test_a_machine_without_fonts_still_gets_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "LATIN", ())
    monkeypatch.setattr(fonts, "CHINESE", ())
    picture = frame(tmp_path, tmp_path / "three.png")
    assert (rooms.folder(tmp_path) / "clock.ttf").exists()
    assert white_points(picture) > 200


def test_no_start_of_a_room_shows_what_opens_it_twice(tmp_path: Path) -> None:
    """ffmpeg's command line is read by everybody on the machine."""
    tickets = iter(("first", "second"))
    on_air = rooms.OnAir("hz-01", "开标一室", "Opening room 1", 0, lambda: next(tickets))
    command = rooms.command(tmp_path, "http://127.0.0.1:9", on_air)
    assert callable(command.argv)
    assert "first" in command.argv() and "second" in command.argv()
