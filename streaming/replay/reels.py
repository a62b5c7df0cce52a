"""The replay of one camera: its recordings, cut, one after the other as few movies as their formats allow.

Time runs thrice: by the clock of the opening, along each recording's file, and along the movie, in which what is left out
takes no time. A `Stretch` ties the clock to the movie.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from streaming.replay.cut import Cut, Interval, covered, shown, without
from streaming.replay.movie import MovieWriter, Reel
from streaming.replay.samples import AUDIO, VIDEO, Mp4Samples, Sample
from streaming.replay.webm import WebmSamples, WebmWriter


@dataclass(frozen=True)
class Source:
    """A recording: its file, how many bytes of it are whole, when its time line begins, and where no picture came."""

    path: Path
    bytes: int
    started_at: datetime
    gaps: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True)
class Stretch:
    """Pictures without a cut: from `start` by the clock, `seconds` of them, from second `at` of movie `reel`."""

    reel: int
    start: datetime
    at: float
    seconds: float


@dataclass(frozen=True)
class Camera:
    """The replay of one camera."""

    reels: tuple[Reel, ...]
    stretches: tuple[Stretch, ...]

    def place(self, moment: datetime) -> Stretch | None:
        """The stretch that shows a moment; None where it is left out."""
        for stretch in self.stretches:
            if timedelta(0) <= moment - stretch.start < timedelta(seconds=stretch.seconds):
                return stretch
        return None


def camera(sources: Sequence[Source], cut: Cut) -> Camera:
    """The replay of the recordings of one camera, oldest first. Reads their files: FileNotFoundError without one,
    `mp4.Damaged` where one is not what it should be."""
    reels: list[Reel] = []
    stretches: list[Stretch] = []
    with ExitStack() as stack:
        files = [_File(source, cut, stack) for source in sources]
        shown_at_all = [file for file in files if file.parts]
        for _, group in itertools.groupby(shown_at_all, key=lambda file: file.format):
            movie, placed = _reel(list(group), len(reels))
            reels.append(movie)
            stretches += placed
    return Camera(tuple(reels), tuple(stretches))


def _reel(files: Sequence[_File], number: int) -> tuple[Reel, list[Stretch]]:
    """Recordings of one format as one movie, and where in it each of their stretches lies."""
    writer, at, stretches = files[0].writer(), 0.0, []
    for file in files:
        for part in file.parts:
            part.at = at
            at += part.end - part.start
            start = file.source.started_at + timedelta(seconds=part.start)
            stretches.append(Stretch(number, start, part.at, part.end - part.start))
        file.write(writer)
    return writer.finish(), stretches


@dataclass
class _Part:
    """A stretch in seconds of its file's time line; `at`: where it begins in the movie."""

    start: float
    end: float
    at: float = 0.0


class _File:
    """One recording being read: which parts of it are shown, and their way into a movie."""

    def __init__(self, source: Source, cut: Cut, stack: ExitStack) -> None:
        self.source = source
        self._webm = source.path.suffix == ".webm"
        file = stack.enter_context(source.path.open("rb"))
        self._samples = (WebmSamples if self._webm else Mp4Samples)(file, source.bytes)
        self._shown = without(shown(cut, source.started_at), self._gaps())
        self._muted = covered(cut.muted, source.started_at)
        self._tracks = {track.kind: track for track in self._samples.tracks.values()}

    @property
    def format(self) -> tuple[bytes | None, ...]:
        """What must be the same for two recordings to be one movie: how both tracks are coded."""
        return tuple(self._tracks[kind].entry if kind in self._tracks else None for kind in (VIDEO, AUDIO))

    @cached_property
    def parts(self) -> list[_Part]:
        """The stretches of it that are shown."""
        parts: list[_Part] = []
        choice = Choice(self._shown)
        for sample in self._samples:
            if (number := choice.of(sample)) is None:
                continue
            if number == len(parts):
                parts.append(_Part(sample.shown, sample.shown))
            parts[number].end = max(parts[number].end, min(sample.shown + sample.seconds, choice.limit))
        return parts

    def writer(self) -> MovieWriter | WebmWriter:
        """What writes movies in the format of this recording."""
        return WebmWriter() if self._webm else MovieWriter()

    def write(self, writer: MovieWriter | WebmWriter) -> None:
        """Put what is shown of it into a movie, in the order of the file."""
        choice = Choice(self._shown)
        for sample in self._samples:
            part = self._part(sample, choice.of(sample))
            if part is not None:
                shown_at = sample.shown - part.start + part.at
                seconds = min(sample.seconds, part.end - sample.shown)
                writer.add(self._tracks[sample.kind], self.source.path, sample, shown_at, seconds)

    def _part(self, sample: Sample, number: int | None) -> _Part | None:
        """The part that takes a sample: a picture as it was chosen, a sound where it is heard."""
        if sample.kind == VIDEO:
            return None if number is None else self.parts[number]
        if any(a <= sample.shown + sample.seconds and sample.shown < b for a, b in self._muted):
            return None
        return next((part for part in self.parts if part.start <= sample.shown < part.end), None)

    def _gaps(self) -> list[Interval]:
        """Where the source sent no picture: left out, rather than a still picture for minutes."""
        begun = self.source.started_at
        return [((a - begun).total_seconds(), (b - begun).total_seconds()) for a, b in self.source.gaps]


class Choice:
    """Chooses pictures, asked in the order of decoding: each stretch begins with a keyframe, and nothing is taken that is
    shown before it or at the end of what may be shown or later."""

    def __init__(self, shown: Sequence[Interval]) -> None:
        self._shown = shown
        self._open: Interval | None = None
        self._start = 0.0
        self._number = -1

    @property
    def limit(self) -> float:
        """Up to where the present stretch may go."""
        return self._open[1] if self._open else 0.0

    def of(self, sample: Sample) -> int | None:
        """The number of the stretch that takes a picture, None where it is left out; None for a sound."""
        if sample.kind != VIDEO:
            return None
        if self._open and sample.shown >= self._open[1]:
            self._open = None
        if self._open is None and sample.key:
            self._begin(sample.shown)
        return self._number if self._open and sample.shown >= self._start else None

    def _begin(self, moment: float) -> None:
        self._open = next(((a, b) for a, b in self._shown if a <= moment < b), None)
        if self._open:
            self._start, self._number = moment, self._number + 1
