"""What every test may use."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from httpx._transports import default as transports
from sqlalchemy import create_engine, text

import messages
from records.clock import running_from
from records.ledger import Ledger
from tests import memory, postgres, schedule
from tests.ledgers import new_ledger, write_statements_once

messages.FORGIVING = False
os.environ["LC_ALL"] = "C.UTF-8"  # whatever the developer speaks: the processes of the tests speak Chinese
# the processes of the tests start some hundred times: what they load is compiled once, whatever the developer's shell says
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
write_statements_once()
# every `httpx.get` reads the certificates of the world anew, 25 ms long: who waits for a server asks five times a second
transports.create_ssl_context = cache(transports.create_ssl_context)
GARBAGE = (10_000, 20, 50)
"""After how many new objects garbage is looked for; Python's own 700 cost the tests a twentieth of their time, loading apart."""
_NUMBERS = itertools.count(1)
MOMENT = "SUNBID_TESTS_AT"
"""Environment variable: RFC 3339 moment from which the product's clock runs in the tests and in what they start."""


def _run_from(moment: datetime) -> AbstractContextManager[object]:
    """The clock of this process from `moment` on, and of every Python process it starts."""
    os.environ["TESTS_CLOCK_AHEAD"] = str((moment - datetime.now(UTC)).total_seconds())
    folders = [str(Path(__file__).parent / "at_moment"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    return running_from(moment)


if MOMENT in os.environ:  # now, not in a fixture: some modules make their moments when they are read
    _clock = _run_from(datetime.fromisoformat(os.environ.pop(MOMENT)))
    _clock.__enter__()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The table of `tests.schedule` is written by a run that is asked for it."""
    parser.addoption(
        "--write-seconds", action="store_true", help="write down how long each file of tests takes"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files where they are quick, and give way to the workers whose tests are timed."""
    if config.getoption("write_seconds") and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(schedule.Stopwatch())
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") not in schedule.ORDER:
        os.nice(schedule.NICE)
    if config.option.basetemp is None:
        config.option.basetemp = folder = str(memory.new_folder("sunbid-tests-"))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_finish() -> None:
    """All that was loaded stays: looking through it for garbage again and again took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def pytest_sessionfinish() -> None:
    """What was set aside may go with the process."""
    gc.unfreeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> schedule.Schedule | None:
    """Several workers take whole files, in the order of `tests.schedule`."""
    return schedule.Schedule(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Commands run in this process set how the program logs; the next test begins as a fresh process does."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty, upgraded ledger on SQLite."""
    book = new_ledger(tmp_path / "ledger.db")
    yield book
    book.close()


@pytest.fixture(autouse=True)
def nobody_follows_a_ledger_that_is_gone() -> Iterator[None]:
    """The desk's feed ends with the test that asked for it: its thread would complain into the output of the next."""
    yield
    if "dashboard.live.feeds" in sys.modules:
        sys.modules["dashboard.live.feeds"].end()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server with an upgraded database `template_sunbid` to copy from."""
    with postgres.server() as address:
        _admin(address, "CREATE DATABASE template_sunbid")
        book = Ledger(f"{address}/template_sunbid")
        book.upgrade()
        book.close()
        yield address


def _admin(address: str, statement: str) -> None:
    engine = create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh, upgraded ledger on PostgreSQL."""
    name = f"ledger_{next(_NUMBERS)}"
    _admin(postgres_server, f"CREATE DATABASE {name} TEMPLATE template_sunbid STRATEGY FILE_COPY")
    yield f"{postgres_server}/{name}"
    _admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """What a test is called is the same in every process that collects it: packed bytes hold the second of packing."""
    return argname if isinstance(val, bytes) else None
