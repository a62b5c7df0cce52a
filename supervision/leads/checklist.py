"""The checklist of a lead: which papers each of its warnings needs, and whether the ledger holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.tables.bids import Bid
from records.tables.broadcast import BroadcastSession
from records.tables.evidence import Recording
from records.tables.leads import Lead
from records.tables.money import Deposit
from records.tables.openings import Opening
from records.tables.supervision import Warning
from supervision.rules.registry import RULES

ITEMS = ("record", "prices", "files", "deposits", "recording", "rule")
"""开标记录, 报价明细, 文件比对, 保证金流水, 录像片段, 规则说明; their words: `leads.papers.*`."""
PaperState = Literal["there", "missing", "not_needed"]
_FIELDS = {
    "prices": ("bid.price", "award.price"), "deposits": ("deposit.",),
    "files": ("bid.mac", "bid.disk_serial", "bid.dongle_serial", "bid.file_id"),
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
    return {**held, "files": bool(warning.evidence.get("shared")), "rule": warning.rule in RULES}
