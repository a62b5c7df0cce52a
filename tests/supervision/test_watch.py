"""The watch as a whole: a record becomes a warning, once, in time, and not before it may."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from messages import Message, Unknown
from records.clock import now, running_from
from records.ledger import Ledger
from records.tables.base import Base
from records.tables.broadcast import PublicEvent
from records.tables.supervision import Warning, WarningChange, WatchMark
from supervision.config import WatchConfig
from supervision.lens.writer import LensWriter
from supervision.rules.baseline import UNKNOWN, measure_baselines
from supervision.rules.finding import Finding, Subject
from supervision.rules.registry import LOT_RULES
from supervision.rules.scan import scan
from supervision.warnings.lot_loop import HotLoop
from supervision.watch import Watch, run
from tests.places import HANGZHOU


def loop_of(ledger: Ledger) -> HotLoop:
    loop = HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    return loop


def settle(loop: HotLoop) -> None:
    """Tick until there is nothing more to do."""
    while loop.tick():
        pass


def warnings_of(ledger: Ledger) -> list[Warning]:
    with ledger.read() as session:
        return list(session.scalars(select(Warning).order_by(Warning.raised_at, Warning.id)))


def same_machine(market: Any, lot: str, *firms: str) -> None:
    for firm in firms:
        market.bid(lot, firm, mac="3C-52-82-AA-BB-7E")


def test_record_becomes_warning_quickly(ledger: Ledger, market: Any, past: datetime, tmp_path: Path) -> None:
    stop = threading.Event()
    config = WatchConfig(str(ledger.url), tmp_path, HANGZHOU)
    thread = threading.Thread(target=run, args=(config, stop))
    thread.start()
    try:
        delays = []
        for n in range(5):
            lot = market.lot(f"L{n}", past)
            market.bid(lot, "A", mac="3C5282AABB7E")
            time.sleep(0.05 * n)
            market.bid(lot, "B", mac="3C:52:82:aa:bb:7e")
            sent = time.monotonic()
            while len(warnings_of(ledger)) <= n:
                assert time.monotonic() - sent < 20
                time.sleep(0.01)
            delays.append(time.monotonic() - sent)
        assert sorted(delays)[2] < 2
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()


# ── secrecy ──────────────────────────────────────────────────────────────────


def test_nothing_before_the_deadline_and_then_at_once(ledger: Ledger, market: Any) -> None:
    with running_from(now()) as forward:
        market.lot("L", now() + timedelta(hours=1))
        same_machine(market, "L", "A", "B")
        loop = loop_of(ledger)
        settle(loop)
        assert warnings_of(ledger) == []
        forward(timedelta(hours=1))
        settle(loop)
        (raised,) = warnings_of(ledger)
    told = (raised.rule, raised.level, raised.state, raised.lot_id, raised.centre_id)
    assert told == ("B4", "red", "new", "L", "c1")


def test_unknown_deadline_stays_secret_until_the_lot_is_opened(ledger: Ledger, market: Any) -> None:
    market.lot("L", None)
    same_machine(market, "L", "A", "B")
    loop = loop_of(ledger)
    settle(loop)
    assert warnings_of(ledger) == []
    market.lot("L", None, status="evaluating")
    settle(loop)
    assert len(warnings_of(ledger)) == 1


def test_waits_for_the_opening_to_publish_its_bidders(ledger: Ledger, market: Any, past: datetime) -> None:
    market.lot("L", past)
    opening = market.opening("L", past)
    same_machine(market, "L", "A", "B", "C", "D")
    loop = loop_of(ledger)
    settle(loop)
    assert warnings_of(ledger) == []
    market.publish_bidders(opening, past)
    settle(loop)
    assert [w.rule for w in warnings_of(ledger)] == ["B4"]


def test_price_rule_waits_until_every_bid_is_read(ledger: Ledger, market: Any, past: datetime) -> None:
    market.lot("L", past)
    opening = market.opening("L", past)
    for n, firm in enumerate("ABCD"):
        market.bid("L", firm, 1_000_000 + n * 10_000)
    market.bid("L", "E", None, decrypt_status="failed")
    market.publish_bidders(opening, past)
    loop = loop_of(ledger)
    for n in (1, 2, 3):
        market.read_aloud(opening, n)
    settle(loop)
    assert warnings_of(ledger) == []
    market.read_aloud(opening, 4)
    settle(loop)
    (raised,) = warnings_of(ledger)
    assert (raised.rule, raised.level, raised.value, raised.threshold) == ("B10", "orange", 0.0, 0.02)


def test_price_rule_waits_for_missing_prices(ledger: Ledger, market: Any, past: datetime) -> None:
    market.lot("L", past)
    for n, firm in enumerate("ABCD"):
        market.bid("L", firm, 1_000_000 + n * 10_000)
    market.bid("L", "E")
    market.bid("L", "F", 5, withdrawn_at=past - timedelta(hours=1), status="withdrawn")
    loop = loop_of(ledger)
    settle(loop)
    assert warnings_of(ledger) == []
    market.bid("L", "E", 1_040_000)
    settle(loop)
    assert [w.rule for w in warnings_of(ledger)] == ["B10"]
    assert len(warnings_of(ledger)[0].subjects) == 6


def test_deposits_of_one_account_without_those_who_withdrew(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    market.lot("L", past)
    market.bid("L", "A")
    market.bid("L", "B", withdrawn_at=past - timedelta(days=1), status="withdrawn")
    market.deposit("L", "A", "ab12cd34")
    market.deposit("L", "B", "ab12cd34")
    loop = loop_of(ledger)
    settle(loop)
    assert warnings_of(ledger) == []
    market.bid("L", "C")
    market.deposit("L", "C", "ab12cd34")
    settle(loop)
    (raised,) = warnings_of(ledger)
    assert raised.rule == "B6" and raised.baseline is None


# ── once, through kills ──────────────────────────────────────────────────────


def test_a_finding_grows_instead_of_repeating(ledger: Ledger, market: Any, past: datetime) -> None:
    market.lot("L", past)
    same_machine(market, "L", "A", "B")
    loop = loop_of(ledger)
    settle(loop)
    market.lot("L", past, name="改名")
    settle(loop)
    same_machine(market, "L", "C")
    settle(loop)
    (raised,) = warnings_of(ledger)
    assert raised.value == 3.0 and len(raised.subjects) == 4 and len(raised.evidence["bids"]) == 3
    with ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(WarningChange)) == 2


def test_resumes_after_a_kill_between_reading_and_committing(
    ledger: Ledger, market: Any, past: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_of(ledger)
    settle(loop)
    market.lot("L", past)
    same_machine(market, "L", "A", "B")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        settle(loop)
    assert warnings_of(ledger) == []
    settle(loop_of(ledger))
    assert len(warnings_of(ledger)) == 1
    settle(loop_of(ledger))
    with ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(WarningChange)) == 1


def test_marks_never_pass_a_lot_not_yet_looked_at(ledger: Ledger, market: Any, past: datetime) -> None:
    settle(loop_of(ledger))
    for n in range(40):
        market.lot(f"L{n:02}", past - timedelta(days=n))
        same_machine(market, f"L{n:02}", "A", "B")
    loop = loop_of(ledger)
    loop.tick()
    seen = len(warnings_of(ledger))
    assert 0 < seen < 40
    settle(loop_of(ledger))
    assert len(warnings_of(ledger)) == 40


def test_history_without_a_journal_is_looked_at_on_the_first_run(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    market.lot("L", past)
    same_machine(market, "L", "A", "B")
    with ledger.write() as session:
        session.execute(Base.metadata.tables["journal"].delete())
    settle(loop_of(ledger))
    assert len(warnings_of(ledger)) == 1
    with ledger.read() as session:
        assert session.get_one(WatchMark, "watch:deadline").detail == {"lot": "L"}


def test_a_rule_that_fails_does_not_stop_the_others(
    ledger: Ledger, market: Any, past: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.lot("L", past)
    same_machine(market, "L", "A", "B")

    def broken(*_: Any) -> list[Any]:
        raise ValueError("broken")

    monkeypatch.setattr(LOT_RULES["B6"], "evaluate", broken)
    settle(loop_of(ledger))
    assert [w.rule for w in warnings_of(ledger)] == ["B4"]


# ── the slow half ────────────────────────────────────────────────────────────


def test_market_figures_are_published_once_and_again_when_they_change(
    ledger: Ledger, market: Any, past: datetime, tmp_path: Path
) -> None:
    market.firm("W", "310101")
    market.lot("L", past)
    market.bid("L", "A")
    market.bid("L", "W")
    writer = LensWriter(ledger, tmp_path, HANGZHOU)
    watch = Watch(WatchConfig(str(ledger.url), tmp_path, HANGZHOU), threading.Event())
    writer.start()
    watch._publish(writer, now())
    watch._publish(writer, now())
    assert [row["participations"] for row in published(ledger)] == [0]
    market.open_fully("L", past)
    writer.refresh()
    watch._publish(writer, now())
    newest = published(ledger)[-1]
    assert len(published(ledger)) == 2
    assert newest["outside"] == {
        "value": 0.5,
        "text": "50.00%",
        "numerator": 1,
        "denominator": 2,
        "unknown": 0,
    }
    assert newest["openings"] == 1 and newest["demo"] is True and newest["as_of"].endswith("+08:00")


def published(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.read() as session:
        query = select(PublicEvent).where(PublicEvent.topic == "market").order_by(PublicEvent.seq)
        return [row.payload for row in session.scalars(query)]


def test_baseline_is_measured_on_the_market_and_unknown_when_it_is_small(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    for n in range(20):
        lot = market.lot(f"L{n}", past)
        market.bid(lot, "A", mac=f"3C5282AABB{n:02}")
        market.bid(lot, "B", mac=f"4C5282AABB{n:02}")
    baselines = measure_baselines(ledger)
    of_files = {key: value for key, value in baselines.usual.items() if key[0] == "B4"}
    assert of_files == {("B4", "works/市政/open"): 0.0, ("B4", ""): 0.0}
    finding = Finding(
        "B4",
        "1",
        "files",
        "red",
        Message("rule.B4.name"),
        (Subject("lot", "L"),),
        2.0,
        2.0,
        stratum="works/市政/open",
    )
    assert baselines.of(finding).baseline == 0.0
    other = baselines.of(replace(finding, stratum="land/-/open"))
    assert (other.baseline, other.stratum) == (0.0, "all")
    assert UNKNOWN.of(finding).baseline is None


def test_scan_finds_the_same_without_raising(
    ledger: Ledger, market: Any, past: datetime, future: datetime
) -> None:
    for lot, deadline in (("L1", past), ("L2", past - timedelta(days=400)), ("L3", future)):
        market.lot(lot, deadline)
        same_machine(market, lot, "A", "B")
    found = [finding.as_dict() for finding in scan(ledger)]
    assert [f["subjects"][0]["id"] for f in found] == ["L2", "L1"]
    assert set(found[0]) == {
        "rule", "level", "subjects", "value", "baseline", "threshold", "stratum", "evidence", "rule_version",
    }  # fmt: skip
    assert len(list(scan(ledger, since=past - timedelta(days=30)))) == 1
    assert list(scan(ledger, ["B10"])) == [] and list(scan(ledger, params={"B4": {"min_bidders": 3}})) == []
    with pytest.raises(Unknown, match="B99"):
        scan(ledger, ["B99"])
    assert warnings_of(ledger) == []


def test_the_watch_says_how_it_is(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a port: in a file, from its start; a loop that is stuck stands in it until it moves again."""
    go_on, stop = threading.Event(), threading.Event()
    monkeypatch.setattr("supervision.watch.SIGN_EVERY", 0.02)
    monkeypatch.setattr("supervision.warnings.lot_loop.HotLoop.tick", lambda _loop: go_on.wait(20) and False)
    url = ledger.url.render_as_string(hide_password=False)
    config = WatchConfig(url, tmp_path, HANGZHOU, hot_patience=0.1)
    watching = threading.Thread(target=run, args=(config, stop))
    watching.start()

    def said(status: str) -> dict[str, Any]:
        limit = time.monotonic() + 20
        while True:
            file = tmp_path / "watch.health"
            told: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
            if told.get("status") == status:
                return told
            assert time.monotonic() < limit, told
            time.sleep(0.02)

    try:
        stuck = said("failing")
        assert stuck["replace"] is True and "watch-hot" in stuck["detail"]
        go_on.set()
        assert said("ok")["replace"] is False
    finally:
        go_on.set()
        stop.set()
        watching.join(20)


def test_a_lot_that_cannot_be_read_keeps_no_warning_of_another_back(
    ledger: Ledger, market: Any, past: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervision.warnings import lot_loop as hot

    read = hot.ready_facts
    seen: list[str] = []

    def trip(session: Any, lots: list[str], at: datetime) -> Any:
        if "poison" in lots:
            raise RecursionError
        seen.extend(lots)
        return read(session, lots, at)

    monkeypatch.setattr(hot, "ready_facts", trip)
    for lot in ("fine", "poison", "well"):
        market.lot(lot, past)
    loop = hot.HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    while loop.tick():
        continue
    assert {"fine", "well"} <= set(seen)
