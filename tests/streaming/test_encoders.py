"""Encoders of odd habits at the door: what the recording and HLS make of them, and what the operators hear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from records import control
from records.control import Order
from records.ledger import Ledger
from tests.streaming.encoder import (
    ROOM,
    Coded,
    Encoder,
    Line,
    WholeHub,
    pictures,
    play,
    shelf,
    sound,
    tone,
    until,
    whole_hub,
)

pytestmark = pytest.mark.server
AAC = ["a=rtpmap:97 mpeg4-generic/48000/2", "a=fmtp:97 mode=AAC-hbr;config=1190"]


def every(step: float, end: float, start: float = 0.0) -> list[float]:
    """Seconds from start to end."""
    return [start + step * index for index in range(round((end - start) / step))]


async def watched(hub: WholeHub, encoder: Encoder, film: list[Coded], voice: list[Coded]) -> str:
    """Send while somebody watches by HLS; the playlist at the end."""
    asking = asyncio.create_task(hub.hls())
    await until(lambda: ROOM in hub.hub.services.parts["hls"]._server.status())  # type: ignore[attr-defined]
    await encoder.send(film, voice)
    assert await asking, "the first request is answered"
    return await hub.hls()


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
        playlist = await watched(hub, encoder, film, sound(0, 8))
        cut = play(await shelf(hub, playlist))
        assert (await hub.health())["taps"] == "ok"
    assert cut.numbers == list(range(len(cut.numbers))) and len(cut.numbers) >= 150
    (path,) = hub.recordings()
    assert play(path).numbers == list(range(200))


async def test_telephone_sound_is_in_the_recording_and_in_hls(ledger: Ledger, tmp_path: Path) -> None:
    voice = [Coded(index / 50, [data]) for index, data in enumerate(tone("PCMA", 8.0))]
    async with whole_hub(ledger, tmp_path, record=True) as hub:
        encoder = await hub.publish(audio=["a=rtpmap:8 PCMA/8000"])
        encoder.audio = Line(8, 0x2222, 8_000)
        playlist = await watched(hub, encoder, pictures(every(0.04, 8)), voice)
        assert play(await shelf(hub, playlist)).loud > 6
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
        playlist = await watched(hub, encoder, pictures(every(0.04, 6)), [])
        assert set(play(await shelf(hub, playlist)).ends) == {"video"}
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
