"""Malformed envelopes and files, made in their thousands from good ones."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from ingest.kinds.registry import KINDS

from .conftest import envelope, market
from .test_kinds import OTHERS

GOOD = [*market(2, 3), *(envelope(kind, f"{kind}-f", data) for kind, data in OTHERS.items())]
_BAD: list[Any] = [
    None, True, False, 0, -1, 1e308, -0.0, 2**63, 10**30, "", " ", "\x00", "\ud800", "NaN", "Infinity", "1e999999",
    "9" * 5_000, "x" * 70_000, [], [[]], {}, {"$ref": "#"}, "2026-02-30T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59+23:59",
    "2026-05-06T09:30:00", "１２３", "−5", "../../etc/passwd", "'; DROP TABLE bid; --", "<script>", "‮", "🀄" * 50,
    ["a"] * 500, {"a": {"b": {"c": 1}}}, "330199\n", float("nan"), float("inf"),
]  # fmt: skip
_NAMES = [
    "source",
    "kind",
    "key",
    "version",
    "occurred_at",
    "data",
    "extra",
    "",
    "data.x",
    "__proto__",
    "\x00",
]


def envelopes(count: int, seed: int) -> Iterator[bytes]:
    """`count` envelopes as they come over the wire, nearly all of them wrong somewhere."""
    rng = random.Random(seed)
    for number in range(count):
        record = json.loads(json.dumps(rng.choice(GOOD)))
        record["key"] = f"z{number}"
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            _spoil(record, rng)
        yield _written(record, rng)


def _spoil(record: dict[str, Any], rng: random.Random) -> None:
    where = record
    if isinstance(record.get("data"), dict) and record["data"] and rng.random() < 0.6:
        where = record["data"]
    what = rng.random()
    if what < 0.2 and where:
        where.pop(rng.choice(sorted(where)))
    elif what < 0.4:
        where[rng.choice(_NAMES)] = copy.deepcopy(rng.choice(_BAD))
    elif what < 0.5:
        record["kind"] = rng.choice([*KINDS, *_NAMES])
    elif where:
        where[rng.choice(sorted(where))] = copy.deepcopy(rng.choice(_BAD))


def _written(record: dict[str, Any], rng: random.Random) -> bytes:
    text = json.dumps(record, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    what = rng.random()
    if what < 0.08:
        return text[: rng.randrange(len(text))]
    if what < 0.14:
        at = rng.randrange(len(text))
        return text[:at] + rng.randbytes(rng.randrange(1, 9)) + text[at + rng.randrange(3) :]
    if what < 0.16:
        return b'{"a":' * rng.choice((40, 2_000)) + text
    if what < 0.18:
        return rng.randbytes(rng.randrange(200))
    return text


def files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of files nobody should have sent: CSV, JSON, JSON Lines, gzip and zip."""
    rng = random.Random(seed)
    for number in range(count):
        body = b"\n".join(envelopes(rng.randrange(1, 4), seed * 1_000_003 + number))
        name = rng.choice(
            ["bid.csv", "lot.csv", "score.csv", "x.json", "x.jsonl", "x.json.gz", "x.zip", "bid.csv.gz"]
        )
        if name.startswith(("bid", "lot", "score")):
            cells = [
                rng.choice(["lot", "bidder", "price", "key", "标段", "报价", ";", '"', str(rng.choice(_BAD))])
                for _ in range(9)
            ]
            body = ",".join(cells).encode("utf-8", "replace") + b"\r\n" + body
        yield name, body if rng.random() < 0.9 else rng.randbytes(300)
