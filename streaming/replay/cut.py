"""The cut of a recording for its replay: the opening from its beginning to its end, without what the public was not shown.

Left out are the pauses of the opening and what operators had covered, picture and sound, and the sound while they had
muted it. What is left out is decided once, when the opening is over, and kept beside the recordings (`Cuts`): the
operators' switches are remembered for a while only, the recordings for years.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evidence.files import write_whole
from records import chain
from streaming.live.covers import Cover, forgotten, withheld

SLACK = 1.0
"""Seconds left out before and behind a cover: times of pictures are those of their source, told apart by arrival."""
DRIFT = 1e-4
"""Seconds more for each second of the file: clocks of encoders differ from ours by no more than 100 ppm."""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Span:
    """A span of an opening that is not shown again, and why: paused, covered or unknown."""

    start: datetime
    end: datetime
    why: str
    reason: str = ""
    """As the host or the operators gave it."""


@dataclass(frozen=True)
class Cut:
    """What of one opening may be shown again: from `start` to `end` but for `hidden`; without sound in `muted`."""

    opening: str
    start: datetime
    end: datetime
    hidden: tuple[Span, ...] = ()
    muted: tuple[Span, ...] = ()


def cut(opening: Mapping[str, Any], events: Sequence[Message], cover: Cover, damaged: bool = False) -> Cut:
    """The cut of an opening that is over; `told` are its public events, `damaged` that the operators' switches are lost.

    Where switches of the time are forgotten, everything is left out: nobody knows what was to be hidden.
    """
    name = str(opening["id"])
    start, end = (datetime.fromisoformat(str(opening[key])) for key in ("started_at", "ended_at"))
    if damaged or forgotten(cover, start):
        return Cut(name, start, end, (Span(start, end, "unknown"),))
    hidden = [*_pauses(events, end), *_covered(cover, "slate", start, end)]
    hidden.sort(key=lambda span: (span.start, span.end))
    return Cut(name, start, end, tuple(hidden), tuple(_covered(cover, "mute", start, end)))


def _pauses(events: Sequence[Message], end: datetime) -> Iterator[Span]:
    begun: Message | None = None
    for message in events:
        if message["type"] == "paused":
            begun = begun or message
        elif begun is not None and message["type"] in ("resumed", "ended"):
            yield _pause(begun, _moment(message))
            begun = None
    if begun is not None:
        yield _pause(begun, end)


def _pause(begun: Message, end: datetime) -> Span:
    return Span(_moment(begun), end, "paused", str(begun["payload"].get("reason") or ""))


def _moment(message: Message) -> datetime:
    return datetime.fromisoformat(str(message["ts"]))


def _covered(cover: Cover, act: str, start: datetime, end: datetime) -> Iterator[Span]:
    for begin, until, reason in withheld(cover, act, start, end):
        yield Span(begin, until, "covered", reason)


Interval = tuple[float, float]
"""Seconds of a file's time line, from and to."""


def shown(cut: Cut, started_at: datetime) -> list[Interval]:
    """What of a recording that began at `started_at` may be shown, in seconds of its time line."""
    begin, end = ((moment - started_at).total_seconds() for moment in (cut.start, cut.end))
    return without([(max(0.0, begin), end)], covered(cut.hidden, started_at))


def without(wholes: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Intervals with others taken out of them."""
    left = list(wholes)
    for hole in holes:
        left = [part for whole in left for part in _without(whole, hole)]
    return [(a, b) for a, b in left if a < b]


def covered(spans: Iterable[Span], started_at: datetime) -> list[Interval]:
    """Spans in seconds of a recording's time line, widened by what its times may be wrong."""
    found = []
    for span in spans:
        a, b = ((moment - started_at).total_seconds() for moment in (span.start, span.end))
        found.append((a - _slack(a), b + _slack(b)))
    return found


def _slack(seconds: float) -> float:
    return SLACK + DRIFT * max(0.0, seconds)


def _without(whole: Interval, hole: Interval) -> list[Interval]:
    return [(whole[0], min(whole[1], hole[0])), (max(whole[0], hole[1]), whole[1])]


class Cuts:
    """The cuts of all openings that are over, a small file each: once written it is not written again."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "replays"

    def get(self, opening_id: str) -> Cut | None:
        """The cut of an opening, None where it has not been decided. ValueError where its file is damaged."""
        path = self._path(opening_id)
        if not path.exists():
            return None
        held = json.loads(path.read_text(encoding="utf-8"))
        hidden, muted = (tuple(_span(span) for span in held[key]) for key in ("hidden", "muted"))
        start, end = (datetime.fromisoformat(held[key]) for key in ("start", "end"))
        return Cut(held["opening"], start, end, hidden, muted)

    def keep(self, cut: Cut) -> None:
        """Write a cut for good: it stands on the disk when this returns. OSError where it cannot."""
        text = json.dumps(asdict(cut), ensure_ascii=False, indent=1, default=chain.stamp)
        write_whole(self._path(cut.opening), text.encode(), once=True)

    def _path(self, opening_id: str) -> Path:
        return self._folder / f"{hashlib.sha256(opening_id.encode()).hexdigest()[:32]}.json"


def _span(ends: Mapping[str, str]) -> Span:
    start, end = (datetime.fromisoformat(ends[key]) for key in ("start", "end"))
    return Span(start, end, ends["why"], ends["reason"])
