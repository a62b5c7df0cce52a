"""What the operators are told of cameras that do not come and of rooms that are not recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from messages import Message
from records.clock import now
from records.ledger import Ledger
from streaming.machine import GIB
from streaming.recording import policy
from streaming.recording.policy import RecordingCheck
from streaming.recording.recorder import RecordingStatus
from streaming.sources import cameras
from streaming.sources.cameras import CameraStatus
from tests.streaming import hub_market
from tests.streaming.hub_market import Rig


def named(room: str, lang: str) -> str:
    return {"zh": "市本级 开标一室", "en": "City · Room 1"}[lang]


def camera(state: str, reason: Message | None = None, seconds: float = 60.0) -> CameraStatus:
    return CameraStatus(state, reason, since=now() - timedelta(seconds=seconds))


# ── cameras ──


def test_cameras_that_do_as_they_should_are_not_spoken_of() -> None:
    fine = {"a": camera("live"), "b": camera("waiting", Message("camera.room_taken"))}
    assert cameras.trouble(fine, named) is None
    assert cameras.trouble({"a": camera("connecting", seconds=5)}, named) is None, "it may take a moment"


@pytest.mark.parametrize("reason", [Message("camera.codec", codec="H.265"), Message("camera.b_frames")])
def test_a_refused_camera_is_named_with_its_remedy_in_both_languages(reason: Message) -> None:
    trouble = cameras.trouble({"hz-01.far": camera("refused", reason, 0)}, named)
    assert trouble is not None
    zh, en = reason.text("zh"), reason.text("en")
    assert (
        trouble.to_json()["zh"] == f"市本级 开标一室 全景：摄像机被拒：{zh}" and en in trouble.to_json()["en"]
    )
    assert (
        "the camera" not in trouble.to_json()["zh"]
        and "摄像机" not in trouble.to_json()["en"]
        and trouble.to_json()["remedy_zh"]
        and trouble.to_json()["remedy_en"]
    )


def test_several_cameras_keep_their_languages_apart() -> None:
    away = {name: camera("connecting", Message("camera.no_answer")) for name in ("hz-01", "hz-01.far")}
    trouble = cameras.trouble(away, named)
    assert trouble is not None
    assert trouble.to_json()["zh"].count("摄像机没有应答") == 2 and "answer" not in trouble.to_json()["zh"]
    assert trouble.to_json()["en"].count("does not answer") == 2 and "重连" in trouble.to_json()["remedy_zh"]


def test_when_the_power_of_a_house_fails_the_line_stays_short() -> None:
    away = {f"hz-{number:02}": camera("connecting") for number in range(28)}
    trouble = cameras.trouble(away, named)
    assert (
        trouble is not None
        and trouble.to_json()["zh"].endswith("；另有 25 台")
        and trouble.to_json()["en"].endswith("; and 25 more")
    )


def test_the_state_lasts_from_its_first_moment_and_the_public_hears_no_reason() -> None:
    status = camera("refused", Message("camera.address_invalid", address="http://***@10.0.0.9/x"))
    assert "10.0.0.9" in status.to_json("hz-01")["reason_zh"]
    assert set(status.signal("hz-01")) == {"camera", "state", "since"}


# ── recording ──


@dataclass
class Disk:
    state: str = "ok"
    free: int = 10 * GIB


@dataclass
class Held:
    """A recorder as far as the check looks at it."""

    disk: Disk = field(default_factory=Disk)
    trouble: Message | None = None
    rooms: dict[str, RecordingStatus] = field(default_factory=dict)

    def status(self) -> dict[str, RecordingStatus]:
        return self.rooms

    def message(self) -> Message | None:
        full = Message("recording.disk_full", free="0.1 GiB")
        return self.trouble or (full if self.disk.state == "full" else None)


RUNNING = RecordingStatus(True, now(), 5000, 0.5, 0, 0)
WAITING = RecordingStatus(False, None, 0, None, 0, 0)


def made(held: Held, wanted: set[str]) -> RecordingCheck:
    return RecordingCheck(
        held, lambda room: "O1" if room in wanted else None, lambda: ["hz-01", "hz-01.far", "hz-02"]
    )  # type: ignore[arg-type]


def test_all_recorded_or_not_wanted_is_no_trouble() -> None:
    held = Held(rooms={"hz-01": RUNNING})
    found = made(held, {"hz-01"})
    assert found.trouble(named) is None
    assert found.row("hz-01") == {"state": "recording", "bytes": 5000, "fragment_age": 0.5, "gaps": 0}
    assert found.row("hz-02") == {"state": "off"}


def test_a_full_disk_is_named_at_once_with_the_rooms_it_concerns() -> None:
    found = made(Held(Disk("full")), {"hz-01", "hz-01.far"})
    trouble = found.trouble(named)
    assert trouble is not None and found.row("hz-01") == {"state": "disk"}
    assert (
        trouble.to_json()["zh"]
        == "应录未录：市本级 开标一室、市本级 开标一室 全景（磁盘只剩 0.1 GiB，录像已停，请清理或扩容）"
    )
    assert (
        "请暂缓开标" in trouble.to_json()["remedy_zh"]
        and "hold the opening" in trouble.to_json()["remedy_en"]
    )


def test_what_cannot_be_written_is_failed_even_while_ffmpeg_runs() -> None:
    found = made(
        Held(trouble=Message("recording.cannot_write", error="OSError"), rooms={"hz-01": RUNNING}), {"hz-01"}
    )
    assert found.state("hz-01") == "failed" and found.trouble(named) is not None


def test_a_room_that_only_waits_for_its_first_keyframe_gets_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(Held(rooms={"hz-01": WAITING}), {"hz-01"})
    assert found.state("hz-01") == "waiting" and found.trouble(named) is None
    monkeypatch.setattr(policy, "PATIENCE", 0.0)
    trouble = found.trouble(named)
    assert trouble is not None and trouble.to_json()["zh"] == "应录未录：市本级 开标一室"


# ── in the hub ──


def test_the_hub_tells_of_its_cameras(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    hub: Any = rig.client.app.state.hub  # type: ignore[attr-defined]
    pulled = hub.cameras._cameras
    monkeypatch.setattr(
        pulled, "status", lambda: {"hz-01": camera("refused", Message("camera.codec", codec="H.265"))}
    )
    (line,) = [one for one in rig.get("/api/rooms").json() if one["id"] == "hz-01"]
    (signal,) = line["signals"]
    assert (signal["camera"], signal["state"]) == ("hz-01", "refused") and "H.264" not in str(line)
    assert "signals" not in next(one for one in rig.get("/api/rooms").json() if one["id"] == "hz-02")
    problems = {one["check"]: one for one in rig.get("/healthz").json()["problems"]}
    assert problems["cameras"]["zh"].startswith("市本级 开标一室：摄像机被拒：摄像机发送 H.265")
    row = hub.states.row(hub.roster.rooms["hz-01"])
    assert "set H.264" in row["sources"][0]["reason_en"] and row["recorder"] is None


def test_the_hub_tells_of_its_recorder(ledger: Ledger, tmp_path: Path) -> None:
    """Its state of each room to the operators, its figures to Prometheus."""
    hub_market.rooms(ledger)
    app, _ = hub_market.hub(ledger, tmp_path / "data", record=True)
    with TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)) as client:
        row = app.state.hub.states.row(app.state.hub.roster.rooms["hz-01"])
        assert row["recorder"] == {"state": "off"}
        assert client.get("/healthz").json()["checks"]["recorder"] == "ok"
        shown = client.get("/metrics").text
    assert "sunbid_recording_trouble 0.0" in shown and "# TYPE sunbid_recording_active gauge" in shown
    assert 'sunbid_room_recording{room="hz-01"} 0.0' in shown
