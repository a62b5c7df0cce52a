"""见证事项: what is to be witnessed at each step of an opening and of an evaluation, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OPENING, EVALUATION = STEPS = ("opening", "evaluation")
"""What a task is of."""


@dataclass(frozen=True)
class Item:
    """One thing to be witnessed; its words are `witness.item.<id>`, those of its stage `witness.stage.<stage>`."""

    id: str
    stage: str
    """Of an opening one of `records.states.STAGES`: the item is open from when the opening is there."""


CHECKLIST: Mapping[str, tuple[Item, ...]] = {
    OPENING: (
        Item("people", "sign_in"),
        Item("list", "bidders"),
        Item("decryption", "decryption"),
        Item("coefficient", "price"),
        Item("host", "reading"),
        Item("figures", "reading"),
        Item("answer", "objection"),
        Item("signatures", "confirmation"),
        Item("recording", "end"),
    ),
    EVALUATION: (
        Item("experts", "arrival"),
        Item("devices", "discipline"),
        Item("recusal", "discipline"),
        Item("independence", "review"),
        Item("clarification", "clarification"),
        Item("scores", "scoring"),
        Item("report", "report"),
    ),
}
"""Step → its items in order (BR 44, 浙江条例; BL 37, 38, 44 for evaluations)."""

CONFORMS, ABNORMAL, ABSENT = RESULTS = ("conforms", "abnormal", "absent")
"""相符, 异常, 未发生 (no draw, no objection)."""
REPORT_KINDS = ("reading", "order", "identity", "equipment", "interference", "leak", "other")
"""Types of an abnormal report; their words are `witness.kind.<kind>`."""
HANDLINGS = ("corrected", "reminded", "pause", "handed_on")
"""当场纠正, 提醒, 建议暂停, 移交."""


def item(step: str, item_id: str) -> Item | None:
    """The item of that name, None where the step has none."""
    return next((one for one in CHECKLIST[step] if one.id == item_id), None)
