"""Captions 字幕 of a replay as WebVTT, made of the events: what the text log says, at the second it was said."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from streaming.replay.reels import Camera
from streaming.site.render import sentence

LONGEST = 8.0
"""Seconds a caption stands where the next is long in coming."""
SHORTEST = 0.05
"""Seconds; of events told at once the last is seen."""

Message = Mapping[str, Any]
Cue = tuple[float, float, str]
"""From and to, seconds of the movie, and what it says."""


def captions(camera: Camera, reel: int, events: Sequence[Message], lang: str, currency: str) -> str:
    """The captions of one movie of a camera; events of spans that are left out have none."""
    return webvtt(_cues(camera, reel, events, lang, currency))


def webvtt(cues: Iterable[Cue]) -> str:
    """Cues as a file (W3C WebVTT); a cue has one line."""
    lines = ["WEBVTT", ""]
    for start, end, text in cues:
        said = html.escape(text, quote=False).replace("\n", " ")
        lines += [f"{_clock(start)} --> {_clock(end)}", said, ""]
    return "\n".join(lines)


def _cues(camera: Camera, reel: int, events: Sequence[Message], lang: str, currency: str) -> list[Cue]:
    cues: list[Cue] = []
    for message in events:
        moment = datetime.fromisoformat(str(message["ts"]))
        stretch = camera.place(moment)
        if stretch is None or stretch.reel != reel:
            continue
        start = stretch.at + (moment - stretch.start).total_seconds()
        while cues and cues[-1][0] > start - SHORTEST:
            cues.pop()
        if cues:
            cues[-1] = (cues[-1][0], min(cues[-1][1], start), cues[-1][2])
        end = max(start + SHORTEST, min(start + LONGEST, stretch.at + stretch.seconds))
        cues.append((start, end, sentence(message, lang, currency)))
    return cues


def _clock(seconds: float) -> str:
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}.{millis % 1000:03}"
