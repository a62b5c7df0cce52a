"""Where openings take place, through the HTTP door: no source opens in another's room, none is kept
from opening by another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.apply.envelopes import apply_batch
from records import current, states
from records import rooms as house
from records.clock import now, running_from
from records.ledger import Ledger
from records.sources import add_source
from records.tables.openings import Opening

from .conftest import DEADLINE, KEY, LATER, envelope, market, rows
from .serving import auth, post, running

BIDDERS = {"count": 1, "bidders": [{"no": 1, "name": "公司0"}]}


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    """A market of hz with its room hz-01, a lot of its own of another source, and a room of the house."""
    with running_from(now().replace(year=2026, month=5, day=6, hour=3)):
        apply_batch(sqlite_ledger, "hz", market(), key=KEY)
        theirs = [
            envelope("project", "q", {"name": "乙工程"}),
            *(
                envelope("lot", f"m{i}", {"project": "q", "name": "乙标段", "deadline": DEADLINE})
                for i in range(2)
            ),
        ]
        apply_batch(sqlite_ledger, "other", theirs, key=KEY)
        with sqlite_ledger.write() as session:
            house.add(session, "house", "公用开标室", "hz")
        yield sqlite_ledger


class Door:
    """Two sources at the HTTP door."""

    def __init__(self, at: str, tokens: dict[str, str]) -> None:
        self.at, self.tokens = at, tokens

    async def send(self, source: str, *envelopes: Any) -> list[dict[str, Any]]:
        answer = await post(self.at, json.dumps(envelopes).encode(), auth(self.tokens[source]))
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def one(self, source: str, sent: dict[str, Any]) -> tuple[str, str | None]:
        (answer,) = await self.send(source, sent)
        self.reason = answer.get("reason", "")
        return answer["status"], answer.get("path")


def door(at: str, ledger: Ledger) -> Door:
    with ledger.write() as session:
        return Door(at, {name: add_source(session, name) for name in ("hz", "other")})


def opening(key: str, lot: str, room: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return envelope("opening", key, {"lot": lot, "room": room, "scheduled_at": DEADLINE, **more}, version)


def event(key: str, no: int, kind: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    data = {"opening": key, "type": kind, "payload": payload or {}}
    return envelope("opening_event", f"{key}#{no}", data, at=LATER[:14] + f"{no:02d}:00+08:00")


ACCEPTED, NO_ROOM = ("accepted", None), ("rejected", "data.room")


@pytest.mark.parametrize(
    "more",
    [{}, {"ended_at": LATER, "result": "opened"}, {"state": "cancelled"}, {"started_at": DEADLINE}],
    ids=["announced", "of the past", "cancelled", "said to have begun"],
)
async def test_no_opening_in_a_room_of_another_source(
    more: dict[str, Any], ledger: Ledger, tmp_path: Path
) -> None:
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        assert await both.one("other", opening("B", "m0", "hz-01", **more)) == NO_ROOM
        assert "hz-01" in both.reason and "数据来源 hz" in both.reason and " / " not in both.reason
        assert not rows(ledger, Opening)
        assert await both.one("other", opening("B", "m0", "house", **more)) == ACCEPTED
        assert await both.one("hz", opening("A", "l0", "hz-01", **more)) == ACCEPTED


async def test_none_is_moved_into_a_room_of_another_source(ledger: Ledger, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        assert await both.one("other", opening("B", "m0", "house")) == ACCEPTED
        assert await both.one("other", opening("B", "m0", "hz-01", 2)) == NO_ROOM
        assert await both.one("other", opening("B", "m0", "hz-01", 2, state="cancelled")) == NO_ROOM
        moved = {"scheduled_at": DEADLINE, "title": "乙", "room": "hz-01"}
        assert await both.one("other", event("B", 0, "scheduled", moved)) == ("rejected", "data.payload.room")
        assert await both.one("other", event("B", 1, "scheduled", {**moved, "room": "house"})) == ACCEPTED
    assert [row.room_id for row in rows(ledger, Opening)] == ["house"]


async def test_what_waits_for_its_lot_or_its_room_is_judged_then(ledger: Ledger, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        assert await both.one("other", opening("B", "m9", "hz-01")) == ACCEPTED
        assert await both.one("other", opening("C", "m0", "later")) == ACCEPTED
        lot = envelope("lot", "m9", {"project": "q", "name": "乙标段", "deadline": DEADLINE})
        assert await both.one("other", lot) == ACCEPTED
        assert await both.one("hz", envelope("room", "later", {"centre": "hz", "name": "后到"})) == ACCEPTED
    assert not rows(ledger, Opening)


async def test_one_announced_elsewhere_before_may_be_called_off(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.write() as session:
        at_nine = datetime.fromisoformat(DEADLINE)
        held = Opening(id="B", lot_id="m0", room_id="hz-01", scheduled_at=at_nine, source="other")
        states.new_opening(session, held)
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        data = {"lot": "m0", "room": "hz-01", "scheduled_at": DEADLINE}
        assert await both.one("other", envelope("opening", "B", data)) == NO_ROOM
        assert await both.one("other", envelope("opening", "B", {**data, "state": "cancelled"})) == ACCEPTED
    assert rows(ledger, Opening)[0].state == "cancelled"


@pytest.mark.parametrize("standing", ["in progress", "paused"])
async def test_no_source_keeps_another_from_opening_on_time(
    standing: str, ledger: Ledger, tmp_path: Path
) -> None:
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        begun = [opening("A", "l0", "house"), event("A", 0, "bidders_published", BIDDERS)]
        if standing == "paused":
            begun.append(event("A", 1, "paused"))
        assert {a["status"] for a in await both.send("hz", *begun)} == {"accepted"}
        assert await both.one("other", opening("B", "m0", "house")) == ACCEPTED
        steps = [
            event("B", 2, "bidders_published", BIDDERS),
            event("B", 4, "paused"),
            event("B", 5, "resumed"),
        ]
        assert {a["status"] for a in await both.send("other", *steps)} == {"accepted"}
    states_now = {row.id: row.state for row in rows(ledger, Opening)}
    assert states_now == {"A": "paused" if standing == "paused" else "in_progress", "B": "in_progress"}
    assert current.first(map(current.Claim.of_row, rows(ledger, Opening)), now()) == "A"


async def test_an_opening_takes_place_in_an_opening_room(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.write() as session:
        house.add(session, "closed", "评标一室", "hz", kind="evaluation")
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        room = envelope("room", "own", {"centre": "hz", "name": "评标二室", "kind": "witness"})
        assert await both.one("hz", room) == ACCEPTED
        for where in ("closed", "own"):
            assert await both.one("hz", opening("A", "l0", where)) == NO_ROOM
            assert await both.one("hz", opening("A", "l0", where, ended_at=LATER, result="opened")) == NO_ROOM
        assert await both.one("hz", opening("A", "l0", "house")) == ACCEPTED
        moved = {"scheduled_at": DEADLINE, "title": "甲", "room": "closed"}
        assert await both.one("hz", event("A", 0, "scheduled", moved)) == ("rejected", "data.payload.room")
        both_at_once = [
            envelope("room", "new", {"centre": "hz", "name": "评标三室", "kind": "evaluation"}),
            opening("C", "l1", "new"),
        ]
        assert [a["status"] for a in await both.send("hz", *both_at_once)] == ["accepted", "rejected"]
    assert {row.id: row.room_id for row in rows(ledger, Opening)} == {"A": "house"}


async def test_several_lots_of_one_source_open_in_one_session(ledger: Ledger, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at:
        both = door(at, ledger)
        for key, lot in (("A", "l0"), ("B", "l1")):
            assert await both.one("hz", opening(key, lot, "hz-01")) == ACCEPTED
            assert await both.one("hz", event(key, 0, "bidders_published", BIDDERS)) == ACCEPTED
    assert {row.state for row in rows(ledger, Opening)} == {"in_progress"}
