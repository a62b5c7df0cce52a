"""A logged opening told again step by step, so that an import walks the same chain to the same hash.

The lot is shown as it was announced, then the opening and its events, then the lot as it stands: the
state machine would refuse the steps of an opening whose lot is already awarded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ingest.files.pieces import EPOCH
from ingest.kinds.envelopes_of_rows import Row, envelope, plain
from ingest.ocds.gather import Process
from records.states import LOT_STATES, OPENING_STEPS, IllegalTransition, check_lot_transition

Json = dict[str, Any]
_ANNOUNCED = frozenset({"bidding", "closed", "paused"})


def logged(process: Process, lot: str) -> list[Row]:
    """The openings of a lot that have a log, in order of their announcement."""
    found = [row for row in process.rows["opening"] if row["lot_id"] == lot and row["id"] in process.events]
    return sorted(found, key=lambda row: process.events[row["id"]][0]["recorded_at"])


def replay(process: Process, lot: Row, openings: list[Row], final: Json) -> list[Json]:
    """The lot as announced, then openings, events and changes of the lot in order, last the lot as it is."""
    walk = _Walk(process, lot, final)
    for row in openings:
        walk.opening(row)
    return walk.ended()


def path(before: str, after: str) -> list[str]:
    """The fewest statuses a lot goes through from one to another, the last included; [] if it cannot."""
    queue: deque[list[str]] = deque([[before]])
    seen = {before}
    while queue:
        way = queue.popleft()
        for status in LOT_STATES:
            if status in seen or not _may(way[-1], status):
                continue
            if status == after:
                return [*way[1:], status]
            seen.add(status)
            queue.append([*way, status])
    return []


def _may(before: str, after: str) -> bool:
    try:
        check_lot_transition(before, after)
    except IllegalTransition:
        return False
    return True


class _Walk:
    """The lot on its way through its openings."""

    def __init__(self, process: Process, lot: Row, final: Json) -> None:
        self.process, self.lot, self.final = process, lot, final
        self.records: list[Json] = []
        self.data: Json = {**final["data"], "status": "bidding"}

    def _show(self, **changes: Any) -> None:
        """The lot changed, if it is."""
        data = {name: value for name, value in {**self.data, **changes}.items() if value is not None}
        lots = [record for record in self.records if record["kind"] == "lot"]
        if not lots or data != self.data:
            self.data = data
            self.records.append({**self.final, "occurred_at": EPOCH, "data": data})

    def opening(self, row: Row) -> None:
        """One opening: its announcement, then what happened."""
        first, *rest = self.process.events[row["id"]]
        if self.data["status"] not in _ANNOUNCED:
            for status in path(self.data["status"], "bidding"):
                self._show(status=status)
        self._show(name=first["payload"].get("title", self.lot["name"]), deadline=self._deadline(row))
        steps = [self._announcement(row, first)]
        for event in rest:
            steps.append(self._step(row, event))
            self._moved(event)
        if row["state"] == "cancelled":
            steps.append(self._cancelled(row))
        self.records += _numbered(steps, "opening", envelope("opening", row, self.process.held)["version"])

    def _deadline(self, row: Row) -> str | None:
        """Not after anything that had to wait for it: a re-tender has moved the lot's own."""
        bound = [e["ts"] for e in self.process.events[row["id"]] if OPENING_STEPS[e["type"]].after_deadline]
        deadline = self.lot["deadline"]
        if deadline is None or not bound or deadline <= min(bound):
            return plain(deadline)  # type: ignore[no-any-return]
        return plain(min(row["scheduled_at"], *bound))  # type: ignore[no-any-return]

    def _announcement(self, row: Row, event: Row) -> Json:
        data = {
            "lot": row["lot_id"], "scheduled_at": event["payload"]["scheduled_at"],
            "room": event["payload"].get("room"), "host": row["host"],
        }  # fmt: skip
        return {
            "source": row["source"], "kind": "opening", "key": row["id"], "version": 0,
            "occurred_at": plain(event["ts"]), "data": {k: v for k, v in data.items() if v is not None},
        }  # fmt: skip

    def _cancelled(self, row: Row) -> Json:
        record = envelope("opening", row, self.process.held)
        kept = ("lot", "room", "scheduled_at", "host", "state")
        return record | {"data": {name: record["data"][name] for name in kept if name in record["data"]}}

    def _step(self, row: Row, event: Row) -> Json:
        if event["type"] == "scheduled" and event["actor"] == row["source"]:
            return self._announcement(row, event)
        detail = dict(event["detail"] or {})
        shown = {name: value for name, value in event["payload"].items() if name != "detail_sha256"}
        payload = detail.pop("unmasked", shown)
        data: Json = {
            "opening": row["id"],
            "type": self._kind(row, event),
            "payload": payload,
            "actor": event["actor"],
        }
        return {
            "source": row["source"], "kind": "opening_event", "key": f"{row['id']}#{event['seq']:04d}",
            "version": 1, "occurred_at": plain(event["ts"]), "data": data | ({"detail": detail} if detail else {}),
        }  # fmt: skip

    def _kind(self, row: Row, event: Row) -> str:
        """Its type; a number that an older version let be read twice is corrected the second time."""
        own = self.process.events[row["id"]]
        again = event["type"] == "bid_read" and any(
            e["type"] == "bid_read"
            and e["seq"] < event["seq"]
            and e["payload"]["no"] == event["payload"]["no"]
            for e in own
        )
        return "bid_corrected" if again else str(event["type"])

    def _moved(self, event: Row) -> None:
        """What the event made of the lot, as `records.states` does."""
        if event["type"] == "bidders_published":
            self.data = {**self.data, "status": "opening"}
        elif event["type"] == "ended":
            result = event["payload"]["result"]
            self.data = {**self.data, "status": "opened" if result == "opened" else result}

    def ended(self) -> list[Json]:
        """All records, the lot's versions rising to the one it has."""
        for status in path(self.data["status"], self.lot["status"])[:-1]:
            self._show(status=status)
        self.records.append(self.final)
        return list(_numbered(self.records, "lot", self.final["version"]))


def _numbered(records: list[Json], kind: str, last: int) -> Iterator[Json]:
    """The records of one kind in rising versions, the last of them `last` where there is room for that."""
    number = max(last + 1 - sum(record["kind"] == kind for record in records), 0)
    for record in records:
        if record["kind"] == kind:
            record = {**record, "version": number}
            number += 1
        yield record
