"""OCDS files of every shape, and files that are none."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.imports.files import ImportReport, import_paths
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project

from .conftest import count, rows

USCC = "91330100799655058B"
RELEASE: dict[str, Any] = {
    "ocid": "ocds-213czf-1", "id": "1", "date": "2024-05-01T00:00:00Z", "tag": ["compiled"],
    "parties": [
        {"id": "b1", "name": "City Works", "roles": ["buyer"], "identifier": {"scheme": "CN-USCC", "id": USCC}},
        {"id": "GB-COH-1", "name": "Firm One", "roles": ["tenderer", "supplier"], "address": {"region": "Kent"}},
    ],
    "buyer": {"id": "b1"},
    "tender": {
        "id": "t", "title": "School", "status": "complete", "procurementMethod": "selective",
        "mainProcurementCategory": "works", "value": {"amount": 1000.25, "currency": "GBP"},
        "tenderPeriod": {"startDate": "2024-01-01T00:00:00Z", "endDate": "2024-02-01"},
        "lots": [{"id": "A", "title": "Roof", "value": {"amount": 600, "currency": "GBP"}, "status": "active"}, {"id": "B"}],
    },
    "bids": {"details": [
        {"id": "x", "status": "valid", "date": "2024-01-20T00:00:00Z", "value": {"amount": 590.5, "currency": "GBP"},
         "tenderers": [{"id": "GB-COH-1"}, {"id": "77"}], "relatedLots": ["A"]},
        {"id": "y", "status": "disqualified", "tenderers": [{"id": "GB-COH-2"}], "relatedLots": ["A"]},
        {"id": "z", "status": "invited", "tenderers": [{"id": "GB-COH-3"}]},
    ]},
    "awards": [{"id": "w", "status": "active", "date": "2024-03-01T00:00:00Z", "suppliers": [{"id": "GB-COH-1"}],
                "value": {"amount": 590.5, "currency": "GBP"}, "relatedLots": ["A"]}],
}  # fmt: skip


def load(ledger: Ledger, folder: Path, *paths: Path, **more: Any) -> ImportReport:
    report = import_paths(ledger, paths, data_dir=folder, **more)
    assert report.read == report.accepted + report.duplicate + report.rejected
    return report


def notes(report: ImportReport) -> set[tuple[int, str]]:
    """(line, path) of what the ledger has no place for."""
    assert report.notes_file is not None
    kept = [json.loads(line) for line in Path(report.notes_file).read_text().splitlines()]
    assert len(kept) == report.notes and all(k["reason"] and k["record"] for k in kept)
    return {(k["line"], k["path"]) for k in kept}


def write(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_a_full_release(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = load(sqlite_ledger, tmp_path, write(tmp_path, "uk.json", RELEASE))
    assert report.rejected == report.duplicate == 0
    lots = {lot.id: lot for lot in rows(sqlite_ledger, Lot)}
    roof = lots["ocds-213czf-1/A"]
    assert (roof.name, roof.status, roof.currency, roof.method) == ("Roof", "awarded", "GBP", "selective")
    assert (roof.tenderer_id, roof.estimate) == (USCC, Decimal(600))
    assert lots["ocds-213czf-1/B"].status == "opened"
    bids = {bid.id: bid for bid in rows(sqlite_ledger, Bid)}
    lead = bids["ocds-213czf-1/A/bid/x"]
    assert (lead.bidder_id, lead.price, lead.consortium) == ("GB-COH-1", Decimal("590.5"), ["ocds-213czf:77"])
    assert len(bids) == 2
    award = rows(sqlite_ledger, Award)[0]
    assert (award.price, award.currency, award.status) == (Decimal("590.5"), "GBP", "awarded")
    firms = {firm.id: firm for firm in rows(sqlite_ledger, Organisation)}
    assert (firms["GB-COH-1"].name, firms["GB-COH-1"].country) == ("Firm One", "GB")
    assert firms["GB-COH-2"].name == "GB-COH-2"
    assert firms[USCC].division_code == "330100"


def record_package() -> dict[str, Any]:
    return {"version": "1.1", "records": [{"ocid": RELEASE["ocid"], "compiledRelease": RELEASE}]}


SHAPES: dict[str, Any] = {
    "release.json": RELEASE,
    "pretty.json": json.dumps(RELEASE, indent=2),
    "package.json": json.dumps({"version": "1.1", "publisher": {"name": "x"}, "releases": [RELEASE]}, indent=1),
    "records.json": json.dumps(record_package(), indent=1),
    "array.json": json.dumps([RELEASE], indent=1),
    "packages.json": json.dumps([{"releases": [RELEASE]}], indent=1),
    "bom.json": "\ufeff" + json.dumps(RELEASE),
    "lines.jsonl": "\n" + json.dumps(RELEASE) + "\r\n\n",
    "package.jsonl": json.dumps(record_package()),
    "concatenated.json": json.dumps({"releases": [RELEASE]}, indent=1) + "\n" + json.dumps({"version": "1.1", "releases": []}, indent=1),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same(name: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path, name, SHAPES[name])
    first = load(sqlite_ledger, tmp_path, path)
    assert (first.accepted, first.rejected) == (11, 0)
    again = load(sqlite_ledger, tmp_path, path)
    assert (again.accepted, again.duplicate, again.rejected) == (0, 11, 0)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".zip"])
def test_packed_files(suffix: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / f"uk{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/uk.json", json.dumps(RELEASE))
    else:
        path.write_bytes(gzip.compress(json.dumps(RELEASE).encode()))
    assert load(sqlite_ledger, tmp_path, path).accepted == 11


def test_sparse_releases_whose_ocids_repeat_between_files(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    one = {"ocid": "F", "bids": {"details": [{"status": "valid", "tenderers": [{"id": "W"}], "value": {"amount": 1, "currency": "USD"}},
                                             {"status": "disqualified", "value": {"amount": 2}}]},
           "awards": [{"status": "active", "suppliers": [{"id": "W"}]}]}  # fmt: skip
    two = {"ocid": "F", "tender": {"numberOfTenderers": 1, "procurementMethod": "open"}}
    report = load(
        sqlite_ledger, tmp_path, write(tmp_path, "one.jsonl", one), write(tmp_path, "two.jsonl", two)
    )
    assert report.rejected == report.duplicate == 0
    assert {lot.id: lot.status for lot in rows(sqlite_ledger, Lot)} == {
        "one:F": "awarded",
        "two:F": "bidding",
    }
    assert count(sqlite_ledger, Bid) == 2
    assert {firm.name for firm in rows(sqlite_ledger, Organisation)} == {"W", "未具名投标人"}


def test_partial_releases_add_up(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    tender = {**RELEASE, "tag": ["tender"], "bids": {}, "awards": []}
    award = {key: RELEASE[key] for key in ("ocid", "awards")} | {
        "tag": ["award"],
        "date": "2024-06-01T00:00:00Z",
    }
    path = write(tmp_path, "uk.json", {"releases": [award, tender]})
    assert load(sqlite_ledger, tmp_path, path).rejected == 0
    roof = rows(sqlite_ledger, Lot, Lot.id == "ocds-213czf-1/A")[0]
    assert (roof.name, roof.status) == ("Roof", "awarded")
    assert rows(sqlite_ledger, Project)[0].name == "School"


def test_what_cannot_be_read_is_kept_whole(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    bad = [
        {"tender": {}},
        {"ocid": "ocds-213czf-2", "bids": {"details": [{"id": "n", "status": "valid", "value": {"amount": -1}, "tenderers": [{"id": "W"}]}]}},
        {"ocid": "ocds-213czf-3", "tender": {"tenderPeriod": {"endDate": "soon"}}},
        {"ocid": "ocds-213czf-4", "awards": [{"status": "active"}]},
    ]  # fmt: skip
    lines = "\n".join([*map(json.dumps, bad), '{"ocid": NaN}', "{broken", '"text"'])
    report = load(sqlite_ledger, tmp_path, write(tmp_path, "bad.jsonl", lines))
    assert report.rejects_file is not None
    kept = [json.loads(line) for line in Path(report.rejects_file).read_text().splitlines()]
    assert len(kept) == report.rejected == 4
    assert all(k["source"] == "bad" and k["reason"] and k["path"] for k in kept)
    assert {(k["line"], k["path"]) for k in kept} == {
        (1, "ocid"), (5, "."), (6, "."), (7, "."),
    }  # fmt: skip
    assert notes(report) == {
        (2, "bids.details[0].value"),
        (3, "tender.tenderPeriod.endDate"),
        (4, "awards[0]"),
    }


@pytest.mark.parametrize(
    "content",
    [
        "",
        "   \n",
        "{",
        "[{\n",
        '{\n"releases": [{"ocid": "ocds-213czf-1"}, {',
        "not json\nat all\n",
        "\x00\x01",
    ],
)
def test_broken_files_are_one_reject_not_a_crash(content: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = load(sqlite_ledger, tmp_path, write(tmp_path, "broken.json", content))
    assert report.rejected == 1


@pytest.mark.parametrize("deep", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900])
@pytest.mark.parametrize("lines", [True, False])
def test_what_is_nested_too_deeply_is_one_reject_and_the_rest_goes_on(
    deep: str, lines: bool, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    bad = json.dumps(RELEASE)[:-1] + f', "x": {deep}}}'
    good = json.dumps({**RELEASE, "ocid": "ocds-213czf-2"})
    text = f"{bad}\n{good}\n" if lines else f'{{"releases": [\n{bad},\n{good}]}}'
    report = load(sqlite_ledger, tmp_path, write(tmp_path, "deep.json", text))
    assert report.rejected == 1 and count(sqlite_ledger, Lot) == 3  # those of the good release
    assert report.rejects_file is not None
    (line,) = Path(report.rejects_file).read_text("utf-8").splitlines()
    assert "嵌套超过" in line and "ocds-213czf-1" in line


@pytest.mark.parametrize(("packing", "count"), [("gz", 40), ("gz", 3000), ("zip", 3000)])
@pytest.mark.parametrize("shape", ["lines", "package"])
def test_a_packed_file_that_was_cut_keeps_what_came_before(
    sqlite_ledger: Ledger, tmp_path: Path, packing: str, shape: str, count: int
) -> None:
    releases = [
        {**RELEASE, "ocid": f"ocds-213czf-{i}", "id": random.Random(i).randbytes(40).hex()}
        for i in range(count)
    ]
    text = "\n".join(map(json.dumps, releases)) if shape == "lines" else json.dumps({"releases": releases})
    report = load(sqlite_ledger, tmp_path, cut(tmp_path, text.encode(), packing), source="uk")
    assert report.accepted > count / 3 and report.rejected >= 1


def cut(folder: Path, text: bytes, packing: str) -> Path:
    """A packed file whose second half is missing; of an archive, that of its member."""
    packed = gzip.compress(text, mtime=0)
    if packing == "gz":
        (folder / "cut.json.gz").write_bytes(packed[: len(packed) // 2])
        return folder / "cut.json.gz"
    with zipfile.ZipFile(folder / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cut.json", text)
        archive.fp.flush()  # type: ignore[union-attr]
        member = archive.getinfo("cut.json")
    held = bytearray((folder / "whole.zip").read_bytes())
    start = member.header_offset + 30 + len(member.filename)
    held[start + member.compress_size // 2 : start + member.compress_size] = b"\xff" * (
        member.compress_size - member.compress_size // 2
    )
    (folder / "cut.zip").write_bytes(held)
    return folder / "cut.zip"


def test_bad_use_is_told(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        import_paths(sqlite_ledger, ["nowhere.json"], data_dir=tmp_path)
    with pytest.raises(ValueError, match="xml"):
        import_paths(sqlite_ledger, [], data_dir=tmp_path, format="xml")
    with pytest.raises(ValueError, match="来源名称"):
        import_paths(sqlite_ledger, [write(tmp_path, "a.json", RELEASE)], data_dir=tmp_path, source="a b")


def test_money_too_long_for_the_ledger_is_rounded_or_noted(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    text = '{"ocid":"ocds-213czf-1","tender":{"value":{"amount":3.333333333}}}\n{"ocid":"ocds-213czf-2","tender":{"value":{"amount":1e300}}}'
    report = load(sqlite_ledger, tmp_path, write(tmp_path, "m.jsonl", text))
    assert (report.rejected, report.notes) == (0, 2)
    lots = {lot.id: lot.estimate for lot in rows(sqlite_ledger, Lot)}
    assert lots == {"ocds-213czf-1": Decimal("3.3333"), "ocds-213czf-2": None}
