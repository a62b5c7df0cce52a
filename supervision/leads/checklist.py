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
from supervision.rules.registry import RULES

ITEMS = ("record", "prices", "files", "deposits", "scores", "draw", "recording", "rule")
"""开标记录, 报价明细, 文件比对, 保证金流水, 评分表, 专家抽取, 录像片段, 规则说明; their words: `leads.papers.*`."""
PaperState = Literal["there", "missing", "not_needed"]
_FIELDS = {
    "prices": ("bid.price", "award.price"), "deposits": ("deposit.",),
    "files": ("bid.mac", "bid.disk_serial", "bid.dongle_serial", "bid.file_id"), "scores": ("score.",),
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
    if item in ("record", "recording"):
        return warning.lot_id is not None
    if item == "draw":
        return warning.family == "experts"
    rule = RULES.get(warning.rule)
    return rule is not None and any(field.startswith(_FIELDS[item]) for field in rule.reads)


def _there(session: Session, warning: Warning) -> dict[str, bool]:
    """Which papers the ledger can give."""
    lot = warning.lot_id
    over = Opening.state.in_(("ended", "sealed"))
    counts = {
        "record": select(func.count()).select_from(Opening).where(Opening.lot_id == lot, over),
        "prices": select(func.count()).select_from(Bid).where(Bid.lot_id == lot, Bid.price.is_not(None)),
        "deposits": select(func.count()).select_from(Deposit).where(Deposit.lot_id == lot),
        "recording": select(func.count()).select_from(Recording)
        .join(BroadcastSession, BroadcastSession.id == Recording.session_id)
        .join(Opening, Opening.id == BroadcastSession.opening_id).where(Opening.lot_id == lot),
    }  # fmt: skip
    held = {item: bool(lot and session.scalar(query)) for item, query in counts.items()}
    return {
        **held,
        **_of_panels(session, _lots(warning.lot_id, warning.evidence)),
        "files": bool(warning.evidence.get("shared")),
        "rule": warning.rule in RULES,
    }


def lots_of_panels(told: Mapping[str, Any]) -> set[str]:
    """The lots whose score sheets go with a warning as `leads.json` tells it: those of the experts' family."""
    rule = RULES.get(told["rule"])
    return _lots(told["lot"], told["evidence"]) if rule and rule.family == "experts" else set()


def _lots(lot: str | None, evidence: Mapping[str, Any]) -> set[str]:
    """The lot of a warning, or the lots whose marks its evidence lists."""
    return {lot} if lot is not None else {str(one["lot"]) for one in evidence.get("marks") or ()}


def _of_panels(session: Session, lots: set[str]) -> dict[str, bool]:
    """Whether score sheets and records of the draw are held for every one of these lots."""
    held = {
        "scores": select(func.count(Evaluation.lot_id.distinct())).join(Score, Score.evaluation_id == Evaluation.id)
        .where(Evaluation.lot_id.in_(lots)),
        "draw": select(func.count(ExpertDraw.lot_id.distinct())).where(ExpertDraw.lot_id.in_(lots)),
    }  # fmt: skip
    return {item: bool(lots) and session.scalar(query) == len(lots) for item, query in held.items()}
