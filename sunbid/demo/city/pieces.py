"""The city in pieces that any process can write by itself, from seed, moment and the piece's name alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from sunbid.demo.city import other_records
from sunbid.demo.city.clock import REFERENCE
from sunbid.demo.city.plan import CityPlan
from sunbid.demo.city.records import Writer
from sunbid.demo.envelopes import Envelope

PIECE = 20_000
"""Records of a piece, about: little memory, and work for every core to the end."""


class Piece(NamedTuple):
    """Lots from `first` up to `last`, or (`what` ratings) the months from `first` up to `last`, or ties, visits."""

    what: str
    first: int = 0
    last: int = 0


class City:
    """One city as a sequence of pieces."""

    def __init__(self, seed: int, now: datetime, fraction: float = 1.0) -> None:
        self.plan = CityPlan(seed, now, fraction)

    @cached_property
    def writer(self) -> Writer:
        """Of the lots' records."""
        return Writer(self.plan)

    def pieces(self) -> list[Piece]:
        """All pieces, in the order in which they are loaded."""
        found = [Piece("ties")]
        start = size = 0
        for number, lot in enumerate(self.plan.lots):
            size += lot.records(self.plan.clock.now)
            if size >= PIECE:
                found.append(Piece("lots", start, number + 1))
                start, size = number + 1, 0
        if start < len(self.plan.lots):
            found.append(Piece("lots", start, len(self.plan.lots)))
        found += [Piece("ratings", month, month + 3) for month in range(0, 12, 3)]
        return [*found, Piece("visits")]

    def records(self, piece: Piece) -> Iterator[Envelope]:
        """The records of a piece, parents first."""
        if piece.what == "lots":
            for lot in self.plan.lots[piece.first : piece.last]:
                yield from self.writer.lot(lot)
        elif piece.what == "ratings":
            for month in range(piece.first, piece.last):
                yield from other_records.ratings(self.plan, month)
        elif piece.what == "ties":
            yield from other_records.ties(self.plan)
        else:
            yield from other_records.inspections(self.plan, self.plan.of_year(REFERENCE))

    def generate(self) -> Iterator[Envelope]:
        """Everything, one record after another."""
        yield from other_records.reference(self.plan)
        for piece in self.pieces():
            yield from self.records(piece)


_city: City | None = None


def begin(seed: int, now: datetime, fraction: float) -> None:
    """Know the city of this process; called once in every worker."""
    global _city
    _city = City(seed, now, fraction)


def make(piece: Piece) -> Iterator[Envelope]:
    """The records of a piece of the city this process knows."""
    if _city is None:
        raise RuntimeError("begin() was not called in this process")
    return _city.records(piece)
