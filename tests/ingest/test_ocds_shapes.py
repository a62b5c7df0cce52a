"""Whatever stands in any place of an OCDS release: it is read, or told by its path, and the rest comes in as before."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.kinds.registry import TABLES
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project

from .conftest import count, rows
from .door import Door, Imported

Json = dict[str, Any]
Path_ = tuple[str | int, ...]

MONEY = {"amount": 600, "currency": "GBP", "valueAddedTaxIncluded": True}


def party(number: int) -> Json:
    return {"id": f"p{number}", "name": f"Firm {number}"}


RELEASE: Json = {
    "ocid": "?", "id": "1", "date": "2024-05-01T00:00:00Z", "tag": ["compiled"], "initiationType": "tender", "language": "en",
    "parties": [
        {**party(1), "roles": ["buyer"], "identifier": {"scheme": "local", "id": "77", "legalName": "Firm 1"}, "address": {"region": "Kent", "locality": "Dover", "streetAddress": "1 Pier"}},
        {**party(2), "roles": ["tenderer", "supplier"]},
    ],
    "buyer": party(1),
    "planning": {"project": "Plan", "budget": {"amount": MONEY, "project": "Budget", "projectID": "b"}},
    "tender": {
        "id": "t", "title": "School", "status": "complete", "procurementMethod": "selective", "mainProcurementCategory": "works",
        "awardCriteria": "priceOnly", "awardCriteriaDetails": "lowest", "value": MONEY, "procuringEntity": party(3), "tenderers": [party(2), party(4)],
        "tenderPeriod": {"startDate": "2024-01-01T00:00:00Z", "endDate": "2024-02-01T00:00:00Z"}, "awardPeriod": {"startDate": "2024-03-01T00:00:00Z"},
        "lots": [{"id": "A", "title": "Roof", "value": MONEY, "status": "complete"}, {"id": "B", "title": "Wall"}],
        "items": [{"id": "i", "classification": {"description": "roofing", "id": "x"}, "relatedLot": "A"}],
        "description": "no place for it",
    },
    "bids": {"details": [
        {"id": "x", "status": "valid", "date": "2024-01-20T00:00:00Z", "value": MONEY, "tenderers": [party(2), party(4)], "relatedLots": ["A"]},
        {"id": "y", "status": "disqualified", "tenderers": [party(5)], "relatedLot": "A"},
    ]},
    "awards": [
        {"id": "w", "title": "first", "status": "active", "date": "2024-03-01T00:00:00Z", "suppliers": [party(2), party(4)], "value": MONEY, "relatedLots": ["A"]},
        {"id": "v", "status": "cancelled", "suppliers": [party(5)], "relatedLots": ["A"]},
    ],
}  # fmt: skip
WRONG: list[Any] = [None, True, 5, "x", [], {}, ["x"], [None], [5], [{}], [[]], {"x": 1}, "", " "]


@pytest.fixture
def door(sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(tmp_path, sqlite_ledger, monkeypatch)


# ── every place, every other type ────────────────────────────────────────────


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from places(one, (*path, name))


def at(release: Any, path: Path_) -> Any:
    for name in path:
        release = release[name]
    return release


def spelt(path: Path_) -> str:
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path).lstrip(".")


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def ocid(number: int) -> str:
    """A process of a publisher of its own: nothing is shared with others."""
    return f"ocds-{number:06}-1"


def changed(number: int, path: Path_, *value: Any) -> Json:
    """The release as process `number` with another value at a place, or without it."""
    release = copy.deepcopy({**RELEASE, "ocid": ocid(number)})
    holder = at(release, path[:-1])
    if value:
        holder[path[-1]] = value[0]
    else:
        del holder[path[-1]]
    return release


def is_wrong(path: Path_, value: Any) -> bool:
    """Whether the value is of another type than the one that stands there; a number is as good an id as a text."""
    names = [name for name in path if isinstance(name, str)]
    numeric = names[-1] in ("id", "relatedLot", "relatedLots", "projectID") and value == 5
    empty = isinstance(value, str) and not value.strip()
    if (path == ("planning", "project") and value == {"x": 1}) or (path == ("bids",) and value == []):
        return False  # either shape is legal there
    return not numeric and (kind(value) != kind(at(RELEASE, path)) or empty)


def ledger_of(ledger: Ledger) -> dict[str, Any]:
    """Process → all rows of it, without its own number."""
    found: dict[str, list[str]] = {}
    with ledger.read() as session:
        for name in ("organisation", "project", "lot", "bid", "award"):
            table = TABLES[name]
            for row in session.execute(select(table).order_by(table.c.id)).mappings():
                told = {k: v for k, v in row.items() if k not in ("seq", "updated_at", "initials")}
                own = str(row["id"])[:11]
                found.setdefault(own, []).append(f"{name} {told}".replace(own, "?"))
    return dict(found)


def test_whatever_stands_in_any_place_is_told_and_the_rest_is_read(door: Door) -> None:
    """Each place of a release in turn holds a value of each other type. What comes in is what comes in without that
    place (or with it, where its meaning is plain), and a note or a refusal names the path."""
    base, lines, cases = {**RELEASE, "ocid": ocid(0)}, [], []
    lines.append(base)
    for path in [path for path in places(RELEASE) if path != ("ocid",)]:
        without = len(lines)
        lines.append(changed(without, path))
        for value in (value for value in WRONG if is_wrong(path, value)):
            plain = "5" if value == 5 else [value]  # told, and read as what it was meant to be
            cases.append((len(lines), without, path, value))
            lines += [changed(len(lines), path, value), changed(len(lines) + 1, path, plain)]
    made = door.file("odd.jsonl", "\n".join(map(json.dumps, lines)))
    held, told = ledger_of(door.ledger), by_line(made)
    assert len(cases) > 800 and not {reject["line"] - 1 for reject in made.rejects} & {n for n, *_ in cases}
    for number, without, path, value in cases:
        where = spelt(path)
        allowed = [held.get(ocid(n)[:11]) for n in (0, without, number + 1)]
        mine = told.get(number + 1, set()) | told[None]
        assert names(where, mine), f"silent: {where} = {value!r}"
        assert held[ocid(number)[:11]] in allowed, f"spread: {where} = {value!r}"


def by_line(made: Imported) -> dict[int | None, set[str]]:
    told: dict[int | None, set[str]] = {None: set()}
    for piece in (*made.notes, *made.rejects):
        told.setdefault(piece["line"], set()).add(piece["path"])
    return told


def names(where: str, told: set[str]) -> bool:
    """Whether a place, or one within it, is told; counted ones are told without their indices."""
    general = re.sub(r"\[\d+\]", "", where)
    return any(path in (where, general) or path.startswith((f"{where}.", f"{where}[")) for path in told)


# ── values of the right type that mean nothing ───────────────────────────────


def small(**parts: Any) -> Json:
    return {"ocid": "ocds-213czf-1", "id": "1", "date": "2024-05-01T00:00:00Z", "tag": ["compiled"], **parts}


def tender(**parts: Any) -> Json:
    return small(tender={"id": "t", "title": "School", **parts})


@pytest.mark.parametrize(
    ("release", "path"),
    [
        (tender(value={"amount": "一百"}), "tender.value.amount"),
        (tender(value={"amount": 1, "currency": "pounds"}), "tender.value.currency"),
        (tender(value={"amount": -1}), "tender.value"),
        (tender(status="activ"), "tender.status"),
        (tender(procurementMethod="opened"), "tender.procurementMethod"),
        (tender(mainProcurementCategory="工程"), "tender.mainProcurementCategory"),
        (tender(title=" "), "tender.title"),
        (tender(title="x" * 301), "tender.title"),
        (tender(tenderPeriod={"endDate": "soon"}), "tender.tenderPeriod.endDate"),
        (tender(tenderPeriod={"endDate": "2024-02-30"}), "tender.tenderPeriod.endDate"),
        (tender(tenderPeriod={"endDate": "2026-W01-1T00:00:00Z"}), "tender.tenderPeriod.endDate"),
        (tender(tenderPeriod={"endDate": "20240201T000000Z"}), "tender.tenderPeriod.endDate"),
        (tender(tenderPeriod={"endDate": 1706745600}), "tender.tenderPeriod.endDate"),
        (tender(tenderPeriod={"endDate": "0099-01-01T00:00:00Z"}), "tender.tenderPeriod.endDate"),
        (tender(lots=[{"title": "no id"}]), "tender.lots[0]"),
        (tender(tenderers=[{"address": {"region": "Kent"}}]), "tender.tenderers[0]"),
        ({**tender(), "date": "2025-13-01"}, "date"),
        ({**tender(), "date": "0001-01-01T00:00:00Z"}, "date"),
        ({**tender(), "parties": [{"id": "p", "roles": ["funder"]}]}, "parties.roles"),
        ({**tender(), "parties": [{"id": "p", "name": "甲"}, {"id": "p", "name": "乙"}]}, "parties[1]"),
        ({**tender(), "awards": [{"id": "w", "suppliers": [{"id": "S1"}, None, 5, {}]}]}, "awards[0].suppliers[2]"),
        ({**tender(), "awards": [{"id": "w", "suppliers": [{"id": "x" * 1001}]}]}, "awards[0].suppliers[0].id"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_told_and_costs_nothing_else(release: Json, path: str, door: Door) -> None:
    made = door.file("a.json", json.dumps(release))
    assert made.report["rejected"] == 0 and path in {note["path"] for note in made.notes}
    assert [lot.id for lot in rows(door.ledger, Lot)] == ["ocds-213czf-1"]
    assert count(door.ledger, Award) == len(release.get("awards", []))
    again = door.file("a.json", json.dumps(release))
    assert again.counts == (0, 0) and len(again.notes) == len(made.notes)


def test_two_lots_of_one_id_are_one_lot_and_a_note(door: Door) -> None:
    """The first one counts; the other is kept whole beside the ledger."""
    lots = [{"id": "L1", "title": "甲", "value": {"amount": 1}}, {"id": "L1", "title": "乙"}, {"id": "L2"}]
    made = door.file("a.json", json.dumps(tender(lots=lots)))
    assert {lot.name for lot in rows(door.ledger, Lot)} == {"甲", "School"}
    assert [(note["path"], note["record"]) for note in made.notes] == [("tender.lots[1]", lots[1])]
    assert door.file("b.json", json.dumps(tender(lots=[lots[2], lots[2]]))).notes == [], "the very same twice"


def test_a_party_without_an_id_is_known_by_its_name(door: Door) -> None:
    door.file("a.json", json.dumps({**tender(), "parties": [{"name": "Town", "roles": ["buyer"]}]}))
    assert {firm.name for firm in rows(door.ledger, Organisation)} == {"Town"}
    assert rows(door.ledger, Project)[0].tenderer_id == rows(door.ledger, Organisation)[0].id


def test_numbers_between_quotes_are_numbers_and_said(door: Door) -> None:
    bids = {"details": [{"id": "b", "tenderers": [{"id": "f"}], "value": {"amount": " 12.50 "}}]}
    made = door.file("a.json", json.dumps({**tender(value={"amount": "7"}), "bids": bids}))
    assert (rows(door.ledger, Lot)[0].estimate, rows(door.ledger, Bid)[0].price) == (7, 12.5)
    assert {note["path"] for note in made.notes} == {"tender.value.amount", "bids.details[0].value.amount"}


@pytest.mark.parametrize("number", ["1e-400", "0.00001", "3.333333333", "1e-99999999999"])
def test_an_amount_that_four_decimals_cannot_hold_is_said(number: str, door: Door) -> None:
    text = json.dumps(tender(value={"amount": "?"})).replace('"?"', number)
    made = door.file("a.json", text)
    assert {note["path"] for note in made.notes} == {"tender.value.amount"} and made.report["rejected"] == 0


# ── what holds the releases ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"releases": "x"}, "releases"),
        ({"releases": {"0": small()}}, "releases"),
        ({"releases": [5, small()]}, "releases[0]"),
        ({"records": {"0": small()}}, "records"),
        ({"records": [{"ocid": "ocds-213czf-2", "compiledRelease": "x"}]}, "records[0].compiledRelease"),
        ({"records": [{"ocid": "ocds-213czf-2", "compiledRelease": [], "releases": [small()]}]}, "records[0].compiledRelease"),
        ({"records": [{"ocid": "ocds-213czf-2", "versionedRelease": 5}]}, "records[0].versionedRelease"),
        ({"records": [{"ocid": "ocds-213czf-2", "releases": 5}]}, "records[0].releases"),
        (small(ocid=["ocds-213czf-1"]), "ocid"),
    ],
)  # fmt: skip
def test_what_should_hold_releases_is_one_refusal(document: Json, path: str, door: Door) -> None:
    made = door.file("a.json", json.dumps(document))
    assert [reject["path"] for reject in made.rejects] == [path]
    inner = json.dumps(small())[1:-1] in json.dumps(document) and not path.endswith(("releases", "records"))
    assert {lot.id for lot in rows(door.ledger, Lot)} == ({"ocds-213czf-1"} if inner else set())
