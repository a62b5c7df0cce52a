"""The ledger out as OCDS and in again: the same ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.apply.envelopes import apply_batch
from ingest.files.folders import NotEmpty
from ingest.imports.files import ImportReport, import_paths
from ingest.kinds.registry import KINDS, TABLES
from ingest.ocds.writing.export import ExportReport, OcdsProfile, export_ocds
from ingest.ocds.writing.processes import carried
from messages import Message
from records import rooms
from records.ledger import Ledger
from records.sources import HOUSE
from records.states import verify_opening
from records.tables.base import table_of
from records.tables.intake import Source
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Room
from tests.ledgers import new_ledger

from .conftest import LATER, envelope, statuses
from .conftest import market as small_market
from .test_kinds import everything
from .test_ocds import RELEASE

_MADE_HERE = {"updated_at", "recorded_at"}
"""Columns that say when this ledger wrote the row."""


def tables(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Every row of every kind, column by column, but for when it was written here."""
    named = {**TABLES, "opening_event": table_of(OpeningEvent)}
    found: dict[str, list[dict[str, Any]]] = {}
    with ledger.read() as session:
        for kind, table in named.items():
            query = select(table).order_by(*table.primary_key.columns)
            kept = [
                {k: v for k, v in row.items() if k not in _MADE_HERE}
                for row in session.execute(query).mappings()
            ]
            found[kind] = kept
    return found


def out_and_in(
    ledger: Ledger, copy: Ledger, folder: Path, **profile: Any
) -> tuple[ExportReport, ImportReport]:
    told = export_ocds(ledger, folder / "out", public=False, profile=OcdsProfile(**profile))
    return told, import_paths(copy, [folder / "out"], data_dir=folder)


def assert_same(ledger: Ledger, copy: Ledger) -> None:
    before, after = tables(ledger), tables(copy)
    for kind, expected in before.items():
        assert after[kind] == expected, kind


def test_a_market_out_and_in_is_the_same_ledger(city: Ledger, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    told, report = out_and_in(city, sqlite_ledger, tmp_path, releases_per_file=40)
    assert report.rejected == report.notes == 0, Path(report.rejects_file or "").read_text()[:2000]
    before = tables(city)
    assert told.lots == len(before["lot"]) > 100 and told.bids == len(before["bid"]) > 500
    assert len(told.files) > 3
    assert_same(city, sqlite_ledger)
    with sqlite_ledger.read() as session:
        logged = list(session.scalars(select(Opening.id).where(Opening.head_seq > 3)))
        assert logged and not any(verify_opening(session, key) for key in logged)
        assert session.get_one(Source, "demo").demo
    again = import_paths(sqlite_ledger, [tmp_path / "out"], data_dir=tmp_path)
    assert (again.accepted, again.rejected) == (0, 0)
    for file in sorted((tmp_path / "out").glob("releases-*.json")):
        assert json.loads(file.read_text())["releases"]


def packages(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("releases-*.json"))]


Send = Any


def opened(send: Send, *, prequalification: bool = False, until: int = 99) -> None:
    """A lot of the small market with two bidders, opened as far as `until` steps."""
    lot = {"project": "p", "name": "标段0", "tenderer": "city", "deadline": "2026-05-06T09:30:00+08:00",
           "estimate": "7777", "base_price": "990", "prequalification": prequalification}  # fmt: skip
    market_records = [e for e in small_market(1, 2) if e["kind"] != "lot"]
    bids = [
        envelope(
            "bid",
            f"b{i}",
            {"lot": "l0", "bidder": f"o{i}", "price": f"{900 + i}", "manager": "张三", "mac": "02:00"},
        )
        for i in range(2)
    ]
    names = [{"no": i + 1, "name": f"公司{i}"} for i in range(2)]
    steps = [
        ("sign_in", {"count": 2}),
        ("bidders_published", {"count": 2, "bidders": names}),
        ("decrypt_progress", {"done": 2, "total": 2}),
        ("bid_read", {"no": 1, "name": "公司0", "price": "900"}),
        ("bid_read", {"no": 2, "name": "公司1", "price": "901"}),
        ("record_confirmed", {"rows": 2}),
        ("ended", {"result": "opened"}),
    ][:until]  # fmt: skip
    events = [
        envelope(
            "opening_event",
            f"e{i}",
            {"opening": "op", "type": kind, "payload": payload, "actor": "主持人"},
            at=LATER,
        )
        for i, (kind, payload) in enumerate(steps)
    ]
    answers = send(
        *market_records, envelope("lot", "l0", lot), *bids,
        envelope("opening", "op", {"lot": "l0", "room": "hz-01", "scheduled_at": "2026-05-06T09:30:00+08:00"}), *events,
    )  # fmt: skip
    assert set(statuses(answers)) == {"accepted"}


@pytest.mark.parametrize("prequalification", [False, True])
def test_a_logged_opening_comes_back_with_its_chain(
    prequalification: bool, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    opened(send, prequalification=prequalification)
    last = {"project": "p", "name": "改名的标段", "tenderer": "city", "deadline": "2026-05-06T09:30:00+08:00",
            "prequalification": prequalification, "status": "awarded", "agency": "o1"}  # fmt: skip
    assert statuses(send(envelope("lot", "l0", last, version=2))) == ["accepted"]
    with copied(tmp_path) as copy:
        _, report = out_and_in(ledger, copy, tmp_path)
        assert report.rejected == 0
        assert_same(ledger, copy)


@contextmanager
def copied(folder: Path) -> Iterator[Ledger]:
    """An empty ledger of one's own."""
    ledger = new_ledger(folder / "copy.db")
    yield ledger
    ledger.close()


def test_a_failed_round_and_the_next_one_come_back(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    first, second = "2026-05-06T09:30:00+08:00", "2026-06-06T09:30:00+08:00"
    lot = {"project": "p", "name": "标段", "deadline": first}
    again = {**lot, "deadline": second, "round": 2}

    def event(key: str, opening: str, kind: str, payload: dict[str, Any], at: str) -> dict[str, Any]:
        return envelope("opening_event", key, {"opening": opening, "type": kind, "payload": payload}, at=at)

    answers = send(
        *small_market(0, 2), envelope("lot", "l", lot),
        envelope("opening", "r1", {"lot": "l", "room": "hz-01", "scheduled_at": first, "host": "甲"}),
        envelope("opening", "r1", {"lot": "l", "scheduled_at": first, "host": "乙"}, version=2),
        event("a", "r1", "sign_in", {"count": 1}, first),
        event("b", "r1", "ended", {"result": "failed"}, first),
        envelope("lot", "l", {**again, "status": "retender"}, version=2),
        envelope("lot", "l", {**again, "status": "bidding"}, version=3),
        envelope("opening", "r2", {"lot": "l", "room": "hz-01", "scheduled_at": second}),
        event("c", "r2", "bidders_published", {"count": 1, "bidders": [{"no": 1, "name": "公司0"}]}, second),
        event("d", "r2", "paused", {"reason": "停电"}, second),
    )  # fmt: skip
    assert set(statuses(answers)) == {"accepted"}, answers
    with copied(tmp_path) as copy:
        _, report = out_and_in(ledger, copy, tmp_path)
        assert report.rejected == 0, Path(report.rejects_file or "").read_text()
        assert_same(ledger, copy)


def test_a_file_cannot_speak_for_a_platform_that_reports_here(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    """`hz` has a token: without --source its export is refused, with it everything is known already."""
    opened(send)
    export_ocds(ledger, tmp_path / "out", public=False)
    report = import_paths(ledger, [tmp_path / "out"], data_dir=tmp_path)
    assert report.accepted == 0 and report.rejected == report.read > 0
    assert "--source hz" in Path(report.rejects_file or "").read_text()


def test_foreign_ocds_keeps_its_ocid_and_lots(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "uk.json").write_text(json.dumps(RELEASE))
    import_paths(sqlite_ledger, [tmp_path / "uk.json"], data_dir=tmp_path)
    with copied(tmp_path) as copy:
        out_and_in(sqlite_ledger, copy, tmp_path)
        assert_same(sqlite_ledger, copy)
    release = packages(tmp_path / "out")[0]["releases"][0]
    assert (release["ocid"], [lot["id"] for lot in release["tender"]["lots"]]) == (
        "ocds-213czf-1",
        ["A", "B"],
    )
    assert [bid["id"] for bid in release["bids"]["details"]] == ["x", "y"]
    assert release["bids"]["details"][0]["relatedLots"] == ["A"]
    assert {p["id"] for p in release["parties"]} == {
        "CN-USCC-91330100799655058B",
        "GB-COH-1",
        "77",
        "GB-COH-2",
    }
    assert release["parties"][0]["identifier"]["scheme"] == "CN-USCC"


def test_amounts_keep_every_digit(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    exact = "899999999999999.1234"
    send(*small_market(1, 1), envelope("bid", "b", {"lot": "l0", "bidder": "o0", "price": exact}))
    with copied(tmp_path) as copy:
        out_and_in(ledger, copy, tmp_path)
        assert_same(ledger, copy)
    assert exact in (tmp_path / "out" / "releases-00001.json").read_text()


def test_rooms_of_the_house_come_back_where_the_house_has_none(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.write() as session:
        rooms.add(session, "r1", "一号室", "C1")
    with copied(tmp_path) as copy:
        _, report = out_and_in(ledger, copy, tmp_path)
        assert (report.accepted, report.rejected) == (2, 0)
        with copy.read() as session:
            room = session.get_one(Room, "r1")
            assert (room.name, room.centre_id, room.source) == ("一号室", "C1", HOUSE)
            assert room.token_hash is None, "a secret is no record"
        assert import_paths(copy, [tmp_path / "out"], data_dir=tmp_path).duplicate == 2
    again = import_paths(ledger, [tmp_path / "out"], data_dir=tmp_path)
    assert (again.accepted, again.rejected) == (0, 2), "no file speaks for a room that has a token here"


def test_a_folder_in_use_is_refused(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    with pytest.raises(NotEmpty) as refused:
        export_ocds(sqlite_ledger, tmp_path, public=True)
    assert refused.value.message == Message("files.not_empty", folder=str(tmp_path))


def test_every_kind_is_carried_somewhere() -> None:
    """A new kind travels with its lot or stands beside; none is forgotten."""
    reached = {"lot", *carried(), *(kind for kind in KINDS if kind in TABLES)}
    assert set(KINDS) - reached == {"opening_event"}


def test_every_kind_comes_back(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    lot = {"project": "p", "name": "x", "tenderer": "city", "tender_project": "tp", "organise_form": "entrusted",
           "unified_deal_code": "U1", "classify_code": "A01", "method": "selective", "division_code": "330106"}  # fmt: skip
    answers = send(*everything(), envelope("lot", "x", lot))
    assert set(statuses(answers)) == {"accepted"}
    with copied(tmp_path) as copy:
        _, report = out_and_in(ledger, copy, tmp_path)
        assert report.rejected == 0, Path(report.rejects_file or "").read_text()
        assert_same(ledger, copy)
        moved = {**lot, "division_code": "330110"}
        for held in (ledger, copy):
            assert apply_batch(held, "hz", [envelope("lot", "x", moved, 2)])[0].status == "accepted"
        assert_same(ledger, copy)
