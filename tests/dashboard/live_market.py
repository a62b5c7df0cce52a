"""A small market for tests of the live screens: one lot opened, one to come, and warnings on demand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy.orm import Session

from dashboard.access.accounts import add_user
from messages import Message
from records.clock import now, rfc3339, start_of, today
from records.ledger import Ledger
from records.serving import signing
from records.states import new_opening
from records.tables.bids import Bid
from records.tables.intake import Source
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project
from records.tables.supervision import Warning
from supervision.rules.finding import Finding, Level, Subject
from supervision.warnings.raising import raise_warning

PASSWORD = "a long enough password"
PUBLISH_TOKEN = "publishing token of the test room"
ROLES = ("supervisor", "leader", "operator", "admin")
BIDDERS = ("晨曦示例城建有限公司", "锦程示例路桥有限公司", "白鹭示例市政有限公司")


def seed(ledger: Ledger) -> None:
    """Accounts named like their roles, a centre with two rooms, lot L1 past its deadline with three bids, L2 before."""
    with ledger.write() as session:
        session.add(Source(name="test", demo=True))
        for role in ROLES:
            add_user(session, role, role, PASSWORD)
        session.add(Centre(id="c1", name="余杭分中心", name_en="Yuhang", source="test"))
        session.add(Centre(id="c2", name="萧山分中心", name_en="Xiaoshan", source="test"))
        session.add(Organisation(id="T1", name="示例招标人", source="test"))
        session.flush()
        hashed = signing.token_hash(PUBLISH_TOKEN)
        session.add(Room(id="yh-01", centre_id="c1", name="开标一室", token_hash=hashed, source="test"))
        session.add(Room(id="yh-p1", centre_id="c1", name="评标一室", kind="evaluation", source="test"))
        for number, name in enumerate(BIDDERS, start=1):
            session.add(Organisation(id=f"B{number}", name=name, source="test"))
        session.flush()
        passed = max(now() - timedelta(hours=1), start_of(today()))  # today's also within an hour of midnight
        _lot(session, "L1", "听涛路改造工程（二标段）", passed)
        _lot(session, "L2", "远山小学设备采购", now() + timedelta(days=1))


def _lot(session: Session, lot_id: str, name: str, deadline: object) -> None:
    assert hasattr(deadline, "astimezone")
    session.add(Project(id=f"P-{lot_id}", name=name, tenderer_id="T1", source="test"))
    session.flush()
    session.add(
        Lot(
            id=lot_id, project_id=f"P-{lot_id}", name=name, tenderer_id="T1", centre_id="c1",
            control_price=Decimal("2000000"), deadline=deadline, status="closed" if lot_id == "L1" else "bidding",
            source="test",
        )
    )  # fmt: skip
    session.flush()
    for number in (1, 2, 3):
        session.add(
            Bid(
                id=f"{lot_id}-{number}", lot_id=lot_id, bidder_id=f"B{number}",
                received_at=now() - timedelta(hours=2, minutes=-number), decrypt_status="success",
                price=Decimal("1900000") + number, duration_days=90 + number, source="test",
            )
        )  # fmt: skip
    session.flush()
    opening = Opening(id=f"O-{lot_id}", lot_id=lot_id, room_id="yh-01", scheduled_at=deadline, source="test")
    new_opening(session, opening)


def raise_one(session: Session, number: int, level: Level = "red") -> Warning:
    """A warning about L1 that no other number's would be merged with."""
    at = now()
    bids = [
        {"bidder": f"B{n}", "order": n, "received_at": rfc3339(at - timedelta(minutes=9 * n))} for n in (1, 2)
    ]
    finding = Finding(
        rule="B4", rule_version=str(number), family="files", level=level,
        title=Message("rule.B4.found", count=number, shared=Message("rule.datum.mac")), value=2.0, threshold=2.0, baseline=0.0, lot_id="L1", centre_id="c1",
        subjects=(Subject("lot", "L1"), Subject("bidder", "B1"), Subject("bidder", "B2"), Subject("group", str(number))),
        evidence={
            "law": "依据", "law_en": "law", "strength": "strong", "bids": bids, "compared": 3,
            "shared": [{"datum": "mac", "zh": "网卡地址", "en": "MAC address", "masked": "3C…7E",
                        "strength": "strong", "bids": bids}],
        },
    )  # fmt: skip
    raised = raise_warning(session, finding)
    assert raised is not None
    return raised


@contextmanager
def process(code: str, port: int, log: Path) -> Iterator[None]:
    """A Python process of ours that serves /healthz on `port` until the block ends."""
    with log.open("w") as out:
        running = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out, env={**os.environ})
    try:
        _wait(running, f"http://127.0.0.1:{port}/healthz", log)
        yield
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _wait(running: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 180  # a machine that is busy is slow
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise AssertionError(f"process ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {address}: {log.read_text()[-2000:]}")
