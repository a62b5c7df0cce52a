"""Processes released in parts, again, and backwards: all of it legal, none of it refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.imports.files import ImportReport, import_paths
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project

from .conftest import rows
from .official import Official
from .test_ocds import notes

PARTY = {"id": "GB-COH-1", "name": "Firm One"}
HEAD = {"ocid": "ocds-213czf-9", "initiationType": "tender"}
TENDER: dict[str, Any] = {
    **HEAD, "id": "1", "date": "2024-01-01T00:00:00Z", "tag": ["tender"],
    "tender": {"id": "t", "title": "School", "status": "active", "mainProcurementCategory": "works",
               "value": {"amount": 100, "currency": "GBP"}, "tenderPeriod": {"endDate": "2024-02-01T00:00:00Z"}},
}  # fmt: skip
AWARD: dict[str, Any] = {
    **HEAD, "id": "2", "date": "2024-03-01T00:00:00Z", "tag": ["award"],
    "awards": [{"id": "w", "status": "active", "suppliers": [PARTY], "value": {"amount": 90, "currency": "GBP"}}],
}  # fmt: skip
AMENDED: dict[str, Any] = {
    **HEAD, "id": "3", "date": "2024-04-01T00:00:00Z", "tag": ["tenderUpdate"], "tender": {"id": "t", "status": "cancelled"},
}  # fmt: skip


Load = Callable[..., ImportReport]


@pytest.fixture
def load(official: Official) -> Load:
    """Import releases the official schema accepts; none may be refused."""

    def imported(ledger: Ledger, folder: Path, *releases: dict[str, Any]) -> ImportReport:
        for release in releases:
            official.release.validate(release)
        path = folder / "uk.jsonl"
        path.write_text("\n".join(map(json.dumps, releases)))
        report = import_paths(ledger, [path], data_dir=folder, source="uk")
        assert report.rejected == 0, Path(report.rejects_file or "").read_text()
        return report

    return imported


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("together", [True, False])
def test_parts_make_one_lot_in_any_order(
    order: tuple[int, int], together: bool, load: Load, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    parts = [(TENDER, AWARD)[i] for i in order]
    for batch in [parts] if together else [[part] for part in parts]:
        load(sqlite_ledger, tmp_path, *batch)
    lot, project = rows(sqlite_ledger, Lot)[0], rows(sqlite_ledger, Project)[0]
    assert (lot.name, lot.status, lot.currency, lot.estimate) == ("School", "awarded", "GBP", 100)
    assert (lot.trade_family, project.name, project.trade_family) == ("works", "School", "works")
    for batch in [parts] if together else [[part] for part in parts]:
        assert load(sqlite_ledger, tmp_path, *batch).accepted == 0


def test_a_status_taken_back_stays_with_a_note(load: Load, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    load(sqlite_ledger, tmp_path, TENDER, AWARD)
    compiled = {**TENDER, "date": "2024-05-01T00:00:00Z", "tag": ["compiled"], "id": "4"}
    report = load(sqlite_ledger, tmp_path, compiled)
    assert notes(report) == {(1, "status")}
    assert rows(sqlite_ledger, Lot)[0].status == "awarded"
    assert load(sqlite_ledger, tmp_path, compiled).accepted == 0
    load(sqlite_ledger, tmp_path, AMENDED)
    assert rows(sqlite_ledger, Lot)[0].status == "awarded"


def test_other_data_under_the_same_date_is_newer(load: Load, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    first = {**TENDER, "tag": ["compiled"], "parties": [{**PARTY, "roles": ["tenderer"]}]}
    second = {
        **first,
        "tender": {**TENDER["tender"], "title": "Big school"},
        "parties": [{**PARTY, "name": "Firm 1"}],
    }
    load(sqlite_ledger, tmp_path, first)
    assert load(sqlite_ledger, tmp_path, second).accepted == 3
    assert rows(sqlite_ledger, Lot)[0].name == "Big school"
    assert rows(sqlite_ledger, Organisation)[0].name == "Firm 1"
    assert load(sqlite_ledger, tmp_path, first).accepted == 0, "older now"
    assert load(sqlite_ledger, tmp_path, second).accepted == 0


LEGAL: list[dict[str, Any]] = [
    {"awards": [{"id": "w", "status": "active"}]},
    {"awards": [{"id": "w", "status": "unsuccessful"}]},
    {"awards": [{"id": "w", "status": "active", "suppliers": [{}, {"name": None}]}]},
    {"bids": {"details": [{"id": "b", "status": "valid", "tenderers": [{}]}]}},
    {"buyer": {"identifier": {"scheme": "GB-COH", "id": 7}}, "parties": [{"id": "p", "identifier": {"scheme": "GB"}, "address": {"region": "Kent"}}]},
    {"awards": [{"id": "w", "status": None, "value": {"amount": None}}]},
    {"awards": [{"id": 7, "status": "active", "suppliers": [PARTY], "value": {"amount": -5, "currency": "GBP"}}]},
    {"awards": [{"id": "w", "date": "0001-01-01T00:00:00Z", "status": "active", "suppliers": [PARTY]}]},
    {"bids": {"details": [{"id": "b", "status": "valid", "tenderers": [PARTY], "value": {"amount": 1e300}}]}},
    {"bids": {"details": [{"id": "b", "status": None, "value": {"amount": 5, "currency": "USD"}}]}, "tender": {"id": "t", "value": {"currency": "GBP"}}},
    {"bids": {"details": [{"id": "b", "status": "invited", "tenderers": [PARTY]}]}},
    {"tender": {"id": "t", "tenderPeriod": {"startDate": "9999-01-01T00:00:00Z"}}},
    {"tender": {"id": 12, "title": None, "status": None, "lots": [{"id": "A", "title": None}], "numberOfTenderers": 5}},
    {"planning": {"budget": {"amount": {"amount": -1}}}, "parties": [{"name": "No id"}], "buyer": {"name": "Only a name"}},
    {"parties": [{"id": "p", "roles": None, "name": None, "identifier": {"id": None}}], "buyer": {"id": 7}},
    {"date": "0001-01-01T00:00:00Z"},
    {"contracts": [{"id": "c", "awardID": "w", "value": {"amount": 3}}], "tag": ["contract"]},
]  # fmt: skip


@pytest.mark.parametrize("part", LEGAL)
def test_nothing_is_refused_that_the_schema_accepts(
    part: dict[str, Any], load: Load, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    base = {**HEAD, "id": "1", "date": "2024-01-01T00:00:00Z", "tag": ["compiled"]}
    load(sqlite_ledger, tmp_path, {**base, **part})
    assert len(rows(sqlite_ledger, Lot)) == 1
    assert load(sqlite_ledger, tmp_path, {**base, **part}).accepted == 0


def test_a_link_instead_of_a_release_is_a_note(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    record = {
        "ocid": "ocds-213czf-9",
        "releases": [{"url": "https://example.org/1", "date": "2024-01-01T00:00:00Z"}],
    }
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"uri": "x:1", "records": [record]}))
    report = import_paths(sqlite_ledger, [path], data_dir=tmp_path)
    assert (report.read, report.rejected, report.notes) == (0, 0, 1)


def test_one_number_twice_and_one_price_for_several_lots(
    load: Load, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    lots = [{"id": "A"}, {"id": "B"}]
    bid = {"id": "b", "status": "valid", "tenderers": [PARTY], "value": {"amount": 5, "currency": "GBP"}}
    award = {
        "id": "w",
        "status": "active",
        "suppliers": [PARTY],
        "value": {"amount": 5, "currency": "GBP"},
        "relatedLots": ["A", "B"],
    }
    release = {**TENDER, "tender": {**TENDER["tender"], "lots": lots}, "awards": [award],
               "bids": {"details": [{**bid, "relatedLots": ["A"]}, {**bid, "relatedLots": ["A"], "value": {"amount": 6}}]}}  # fmt: skip
    report = load(sqlite_ledger, tmp_path, release)
    assert sorted(bid.price for bid in rows(sqlite_ledger, Bid)) == [5, 6]
    assert [award.price for award in rows(sqlite_ledger, Award)] == [None, None]
    assert notes(report) == {(1, "awards[0].value")}
