"""The demonstration fills only a ledger of its own, and `make clean` removes no data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from records.ledger import Ledger
from records.tables.intake import Source
from records.tables.organisations import Centre, Room
from records.tables.users import User
from sunbid.demo import load
from tests.ledgers import new_ledger

ROOT = Path(__file__).parents[2]


ASK = """
import json, sys
from typer.testing import CliRunner
from sunbid.cli import app
answers = {}
for name, (url, data) in json.load(sys.stdin).items():
    environment = {"SUNBID_DATA": data, "SUNBID_DATABASE_URL": url}
    done = CliRunner().invoke(app, ["demo", "--no-video"], env=environment)
    answers[name] = [done.exit_code, done.stderr]
print(json.dumps(answers))
"""
"""Tries to begin the demonstration over one ledger after the other: each must be refused, or the rest is never asked."""
REAL: dict[str, Callable[[], object]] = {
    "a source": lambda: Source(name="platform", demo=False),
    "an account": lambda: User(name="li", role="admin", password_hash="x", display_name="李"),
    "a centre": lambda: Centre(id="city", name="市本级", source="platform"),
}
OLD = "one of an older version"


@dataclass(frozen=True)
class Guarded:
    """A ledger over which the demonstration was to begin, what it held before, and what was answered."""

    ledger: Ledger
    before: dict[str, int]
    code: int
    said: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Guarded]]:
    folder = tmp_path_factory.mktemp("guarded")
    ledgers = {name: new_ledger(folder / name / "real.db") for name in REAL}
    for name, ledger in ledgers.items():
        with ledger.write() as session:
            session.merge(REAL[name]())
    ledgers[OLD] = older(folder / "old" / "real.db")
    before = {name: rows(ledger) for name, ledger in ledgers.items()}
    told = asked(ledgers, folder)
    yield {name: Guarded(ledger, before[name], *told[name]) for name, ledger in ledgers.items()}
    for ledger in ledgers.values():
        ledger.close()


def asked(ledgers: dict[str, Ledger], folder: Path) -> dict[str, tuple[int, str]]:
    """Exit code and words of `sunbid demo` over each ledger."""
    places = {
        name: (ledger.url.render_as_string(hide_password=False), str(folder / name / "data"))
        for name, ledger in ledgers.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], input=json.dumps(places), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return told


def older(path: Path) -> Ledger:
    """A ledger of the first version that holds a source."""
    book = Ledger(f"sqlite:///{path}")
    book.upgrade("0001")
    with book.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO source (name, demo, enabled, created_at) VALUES ('platform', 0, 1, '2026-01-01')"
        )
    return book


def rows(ledger: Ledger) -> dict[str, int]:
    with ledger.engine.connect() as connection:
        names = [
            n for (n,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {n: connection.exec_driver_sql(f'SELECT count(*) FROM "{n}"').scalar_one() for n in names}


@pytest.mark.server
@pytest.mark.parametrize("name", REAL)
def test_it_refuses_a_ledger_that_is_not_its_own(guarded: dict[str, Guarded], name: str) -> None:
    found = guarded[name]
    assert found.code == 1 and "不是演示的账本" in found.said and "Traceback" not in found.said
    assert rows(found.ledger) == found.before


@pytest.mark.server
def test_it_does_not_upgrade_a_foreign_ledger_of_an_older_version(guarded: dict[str, Guarded]) -> None:
    found = guarded[OLD]
    assert found.code == 1 and "source 1" in found.said
    assert found.ledger.schema_version() == "0001" and rows(found.ledger) == found.before


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
