"""OCDS at `sunbid import`: what a release means is kept and counted once; what has no place is a note."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from sunbid.cli import app
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters
from supervision.lens.reader import Lens
from supervision.lens.writer import LensWriter
from supervision.rules.facts import load_facts

from .conftest import count, rows
from .door import Door
from .test_export_ocds import assert_same, copied


@pytest.fixture
def door(sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(tmp_path, sqlite_ledger, monkeypatch)


def firm(number: int) -> dict[str, str]:
    return {"id": f"GB-COH-{number}", "name": f"Firm {number}"}


def release(number: int, **tender: Any) -> dict[str, Any]:
    return {"ocid": f"ocds-213czf-{number}", "id": "1", "date": "2024-05-01T00:00:00Z", "tag": ["compiled"],
            "tender": {"id": "t", "title": f"School {number}", "status": "complete", "value": {"amount": 1000, "currency": "CNY"},
                       "tenderPeriod": {"endDate": "2024-02-01T00:00:00Z"}, **tender}}  # fmt: skip


def award(*suppliers: int, amount: float = 900, **value: Any) -> list[dict[str, Any]]:
    return [{"id": "w", "status": "active", "date": "2024-03-01T00:00:00Z", "suppliers": [firm(n) for n in suppliers],
             "value": {"amount": amount, "currency": "CNY", **value}}]  # fmt: skip


def put(door: Door, *releases: dict[str, Any]) -> Any:
    return door.file("a.json", json.dumps({"releases": list(releases)}, indent=1))


@pytest.mark.parametrize("amount", ["-0.0", "-0", "-0.00001", "0.0"])
def test_minus_nothing_is_nothing(amount: str, door: Door) -> None:
    made = put(door, release(1, value={"amount": float(amount), "currency": "CNY"}), release(2))
    assert made.report["rejected"] == 0
    assert len(rows(door.ledger, Lot)) == 2
    assert made.report["notes"] == (1 if amount == "-0.00001" else 0)


def lens_of(door: Door) -> Lens:
    LensWriter(door.ledger, door.folder).refresh()
    return Lens(door.folder)


# ── characters ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x0b", "\x85", "\u202e", "\ud800", "\uffff"])
def test_a_control_character_costs_nothing_but_itself(character: str, door: Door) -> None:
    odd = release(
        2, title=f"Sch{character}ool", procuringEntity={"id": f"b{character}", "name": f"Ci{character}ty"}
    )
    odd["ocid"] += character
    made = put(door, release(1), {**odd, f"x{character}": 1, "awards": award(1)}, release(3))
    assert made.report["rejected"] == 0
    lots = {lot.id: lot.name for lot in rows(door.ledger, Lot)}
    assert set(lots) == {f"ocds-213czf-{n}" for n in (1, 2, 3)} and lots["ocds-213czf-2"] == "School"
    told = {note["path"] for note in made.notes}
    assert {"releases[1].tender.title", "releases[1].tender.procuringEntity.name", "releases[1].ocid"} <= told


# ── consortia ────────────────────────────────────────────────────────────────


def test_an_award_to_several_is_one_award_of_a_consortium(door: Door, tmp_path: Path) -> None:
    """Once in the ledger, in the figures, in the files that go out, and again after the way back."""
    put(
        door,
        {**release(1), "awards": award(1, 2, 3)},
        {**release(2), "awards": award(4)},
        {**release(3), "awards": award(5, 5)},
    )
    held = {row.lot_id: row for row in rows(door.ledger, Award)}
    assert len(held) == count(door.ledger, Award) == 3
    one = held["ocds-213czf-1"]
    assert (one.bidder_id, one.consortium, one.price) == ("GB-COH-1", ["GB-COH-2", "GB-COH-3"], Decimal(900))
    assert held["ocds-213czf-3"].consortium == []
    assert {f"GB-COH-{n}" for n in range(1, 6)} <= {row.id for row in rows(door.ledger, Organisation)}
    amount = Answers(lens_of(door)).value("M02", Filters(period=None))
    assert (amount.sum, amount.count) == (Decimal(2700), 3)
    for words in ([], ["--public"]):
        out = tmp_path / f"out{len(words)}"
        assert CliRunner().invoke(app, ["export", "--out", str(out), *words]).exit_code == 0
        told = [r for file in out.glob("releases-*.json") for r in json.loads(file.read_text())["releases"]]
        first = next(r for r in told if r["ocid"] == "ocds-213czf-1")
        assert [[s["id"] for s in a["suppliers"]] for a in first["awards"]] == [
            [f"GB-COH-{n}" for n in (1, 2, 3)]
        ]
        assert {p["id"] for p in first["parties"] if "supplier" in p["roles"]} == {
            f"GB-COH-{n}" for n in (1, 2, 3)
        }
    with copied(tmp_path) as copy:
        back = Door(tmp_path / "copy", copy, pytest.MonkeyPatch())
        assert back.put(tmp_path / "out0").report["rejected"] == 0
        assert_same(door.ledger, copy)


def test_a_consortium_comes_by_every_other_road(door: Door) -> None:
    door.file("项目.csv", "编号,名称\nP,校\n")
    door.file("主体.csv", "编号,名称\nF,甲\nG,乙\n")
    door.file("标段.csv", "编号,项目,名称,含税\nL,P,楼,不含税\n")
    made = door.file("中标.csv", "编号,标段,中标人,联合体成员,中标价,含税\nA,L,F,G,5,不含税\n")
    assert made.counts == (1, 0), made.rejects
    held = rows(door.ledger, Award)[0]
    assert (held.consortium, held.vat, rows(door.ledger, Lot)[0].vat) == (["G"], "excluded", "excluded")


# ── participants ─────────────────────────────────────────────────────────────


def test_tenderers_without_bids_took_part_and_bid_nothing_known(door: Door, tmp_path: Path) -> None:
    bids = {
        "details": [
            {
                "id": "b",
                "tenderers": [firm(9)],
                "value": {"amount": 950, "currency": "CNY"},
                "status": "valid",
            }
        ]
    }
    put(
        door, {**release(1, tenderers=[firm(1), firm(2), firm(1)]), "awards": award(1)}, {**release(2), "awards": award(4)},
        {**release(3, tenderers=[firm(9)]), "bids": bids, "awards": award(9)},
        release(4, tenderers=[firm(1), firm(2)], lots=[{"id": "A"}, {"id": "B"}]),
    )  # fmt: skip
    lots = {lot.id: lot.participants for lot in rows(door.ledger, Lot)}
    assert lots["ocds-213czf-1"] == lots["ocds-213czf-4/B"] == ["GB-COH-1", "GB-COH-2"]
    assert lots["ocds-213czf-2"] == lots["ocds-213czf-3"] == []
    assert count(door.ledger, Bid) == 1 and rows(door.ledger, Bid)[0].price == Decimal(950)
    lens = lens_of(door)
    known = dict(lens.rows("SELECT lot_id, bids FROM lots ORDER BY lot_id"))
    assert known["ocds-213czf-1"] is None and known["ocds-213czf-2"] is None and known["ocds-213czf-3"] == 1
    failed = Answers(lens).value("M11", Filters(period=None))
    assert (failed.numerator, failed.denominator, failed.unknown) == (1, 1, len(known) - 1)
    assert Answers(lens).value("M10", Filters(period=None)).lots == 1
    assert CliRunner().invoke(app, ["export", "--out", str(tmp_path / "all")]).exit_code == 0
    assert CliRunner().invoke(app, ["export", "--public", "--out", str(tmp_path / "public")]).exit_code == 0
    assert "tenderers" not in (tmp_path / "public" / "releases-00001.json").read_text(), (
        "secret as bidders are"
    )
    with copied(tmp_path) as copy:
        back = Door(tmp_path / "copy", copy, pytest.MonkeyPatch())
        assert back.put(tmp_path / "all").report["rejected"] == 0
        assert_same(door.ledger, copy)


# ── with and without VAT ─────────────────────────────────────────────────────


def test_amounts_with_and_without_vat_are_never_added_or_compared(door: Door) -> None:
    with_vat, without = {"valueAddedTaxIncluded": True}, {"valueAddedTaxIncluded": False}
    value = {"amount": 1000, "currency": "CNY"}
    mixed = {"details": [
        {"id": "1", "tenderers": [firm(1)], "value": {"amount": 950, "currency": "CNY", **with_vat}, "status": "valid"},
        {"id": "2", "tenderers": [firm(2)], "value": {"amount": 800, "currency": "CNY", **without}, "status": "valid"},
        {"id": "3", "tenderers": [firm(3)], "value": {"amount": 960, "currency": "CNY"}, "status": "valid"},
    ]}  # fmt: skip
    put(
        door,
        {
            **release(1, value={**value, **with_vat}),
            "bids": mixed,
            "awards": award(1, amount=950, **with_vat),
        },
        {**release(2, value={**value, **with_vat}), "awards": award(2, amount=700, **without)},
        {**release(3), "awards": award(3, amount=900)},
    )
    assert {row.lot_id[-1]: row.vat for row in rows(door.ledger, Award)} == {
        "1": "included",
        "2": "excluded",
        "3": None,
    }
    assert {row.bidder_id[-1]: row.vat for row in rows(door.ledger, Bid)} == {
        "1": "included",
        "2": "excluded",
        "3": None,
    }
    lens = lens_of(door)
    amount = Answers(lens).value("M02", Filters(period=None))
    assert (amount.sum, amount.currency, amount.elsewhere) == (Decimal(1850), "CNY", 1), (
        "told apart, and how many"
    )
    prices = dict(lens.rows("SELECT bidder_id, price FROM bids"))
    assert prices == {"GB-COH-1": Decimal(950), "GB-COH-2": None, "GB-COH-3": Decimal(960)}
    with door.ledger.read() as session:
        facts = load_facts(session, ["ocds-213czf-1"], ["ocds-213czf-1"])[0]
    assert [bid.price for bid in facts.bids] == [Decimal(950), None, Decimal(960)] and not facts.prices_read


# ── what has no place ────────────────────────────────────────────────────────


def test_fields_without_a_place_are_notes_with_their_count(door: Door) -> None:
    odd = {
        "numberOfTenderers": 3,
        "documents": [{"id": "d"}],
        "lots": [{"id": "A", "x_new": 1}, {"id": "B", "x_new": 2}],
    }
    made = put(
        door,
        release(1),
        {**release(2, **odd), "x_own": {"a": [1]}, "contracts": [{"id": "c"}]},
        {**release(3), "x_own": 2},
    )
    told = {note["path"]: note["record"] for note in made.notes}
    assert set(told) == {
        "tender.numberOfTenderers",
        "tender.documents",
        "tender.lots.x_new",
        "x_own",
        "contracts",
    }
    assert (told["x_own"]["times"], told["tender.lots.x_new"]["times"], told["x_own"]["example"]) == (
        2,
        2,
        {"a": [1]},
    )
    assert made.report["rejected"] == 0 and put(door, release(1)).notes == []
