"""Two sources may use one key, and neither learns from an answer what the other has sent; nobody is shut out of one.

Worlds that differ only in what source hz has sent are asked the same by source other, at the doors of the intake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from typer.testing import CliRunner

from ingest.apply.envelopes import apply_batch
from ingest.csv.write import export_csv
from ingest.imports.files import import_paths
from ingest.kinds.registry import KINDS
from ingest.ocds.writing.export import export_ocds
from records.clock import now, running_from
from records.ledger import Ledger
from records.sources import add_source
from records.tables.bids import Bid
from records.tables.intake import Held, Parked
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.projects import Lot, Project
from sunbid.cli import app
from tests.ledgers import new_ledger

from .conftest import DEADLINE, KEY, LATER, envelope, market, rows
from .serving import auth, post, running
from .test_kinds import OTHERS, TABLES, everything

Json = dict[str, Any]
REGISTER = {"centre", "organisation", "room", "project", "lot", "opening"}
"""One key is one record for everybody: what addresses name."""
KINDS_OWN = [kind for kind in KINDS if kind not in REGISTER]
EVENT = {"opening": "opening-1", "type": "sign_in", "payload": {"count": 3}}
MINE = {"lot": "l-other", "project": "p-other", "opening": "o-other", "bid": "my-bid", "evaluation": "my-evaluation",
        "expert": "my-expert"}  # fmt: skip
"""What the other source has of its own, to be named in the place of what hz has."""


def secret() -> list[Json]:
    """All that hz sends of its lot, in one world and not in the other."""
    kept = {record["key"] for record in market(1, 2)} | {"opening-1"}
    return [
        *(r for r in everything() if r["key"] not in kept),
        envelope("opening_event", "opening_event-1", EVENT),
    ]


def common() -> list[Json]:
    """What hz has sent in every world: the market, its lot and its opening."""
    return [*market(1, 2), envelope("opening", "opening-1", OTHERS["opening"])]


def own() -> list[Json]:
    """The project, lot, opening, bid, evaluation and expert of the other source."""
    return [
        envelope("project", "p-other", {"name": "示例"}),
        envelope("lot", "l-other", {"project": "p-other", "name": "示例", "deadline": DEADLINE}),
        envelope("opening", "o-other", {"lot": "l-other", "scheduled_at": DEADLINE}),
        envelope("bid", "my-bid", {"lot": "l-other", "bidder": "o0"}),
        envelope("evaluation", "my-evaluation", {"lot": "l-other"}),
        envelope("expert", "my-expert", {}),
    ]


def data_of(kind: str, mine: Iterable[str] = ()) -> Json:
    """The data hz sends of a kind, with the `mine` of its references turned to the other source's own."""
    data = EVENT if kind == "opening_event" else OTHERS[kind]
    return {name: MINE[name] if name in mine else value for name, value in data.items()}


def probes(kind: str) -> list[Json]:
    """Every way to ask: a key held by hz or by nobody, on its lot or on an own one, naming its records or own ones."""
    turned = [(), {"lot", "project", "opening"}, {"lot", "bid"}, {"lot", "evaluation", "expert"}, set(MINE)]
    asked = []
    for key in (f"{kind}-1", f"{kind}-free"):
        for version, mine in enumerate(turned, 1):
            asked.append(envelope(kind, key, data_of(kind, mine), version, LATER))
    return asked


ALL = [probe for kind in KINDS_OWN for probe in probes(kind)]


@dataclass
class World:
    """A ledger and what the other source is told by it."""

    ledger: Ledger
    folder: Path
    early: bool
    """Whether hz has sent what is secret before the other asks."""
    late: bool = False
    """Whether hz sends it after."""
    told: Json = field(default_factory=dict)
    hz: list[str] = field(default_factory=list)

    async def run(self, door: Any) -> Json:
        """Everything the other source can read, with nothing masked but the moments."""
        with self.ledger.write() as session:
            token = add_source(session, "other")
        self._hz(common())
        if self.early:
            self._hz(secret())
        async with running(self.ledger, self.folder) as at:
            self.told["answers"] = await door(at, token, [*own(), *ALL])
            self.told["read"] = await _read(at, token)
            if self.late:
                self._hz(secret())
            self.told["again"] = await door(at, token, [*own(), *ALL])
            self.told["read again"] = await _read(at, token)
        return self.told

    def _hz(self, records: list[Json]) -> None:
        self.hz += [answer.status for answer in apply_batch(self.ledger, "hz", records, key=KEY)]


async def by_http(at: str, token: str, records: list[Json]) -> list[Any]:
    """The answer of one POST and of POSTs of one record each."""
    whole = await post(at, json.dumps(records).encode(), auth(token))
    return [whole.status_code, dict(whole.headers).get("content-length"), whole.text]


async def by_websocket(at: str, token: str, records: list[Json]) -> list[Any]:
    async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
        for record in [*records, {"resume": True}]:
            await socket.send(json.dumps(record))
        return [await socket.recv() for _ in range(len(records) + 1)]


async def _read(at: str, token: str) -> Json:
    async with httpx.AsyncClient(base_url=f"http://{at}", headers=auth(token), timeout=60) as client:
        found: Json = {"schema": (await client.get("/schema")).text}
        found["rejects"] = (await client.get("/rejects", params={"limit": 1000})).json()
        for line in found["rejects"]["rejects"]:
            line["received_at"], line["resolved_at"] = None, line["resolved_at"] is not None
        for kind in KINDS:
            asked = {"kind": kind, "key": [f"{kind}-1", f"{kind}-free", *MINE.values()]}
            found[kind] = (await client.get("/records/held", params=asked)).text
    return found


@pytest.fixture
def worlds(tmp_path: Path) -> Iterable[list[World]]:
    """hz has sent nothing more; has sent all before; sends all after."""
    made = []
    for number, (early, late) in enumerate(((False, False), (True, False), (False, True))):
        folder = tmp_path / str(number)
        made.append(World(new_ledger(folder / "ledger.db"), folder, early, late))
    with running_from(now().replace(year=2026, month=5, day=6, hour=3)):
        yield made
    for world in made:
        world.ledger.close()


@pytest.mark.parametrize("door", [by_http, by_websocket])
async def test_no_answer_hangs_on_what_another_source_has_sent(door: Any, worlds: list[World]) -> None:
    silent, before, after = [await world.run(door) for world in worlds]
    for told in (before, after):
        for part in silent:
            assert told[part] == silent[part], part
    statuses = "".join(map(str, silent["answers"]))
    assert "accepted" in statuses and "rejected" in statuses and "held by" not in statuses


def test_no_file_is_reported_otherwise_for_what_another_source_has_sent(worlds: list[World]) -> None:
    told = []
    for world in worlds[:2]:
        statuses_of(world.ledger, "hz", *common(), *(secret() if world.early else ()))
        file = world.folder / "other.jsonl"
        file.write_text("\n".join(json.dumps(record) for record in [*own(), *ALL]))
        report = import_paths(world.ledger, [file], data_dir=world.folder, source="other")
        refused = Path(report.rejects_file or "").read_text().replace(str(world.folder), "")
        told.append((report.read, report.accepted, report.duplicate, report.rejected, refused))
    assert told[0] == told[1] and told[0][0] == len(own()) + len(ALL)


async def test_the_owner_gets_every_key_whoever_was_first(worlds: list[World]) -> None:
    for world in worlds[1:]:
        await world.run(by_http)
        assert set(world.hz) == {"accepted"}
        for kind in KINDS_OWN:
            held = {
                row.source for row in rows(world.ledger, Held, Held.kind == kind, Held.key == f"{kind}-1")
            }
            assert "hz" in held, kind
        for kind, model in TABLES.items():
            if kind != "opening":
                mine = rows(world.ledger, model, model.source == "hz")
                assert len(mine) == 1, f"one {kind}, the other's beside it"
        assert {row.lot_id for row in rows(world.ledger, Deposit, Deposit.source == "hz")} == {"l0"}


async def test_the_answer_is_one_whether_the_key_is_held_or_free(worlds: list[World]) -> None:
    """Within one world too: only the key and the count differ."""
    told = await worlds[1].run(by_http)
    answers = [
        {name: value for name, value in answer.items() if name not in ("key", "seq")}
        for answer in json.loads(told["answers"][2])[len(own()) :]
    ]
    for kind, group in groupby(zip(ALL, answers, strict=True), key=lambda pair: pair[0]["kind"]):
        found = [answer for _, answer in group]
        half = len(found) // 2
        assert found[:half] == found[half:], kind


# ── keys that wait, files, what goes out ─────────────────────────────────────


def statuses_of(ledger: Ledger, source: str, *records: Json) -> list[str]:
    return [answer.status for answer in apply_batch(ledger, source, records, key=KEY)]


def bid(key: str, lot: str, **data: Any) -> Json:
    return envelope("bid", key, {"lot": lot, "bidder": "o0", **data})


def test_what_waits_is_woken_by_its_own_source_only(sqlite_ledger: Ledger) -> None:
    waiting = envelope("deposit", "w", {"lot": "l-other", "bidder": "o0", "bid": "coming", "amount": "1"})
    statuses_of(sqlite_ledger, "hz", *common())
    assert set(statuses_of(sqlite_ledger, "other", *own(), waiting)) == {"accepted"}
    assert statuses_of(sqlite_ledger, "hz", bid("coming", "l0")) == ["accepted"]
    assert len(rows(sqlite_ledger, Parked)) == 1
    assert statuses_of(sqlite_ledger, "other", bid("coming", "l-other")) == ["accepted"]
    assert rows(sqlite_ledger, Parked) == []
    (deposit,) = rows(sqlite_ledger, Deposit)
    (named,) = rows(sqlite_ledger, Bid, Bid.id == deposit.bid_id)
    assert (named.source, named.lot_id) == ("other", "l-other")


@pytest.mark.parametrize("first", ["hz", "other"])
def test_a_second_version_changes_the_senders_row(first: str, sqlite_ledger: Ledger) -> None:
    """Also where the row lies under the plain key, as every row of an older ledger does."""
    statuses_of(sqlite_ledger, "hz", *common())
    statuses_of(sqlite_ledger, "other", *own())
    lots = {"hz": "l0", "other": "l-other"}
    for source in sorted(lots, key=lambda name: name != first):
        assert statuses_of(sqlite_ledger, source, bid("b", lots[source], price="1")) == ["accepted"]
    for price, source in enumerate(lots, 2):
        newer = {**bid("b", lots[source], price=str(price)), "version": 2}
        assert statuses_of(sqlite_ledger, source, newer) == ["accepted"]
    held = {
        (row.source, row.lot_id, int(row.price)) for row in rows(sqlite_ledger, Bid, Bid.price.is_not(None))
    }
    assert held == {("hz", "l0", 2), ("other", "l-other", 3)}


def clash(ledger: Ledger) -> None:
    """Both sources hold a record of every kind, under the same keys."""
    base = [r for r in everything() if r["kind"] not in ("opening", "notice")]
    notice = envelope("notice", "notice-1", OTHERS["notice"])
    assert set(statuses_of(ledger, "hz", *base, notice)) == {"accepted"}
    assert set(statuses_of(ledger, "other", *own()[:2])) == {"accepted"}
    for kind in KINDS_OWN:
        if kind != "opening_event":
            record = envelope(kind, f"{kind}-1", data_of(kind, {"lot", "project"}))
            assert statuses_of(ledger, "other", record) == ["accepted"], kind
    assert rows(ledger, Parked) == []


def test_a_csv_pack_goes_out_and_comes_back_under_the_keys_as_sent(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    clash(sqlite_ledger)
    with running_from(now().replace(year=2026, month=5, day=8)):
        export_csv(sqlite_ledger, tmp_path / "out", language="en")
        text = "".join(path.read_text("utf-8-sig") for path in (tmp_path / "out").rglob("*.csv"))
        assert "\t" not in text and text.count("bid-1,") > 2
        copy = new_ledger(tmp_path / "copy.db")
        report = import_paths(copy, [tmp_path / "out" / name for name in ("hz", "other")], data_dir=tmp_path)
        assert report.rejected == 0, report
        for model in TABLES.values():
            assert {(row.source, row.id) for row in rows(copy, model)} == {
                (row.source, row.id) for row in rows(sqlite_ledger, model)
            }
        copy.close()


@pytest.mark.parametrize("public", [True, False])
def test_an_ocds_export_says_the_keys_as_sent(public: bool, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    clash(sqlite_ledger)
    export_ocds(sqlite_ledger, tmp_path / "out", public=public)
    text = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "\\t" not in text and "award-1" in text


# ── the register: projects, lots, openings ───────────────────────────────────


def test_a_record_that_waits_holds_no_key(sqlite_ledger: Ledger) -> None:
    statuses_of(sqlite_ledger, "hz", *market(1, 1))
    ahead = [
        envelope("lot", "l-9", {"project": "later", "name": "占位"}),
        envelope("opening", "o-9", {"lot": "later", "scheduled_at": LATER}),
    ]
    true = [
        envelope("lot", "l-9", {"project": "p", "name": "真", "deadline": LATER}),
        envelope("opening", "o-9", {"lot": "l-9", "scheduled_at": LATER}),
    ]
    assert statuses_of(sqlite_ledger, "other", *ahead) == ["accepted", "accepted"]
    with running_from(now().replace(year=2026, month=5, day=6, hour=2, minute=0)):
        assert statuses_of(sqlite_ledger, "hz", *true) == ["accepted", "accepted"]
        parents = [
            envelope("project", "later", {"name": "后到"}),
            envelope("lot", "later", {"project": "later", "name": "后到"}),
        ]
        assert statuses_of(sqlite_ledger, "other", *parents) == ["accepted", "accepted"]
    assert [row.source for row in rows(sqlite_ledger, Lot, Lot.id == "l-9")] == ["hz"]
    assert [(row.source, row.lot_id) for row in rows(sqlite_ledger, Opening)] == [("hz", "l-9")]


def test_a_taken_key_is_answered_clearly_and_handed_over_by_the_operator(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other has taken a project, a lot with bids, and an opening; hz gets them all and says what they are."""
    squat = [
        envelope("project", "p-9", {"name": "占位"}),
        envelope(
            "lot", "l-9", {"project": "p-9", "name": "占位", "deadline": LATER, "tender_project": "tp-9"}
        ),
        bid("b-9", "l-9", price="1"),
        envelope("opening", "o-9", {"lot": "l-other", "scheduled_at": LATER}),
    ]
    true = [
        envelope("project", "p-9", {"name": "真"}),
        envelope("lot", "l-9", {"project": "p-9", "name": "真", "deadline": LATER, "tender_project": "tp-9"}),
        bid("b-9", "l-9", price="5"),
        envelope("opening", "o-9", {"lot": "l-9", "scheduled_at": LATER}),
    ]
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path))
    monkeypatch.setenv("SUNBID_DATABASE_URL", sqlite_ledger.url.render_as_string(hide_password=False))
    with sqlite_ledger.write() as session:
        for name in ("hz", "other"):
            add_source(session, name)
    with running_from(now().replace(year=2026, month=5, day=6, hour=2, minute=0)):
        statuses_of(sqlite_ledger, "hz", *common()[:-1])
        assert set(statuses_of(sqlite_ledger, "other", *own()[:3], *squat)) == {"accepted"}
        refused = apply_batch(sqlite_ledger, "hz", true)
        assert [(answer.status, answer.path) for answer in refused] == [
            ("rejected", "key"), ("rejected", "key"), ("rejected", "data.lot"), ("rejected", "key"),
        ]  # fmt: skip
        assert "other" in (refused[0].reason or "") and "source give" in (refused[0].reason or "")
        command = CliRunner()
        for what in (["project", "p-9"], ["opening", "o-9"]):
            done = command.invoke(app, ["source", "give", *what, "hz", "--yes", "--json"])
            assert done.exit_code == 0, done.output
        assert statuses_of(sqlite_ledger, "hz", *true) == ["accepted"] * 4
        assert statuses_of(sqlite_ledger, "other", *squat) == ["rejected"] * 4
        for wrong in (
            ["project", "none", "hz"],
            ["project", "p-9", "nobody"],
            ["project", "p-9", "hz"],
            ["bid", "b-9", "hz"],
        ):
            assert command.invoke(app, ["source", "give", *wrong]).exit_code != 0
    assert [(row.source, row.name) for row in rows(sqlite_ledger, Project, Project.id == "p-9")] == [
        ("hz", "真")
    ]
    assert [(row.source, row.lot_id) for row in rows(sqlite_ledger, Opening, Opening.id == "o-9")] == [
        ("hz", "l-9")
    ]
    assert [(row.source, int(row.price)) for row in rows(sqlite_ledger, Bid, Bid.lot_id == "l-9")] == [
        ("hz", 5)
    ]


def test_a_tender_project_is_its_sources_own(sqlite_ledger: Ledger) -> None:
    def lot(key: str, project: str) -> Json:
        return envelope("lot", key, {"project": project, "name": "x", "tender_project": "tp"})

    statuses_of(sqlite_ledger, "hz", *market(1, 1))
    assert set(statuses_of(sqlite_ledger, "other", *own()[:1], lot("l-o", "p-other"))) == {"accepted"}
    assert statuses_of(sqlite_ledger, "hz", lot("l-h", "p")) == ["accepted"]
    calls = {
        row.id: row.tender_project_id for row in rows(sqlite_ledger, Lot, Lot.tender_project_id.is_not(None))
    }
    assert len(set(calls.values())) == 2
    assert rows(sqlite_ledger, Award) == []


def test_an_opening_under_way_is_handed_over_only_knowingly(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path))
    monkeypatch.setenv("SUNBID_DATABASE_URL", sqlite_ledger.url.render_as_string(hide_password=False))
    begun = {"count": 1, "bidders": [{"no": 1, "name": "公司0"}]}
    with sqlite_ledger.write() as session:
        add_source(session, "other")
    with running_from(now().replace(year=2026, month=5, day=6, hour=2, minute=0)):
        event = {"opening": "opening-1", "type": "bidders_published", "payload": begun}
        started = [*common(), envelope("opening_event", "e", event, at="2026-05-06T09:31:00+08:00")]
        assert set(statuses_of(sqlite_ledger, "hz", *started)) == {"accepted"}
        command = CliRunner()
        assert command.invoke(app, ["source", "give", "project", "p", "other"]).exit_code == 1
        assert {row.source for row in rows(sqlite_ledger, Opening)} == {"hz"}
        assert command.invoke(app, ["source", "give", "project", "p", "other", "--yes"]).exit_code == 0
    assert {row.source for row in rows(sqlite_ledger, Opening)} == {"other"}
