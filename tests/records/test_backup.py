"""Backup while running, restore into an empty folder, and what a check of the ledger notices."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, inspect, select, update

from records import audit, backup, check, states
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.tables.base import table_of
from records.tables.bids import FileCheck
from records.tables.broadcast import PublicEvent
from records.tables.evaluation import Evaluation
from records.tables.intake import Held, Journal, Parked
from records.tables.openings import OpeningEvent
from records.tables.projects import Lot
from records.tables.society import Opinion, OpinionSender
from tests.records.market import AFTER, lot_with_opening


def fill(ledger: Ledger) -> None:
    with ledger.write() as session:
        lot_with_opening(session)
        session.add(Opinion(id="P1", content="…", received_at=AFTER, source="t"))
        session.flush()
        session.add(OpinionSender(opinion_id="P1", name="…", contact="…"))
        session.add(
            FileCheck(lot_id="L1", state="done", digest="d", bidders=2, files=2, size=9, started_at=AFTER)
        )
    for number in range(3):
        with ledger.write() as session:
            states.append_event(
                session, "O1", "sign_in", {"count": number}, actor="t", ts=AFTER + timedelta(seconds=number)
            )
            audit.write(session, "operator", "test", detail={"n": number})
    with ledger.write() as session:
        entry = Journal(source="t", kind="bid", key="B1", version=1, occurred_at=now(), data={"lot": "L9"})
        session.add(entry)
        session.flush()
        session.add(Held(source="t", kind="bid", key="B1", version=1, digest=b"\x01" * 32, seq=entry.seq))
        session.add(Parked(seq=entry.seq, waits_kind="lot", waits_key="L9"))


def test_a_restored_ledger_is_the_same_and_its_chains_hold(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    home = tmp_path / "home"
    signing.load_key(home)
    manifest = backup.backup(ledger, home, tmp_path / "copy")
    assert manifest["tables"]["opening_event"]["rows"] == 4
    assert {*manifest["tables"], "alembic_version"} == set(inspect(ledger.engine).get_table_names())
    other = Ledger(f"sqlite:///{tmp_path / 'other' / 'ledger.db'}")
    report = backup.restore(tmp_path / "copy", other, tmp_path / "other")
    assert report.whole, report.problems
    assert signing.load_key(tmp_path / "other") == signing.load_key(home)
    with ledger.read() as old, other.read() as new:
        assert check.counts(old) == check.counts(new)
        for table in (FileCheck, OpinionSender):
            row = new.execute(select(table_of(table))).mappings().one()
            assert row == old.execute(select(table_of(table))).mappings().one()
        assert states.verify_opening(new, "O1") is None and audit.verify(new) is None
    with other.write() as session:
        states.append_event(session, "O1", "sign_in", {}, actor="t", ts=AFTER + timedelta(minutes=1))
        audit.write(session, "operator", "goes on")
    other.close()


def test_a_backup_from_before_a_column_is_restored_with_its_value_for_old_rows(
    ledger: Ledger, tmp_path: Path
) -> None:
    """`evaluation` got its list of bookings, and `lot` its starting price, in later schemas than this backup's."""
    with ledger.write() as session:
        lot_with_opening(session)
        session.add(Evaluation(id="E1", lot_id="L1", tier="local", scheduled_at=AFTER, source="t"))
    backup.backup(ledger, tmp_path / "home", tmp_path / "copy")
    older(
        tmp_path / "copy",
        "0015",
        {"evaluation": ("drawn_at", "arrived", "arrived_at", "bookings"), "lot": ("start_price",)},
    )
    other = Ledger(f"sqlite:///{tmp_path / 'other.db'}")
    assert backup.restore(tmp_path / "copy", other, tmp_path / "other").whole
    with other.read() as session:
        evaluation, lot = session.get_one(Evaluation, "E1"), session.get_one(Lot, "L1")
        assert (evaluation.bookings, evaluation.arrived_at, evaluation.scheduled_at) == ([], None, AFTER)
        assert lot.start_price is None
    other.close()


def older(copy: Path, schema: str, without: Mapping[str, Sequence[str]]) -> None:
    """Make a backup one that was taken at an older schema, when these tables had fewer columns."""
    manifest = json.loads((copy / "manifest.json").read_text()) | {"schema": schema}
    for table, names in without.items():
        path = copy / "tables" / f"{table}.jsonl.gz"
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        kept = [{name: value for name, value in row.items() if name not in names} for row in rows]
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in kept).encode()))
        manifest["tables"][table]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))


def test_a_damaged_backup_is_refused_by_the_name_of_the_file(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    backup.backup(ledger, tmp_path / "home", tmp_path / "copy")
    (tmp_path / "copy" / "tables" / "lot.jsonl.gz").write_bytes(b"")
    other = Ledger(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(backup.BackupError, match=r"lot\.jsonl\.gz"):
        backup.restore(tmp_path / "copy", other, tmp_path / "other")


def test_neither_a_full_folder_nor_a_full_ledger_is_written_over(ledger: Ledger, tmp_path: Path) -> None:
    backup.backup(ledger, tmp_path / "home", tmp_path / "copy")
    with pytest.raises(backup.BackupError, match="不为空"):
        backup.backup(ledger, tmp_path / "home", tmp_path / "copy")
    with pytest.raises(backup.BackupError, match="不为空"):
        backup.restore(tmp_path / "copy", ledger, tmp_path / "elsewhere")


def test_a_whole_ledger_lists_what_waits_and_nothing_else(ledger: Ledger) -> None:
    fill(ledger)
    with ledger.read() as session:
        report = check.check(session)
    assert report.whole
    assert [w["waits_for"] for w in report.waiting] == ["lot L9"]
    assert json.dumps(report.as_dict())


@pytest.mark.parametrize("damage", ["event changed", "event removed", "public row removed"])
def test_damage_is_named(ledger: Ledger, damage: str) -> None:
    fill(ledger)
    with ledger.write() as session:
        if damage == "event changed":
            session.execute(update(OpeningEvent).where(OpeningEvent.seq == 2).values(payload={"count": 99}))
        elif damage == "event removed":
            session.execute(delete(OpeningEvent).where(OpeningEvent.seq == 4))
        else:
            session.execute(delete(PublicEvent).where(PublicEvent.position == 3))
    with ledger.read() as session:
        report = check.check(session)
    assert not report.whole and all("O1" in str(problem) for problem in report.problems)
