"""Data of the page `/verify`: the state of the log, who vouches for it, and the check of an opening's chain, made here for who
has no scripts; with scripts the reader's browser makes it anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from evidence import verify
from records import chain
from records.clock import BEIJING, now
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


LATE = timedelta(hours=1)
"""A witness that has vouched for nothing for so long, and not for the newest head, lags behind."""


def log_shown(state: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The log and its witnesses for the page; `state` as `streaming.log.keeper` tells it."""
    witnesses = [_witness(name, vouched, state["size"]) for name, vouched in state["witnesses"]]
    at = state["at"].astimezone(BEIJING) if state["at"] else None
    return {**state, "at": at, "witnesses": witnesses, "url": f"{base_url.rstrip('/')}/log"}


def _witness(name: str, vouched: Any, size: int) -> dict[str, Any]:
    if vouched is None:
        return {"name": name, "at": None, "size": 0, "kind": "never"}
    fresh = vouched.size >= size or now() - vouched.at < LATE
    return {
        "name": name,
        "at": vouched.at.astimezone(BEIJING),
        "size": vouched.size,
        "kind": "fresh" if fresh else "late",
    }


def example(lang: str) -> dict[str, Any]:
    """How a changed segment is told, for the page's example."""
    words = verify.WORDS[lang]
    at = {
        "segment": 812, "first": "446,050,000", "last": "446,599,999", "begins": "2026-11-19 14:16:24+08:00",
        "ends": "2026-11-19 14:16:28+08:00",
    }  # fmt: skip
    written, computed = (sha256(name).hexdigest() for name in (b"written", b"computed"))
    return {
        "example": words["place.segment"].format_map(at), "changed": words["changed"],
        "expected": _eights(written), "found": _eights(computed),
    }  # fmt: skip


def _eights(digest: str) -> list[str]:
    """A digest in groups of eight, as people compare it."""
    return [digest[at : at + 8] for at in range(0, len(digest), 8)]


PACKAGE = (
    (("manifest.json",), "manifest"),
    (("recording/",), "recording"),
    (("captions.vtt", "captions/"), "captions"),
    (("events.jsonl",), "events"),
    (("record.json", "record.pdf"), "record"),
    (("leaves.jsonl",), "leaves"),
    (("proofs.json",), "proofs"),
    (("checkpoint",), "checkpoint"),
    (("keys/",), "keys"),
    (("timestamps/",), "timestamps"),
    (("README.md",), "readme"),
)
"""Files of a package, and the message that says what they are: `site.format.<name>`."""
STANDARDS = (
    "RFC 6962", "RFC 8785", "RFC 3161", "c2sp.org/tlog-tiles", "c2sp.org/signed-note", "c2sp.org/tlog-cosignature",
)  # fmt: skip
"""The public specifications that a package and the log follow."""
