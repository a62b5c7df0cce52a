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
from ingest.ocds.reading import shape
from ingest.ocds.reading.offers import Offers
from ingest.ocds.reading.organisations import Organisations
from ingest.ocds.reading.release import Release
from ingest.ocds.reading.source import ReleaseSource
from ingest.ocds.reading.tender import Lots, project
from ingest.ocds.values import children, section, text
from messages import Message
from records.texts import FORBIDDEN, without

Json = dict[str, Any]


def read_release(source: ReleaseSource, release: Json, line: int | None, path: str) -> Iterator[Piece]:
    """The envelopes of one release, parents before children, and notes on what in it cannot be read.

    `line` and `path` (ending in a dot) say where in the file it stands.
    """
    release, odd = _without_control_characters(release)
    for where, raw in odd:
        yield Piece(None, raw, line, f"{path}{where}", Message("ocds.control_characters"), note=True)
    ocid = text(release.get("ocid"), 1000)
    if ocid is None:
        yield Piece(None, release, line, f"{path}ocid", Message("ocds.no_ocid"))
        return
    if _is_versioned(release):
        release = _compiled(release)
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


# ── before a release is read: one form ───────────────────────────────────────

_MARK = frozenset({"releaseID", "releaseDate", "value"})
"""What each entry of a field's history has in a versioned release."""


def _without_control_characters(release: Json) -> tuple[Json, list[tuple[str, Any]]]:
    """The release without characters no table holds, and (path, text) of where they stood; itself if there are none.

    The standard allows any character.
    """
    odd: list[tuple[str, Any]] = []
    made = _cleaned(release, "", odd)
    return (made, odd) if odd else (release, odd)


def _cleaned(value: Any, path: str, odd: list[tuple[str, Any]]) -> Any:
    if isinstance(value, str):
        if not FORBIDDEN.search(value):
            return value
        odd.append((path.lstrip("."), value))
        return without(value)
    if isinstance(value, dict):
        return {
            _cleaned(name, path, odd): _cleaned(child, f"{path}.{name}", odd) for name, child in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(child, f"{path}[{index}]", odd) for index, child in enumerate(value)]
    return value


# ── versioned releases ───────────────────────────────────────────────────────
# https://standard.open-contracting.org/1.1/en/schema/records_reference/#versioned-release


def _is_versioned(release: Json) -> bool:
    """Whether a release is a versioned one: it has no date and no tag of its own, but fields with a history."""
    return "date" not in release and "tag" not in release and _holds_history(release)


def _is_history(value: Any) -> bool:
    """Whether a value is the list of what one field was."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and one.keys() >= _MARK for one in value)
    )


def _holds_history(value: Any) -> bool:
    if _is_history(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_history(one) for one in inner)


def _compiled(release: Json) -> Json:
    """The compiled release of a versioned one: the last value of each field, dated as the newest of them."""
    dates: list[str] = []
    last = {name: _last(value, dates) for name, value in release.items()}
    return {**last, "tag": ["compiled"], **({"date": max(dates)} if dates else {})}


def _last(value: Any, dates: list[str]) -> Any:
    if _is_history(value):
        dates += [str(one["releaseDate"]) for one in value if one["releaseDate"]]
        return max(value, key=lambda one: str(one["releaseDate"] or ""))["value"]
    if isinstance(value, dict):
        return {name: _last(one, dates) for name, one in value.items()}
    return [_last(one, dates) for one in value] if isinstance(value, list) else value
