"""A small market in a scratch ledger, its lens, and one account of every role."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from dashboard import context
from dashboard import metrics as ops
from dashboard.access import accounts
from dashboard.access.accounts import add_user
from dashboard.access.throttle import Throttle
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.http import sign_in as auth
from dashboard.http.gate import Gate
from dashboard.shell import unavailable as failing
from records import states
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.intake import Source
from records.tables.money import Award, Deposit
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from records.tables.supervision import Warning
from records.tables.users import ROLES
from supervision.lens.writer import LensWriter
from tests.ledgers import new_ledger
from tests.places import HANGZHOU, PUBLISHED

PASSWORD = "sunshine-2026"
BIDDERS = ("91330100AAAA000001", "91320100AAAA000002", "91310000AAAA000003", "91330100AAAA000004")


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed in a millisecond: how long a hash takes is not what these tests are about."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with mock.patch.multiple(accounts, _HASHER=quick, _DECOY=accounts.decoy(quick)):
        yield


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Streamlit's AppTest leaves the page it ran as `__main__`; processes started later would run it again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


def _seed(ledger: Ledger) -> None:
    at = now() - timedelta(days=20)
    with ledger.write() as s:
        s.add(Source(name="demo", demo=True))
        for role in ROLES:
            add_user(s, role, role, PASSWORD)
        s.add(
            Centre(
                id="c1", name="市本级", name_en="City", level="city", division_code="330100", source="demo"
            )
        )
        s.flush()
        s.add(Room(id="hz-01", centre_id="c1", name="第一开标室", source="demo"))
        for key in BIDDERS:
            s.add(Organisation(id=key, name=f"=投标企业{key[-1]}", roles=["bidder"], division_code=key[2:8],
                               division_source="registration", source="demo"))  # fmt: skip
        for n, deadline in (("1", at), ("2", now() + timedelta(days=3))):
            s.add(Project(id=f"p{n}", name=f"项目{n}", source="demo"))
            s.flush()
            s.add(Lot(id=f"l{n}", project_id=f"p{n}", name=f"<b>标段{n}</b>", centre_id="c1", control_price=Decimal(1_000_000),
                      notice_at=deadline - timedelta(days=25), deadline=deadline, flags=["electronic"], category="市政", source="demo"))  # fmt: skip
            s.flush()
            states.new_opening(
                s, Opening(id=f"o{n}", lot_id=f"l{n}", room_id="hz-01", scheduled_at=deadline, source="demo")
            )
            for i, key in enumerate(BIDDERS):
                s.add(Bid(id=f"b{n}{i}", lot_id=f"l{n}", bidder_id=key, received_at=deadline - timedelta(hours=2),
                          price=Decimal(900_000 + i), ca_region=key[2:4], source="demo"))  # fmt: skip
            s.add(Deposit(id=f"d{n}", lot_id=f"l{n}", bidder_id=BIDDERS[1], amount=Decimal(20_000),
                          received_at=deadline - timedelta(days=1), due_refund_at=now() - timedelta(days=1), source="demo"))  # fmt: skip
        s.flush()
        names = [{"no": i + 1, "name": key} for i, key in enumerate(BIDDERS)]
        for minute, kind, payload in (
            (1, "bidders_published", {"count": 4, "bidders": names}),
            (5, "decrypt_progress", {"done": 4, "failed": 0, "total": 4}),
            *(
                (9, "bid_read", {"no": i + 1, "name": key, "price": str(900_000 + i)})
                for i, key in enumerate(BIDDERS)
            ),
            (20, "record_confirmed", {"rows": 4}),
            (30, "ended", {"result": "opened"}),
        ):
            states.append_event(s, "o1", kind, payload, actor="host", ts=at + timedelta(minutes=minute))
        s.add(Award(id="a1", lot_id="l1", bidder_id=BIDDERS[1], price=Decimal(900_001), awarded_at=now() - timedelta(days=6),
                    source="demo"))  # fmt: skip
        s.add(Warning(id="w1", rule="B1", rule_version="1", family="files", level="red", title="同一台电脑", title_en="One computer",
                      lot_id="l1", centre_id="c1", subjects=[{"kind": "bidder", "id": BIDDERS[1]}], value=3.0, baseline=None,
                      threshold=2.0, evidence={}, dedup_key="w1", state="lead"))  # fmt: skip


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seeded folder: ledger and lens, to copy from."""
    folder = tmp_path_factory.mktemp("desk")
    ledger = new_ledger(folder / "ledger.db")
    _seed(ledger)
    LensWriter(ledger, folder, HANGZHOU).refresh()
    ledger.close()
    return folder


@pytest.fixture
def desk(market: Path, tmp_path: Path) -> Iterator[DeskConfig]:
    """The desk's process state over a market of the test's own: what it changes is nobody else's."""
    folder = shutil.copytree(market, tmp_path / "market")
    config = DeskConfig(f"sqlite:///{folder}/ledger.db", folder, home=HANGZHOU, reference=PUBLISHED)
    context.configure(config)
    auth.throttle = Throttle()
    yield config
    context.identify_by(None)
    context.ledger().close()


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"headers": dict(request.headers)})


@pytest.fixture
def app(desk: DeskConfig) -> ASGIApp:
    """Gate, sign-in, exports and ops without Streamlit behind them, and a page that echoes its headers."""
    routes = [
        *auth.routes,
        *ops.routes,
        *exports.routes,
        Route("/{rest:path}", _echo, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Gate)], exception_handlers=failing.handlers)


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A browser-less client of the app."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as found:
        yield found


async def sign_in(client: httpx.AsyncClient, name: str) -> None:
    """Sign in as one of the seeded accounts."""
    answer = await client.post("/auth/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 204
