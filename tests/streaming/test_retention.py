"""Retention: classes by law, when a recording may go, what a dry run lists, and that deletion is audited."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from records import audit
from records.clock import BEIJING
from records.ledger import Ledger
from records.tables.evidence import Recording, Segment
from records.tables.users import AuditEntry
from streaming.recording import retention

ENDED = datetime(2026, 11, 22, 10, 30, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("name", "expires"),
    [
        ("procurement", datetime(2041, 11, 22, 10, 30, tzinfo=BEIJING)),
        ("works", datetime(2041, 11, 22, 10, 30, tzinfo=BEIJING)),
        ("archive-10", datetime(2036, 11, 22, 10, 30, tzinfo=BEIJING)),
        ("archive-30", datetime(2056, 11, 22, 10, 30, tzinfo=BEIJING)),
        ("archive-permanent", None),
        ("security", ENDED + timedelta(days=30)),
        ("security-key", ENDED + timedelta(days=90)),
    ],
)
def test_every_class_expires_when_its_rule_says(name: str, expires: datetime | None) -> None:
    assert retention.expire_at(name, ENDED) == expires


def test_no_class_is_left_untested_or_without_names_and_source() -> None:
    assert set(retention.CLASSES) == {
        "procurement", "works", "archive-10", "archive-30", "archive-permanent", "security", "security-key",
    }  # fmt: skip
    assert all(
        rule.name.text("zh") and rule.name.text("en") and rule.source.text("zh")
        for rule in retention.CLASSES.values()
    )


def test_a_rule_is_cited_in_the_readers_language() -> None:
    assert retention.CLASSES["procurement"].source.text("zh") == "政府采购法第 42 条"
    assert "Government Procurement Law" in retention.CLASSES["procurement"].source.text("en")


def test_a_leap_day_is_never_kept_too_short() -> None:
    leap = datetime(2028, 2, 29, 9, 0, tzinfo=BEIJING)
    assert retention.expire_at("procurement", leap) == datetime(2043, 3, 1, 9, 0, tzinfo=BEIJING)


def test_an_unknown_class_is_refused_and_the_others_named() -> None:
    with pytest.raises(retention.UnknownClass, match="procurement"):
        retention.expire_at("forever", ENDED)


def recording(folder: Path, name: str, kind: str, ended: datetime, sealed: bool) -> Recording:
    path = folder / f"{name}.mp4"
    path.write_bytes(b"film")
    return Recording(
        id=name, session_id="op-1", room_id="hz-01", path=path.name, container="mp4", started_at=ended, ended_at=ended,
        bytes=4, head_hash="", retention_class=kind, expire_at=retention.expire_at(kind, ended),
        sealed_at=ended if sealed else None,
    )  # fmt: skip


@pytest.fixture
def shelf(ledger: Ledger, tmp_path: Path) -> tuple[Ledger, Path]:
    old, young = ENDED - timedelta(days=16 * 366), ENDED
    with ledger.write() as session:
        for row in (
            recording(tmp_path, "sealed-old", "procurement", old, True),
            recording(tmp_path, "unsealed-old", "procurement", old, False),
            recording(tmp_path, "young", "procurement", young, True),
            recording(tmp_path, "for-ever", "archive-permanent", old, True),
            recording(tmp_path, "camera", "security", ENDED - timedelta(days=31), False),
        ):
            session.add(row)
            session.flush()
        session.add(
            Segment(
                recording_id="camera", seq=0, offset=0, bytes=4, started_at=ENDED, seconds=1.0, sha256="a",
                prev_hash="b", hash="c",
            )
        )  # fmt: skip
    return ledger, tmp_path


def test_a_dry_run_lists_what_would_go_and_why_and_touches_nothing(shelf: tuple[Ledger, Path]) -> None:
    ledger, folder = shelf
    with ledger.read() as session:
        items = {item.recording_id: item for item in retention.plan(session, ENDED)}
    assert {name: item.may_go for name, item in items.items()} == {
        "sealed-old": True, "unsealed-old": False, "camera": True,
    }  # fmt: skip
    assert "尚未封存" in items["unsealed-old"].why.text("zh")
    assert "30 日" in items["camera"].why.text("zh")
    assert len(list(folder.glob("*.mp4"))) == 5


def test_only_what_may_go_goes_and_each_deletion_is_in_the_audit_chain(shelf: tuple[Ledger, Path]) -> None:
    ledger, folder = shelf
    with ledger.read() as session:
        items = retention.plan(session, ENDED)
    done = retention.delete(ledger, folder, items, "admin")
    assert (set(done.deleted), done.bytes, done.kept) == ({"sealed-old", "camera"}, 8, {})
    assert {path.stem for path in folder.glob("*.mp4")} == {"unsealed-old", "young", "for-ever"}
    with ledger.read() as session:
        entries = list(session.scalars(select(AuditEntry).where(AuditEntry.action == "recording.delete")))
        assert {entry.object_id for entry in entries} == {"sealed-old", "camera"}
        assert audit.verify(session) is None
        assert session.get_one(Recording, "camera").bytes == 0
        assert session.get(Segment, ("camera", 0)) is not None
        assert {item.recording_id for item in retention.plan(session, ENDED)} == {"unsealed-old"}
    assert not retention.delete(ledger, folder, items, "admin").deleted


def test_a_file_that_cannot_be_removed_is_named_and_stays_in_the_plan(shelf: tuple[Ledger, Path]) -> None:
    ledger, folder = shelf
    (folder / "camera.mp4").unlink()
    (folder / "camera.mp4").mkdir()
    outside = folder.parent / "outside.mp4"
    outside.write_bytes(b"film")
    with ledger.write() as session:
        session.get_one(Recording, "sealed-old").path = "../outside.mp4"
    with ledger.read() as session:
        items = retention.plan(session, ENDED)
    done = retention.delete(ledger, folder, items, "admin")
    assert done.deleted == [] and done.bytes == 0 and set(done.kept) == {"camera", "sealed-old"}
    assert "权限" in done.kept["camera"].text("zh") and outside.exists()
    with ledger.read() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
        assert actions == ["recording.delete"] * 2 + ["recording.delete_failed"] * 2
        assert session.get_one(Recording, "camera").bytes == 4 and audit.verify(session) is None
