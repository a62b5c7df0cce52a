"""The bulk load leaves what `apply_batch` of the same pieces leaves, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from ingest.apply.envelopes import apply_batch
from records.ledger import TABLES, Ledger
from records.tables.intake import Source
from sunbid.demo.bulk.load import BulkRefused, Load, bulk_load
from sunbid.demo.bulk.piece import REFERENCE
from tests.ledgers import new_ledger

AT = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)
CLOCKS = {"received_at", "updated_at", "created_at"}
"""Columns that hold when a row was written; of these tables they say nothing else."""
KEY = b"k" * 32


def one(kind: str, key: str, **data: Any) -> dict[str, Any]:
    return {
        "source": "demo", "kind": kind, "key": key, "version": 1,
        "occurred_at": "2026-03-02T09:00:00+08:00", "data": data,
    }  # fmt: skip


def reference() -> list[dict[str, Any]]:
    """What the pieces refer to."""
    firms = [one("organisation", f"f{n}", name=f"示例公司{n}", division_code="330106") for n in range(6)]
    experts = [one("expert", f"e{n}", specialities=["施工"]) for n in range(3)]
    room = one("room", "r", centre="c", name="开标一室")
    return [one("centre", "c", name="中心", division_code="330100"), room, *firms, *experts]


def lot(number: int) -> list[dict[str, Any]]:
    """All kinds a lot of the past can have."""
    key, at = f"l{number}", "2026-02-02T09:30:00+08:00"
    bids = [
        one(
            "bid",
            f"{key}-{n}",
            lot=key,
            bidder=f"f{n}",
            price=f"{1000 + n}.55",
            received_at=at,
            on_site=n == 2,
        )
        for n in range(4)
    ]
    return [
        one("project", f"p{number}", name="示例项目", tenderer="f5", investment="12000"),
        one(
            "lot", key, project=f"p{number}", name="示例标段", tenderer="f5", agency="f4", centre="c",
            control_price="1200", deadline=at, flags=["electronic"], status="contracted", division_code="330106",
        ),
        one("notice", f"n{number}", lot=key, type="tender", title="招标公告", published_at=at),
        *bids,
        one("opening", f"o{number}", lot=key, room="r", scheduled_at=at, state="ended", ended_at=at, result="opened"),
        one("deposit", f"d{number}", lot=key, bidder="f0", bid=f"{key}-0", amount="20", payer_account="6222"),
        one("evaluation", f"v{number}", lot=key, experts=3, state="ended"),
        one("fee", f"z{number}", evaluation=f"v{number}", expert="e0", amount="800", hours="2.5"),
        one("score", f"s{number}", evaluation=f"v{number}", expert="e1", bid=f"{key}-1", item="技术", full_marks="30", score="27.5"),
        one("objection", f"y{number}", lot=key, stage="candidates", content="异议", raised_at=at),
        one("award", f"a{number}", lot=key, bidder="f0", price="1000.55", publicity_from=at, awarded_at=at),
        one("contract", f"t{number}", lot=key, bidder="f0", value="1000.55", signed_at=at),
        one("opinion", f"x{number}", project=f"p{number}", content="意见", received_at=at, public_text="已答复"),
    ]  # fmt: skip


PIECES = {
    "one": [*lot(1), *lot(2)],
    "two": [
        *lot(3),
        one("relation", "g1", **{"from": "f0", "to": "f1", "type": "address"}),
        one("credit", "k1", organisation="f0", system="信用", period="2026-01", score="88.5"),
        one("inspection", "i1", on="2026-02-03", problems=[{"problem": "缺签字"}]),
    ],
    "orphan": [*lot(4), one("bid", "nowhere", lot="l9", bidder="f0")],
    "wrong": [*lot(5), one("bid", "l5-x", lot="l5", bidder="f0", price="many")],
    "twice": [*lot(6), lot(6)[0]],
    "announced": [*lot(7)[:2], one("opening", "o7", lot="l7", scheduled_at="2027-02-02T09:30:00+08:00")],
    "late firm": [one("organisation", "f9", name="示例公司9")],
    "again": lot(1),
}


def make(piece: str) -> Iterable[dict[str, Any]]:
    """The records of a piece."""
    return PIECES[piece]


def load(*pieces: str) -> Load:
    return Load("demo", reference(), pieces, make)


def with_source(path: Path) -> Ledger:
    book = new_ledger(path)
    with book.write() as session:
        session.add(Source(name="demo", demo=True, token_hash="kept"))
    return book


def contents(book: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as the database holds it, but for the clocks."""
    found = {}
    with book.read() as session:
        for table in TABLES:
            columns = [c.name for c in table.columns if c.name not in CLOCKS]
            if table.name in ("opinion", "objection"):
                columns.append(next(c for c in ("received_at", "raised_at") if c in table.c))
            listed = ", ".join(f'"{name}"' for name in columns)
            found[table.name] = sorted(
                (tuple(row) for row in session.execute(text(f'SELECT {listed} FROM "{table.name}"'))),
                key=repr,
            )
    return found


def by_the_ordinary_way(path: Path, *pieces: str) -> dict[str, list[tuple[Any, ...]]]:
    book = with_source(path)
    for part in (reference(), *(make(piece) for piece in pieces)):
        answers = apply_batch(book, "demo", part, key=KEY)
        assert {answer.status for answer in answers} == {"accepted"}
    found = contents(book)
    book.close()
    return found


def test_every_table_is_as_the_ordinary_way_leaves_it(tmp_path: Path) -> None:
    expected = by_the_ordinary_way(tmp_path / "ordinary.db", "one", "two")
    path = tmp_path / "bulk.db"
    with_source(path).close()
    seen: list[int] = []
    total = bulk_load(path, load("one", "two"), key=KEY, workers=2, progress=seen.append)
    book = Ledger(f"sqlite:///{path}")
    found = contents(book)
    assert {name: rows for name, rows in found.items() if rows != expected[name]} == {}
    assert total == len(found["held"]) == seen[-1]
    filled = {name for name, rows in found.items() if rows}
    assert {"bid", "score", "fee", "relation", "credit", "contract", "public_event"} <= filled
    with book.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert not session.execute(text("PRAGMA foreign_key_check")).all()
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    book.close()


def test_indexes_are_those_of_the_migrations(tmp_path: Path) -> None:
    def indexes(path: Path) -> list[Any]:
        book = Ledger(f"sqlite:///{path}")
        with book.read() as session:
            rows = session.execute(
                text("SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY 1")
            )
            found = [tuple(row) for row in rows if not row[0].startswith("sqlite_stat")]
        book.close()
        return found

    for name in ("plain.db", "bulk.db"):
        with_source(tmp_path / name).close()
    bulk_load(tmp_path / "bulk.db", load("one"), key=KEY, workers=1)
    assert indexes(tmp_path / "bulk.db") == indexes(tmp_path / "plain.db")


def test_what_comes_later_goes_the_ordinary_way(tmp_path: Path) -> None:
    path = tmp_path / "bulk.db"
    with_source(path).close()
    bulk_load(path, load("one"), key=KEY, workers=1)
    book = Ledger(f"sqlite:///{path}")
    again = apply_batch(book, "demo", make("one"), key=KEY)
    assert {answer.status for answer in again} == {"duplicate"}
    more = apply_batch(book, "demo", lot(8), key=KEY)
    assert [answer.seq for answer in more] == list(
        range(len(reference()) + len(PIECES["one"]) + 1, more[-1].seq + 1)
    )  # type: ignore[operator]
    book.close()


@pytest.mark.parametrize(
    ("piece", "names"),
    [
        ("orphan", "nowhere"), ("wrong", "data.price"), ("twice", "p6"), ("announced", "批量"), ("late firm", "f9"),
    ],
)  # fmt: skip
def test_a_refused_record_is_named_and_nothing_remains(tmp_path: Path, piece: str, names: str) -> None:
    path = tmp_path / "bulk.db"
    book = with_source(path)
    before = contents(book)
    book.close()
    with pytest.raises(BulkRefused, match=names):
        bulk_load(path, load("one", piece), key=KEY, workers=1)
    book = Ledger(f"sqlite:///{path}")
    assert contents(book) == before
    book.close()
    assert not [p for p in tmp_path.iterdir() if "building" in p.name or "reference" in p.name]


def test_a_ledger_with_records_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bulk.db"
    with_source(path).close()
    bulk_load(path, load("one"), key=KEY, workers=1)
    with pytest.raises(BulkRefused, match="空账本"):
        bulk_load(path, load("two"), key=KEY, workers=1)


def test_what_a_killed_load_left_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "bulk.db"
    with_source(path).close()
    for name in ("bulk.db.building", "bulk.db.building-journal", "bulk.db.reference"):
        (tmp_path / name).write_bytes(b"half of something")
    bulk_load(path, load("one"), key=KEY, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["bulk.db"]


def test_the_end_is_in_the_same_load_and_knows_where_pieces_ended(tmp_path: Path) -> None:
    path = tmp_path / "bulk.db"
    with_source(path).close()
    ends: list[int] = []

    def finish(session: Any, last: Any) -> None:
        ends.extend(last)
        session.get_one(Source, "demo").token_hash = "finished"

    job = Load("demo", reference(), ("one", "two"), make, finish=finish)
    total = bulk_load(path, job, key=KEY, workers=1)
    assert ends == [len(reference()) + len(PIECES["one"]), total]
    book = Ledger(f"sqlite:///{path}")
    with book.read() as session:
        assert session.scalar(select(Source.token_hash)) == "finished"
    book.close()


def test_kinds_of_reference_have_no_public_rows_of_their_own() -> None:
    """They are loaded apart, so nothing public may depend on the piece they come with."""
    assert set(REFERENCE) == {"centre", "organisation", "room", "expert"}
