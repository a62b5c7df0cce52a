"""Comparing bidders' files two by two, after everything that stands in the tender documents is taken away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeVar
from zlib import crc32

import numpy as np
import scipy.sparse as sp

from supervision.detection.market import Floats, Ints
from supervision.likeness.formats import MACHINE
from supervision.likeness.reading import Content
from supervision.likeness.windows import GRAM, Deviations, passages_of

COMMON = 0.3
"""Share of the bidders from which a passage is everybody's (law, standards, forms) and says nothing."""
NOTABLE_TEXT = 0.2
"""Share of the smaller file's own passages found in the other, from which it is a finding."""
LEAST_PASSAGES = 40
"""Own passages a file needs before its share means anything."""
NOTABLE_ERRORS = 2
"""Characters wrong in the same way, from which they are a finding: one may be chance."""
LEAST_ITEMS, NOTABLE_RATIO, RATIO_WIDTH = 10, 0.6, 1e-3
"""Priced items both need; share of them at one and the same ratio; how equal ratios are."""
REASONS = ("text", "errors", "mixed", "lock", "origin", "contacts", "ratio")
"""What may make a pair a finding."""
_MOST_PASSAGES = 24_000_000
"""Passages of all bidders that are held at once, 8 bytes each; of more, fewer are chosen."""
_CONTACT = re.compile(
    r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.]{2,63}|(?<!\d)\d{17}[\dXx](?!\d)",
    re.ASCII,
)
"""Of bounded length and from a word's beginning: a long text of Latin letters without spaces takes no longer than others."""
_SHOWN, _LONGEST = 8, 240
"""Passages told of a pair, and characters of each."""
_SHORTEST_NAME = 4
"""Characters from which a bidder's name is looked for in the others' files."""


T = TypeVar("T")


class Passage(NamedTuple):
    """A passage two bidders share: its words, and (file, page) in the one's and in the other's files; page 0: not told."""

    words: str
    one: tuple[str, int]
    other: tuple[str, int]


@dataclass(frozen=True)
class Alike:
    """What two bidders' files share."""

    one: str
    other: str
    text: float
    """Share of the smaller one's own passages that the other has too, 0–1."""
    passages: tuple[Passage, ...]
    """Some of them, longest first."""
    errors: tuple[str, ...]
    """Characters both have otherwise than the tender document, each with its surroundings."""
    mixed: tuple[str, ...]
    """Which of the two the other's files name."""
    origin: tuple[tuple[str, str], ...]
    """Shared author, editor, document id …"""
    contacts: int
    """Shared telephone numbers, e-mail addresses, identity numbers; the numbers themselves are not told."""
    ratio: float | None
    """The ratio at which the priced items stand."""
    at_ratio: float
    """Share of the common items that stand at it."""
    items: int
    """Priced items in common."""
    reasons: tuple[str, ...]
    """Those of REASONS that make it a finding."""


def compare(
    bidders: Mapping[str, Content], template: Content, called: Mapping[str, str] | None = None
) -> list[Alike]:
    """The pairs of bidders with at least one reason, in order of name. `called`: bidder → its name, looked for in the
    others' files; without it they are not looked through for names."""
    return list(_Comparison(bidders, template, called or {}).pairs())


class _Comparison:
    """Everything of each bidder that a pair is judged by, worked out once; texts are unpacked one at a time."""

    def __init__(self, bidders: Mapping[str, Content], template: Content, called: Mapping[str, str]) -> None:
        self.names = sorted(bidders)
        self.contents = [bidders[name] for name in self.names]
        self.deviations = Deviations(template.text)
        given, one_in = passages_of(template.text), 4
        called_here = [called.get(name, "") for name in self.names]
        in_template = _contacts(template.text)
        passages, errors, contacts, named = [], [], [], []
        for content, own in zip(self.contents, called_here, strict=True):
            text = content.text
            passages.append(_chosen(np.setdiff1d(passages_of(text), given), one_in))
            while sum(map(len, passages)) > _MOST_PASSAGES:
                one_in *= 2
                passages = [_chosen(held, one_in) for held in passages]
            errors.append(self.deviations.of(text))
            contacts.append(_contacts(text) - in_template)
            named.append(_named(text, own, called_here, template.text) if own else set())
        self.passages, self.errors = _without_common(passages), _without_common(errors)
        self.contacts = contacts
        self.named = _without_frequent(named)
        self.origins = _without_frequent([content.origin - template.origin for content in self.contents])
        self.prices = _Prices([content.items for content in self.contents], template.items)

    def pairs(self) -> Iterator[Alike]:
        """The pairs with a reason."""
        shared, sizes = _overlaps(self.passages), [len(own) for own in self.passages]
        wrong = _overlaps(self.errors)
        at_ratio = self.prices.shares()
        for i, j in combinations(range(len(self.names)), 2):
            least = min(sizes[i], sizes[j])
            text = float(shared[i, j]) / least if least >= LEAST_PASSAGES else 0.0
            origin, contacts = self.origins[i] & self.origins[j], len(self.contacts[i] & self.contacts[j])
            mixed = [n for n, m in ((j, i), (i, j)) if n in self.named[m]]
            holds = {
                "text": text >= NOTABLE_TEXT, "errors": wrong[i, j] >= NOTABLE_ERRORS, "mixed": bool(mixed),
                "lock": any(kind in MACHINE for kind, _ in origin), "origin": any(kind not in MACHINE for kind, _ in origin),
                "contacts": contacts > 0, "ratio": at_ratio[i, j] >= NOTABLE_RATIO,
            }  # fmt: skip
            if reasons := tuple(reason for reason in REASONS if holds[reason]):
                ratio, share, items = self.prices.of(i, j)
                yield Alike(
                    self.names[i], self.names[j], text, self._passages(i, j) if shared[i, j] else (),
                    self.deviations.shown(self.contents[i].text, np.intersect1d(self.errors[i], self.errors[j])) if wrong[i, j] else (),
                    tuple(self.names[n] for n in mixed), tuple(sorted(origin)), contacts, ratio, share, items, reasons,
                )  # fmt: skip

    def _passages(self, i: int, j: int) -> tuple[Passage, ...]:
        """Some passages both have, longest runs first, with where they stand."""
        one, other = self.contents[i], self.contents[j]
        text, theirs = one.text, other.text
        places, numbers = passages_of(text, places=True)
        shared = places[np.isin(numbers, np.intersect1d(self.passages[i], self.passages[j]))]
        if not len(shared):
            return ()
        breaks = np.flatnonzero(np.diff(shared) > 3 * GRAM)
        begins, ends = shared[np.r_[0, breaks + 1]], shared[np.r_[breaks, len(shared) - 1]] + GRAM
        found = []
        for n in np.argsort(begins - ends, kind="stable")[:_SHOWN]:
            begin, words = int(begins[n]), text[begins[n] : min(ends[n], begins[n] + _LONGEST)]
            found.append(Passage(words, one.place(begin), other.place(theirs.find(words[:GRAM]))))
        return tuple(found)


def _chosen(passages: Ints, one_in: int) -> Ints:
    """Every fourth and so on of passages of which every fourth was chosen already, by their own values."""
    return passages if one_in == 4 else passages[passages % (one_in // 4) == 0]


def _without_common(held: Sequence[Ints]) -> list[Ints]:
    """Each bidder's values that another has too, and not many others: the rest cannot be shared or says nothing."""
    values, counts = np.unique(np.concatenate([*held, np.empty(0, np.int64)]), return_counts=True)
    common = values[counts > max(2, COMMON * len(held))]
    return [np.setdiff1d(own, common, assume_unique=True) for own in held]


def _overlaps(held: Sequence[Ints]) -> Ints:
    """How many values two bidders share. Values with one bidder are left out before the product is made."""
    values, counts = np.unique(np.concatenate([*held, np.empty(0, np.int64)]), return_counts=True)
    twice = values[counts > 1]
    parts = [own[np.isin(own, twice, assume_unique=True)] for own in held]
    row = np.repeat(np.arange(len(held)), [len(part) for part in parts])
    column = np.searchsorted(twice, np.concatenate([*parts, np.empty(0, np.int64)]))
    made = sp.csr_matrix((np.ones(len(row), np.int64), (row, column)), shape=(len(held), max(1, len(twice))))
    return np.asarray((made @ made.T).todense())


def _contacts(text: str) -> set[int]:
    """Telephone numbers, e-mail addresses and identity numbers, as digests."""
    return {crc32(found.encode()) for found in _CONTACT.findall(text)}


def _named(text: str, own: str, names: Sequence[str], template: str) -> set[int]:
    """Places of the other bidders named in a text; a name inside the bidder's own, or in the tender document, is none."""
    sought = {
        n: name
        for n, name in enumerate(names)
        if len(name) >= _SHORTEST_NAME and name not in own and own not in name
    }
    encoded = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    first, second = np.zeros(0x110000, bool), np.zeros(0x110000, bool)
    for name in sought.values():
        first[ord(name[0])] = second[ord(name[1])] = True
    begins = np.flatnonzero(first[encoded[:-1]] & second[encoded[1:]]) if len(encoded) > 1 else ()
    heads: dict[str, list[int]] = {}
    for n, name in sought.items():
        heads.setdefault(name[:2], []).append(n)
    met = {
        n
        for begin in begins
        for n in heads.get(text[begin : begin + 2], ())
        if text.startswith(sought[n], begin)
    }
    return {n for n in met if sought[n] not in template}


def _without_frequent(held: Sequence[set[T]]) -> list[set[T]]:
    """Without what many bidders share: a name that every file of a form carries is the form's."""
    counts = Counter(one for own in held for one in own)
    most = max(2, COMMON * len(held))
    return [{one for one in own if counts[one] <= most} for own in held]


class _Prices:
    """The priced items of all bidders as one table: a row a bidder, a column an item, NaN where one has none."""

    def __init__(self, items: Sequence[Mapping[str, float]], given: Mapping[str, float]) -> None:
        counts = Counter(name for own in items for name in own)
        columns = {
            name: n for n, name in enumerate(sorted(name for name, count in counts.items() if count > 1))
        }
        self.table: Floats = np.full((len(items), len(columns)), np.nan)
        for row, own in enumerate(items):
            for name, price in own.items():
                if name in columns and price != given.get(
                    name
                ):  # a provisional sum or a quantity is the tender's
                    self.table[row, columns[name]] = price

    def shares(self) -> Floats:
        """Pair → share of common items at one ratio; 0 where many bidders stand so: they all took one list down alike."""
        count = len(self.table)
        found = np.zeros((count, count))
        for i, j in combinations(range(count) if self.table.shape[1] >= LEAST_ITEMS else (), 2):
            found[i, j] = found[j, i] = self.of(i, j)[1]
        alike = (found >= NOTABLE_RATIO).sum(axis=1) > max(2, COMMON * count)
        found[np.ix_(alike, alike)] = 0.0
        return found

    def of(self, i: int, j: int) -> tuple[float | None, float, int]:
        """(ratio, share of the common items at it, common items): a ratio that over half of the items have is their median."""
        ratios = self.table[i] / self.table[j]
        ratios = ratios[~np.isnan(ratios)]
        if len(ratios) < LEAST_ITEMS:
            return None, 0.0, len(ratios)
        middle = float(np.median(ratios))
        return middle, float((np.abs(ratios / middle - 1) <= RATIO_WIDTH).mean()), len(ratios)
