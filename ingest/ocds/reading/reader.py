"""Open Contracting Data Standard 1.1 releases as envelopes, however sparse (bids and lots extensions).

Keys: an ocid with the registered prefix `ocds-` is unique in the world and stays as it is; any other is
unique in its file only and gets the source's name before it. Organisations keep a USCC or an identifier
that begins with a country code; a local number gets the publisher's prefix (or the source's name).

Versions: a dated release has its date in milliseconds, an undated one 1. What a release mentions only
by its id has version 0 and the earliest time, so that it never replaces what is really known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.files.pieces import Piece
from ingest.ocds.reading import normal, shape
from ingest.ocds.reading.offers import Offers
from ingest.ocds.reading.organisations import Organisations
from ingest.ocds.reading.release import Release
from ingest.ocds.reading.source import ReleaseSource
from ingest.ocds.reading.tender import Lots, project
from ingest.ocds.values import children, section, text
from messages import Message

Json = dict[str, Any]


def read_release(source: ReleaseSource, release: Json, line: int | None, path: str) -> Iterator[Piece]:
    """The envelopes of one release, parents before children, and notes on what in it cannot be read.

    `line` and `path` (ending in a dot) say where in the file it stands.
    """
    release, odd = normal.without_control_characters(release)
    for where, raw in odd:
        yield Piece(None, raw, line, f"{path}{where}", Message("ocds.control_characters"), note=True)
    ocid = text(release.get("ocid"), 1000)
    if ocid is None:
        yield Piece(None, release, line, f"{path}ocid", Message("ocds.no_ocid"))
        return
    if normal.is_versioned(release):
        release = normal.compiled(release)
    # a full export of sunbid says everything in its own part
    unplaced = None if section(release, "x_sunbid", "fields") else source.unplaced
    notes = shape.Notes(unplaced, line, path)
    release = shape.expected(release, notes)
    yield from notes.pieces
    yield from pieces_of(Release(source, release, ocid, line, path))


def pieces_of(release: Release) -> Iterator[Piece]:
    """Everything a release in the expected shape says, in an order in which nothing has to wait."""
    organisations, lots = Organisations(release), Lots(release)
    offers = Offers(release, organisations, lots)
    yield from organisations.parties()
    buyer, agency = organisations.buyer_and_agency()
    yield from organisations.mentioned([who for who in (buyer, agency) if who])
    tenderer = organisations.key(buyer)
    yield project(release, tenderer)
    yield from organisations.mentioned(children(release.tender.get("tenderers")))
    yield from lots.pieces(organisations, tenderer, organisations.key(agency))
    yield from offers.bids()
    yield from offers.awards()
    yield from release.carried_records()
    yield from release.notes
