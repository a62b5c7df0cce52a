"""The cameras that do not come, in one trouble: which, since when, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from records.clock import BEIJING, now
from streaming.rooms.troubles import NAMED, called
from streaming.service import RoomName, Trouble
from streaming.sources.cameras import CameraStatus

PATIENCE = timedelta(seconds=20)
"""A camera may take this long to come (back) before the operators hear of it."""


def trouble(cameras: Mapping[str, CameraStatus], name: RoomName) -> Trouble | None:
    """What the operators should know of the cameras; None while all do as they should."""
    refused = {room: status for room, status in cameras.items() if status.state == "refused"}
    away = {
        room: status
        for room, status in cameras.items()
        if status.state == "connecting" and now() - status.since > PATIENCE
    }
    if not refused and not away:
        return None
    wrong = sorted((refused | away).items())
    zh = [_line(room, status, name, "zh") for room, status in wrong[:NAMED]]
    en = [_line(room, status, name, "en") for room, status in wrong[:NAMED]]
    if more := len(wrong[NAMED:]):
        zh.append(f"另有 {more} 台")
        en.append(f"and {more} more")
    remedy_zh, remedy_en = (
        ("按所述修改摄像机设置，改好后自动接入", "change the camera as said; it is then taken by itself")
        if not away
        else ("检查摄像机的供电、网线、地址与口令；系统不断重连，恢复后自动接入",
              "check power, cable, address and password; it is tried again and again and taken by itself")
    )  # fmt: skip
    return Trouble("；".join(zh), "; ".join(en), remedy_zh, remedy_en)


def _line(room: str, status: CameraStatus, name: RoomName, lang: str) -> str:
    told = status.told(room)
    since = status.since.astimezone(BEIJING).strftime("%H:%M")
    why = told[f"reason_{lang}"]
    if lang == "zh":
        head = "摄像机被拒" if status.state == "refused" else f"摄像机自 {since} 起连接不上"
        return f"{called(room, name, lang)}：{head}{'：' + why if why else ''}"
    head = "camera refused" if status.state == "refused" else f"camera not connected since {since}"
    return f"{called(room, name, lang)}: {head}{': ' + why if why else ''}"
