"""The lens against brute force in plain SQL, its secrecy, and its being rewritten month by month."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from messages import Invalid
from records.ledger import Ledger
from supervision.figures.answers import Answers
from supervision.figures.dictionary import FIGURES
from supervision.figures.figure import LedgerFigure
from supervision.figures.filters import Filters, Period
from supervision.figures.results import Participations, Share
from supervision.lens.reader import Lens
from supervision.lens.schema import BIDS, LOTS
from supervision.lens.writer import LensWriter
from supervision.rules.facts import load_facts
from tests.ledgers import new_ledger
from tests.places import HANGZHOU
from tests.supervision.conftest import Market

ALL = Filters()
NOON = datetime.fromisoformat("2026-03-15T12:00:00+08:00")
PLACES = {"330106": 5, "330200": 2, "310101": 2, "3201": 1, "33": 1, None: 3}


@pytest.fixture
def writer(ledger: Ledger, tmp_path: Path) -> LensWriter:
    return LensWriter(ledger, tmp_path, HANGZHOU)


def random_market(market: Any, seed: int = 7) -> None:
    """Twelve lots over four months with every oddity of §5.2 among their bids."""
    chance = random.Random(seed)
    places = [place for place, weight in PLACES.items() for _ in range(weight)]
    firms = [market.firm(f"F{n:02}", chance.choice(places)) for n in range(25)]
    for n in range(12):
        deadline = NOON + timedelta(days=10 * n)
        status = ("awarded", "evaluating", "failed", "void")[n % 4] if n % 3 else "awarded"
        lot = market.lot(
            f"L{n:02}", deadline, status=status, centre_id=f"c{n % 2 + 1}", control_price=Decimal(1000 + n)
        )
        bidders = chance.sample(firms, 2 if status == "failed" else chance.randint(3, 12))
        for firm in bidders:
            odd = chance.random()
            more: dict[str, Any] = {
                "received_at": deadline - timedelta(hours=1),
                "ca_region": chance.choice(["33", "31", None]),
            }
            if odd < 0.1:
                more |= {"status": "withdrawn", "withdrawn_at": deadline - timedelta(minutes=5)}
            elif odd < 0.15:
                more |= {"received_at": deadline + timedelta(seconds=1)}
            elif odd < 0.2:
                more |= {"status": "revoked", "withdrawn_at": deadline + timedelta(minutes=5)}
            market.bid(lot, firm, chance.randint(700, 999), **more)
            if odd > 0.9:
                market.bid(lot, firm, chance.randint(700, 999), **more, id=f"again/{lot}/{firm}")
        if status == "awarded":
            market.award(lot, bidders[-1], 900 + n, deadline + timedelta(days=30))


def file_of(lens: Lens, table: str, month: str) -> Path:
    """The file that the manifest names for a month of a table."""
    return lens.folder / str(lens.manifest()["months"][month]["tables"][table]["file"])


BRUTE = """
SELECT count(*), count(DISTINCT bidder_id),
  sum(CASE WHEN place IS NOT NULL AND place NOT LIKE '3301%' AND place <> '33' THEN 1 ELSE 0 END),
  sum(CASE WHEN place IS NULL OR place = '33' THEN 1 ELSE 0 END),
  sum(CASE WHEN place IS NOT NULL AND place NOT LIKE '33%' THEN 1 ELSE 0 END)
FROM (SELECT DISTINCT b.lot_id, b.bidder_id, o.division_code AS place
  FROM bid b JOIN lot l ON l.id = b.lot_id JOIN organisation o ON o.id = b.bidder_id
  WHERE l.status IN ('awarded', 'evaluating', 'void') AND b.status <> 'withdrawn'
    AND b.received_at <= l.deadline AND (b.withdrawn_at IS NULL OR b.withdrawn_at > l.deadline)) AS held
"""


def test_counts_agree_with_brute_force(ledger: Ledger, market: Any, writer: LensWriter) -> None:
    random_market(market)
    assert writer.start() == ["2026-03", "2026-04", "2026-05", "2026-06", "2026-07"]
    lens = writer.lens
    with ledger.read() as session:
        whole, firms, outside, unknown, beyond = session.execute(text(BRUTE)).one()
    assert whole > 50 and unknown > 0
    assert Answers(lens).value("M03", ALL) == Participations(whole, firms)
    assert Answers(lens).value("M04", ALL) == Share(outside, whole - unknown, unknown)
    assert Answers(lens).value("M04", Filters(home="province")).numerator == beyond
    by_province = Answers(lens).breakdown("M03", ALL, "province")
    assert sum(one.participations for one in by_province.values()) == whole and None in by_province
    months = Answers(lens).series(["M04"], ALL, [date(2026, n, 1) for n in range(3, 8)])["M04"]
    assert sum(int(month.numerator) for month in months) == outside
    halves = [Answers(lens).value("M04", Filters(centre=c)) for c in ("c1", "c2")]
    assert sum(int(h.denominator) + h.unknown for h in halves) == whole
    firms_share = Answers(lens).value("M04", Filters(unit="firms"))
    assert int(firms_share.denominator) + firms_share.unknown == firms


def test_lots_know_their_counts_winners_and_failures(ledger: Ledger, market: Any, writer: LensWriter) -> None:
    random_market(market)
    writer.start()
    lens = writer.lens
    for lot_id, bids, outside in lens.rows("SELECT lot_id, bids, outside_city_bids FROM lots WHERE opened"):
        counted = "SELECT count(*), count(*) FILTER (WHERE outside_city) FROM bids WHERE lot_id = ?"
        assert lens.one(counted, [lot_id]) == (bids, outside)
    failed = Answers(lens).value("M11", ALL)
    with ledger.read() as session:
        n_failed = session.scalar(text("SELECT count(*) FROM lot WHERE status = 'failed'"))
        amount = session.scalar(text("SELECT sum(price) FROM award"))
    assert failed.denominator == 12 and n_failed and failed.numerator >= n_failed
    assert lens.one("SELECT count(*) FROM lots WHERE NOT opened")[0] == n_failed
    deals = Answers(lens).value("M02", ALL)
    assert deals.sum * 10_000 == amount and deals.count == Answers(lens).value("M01", ALL).value
    awards = Answers(lens).value("M05", ALL)
    assert int(awards.denominator) + awards.unknown == deals.count
    gap = Answers(lens).value("M06", ALL)
    assert gap.value == pytest.approx(gap.minuend.value - gap.subtrahend.value)  # type: ignore[operator]
    assert 0 < (Answers(lens).value("M29", ALL).value or 0) < 1
    # awards count by their own date: thirty days after the opening
    assert Answers(lens).value("M01", Filters(Period(date(2026, 3, 1), date(2026, 4, 1)))).value == 0


def test_schema_and_money_are_exact(market: Any, past: datetime, writer: LensWriter) -> None:
    market.lot("L", past, status="opened", control_price=Decimal("12345678901234.5678"))
    market.bid("L", "A", "0.0001", rank=1)
    writer.start()
    lens = writer.lens
    assert lens.query("SELECT * FROM bids").schema.names == BIDS.names
    assert lens.query("SELECT * FROM lots").schema.names == LOTS.names
    assert lens.one("SELECT price, control_price FROM bids") == (
        Decimal("0.0001"),
        Decimal("12345678901234.5678"),
    )
    assert lens.one("SELECT opened_at, opened_on FROM bids")[0].timestamp() == pytest.approx(past.timestamp())


def test_where_a_firm_is_from(market: Any, past: datetime, writer: LensWriter) -> None:
    market.lot("L", past, status="opened")
    uscc = "91310101MA1FL2XY3B"
    market.firm("home", "330108", division_source="registration")
    market.firm("ca", "320100", division_source="ca")
    market.firm("abroad", None, country="DE")
    market.firm("nowhere", None, country="CN")
    market.firm(uscc, None, uscc=uscc)
    for firm in ("home", "ca", "abroad", "nowhere", uscc):
        market.bid("L", firm)
    writer.start()
    rows = writer.lens.rows(
        "SELECT bidder_id, bidder_division, bidder_province, outside_city, outside_province, division_source FROM bids"
    )
    assert sorted(rows) == sorted(
        [
            ("home", "330108", "33", False, False, "registration"), ("ca", "320100", "32", True, True, "ca"),
            ("abroad", None, "00", True, True, None), ("nowhere", None, None, None, None, None),
            (uscc, "310101", "31", True, True, "uscc"),
        ]
    )  # fmt: skip


def test_month_is_that_of_beijing(market: Any, writer: LensWriter) -> None:
    """17:00 UTC on the last day of May is already June in Beijing time."""
    market.lot("L", datetime.fromisoformat("2026-05-31T17:00:00+00:00"), status="opened")
    assert writer.start() == ["2026-06"]
    assert writer.lens.one("SELECT month, opened_on FROM lots") == ("2026-06", date(2026, 6, 1))


# ── secrecy ──────────────────────────────────────────────────────────────────


def test_no_row_before_the_opening_has_ended(
    market: Any, writer: LensWriter, past: datetime, future: datetime
) -> None:
    market.lot("coming", future, status="opened")
    market.lot("just past", past)
    market.lot("running", past)
    market.lot("old", past - timedelta(days=2))
    market.lot("draft", past - timedelta(days=2), status="draft")
    market.lot("timeless", None, status="bidding")
    for lot in ("coming", "just past", "running", "old", "draft", "timeless"):
        market.bid(lot, "A")
    opening = market.opening("running", past)
    market.publish_bidders(opening)
    writer.start()
    assert writer.lens.rows("SELECT lot_id FROM lots UNION ALL SELECT lot_id FROM bids") == [
        ("old",),
        ("old",),
    ]
    market.read_aloud(opening, 1)
    market.event(opening, "record_confirmed", {"rows": 1})
    assert writer.refresh() == []
    market.event(opening, "ended", {"result": "opened"})
    assert len(writer.refresh()) == 1
    assert sorted(writer.lens.rows("SELECT lot_id FROM bids")) == [("old",), ("running",)]


def test_a_new_round_of_the_same_lot_hides_it_again(
    market: Any, writer: LensWriter, past: datetime, future: datetime
) -> None:
    market.lot("L", past, status="failed")
    market.bid("L", "A")
    writer.start()
    assert writer.lens.rows("SELECT lot_id FROM lots") == [("L",)]
    market.lot("L", future, status="bidding", round=2)
    assert len(writer.refresh()) == 1
    assert writer.lens.rows("SELECT lot_id FROM lots") == []


# ── rewriting ────────────────────────────────────────────────────────────────


def test_only_changed_months_are_rewritten(
    market: Any, writer: LensWriter, ledger: Ledger, tmp_path: Path
) -> None:
    random_market(market)
    writer.start()
    first = writer.lens.as_of()
    assert writer.refresh() == [] and writer.sweep() == []
    assert writer.lens.version() == "1" and writer.lens.as_of() > first  # type: ignore[operator]
    market.bid("L04", "late news", 5, received_at=NOON)
    assert writer.refresh() == ["2026-04"]
    market.lot("L04", NOON + timedelta(days=90), status="awarded")
    assert writer.refresh() == ["2026-04", "2026-06"]
    market.firm("late news", "310101")
    assert writer.refresh() == ["2026-06"]
    market.firm("late news", "310101", address="somewhere")
    assert writer.refresh() == []
    assert LensWriter(ledger, tmp_path, HANGZHOU).start() == []


def test_sweep_finds_what_no_journal_told(market: Any, writer: LensWriter, ledger: Ledger) -> None:
    random_market(market)
    writer.start()
    with ledger.write() as session:
        session.execute(text("DELETE FROM bid WHERE lot_id = 'L00'"))
    assert writer.refresh() == []
    assert writer.sweep() == ["2026-03"]
    assert writer.lens.one("SELECT count(*) FROM bids WHERE lot_id = 'L00'")[0] == 0


def test_a_damaged_lens_is_built_again(
    market: Any, writer: LensWriter, ledger: Ledger, tmp_path: Path
) -> None:
    random_market(market)
    writer.start()
    file_of(writer.lens, "bids", "2026-04").unlink()
    assert LensWriter(ledger, tmp_path, HANGZHOU).start() == ["2026-04"]
    writer.lens.manifest_path.write_text('{"format": 1, "mon')
    assert Lens(tmp_path).as_of() is None
    assert len(LensWriter(ledger, tmp_path, HANGZHOU).start()) == 5
    with ledger.write() as session:
        session.execute(text("UPDATE lot SET status = 'draft' WHERE id IN ('L00', 'L01')"))
    assert writer.sweep() == ["2026-03"] and writer.sweep() == []
    assert writer.lens.one("SELECT count(*) FROM lots")[0] == 10


def test_a_kill_between_files_and_marks_loses_nothing(
    market: Any, writer: LensWriter, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_market(market)
    writer.start()
    market.bid("L04", "new", 5, received_at=NOON)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        writer.refresh()
    again = LensWriter(ledger, tmp_path, HANGZHOU)
    again.start()
    assert again.lens.one("SELECT count(*) FROM bids WHERE bidder_id = 'new'")[0] == 1


def test_without_a_lens_everything_is_empty_not_an_error(tmp_path: Path) -> None:
    lens = Lens(tmp_path / "absent")
    assert lens.as_of() is None and lens.version() == "0"
    month = Filters(Period.of("month", date(2026, 3, 15)))
    answers = Answers(lens)
    ids = [one.id for one in FIGURES.values() if not isinstance(one, LedgerFigure)]
    assert set(answers.values(ids, month)) == set(answers.compare(ids, month)) == set(ids)
    assert Answers(lens).value("M04", ALL).text == "—"
    assert answers.series(["M04"], ALL, [date(2026, 3, 1)])["M04"] == (Share(0, 0),)
    assert answers.breakdown("M04", ALL, "centre") == {} and answers.lots("M04", ALL).total == 0
    assert lens.frame("SELECT * FROM lots").columns.tolist() == LOTS.names
    assert answers.compare(["M04"], month)["M04"].difference() is None


def test_readers_see_new_months_and_share_one_lens_between_threads(
    market: Any, writer: LensWriter, tmp_path: Path
) -> None:
    reader = Lens(tmp_path)
    assert reader.one("SELECT count(*) FROM lots")[0] == 0
    random_market(market)
    writer.start()
    seen: list[int] = []

    def ask() -> None:
        seen.extend(reader.one("SELECT count(*) FROM lots")[0] for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [12] * 40


def test_the_lots_behind_a_figure_stand_page_by_page(market: Any, writer: LensWriter) -> None:
    random_market(market)
    writer.start()
    answers = Answers(writer.lens)
    page = answers.lots("M11", ALL, limit=5)
    failed = answers.value("M11", ALL)
    assert page.total == failed.numerator and all(row["bids"] < 3 for row in page.rows)
    busiest = [row["bids"] for row in answers.lots("M04", ALL, "bids").rows]
    assert busiest == sorted(busiest, reverse=True)
    whole = answers.lots("lots_opened", ALL)
    parts = [answers.lots("lots_opened", ALL, limit=4, offset=n).rows for n in range(0, whole.total, 4)]
    assert [row["lot_id"] for part in parts for row in part] == [row["lot_id"] for row in whole.rows]
    here = answers.lots("lots_opened", Filters(centre="c2"))
    assert 0 < here.total < whole.total and {row["centre_id"] for row in here.rows} == {"c2"}
    with pytest.raises(Invalid):
        answers.lots("M50", ALL)


def test_comparison_with_the_month_before_and_the_year_before(market: Any, writer: LensWriter) -> None:
    market.firm("W", "310101")
    for months_ago, outside in ((0, 2), (1, 1), (12, 3)):
        day = NOON - timedelta(days=round(30.4 * months_ago))
        for n in range(4):
            lot = market.lot(f"L{months_ago}-{n}", day, status="opened")
            market.bid(lot, "W" if n < outside else "H", received_at=day)
    writer.start()
    month = Filters(Period.of("month", NOON.date()))
    compared = Answers(writer.lens).compare(["M04"], month)["M04"]
    assert [s.text for s in (compared.present, compared.previous, compared.year_before) if s] == [
        "50.00%",
        "25.00%",
        "75.00%",
    ]
    assert compared.difference("previous") == 0.25 and compared.growth("previous") == 1.0
    assert compared.difference() == -0.25


# ── damage ───────────────────────────────────────────────────────────────────


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(40, min(200, len(data))):
        data[at] ^= 0xFF
    path.write_bytes(data)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _of_another_month(path: Path) -> None:
    other = next(p for p in path.parents[1].glob("month=*/*.parquet") if p != path)
    path.write_bytes(other.read_bytes())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the random market and its lens, whole: to copy from."""
    folder = tmp_path_factory.mktemp("sound")
    book = new_ledger(folder / "ledger.db")
    random_market(Market(book))
    LensWriter(book, folder, HANGZHOU).start()
    book.close()
    return folder


@pytest.fixture
def built(sound: Path, tmp_path: Path) -> Iterator[LensWriter]:
    """The writer of a lens that is whole, and that the test may damage."""
    folder = Path(shutil.copytree(sound, tmp_path / "market"))
    book = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    yield LensWriter(book, folder, HANGZHOU)
    book.close()


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, _of_another_month, Path.unlink])
@pytest.mark.parametrize("table", ["bids", "lots"])
def test_a_damaged_file_is_built_again(built: LensWriter, table: str, damage: Any) -> None:
    lens, months = built.lens, sorted(built.lens.manifest()["months"])
    before = (
        sorted(map(str, lens.rows("SELECT * FROM bids"))),
        sorted(map(str, lens.rows("SELECT * FROM lots"))),
    )
    damage(file_of(lens, table, months[1]))
    again = LensWriter(built.ledger, lens.folder.parent, HANGZHOU)
    assert again.start() == [months[1]], "only the damaged month is written anew"
    after = (
        sorted(map(str, again.lens.rows("SELECT * FROM bids"))),
        sorted(map(str, again.lens.rows("SELECT * FROM lots"))),
    )
    assert after == before
    assert again.sweep() == []
    damage(file_of(again.lens, table, months[2]))
    assert again.sweep() == [months[2]], "a running writer finds it too"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "null", '{"months": 5}', '{"format": 1, "version": 1, "months": {"2026-03": 7}, "as_of": "x"}',
             '{"format": 1, "version": "one", "months": {}, "as_of": "2026-03-01T00:00:00+08:00"}', "\udcff"],
)  # fmt: skip
def test_a_damaged_manifest_is_built_again(built: LensWriter, text: str) -> None:
    lens, months = built.lens, sorted(built.lens.manifest()["months"])
    lens.manifest_path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert lens.as_of() is None and lens.version() == "0"
    again = LensWriter(built.ledger, lens.folder.parent, HANGZHOU)
    assert again.start() == months and again.lens.as_of() is not None


def test_a_lot_without_a_centre_counts_where_its_room_is(
    ledger: Ledger, market: Any, writer: LensWriter, past: datetime
) -> None:
    lot = market.lot("homeless", past, centre_id=None, status="opened")
    market.opening(lot, past)
    for firm in ("A", "B"):
        market.bid(lot, firm, mac="3C5282AABB07", received_at=past - timedelta(hours=1))
    writer.start()
    answers, here = Answers(writer.lens, ledger), Filters(centre="c1")
    assert {key: one.participations for key, one in answers.breakdown("M03", ALL, "centre").items()} == {
        "c1": 2
    }
    assert answers.value("M45", here).denominator == 1 and answers.lots("M45", here).total == 1
    assert set(answers.breakdown("M45", ALL, "centre")) == {"c1"}
    with ledger.read() as session:
        [facts] = load_facts(session, [lot])
    assert facts.centre_id == "c1"


def test_every_figure_of_the_ledger_answers_whole_broken_down_and_with_its_lots(
    ledger: Ledger, market: Any, writer: LensWriter, past: datetime
) -> None:
    """Here on SQLite; `tests.supervision.test_postgres` asks the same of PostgreSQL."""
    every_live_figure_answers(ledger, market, writer, past)


def every_live_figure_answers(ledger: Ledger, market: Any, writer: LensWriter, past: datetime) -> None:
    market.firm("A")
    market.award(market.lot("won", past, status="awarded"), "A", 900, past + timedelta(minutes=5))
    market.opening(market.lot("held", past, centre_id=None, status="opened"), past)
    answers = Answers(writer.lens, ledger)
    live = [one for one in FIGURES.values() if isinstance(one, LedgerFigure)]
    narrow = Filters(
        Period.of("year", past.date()), "year", centre="c1", trade_family="works", category="市政"
    )
    for filters in (ALL, narrow):
        assert set(answers.values([one.id for one in live], filters)) == {one.id for one in live}
        for one in live:
            for by in one.by:
                assert isinstance(answers.breakdown(one.id, filters, by), dict)
            if one.of_lots:
                found = answers.lots(one.id, filters)
                assert found.total == len(found.rows)
    assert {row["lot_id"] for row in answers.lots("M45", narrow).rows} == {"won", "held"}
