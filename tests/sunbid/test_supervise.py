"""The supervisor: keeps processes alive, ends them all, refuses what cannot work. With small stand-ins."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.access.accounts import add_user
from sunbid import up
from sunbid.processes.child import Command
from sunbid.processes.supervisor import CannotStart, Kept, check_ports, only_one
from sunbid.settings import load
from tests.ports import free_port

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]

WORKER = """
import http.server, os, subprocess, sys
name, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
child = subprocess.Popen(["sleep", "600"])
open(f"{folder}/{name}.{os.getpid()}.{child.pid}", "w").close()
print("up", flush=True)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
SUPERVISOR = """
import asyncio, sys
from sunbid.processes.child import Command
from sunbid.processes.supervisor import Supervisor
worker, folder, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
own = (sys.executable, worker)
commands = [
    Command("first", (*own, "first", str(port), folder), port, "/"),
    Command("second", (sys.executable, "-c", "import time; print('second up', flush=True); time.sleep(600)"),
            follows="first"),
]
async def ready():
    print("READY", flush=True)
asyncio.run(Supervisor(commands, "127.0.0.1", lambda name, line: print(f"{name}| {line}", flush=True)).run(ready))
"""


def until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """Wait for a condition; how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.02)
    return time.monotonic() - began


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


class Running:
    """A supervisor with two workers in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "worker.py").write_text(WORKER)
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(folder / "worker.py"), str(folder), str(self.port)],
            cwd=ROOT, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        until(lambda: {"READY", "second| second up"} <= set(self.log.read_text().splitlines()), 60)

    def workers(self) -> list[tuple[int, int]]:
        """(worker, its child) of every start so far, oldest first."""
        found = sorted(self.folder.glob("first.*"), key=lambda path: path.stat().st_mtime_ns)
        return [(int(path.name.split(".")[1]), int(path.name.split(".")[2])) for path in found]

    def everybody(self) -> list[int]:
        """All processes of the tree, the guardian among them."""
        listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
        pairs = [tuple(map(int, line.split())) for line in listed.splitlines()[1:]]
        tree = {self.process.pid}
        for _ in range(4):
            tree |= {pid for pid, parent in pairs if parent in tree}
        return sorted(tree)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(20)


def test_a_killed_process_is_back_within_three_seconds_and_its_children_are_gone(running: Running) -> None:
    (worker, child), *_ = running.workers()
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: len(running.workers()) == 2) < 3
    until(lambda: not alive(child))
    until(lambda: running.log.read_text().count("second up") == 2)


def test_sigterm_ends_everything(running: Running) -> None:
    everybody = running.everybody()
    assert len(everybody) >= 5
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(15) == 0
    assert not [pid for pid in everybody if alive(pid)]


def test_nothing_survives_a_killed_supervisor(running: Running) -> None:
    everybody = running.everybody()
    running.process.kill()
    running.process.wait(5)
    until(lambda: not [pid for pid in everybody if alive(pid)])


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = {"SUNBID_HUB_PORT": str(free_port()), "SUNBID_INTAKE_PORT": str(free_port())}
        settings = load({**chosen, "SUNBID_DESK_PORT": str(port)}).settings
        with pytest.raises(CannotStart, match=f"{port}.*SUNBID_DESK_PORT"):
            check_ports(settings)


def test_two_supervisors_never_share_a_data_folder(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(CannotStart, match=tmp_path.name), only_one(tmp_path):
        raise AssertionError("both hold the lock")
    with only_one(tmp_path):
        assert (tmp_path / "supervisor.lock").exists()


def guardian_of(running: Running) -> int:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    return next(
        (
            int(pid)
            for pid, parent, args in rows
            if int(parent) == running.process.pid and "guardian.py" in args
        ),
        0,
    )


def test_a_killed_guardian_is_replaced_and_still_nothing_survives(running: Running) -> None:
    until(lambda: guardian_of(running) != 0)  # a 0 here would end the tests themselves
    first = guardian_of(running)
    os.kill(first, signal.SIGKILL)
    until(lambda: guardian_of(running) not in (0, first))
    everybody = running.everybody()
    running.process.kill()
    running.process.wait(5)
    until(lambda: not [pid for pid in everybody if alive(pid)])


SICKLY = """
import json, os, pathlib, sys, time
import http.server, threading
kind, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
(folder / f"{kind}.{os.getpid()}").touch()
def told():
    sick = (folder / f"{kind}.sick")
    return sick.read_text() if sick.exists() else json.dumps({"status": "ok", "replace": False})
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = told().encode()
        self.send_response(200 if b'"ok"' in body else 503); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
slow = folder / f"{kind}.slow"
time.sleep(float(slow.read_text()) if slow.exists() else 0)
if kind == "port":
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
while (text := told()) != "silent":
    (folder / "sign.part").write_text(text); (folder / "sign.part").replace(folder / "sign")
    time.sleep(0.05)
time.sleep(600)
"""
KEEPER = """
import asyncio, pathlib, sys
from sunbid.processes import supervisor as supervise
from sunbid.processes.child import Command
supervise.PROBE_EVERY, supervise.SIGN_OLDEST, supervise.START_GRACE = 0.1, 1.0, float(sys.argv[4])
worker, folder, port = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
def command(kind, **more):
    return Command(kind, (sys.executable, worker, kind, str(port), str(folder)), **more)
commands = [command("port", port=port, health="/healthz"), command("file", sign=folder / "sign")]
async def ready():
    print("READY", flush=True)
asyncio.run(supervise.Supervisor(commands, "127.0.0.1", lambda *line: print(*line, flush=True)).run(ready))
"""


@contextlib.contextmanager
def kept(folder: Path, grace: float) -> Iterator[Path]:
    """A supervisor over the two, which gives a start so many seconds to its first good answer."""
    (folder / "worker.py").write_text(SICKLY)
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(folder / "worker.py"), str(folder), str(free_port()), str(grace)],
        cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    yield folder
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def ready(folder: Path) -> bool:
    return "READY" in (folder / "log").read_text()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Path]:
    with kept(tmp_path, 60) as folder:
        until(lambda: ready(folder) and (folder / "sign").exists(), 60)
        yield folder


def starts(folder: Path, kind: str) -> int:
    return len([path for path in folder.glob(f"{kind}.*") if path.suffix[1:].isdigit()])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("port", '{"status": "failing", "replace": true, "detail": "writer"}'),
        ("port", "nothing that is JSON"),
        ("file", '{"status": "failing", "replace": true, "detail": "watch-hot"}'),
        ("file", "silent"),
    ],
)
def test_a_process_whose_worker_is_dead_or_stuck_is_replaced(keeper: Path, kind: str, said: str) -> None:
    assert starts(keeper, kind) == 1
    (keeper / f"{kind}.sick").write_text(said)
    until(lambda: starts(keeper, kind) == 2)
    (keeper / f"{kind}.sick").unlink()


def test_a_process_that_only_waits_is_left_alone(keeper: Path) -> None:
    for kind in ("port", "file"):
        (keeper / f"{kind}.sick").write_text('{"status": "failing", "replace": false, "detail": "ledger"}')
    until(lambda: (keeper / "log").read_text().count("在等待") == 2)
    time.sleep(1.5)
    assert (starts(keeper, "port"), starts(keeper, "file")) == (1, 1)


def test_a_slow_start_is_no_reason_to_end_a_process(tmp_path: Path) -> None:
    """Three times what a sign may be old; and nothing is called ready before each has answered."""
    (tmp_path / "file.slow").write_text("3.5")
    with kept(tmp_path, 60) as folder:
        until(lambda: starts(folder, "file") == 1 and starts(folder, "port") == 1)
        assert until(lambda: ready(folder), 60) > 2
        assert (starts(folder, "port"), starts(folder, "file")) == (1, 1)


def test_what_a_former_process_said_is_not_taken_for_its_successors_word(tmp_path: Path) -> None:
    (tmp_path / "sign").write_text('{"status": "ok", "replace": false}')
    (tmp_path / "file.slow").write_text("600")
    with kept(tmp_path, 60) as folder:
        until(lambda: starts(folder, "file") == 1 and not (folder / "sign").exists())
        assert not ready(folder)


def test_a_start_that_comes_to_nothing_is_tried_again_and_given_more_time(tmp_path: Path) -> None:
    (tmp_path / "file.slow").write_text("600")
    with kept(tmp_path, 0.5) as folder:
        until(lambda: starts(folder, "file") >= 3, 60)
        (folder / "file.slow").unlink()
        until(lambda: ready(folder), 60)


@pytest.mark.parametrize(
    ("load", "silent", "patience"),
    [(0.1, 0, 1), (0.1, 2, 4), (0.1, 9, 8), (20.0, 0, 5), (20.0, 3, 8), (400.0, 0, 8)],
)
def test_more_patience_after_each_time_in_vain_and_on_a_busy_machine(
    monkeypatch: pytest.MonkeyPatch, load: float, silent: int, patience: float
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    kept = Kept(Command("watch", ()))
    kept.silent = silent
    assert kept.patience == patience


def test_a_ready_installation_says_every_address_and_how_the_first_account_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path / "a folder"))
    monkeypatch.setattr(sys, "argv", [".venv/bin/sunbid", "up"])
    settings = load({"SUNBID_DATA": str(tmp_path / "a folder"), "SUNBID_INTAKE_PORT": "8702"}).settings
    with only_one(settings.data):
        up.wiring.opened(settings).close()
    zh = "\n".join(up.ready_lines(settings))
    assert all(
        one in zh for one in ("http://127.0.0.1:8600", "http://127.0.0.1:8601", "http://127.0.0.1:8702/docs")
    )
    assert f"SUNBID_DATA='{tmp_path}/a folder' .venv/bin/sunbid user add admin --role admin" in zh
    with up.wiring.ledger(settings).write() as session:
        add_user(session, "first", "admin", "long-enough-a-word", "First")
    assert len(list(up.ready_lines(settings))) == 1
