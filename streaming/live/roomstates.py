"""The state of all rooms as operators see it: on the desk, and as figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from streaming.live.board import Board
from streaming.live.covers import Covers
from streaming.live.pending import Pending
from streaming.live.roster import RoomCard, Roster
from streaming.rooms.plane import MediaPlane
from streaming.service import Service

FIGURES = ("video", "audio", "bitrate", "fps", "loss", "jitter", "rtt", "keyframe_age", "viewers")
"""What of a room's media status the desk is told: bit/s, frames/s, share, seconds, seconds, seconds."""
STATES = ("idle", "standby", "live", "paused", "ended")

Sources = Callable[[str], list[dict[str, Any]]]
"""Room → how the cameras do that are pulled for it."""
RecorderState = Callable[[str], dict[str, Any] | None]
"""Room → what the recorder does in it; None: no recorder here."""


class RoomStates(Service):
    """One row a room, evaluation rooms too."""

    def __init__(
        self, roster: Roster, board: Board, media: MediaPlane, covers: Covers, pending: Pending, sources: Sources,
        recorder: RecorderState,
    ) -> None:  # fmt: skip
        self._roster, self._board, self._media, self._covers = roster, board, media, covers
        self._pending, self._sources, self._recorder = pending, sources, recorder

    def rows(self) -> list[dict[str, Any]]:
        """All rooms in use."""
        return [self.row(room) for room in self._roster.in_use()]

    def row(self, room: RoomCard) -> dict[str, Any]:
        """One room."""
        cover, status = self._covers.get(room.id), self._media.status(room.id)
        state = self._board.state(room)
        return {
            **{name: state[name] for name in ("id", "name", "centre", "kind", "state", "opening", "since")},
            "public": room.public, "publishing": status.publishing,
            **{name: getattr(status, name, None) for name in FIGURES},
            "muted": cover.muted, "slated": cover.slated, "reason": cover.reason, "needs_two": cover.needs_two,
            "paused": self._board.paused(room.id), "by": list(cover.by), "switched_at": cover.since,
            "pending": self._pending.of(room.id),
            "recorder": self._recorder(room.id), "sources": self._sources(room.id),
            "notices": self._media.notices(room.id),
        }  # fmt: skip

    def metrics(self) -> Iterable[Metric]:
        """A sample a room."""
        return families(self.rows())


def families(rows: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """What the operators see of each room: its state, its covers, its way to the source, its recorder."""
    state = GaugeMetricFamily("sunbid_room_state", "1 for the state a room is in", labels=["room", "state"])
    named = {
        "muted": _gauge("muted", "1 while operators mute the room"),
        "slated": _gauge("slated", "1 while operators have the slate up"),
        "rtt": _gauge("rtt_seconds", "to the publisher and back"),
        "keyframe_age": _gauge("keyframe_age_seconds", "since the last keyframe sent to viewers"),
    }
    recording = _gauge("recording", "1 while the room is recorded; absent without a recorder")
    for row in rows:
        for name in STATES:
            state.add_metric([row["id"], name], float(row["state"] == name))
        for key, family in named.items():
            if row.get(key) is not None:
                family.add_metric([row["id"]], float(row[key]))
        if row.get("recorder") is not None:
            recording.add_metric([row["id"]], float(row["recorder"]["state"] == "recording"))
    yield from (state, *named.values(), recording)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sunbid_room_{name}", text, labels=["room"])
