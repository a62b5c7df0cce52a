"""Papers around the lots of the demonstration market: notices 公告, objections 异议, contracts 合同.

Most lots keep the periods of law; a few do not, so that the life line has something to show.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sunbid.demo import bid_files
from sunbid.demo.envelopes import Envelope, envelope
from sunbid.demo.lots import LotPlan

CONTRACT_AFTER = timedelta(days=35)
"""From the deadline; the award comes on the sixth day."""
AWARD_AFTER, PUBLICITY_AFTER = timedelta(days=6), timedelta(days=2)
_DISPLAYED = timedelta(days=5)
"""Documents are on display 招标文件公示 for so long before the tender notice."""
_NOT_DISPLAYED_ONE_IN = 40
_CHANGED_ONE_IN, _SHORT_CHANGE_ONE_IN = 6, 48
"""One lot in so many has its documents clarified; of all, one in so many too late for the deadline."""
_OBJECTED_ONE_IN, _SLOW_ONE_IN = 11, 44
"""One lot in so many meets an objection; of all, one in so many is answered too late."""
_CHANGES = ("工期口径", "清单勘误", "资格条件说明", "踏勘安排")
_OBJECTIONS = {
    "documents": ("对清单工程量有异议。", "经核对，清单无误，已书面答复。"),
    "candidates": ("对候选人业绩有异议。", "经核查，业绩属实，异议不成立。"),
}


def papers(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    """All papers of a lot that there are by `now`."""
    yield from _display(plan, now)
    yield from _notices(plan, now)
    yield from _objection(plan, now)
    signed = plan.deadline + CONTRACT_AFTER
    if signed <= now and not plan.fails and plan.ranking():
        won = plan.ranking()[0]
        data = {"lot": plan.key, "bidder": won.firm.id, "signed_at": _stamp(signed), "value": str(won.price)}
        yield envelope("contract", f"HT-{plan.key}", 1, signed, data)


def _display(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    """The documents before they are issued; those of a few lots were not on display."""
    at = plan.notice_at - _DISPLAYED
    if plan.notice_at <= now and crc32(f"display/{plan.key}".encode()) % _NOT_DISPLAYED_ONE_IN:
        data = {
            "lot": plan.key,
            "type": "documents",
            "title": f"{plan.name}招标文件公示",
            "published_at": _stamp(at),
        }
        yield envelope("notice", f"GS-{plan.key}", 1, at, data)


def _notices(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    draw = crc32(plan.key.encode())
    notices: list[tuple[str, str, datetime]] = [("tender", "招标公告", plan.notice_at)]
    if draw % _CHANGED_ONE_IN == 0:
        before = timedelta(days=12 if draw % _SHORT_CHANGE_ONE_IN == 0 else 16)
        notices.append(("change", f"第1号澄清：{_CHANGES[draw % len(_CHANGES)]}", plan.deadline - before))
    if not plan.fails and plan.ranking():
        notices.append(("candidates", "中标候选人公示", plan.deadline + PUBLICITY_AFTER))
        notices.append(("result", "中标结果公告", plan.deadline + AWARD_AFTER))
    for number, (kind, title, at) in enumerate(notices, 1):
        if at <= now:
            name = title if kind == "change" else f"{plan.name}{title}"
            data: dict[str, Any] = {"lot": plan.key, "type": kind, "title": name, "published_at": _stamp(at)}
            if kind == "tender" and (files := bid_files.tender_reference(plan)):
                data["files"] = files
            yield envelope("notice", f"GG-{plan.key}-{number}", 1, at, data)


def _objection(plan: LotPlan, now: datetime) -> Iterator[Envelope]:
    """Version 1 as it is raised, version 2 with its answer."""
    draw = crc32(f"objection/{plan.key}".encode())
    if draw % _OBJECTED_ONE_IN or plan.fails or not plan.ranking():
        return
    stage = "documents" if draw % 2 else "candidates"
    raised = plan.deadline + (-timedelta(days=12) if stage == "documents" else timedelta(days=2, hours=5))
    if raised > now:
        return
    words, answer = _OBJECTIONS[stage]
    data: dict[str, Any] = {
        "lot": plan.key,
        "stage": stage,
        "kind": "objection",
        "content": words,
        "raised_at": _stamp(raised),
    }
    yield envelope("objection", f"YY-{plan.key}", 1, raised, data)
    answered = raised + timedelta(days=5 if draw % _SLOW_ONE_IN == 0 else 2)
    if answered <= now:
        decision = {"answer": answer, "answered_at": _stamp(answered), "upheld": False}
        yield envelope("objection", f"YY-{plan.key}", 2, answered, data | decision)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
