"""The demonstration's small market as it stood at one moment, and what its tables say in plain SQL.

The views are written from the definitions of the figures alone: they ask the ledger's tables, never the
packages under test. Money is kept in ten-thousandths, moments in UTC; a day is one of Beijing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from records.clock import frozen_at
from records.ledger import Ledger
from records.tables.broadcast import BroadcastSession, Viewing
from records.tables.openings import Opening
from sunbid.demo import broadcasts, envelopes, load, market, opening_steps, player, script
from sunbid.demo.audiences import audience
from sunbid.demo.people import People
from supervision.lens.writer import LensWriter
from supervision.rules.baseline import UNKNOWN
from supervision.warnings.lot_loop import HotLoop
from tests.ledgers import new_ledger
from tests.places import HANGZHOU

NOW = datetime.fromisoformat("2026-11-19T11:10:00+08:00")
TODAY = NOW.date()


def copied(folders: pytest.TempPathFactory) -> Path:
    """A folder with the market at NOW: a copy of what the first worker of a run makes that asks for it."""
    own = folders.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / "seeded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "seeded").exists():
            (begun := shared / "seeded.part").mkdir()
            with frozen_at(NOW):
                build(begun)
            begun.rename(shared / "seeded")
    return Path(shutil.copytree(shared / "seeded", folders.mktemp("seeded") / "market"))


def build(folder: Path) -> None:
    """Ledger, warnings and lens of the market at NOW; the clock must stand there. One opening is on air."""
    ledger = new_ledger(folder / "ledger.db")
    load.ensure_source(ledger)
    load.load(ledger, folder, market.generate("small", 1, NOW))
    load.load(ledger, folder, on_air())
    _broadcasts(ledger)
    loop = HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    while loop.tick():
        pass
    loop.finish()
    LensWriter(ledger, folder, HANGZHOU).start()
    ledger.close()


def on_air() -> Any:
    """An opening of the room with pictures, whole: announced, opened, read and ended."""
    plan = next(script.room_script(People(1), NOW - timedelta(hours=1), 0))
    yield from player.announcement(plan)
    yield from player.sealed(plan)
    for bid in plan.bids:
        yield envelopes.opened_bid(plan, bid, plan.deadline + timedelta(minutes=1))
    for step in opening_steps.steps(plan, script.show_pace(plan)):
        yield step.event


def _broadcasts(ledger: Ledger) -> None:
    """Every third opening that is over was broadcast; of those every fourth for less than a minute."""
    with ledger.write() as session:
        over = session.scalars(select(Opening).where(Opening.state == "ended").order_by(Opening.id)).all()
        for number, opening in enumerate(over[::3]):
            session.add(
                BroadcastSession(
                    id=f"s{number}", opening_id=opening.id, room_id=opening.room_id or "-", state="ended",
                    seconds_live=40.0 if number % 4 == 0 else 1800.0 + number, interruptions=number % 3,
                )
            )  # fmt: skip
            session.add(Viewing(**audience(opening.id, number % 40, 1800.0, opening.scheduled_at)))
        broadcasts.leave_pictures(session, broadcasts.mornings(NOW), NOW)


# ── the same in SQL ──────────────────────────────────────────────────────────

VIEWS = """
CREATE TEMP VIEW op AS SELECT * FROM opening WHERE state <> 'cancelled';
CREATE TEMP VIEW lots AS
  SELECT l.id, l.name, l.centre_id centre, l.trade_family family, l.category, l.flags, l.control_price control,
    l.currency, l.status, l.notice_at, l.deadline, p.key_flag, op.result, op.state, op.id opening,
    coalesce(op.started_at, op.scheduled_at) at, date(coalesce(op.started_at, op.scheduled_at), '+8 hours') day,
    op.scheduled_at
  FROM lot l JOIN project p ON p.id = l.project_id LEFT JOIN op ON op.lot_id = l.id
  WHERE l.flags NOT LIKE '%rehearsal%';
CREATE TEMP VIEW called AS
  SELECT *, date(notice_at, '+8 hours') day, centre_id centre, trade_family family FROM lot
  WHERE notice_at <= :now AND method IN ('open', 'selective') AND flags NOT LIKE '%rehearsal%';
CREATE TEMP VIEW over AS SELECT * FROM lots WHERE state IN ('ended', 'sealed');
CREATE TEMP VIEW parts AS
  SELECT o.*, b.bidder_id, g.division_code place, b.ca_region ca, b.status bid_status
  FROM over o JOIN bid b ON b.lot_id = o.id JOIN organisation g ON g.id = b.bidder_id
  WHERE o.result = 'opened' AND b.status <> 'withdrawn' AND b.received_at <= o.deadline
    AND (b.withdrawn_at IS NULL OR b.withdrawn_at > o.deadline);
CREATE TEMP VIEW reached AS
  SELECT o.*, (SELECT count(*) FROM bid b WHERE b.lot_id = o.id AND b.status <> 'withdrawn'
    AND b.received_at <= o.deadline AND (b.withdrawn_at IS NULL OR b.withdrawn_at > o.deadline)) n FROM over o;
CREATE TEMP VIEW deals AS
  SELECT o.id, o.name, o.centre, o.family, o.category, o.flags, o.control, o.currency, o.notice_at, o.scheduled_at,
    a.price, a.bidder_id winner, g.name winner_name, g.division_code place, a.awarded_at,
    date(a.awarded_at, '+8 hours') day
  FROM over o JOIN award a ON a.lot_id = o.id JOIN organisation g ON g.id = a.bidder_id WHERE a.status = 'awarded';
CREATE TEMP VIEW money AS
  SELECT d.*, l.centre_id centre, date(d.refunded_at, '+8 hours') back, date(d.due_refund_at, '+8 hours') due,
    date(d.received_at, '+8 hours') got
  FROM deposit d JOIN lot l ON l.id = d.lot_id WHERE l.deadline <= :now AND l.flags NOT LIKE '%rehearsal%';
"""


@dataclass(frozen=True)
class Asked:
    """A period of Beijing days, both ends included, and filters; as they stand in the address and in SQL."""

    address: dict[str, str]
    first: str = "0001-01-01"
    last: str = "9999-12-31"

    def where(self, day: str = "day", *columns: str) -> str:
        """The condition on `day` and on the filters of the given columns."""
        terms = [f"{day} BETWEEN '{self.first}' AND '{self.last}'"]
        terms += [f"{column} = '{self.address[column]}'" for column in columns if column in self.address]
        return " AND ".join(terms)

    @property
    def lots(self) -> str:
        """The condition on views of lots."""
        return self.where("day", "centre", "family", "category")


def working_rooms(sql: Sql, asked: Asked) -> tuple[int, int]:
    """M17: opening rooms with a picture in the last 24 hours, or within a period that is over; and all of them."""
    place = f" AND centre_id = '{asked.address['centre']}'" if "centre" in asked.address else ""
    over = asked.last < str(TODAY)
    within = (
        f"day BETWEEN '{asked.first}' AND '{asked.last}'"
        if over
        else f"seen_at >= datetime('{sql.now}', '-1 day')"
    )
    found: tuple[int, int] = sql.one(
        f"SELECT coalesce(sum(id IN (SELECT room_id FROM room_picture WHERE {within})), 0), count(*) FROM room"
        f" WHERE kind = 'opening' AND public_allowed{place}"
    )
    return found


class Sql:
    """The ledger's tables, asked straight."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(f"file:{folder}/ledger.db?mode=ro", uri=True)
        self._now = NOW.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self._db.executescript(VIEWS.replace(":now", f"'{self._now}'"))

    @property
    def now(self) -> str:
        """The moment of the market as the tables write it."""
        return self._now

    def one(self, query: str) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        found: tuple[Any, ...] = self._db.execute(query).fetchone()
        return found

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._db.execute(query).fetchall()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()
