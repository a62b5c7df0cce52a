"""kill -9 of the hub at every step of sealing: afterwards sealed once, or not yet; never half."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from evidence import verify
from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import BroadcastSession
from records.tables.evidence import LogLeaf, Seal
from streaming.log import sealing
from tests.streaming import hub_market as market
from tests.streaming.film import keep, shoot
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

pytestmark = pytest.mark.server

WORKER = """
import os, signal, sys, time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from sqlalchemy import Engine, event
from starlette.testclient import TestClient
from records.ledger import Ledger
from records.tables.evidence import Seal
from streaming.hub import create_app
from streaming.log import paper, sealing
from tests.streaming import hub_market as market

sealing.AFTER, sealing.LOOK_SECONDS = timedelta(0), 0.1
done, told = 0, sys.stdout.fileno()

def step(*_):
    global done
    if done == left:
        os.kill(os.getpid(), signal.SIGKILL)
    done += 1

def before(real):
    def stepped(*given, **named):
        step()
        return real(*given, **named)
    return stepped

for name in ("fsync", "replace", "link"):
    setattr(os, name, before(getattr(os, name)))
event.listen(Engine, "commit", step)
for line in sys.stdin:
    folder, left = line.split()
    left = int(left)
    if os.fork() == 0:
        data = Path(folder)
        ledger = Ledger(f"sqlite:///{data / 'ledger.db'}")
        media = []
        def make(config, roster, workers):
            media.append(market.FakeMedia(roster))
            return media[0]
        config = replace(market.config(ledger, data), archive=data / "archive")
        with TestClient(create_app(config, make)):
            for _ in range(400):
                with ledger.read() as session:
                    if session.get(Seal, "O1"):
                        break
                time.sleep(0.05)
        os.write(told, f"steps {done}\\n".encode())
        os._exit(0)
    _, status = os.wait()
    print("status", status, flush=True)
"""
"""Runs a hub that keeps second copies over a data folder, in a child of its own, which is killed before it takes one of
its steps: makes a file or folder durable, puts a file in its place, ends a transaction (-1: never)."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: an opening that was recorded and has ended, and is not sealed."""
    data = tmp_path_factory.mktemp("ended")
    ledger = Ledger(f"sqlite:///{data / 'ledger.db'}")
    ledger.upgrade()
    market.rooms(ledger)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "AFTER", timedelta(days=1))
        app, media = market.hub(ledger, data)
        with TestClient(app, base_url="http://hub") as client:
            rig = Rig(ledger, client, media, data)
            market.opening(ledger)
            market.begin(ledger)
            until(lambda: _aired(ledger), True, 10)
            keep(ledger, data, shoot(data / "film.mp4", 8), "O1", now() - timedelta(seconds=1))
            market.finish(ledger)
            until(lambda: rig.get("/api/openings/O1").json()["state"], "ended", 10)
    ledger.close()
    return data


def _aired(ledger: Ledger) -> bool:
    with ledger.read() as session:
        return session.get(BroadcastSession, "O1") is not None


@pytest.mark.parametrize("apart", [9, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_killed_at_any_step_it_is_sealed_once_or_not_yet(ended: Path, tmp_path: Path, apart: int) -> None:
    command = [sys.executable, "-c", WORKER]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as worker:
        assert worker.stdin and worker.stdout
        killed = sealed_at_once = 0
        for step in range(0, 4000, apart):
            folder = shutil.copytree(ended, tmp_path / str(step))
            status = _run(worker, folder, step)
            killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            first = _package(folder)
            if first is None:
                assert not list((folder / "evidence").glob("*.zip")) or os.WIFSIGNALED(status)
                assert _run(worker, folder, -1) == 0
            else:
                sealed_at_once += 1
            package = _package(folder)
            assert package is not None and (first is None or first == package)
            shutil.rmtree(folder)
            if status == 0:
                break
        worker.stdin.close()
    assert status == 0 and sealed_at_once >= 1, "the steps of a whole sealing are all passed"
    assert killed >= 40 / apart


def _run(worker: subprocess.Popen[str], folder: Path, left: int) -> int:
    assert worker.stdin and worker.stdout
    worker.stdin.write(f"{folder} {left}\n")
    worker.stdin.flush()
    while not (line := worker.stdout.readline()).startswith("status "):
        assert line, "the worker has ended"
    return int(line.split()[1])


def _package(folder: Path) -> bytes | None:
    """The package, if the opening is sealed: then it holds, in both copies, and the log has one seal."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    with ledger.read() as session:
        seal, leaves = session.get(Seal, "O1"), session.query(LogLeaf).filter(LogLeaf.kind == "seal").count()
    ledger.close()
    if seal is None:
        assert leaves <= 1
        return None
    (path,) = (folder / "evidence").glob("*.zip")
    assert leaves == 1 and verify.check(path).broken == []
    assert verify.hashlib.sha256(path.read_bytes()).hexdigest() == seal.package_sha256
    (second,) = (folder / "archive").glob("*.zip")
    assert second.read_bytes() == path.read_bytes()
    return path.read_bytes()
