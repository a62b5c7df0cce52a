"""The desk before a deadline: two installations that differ only in what hangs on who bids look the same.

Records go in at the intake's HTTP door; every screen is drawn for every role, every table exported, every address
of the live pages asked. The watch and the lens run over both, the clock stands.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.access.accounts import add_user
from dashboard.access.throttle import Throttle
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.exports.routes import TABLES
from dashboard.http import sign_in as auth
from dashboard.http.gate import Gate
from dashboard.live import api as live_api
from dashboard.screens import SCREENS, may_see
from dashboard.shell import unavailable as failing
from ingest.config import IntakeConfig
from ingest.http.server import create_app
from records.clock import frozen_at
from records.ledger import Ledger
from records.sources import add_source
from records.tables.users import ROLES
from supervision.lens.writer import LensWriter
from supervision.rules.baseline import UNKNOWN
from supervision.warnings.lot_loop import HotLoop
from tests.dashboard.conftest import PASSWORD, sign_in
from tests.dashboard.screens import arrow_rows, run
from tests.ledgers import new_ledger
from tests.places import HANGZHOU, PUBLISHED
from tests.streaming.two_doors import T, announced, bid_secretly, said, step

HOUR, SOON = timedelta(hours=1), timedelta(minutes=10)
PAST = T - timedelta(days=20)
Envelope = dict[str, Any]
ADDRESSES = (
    "/api/hall", "/api/hall?key=1", "/api/warnings?state=all", "/api/warnings/counts", "/api/openings/O1/record.csv",
    "/api/openings/O2/record.csv", "/api/openings/O4/record.csv",
)  # fmt: skip
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("S06", {"view": "today"}), ("S06", {"view": "today", "state": "ended"}), ("S06", {"view": "calendar", "day": "2026-05-06"}),
    ("S07", {"opening": "O1"}), ("S07", {"opening": "O2"}), ("S07", {"opening": "O4"}),
)  # fmt: skip
"""Addresses of screens that show a lot or an opening of their own."""


def lot(number: int, deadline: datetime | None, version: int = 1, **more: Any) -> Envelope:
    """A lot of a key project in the city's centre."""
    data = {
        "project": "P1",
        "name": f"示例学校{number}标段",
        "tenderer": "T1",
        "centre": "C1",
        "notice_at": PAST.isoformat(),
    }
    return said("lot", f"L{number}", data | {"deadline": deadline and deadline.isoformat()} | more, version)  # fmt: skip


def known() -> list[Envelope]:
    """What both worlds hold: a lot opened and awarded weeks ago, three lots whose deadline is ahead."""
    firms = [{"lot": "L9", "bidder": f"B{n}"} for n in (1, 2, 3)]
    ended = (PAST + HOUR).isoformat()
    return [
        *announced(),
        said("project", "P1", {"name": "示例学校", "tenderer": "T1", "key_flag": "safeguard"}, 2),
        said("room", "r2", {"centre": "C1", "name": "开标二室"}),
        lot(1, T, 2), lot(2, T), lot(3, None), lot(4, T), lot(9, PAST),
        said("opening", "O3", {"lot": "L3", "room": "r1", "scheduled_at": T.isoformat()}),
        *(said("bid", f"old{n}", firm | {"price": str(900 + n), "received_at": (PAST - HOUR).isoformat()})
          for n, firm in enumerate(firms)),
        said("deposit", "oldd", firms[0] | {"amount": "5", "received_at": (PAST - HOUR).isoformat(),
                                            "due_refund_at": PAST.isoformat()}),
        said("opening", "O9", {"lot": "L9", "room": "r1", "scheduled_at": PAST.isoformat(), "state": "ended", "ended_at": ended}),
        said("award", "A9", firms[0] | {"price": "900", "awarded_at": ended}),
        *bid_secretly(2),
    ]  # fmt: skip


def early() -> list[Envelope]:
    """Whatever would tell who bids, or how many, hours before the deadline."""
    at, ago = (T - 2 * HOUR).isoformat(), (T - 3 * HOUR).isoformat()
    return [
        *(record for number in (1, 2, 3) for record in outcome(number, at)),
        *bid_secretly(12)[2:12],
        *(said("bid", f"m{n}", {"lot": f"L{lot}", "bidder": f"B{n}", "price": "7", "mac": "AA-BB-CC-DD-EE-FF", "received_at": ago})
          for n, lot in ((1, 2), (2, 2), (3, 3), (4, 3))),
        *(said("deposit", f"r{n}", {"lot": f"L{n}", "bidder": "B1", "amount": "3", "received_at": ago, "due_refund_at": ago,
                                    "refunded_at": at, "status": "refunded", "form": "guarantee"}) for n in (1, 2, 3)),
        *(step(n, "sign_in", count=n) for n in (1, 2)),
        said("opening", "O2", {"lot": "L2", "room": "r1", "scheduled_at": T.isoformat(), "state": "ended", "result": "failed"}),
        said("opening", "O4", {"lot": "L4", "room": "r2", "scheduled_at": T.isoformat(), "ended_at": (T + SOON / 2).isoformat(), "state": "ended"}),
        lot(1, T, 3, status="failed"), lot(2, T, 2, status="awarded"), lot(3, None, 2, status="contracted"),
    ]  # fmt: skip


def outcome(number: int, at: str) -> list[Envelope]:
    """Every paper that says how a lot has ended."""
    firm = {"lot": f"L{number}", "bidder": f"B{number}"}
    return [
        said("award", f"Aw{number}", firm | {"price": "77123", "awarded_at": at}),
        said("award", f"Ac{number}", firm | {"price": "77124", "rank": 2, "status": "candidate", "publicity_from": at}),
        said("contract", f"K{number}", firm | {"signed_at": at, "value": "77123"}),
        *(said("notice", f"N{number}{kind}", {"lot": f"L{number}", "type": kind, "title": "流标：不足三家", "published_at": at})
          for kind in ("result", "candidates", "termination")),
        said("objection", f"Q{number}", {"lot": f"L{number}", "stage": "opening", "kind": "complaint", "content": "只有两家",
                                         "raised_at": at}),
    ]  # fmt: skip


@dataclass(frozen=True)
class Worlds:
    """Folders of two installations, made once; nothing that is tried on them changes what they hold."""

    plain: Path
    early: Path


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """An hour before the deadline: one that has received what both hold, and one that has received more."""
    made = Worlds(tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("early"))
    with frozen_at(T - HOUR):
        fill(made.plain)
        fill(made.early, *early())
    return made


def fill(folder: Path, *more: Envelope) -> None:
    """Send what both hold, and `more`, at the intake's door; the watch sees it. An account of every role."""
    ledger = new_ledger(folder / "ledger.db")
    with ledger.write() as session:
        head = {"Authorization": f"Bearer {add_source(session, 'platform')}"}
        for role in ROLES:
            add_user(session, role, role, PASSWORD)
    url = ledger.url.render_as_string(hide_password=False)
    with TestClient(create_app(IntakeConfig(url, folder)), headers=head) as intake:
        answers = intake.post("/records", content=json.dumps([*known(), *more])).json()
    assert [answer for answer in answers if answer["status"] != "accepted"] == []
    watched(ledger, folder)
    ledger.close()


@contextmanager
def desk_of(folder: Path, tmp_path: Path) -> Iterator[Ledger]:
    """The desk over a copy of an installation; in a folder of its own, since figures are remembered by folder."""
    here = Path(shutil.copytree(folder, tmp_path / folder.name))
    context.configure(DeskConfig(f"sqlite:///{here}/ledger.db", here, home=HANGZHOU, reference=PUBLISHED))
    auth.throttle = Throttle()
    yield context.ledger()
    context.identify_by(None)


def watched(ledger: Ledger, folder: Path) -> None:
    """The watch has seen everything: warnings are raised, the lens is up to date."""
    loop = HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    while loop.tick():
        pass
    LensWriter(ledger, folder, HANGZHOU).refresh()


def drawn(test: AppTest) -> str:
    """Everything a screen has sent to the browser."""
    assert not test.exception
    sent = (getattr(node, "proto", None) for node in test._tree)
    held = (rows for node in test._tree for rows in arrow_rows(getattr(node, "proto", None)))
    return "\n".join([*(f"{type(proto).__name__} {proto}" for proto in sent), *map(str, held)])


def screens(role: str, codes: tuple[str, ...] = ()) -> dict[str, str]:
    """All that a role can see on the screens of the desk, or on those of `codes`."""
    seen = {s.id: drawn(run(role, s)) for s in SCREENS if may_see(role, s) and (not codes or s.id in codes)}
    by_id = {screen.id: screen for screen in SCREENS}
    for code, asked in VIEWS:
        if code in seen:
            seen[f"{code} {asked}"] = drawn(run(role, by_id[code], **asked))
    return seen


async def answers(role: str) -> dict[str, str]:
    """All exports and live addresses, as a role gets them."""
    routes = [*auth.routes, *exports.routes, *live_api.routes]
    app = Starlette(routes=routes, middleware=[Middleware(Gate)], exception_handlers=failing.handlers)
    transport = httpx.ASGITransport(app=app)
    paths = [*(f"/export/{name}.csv?period=all&view=today" for name in TABLES), *ADDRESSES]
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        await sign_in(client, role)
        found = {path: await client.get(path) for path in paths}
    return {path: f"{answer.status_code} {answer.text}" for path, answer in found.items()}


def different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Where two worlds differ."""
    assert one.keys() == other.keys()
    return [place for place in one if one[place] != other[place]]


async def seen(role: str, codes: tuple[str, ...] = ()) -> dict[str, str]:
    """All that the desk shows a role; of the screens only those of `codes` where some are named."""
    return screens(role, codes) | await answers(role)


@pytest.mark.parametrize("role", ROLES)
async def test_nothing_early_is_told_to_any_role(worlds: Worlds, tmp_path: Path, role: str) -> None:
    with frozen_at(T - HOUR):
        with desk_of(worlds.plain, tmp_path):
            plain = await seen(role)
        with desk_of(worlds.early, tmp_path):
            told = await seen(role)
    assert different(plain, told) == []


async def test_from_the_deadline_on_it_is_told(worlds: Worlds, tmp_path: Path) -> None:
    """The same two worlds after it differ wherever the records have something to say."""
    telling = ("S01", "S04", "S05", "S08", "S10", "S11")
    with frozen_at(T + SOON):
        with desk_of(worlds.plain, tmp_path) as ledger:
            watched(ledger, tmp_path / worlds.plain.name)
            plain = await seen("supervisor", telling)
        with desk_of(worlds.early, tmp_path) as ledger:
            watched(ledger, tmp_path / worlds.early.name)
            told = await seen("supervisor", telling)
    tables = ("lots", "awards", "openings", "replays", "deposits", "warnings")
    wanted = {*telling, "/api/hall", "/api/warnings?state=all"}
    wanted |= {f"/export/{name}.csv?period=all&view=today" for name in tables}
    assert wanted <= set(different(plain, told))
