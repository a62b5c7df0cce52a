"""The visibility matrix walked through the doors: at each moment of a lot's life every datum is asked for where the
public reads (the hub's pages and interface, the public OCDS export) and where supervisors do (the desk's exports and
live addresses). What the law still keeps secret is nowhere; what it lets be seen is there from its moment on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.access.accounts import add_user
from ingest.ocds.writing.export import export_ocds
from records.clock import now
from records.visibility import Audience, Datum, LotClock, is_visible
from tests.dashboard.conftest import PASSWORD
from tests.dashboard.test_before_the_deadline import answers, desk_of, watched
from tests.front.walking import addresses
from tests.streaming.conftest import place as place
from tests.streaming.two_doors import HOUR, MINUTE, Place, T, World, lot, said, step, world

PHASES = {
    "before": T - MINUTE, "deadline": T + MINUTE, "published": T + HOUR, "read": T + 2 * HOUR,
    "publicity": T + 3 * HOUR, "awarded": T + 4 * HOUR + 7 * MINUTE,
}  # fmt: skip
NAMES = [f"示例建设第{n}公司" for n in (1, 2, 3)]

NEEDLES: dict[Datum, tuple[str, ...]] = {
    Datum.NOTICE: ("招标公告七七零",),
    Datum.CONTROL_PRICE: ("88001", "88,001", "8.8001 万元", "8.80 万元"),
    Datum.SCHEDULE: ("2026-05-06T09:30:00", "20260506T013000Z"),
    Datum.BASE_PRICE: ("86002", "86,002", "8.6002 万元", "8.60 万元"),
    Datum.BIDDER_NAMES: tuple(NAMES),
    Datum.BID_PRICES: ("77101", "77102", "77103", "77,101", "7.7101 万元", "7.71 万元"),
    Datum.COEFFICIENT: ("0.93771",),
    Datum.DEPOSITS: ("72201", "72,201", "7.2201 万元", "7.22 万元"),
    Datum.BID_FILES: ("77-aa-77-aa-77-aa", "77:aa:77:aa:77:aa"),
    Datum.SCORES: ("77.31",),
    Datum.CANDIDATES: (
        "74401",
        "74,401",
        "7.4401 万元",
        "7.44 万元",
        "73302",
        "73,302",
        "7.3302 万元",
        "7.33 万元",
    ),
    Datum.AWARD: ("2026-05-06T13:37", "2026-05-06 13:37"),
    Datum.CONTRACT: ("75501", "75,501", "7.5501 万元", "7.55 万元"),
    Datum.OBJECTIONS: ("投诉内容七七六", "投诉人七七六"),
    Datum.DECISIONS: ("处理决定七七七",),
    Datum.OPINIONS: ("公开答复七七八",),
    Datum.PERSONAL: ("项目经理七七九",),
}
"""Datum → words that stand for it in these records and for nothing else."""

SHOWN: dict[str, frozenset[Datum]] = {
    "hub": frozenset(
        {
            Datum.NOTICE, Datum.CONTROL_PRICE, Datum.SCHEDULE, Datum.BIDDER_NAMES, Datum.BASE_PRICE, Datum.COEFFICIENT,
            Datum.BID_PRICES, Datum.CANDIDATES, Datum.AWARD, Datum.CONTRACT, Datum.DECISIONS, Datum.OPINIONS,
        }
    ),
    "ocds": frozenset(
        {
            Datum.NOTICE, Datum.CONTROL_PRICE, Datum.SCHEDULE, Datum.BIDDER_NAMES, Datum.BID_PRICES, Datum.CANDIDATES,
            Datum.AWARD,
        }
    ),
    "desk": frozenset(
        {
            Datum.SCHEDULE, Datum.BIDDER_NAMES, Datum.DEPOSITS, Datum.BID_PRICES, Datum.AWARD, Datum.OPINIONS,
        }
    ),
}  # fmt: skip
"""Reader → what must be found there as soon as it may be seen; of the rest only that it is not seen too early."""
AUDIENCES = {"hub": Audience.PUBLIC, "ocds": Audience.PUBLIC, "desk": Audience.SUPERVISOR}


def before() -> list[dict[str, Any]]:
    """All that a platform may know before the deadline, outcome and all, sent too early."""
    about = [{"lot": "L1", "bidder": f"B{n}"} for n in (1, 2, 3)]
    received = (now() - HOUR).isoformat()
    later = {"publicity_from": PHASES["publicity"].isoformat(), "awarded_at": PHASES["awarded"].isoformat()}
    return [
        lot(2, control_price="88001", base_price="86002"),
        said("notice", "N1", {"lot": "L1", "type": "tender", "title": "招标公告七七零", "published_at": received}),
        *(
            said("bid", f"b{n}", {**who, "price": f"7710{n}", "received_at": received, "manager": "项目经理七七九",
                                  "mac": "77-aa-77-aa-77-aa", "decrypt_status": "success"})
            for n, who in enumerate(about, 1)
        ),
        *(said("deposit", f"d{n}", {**who, "amount": "72201", "received_at": received,
                                      "due_refund_at": received}) for n, who in enumerate(about, 1)),
        said("award", "A1", {**about[0], "rank": 1, "price": "74401", "status": "awarded", **later}),
        said("award", "A2", {**about[1], "rank": 2, "price": "73302", "status": "candidate",
                             "publicity_from": later["publicity_from"]}),
        said("contract", "K1", {**about[0], "value": "75501", "signed_at": later["awarded_at"]}),
        said("objection", "Q1", {"lot": "L1", "stage": "documents", "kind": "complaint", "raised_by": "投诉人七七六",
                                 "content": "投诉内容七七六", "raised_at": received, "answer": "处理决定七七七",
                                 "answered_at": received}),
        said("opinion", "Y1", {"project": "P1", "content": "意见", "received_at": received, "answered_at": received,
                               "public_text": "公开答复七七八"}),
        said("expert", "E1", {"name": "专家七七"}),
        said("evaluation", "V1", {"lot": "L1", "state": "ended", "ended_at": received}),
        said("score", "S1", {"evaluation": "V1", "expert": "E1", "bid": "b1", "item": "方案", "full_marks": "100",
                             "score": "77.31"}),
    ]  # fmt: skip


def published() -> list[dict[str, Any]]:
    """The list, decryption, the coefficient."""
    listed = [{"no": n, "name": name} for n, name in enumerate(NAMES, 1)]
    return [
        step(1, "bidders_published", count=3, bidders=listed),
        step(2, "decrypt_progress", done=3, total=3),
        said("opening_event", "O1#3", {"opening": "O1", "type": "coefficient_drawn",
                                       "payload": {"kind": "浮动系数", "value": "0.93771"}}),
    ]  # fmt: skip


def read() -> list[dict[str, Any]]:
    """Every price, to the end of the opening."""
    readings = [step(3 + n, "bid_read", no=n, name=name, price=f"7710{n}") for n, name in enumerate(NAMES, 1)]
    return [*readings, step(7, "record_confirmed", rows=3), step(8, "ended", result="opened")]


HAPPENS = {"before": before, "published": published, "read": read}


def clock(at: datetime) -> LotClock:
    """The moments of the lot that have come."""
    come = {name: moment for name, moment in PHASES.items() if moment <= at}
    return LotClock(T, come.get("published"), come.get("read"), come.get("publicity"), come.get("awarded"))


@pytest.fixture
def lived(place: Place, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "house") as made:
        with made.ledger.write() as session:
            add_user(session, "supervisor", "supervisor", PASSWORD)
        yield made


def readers(house: World, folder: Path, phase: str) -> dict[str, str]:
    """All that each reader can read now."""
    house.settle()
    out = folder / f"ocds-{phase}"
    export_ocds(house.ledger, out, public=True, at=now())
    export = "\n".join(path.read_text() for path in sorted(out.rglob("*.json*")))
    watched(house.ledger, folder / "house")
    copies = folder / phase
    copies.mkdir()
    with desk_of(folder / "house", copies):
        desk = "\n".join(asyncio.run(answers("supervisor")).values())
    return {"hub": house.text(), "ocds": export, "desk": desk}


def test_every_reader_shows_each_datum_from_its_moment_on(lived: World, place: Place, tmp_path: Path) -> None:
    wrong: list[str] = []
    found: set[tuple[str, Datum]] = set()
    for phase, at in PHASES.items():
        place(at)
        if phase in HAPPENS:
            lived.accept(*HAPPENS[phase]())
        for reader, text in readers(lived, tmp_path, phase).items():
            for datum, needles in NEEDLES.items():
                allowed = is_visible(datum, clock(at), AUDIENCES[reader], at)
                shown = any(needle.lower() in text.lower() for needle in needles)
                due = allowed and datum in SHOWN[reader] and (reader, datum) not in found
                if shown > allowed or due > shown:
                    wrong.append(f"{phase}: {reader} {'shows' if shown else 'lacks'} {datum}")
                if allowed:
                    found.add((reader, datum))
    assert not wrong, "\n".join(wrong)


TAKES = {"/log/add-cosignature", "/control/rooms/{room:path}", "/api/viewings"}
"""Addresses that only take: signed words of witnesses and of the desk, and how long a page was watched."""


def test_every_public_address_is_walked(lived: World) -> None:
    """A new address of the hub must be looked at above, or it could tell what nobody may know yet."""
    seen = {path.removeprefix("WS ").split("?")[0] for path in lived.look()}
    walked = {
        route.path
        for route in addresses(lived.hub.app)  # type: ignore[arg-type]
        for path in seen
        if route.path_regex.match(path)
    }
    every = {route.path for route in addresses(lived.hub.app)}  # type: ignore[arg-type]
    media = {path for path in every if path.startswith(("/whip/", "/whep/"))}
    assert every - walked - media == TAKES & every
