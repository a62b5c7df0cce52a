"""Rubbish by the thousand: no crash, no 500, every answer names a place. A million of it: tests/soak."""

from __future__ import annotations

from pathlib import Path

from ingest.apply.envelopes import apply_batch
from ingest.imports.files import import_paths
from records.ledger import Ledger
from records.tables.intake import Reject

from .conftest import KEY, count, market
from .fuzzing import envelopes, files


def test_malformed_envelopes_are_answered_one_by_one(ledger: Ledger) -> None:
    apply_batch(ledger, "hz", market(2, 3))
    spoilt = list(envelopes(2_000, 1))
    answers = apply_batch(ledger, "hz", spoilt, key=KEY)
    assert len(answers) == len(spoilt)
    refused = [a for a in answers if a.status == "rejected"]
    assert len(refused) > 1_000
    assert all(a.path and a.reason for a in refused)
    assert count(ledger, Reject) == len(refused)


def test_malformed_files_are_reported_not_raised(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    for number, (name, content) in enumerate(files(60, 2)):
        folder = tmp_path / f"f{number}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        report = import_paths(sqlite_ledger, [folder / name], data_dir=tmp_path)
        assert report.read == report.accepted + report.duplicate + report.rejected
