"""A command that writes while another process is writing waits, says for whom, and in the end what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sunbid import cli, turn
from tests.ledgers import new_ledger
from tests.sunbid.test_cli import sunbid

HOLD = """
import sqlite3, sys
book = sqlite3.connect(sys.argv[-1], isolation_level=None)
book.execute("begin immediate")
print("held", flush=True)
sys.stdin.readline()
book.execute("rollback")
"""
ROOM = ("room", "add", "r1", "--name", "开标一室", "--centre", "市本级")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process of ours that is writing to the ledger until it reads a line."""
    new_ledger(tmp_path / "ledger.db").close()
    script = tmp_path / "sunbid"
    script.write_text(HOLD)
    command = [sys.executable, str(script), "import", str(tmp_path / "ledger.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None and started.stdout.readline() == "held\n"
        yield started
        started.kill()


def test_one_that_waits_in_vain_says_who_is_writing_and_what_to_do(
    holder: subprocess.Popen[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(turn, "AT_ONCE", 0.05)
    monkeypatch.setattr(turn, "PATIENCE", 0.05)
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sunbid", *ROOM])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1 and said.count(f"“sunbid import”（进程号 {holder.pid}）") == 2, said
    assert "正在写账本" in said and "请等它结束后再执行一次" in said
    assert "doctor" not in said and "locked" not in said and str(tmp_path) not in said


def test_one_whose_turn_comes_has_written_and_who_only_reads_never_waits(
    holder: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sunbid(tmp_path, "room", "list").returncode == 0

    def let_go(_ledger: object) -> str:
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        return "?"

    monkeypatch.setattr(turn, "AT_ONCE", 0.05)
    monkeypatch.setattr(turn, "who", let_go)
    assert sunbid(tmp_path, *ROOM).returncode == 0
    assert "开标一室" in sunbid(tmp_path, "room", "list").stdout
