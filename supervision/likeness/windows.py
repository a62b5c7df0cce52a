"""Numbers of the windows of a text: which passages of 15 characters it has, and where one character of such a window is
another than in the tender document. All windows of a text at once, by polynomials modulo 2⁶⁴."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from supervision.detection.market import Ints

GRAM = 15
"""Characters of a passage: long enough that two authors do not write it alike by chance."""
_ONE_IN = 4
"""Of the passages every fourth is compared, chosen by its own value, so that the same are chosen in every file."""
_BASE = 1_000_003
"""Of the polynomial: odd, so that it has an inverse modulo 2⁶⁴."""
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIDDLE = GRAM // 2
_SHOWN = 6
"""Errors told of a pair."""
_SIEVE = 1 << 22
"""Places of the table that tells quickly what is in no case a window of the tender document."""

_Numbers = npt.NDArray[np.uint64]


def _characters(text: str) -> _Numbers:
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)


def _windows(characters: _Numbers) -> _Numbers:
    """Σ c[i+k]·BASE^k over k < GRAM, for every i: differences of one running sum, each divided by BASE^i."""
    count = len(characters) - GRAM + 1
    if count < 1:
        return np.empty(0, np.uint64)
    powers = np.cumprod(np.r_[np.uint64(1), np.full(len(characters) - 1, _BASE, np.uint64)])
    sums = np.r_[np.uint64(0), np.cumsum(characters * powers)]
    backwards = np.cumprod(np.r_[np.uint64(1), np.full(count - 1, _INVERSE, np.uint64)])
    found: _Numbers = (sums[GRAM:] - sums[:count]) * backwards
    return found


def _mixed(values: _Numbers) -> _Numbers:
    """Values whose low bits depend on all of them."""
    values = (values ^ (values >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return values ^ (values >> np.uint64(32))


@overload
def passages_of(text: str) -> Ints: ...
@overload
def passages_of(text: str, *, places: Literal[True]) -> tuple[Ints, Ints]: ...
def passages_of(text: str, *, places: bool = False) -> Ints | tuple[Ints, Ints]:
    """The distinct passages of a text that are compared, as rising numbers; with `places` where each begins beside its
    number, in the order of the text."""
    values = _mixed(_windows(_characters(text)))
    where = np.flatnonzero(values % np.uint64(_ONE_IN) == 0)
    numbers = (values[where] >> np.uint64(2)).astype(np.int64)
    return (where.astype(np.int64), numbers) if places else np.unique(numbers)


class Deviations:
    """Where texts have one letter otherwise than the tender document in the same surroundings: slips of whoever typed."""

    def __init__(self, template: str) -> None:
        around, letter = self._around(template)
        order = np.lexsort((letter, around))
        around, letter = around[order], letter[order]
        begins = np.r_[True, around[1:] != around[:-1]] if len(around) else np.empty(0, bool)
        last = np.r_[begins[1:], True] if len(around) else begins
        one = letter[begins] == letter[last]  # where the document itself has two letters, neither is an error
        self.around, self.letter = around[begins][one], letter[begins][one]
        self.sieve = np.zeros(_SIEVE, bool)
        self.sieve[self.around % np.uint64(_SIEVE)] = True

    @staticmethod
    def _around(text: str) -> tuple[_Numbers, _Numbers]:
        """For every window: the number of all but its middle letter, and that letter."""
        characters = _characters(text)
        windows = _windows(characters)
        letters = characters[_MIDDLE : _MIDDLE + len(windows)]
        return _mixed(windows - letters * np.uint64(pow(_BASE, _MIDDLE, 1 << 64))), letters

    def _found(self, text: str) -> tuple[Ints, Ints]:
        """(places of the windows, numbers) of the deviations."""
        around, letters = self._around(text)
        where = np.flatnonzero(self.sieve[around % np.uint64(_SIEVE)])
        if not len(where) or not len(self.around):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        place = np.minimum(np.searchsorted(self.around, around[where]), len(self.around) - 1)
        other = (self.around[place] == around[where]) & (self.letter[place] != letters[where])
        where, place = where[other], place[other]
        both = [
            chr(a).isalpha() and chr(b).isalpha()
            for a, b in zip(letters[where].tolist(), self.letter[place].tolist(), strict=True)
        ]
        where = where[both]
        return where, (_mixed(around[where] + letters[where]) >> np.uint64(1)).astype(np.int64)

    def of(self, text: str) -> Ints:
        """The distinct deviations of a text as rising numbers; a filled-in number is none, only letters count."""
        return np.unique(self._found(text)[1])

    def shown(self, text: str, numbers: Ints) -> tuple[str, ...]:
        """Some deviations with their surroundings."""
        where, own = self._found(text)
        return tuple(text[n : n + GRAM] for n in where[np.isin(own, numbers)][:_SHOWN].tolist())
