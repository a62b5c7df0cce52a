"""A logged opening told again step by step, so that an import walks the same chain to the same hash.

The lot is shown as it was announced, then the opening and its events, then the lot as it stands: the
state machine would refuse the steps of an opening whose lot is already awarded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ingest.apply.envelopes_of_rows import Row, envelope, plain
from ingest.files.pieces import EPOCH
from ingest.ocds.writing.processes import Process
from records.states import LOT_STATES, OPENING_STEPS, IllegalTransition, check_lot_transition

Json = dict[str, Any]
_ANNOUNCED = frozenset({"bidding", "closed", "paused"})


def logged(process: Process, lot: str) -> list[Row]:
    """The openings of a lot that have a log, in order of their announcement."""
    found = [row for row in process.rows["opening"] if row["lot_id"] == lot and row["id"] in process.events]
    return sorted(found, key=lambda row: process.events[row["id"]][0]["recorded_at"])


def replay(process: Process, lot: Row, openings: list[Row], final: Json) -> list[Json]:
    """The lot as announced, then openings, events and changes of the lot in order, last the lot as it is.

    `final` is the lot's record as the ledger holds it; the versions of the lot rise to its.
    """
    steps = _Steps(process, lot, final)
    for row in openings:
        steps.opening(row)
    return steps.to_the_present()


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


class _Steps:
    """A lot on its way through its openings, and the records written so far."""

    def __init__(self, process: Process, lot: Row, final: Json) -> None:
        self._process, self._lot, self._final = process, lot, final
        self._records: list[Json] = []
        self._lot_data: Json = {**final["data"], "status": "bidding"}
        self._lot_written = False

    def _change_lot(self, **changes: Any) -> None:
        """The lot with these changes; not written where it is as before."""
        data = {name: value for name, value in {**self._lot_data, **changes}.items() if value is not None}
        if not self._lot_written or data != self._lot_data:
            self._lot_data, self._lot_written = data, True
            self._records.append({**self._final, "occurred_at": EPOCH, "data": data})

    def opening(self, row: Row) -> None:
        """One opening: its announcement, then what happened."""
        first, *rest = self._process.events[row["id"]]
        if self._lot_data["status"] not in _ANNOUNCED:
            for status in path(self._lot_data["status"], "bidding"):
                self._change_lot(status=status)
        self._change_lot(name=first["payload"].get("title", self._lot["name"]), deadline=self._deadline(row))
        steps = [_announcement(row, first)]
        for event in rest:
            steps.append(self._event(row, event))
            self._move_lot(event)
        last = envelope("opening", row, self._process.held)
        if row["state"] == "cancelled":
            steps.append(_cancellation(last))
        self._records += _numbered(steps, "opening", last["version"])

    def _deadline(self, row: Row) -> str | None:
        """Not after anything that had to wait for it: a re-tender has moved the lot's own."""
        events = self._process.events[row["id"]]
        bound = [event["ts"] for event in events if OPENING_STEPS[event["type"]].after_deadline]
        deadline = self._lot["deadline"]
        moved = deadline is not None and bound and deadline > min(bound)
        found: str | None = plain(min(row["scheduled_at"], *bound) if moved else deadline)
        return found

    def _event(self, row: Row, event: Row) -> Json:
        if event["type"] == "scheduled" and event["actor"] == row["source"]:
            return _announcement(row, event)
        detail = dict(event["detail"] or {})
        shown = {name: value for name, value in event["payload"].items() if name != "detail_sha256"}
        data: Json = {
            "opening": row["id"], "type": self._type(row, event),
            "payload": detail.pop("unmasked", shown), "actor": event["actor"],
        }  # fmt: skip
        return {
            "source": row["source"], "kind": "opening_event", "key": f"{row['id']}#{event['seq']:04d}",
            "version": 1, "occurred_at": plain(event["ts"]), "data": data | ({"detail": detail} if detail else {}),
        }  # fmt: skip

    def _type(self, row: Row, event: Row) -> str:
        """Its type; a number that an older version let be read twice is corrected the second time."""
        read_before = event["type"] == "bid_read" and any(
            other["type"] == "bid_read"
            and other["seq"] < event["seq"]
            and other["payload"]["no"] == event["payload"]["no"]
            for other in self._process.events[row["id"]]
        )
        return "bid_corrected" if read_before else str(event["type"])

    def _move_lot(self, event: Row) -> None:
        """What the event made of the lot, as `records.states` does."""
        if event["type"] == "bidders_published":
            self._lot_data = {**self._lot_data, "status": "opening"}
        elif event["type"] == "ended":
            result = event["payload"]["result"]
            self._lot_data = {**self._lot_data, "status": "opened" if result == "opened" else result}

    def to_the_present(self) -> list[Json]:
        """All records, the lot's versions rising to the one it has."""
        for status in path(self._lot_data["status"], self._lot["status"])[:-1]:
            self._change_lot(status=status)
        self._records.append(self._final)
        return list(_numbered(self._records, "lot", self._final["version"]))


def _announcement(row: Row, event: Row) -> Json:
    data = {
        "lot": row["lot_id"], "scheduled_at": event["payload"]["scheduled_at"],
        "room": event["payload"].get("room"), "host": row["host"],
    }  # fmt: skip
    return {
        "source": row["source"], "kind": "opening", "key": row["id"], "version": 0,
        "occurred_at": plain(event["ts"]), "data": {k: v for k, v in data.items() if v is not None},
    }  # fmt: skip


def _cancellation(record: Json) -> Json:
    kept = ("lot", "room", "scheduled_at", "host", "state")
    return record | {"data": {name: record["data"][name] for name in kept if name in record["data"]}}


def _numbered(records: list[Json], kind: str, last: int) -> Iterator[Json]:
    """The records of one kind in rising versions, the last of them `last` where there is room for that."""
    number = max(last + 1 - sum(record["kind"] == kind for record in records), 0)
    for record in records:
        if record["kind"] == kind:
            record = {**record, "version": number}
            number += 1
        yield record
