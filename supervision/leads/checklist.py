"""The checklist of a lead: which papers each of its warnings needs, and whether the ledger holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.tables.bids import Bid
from records.tables.broadcast import BroadcastSession
from records.tables.evaluation import Evaluation, ExpertDraw, Score
from records.tables.evidence import Recording
from records.tables.leads import Lead
from records.tables.money import Deposit
from records.tables.openings import Opening
from records.tables.supervision import Warning
from supervision.lists.file_checks import behind
from supervision.rules.lots_behind import lots_named
from supervision.rules.registry import RULES

ITEMS = ("record", "prices", "files", "deposits", "scores", "draw", "recording", "rule")
"""开标记录, 报价明细, 文件比对, 保证金流水, 评分表, 专家抽取, 录像片段, 规则说明; their words: `leads.papers.*`."""
PaperState = Literal["there", "missing", "not_needed"]
_FIELDS = {
    "prices": ("bid.price", "award.price"), "deposits": ("deposit.",),
    "files": ("bid.mac", "bid.disk_serial", "bid.dongle_serial", "bid.file_id", "bid.files"), "scores": ("score.",),
}  # fmt: skip
"""Paper → beginnings of the fields of the ledger that a rule reads where it is needed."""


@dataclass(frozen=True)
class Paper:
    """One paper of one warning. `note`: what was put in by hand, where it was."""

    item: str
    state: PaperState
    note: str | None = None


def papers(session: Session, lead: Lead) -> dict[str, list[Paper]]:
    """Warning → its papers, in the order of ITEMS."""
    query = select(Warning).where(Warning.id.in_(lead.warnings))
    found = {one.id: one for one in session.scalars(query)}
    return {one: _papers(session, found[one], lead.checklist) for one in lead.warnings if one in found}


def missing(found: Mapping[str, Sequence[Paper]]) -> int:
    """How many papers are missing."""
    return sum(paper.state == "missing" for papers in found.values() for paper in papers)


def lots_of(told: Mapping[str, Any]) -> set[str]:
    """The lots whose papers go with a warning as `leads.json` tells it: its own, else those its evidence lists."""
    return _lots(told["lot"], told["evidence"])


def _papers(session: Session, warning: Warning, added: Sequence[Mapping[str, Any]]) -> list[Paper]:
    there = _there(session, warning)
    notes = {one["item"]: one["note"] for one in added if one.get("warning") == warning.id}
    found = []
    for item in ITEMS:
        needed = _needs(warning, item)
        state: PaperState = "there" if there.get(item) or item in notes else "missing"
        found.append(Paper(item, state if needed else "not_needed", notes.get(item)))
    return found


def _needs(warning: Warning, item: str) -> bool:
    if item == "rule":
        return True
    if item == "recording":
        return warning.lot_id is not None
    if item == "record":
        return bool(_lots(warning.lot_id, warning.evidence))
    if item == "draw":
        return warning.family == "experts"
    if item == "files" and of_files(warning.evidence):
        return True
    rule = RULES.get(warning.rule)
    return rule is not None and any(field.startswith(_FIELDS[item]) for field in rule.reads)


def _there(session: Session, warning: Warning) -> dict[str, bool]:
    """Which papers the ledger can give, for the lot of the warning or every lot that its evidence lists."""
    lots, over = _lots(warning.lot_id, warning.evidence), Opening.state.in_(("ended", "sealed"))
    held = {
        "record": select(func.count(Opening.lot_id.distinct())).where(Opening.lot_id.in_(lots), over),
        "prices": select(func.count(Bid.lot_id.distinct())).where(Bid.lot_id.in_(lots), Bid.price.is_not(None)),
        "deposits": select(func.count(Deposit.lot_id.distinct())).where(Deposit.lot_id.in_(lots)),
        "recording": select(func.count(Opening.lot_id.distinct()))
        .join(BroadcastSession, BroadcastSession.opening_id == Opening.id)
        .join(Recording, Recording.session_id == BroadcastSession.id).where(Opening.lot_id.in_(lots)),
        "scores": select(func.count(Evaluation.lot_id.distinct())).join(Score, Score.evaluation_id == Evaluation.id)
        .where(Evaluation.lot_id.in_(lots)),
        "draw": select(func.count(ExpertDraw.lot_id.distinct())).where(ExpertDraw.lot_id.in_(lots)),
    }  # fmt: skip
    return {
        **{item: bool(lots) and session.scalar(query) == len(lots) for item, query in held.items()},
        "files": _compared(session, warning),
        "rule": warning.rule in RULES,
    }


def of_files(evidence: Mapping[str, Any]) -> bool:
    """Whether a warning rests on the comparison of the bidders' files, whatever else its rule looks at."""
    return evidence.get("files") == "compared"


def _compared(session: Session, warning: Warning) -> bool:
    """Whether what two files have in common stands in the warning itself, or in the comparison behind it."""
    if not of_files(warning.evidence):
        return bool(warning.evidence.get("shared"))
    return behind(session, warning.lot_id, warning.subjects) is not None


def lots_of_panels(told: Mapping[str, Any]) -> set[str]:
    """The lots whose score sheets go with a warning as `leads.json` tells it: those of the experts' family."""
    rule = RULES.get(told["rule"])
    return lots_of(told) if rule and rule.family == "experts" else set()


def _lots(lot: str | None, evidence: Mapping[str, Any]) -> set[str]:
    return {lot} if lot is not None else set(lots_named(evidence))
