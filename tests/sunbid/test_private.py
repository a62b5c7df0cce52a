"""What lies in the data folder is its owner's alone, whatever the umask and whatever was there before."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from records.ledger import Ledger
from tests.ports import free_port

CENTRE = '{"kind":"centre","key":"hz","version":1,"occurred_at":"2026-05-06T09:30:00+08:00","data":{"name":"中心","level":"city"}}\n'


def open_to_others(folder: Path) -> dict[str, str]:
    """Files and folders that somebody else may read, with their rights."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o077:
            found[str(path.relative_to(folder))] = stat.filemode(mode)
    return found


COMMANDS = """
import json, sys
from sunbid.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as ended:
        assert ended.code in (0, 1, None), words
"""


def sunbid(folder: Path, *commands: tuple[str, ...], stdin: str = "") -> str:
    """Commands as somebody types them whose umask hides nothing, one after the other in one process."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)], cwd=folder, input=stdin, capture_output=True, text=True,
        env={**os.environ, "SUNBID_DATA": str(folder / "data")}, umask=0, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_ledger_is_private_from_its_first_byte(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        book = Ledger(f"sqlite:///{tmp_path / 'data' / 'ledger.db'}")
        book.upgrade()
        with book.write() as session:
            session.connection().exec_driver_sql("PRAGMA user_version")
            assert {one.name for one in (tmp_path / "data").iterdir()} >= {
                "ledger.db",
                "ledger.db-wal",
                "ledger.db-shm",
            }
            assert not open_to_others(tmp_path / "data")
        book.close()
    finally:
        os.umask(before)


@pytest.mark.timeout(240)
def test_everything_commands_write_is_private(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(CENTRE + '{"kind":"centre"\n')
    (tmp_path / "in.jsonl").chmod(0o600)
    said = sunbid(
        tmp_path,
        ("db", "upgrade"),
        ("user", "add", "li", "--role", "leader", "--password-stdin"),
        ("import", "in.jsonl"),
        ("backup", "--out", "kept"),
        ("export", "--format", "csv", "--out", "out"),
        stdin="long enough\n",
    )
    made = {one.name for one in tmp_path.rglob("*")}
    assert {"ledger.db", "kept"} <= made, said
    tmp_path.chmod(0o700)
    assert not open_to_others(tmp_path)


@pytest.mark.server
@pytest.mark.timeout(240)
def test_what_was_open_before_is_tightened_and_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    book = Ledger(f"sqlite:///{data / 'ledger.db'}")
    book.upgrade()
    book.close()
    for name in (
        "recordings/hz-01/a.mp4",
        "log/sunbid.log",
        "lens/lots.parquet",
        "evidence/x.zip",
        "signing.key",
    ):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("0" * 64)
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    (data / "link").symlink_to(outside)
    for path in (data, *data.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o666)
    outside.chmod(0o644)
    port = free_port()
    env = {
        **os.environ,
        "SUNBID_DATA": str(data),
        "SUNBID_HUB_PORT": str(port),
        "SUNBID_MEDIA_PORT": str(free_port()),
    }
    log = (tmp_path / "log").open("w")
    hub = subprocess.Popen(
        [sys.executable, "-m", "sunbid", "hub"], cwd=tmp_path, env=env, stdout=log, stderr=log, umask=0
    )
    try:
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
                if not open_to_others(data):
                    break
            except httpx.HTTPError:
                assert hub.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert not open_to_others(data)
    finally:
        hub.terminate()
        hub.wait(30)
        log.close()
    assert "已收紧" in (tmp_path / "log").read_text(), "what was changed is said"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644, "a link is not followed"
    assert not open_to_others(data)
