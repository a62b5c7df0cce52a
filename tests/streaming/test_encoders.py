"""Encoders of odd habits at the door: what the recording and HLS make of them, and what the operators hear."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from records import clock, control
from records.control import Order
from records.ledger import Ledger
from records.tables.evidence import Gap
from tests.streaming.encoder import (
    ROOM,
    Coded,
    Line,
    Viewer,
    WholeHub,
    pictures,
    play,
    sound,
    tone,
    whole_hub,
)

pytestmark = pytest.mark.server
AAC = ["a=rtpmap:97 mpeg4-generic/48000/2", "a=fmtp:97 mode=AAC-hbr;config=1190"]


def every(step: float, end: float, start: float = 0.0) -> list[float]:
    """Seconds from start to end."""
    return [start + step * index for index in range(round((end - start) / step))]


async def row(hub: WholeHub) -> dict[str, object]:
    """What the desk is told of the room."""
    token = control.sign(hub.hub.control._key, Order("desk", "look", "", True))
    answer = await hub.http.get("/control/rooms", headers={"Authorization": f"Bearer {token}"})
    return next(one for one in answer.json()["rooms"] if one["id"] == ROOM)


async def test_empty_packets_between_parameters_and_keyframe_end_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    film = pictures(every(0.04, 8))
    for coded in film:
        coded.nals = [part for nal in coded.nals for part in (nal, b"")]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(film, sound(0, 8))
        assert (await hub.health())["taps"] == "ok"
    numbers = seen.film.numbers
    assert numbers == list(range(len(numbers))) and len(numbers) >= 150
    (path,) = hub.recordings()
    assert play(path).numbers == list(range(200))


async def test_telephone_sound_is_in_the_recording_and_in_hls(ledger: Ledger, tmp_path: Path) -> None:
    voice = [Coded(index / 50, [data]) for index, data in enumerate(tone("PCMA", 8.0))]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish(audio=["a=rtpmap:8 PCMA/8000"])
        encoder.audio = Line(8, 0x2222, 8_000)
        async with Viewer(hub) as seen:
            await encoder.send(pictures(every(0.04, 8)), voice)
        assert seen.film.loud > 6
        told = await row(hub)
        assert told["audio"] == "OPUS"
        (notice,) = told["notices"]  # type: ignore[misc]
        assert notice["code"] == "audio_transcoded" and "PCMA" in notice["zh"] and not notice["grave"]
        assert (await hub.health())["publishers"] == "ok", "nothing is missing for anybody"
    (path,) = hub.recordings()
    assert play(path).loud > 7.5


async def test_sound_that_is_left_out_is_told_to_the_operators(ledger: Ledger, tmp_path: Path) -> None:
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish(audio=AAC)
        async with Viewer(hub) as seen:
            await encoder.send(pictures(every(0.04, 6)))
        assert set(seen.film.ends) == {"video"}
        health = await hub.health()
        assert "开标一室" in health["publishers"] and "MPEG4-GENERIC" in health["publishers"]
        assert "Opus" in health["publishers"]
        (notice,) = (await row(hub))["notices"]  # type: ignore[misc]
        assert notice["camera"] == ROOM and notice["grave"]
        assert (await hub.http.get(f"{encoder.location}/notices")).json()["notices"][0][
            "code"
        ] == "audio_dropped"
    (path,) = hub.recordings()
    assert set(play(path).ends) == {"video"}


# -- parameter sets that differ at each keyframe ---------------------------------------------------


def restamped(film: list[Coded], how: str) -> list[Coded]:
    """The same film with parameter sets whose bytes differ at each keyframe, as some encoders make them."""
    count = 0
    for coded in film:
        for index, nal in enumerate(coded.nals):
            if nal[0] & 31 == 7:
                count += 1
                coded.nals[index] = LEVELS[how](nal, count)
    return film


LEVELS = {
    # the level, which says no more than what a decoder must at least be able to do
    "level": lambda nal, count: nal[:3] + bytes((20 + count % 12,)) + nal[4:],
    # a flag among the constraints
    "flags": lambda nal, count: nal[:2] + bytes((nal[2] ^ (0x08 if count % 2 else 0),)) + nal[3:],
    # bits behind the end of what is written, which no decoder reads
    "tail": lambda nal, count: nal + bytes((count % 251 + 1, 0x80)),
}


@pytest.mark.parametrize("how", [*LEVELS, "quantiser"])
async def test_parameter_sets_that_differ_stay_in_one_file_and_one_time_line(
    ledger: Ledger, tmp_path: Path, how: str
) -> None:
    if how == "quantiser":  # real ones: another encoder run for every second, each with its own quantisers
        film = []
        for second in range(10):
            part = pictures(every(0.04, 1), qp=str(18 + second * 2))
            film += [Coded(coded.at + second, coded.nals) for coded in part]
    else:
        film = restamped(pictures(every(0.04, 10)), how)
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(film, sound(0, 10))
    cut, (path,) = seen.film, hub.recordings()
    kept = play(path)
    once = list(range(25)) * 10 if how == "quantiser" else list(range(250))
    assert kept.numbers == once and kept.loud > 9.5
    assert cut.numbers == once[: len(cut.numbers)] and len(cut.numbers) >= 200 and len(seen.heads) == 1


async def test_another_size_begins_a_new_file_and_a_discontinuity(ledger: Ledger, tmp_path: Path) -> None:
    film = pictures(every(0.04, 6))
    film += [Coded(coded.at + 6, coded.nals) for coded in pictures(every(0.04, 6), size=(176, 112))]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(film, sound(0, 12))
    assert len(seen.runs) == 2 and len(hub.recordings()) == 2
    assert [len(play(path).numbers) for path in hub.recordings()] == [150, 150]


# -- few pictures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1.0, 1.7, 5.0])
@pytest.mark.parametrize("voiced", [True, False], ids=["sound", "silent"])
async def test_slow_pictures_keep_their_time_and_the_sound_is_whole(
    ledger: Ledger, tmp_path: Path, step: float, voiced: bool
) -> None:
    times = every(step, 60)
    film = pictures(times, gop=2)
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish(**({} if voiced else {"audio": []}))
        async with Viewer(hub) as seen:
            await encoder.send(film, sound(0, 60) if voiced else ())
    cut, path = seen.film, hub.recordings()[-1]
    assert cut.numbers == list(range(len(cut.numbers))) and cut.shown[-1] >= times[-1] - 5 * step
    assert all(b - a == pytest.approx(step, abs=0.01) for a, b in pairwise(cut.shown))
    if voiced:
        assert cut.loud == pytest.approx(cut.ends["video"], rel=0.03), "whole but for what the haste mixes up"
    kept = play(path)
    assert kept.numbers == list(range(len(times))) and kept.shown[-1] == pytest.approx(times[-1], abs=0.3)
    assert kept.loud > 59 or not voiced


async def test_pictures_at_changing_pace(ledger: Ledger, tmp_path: Path) -> None:
    times = [*every(0.04, 4), *every(1.5, 13, 4), *every(0.1, 16, 13), 18.5, *every(0.04, 30, 20)]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(pictures(times), sound(0, 30))
    cut, (path,) = seen.film, hub.recordings()
    count = len(cut.numbers)
    assert cut.numbers == list(range(count)) and count > 250
    assert cut.shown == pytest.approx(times[:count], abs=0.01)
    assert cut.loud == pytest.approx(cut.ends["video"], abs=0.5)
    assert play(path).numbers == list(range(len(times)))


async def test_a_hole_in_the_picture_while_it_sounds(ledger: Ledger, tmp_path: Path) -> None:
    times = [*every(0.04, 6), *every(0.04, 24, 16)]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(pictures(times), sound(0, 24))
    cut, (path,) = seen.film, hub.recordings()
    assert cut.loud == pytest.approx(cut.ends["video"], abs=0.5) and cut.ends["video"] > 22
    assert seen.longest_part < 4.0, "who watches hears it while it lasts"
    fresh = [at for at, number in zip(cut.shown, cut.numbers, strict=True) if number >= 150]
    assert fresh[0] == pytest.approx(16, abs=1.05) and max(b - a for a, b in pairwise(cut.shown)) < 4
    kept = play(path)
    assert kept.numbers == list(range(len(times))) and kept.loud > 23
    assert kept.shown[150] == pytest.approx(16, abs=0.3)


async def test_a_hole_in_the_picture_of_a_source_with_few_keyframes(ledger: Ledger, tmp_path: Path) -> None:
    times = [*every(0.04, 6), *every(0.04, 24, 16)]
    async with whole_hub(ledger, tmp_path) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(pictures(times, gop=1000), sound(0, 24))
    cut = seen.film
    assert cut.numbers == list(range(len(cut.numbers))) and cut.shown[150] == pytest.approx(16, abs=0.01)
    assert cut.loud == pytest.approx(cut.ends["video"], abs=0.5)


async def test_a_hole_in_both_is_left_out(ledger: Ledger, tmp_path: Path) -> None:
    times = [*every(0.04, 6), *every(0.04, 24, 16)]
    async with whole_hub(ledger, tmp_path) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(pictures(times), sound(0, 6) + sound(16, 24))
    assert len(seen.runs) == 2 and seen.seconds < 16


@dataclass(frozen=True)
class Away:
    """When a source sends what (seconds), and the gaps the record of it must show."""

    film: list[float]
    voice: list[tuple[float, float]]
    gaps: list[tuple[float, float]]


SOURCES = {
    "slow": Away(every(5.0, 40), [], []),
    "slow, with sound": Away(every(5.0, 40), [(0, 40)], []),
    "of 0.4 pictures a second": Away(every(2.5, 30), [(0, 30)], []),
    "irregular": Away([0, 3, 7, 9, 14, 22, 26, 35], [(0, 36)], []),
    "without pictures for a while": Away([*every(0.04, 6), *every(0.04, 18, 12)], [(0, 18)], [(6, 12)]),
    "away": Away([*every(0.04, 6), *every(0.04, 18, 12)], [(0, 6), (12, 18)], [(6, 12)]),
    "away, silent": Away([*every(0.04, 6), *every(0.04, 18, 12)], [], [(6, 12)]),
    "slow and away": Away([*every(2.5, 20), *every(2.5, 50, 35)], [(0, 50)], [(17.5, 35)]),
}


@pytest.mark.parametrize("name", SOURCES)
async def test_a_gap_is_where_the_source_was_away_not_where_it_is_slow(
    ledger: Ledger, tmp_path: Path, name: str
) -> None:
    source, start = SOURCES[name], clock.now()
    voice = [coded for begin, end in source.voice for coded in sound(begin, end)]
    with clock.frozen_at(start) as place:
        async with whole_hub(ledger, tmp_path, record=True) as hub:
            encoder = await hub.publish(**({} if voice else {"audio": []}))
            film = pictures(source.film, gop=2 if name.startswith(("slow", "of", "irr")) else 25)
            await encoder.send(film, voice, lambda at: place(start + timedelta(seconds=at)))
    with ledger.read() as session:
        rows = session.scalars(select(Gap).order_by(Gap.started_at)).all()
        found = [(row.started_at, row.ended_at or start) for row in rows]
    times = [(begin - start).total_seconds() for gap in found for begin in gap]
    assert times == pytest.approx([at for gap in source.gaps for at in gap], abs=0.6)


# -- B-frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"bf": "1"}, {"bf": "3", "x264-params": "repeat-headers=1:scenecut=0:b-pyramid=normal:b-adapt=0"}],
)
async def test_b_frames_are_told_and_kept_whole(
    ledger: Ledger, tmp_path: Path, options: dict[str, str]
) -> None:
    film = pictures(every(0.04, 12), **options)
    assert [coded.at for coded in film] != sorted(coded.at for coded in film), "the encoder makes B-frames"
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish()
        async with Viewer(hub) as seen:
            await encoder.send(film, sound(0, 12))
            await until_told(hub)
        health = await hub.health()
        assert "开标一室" in health["publishers"] and "bframes=0" in health["publishers"]
        (told,) = (await row(hub))["notices"]  # type: ignore[misc]
        assert told["code"] == "b_frames" and "B 帧" in told["zh"]
        (notice,) = (await hub.http.get(f"{encoder.location}/notices")).json()["notices"]
        assert notice["code"] == "b_frames" and "switch B-frames off" in notice["remedy_en"]
        ended = await hub.http.delete(encoder.location)
        assert "B-frames" in ended.headers["sunbid-notice"]
        assert (await hub.health())["publishers"] == "ok"
    cut, (path,) = seen.film, hub.recordings()
    assert cut.numbers == list(range(len(cut.numbers))) and len(cut.numbers) >= 250
    assert cut.shown == sorted(cut.shown)
    assert all(b - a == pytest.approx(0.04, abs=0.001) for a, b in pairwise(cut.shown[60:]))
    assert cut.shown[60] == pytest.approx(2.4, abs=0.15)
    kept = play(path)
    assert kept.numbers == list(range(300)) and kept.shown == sorted(kept.shown)


async def until_told(hub: WholeHub) -> None:
    """The publisher is looked at once a second."""
    for _ in range(100):
        if (await hub.health())["publishers"] != "ok":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was told")
