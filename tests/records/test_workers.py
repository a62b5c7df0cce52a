"""Workers that must live: one that has ended or is stuck is named; one that stumbles begins again."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from records.serving import workers as module
from records.serving.workers import SignOfLife, Worker, Workers


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_was_ended_is_missed() -> None:
    kept = Workers()

    def end(worker: Worker) -> None:
        raise SystemExit

    kept.thread("writer", end).join()
    assert kept.state()["replace"] is True and "writer" in kept.state()["detail"]


def test_a_thread_that_has_done_its_work_is_not_missed() -> None:
    kept = Workers()
    kept.thread("writer", lambda worker: worker.beat()).join()
    assert kept.state() == {"status": "ok", "replace": False}


@pytest.mark.parametrize("heals", [True, False])
def test_a_thread_that_is_stuck_is_named_until_it_moves(heals: bool) -> None:
    kept, go_on = Workers(), threading.Event()

    def work(worker: Worker) -> None:
        worker.beat()
        go_on.wait(10)
        worker.rest()
        stop.wait(10)

    stop = threading.Event()
    thread = kept.thread("lens", work, 0.05, heals=heals)
    until(lambda: bool(kept.troubles()))
    assert kept.state()["status"] == "failing" and kept.replace() is heals
    go_on.set()
    until(lambda: not kept.troubles())
    time.sleep(0.1)
    assert not kept.troubles(), "who waits for work is not stuck"
    stop.set()
    thread.join()


def test_a_thread_that_stumbles_begins_again_and_says_where_not_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept, rounds = Workers(), []

    def work(worker: Worker) -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise ValueError("13800000000")

    kept.thread("writer", work).join()
    assert kept.state()["status"] == "ok"
    told = capsys.readouterr().out
    assert len(rounds) == 3 and kept.state()["status"] == "ok"
    assert "ValueError" in told and "test_workers.py" in told and "13800000000" not in told


def test_a_thread_that_stumbles_time_and_again_is_told_and_not_replaced() -> None:
    kept, stop = Workers(), threading.Event()

    def work(worker: Worker) -> None:
        if not stop.is_set():
            raise KeyError("x")

    thread = kept.thread("lens", work)
    until(lambda: "KeyError" in kept.state().get("detail", ""))
    assert kept.state()["status"] == "failing" and kept.replace() is False
    stop.set()
    thread.join()


async def test_a_task_that_stumbles_begins_again_and_one_that_is_cancelled_is_not_missed() -> None:
    kept, rounds, there = Workers(), [], asyncio.Event()

    async def work(worker: Worker) -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise RecursionError
        there.set()
        await asyncio.sleep(3600)

    task = kept.task("poller", work)
    await asyncio.wait_for(there.wait(), 10)
    assert len(rounds) == 3 and not kept.troubles()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert kept.state()["status"] == "ok"


def test_a_sign_of_life_is_renewed_even_where_nothing_can_be_written(tmp_path: Path) -> None:
    sign, file = SignOfLife(tmp_path / "data" / "watch.health"), tmp_path / "data" / "watch.health"
    sign.give(Workers().state())
    assert json.loads(file.read_bytes()) == {"status": "ok", "replace": False}
    first = file.stat().st_mtime_ns
    (tmp_path / "data" / "watch.health.part").mkdir()  # as hopeless as a full disk
    until(lambda: time.time_ns() > first)
    sign.give({"status": "failing"})
    assert file.stat().st_mtime_ns > first
