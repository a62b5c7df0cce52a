"""Who may say what, through the HTTP door: every kind, every field of a room, by the owner, another source and the house."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.apply.envelopes import apply_batch
from ingest.envelope import KINDS
from records import rooms as house
from records.clock import now, running_from
from records.ledger import Ledger
from records.public.rows import latest
from records.sources import add_source
from records.tables.intake import Held, Parked
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Centre, Organisation, Room

from .conftest import DEADLINE, KEY, LATER, envelope, market, rows
from .serving import auth, post, running
from .test_kinds import OTHERS, TABLES, everything

ANYONE, PROJECT, LOT, OPENING = "anyone", "data.project", "data.lot", "data.opening"
OWN = "own"
CREATE: dict[str, str] = {
    "centre": ANYONE, "organisation": ANYONE, "room": ANYONE, "expert": ANYONE, "relation": ANYONE,
    "credit": ANYONE, "inspection": ANYONE, "project": ANYONE, "lot": PROJECT, "opinion": PROJECT,
    "notice": LOT, "bid": LOT, "deposit": LOT, "objection": LOT, "opening": LOT, "evaluation": LOT,
    "award": LOT, "contract": LOT, "control_price": OWN, "score": OWN, "fee": OWN, "opening_event": OPENING,
}  # fmt: skip
"""Kind → who may create one: anyone, or only the owner of what is named there (then: the place of the refusal).
OWN: what it names is the sender's own, so another's waits for a record of that name of its own source."""
SHARED = {"centre", "organisation", "room"}
OWN_KEYS = {"expert", "relation", "credit", "inspection", "control_price", "score", "fee"}
"""Not shared, and no lot says whose they are: a key is another record where another source says it."""
EVENT = {"opening": "opening-1", "type": "sign_in", "payload": {"count": 3}}


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    with running_from(now().replace(year=2026, month=5, day=6, hour=3)):
        apply_batch(sqlite_ledger, "hz", everything(), key=KEY)
        yield sqlite_ledger


@pytest.fixture
def tokens(ledger: Ledger) -> dict[str, str]:
    with ledger.write() as session:
        return {name: add_source(session, name) for name in ("hz", "other")}


async def told(at: str, token: str, *envelopes: Any) -> list[dict[str, Any]]:
    answer = await post(at, json.dumps(envelopes).encode(), auth(token))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def data_of(kind: str) -> dict[str, Any]:
    """What hz has sent of a kind: its own first record."""
    if kind == "opening_event":
        return EVENT
    sent = {record["kind"]: record["data"] for record in reversed(everything())}
    return dict(sent[kind])


def test_the_table_speaks_of_every_kind() -> None:
    assert set(CREATE) == set(KINDS)


@pytest.mark.parametrize("kind", CREATE)
async def test_who_may_create(kind: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path) -> None:
    theirs, ours = envelope(kind, f"new-{kind}", data_of(kind)), envelope(kind, f"own-{kind}", data_of(kind))
    async with running(ledger, tmp_path) as at:
        before = len(rows(ledger, Held))
        by_other, by_owner = *await told(at, tokens["other"], theirs), *await told(at, tokens["hz"], ours)
    assert by_owner["status"] == "accepted", by_owner
    if CREATE[kind] in (ANYONE, OWN):
        assert by_other["status"] == "accepted", by_other
        assert len(rows(ledger, Parked)) == (CREATE[kind] == OWN)
    else:
        assert (by_other["status"], by_other["path"]) == ("rejected", CREATE[kind])
        assert "hz" in by_other["reason"]
        assert len(rows(ledger, Held)) == before + 1, "nothing of it is held"


@pytest.mark.parametrize("kind", CREATE)
async def test_who_may_change(kind: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path) -> None:
    key = next((r["key"] for r in everything() if r["kind"] == kind), "event-1")
    changed = envelope(kind, key, data_of(kind), version=7, at=LATER)
    async with running(ledger, tmp_path) as at:
        if kind == "opening_event":
            await told(at, tokens["hz"], envelope(kind, key, EVENT))
        by_other, by_owner = *await told(at, tokens["other"], changed), *await told(at, tokens["hz"], changed)
    assert by_other["status"] == ("accepted" if kind in SHARED | OWN_KEYS else "rejected"), by_other
    if kind in OWN_KEYS:
        (owned,) = rows(ledger, TABLES[kind], TABLES[kind].id == key)
        assert owned.source == "hz", "another's record of that key is another record"
    assert by_owner["status"] == ("rejected" if kind == "opening_event" else "accepted"), by_owner


async def test_what_waits_is_judged_when_its_lot_comes(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    """A record sent before the lot it hangs on cannot slip in with the lot."""
    award = envelope("award", "early", {**OTHERS["award"], "lot": "later"})
    lot = envelope("lot", "later", {"project": "p", "name": "后到"})
    async with running(ledger, tmp_path) as at:
        assert (await told(at, tokens["other"], award))[0]["status"] == "accepted"
        assert (await told(at, tokens["hz"], lot))[0]["status"] == "accepted"
        with ledger.read() as session:
            assert latest(session, "award", "later") is None
        refused = await told(at, tokens["other"], {**award, "version": 2})
    assert (refused[0]["status"], refused[0]["path"]) == ("rejected", LOT)


async def test_an_own_record_cannot_be_moved_onto_anothers_lot(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    own = [
        envelope("project", "q", {"name": "自己的"}),
        envelope("lot", "m", {"project": "q", "name": "自己的"}),
        envelope("award", "a", {**OTHERS["award"], "lot": "m"}),
    ]
    moves = [
        envelope("award", "a", OTHERS["award"], 2),
        envelope("lot", "m", {"project": "p", "name": "自己的"}, 2),
    ]
    async with running(ledger, tmp_path) as at:
        assert {a["status"] for a in await told(at, tokens["other"], *own)} == {"accepted"}
        assert [a["path"] for a in await told(at, tokens["other"], *moves)] == [LOT, PROJECT]


# ── rooms, field by field ────────────────────────────────────────────────────

WAYS = ("opening", "witness", "evaluation")
OPEN, SHUT = {"kind": "opening", "public_allowed": True}, {"kind": "evaluation", "public_allowed": False}
CELLS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    # what the room is, what another source says, whether it is taken
    *(({"kind": is_}, {"kind": said}, is_ == said) for is_ in WAYS for said in WAYS),
    ({"kind": "evaluation"}, {}, True),
    *(({"public_allowed": is_}, {"public_allowed": said}, is_ is said) for is_ in (True, False) for said in (True, False)),
    ({"public_allowed": False}, {}, True),
    ({}, {"centre": "elsewhere"}, False),
    ({}, {"centre": "hz"}, True),
    ({}, {"name": "新名"}, False),
    ({}, {"name": "评标室"}, True),
    ({"name_en": "Room"}, {"name_en": "New name"}, False),
    ({"name_en": "Room"}, {"name_en": None}, False),
    ({"name_en": "Room"}, {}, True),
    ({}, {"capacity": 12}, False),
    ({"capacity": 12}, {}, True),
]  # fmt: skip
ROOM = {"centre": "hz", "name": "评标室"}


def held(ledger: Ledger, key: str) -> dict[str, Any]:
    room = rows(ledger, Room, Room.id == key)[0]
    return {
        name: getattr(room, name)
        for name in ("kind", "public_allowed", "name", "name_en", "capacity", "source")
    }


@pytest.mark.parametrize(("is_", "said", "taken"), CELLS)
async def test_another_source_on_a_field_of_a_room(
    is_: dict[str, Any],
    said: dict[str, Any],
    taken: bool,
    ledger: Ledger,
    tokens: dict[str, str],
    tmp_path: Path,
) -> None:
    elsewhere = envelope("centre", "elsewhere", {"name": "别处"})
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["hz"], elsewhere, envelope("room", "r", {**ROOM, **is_}))
        before = held(ledger, "r")
        (answer,) = await told(at, tokens["other"], envelope("room", "r", {**ROOM, **said}, at=LATER))
    assert answer["status"] == ("accepted" if taken else "rejected"), answer
    if not taken:
        assert answer["path"] == f"data.{next(iter(said))}" and " / " not in answer["reason"]
    assert held(ledger, "r") == before, "all stays, its owner too"


@pytest.mark.parametrize(("is_", "said", "taken"), CELLS)
async def test_no_source_changes_a_room_of_the_house(
    is_: dict[str, Any],
    said: dict[str, Any],
    taken: bool,
    ledger: Ledger,
    tokens: dict[str, str],
    tmp_path: Path,
) -> None:
    with ledger.write() as session:
        house.add(session, "r", "评标室", "hz", "evaluation" if is_.get("kind") else "opening")
        session.add(Centre(id="elsewhere", name="别处", source="local"))
    before = held(ledger, "r")
    async with running(ledger, tmp_path) as at:
        for source in ("hz", "other"):
            (answer,) = await told(at, tokens[source], envelope("room", "r", {**ROOM, **said}, at=LATER))
            same = all((before | {"centre": "hz"})[name] == value for name, value in said.items())
            assert answer["status"] == ("accepted" if same else "rejected"), answer
            assert held(ledger, "r") == before


async def test_only_its_owner_hides_and_shows_a_room(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    def public() -> bool:
        return bool(rows(ledger, Room, Room.id == "r")[0].is_public)

    async with running(ledger, tmp_path) as at:
        await told(at, tokens["hz"], envelope("room", "r", ROOM))
        (answer,) = await told(at, tokens["other"], envelope("room", "r", {**ROOM, **SHUT}, at=LATER))
        assert answer["status"] == "rejected" and "hz" in answer["reason"] and public()
        await told(at, tokens["hz"], envelope("room", "r", {**ROOM, **SHUT}, version=2, at=DEADLINE))
        assert not public()
        (answer,) = await told(at, tokens["other"], envelope("room", "r", {**ROOM, **OPEN}, at=LATER))
        assert answer["status"] == "rejected" and not public()


# ── centres, field by field ──────────────────────────────────────────────────

CENTRE: dict[str, Any] = {"name": "市本级", "name_en": "City", "level": "city", "division_code": "330100"}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("name", "劫持"), ("name_en", "Hijacked"), ("name_en", None), ("level", "small"), ("division_code", "330200"),
        ("witness_enabled", True),
    ],
)  # fmt: skip
async def test_a_centre_is_what_its_first_source_says(
    field: str, said: Any, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    def held_of() -> dict[str, Any]:
        (row,) = rows(ledger, Centre, Centre.id == "c")
        return {"source": row.source} | {name: getattr(row, name) for name in (*CENTRE, "witness_enabled")}

    expected = {"source": "hz", **CENTRE, "witness_enabled": False}
    async with running(ledger, tmp_path) as at:
        await told(at, tokens["hz"], envelope("centre", "c", CENTRE))
        same, short, differs = await told(
            at, tokens["other"], envelope("centre", "c", CENTRE, at=LATER),
            envelope("centre", "c", {"name": "市本级"}, 2, LATER), envelope("centre", "c", {**CENTRE, field: said}, 3, LATER),
        )  # fmt: skip
        assert [same["status"], short["status"], differs["status"]] == ["accepted", "accepted", "rejected"]
        assert differs["path"] == f"data.{field}" and "数据来源 hz" in differs["reason"]
        assert held_of() == expected
        (older,) = await told(
            at,
            tokens["other"],
            envelope("centre", "c", {**CENTRE, field: said}, 3, "2020-01-01T00:00:00+08:00"),
        )
        assert older["status"] == "rejected", "nor by a word of before"
        (own,) = await told(at, tokens["hz"], envelope("centre", "c", {**CENTRE, field: said}, 2))
        assert own["status"] == "accepted" and held_of() == {**expected, field: said}


async def test_a_centre_made_with_a_room_is_its_first_sources(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    with ledger.write() as session:
        house.add(session, "r", "开标室", "new")
    async with running(ledger, tmp_path) as at:
        (first,) = await told(at, tokens["hz"], envelope("centre", "new", {"name": "新中心"}))
        (second,) = await told(at, tokens["other"], envelope("centre", "new", {"name": "别名"}, at=LATER))
    assert (first["status"], second["status"]) == ("accepted", "rejected")
    assert rows(ledger, Centre, Centre.id == "new")[0].name == "新中心"


# ── what is shared, and the clock ────────────────────────────────────────────


async def test_the_newest_word_counts_and_no_word_is_for_ever(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    def says(name: str, at: str, version: int = 1) -> dict[str, Any]:
        return envelope("organisation", "city", {"name": name}, version, at)

    soon = (now() + timedelta(minutes=4)).isoformat()
    late = (now() + timedelta(minutes=6)).isoformat()

    def name() -> str:
        return str(rows(ledger, Organisation, Organisation.id == "city")[0].name)

    async with running(ledger, tmp_path) as at:
        for far in ("2199-12-31T00:00:00+08:00", late):
            (answer,) = await told(at, tokens["other"], says("锁住", far))
            assert (answer["status"], answer["path"]) == ("rejected", "occurred_at")
        await told(at, tokens["other"], says("以前", "2020-01-01T00:00:00+08:00"))
        assert name() == "某建设单位"
        await told(at, tokens["other"], says("新名", soon, 2))
        assert name() == "新名"
        await told(at, tokens["hz"], says("更正", (now() + timedelta(seconds=1)).isoformat(), 2))
        assert name() == "更正", "a clock that is ahead does not outweigh when we heard of it"


@pytest.mark.parametrize("kind", CREATE)
async def test_no_record_is_from_the_future(
    kind: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    ahead = (now() + timedelta(hours=1)).isoformat()
    async with running(ledger, tmp_path) as at:
        (answer,) = await told(at, tokens["hz"], envelope(kind, f"ahead-{kind}", data_of(kind), at=ahead))
    assert (answer["status"], answer["path"]) == ("rejected", "occurred_at")


def test_no_source_bears_the_name_of_the_house(ledger: Ledger) -> None:
    with ledger.write() as session, pytest.raises(ValueError, match="local"):
        add_source(session, "local")


# ── what only the house says ─────────────────────────────────────────────────


@pytest.mark.parametrize("head", ["ab" * 32, ""])
async def test_no_source_seals(head: str, ledger: Ledger, tokens: dict[str, str], tmp_path: Path) -> None:
    ended = {"opening": "opening-1", "type": "ended", "payload": {"result": "failed"}}
    sealed = {"opening": "opening-1", "type": "sealed", "payload": {"head": head, "segments": 0}}
    past = {"lot": "l0", "scheduled_at": DEADLINE, "state": "sealed", "ended_at": LATER}
    async with running(ledger, tmp_path) as at:
        answers = await told(
            at, tokens["hz"], envelope("opening_event", "e1", ended, at=LATER),
            envelope("opening_event", "e2", sealed, at=LATER), envelope("opening", "old", past, at=LATER),
        )  # fmt: skip
    assert [(a["status"], a.get("path")) for a in answers] == [
        ("accepted", None), ("rejected", "data.type"), ("rejected", "data.state"),
    ]  # fmt: skip
    assert "封存" in answers[1]["reason"]
    assert {row.state for row in rows(ledger, Opening)} == {"ended"}
    assert "sealed" not in {row.type for row in rows(ledger, OpeningEvent)}


async def test_no_source_speaks_as_somebody_of_the_house(
    ledger: Ledger, tokens: dict[str, str], tmp_path: Path
) -> None:
    events = [
        envelope("opening_event", f"e{i}", EVENT | more) for i, more in enumerate(({"actor": "host"}, {}))
    ]
    async with running(ledger, tmp_path) as at:
        assert {a["status"] for a in await told(at, tokens["hz"], *events)} == {"accepted"}
    assert {row.actor for row in rows(ledger, OpeningEvent)} == {"hz/host", "hz"}


async def test_the_schema_offers_only_what_is_taken(ledger: Ledger, tmp_path: Path) -> None:
    import httpx

    async with running(ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        for kind in ("opening", "opening_event"):
            assert '"sealed"' not in (await client.get(f"/schema/{kind}")).text


def test_the_market_is_one_sources(ledger: Ledger) -> None:
    """The standing of these tests: all that hz has sent was taken."""
    assert len(rows(ledger, Held)) == len(everything()) and market()
