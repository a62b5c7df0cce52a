"""Masking of public texts: names that must not stand in one, bidders of a qualification lot 资格预审, whoever objected.

A name is found however it is typed: full or half width, spaces, brackets and capitals make no difference, and it
counts without its legal form (有限公司) too, and shortened (`records.public.short_names`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.public.rows import MASK
from records.public.short_names import SHORTEST, shortened
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Organisation
from records.tables.projects import Lot

_NAMED = ("bidders_published", "bid_read", "bid_corrected")
_OBJECTIONS = ("objection", "objection_answered")
_RAISED_BY = ("raised_by", "objector", "name", "提出人")
"""Where the inside of an objection says who raised it."""


def plain(name: str) -> str:
    """A name without what typing changes: width, spaces, brackets, capitals."""
    return "".join(letter for letter, _ in _letters(name))


def _letters(text: str) -> Iterator[tuple[str, int]]:
    """Letters and digits of a text in one form, each with its place in the text."""
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKC", character).casefold():
            if letter.isalnum():
                yield letter, place


def needles(names: Iterable[str]) -> frozenset[str]:
    """What to look for: each name, and each as it is shortened."""
    whole = {plain(name) for name in names}
    return frozenset(part for name in whole for part in (name, *shortened(name)) if len(part) >= SHORTEST)


def mask(text: str, wanted: frozenset[str]) -> str:
    """The text with every name behind asterisks."""
    letters = list(_letters(text))
    line = "".join(letter for letter, _ in letters)
    hidden: set[int] = set()
    for needle in wanted:
        at = line.find(needle)
        while at >= 0:
            hidden.update(range(letters[at][1], letters[at + len(needle) - 1][1] + 1))
            at = line.find(needle, at + 1)
    return _covered(text, hidden) if hidden else text


def _covered(text: str, hidden: set[int]) -> str:
    """What is hidden as one mask a stretch; the legal form behind a short name goes with it."""
    shown = ""
    for place, character in enumerate(text):
        if place not in hidden:
            shown += character
        elif place - 1 not in hidden:
            shown += MASK
    return re.sub(re.escape(MASK) + r"\s*(?:股份|集团|有限责任|有限)*公司", MASK, shown)


def bidders_of(session: Session, opening: Opening, lot: Lot) -> set[str]:
    """Names of all who are known to bid for a lot: by their bids, with their consortia, and by what was read out."""
    ids = set(lot.participants)
    for bidder, members in session.execute(select(Bid.bidder_id, Bid.consortium).where(Bid.lot_id == lot.id)):
        ids |= {bidder, *members}
    names = set(session.scalars(select(Organisation.name).where(Organisation.id.in_(ids))))
    for payload, detail in _events(session, opening.id, _NAMED):
        names |= named_bidders(detail.get("unmasked", payload))
    return names


def named_bidders(payload: Mapping[str, Any]) -> set[str]:
    """The bidders that a payload names as such."""
    lines = payload.get("bidders", [payload])
    return {line["name"] for line in lines if isinstance(line, dict) and isinstance(line.get("name"), str)}


def objectors(session: Session, opening: Opening, detail: Mapping[str, Any] | None) -> set[str]:
    """Who raised objections at an opening, as far as the inside of its events says so, `detail` among them."""
    inside = [detail or {}, *(held for _, held in _events(session, opening.id, _OBJECTIONS))]
    said = {one[key] for one in inside for key in _RAISED_BY if isinstance(one.get(key), str)}
    return said | set(session.scalars(select(Organisation.name).where(Organisation.id.in_(said))))


def hidden(
    session: Session, opening: Opening, lot: Lot, kind: str, payload: Mapping[str, Any], detail: Any
) -> frozenset[str]:
    """What the texts of one event must not hold: who objected, and who bids on a qualification lot, or while no list is
    published: the words with which an opening is broken off are told though its list is not."""
    names = objectors(session, opening, detail) if kind in _OBJECTIONS or lot.prequalification else set()
    if lot.prequalification or (kind == "ended" and opening.started_at is None):
        names |= bidders_of(session, opening, lot)
    if lot.prequalification:
        names |= named_bidders(payload) if kind in _NAMED else set()
    return needles(names)


def _events(
    session: Session, opening_id: str, kinds: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(kinds)
    )
    for payload, detail in session.execute(query):
        yield payload, detail or {}
