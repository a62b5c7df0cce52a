"""A process whose ledger is damaged or old says so on its port and in one line, and begins when it can."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.ledgers import new_ledger
from tests.ports import free_port

pytestmark = pytest.mark.server


@contextmanager
def running(process: str, data: Path, port: int, url: str = "") -> Iterator[subprocess.Popen[str]]:
    env = {
        **os.environ, "SUNBID_DATA": str(data), "SUNBID_HUB_PORT": str(port), "SUNBID_INTAKE_PORT": str(port),
        "SUNBID_DESK_PORT": str(port), "SUNBID_DATABASE_URL": url,
    }  # fmt: skip
    command = [sys.executable, "-m", "sunbid", process]
    log = (data.parent / "log").open("w+")
    started = subprocess.Popen(command, env=env, stdout=log, stderr=log, text=True)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)
        log.close()


def answer(port: int, path: str = "/healthz", want: int = 503) -> httpx.Response:
    limit = time.monotonic() + 60
    while True:
        try:
            told = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5)
            if told.status_code == want:
                return told
        except httpx.TransportError:
            pass
        assert time.monotonic() < limit, f"no {want} in 60 s"
        time.sleep(0.1)


def damaged(data: Path) -> None:
    data.mkdir()
    (data / "ledger.db").write_bytes(b"SQLite format 3\0" + os.urandom(8000))


def torn(data: Path) -> None:
    book = new_ledger(data / "ledger.db")
    with book.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    book.close()
    with (data / "ledger.db").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(200_000))


@pytest.mark.parametrize(("process", "damage"), [("hub", damaged), ("intake", torn), ("desk", torn)])
def test_a_damaged_ledger_is_told_on_the_port_and_begins_once_restored(
    tmp_path: Path, process: str, damage
) -> None:
    data, port = tmp_path / "data", free_port()
    damage(data)
    with running(process, data, port) as started:
        told = answer(port).json()
        assert "sunbid restore" in told["remedy"] and told["detail"] and told["status"] == 503
        assert answer(port, "/anything").status_code == 503
        log = (tmp_path / "log").read_text()
        assert "Traceback" not in log and "ledger_unusable" in log
        if process == "hub":  # one of them is enough to see the other end of it
            for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
                (data / name).unlink(missing_ok=True)
            book = new_ledger(data / "ledger.db")
            book.close()
            assert answer(port, want=200).status_code == 200
        assert started.poll() is None


def test_commands_say_in_one_line_what_the_database_said(tmp_path: Path) -> None:
    damaged(tmp_path / "data")
    env = {**os.environ, "SUNBID_DATA": str(tmp_path / "data")}
    for command in (["user", "list"], ["db", "check"], ["room", "list"]):
        done = subprocess.run(
            [sys.executable, "-m", "sunbid", *command], env=env, capture_output=True, text=True
        )
        assert done.returncode == 1 and "Traceback" not in done.stderr, command
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
