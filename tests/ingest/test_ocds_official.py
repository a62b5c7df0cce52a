"""What the official schema accepts is never refused, and nothing it refuses can break an import."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.imports.files import ImportReport, import_paths
from records.ledger import Ledger
from records.tables.organisations import Organisation
from records.tables.projects import Lot

from .conftest import rows
from .official import Official, fetch
from .test_ocds import RELEASE, notes, write

Json = dict[str, Any]
_STEP = re.compile(r"(\w+)|\[(\d+)\]")
_HEAD = re.compile(r"((?:\w*\[\d+\]\.?)*(?:(?:compiled|versioned)Release\.)?)")
"""The way to a release in a path: `records[0].releases[2].`, `compiledRelease.`"""


def refused(report: ImportReport) -> list[Json]:
    if report.rejects_file is None:
        return []
    kept = [json.loads(line) for line in Path(report.rejects_file).read_text().splitlines()]
    assert len(kept) == report.rejected and all(one["reason"] and one["path"] for one in kept)
    return kept


def documents(content: bytes) -> list[Any]:
    """The JSON values of a file: one, or one a line, or none that can be read."""
    for part in ([content], content.splitlines()):
        try:
            return [json.loads(text) for text in part if text.strip()]
        except ValueError:
            continue
    return []


def release_of(values: list[Any], told: Json) -> Json | None:
    """The release a refused piece came from; None where it came from none."""
    found = values[told["line"] - 1 if told["line"] and len(values) > 1 else 0]
    head = _HEAD.match(told["path"])
    for name, number in _STEP.findall(head[1] if head else ""):
        found = found[name] if name else found[int(number)]
    return found if isinstance(found, dict) and "ocid" in found else None


def test_real_documents_are_taken(official: Official, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Everything the standard's own tools are tested with: what is valid is taken, what is broken is told."""
    found: dict[str, tuple[str, list[Any]]] = {}
    for number, (name, content) in enumerate(official.documents()):
        file = tmp_path / f"{number:03}.json"
        file.write_bytes(content)
        found[str(file)] = name, documents(content)
    report = import_paths(sqlite_ledger, list(found), data_dir=tmp_path, source="real")
    assert len(found) > 150 and report.accepted > 1_000
    told_of = set()
    for told in refused(report):
        name, values = found[told["file"]]
        if told["path"].endswith(".occurred_at") and "晚于本机时钟" in told["reason"]:
            continue  # made-up dates, some in the next century: valid, and not possible
        told_of.add(name)
        release = release_of(values, told) if values else None
        assert release is None or not official.release.is_valid(release), (name, told)
    unreadable = {name for name, values in found.values() if not values}
    assert unreadable and unreadable <= told_of


def test_official_files_that_cannot_be_fetched_fail_the_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the network, and with a cached archive that is not what it should be, there is no quiet skip."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (tmp_path / "ocdsmerge-0.8.0.tar.gz").write_bytes(b"something else")
    with pytest.raises(pytest.fail.Exception, match=r"cannot be fetched[^\n]*ocdsmerge==0\.8\.0"):
        fetch(tmp_path)


# ── every field, every value ─────────────────────────────────────────────────

ODD: list[Any] = [
    None, True, -1, 3.5, 1e300, "", "x", "9999-01-01T00:00:00Z", [], {}, [[]], [{}], [[{}]], ["a"], [None],
    {"id": []}, {"id": None}, [{"id": {}}], {"amount": "x", "currency": []},
]  # fmt: skip
WHOLE: Json = {
    **RELEASE,
    "initiationType": "tender",
    "planning": {"project": "p", "budget": {"amount": {"amount": 5, "currency": "GBP"}, "project": "b"}},
    "tender": {
        **RELEASE["tender"], "items": [{"id": "i", "classification": {"scheme": "s", "id": "x"}, "relatedLot": "A"}],
        "procuringEntity": {"id": "GB-COH-1"}, "awardPeriod": {"startDate": "2024-01-01T00:00:00Z"},
    },
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from places(one, (*path, name))


def changed(number: int, path: tuple[Any, ...], value: Any) -> Json:
    """The whole release under an ocid of its own, with another value at a place."""
    release: Any = copy.deepcopy({**WHOLE, "ocid": f"ocds-213czf-{number}"})
    where = release
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = value
    return release  # type: ignore[no-any-return]


def test_any_value_in_any_field(official: Official, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Every value of a release replaced by every odd one, in turn: the valid ones are all taken."""
    number, made = 0, []
    for path in places(WHOLE):
        for value in ODD:
            made.append(changed(number := number + 1, path, value))
    file = write(tmp_path, "odd.jsonl", "\n".join(map(json.dumps, made)))
    report = import_paths(sqlite_ledger, [file], data_dir=tmp_path)
    assert report.accepted > len(made) > 1_000
    wrong = {told["line"]: told for told in refused(report)}
    assert wrong and report.notes > 100
    for line, told in wrong.items():
        assert not official.release.is_valid(made[line - 1]), told


# ── shapes the real files showed ─────────────────────────────────────────────


def history(*values: Any) -> list[Json]:
    return [
        {"releaseID": str(day), "releaseDate": f"2024-01-0{day}T00:00:00Z", "releaseTag": ["tender"], "value": value}
        for day, value in enumerate(values, 1)
    ]  # fmt: skip


def test_a_versioned_release_is_read_as_it_stands_last(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    versioned = {
        "ocid": RELEASE["ocid"],
        "tender": {"id": "t", "title": history("Schol", "School"), "status": history("planned", "active"),
                   "lots": [{"id": "A", "title": history("Roof"), "value": {"amount": history(5, 6), "currency": history("GBP")}}]},
        "buyer": {"id": history("GB-LAC-1"), "name": history("Old name", "City")},
    }  # fmt: skip
    record = {
        "ocid": RELEASE["ocid"],
        "versionedRelease": versioned,
        "releases": [{"url": "https://example.org/1"}],
    }
    for number, document in enumerate((versioned, {"uri": "urn:x:1", "records": [record]})):
        report = import_paths(
            sqlite_ledger, [write(tmp_path, f"{number}.json", document)], data_dir=tmp_path, source="uk"
        )
        assert (report.accepted, report.rejected, report.notes) == (0 if number else 3, 0, 0)
    lot = rows(sqlite_ledger, Lot)[0]
    assert (lot.name, lot.status, lot.estimate, lot.currency) == ("Roof", "bidding", 6, "GBP")
    assert rows(sqlite_ledger, Organisation)[0].name == "City"


def test_a_reference_by_its_identifier_alone(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """OCDS 1.0 has no ids of organisations, only what a register calls them."""
    firm = {"identifier": {"scheme": "GB-COH", "id": "77", "legalName": "Firm"}}
    award = {
        "id": "w",
        "status": "active",
        "suppliers": [firm, {"name": "Nobody knows", "identifier": {"id": 5}}],
    }
    import_paths(
        sqlite_ledger,
        [write(tmp_path, "old.json", {"ocid": "ocds-213czf-1", "awards": [award]})],
        data_dir=tmp_path,
    )
    firms = {firm.id: firm.name for firm in rows(sqlite_ledger, Organisation)}
    assert firms == {"GB-COH-77": "Firm", "ocds-213czf:Nobody knows": "Nobody knows"}


def test_what_is_told_names_its_place_in_the_file(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Releases are taken in order of their dates, and told by where they stand."""
    good = {"ocid": "ocds-213czf-1", "tag": ["tender"], "date": "2024-01-01T00:00:00Z"}
    releases = [
        {**good, "ocid": None, "date": "2024-02-01T00:00:00Z"},
        7,
        {"url": "https://example.org/1"},
        good,
    ]
    file = write(tmp_path, "one.json", {"releases": releases})
    report = import_paths(sqlite_ledger, [file], data_dir=tmp_path)
    assert {told["path"] for told in refused(report)} == {"releases[0].ocid", "releases[1]"}
    assert notes(report) == {(1, "releases[2]")}


def test_another_encoding_is_told(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes('{"tender":\n{"title":"Schüle"}}'.encode("latin-1"))
    report = import_paths(sqlite_ledger, [tmp_path / "latin.json"], data_dir=tmp_path)
    assert "UTF-8" in refused(report)[0]["reason"]
