"""The check of an opening's chain, made here for who has no scripts; with scripts the reader's browser makes it anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from records import chain
from streaming.site.render import word

SHOWN = 500
"""Steps that the page lists; all are checked."""
FOUND = 20
"""Openings named where a number stands for several."""

Opening = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step with the hash it should have."""

    seq: int
    message: Mapping[str, Any]
    expected: str
    found: str
    good: bool


@dataclass(frozen=True)
class Verdict:
    """What the check found, in words; `kind` is good, bad or empty."""

    kind: str
    text: str
    detail: str
    steps: Sequence[Step]


def recompute(opening_id: str, messages: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Every step with the hash it should have, up to and including the first that differs."""
    previous, steps = chain.genesis(f"opening/{opening_id}"), []
    for index, message in enumerate(messages, start=1):
        body = {key: message[key] for key in ("seq", "ts", "type", "payload")} | {"opening": opening_id}
        expected = chain.link(previous, body)
        good = expected == message["hash"] and message["seq"] == index
        steps.append(Step(int(message["seq"]), message, expected, str(message["hash"]), good))
        if not good:
            break
        previous = expected
    return steps


def verdict(opening: Opening, messages: Sequence[Mapping[str, Any]], lang: str) -> Verdict:
    """The check of one opening as the page says it."""
    if not messages:
        return Verdict(
            "", word(lang, "evidence.past" if opening["stage"] == "end" else "verify.empty"), "", []
        )
    steps = recompute(str(opening["id"]), messages)
    last = steps[-1]
    if not last.good:
        return Verdict("bad", word(lang, "verify.bad", n=last.seq), "", steps[-SHOWN:])
    head = f"{word(lang, 'verify.head')} {last.found}"
    return Verdict("good", word(lang, "verify.good", n=last.seq), head, steps[:SHOWN])
