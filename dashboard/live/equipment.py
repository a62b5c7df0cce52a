"""Watches the equipment 设备: what the hub says of cameras and recorders, and the hosts' desks; raises and ends alarms.

One thread a desk process; several desks agree, since the ledger holds one open alarm of a kind and room.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from dashboard import context
from dashboard import metrics as ops
from dashboard.live import rooms
from records.serving.workers import Worker
from records.witnessing import alarms, looks
from records.witnessing.alarms import Trouble

EVERY = 5.0
"""Seconds from one look to the next."""
PATIENCE = 2
"""Looks in a row at which something has to be wrong: a camera that is switched over is no alarm."""
AT_WORK = frozenset({"standby", "live", "paused"})
SLOW = rooms.LIMITS["fps_low"][0]
"""Frames a second below which a picture stutters."""

log = structlog.get_logger()


class Watch:
    """What was seen of the rooms so far."""

    def __init__(self) -> None:
        self._sending: dict[str, str | None] = {}
        """Room → the opening in which it has sent pictures."""
        self._seen: dict[tuple[str, str], int] = {}
        """Room and kind → looks in a row at which it was wrong."""

    def troubles(self, snapshot: rooms.Snapshot) -> list[Trouble]:
        """What is wrong by what the hub says, at this and the looks before."""
        if snapshot.trouble:
            now = [Trouble("hub", "", {"why": snapshot.trouble})]
        else:
            now = [one for room in snapshot.rooms if room["state"] in AT_WORK for one in self._of(room)]
        self._seen = {(one.room, one.kind): self._seen.get((one.room, one.kind), 0) + 1 for one in now}
        return [one for one in now if self._seen[one.room, one.kind] >= PATIENCE]

    def _of(self, room: Mapping[str, Any]) -> Iterator[Trouble]:
        here, opening = room["id"], room["opening"]
        if room["publishing"]:
            self._sending[here] = opening
        refused = next(
            (s for s in room.get("sources") or () if s["state"] in ("connecting", "refused")), None
        )
        stopped = opening is not None and self._sending.get(here) == opening and not room["publishing"]
        if refused or stopped:
            yield Trouble("camera", here, _reasons(refused))
        fps = room.get("fps")
        if room["publishing"] and room.get("video") and fps is not None and fps < SLOW:
            yield Trouble("frames", here, {"fps": round(fps), "least": round(SLOW)})
        recorder = room.get("recorder")
        if recorder is not None and recorder["state"] in ("waiting", "disk", "failed"):
            yield Trouble("recorder", here, {"state": recorder["state"]})

    def look(self) -> None:
        """Ask the hub and the ledger once, and write down what has changed."""
        snapshot = rooms.snapshot()
        found = self.troubles(snapshot)
        kinds = ("hub", "host") if snapshot.trouble else alarms.KINDS
        with context.ledger().read() as session:
            found += alarms.silent_hosts(session)
            news = alarms.changed(session, found, kinds)
            settled = looks.anything_to_settle(session)
        if news or settled:
            with context.ledger().write() as session:
                alarms.follow(session, found, kinds)
                looks.settle(session)


def _reasons(source: Mapping[str, Any] | None) -> dict[str, Any]:
    """Why a camera does not come, in every language, as the hub says it."""
    return {key: text for key, text in (source or {}).items() if key.startswith("reason_") and text}


class Watching:
    """The thread that looks every few seconds."""

    def __init__(self, every: float = EVERY) -> None:
        self._every, self._stop, self._watch = every, threading.Event(), Watch()
        self._thread = ops.WORKERS.thread("equipment", self._run, heals=False)

    def _run(self, worker: Worker) -> None:
        while not self._stop.wait(self._every):
            worker.beat()
            try:
                self._watch.look()
            except SQLAlchemyError as error:
                log.warning("equipment_not_watched", error=type(error).__name__)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(5.0)
