"""Consortia 联合体 as platforms name them: 甲公司、乙公司联合体, or 甲公司（联合体牵头）, for a bid that the ledger holds under its
leader with the members beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from records.public.masking import plain

_SAID = re.compile(
    r"联合体(?:牵头(?:人|方|单位)?|主办(?:人|方)|成员(?:单位|方)?|投标)?|(?:牵头|主办|成员)(?:人|方|单位)|consortium|jointventure"
)
"""What is added to a name because several bid together."""
_BETWEEN = frozenset({"", "与", "和", "及", "以及", "and"})
"""What may stand between the names of members, and is no name."""


def key(name: str) -> str:
    """A bidder's name in the form in which two spellings are compared: plain, and without what says that it is a consortium."""
    bare = plain(name)
    return _SAID.sub("", bare) or bare


def means(line: str, lead: str, members: Iterable[str]) -> bool:
    """Whether a line of a list names the consortium of this leader: the leader and no others than its members."""
    rest, leader = key(line), key(lead)
    if not leader or leader not in rest:
        return False
    for name in (leader, *sorted(map(key, members), key=len, reverse=True)):
        rest = rest.replace(name, "\n", 1) if name else rest
    return all(part in _BETWEEN for part in rest.split("\n"))
