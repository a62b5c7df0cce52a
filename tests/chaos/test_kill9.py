"""Kill -9 each of the four processes of a running demonstration: each comes back, nothing accepted is lost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from records.ledger import Ledger
from records.sources import add_source
from records.states import verify_opening
from records.tables.intake import Journal
from records.tables.openings import Opening
from records.tables.organisations import Organisation

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
READY_SECONDS = 240
"""Far beyond what it takes: the machine may be running everything else at the same time."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for a condition; how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.1)
    return time.monotonic() - began


class Demo:
    """`sunbid demo --no-video` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "var"
        self.hub, self.desk, self.intake = free_ports(3)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
        ports = {"HUB": self.hub, "DESK": self.desk, "INTAKE": self.intake}
        variables = {f"SUNBID_{name}_PORT": str(port) for name, port in ports.items()}
        self.output = folder / "output"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sunbid", "demo", "--no-video", "--rooms", "2"],
            env={**clean, **variables, "SUNBID_DATA": str(self.data)},
            cwd=folder, stdout=self.output.open("w"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.ledger = Ledger(f"sqlite:///{self.data / 'ledger.db'}")

    def pids(self) -> dict[str, int]:
        """Process → pid, by the command lines of the supervisor's children."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        found = {}
        for line in listed.splitlines():
            pid, *words = line.split()
            if words[1:3] == ["-m", "sunbid"]:
                found[words[3]] = int(pid)
        return found

    def answers(self, name: str) -> bool:
        """Whether a process answers on its port."""
        paths = {
            "hub": (self.hub, "/healthz"),
            "desk": (self.desk, "/_stcore/health"),
            "intake": (self.intake, "/healthz"),
        }
        if name not in paths:
            return name in self.pids()
        port, path = paths[name]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                return bool(response.status == 200)
        except (OSError, http.client.HTTPException):
            return False


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    try:
        until(
            lambda: "演示账号" in running.output.read_text() or running.process.poll() is not None,
            READY_SECONDS,
        )
        assert running.process.poll() is None, running.output.read_text()
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(60)
        running.ledger.close()
        assert code == 0


@pytest.mark.parametrize("name", ["hub", "intake", "watch", "desk"])
def test_a_killed_process_comes_back_by_itself(demo: Demo, name: str) -> None:
    before = demo.pids()[name]
    os.kill(before, signal.SIGKILL)
    assert until(lambda: demo.pids().get(name, before) != before, 30) < 3
    until(lambda: demo.answers(name), 120)


def test_no_accepted_record_is_lost_when_the_intake_is_killed(demo: Demo) -> None:
    with demo.ledger.write() as session:
        token = add_source(session, "chaos", demo=True)
    answered: list[str] = []
    lost_answers = 0
    for number in range(60):
        if number in (20, 40):
            threading.Timer(0.02, os.kill, (demo.pids()["intake"], signal.SIGKILL)).start()
        limit = time.monotonic() + 120
        while (answer := _send(demo, token, f"CHAOS-{number}")) is None:
            assert time.monotonic() < limit, "the intake did not come back"
            lost_answers += 1
        answered.append(answer["key"])
    assert lost_answers > 0, "the intake was never away"
    with demo.ledger.read() as session:
        for key in answered:
            entries = (
                select(func.count())
                .select_from(Journal)
                .where(Journal.kind == "organisation", Journal.key == key)
            )
            assert session.scalar(entries) == 1
            assert session.get_one(Organisation, key).name == f"示例{key}"


def _send(demo: Demo, token: str, key: str) -> dict[str, str] | None:
    """The answer to one record, None if the intake was away."""
    record = {
        "kind": "organisation", "key": key, "version": 1, "occurred_at": "2026-01-05T09:00:00+08:00",
        "data": {"name": f"示例{key}"},
    }  # fmt: skip
    request = urllib.request.Request(
        f"http://127.0.0.1:{demo.intake}/records",
        json.dumps([record]).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = json.load(response)[0]
    except (OSError, http.client.HTTPException):
        time.sleep(0.2)
        return None
    assert answer["status"] in ("accepted", "duplicate"), answer
    return answer


def test_the_openings_on_air_went_on_and_their_chains_hold(demo: Demo) -> None:
    def length() -> int:
        with demo.ledger.read() as session:
            on_air = select(func.sum(Opening.head_seq)).where(Opening.id.contains("-L0"))
            return session.scalar(on_air) or 0

    before = length()
    until(lambda: length() > before, 120)
    with demo.ledger.read() as session:
        for opening in session.scalars(select(Opening).where(Opening.id.contains("-L0"))):
            assert verify_opening(session, opening.id) is None
