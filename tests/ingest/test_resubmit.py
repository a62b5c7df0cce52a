"""Refused records come back: put right they are taken, and the ledger knows the matter is settled."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from ingest.imports.files import import_paths
from ingest.imports.resubmit import resubmit
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.intake import Reject, Source

from .conftest import Send, count, envelope, market, rows


def refused(ledger: Ledger, send: Send) -> list[dict[str, object]]:
    """Three refused bids, as a rejects file holds them."""
    send(*market(), *(envelope("bid", f"b{i}", {"lot": "l0", "bidder": "o0", "prize": i}) for i in range(3)))
    kept = rows(ledger, Reject)
    return [
        {"source": r.source, "path": r.path, "reason": r.reason, "record": orjson.loads(r.payload)}
        for r in kept
    ]


def test_what_is_put_right_is_taken_and_settled(ledger: Ledger, send: Send, tmp_path: Path) -> None:
    lines = refused(ledger, send)
    for line in lines[:2]:
        record = line["record"]
        assert isinstance(record, dict)
        record["data"]["price"] = str(record["data"].pop("prize"))
    file = tmp_path / "rejects.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b"\n\n")
    report = resubmit(ledger, file, data_dir=tmp_path)
    assert (report.read, report.accepted, report.rejected) == (3, 2, 1)
    assert {b.id: b.price for b in rows(ledger, Bid)} == {"b0": 0, "b1": 1}
    settled = {(r.key, r.resolved_at is not None) for r in rows(ledger, Reject)}
    assert settled == {("b0", True), ("b1", True), ("b2", False)}
    assert report.rejects_file is not None
    again = orjson.loads(Path(report.rejects_file).read_bytes())
    assert (again["record"]["key"], again["path"], again["line"]) == ("b2", "data.prize", 3)
    twice = resubmit(ledger, file, data_dir=tmp_path)
    assert (twice.accepted, twice.duplicate, twice.rejected) == (0, 2, 1)


def test_lines_may_be_given_instead_of_a_file(ledger: Ledger, send: Send, tmp_path: Path) -> None:
    lines = [
        {"source": "hz", "record": orjson.dumps(envelope("bid", "b", {"lot": "l0", "bidder": "o0"})).decode()}
    ]
    send(*market())
    assert resubmit(ledger, lines, data_dir=tmp_path).accepted == 1
    assert count(ledger, Bid) == 1
    assert resubmit(ledger, [{"record": 17}], data_dir=tmp_path, source="hz").rejected == 1


@pytest.mark.parametrize("line", [b"{oops", b"[]", b'{"source": "hz"}', b'{"record": {}}'])
def test_what_is_no_rejects_file_is_named_by_line(line: bytes, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(line)
    with pytest.raises(ValueError, match="1"):
        resubmit(sqlite_ledger, file, data_dir=tmp_path)


def test_a_record_put_right_in_the_same_batch_is_settled_at_once(ledger: Ledger, send: Send) -> None:
    bad = envelope("bid", "b", {"lot": "l0", "bidder": "o0", "prize": 1})
    good = envelope("bid", "b", {"lot": "l0", "bidder": "o0"})
    send(*market(), bad, good, {**bad, "version": 2})
    assert [r.resolved_at is not None for r in rows(ledger, Reject)] == [True, False]


def test_what_was_refused_long_ago_is_settled_too(
    ledger: Ledger, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.apply.rejects._RECENT", 0)
    lines = refused(ledger, send)[:1]
    good = envelope("bid", "b0", {"lot": "l0", "bidder": "o0"})
    send(good)
    assert not [r for r in rows(ledger, Reject) if r.resolved_at]
    assert resubmit(ledger, [{**lines[0], "record": good}], data_dir=tmp_path).duplicate == 1
    assert [r.key for r in rows(ledger, Reject) if r.resolved_at] == ["b0"]


def test_what_is_wholly_refused_makes_no_source(ledger: Ledger, tmp_path: Path) -> None:
    good, bad = envelope("centre", "c1", {"name": "市中心"}), envelope("centre", "c2", {"nom": "市中心"})
    for name, records in (("half", [good, bad]), ("none", [bad, bad])):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(orjson.dumps(one) for one in records))
        report = import_paths(ledger, [tmp_path / f"{name}.jsonl"], data_dir=tmp_path)
        assert report.rejected == (1 if name == "half" else 2)
    line = {"source": "again", "record": bad}
    assert resubmit(ledger, [line], data_dir=tmp_path).rejected == 1
    names = {one.name for one in rows(ledger, Source)}
    assert "half" in names and not names & {"none", "again"}
