"""A file of releases, one a line: every indicator counted over it, in parts by as many processes as there are cores."""

from __future__ import annotations

import os
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from messages import Invalid, Message
from supervision.flags.indicator import Currency, Flags, Indicator
from supervision.flags.many_processes import (
    DisqualifiedBids,
    Gaps,
    HeavilyDiscounted,
    ManyTrades,
    OfGaps,
    PriceClose,
    UnsuccessfulBids,
)
from supervision.flags.one_process import (
    AllOthersDisqualified,
    IdenticalPrices,
    LateBid,
    LowestDisqualified,
    ShortPeriod,
    SingleBid,
)
from supervision.flags.release import Release, read_release
from supervision.flags.settings import Settings

PARTS = 4
"""Parts of a file per core: enough that none waits long for the last, few enough that adding up costs little."""
SMALLEST, LARGEST = 4 << 20, 32 << 20
"""Bounds of a part in bytes; a smaller file is counted in this process."""


_HEAD = 1 << 16
"""Bytes by which a file is known for one that is no JSON Lines."""
_GZIP = b"\x1f\x8b"


class BadLine(NamedTuple):
    """A line that is no release, numbered from 1."""

    number: int
    why: Message


@dataclass(frozen=True)
class Counted:
    """What a file gave."""

    flags: dict[str, dict[str, dict[str, float | None]]]
    lines: int
    bad: list[BadLine]


class _Part(NamedTuple):
    tally: Tally
    lines: int
    bad: list[BadLine]
    begin: int
    end: int


def count_file(
    path: Path, settings: Settings, bad_line: Callable[[BadLine], None], progress: Callable[[int, int], None]
) -> Counted:
    """The flags of a file of compiled releases as JSON Lines.

    `bad_line` hears of every line that is left out because it is no release, in order; `progress` of the bytes done and
    in all. Raises OSError.
    """
    size = path.stat().st_size
    whole, lines, bad = Tally(settings), 0, list[BadLine]()
    for part in _parts(path, settings, size):
        part = _in_currency(path, settings, part, whole.currency.main)
        for line in part.bad:
            bad.append(line._replace(number=lines + line.number))
            bad_line(bad[-1])
        whole.merge(part.tally)
        lines += part.lines
        progress(part.end, size)
    return Counted(whole.finish(), lines, bad)


def refuse_what_is_no_json_lines(path: Path) -> None:
    """Raises Invalid that says once what the file is and what to do, where its first bytes tell that it is none with one
    object a line: then every line would be wrong. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_GZIP):
        raise Invalid(Message("flags.gzip", file=path.name))
    lines = [line for line in head.split(b"\n") if line.strip()]
    if b"\0" in head or (lines and not any(map(_is_utf8, lines))):
        raise Invalid(Message("flags.no_utf8", file=path.name))
    first, _, more = head.removeprefix(BOM_UTF8).lstrip().partition(b"\n")
    if first.strip() in (b"{", b"[") and more.strip():
        raise Invalid(Message("flags.many_lines", file=path.name))


def _is_utf8(line: bytes) -> bool:
    """Whether a line, which may be cut off in the middle of a character, is in UTF-8."""
    try:
        getincrementaldecoder("utf-8")().decode(line)
    except UnicodeDecodeError:
        return False
    return True


def _parts(path: Path, settings: Settings, size: int) -> Iterator[_Part]:
    """The parts of a file in its order."""
    cores = len(os.sched_getaffinity(0))
    spans = list(_spans(path, size, min(max(size // (cores * PARTS) + 1, SMALLEST), LARGEST)))
    cores = min(cores, len(spans))
    if cores < 2:
        yield from (count_part(path, settings, *span) for span in spans)
        return
    with ProcessPoolExecutor(cores) as pool:
        yield from pool.map(count_part, *zip(*((path, settings, *span) for span in spans), strict=True))


def _spans(path: Path, size: int, part: int) -> Iterator[tuple[int, int]]:
    """Where parts begin and end: each begins a line, the first after the mark that some programs write before it."""
    with path.open("rb") as file:
        begin = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
        while begin < size:
            file.seek(min(begin + part, size))
            file.readline()
            yield begin, file.tell()
            begin = file.tell()


def _in_currency(path: Path, settings: Settings, part: _Part, main: str | None) -> _Part:
    """The part, counted again if the main currency of the file was another than the first one it met itself."""
    if main is None or part.tally.currency.main in (None, main):
        return part
    return count_part(path, replace(settings, currency=main), part.begin, part.end)


def count_part(path: Path, settings: Settings, begin: int, end: int) -> _Part:
    """Count the lines between two bytes of a file."""
    tally, bad, lines = Tally(settings), list[BadLine](), _lines(path, begin, end)
    for number, line in enumerate(lines, 1):
        try:
            read = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if line.strip():
                bad.append(BadLine(number, Message("flags.no_json", column=error.colno)))
            continue
        if isinstance(read, dict) and "compiledRelease" in read:  # an OCDS record
            read = read["compiledRelease"]
        if why := _no_release(read):
            bad.append(BadLine(number, why))
        elif (release := read_release(read)) is not None:
            tally.fold(release)
    return _Part(tally, len(lines), bad, begin, end)


def _no_release(read: Any) -> Message | None:
    """Why a line's JSON is no release; one whose tender was cancelled is one, and counts in nothing."""
    if not isinstance(read, dict):
        return Message("flags.no_object")
    if isinstance(read.get("ocid"), str):
        return None
    held = next((name for name in ("releases", "records") if name in read), None)
    return Message("flags.package", name=held) if held else Message("flags.no_ocid")


def _lines(path: Path, begin: int, end: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        lines = file.read(end - begin).split(b"\n")
    return lines if lines[-1] else lines[:-1]


def nothing(*_: Any) -> None:
    """Says nothing: for callers that want no progress."""


# ── what is counted ──────────────────────────────────────────────────────────

EVERY: tuple[type[Indicator], ...] = (
    ShortPeriod, SingleBid, PriceClose, UnsuccessfulBids, IdenticalPrices, LateBid, AllOthersDisqualified,
    LowestDisqualified, DisqualifiedBids, ManyTrades, HeavilyDiscounted,
)  # fmt: skip


class Tally:
    """All indicators that were asked for, over one file or a part of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.currency, self.flags = Currency(settings.currency), Flags()
        made = [kind(settings, self.currency, self.flags) for kind in EVERY if kind.id in settings.enabled]
        gaps = Gaps(settings, self.currency, self.flags)
        asking = [one for one in made if isinstance(one, OfGaps)]
        for one in asking:
            one.gaps = gaps
        self.indicators: list[Indicator] = [*([gaps] if asking else ()), *made]
        self._folding = [one for one in self.indicators if type(one).fold is not Indicator.fold]

    def fold(self, release: Release) -> None:
        """Count a release, unless its kind of procedure is left out."""
        if release.details is not None and release.details in self.settings.excluded_details:
            return
        for one in self._folding:
            one.fold(release)

    def merge(self, other: Tally) -> None:
        """Add what was counted over a later part of the file."""
        self.flags.merge(other.flags)
        self.currency.main = self.currency.main or other.currency.main
        for mine, theirs in zip(self.indicators, other.indicators, strict=True):
            mine.merge(theirs)

    def finish(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """The flags, as Cardinal prints them without its Meta key."""
        for one in self.indicators:
            one.finish()
        return self.flags.as_dict()
