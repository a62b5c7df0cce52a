"""What `/healthz` names, and that docs/metrics.md lists every family there is."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from messages import Message
from records.clock import now, running_from
from records.ledger import Ledger
from records.public import rows as public
from records.serving.workers import Workers
from streaming import machine
from streaming.http.health import Health
from streaming.live import roomstates
from streaming.machine import ClockWatch, DiskGuard, Limits, Machine
from streaming.media import MediaPort
from streaming.recording import recorder as recording
from streaming.rooms.counters import families
from streaming.rooms.sessions import Sessions
from streaming.service import Checks, Service, Trouble
from tests.streaming import hub_market
from tests.streaming.hub_market import Rig

DOC = Path(__file__).parents[2] / "docs" / "metrics.md"


def hub(rig: Rig):
    return rig.client.app.state.hub  # type: ignore[attr-defined]


def problem(rig: Rig, check: str) -> dict[str, str]:
    report = rig.get("/healthz").json()
    (found,) = [p for p in report["problems"] if p["check"] == check]
    return found


def test_a_well_hub_has_no_problem(rig: Rig) -> None:
    report = rig.get("/healthz").json()
    assert report["status"] == "ok" and report["problems"] == []
    assert set(report["checks"].values()) == {"ok"}


def test_the_public_hears_only_whether_the_hub_is_well(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble(Message("camera.address_invalid", address="10.0.0.9"))
    monkeypatch.setattr(hub(rig).cameras, "trouble", lambda: {"cameras": trouble})
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via"):
        headers = {name: "127.0.0.1"}
        answer = rig.get("/healthz", **headers)
        assert set(answer.json()) == {"status", "at"} and answer.json()["status"] == "degraded"
    assert "10.0.0.9" in rig.get("/healthz").text


def test_the_ledger_is_vital(rig: Rig) -> None:
    async def gone() -> bool:
        raise OperationalError("SELECT 1", None, OSError("gone"))

    hub(rig).poller._round = gone
    limit = time.monotonic() + 5
    while (answer := rig.get("/healthz")).status_code == 200:
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert answer.status_code == 503 and answer.json()["status"] == "failing"
    found = problem(rig, "ledger")
    assert "OperationalError" in found["zh"] and found["remedy_zh"] and found["remedy_en"]
    assert 'sunbid_hub_part_ok{part="ledger"} 0.0' in rig.get("/metrics").text


def test_what_a_task_stumbles_over_does_not_end_it(rig: Rig) -> None:
    """Whatever it is that goes wrong in one look at the ledger: the next look is taken."""
    poller, looked = hub(rig).poller, threading.Event()
    round_, stumbles = poller._round, iter([RecursionError(), KeyError("x")])

    async def stumble() -> bool:
        for error in stumbles:
            raise error
        looked.set()
        return await round_()

    poller._round = stumble
    assert looked.wait(10)
    report = rig.get("/healthz").json()
    assert (report["status"], report["replace"], report["checks"]["workers"]) == ("ok", False, "ok")


def test_a_task_that_has_ended_makes_the_hub_unwell_and_to_be_replaced(rig: Rig) -> None:
    worker = hub(rig).workers._workers["poller"]
    worker.alive = lambda: False
    answer = rig.get("/healthz")
    assert (answer.status_code, answer.json()["replace"]) == (503, True)
    assert "poller" in problem(rig, "workers")["en"]
    worker.alive = lambda: True
    assert rig.get("/healthz").status_code == 200


def test_a_late_loop_and_a_low_disk_only_degrade(rig: Rig) -> None:
    hub(rig).poller.lag = 60.0
    (held,) = [one for one in hub(rig).services if isinstance(one, Machine)]
    held.disk = DiskGuard(rig.data, Limits(), lambda folder: (1 << 30, 100 << 30))
    answer = rig.get("/healthz")
    assert answer.status_code == 200 and answer.json()["status"] == "degraded"
    assert "1.0 GiB" in problem(rig, "disk")["zh"]
    assert problem(rig, "loop")["remedy_en"]
    assert 'sunbid_hub_part_ok{part="disk"} 0.0' in rig.get("/metrics").text


def test_every_service_is_asked(tmp_path: Path) -> None:
    edges = Trouble(Message("edge.no_answer"), Message("edge.down_remedy"))
    services = (
        Part({"recorder": Trouble(Message("recording.cannot_write", error="OSError")), "cameras": None}),
        Part({"edges": edges}),
    )
    report = Health(Machine(tmp_path, Workers()), services).report()
    problems = {one["check"]: one for one in report["problems"]}
    assert "OSError" in problems["recorder"]["en"] and "检查 Janus" in problems["edges"]["remedy_zh"]
    assert report["checks"]["cameras"] == "ok" and report["status"] == "degraded"


def test_a_step_of_the_clock_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_from(now()) as forward:
        watch = ClockWatch()
        watch.look()
        assert watch.trouble() is None
        forward(timedelta(seconds=3))
        watch.look()
        watch.look()
        trouble = watch.trouble()
        assert trouble is not None and "+3.0" in trouble.to_json()["zh"]
        monkeypatch.setattr(machine, "STEP_SHOWN", -1.0)
        assert watch.trouble() is None


class Part(Service):
    def __init__(self, checks: Checks | None = None, fails: bool = False) -> None:
        self.checks, self.fails, self.log = checks or {}, fails, list[str]()

    def trouble(self) -> Checks:
        return self.checks

    async def start(self) -> None:
        if self.fails:
            raise OSError("no")
        self.log.append("start")

    async def stop(self) -> None:
        self.log.append("stop")


async def test_a_part_that_cannot_start_is_named_and_the_others_run() -> None:
    plane, good, bad = Part({"taps": None}), Part({"good": None}), Part({"bad": None}, fails=True)
    port = MediaPort(plane, 8600, {"bad": bad, "good": good})  # type: ignore[arg-type]
    await port.start()
    found = port.trouble()
    assert found.keys() == {"media", "taps", "bad", "good"}
    trouble = found["bad"]
    assert trouble is not None and "OSError" in trouble.to_json()["zh"]
    assert [name for name, one in found.items() if one] == ["bad"]
    await port.stop()
    assert (plane.log, good.log, bad.log) == (["start", "stop"], ["start", "stop"], [])


def test_a_taken_media_port_is_tried_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.media.AGAIN", 0.05)
    hub_market.rooms(ledger)
    app, media = hub_market.hub(ledger, tmp_path / "data")
    taken = threading.Event()
    taken.set()

    async def start() -> None:
        if taken.is_set():
            raise OSError(98, "Address already in use")

    media.start = start  # type: ignore[method-assign]
    with TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)) as client:
        answer = client.get("/healthz")
        assert answer.status_code == 503 and "Address already in use" in answer.json()["checks"]["media"]
        assert 'sunbid_hub_part_ok{part="media"} 0.0' in client.get("/metrics").text
        taken.clear()
        limit = time.monotonic() + 5
        while client.get("/healthz").status_code != 200:
            assert time.monotonic() < limit
            time.sleep(0.02)


def test_every_metric_is_documented(rig: Rig) -> None:
    shown = set(re.findall(r"^# TYPE (sunbid_\w+)", rig.get("/metrics").text, re.M))
    shown |= {family.name for family in families({}, Sessions())} | {f.name for f in roomstates.families([])}
    shown |= {family.name for family in recording.families({}, 0, trouble=False)}
    named = set(re.findall(r"`(sunbid_\w+)`", DOC.read_text(encoding="utf-8")))
    missing = {name for name in shown if name not in named and name.removesuffix("_total") not in named}
    assert missing == set()


def test_a_rooms_state_is_one_of_five(rig: Rig) -> None:
    text = rig.get("/metrics").text
    assert 'sunbid_room_state{room="hz-01",state="idle"} 1.0' in text
    assert 'sunbid_room_state{room="hz-01",state="live"} 0.0' in text
    assert 'sunbid_room_muted{room="hz-01"} 0.0' in text
    assert "sunbid_room_recording{" not in text, "no recorder here"


def test_a_reader_that_holds_the_ledgers_log_is_told_and_the_log_shrinks_after_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.live.poller.WAL_LARGE", 2 << 20)
    monkeypatch.setattr("records.ledger.WAL_KEPT", 1 << 20)
    book = Ledger(rig.ledger.url.render_as_string(hide_password=False))

    def write(count: int) -> None:
        for number in range(count):
            with book.write() as session:
                public.publish(session, "lot", f"L{number}", {"long": "x" * 100_000})

    with book.read() as reader:
        reader.execute(text("SELECT count(*) FROM public_event"))
        write(40)
        assert "sqlite3" in problem(rig, "ledger_log")["remedy_en"]
        assert rig.get("/healthz").status_code == 200
    write(2)  # nobody holds it any longer: the next checkpoint starts the log anew, at no more than is kept
    with book.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)")
    write(1)
    assert book.log_bytes() <= 2 << 20
    assert rig.get("/healthz").json()["checks"]["ledger_log"] == "ok"
    book.close()
