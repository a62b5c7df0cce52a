"""The same watch and the same lens on PostgreSQL, where transactions may commit out of order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from records.clock import now
from records.ledger import Ledger
from records.tables.supervision import WarningChange
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters
from supervision.figures.results import Participations, Share
from supervision.lens.writer import LensWriter
from supervision.warnings import desk as warnings
from supervision.warnings.dry_run import opened_since
from supervision.warnings.tally import by_rule, in_shadow
from supervision.warnings.verdicts_before import verdicts_before
from tests.places import HANGZHOU
from tests.supervision.conftest import Market
from tests.supervision.test_lens import BRUTE, every_live_figure_answers, random_market
from tests.supervision.test_watch import loop_of, same_machine, settle, warnings_of

pytestmark = pytest.mark.server

STEPS_KEEP_CODES = import_module(
    "records.migrations.versions.0024_each_step_of_a_warning_keeps_its_reason_code"
)


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[Ledger]:
    book = Ledger(postgres_url)
    yield book
    book.close()


def test_lens_agrees_with_brute_force(ledger: Ledger, market: Market, tmp_path: Path) -> None:
    random_market(market)
    writer = LensWriter(ledger, tmp_path, HANGZHOU)
    assert len(writer.start()) == 5
    with ledger.read() as session:
        whole, firms, outside, unknown, _ = session.execute(text(BRUTE)).one()
    assert Answers(writer.lens).value("M03", Filters()) == Participations(whole, firms)
    assert Answers(writer.lens).value("M04", Filters()) == Share(outside, whole - unknown, unknown)
    assert writer.refresh() == [] and writer.sweep() == []


def test_raised_handled_and_resumed(ledger: Ledger, market: Market, past: datetime) -> None:
    market.lot("L", past)
    same_machine(market, "L", "A", "B")
    settle(loop_of(ledger))
    same_machine(market, "L", "C")
    settle(loop_of(ledger))
    (raised,) = warnings_of(ledger)
    with ledger.write() as session:
        assert warnings.act(session, raised.id, "lead", "li", "confirmed").state == "lead"
    with ledger.read() as session:
        assert [m["state"] for m in warnings.changes_after(session, 0)] == ["new", "new", "lead"]
        assert warnings.counts(session) == {"red": 0, "orange": 0, "yellow": 0}
        assert [lamp.level for lamp in warnings.lamps(session)] == [None, None]
        (row,) = warnings.list_warnings(session)
        (told,) = verdicts_before(session, [replace(row, id="again", raised_at=now())]).values()
        assert (told.disposition, told.at) == ("confirmed", row.acted_at)
        raised_of, judged_of = by_rule(session, past)
        assert (raised_of["B4"], judged_of["B4"].judged, in_shadow(session, past)) == (1, 1, {})
        assert opened_since(session, past) == 0
    with ledger.write() as session:
        session.execute(update(WarningChange).values(disposition=None))
        STEPS_KEEP_CODES.tell_apart(session.connection())
    with ledger.read() as session:
        assert [one.disposition for one in warnings.get_warning(session, raised.id).history] == [
            None,
            None,
            "confirmed",
        ]


def test_settled_lots_enter_by_time_alone(ledger: Ledger, market: Any, tmp_path: Path) -> None:
    market.lot("L", now() - timedelta(hours=24) + timedelta(seconds=1))
    market.bid("L", "A", received_at=now() - timedelta(days=2))
    writer = LensWriter(ledger, tmp_path, HANGZHOU)
    assert writer.start() == []
    writer._settled_to = now() - timedelta(hours=25)
    with ledger.write() as session:
        session.execute(text("UPDATE lot SET deadline = deadline - interval '2 seconds'"))
    assert len(writer.refresh()) == 1


def test_every_figure_of_the_ledger_answers(
    ledger: Ledger, market: Market, past: datetime, tmp_path: Path
) -> None:
    every_live_figure_answers(ledger, market, LensWriter(ledger, tmp_path, HANGZHOU), past)
