"""Two sources may use one key, and neither learns from it what the other has sent; through the HTTP door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.apply import apply_batch
from records.bids import Bid
from records.clock import now, running_from
from records.intake import Held, Parked
from records.ledger import Ledger
from records.money import Deposit
from records.sources import add_source

from .conftest import KEY, LATER, envelope, rows
from .serving import auth, post, running
from .test_kinds import everything

BIDDER = next(record["data"]["bidder"] for record in everything() if record["kind"] == "bid")


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    with running_from(now().replace(year=2026, month=5, day=6, hour=3)):
        apply_batch(sqlite_ledger, "hz", everything(), key=KEY)
        yield sqlite_ledger


@pytest.fixture
def tokens(ledger: Ledger) -> dict[str, str]:
    with ledger.write() as session:
        return {name: add_source(session, name) for name in ("hz", "other")}


def bid(key: str, lot: str, bidder: str) -> dict[str, Any]:
    return envelope("bid", key, {"lot": lot, "bidder": bidder, "price": "100"})


def own_lot() -> list[dict[str, Any]]:
    """A project, lot and opening of the other source's own."""
    return [
        envelope("project", "p-other", {"name": "示例", "trade_family": "works"}),
        envelope("lot", "l-other", {"project": "p-other", "name": "示例", "deadline": LATER}),
        envelope("opening", "o-other", {"lot": "l-other", "scheduled_at": LATER}),
    ]


async def told(at: str, token: str, *envelopes: Any) -> list[dict[str, Any]]:
    answer = await post(at, json.dumps(envelopes).encode(), auth(token))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def held_kinds() -> list[tuple[str, str]]:
    """(kind, key) of what hz holds and of what nobody holds, in pairs."""
    found = {record["kind"]: record["key"] for record in everything()}
    return [
        (kind, found[kind])
        for kind in ("bid", "deposit", "notice", "award", "contract", "evaluation", "objection")
    ]


@pytest.mark.parametrize(("kind", "key"), held_kinds())
async def test_an_answer_does_not_tell_whether_another_holds_the_key(
    kind: str, key: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    data = dict(next(record["data"] for record in everything() if record["kind"] == kind))
    strange = {**data, "lot": "l-other"} if "lot" in data else data
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["other"], *own_lot())
        on_theirs = await told(at, tokens["other"], envelope(kind, key, data), envelope(kind, "free-1", data))
        on_own = await told(
            at, tokens["other"], envelope(kind, key, strange, 2), envelope(kind, "free-2", strange, 2)
        )
    for pair in (on_theirs, on_own):
        taken, free = ({k: v for k, v in answer.items() if k not in ("key", "seq")} for answer in pair)
        assert taken == free and [answer["key"] for answer in pair] == [key, pair[1]["key"]]


@pytest.mark.parametrize("kind", ["deposit", "control_price", "score"])
async def test_a_reference_does_not_tell_whether_another_holds_the_record(
    kind: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    data = dict(next(record["data"] for record in everything() if record["kind"] == kind))
    bid_key = next(record["key"] for record in everything() if record["kind"] == "bid")
    asks = [
        envelope(kind, f"probe-{n}", {**{k: v for k, v in data.items() if k not in ("lot", "evaluation")}, "bid": key,
                 **({"lot": "l-other"} if "lot" in data else {}), **({"evaluation": "ev-none"} if "evaluation" in data else {})})
        for n, key in enumerate((bid_key, "no-such-bid"))
    ]  # fmt: skip
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["other"], *own_lot())
        answers = await told(at, tokens["other"], *asks)
        assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
        assert [answer.get("note") for answer in answers] == [None, None]
    assert len(rows(ledger, Parked)) == 2, "both wait alike"


async def test_nobody_is_shut_out_by_a_key_that_another_took_first(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    squat = [
        bid("late-1", "l-other", BIDDER),
        envelope("deposit", "d-9", {"lot": "l-other", "bidder": BIDDER, "amount": "100"}),
        envelope("opening_event", "e-9", {"opening": "o-other", "type": "paused", "payload": {}}),
    ]
    lot = next(record["key"] for record in everything() if record["kind"] == "lot")
    true = [
        bid("late-1", lot, BIDDER),
        envelope("deposit", "d-9", {"lot": lot, "bidder": BIDDER, "amount": "200"}),
    ]
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["other"], *own_lot(), *squat)
        answers = await told(at, tokens["hz"], *true)
        assert [(a["status"], a["key"]) for a in answers] == [("accepted", "late-1"), ("accepted", "d-9")]
        again = await told(at, tokens["hz"], *true)
        assert [a["status"] for a in again] == ["duplicate", "duplicate"]
        newer = await told(
            at, tokens["hz"], {**true[1], "version": 2, "data": {**true[1]["data"], "amount": "300"}}
        )
        assert newer[0]["status"] == "accepted"
    amounts = {row.lot_id: int(row.amount) for row in rows(ledger, Deposit) if row.id.startswith("d-9")}
    assert amounts == {"l-other": 100, lot: 300}
    assert {row.lot_id for row in rows(ledger, Bid) if row.id.startswith("late-1")} == {"l-other", lot}
    assert {row.source for row in rows(ledger, Held) if row.key.startswith("d-9")} == {"hz", "other"}


async def test_what_waits_for_a_key_is_not_woken_by_anothers(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    lot = next(record["key"] for record in everything() if record["kind"] == "lot")
    waiting = envelope("deposit", "w-1", {"lot": "l-other", "bidder": BIDDER, "bid": "coming", "amount": "1"})
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["other"], *own_lot(), waiting)
        assert (await told(at, tokens["hz"], bid("coming", lot, BIDDER)))[0]["status"] == "accepted"
        assert len(rows(ledger, Parked)) == 1, "it waits for its own source's bid"
        assert (await told(at, tokens["other"], bid("coming", "l-other", BIDDER)))[0]["status"] == "accepted"
    assert rows(ledger, Parked) == []
    (deposit,) = [row for row in rows(ledger, Deposit) if row.id == "w-1"]
    assert deposit.lot_id == "l-other"
