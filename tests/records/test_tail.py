"""Following a numbered table: every row once, in order, those committed late or in flight at the start among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from records import tail
from records.clock import now
from records.ledger import Ledger
from records.tables.intake import Journal
from records.tail import Tail, keep_mark


def entry(lot: str) -> Journal:
    return Journal(source="t", kind="bid", key=lot, version=1, occurred_at=now(), lot_id=lot, data={})


def write(ledger: Ledger, *lots: str) -> None:
    for lot in lots:
        with ledger.write() as session:
            session.add(entry(lot))


def lots_of(ledger: Ledger, followed: Tail, limit: int = 2000) -> list[Any]:
    with ledger.read() as session:
        return [row.lot_id for row in followed.poll(session, limit)]


def journal() -> Tail:
    return Tail("test", select(Journal.lot_id), Journal.seq)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Ledger]:
    book = Ledger(postgres_url)
    yield book
    book.close()


def test_every_row_once_in_order_in_parts(ledger: Ledger) -> None:
    write(ledger, "old")
    followed = journal()
    with ledger.read() as session:
        followed.from_the_end(session)
    assert lots_of(ledger, followed) == []
    write(ledger, "a", "b", "c")
    assert lots_of(ledger, followed, 2) == ["a", "b"]
    assert lots_of(ledger, followed, 2) == ["c"]
    assert lots_of(ledger, followed) == [] and followed.position == followed.high


def test_it_continues_from_its_mark(ledger: Ledger) -> None:
    write(ledger, "a", "b")
    with ledger.read() as session:
        assert not journal().resume(session), "there is no mark yet"
    with ledger.write() as session:
        keep_mark(session, "test", 1)
    followed = journal()
    with ledger.read() as session:
        assert followed.resume(session)
    assert lots_of(ledger, followed) == ["b"]


@pytest.mark.server
@pytest.mark.parametrize("begun", [True, False], ids=["begun before", "begun after"])
def test_a_number_committed_late_is_waited_for(postgres: Ledger, begun: bool) -> None:
    """The slow transaction takes the lower number; the tail begins before or after the higher one is committed."""
    followed = journal()
    with postgres.read() as session:
        followed.from_the_end(session)
    slow = Session(postgres.engine)
    slow.add(entry("late"))
    slow.flush()
    write(postgres, "early")
    if begun:
        assert lots_of(postgres, followed) == ["early"]
    else:
        with postgres.read() as session:
            followed.from_the_end(session)
    assert followed.position < followed.high and lots_of(postgres, followed) == []
    slow.commit()
    slow.close()
    assert lots_of(postgres, followed) == ["late"]
    assert followed.position == followed.high and lots_of(postgres, followed) == []


@pytest.mark.server
def test_a_number_rolled_back_is_given_up(postgres: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = journal()
    with postgres.read() as session:
        followed.from_the_end(session)
    slow = Session(postgres.engine)
    slow.add(entry("never"))
    slow.flush()
    write(postgres, "early")
    slow.rollback()
    slow.close()
    assert lots_of(postgres, followed) == ["early"] and followed.position < followed.high
    monkeypatch.setattr(tail.time, "monotonic", lambda: 1e12)
    assert lots_of(postgres, followed) == [] and followed.position == followed.high
