"""Comparing bidders' files two by two, after everything that stands in the tender documents is taken away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from zlib import crc32

import numpy as np
import scipy.sparse as sp

from supervision.detection.market import Ints
from supervision.likeness.reading import Content

GRAM = 15
"""Characters of a passage: long enough that two authors do not write it alike by chance."""
COMMON = 0.3
"""Share of the bidders from which a passage is everybody's (law, standards, forms) and says nothing."""
NOTABLE_TEXT = 0.2
"""Share of the smaller file's own passages found in the other, from which it is a finding."""
LEAST_PASSAGES = 40
"""Own passages a file needs before its share means anything."""
LEAST_ITEMS, NOTABLE_RATIO, RATIO_WIDTH = 10, 0.6, 1e-3
"""Priced items both need; share of them at one and the same ratio; how equal ratios are."""
_CONTACT = re.compile(r"1[3-9]\d{9}|[\w.+-]+@[\w-]+\.[\w.]{2,}|\d{17}[\dXx]")
_SHOWN, _LONGEST = 5, 80
"""Passages told of a pair, and characters of each."""


@dataclass(frozen=True)
class Alike:
    """What two bidders' files share."""

    one: str
    other: str
    text: float
    """Share of the smaller one's own passages that the other has too, 0–1."""
    passages: tuple[str, ...]
    """Some of them."""
    origin: tuple[tuple[str, str], ...]
    """Shared author, editor, document id …"""
    contacts: int
    """Shared telephone numbers, e-mail addresses, identity numbers; the numbers themselves are not told."""
    ratio: float | None
    """The ratio at which the priced items stand."""
    at_ratio: float
    """Share of the common items that stand at it."""
    reasons: tuple[str, ...] = field(default=())
    """text, origin, contacts, ratio: what makes it a finding."""


def compare(bidders: Mapping[str, Content], template: Content) -> Iterator[Alike]:
    """The pairs of bidders with at least one reason, in order of name."""
    names = sorted(bidders)
    passages = _own_passages([bidders[name].text for name in names], template.text)
    shared, sizes = _overlaps(passages)
    contacts = [_contacts(bidders[name].text) - _contacts(template.text) for name in names]
    origins = _telling_origins([bidders[name].origin - template.origin for name in names])
    for i, j in combinations(range(len(names)), 2):
        least = min(sizes[i], sizes[j])
        text = float(shared[i, j]) / least if least >= LEAST_PASSAGES else 0.0
        ratio, at_ratio = _ratio(bidders[names[i]].items, bidders[names[j]].items, template.items)
        both, met = origins[i] & origins[j], len(contacts[i] & contacts[j])
        found = {
            "text": text >= NOTABLE_TEXT,
            "origin": both,
            "contacts": met,
            "ratio": at_ratio >= NOTABLE_RATIO,
        }
        if any(found.values()):
            words = _common(bidders[names[i]].text, passages[i], passages[j]) if found["text"] else ()
            reasons = tuple(reason for reason, holds in found.items() if holds)
            yield Alike(names[i], names[j], text, words, tuple(sorted(both)), met, ratio, at_ratio, reasons)  # fmt: skip


def _values(text: str) -> tuple[Ints, Ints]:
    """(where the passages that are compared begin, their numbers): one in four, chosen by its own value, so that the
    same are chosen in every file."""
    encoded = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(encoded) < GRAM:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    value = np.zeros(len(encoded) - GRAM + 1, np.uint64)
    for place in range(GRAM):
        value = value * np.uint64(1_000_003) + encoded[place : place + len(value)]
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    places = np.flatnonzero(value % np.uint64(4) == 0)
    return places.astype(np.int64), (value[places] >> np.uint64(1)).astype(np.int64)


def _grams(text: str) -> Ints:
    """The distinct passages of a text as numbers."""
    found: Ints = np.unique(_values(text)[1])
    return found


def _own_passages(texts: Sequence[str], template: str) -> list[Ints]:
    """Each bidder's passages without the template's and without those that many bidders have."""
    given, grams = _grams(template), [_grams(text) for text in texts]
    values, counts = np.unique(np.concatenate([*grams, np.empty(0, np.int64)]), return_counts=True)
    common = values[counts > max(2, COMMON * len(texts))]
    return [np.setdiff1d(np.setdiff1d(own, given), common) for own in grams]


def _overlaps(passages: Sequence[Ints]) -> tuple[Ints, Ints]:
    """(passages two bidders share, passages of each)."""
    sizes = np.array([len(own) for own in passages], np.int64)
    if not sizes.sum():
        return np.zeros((len(sizes), len(sizes)), np.int64), sizes
    _, column = np.unique(np.concatenate(passages), return_inverse=True)
    row = np.repeat(np.arange(len(sizes)), sizes)
    made = sp.csr_matrix((np.ones(len(row), np.int32), (row, column)))
    return np.asarray((made @ made.T).todense()).astype(np.int64), sizes


def _common(text: str, one: Ints, other: Ints) -> tuple[str, ...]:
    """Some passages of `text` that both have, longest runs first."""
    places, numbers = _values(text)
    shared = places[np.isin(numbers, np.intersect1d(one, other))]
    if not len(shared):
        return ()
    breaks = np.flatnonzero(np.diff(shared) > 2 * GRAM)
    begins, ends = shared[np.r_[0, breaks + 1]], shared[np.r_[breaks, len(shared) - 1]] + GRAM
    longest = np.argsort(begins - ends, kind="stable")[:_SHOWN]
    return tuple(text[begins[n] : min(ends[n], begins[n] + _LONGEST)] for n in longest)


def _contacts(text: str) -> set[int]:
    """Telephone numbers, e-mail addresses and identity numbers, as digests."""
    return {crc32(found.encode()) for found in _CONTACT.findall(text)}


def _telling_origins(origins: Sequence[set[tuple[str, str]]]) -> list[set[tuple[str, str]]]:
    """Without what many bidders share: a name that every file of a form carries is the form's."""
    counts = Counter(one for own in origins for one in own)
    most = max(2, COMMON * len(origins))
    return [{one for one in own if counts[one] <= most} for own in origins]


def _ratio(
    one: Mapping[str, object], other: Mapping[str, object], given: Mapping[str, object]
) -> tuple[float | None, float]:
    """(ratio, share of the common items at it): the ratio most items of a bill of quantities have; 1 counts too."""
    names = [name for name in one if name in other and name not in given]
    if len(names) < LEAST_ITEMS:
        return None, 0.0
    ratios = np.sort([float(str(one[name])) / float(str(other[name])) for name in names])
    within = np.searchsorted(ratios, ratios * (1 + RATIO_WIDTH), side="right") - np.arange(len(ratios))
    place = int(np.argmax(within))
    return float(ratios[place : place + within[place]].mean()), float(within[place]) / len(ratios)
