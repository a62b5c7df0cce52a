"""The story of one opening, told from its feed: steps, bidders, readings, objections.

The same telling exists in the browser (web/browser/story.js); this one serves pages without scripts, the hall and the
opening record. tests/test_story_twins.py tells both the same feeds and holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from records.currencies import is_comparable, vat_told
from records.opening_record import all_read, as_corrected
from records.states import OPENING_STEPS

STEPS = (
    "sign_in", "bidders", "decryption", "price", "reading", "objection", "confirmation", "end",
)  # fmt: skip
"""Stages shown on the stepper, in order (records.states.STAGES without waiting)."""

STEP_OF = {
    "sign_in": "sign_in",
    "bidders_published": "bidders",
    "decrypt_progress": "decryption",
    "control_price": "price",
    "coefficient_drawn": "price",
    "bid_read": "reading",
    "objection": "objection",
    "objection_answered": "objection",
    "record_confirmed": "confirmation",
    "ended": "end",
}
"""Event type → the step it belongs to."""

READ_OUT = frozenset({"objection", "confirmation", "end"})
"""Stages at which every price has been read, so the record may be shown."""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """One bid as it was read aloud; None where nothing was said of it."""

    ts: str
    price: str | None = None
    duration_days: int | None = None
    quality: str | None = None
    remark: str | None = None
    before: tuple[Reading, ...] = ()
    """What was read before it was corrected: it stays, struck through."""


@dataclass
class Said:
    """An objection and its answer: either may be missing so far."""

    ts: str
    content: str | None = None
    answer: str | None = None
    answered_at: str | None = None
    before: list[dict[str, str]] | None = None
    """Answers that a later one corrected, each with its time: they stay, struck through."""
    kept_open: str | None = None
    """Why the record leaves it unanswered."""


@dataclass
class Story:
    """What the feed has told so far."""

    vat: str | None = None
    """Whether the lot's amounts are included 含税 or excluded 不含税; None: not told. The feed does not say it."""
    stage: str = "waiting"
    steps: dict[str, str] = field(default_factory=dict)
    """Step → time of its first event (RFC 3339, UTC)."""
    bidders: dict[int, str] = field(default_factory=dict)
    """Number in order of receipt → name."""
    readings: dict[int, Reading] = field(default_factory=dict)
    current: int | None = None
    """Number being read aloud now."""
    decryption: dict[str, int | None] | None = None
    """done, failed, total; done is None where nobody has told how it went."""
    control: dict[str, Any] | None = None
    coefficients: list[dict[str, Any]] = field(default_factory=list)
    seeds: list[dict[str, Any]] = field(default_factory=list)
    """Commitments to seeds, seeds revealed and not revealed, as told, each with its type."""
    decrypted_head: str | None = None
    """Hash of the first event that told every bid as decrypted or failed: the draw hangs on it."""
    objections: dict[int, Said] = field(default_factory=dict)
    pause_reason: str | None = None
    paused_at: str | None = None
    paused_until: str | None = None
    """When the host means to resume 复会, if that was told (RFC 3339)."""
    result: str | None = None
    result_reason: str | None = None
    """Why it was broken off or failed, where that was told."""
    sealed: dict[str, Any] | None = None
    head: str | None = None
    """Hash of the newest event told."""
    seq: int = 0

    def add(self, message: Message) -> None:
        """Tell one more event."""
        kind, payload = str(message["type"]), message["payload"]
        self.seq, self.head = int(message["seq"]), str(message["hash"])
        if kind in STEP_OF:
            self._advance(kind, str(message["ts"]))
        change = _CHANGES.get(kind)
        if change:
            change(self, payload, str(message["ts"]))

    def _advance(self, kind: str, ts: str) -> None:
        """Move the stage as the ledger's own table does; an objection before the end of the reading is no stage."""
        rule = OPENING_STEPS[kind]
        moves = rule.to_stage and (rule.advances is None or self.stage in rule.advances)
        if moves and rule.to_stage and (self._all_read() or not rule.once_read):
            self.stage = rule.to_stage
        if STEP_OF[kind] != "objection" or self.stage in ("reading", "objection"):
            self.steps.setdefault(STEP_OF[kind], ts)
        if self.stage != "reading":
            self.current = None

    def other_vat(self, read: Reading | None) -> str | None:
        """How a price read counts, included 含税 or excluded 不含税, where that is otherwise than the lot's amounts: it is
        compared with none of them."""
        told = vat_told(read.remark) if read and read.price is not None else None
        return None if is_comparable(told, self.vat) else told

    def is_over(self, read: Reading | None, limit: str | None = None) -> bool:
        """Whether a price read is above the ceiling: the published one, else as it was told at the opening."""
        return read is not None and not self.other_vat(read) and self.exceeds(read.price, limit)

    def exceeds(self, price: str | None, limit: str | None) -> bool:
        """The same of a price that counts as the ceiling does."""
        ceiling = limit if limit is not None else (self.control or {}).get("amount")
        return price is not None and ceiling is not None and Decimal(price) > Decimal(ceiling)

    def _all_read(self) -> bool:
        failed = (self.decryption or {}).get("failed") or 0
        return all_read(len(self.bidders), len(self.readings), failed)


def _bidders(story: Story, payload: Message, _ts: str) -> None:
    story.bidders = {line["no"]: line["name"] for line in payload["bidders"]}


def _decryption(story: Story, payload: Message, _ts: str) -> None:
    done = payload.get("done")
    counts = {
        "done": done,
        "failed": payload.get("failed", None if done is None else 0),
        "total": payload["total"],
    }
    story.decryption = {key: None if value is None else int(value) for key, value in counts.items()}
    if story.decrypted_head is None and done is not None and done + counts["failed"] == counts["total"]:
        story.decrypted_head = story.head


def _control(story: Story, payload: Message, _ts: str) -> None:
    story.control = dict(payload)


def _coefficient(story: Story, payload: Message, ts: str) -> None:
    story.coefficients.append({**payload, "ts": ts})


def _seed(kind: str) -> Callable[[Story, Message, str], None]:
    def change(story: Story, payload: Message, ts: str) -> None:
        story.seeds.append({"type": kind, **payload, "ts": ts})

    return change


def _correction(story: Story, payload: Message, ts: str) -> None:
    number = int(payload["no"])
    first = story.readings.get(number)
    before = (*first.before, replace(first, before=())) if first else ()
    told = as_corrected(asdict(first) if first else None, payload)
    story.readings[number] = replace(_read(told, ts), before=before)
    _count_anew(story, first, story.readings[number])


def _count_anew(story: Story, before: Reading | None, after: Reading) -> None:
    """A corrected price is counted above or below the ceiling in place of the one that was checked; one that counts
    otherwise than the ceiling is neither."""
    control = story.control
    if (
        control is None
        or control.get("over") is None
        or before is None
        or None in (before.price, after.price)
    ):
        return
    over = story.is_over(after) - story.is_over(before)
    checked = (story.other_vat(after) is None) - (story.other_vat(before) is None)
    story.control = {**control, "over": max(0, int(control["over"]) + over)}
    if control.get("normal") is not None:
        story.control["normal"] = max(0, int(control["normal"]) + checked - over)


def _read(payload: Message, ts: str) -> Reading:
    said: dict[str, Any] = {key: payload.get(key) for key in ("price", "duration_days", "quality", "remark")}
    return Reading(ts, **said)


def _reading(story: Story, payload: Message, ts: str) -> None:
    number = int(payload["no"])
    story.readings[number] = _read(payload, ts)
    story.bidders.setdefault(number, str(payload["name"]))
    story.current = number


def _objection(story: Story, payload: Message, ts: str) -> None:
    story.objections[int(payload["no"])] = Said(ts, str(payload["content"]))


def _confirm(story: Story, payload: Message, _ts: str) -> None:
    for one in payload.get("kept_open") or []:
        held = story.objections.get(int(one["no"]))
        if held is not None:
            held.kept_open = str(one["reason"])


def _answer(story: Story, payload: Message, ts: str) -> None:
    held = story.objections.setdefault(int(payload["no"]), Said(ts))
    if held.answer is not None:
        held.before = [*(held.before or []), {"answer": held.answer, "answered_at": held.answered_at or ""}]
    held.answer, held.answered_at = str(payload["answer"]), ts


def _pause(story: Story, payload: Message, ts: str) -> None:
    story.pause_reason, story.paused_at = str(payload.get("reason") or ""), ts
    story.paused_until = payload.get("until")


def _resume(story: Story, _payload: Message, _ts: str) -> None:
    story.pause_reason = story.paused_at = story.paused_until = None


def _end(story: Story, payload: Message, _ts: str) -> None:
    story.result, story.result_reason = str(payload["result"]), payload.get("reason") or None
    story.pause_reason = story.paused_at = story.paused_until = None


def _seal(story: Story, payload: Message, ts: str) -> None:
    story.sealed = {**payload, "ts": ts}


_CHANGES: dict[str, Callable[[Story, Message, str], None]] = {
    "bidders_published": _bidders,
    "decrypt_progress": _decryption,
    "control_price": _control,
    "coefficient_committed": _seed("committed"),
    "coefficient_revealed": _seed("revealed"),
    "coefficient_unrevealed": _seed("unrevealed"),
    "coefficient_drawn": _coefficient,
    "bid_read": _reading,
    "bid_corrected": _correction,
    "objection": _objection,
    "objection_answered": _answer,
    "record_confirmed": _confirm,
    "paused": _pause,
    "resumed": _resume,
    "ended": _end,
    "sealed": _seal,
}


def is_read_out(opening: Mapping[str, Any], story: Story) -> bool:
    """Whether every price has been read aloud: its events may be known before its public row is, and history has no
    events."""
    return not READ_OUT.isdisjoint({opening["stage"], story.stage})


def opening_record(opening: Mapping[str, Any], story: Story, past: Message | None = None) -> dict[str, Any]:
    """开标记录: what the law has published of an opening after the reading (招标投标法 art. 36).

    `past` is the public record of an opening that came as history: no event tells of it.
    """
    rows = [_row(number, name, story) for number, name in sorted(story.bidders.items())]
    if past and not rows and opening.get("result") == "opened":
        rows = [_past_row(number, past, bid) for number, bid in enumerate(past["bids"], start=1)]
    limit = opening.get("control_price")
    rows = [row | {"over": _over(story, row, limit)} for row in rows]
    kept = ("id", "lot", "title", "project", "project_name", "room", "tenderer", "agency", "scheduled_at",
            "started_at", "ended_at", "state", "result", "result_reason", "demo")  # fmt: skip
    return {
        **{key: opening.get(key) for key in kept},
        "currency": opening.get("currency"),
        "vat": opening.get("vat"),
        "control_price": story.control or ({"amount": limit} if limit is not None else None),
        "coefficients": story.coefficients,
        "decryption": story.decryption,
        "bids": rows,
        "objections": [{"no": no, **_known(said)} for no, said in sorted(story.objections.items())],
        "steps": story.steps,
        "sealed": story.sealed,
        "chain": {"seq": story.seq, "hash": story.head},
    }


def _over(story: Story, row: Mapping[str, Any], limit: str | None) -> bool | None:
    """Whether a price is above the ceiling; None where the two cannot be compared."""
    return None if row["other_vat"] else story.exceeds(row.get("price"), limit)


def _row(number: int, name: str, story: Story) -> dict[str, Any]:
    read = story.readings.get(number)
    said = asdict(read) if read else dict.fromkeys(Reading.__dataclass_fields__)
    read_at, before = said.pop("ts"), said.pop("before")
    if before:
        said["before"] = [{"read_at": first.pop("ts"), **_shown(first)} for first in before]
    told: dict[str, Any] = {
        "other_vat": story.other_vat(read),
        "members": [],
        "decrypt_status": None,
        "read_at": read_at,
    }
    return {"no": number, "name": name, **said, **told}


def _shown(first: dict[str, Any]) -> dict[str, Any]:
    """A reading that was corrected; it holds no others."""
    return {key: value for key, value in first.items() if key != "before"}


def _past_row(number: int, past: Message, bid: list[Any]) -> dict[str, Any]:
    return {
        "no": number,
        "members": [],
        **dict(zip(past["columns"], bid, strict=True)),
        "remark": None,
        "other_vat": past.get("other_vat", {}).get(str(number)),
        "read_at": None,
    }


def _known(said: Said) -> dict[str, Any]:
    """An objection without what has not been said; `content` is always there."""
    return {key: value for key, value in asdict(said).items() if value is not None or key == "content"}
