"""`sunbid recordings retention`: what may go is listed by class, nothing goes unless told twice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from records import audit
from records.clock import now
from records.ledger import Ledger
from records.tables.evidence import Recording
from streaming.recording import retention
from tests.ledgers import new_ledger
from tests.sunbid.test_cli import sunbid


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A data folder with recordings: two of security cameras and a sealed one long expired, one not sealed, one
    young."""
    ledger = new_ledger(tmp_path / "ledger.db")
    old = now() - timedelta(days=16 * 366)
    with ledger.write() as session:
        for name, kind, ended, sealed in (
            ("cam-1", "security", now() - timedelta(days=40), False),
            ("cam-2", "security", now() - timedelta(days=35), False),
            ("sealed", "procurement", old, True),
            ("unsealed", "procurement", old, False),
            ("young", "procurement", now(), True),
        ):
            path = tmp_path / "recordings" / "hz-01" / f"{name}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 1000)
            session.add(
                Recording(
                    id=name, session_id="O1", room_id="hz-01", path=f"hz-01/{name}.mp4", container="mp4",
                    started_at=ended, ended_at=ended, bytes=1000, head_hash="", retention_class=kind,
                    expire_at=retention.expire_at(kind, ended), sealed_at=ended if sealed else None,
                )
            )  # fmt: skip
    ledger.close()
    return tmp_path


def files(shelf: Path) -> set[str]:
    return {path.stem for path in shelf.rglob("*.mp4")}


def test_by_default_it_only_lists_by_class(shelf: Path) -> None:
    answer = sunbid(shelf, "recordings", "retention", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    kept, security = told["classes"]
    assert (kept["class"], kept["files"], kept["bytes"], kept["held"]) == ("procurement", 1, 1000, 1)
    assert "尚未封存" in kept["why_held"]
    assert (security["class"], security["files"], security["bytes"], security["held"]) == (
        "security",
        2,
        2000,
        0,
    )
    assert security["expired_from"] < security["expired_to"] < now().date().isoformat()
    assert {one["id"] for one in told["files"] if one["may_go"]} == {"cam-1", "cam-2", "sealed"}
    lines = sunbid(shelf, "recordings", "retention").stdout.splitlines()
    assert lines[0].startswith("class\tname\tfiles\tbytes") and lines[2].startswith(
        "security\t公共安全视频\t2\t2000"
    )
    assert len(files(shelf)) == 5


@pytest.mark.parametrize("words", [("--yes",), ("--delete",)])
def test_nothing_goes_unless_told_twice(shelf: Path, words: tuple[str, ...]) -> None:
    answer = sunbid(shelf, "recordings", "retention", *words)
    assert answer.returncode == 2 and "--" in answer.stderr
    assert len(files(shelf)) == 5


def test_told_twice_the_files_go_and_the_audit_chain_says_so(shelf: Path) -> None:
    answer = sunbid(shelf, "recordings", "retention", "--delete", "--yes", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert (set(told["deleted"]), told["bytes"], told["kept"]) == ({"cam-1", "cam-2", "sealed"}, 3000, {})
    assert files(shelf) == {"unsealed", "young"}
    ledger = Ledger(f"sqlite:///{shelf / 'ledger.db'}")
    with ledger.read() as session:
        assert audit.verify(session) is None
        assert session.get_one(Recording, "cam-1").bytes == 0
    ledger.close()
    again = sunbid(shelf, "recordings", "retention", "--delete", "--yes", "--json")
    assert json.loads(again.stdout)["deleted"] == []


def test_a_file_that_stays_ends_with_1_and_its_name(shelf: Path) -> None:
    path = shelf / "recordings" / "hz-01" / "cam-1.mp4"
    path.unlink()
    path.mkdir()
    answer = sunbid(shelf, "recordings", "retention", "--delete", "--yes")
    assert answer.returncode == 1 and "cam-1" in answer.stderr and "Traceback" not in answer.stderr
    assert files(shelf) == {"cam-1", "unsealed", "young"}


def test_an_empty_shelf_says_so(tmp_path: Path) -> None:
    answer = sunbid(tmp_path, "recordings", "retention")
    assert answer.returncode == 0 and "没有到期的录像" in answer.stdout
