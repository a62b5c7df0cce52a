"""The demonstration fills only a ledger of its own, and `make clean` removes no data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from records.ledger import Ledger
from records.tables.intake import Source
from records.tables.organisations import Centre, Room
from records.tables.users import User
from sunbid.demo import load

ROOT = Path(__file__).parents[2]


def demo(url: str, data: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SUNBID_DATA": str(data), "SUNBID_DATABASE_URL": url}
    command = [sys.executable, "-m", "sunbid", "demo", "--no-video"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def rows(ledger: Ledger) -> dict[str, int]:
    with ledger.engine.connect() as connection:
        names = [
            n for (n,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {n: connection.exec_driver_sql(f'SELECT count(*) FROM "{n}"').scalar_one() for n in names}


@pytest.mark.server
@pytest.mark.parametrize(
    "real",
    [
        Source(name="platform", demo=False),
        User(name="li", role="admin", password_hash="x", display_name="李"),
        Centre(id="city", name="市本级", source="platform"),
    ],
    ids=["a source", "an account", "a centre"],
)
def test_it_refuses_a_ledger_that_is_not_its_own(ledger: Ledger, tmp_path: Path, real: object) -> None:
    with ledger.write() as session:
        session.merge(real)
    before = rows(ledger)
    done = demo(ledger.url.render_as_string(hide_password=False), tmp_path / "data")
    assert done.returncode == 1 and "不是演示的账本" in done.stderr and "Traceback" not in done.stderr
    assert rows(ledger) == before


@pytest.mark.server
def test_it_does_not_upgrade_a_foreign_ledger_of_an_older_version(tmp_path: Path) -> None:
    book = Ledger(f"sqlite:///{tmp_path / 'real.db'}")
    book.upgrade("0001")
    with book.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO source (name, demo, enabled, created_at) VALUES ('platform', 0, 1, '2026-01-01')"
        )
    done = demo(book.url.render_as_string(hide_password=False), tmp_path / "data")
    assert done.returncode == 1 and "source 1" in done.stderr
    assert book.schema_version() == "0001"
    book.close()


def test_a_demonstrations_own_ledger_stays_its_own_whatever_is_added(ledger: Ledger) -> None:
    assert load.held_by_others(ledger) == "", "an empty one is free"
    load.ensure_source(ledger)
    with ledger.write() as session:
        session.add_all([Source(name="my-platform"), Centre(id="city", name="市本级", source="platform"), User(
            name="li", role="admin", password_hash="x", display_name="李")])  # fmt: skip
        session.flush()
        session.add(Room(id="mine", name="一室", centre_id="city", kind="opening", source="platform"))
    assert load.held_by_others(ledger) == ""


def test_make_clean_removes_no_data(tmp_path: Path) -> None:
    told = subprocess.run(
        ["make", "--dry-run", "clean"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "rm -rf" in told and not re.search(r"(^|\s)(\./)?var(\s|/|$)", told)
