"""What the operators should hear of publishers and taps, as troubles of the hub's health."""

from __future__ import annotations

from collections.abc import Mapping

from streaming.rooms.room import Room
from streaming.rooms.subrooms import camera
from streaming.service import RoomName, Trouble

NAMED = 3
"""So many are named with their reasons; each is on its room's own bar besides."""
FAR = {"zh": "全景", "en": "overview camera"}
_TAPS = {
    "RoomRecorder": ("录像", "recorder"), "Cutter": ("HLS", "HLS"), "Relay": ("边缘转发", "relay to an edge"),
    "TileStream": ("小画面", "small picture"),
}  # fmt: skip


def of_publishers(rooms: Mapping[str, Room], name: RoomName) -> Trouble | None:
    """Who sends what some viewers cannot have, and the remedy."""
    found = [(room, notice) for room in sorted(rooms) for notice in rooms[room].notices() if notice.grave]
    if not found:
        return None
    zh = [f"{called(room, name, 'zh')}：{notice.zh}" for room, notice in found[:NAMED]]
    en = [f"{called(room, name, 'en')}: {notice.en}" for room, notice in found[:NAMED]]
    if more := len(found[NAMED:]):
        zh.append(f"另有 {more} 路")
        en.append(f"and {more} more")
    remedies = {notice.code: notice for _, notice in found}.values()
    return Trouble(
        "；".join(zh), "; ".join(en),
        "；".join(notice.remedy_zh for notice in remedies), "; ".join(notice.remedy_en for notice in remedies),
    )  # fmt: skip


def of_taps(rooms: Mapping[str, Room], name: RoomName) -> Trouble | None:
    """Which recorders, segmenters and relays failed at a packet within the last ten minutes."""
    found = {room: tap for room in sorted(rooms) if (tap := rooms[room].tap_failures.lately())}
    if not found:
        return None
    zh = "、".join(
        f"{called(room, name, 'zh')} {_TAPS.get(tap, (tap, tap))[0]}" for room, tap in found.items()
    )
    en = ", ".join(
        f"{called(room, name, 'en')} {_TAPS.get(tap, (tap, tap))[1]}" for room, tap in found.items()
    )
    return Trouble(
        f"处理媒体包出错，已自动重新开始：{zh}", f"failed at a media packet and began anew: {en}",
        "核对这些房间的录像与播放；日志 media.tap_failed 有原因",
        "check recording and playback of those rooms; media.tap_failed in the log says why",
    )  # fmt: skip


def called(room: str, name: RoomName, lang: str) -> str:
    """A room's name, or that of its overview camera."""
    return name(room, lang) + (f" {FAR[lang]}" if camera(room) == "far" else "")
