"""What is computed once for all sessions: by whom it is waited for, and when it is computed anew."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.memo import LIVE_SECONDS, per_ledger, per_lens
from dashboard.shell import figure_cards
from records.clock import frozen_at, now
from records.tables.projects import Project
from records.tables.society import Inspection
from supervision.figures.filters import Filters

SESSIONS = 8


def test_sessions_that_ask_at_once_wait_for_one_computation(desk: DeskConfig) -> None:
    asked, computed = threading.Barrier(SESSIONS), []

    @per_lens
    def slow(number: int) -> int:
        computed.append(number)
        threading.Event().wait(0.2)
        return number * 2

    def session(_: int) -> int:
        asked.wait()
        return slow(21)

    with ThreadPoolExecutor(SESSIONS) as sessions:
        assert list(sessions.map(session, range(SESSIONS))) == [42] * SESSIONS
    assert computed == [21]


def test_a_failure_is_told_and_not_remembered(desk: DeskConfig) -> None:
    answers = iter([OSError("away"), 7])

    @per_lens
    def unsure() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with pytest.raises(OSError, match="away"):
        unsure()
    assert unsure() == 7


def test_what_is_live_is_read_anew_after_a_commit_and_as_time_goes_by(desk: DeskConfig) -> None:
    reads = iter(range(9))

    @per_ledger
    def read() -> int:
        return next(reads)

    with frozen_at(at := now()):
        assert (read(), read()) == (0, 0)
        with context.ledger().write() as session:
            session.add(Project(id="new", name="new", source="demo"))
        assert (read(), read()) == (1, 1)
    with frozen_at(at + timedelta(seconds=LIVE_SECONDS)):
        assert read() == 2


def test_a_live_figure_shows_a_new_record_at_the_next_refresh(desk: DeskConfig) -> None:
    with frozen_at(now()):
        before = figure_cards.live(("M51",), Filters())["M51"].value
        with context.ledger().write() as session:
            session.add(Inspection(id="I", body="joint", on=now().date(), source="demo"))
        assert figure_cards.live(("M51",), Filters())["M51"].value == before + 1
