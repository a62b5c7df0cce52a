"""The package of a batch of leads that is handed on: letter, list and papers, each listed with its hash, the list signed.

`sunbid verify` checks it without this platform. Names of suspects stand in it: it is for the receiving body alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import messages
from evidence.checkpoint import Ed25519Signer, load_or_make, sign
from evidence.files import write_whole
from evidence.package import listed, names, zipped
from evidence.verify import ED25519, LEADS_FORMAT, Head, canonical, manifest
from messages import Message
from records import opening_record
from records.administration import shown_names
from records.clock import local_now, rfc3339, written
from records.tables.bids import Bid
from records.tables.evaluation import Evaluation, ExpertDraw, Score
from records.tables.leads import LeadBatch
from records.tables.money import Award
from records.tables.openings import Opening
from records.typesetting import typeset
from records.visibility import award_come
from supervision.leads import checklist
from supervision.leads.desk import leads_of
from supervision.lists.file_checks import behind
from supervision.lists.market import lot_names, told_apart
from supervision.quantities import measured, quantity, said, usual
from supervision.rules.lots_behind import lots_named
from supervision.rules.registry import RULES
from supervision.warnings.desk import WarningRow, get_warning
from supervision.warnings.masks import masked

LANG = "zh"
"""A letter to an authority is a Chinese document."""
RECORDS = "openings"
"""Folder of the opening records."""
SCORES = "scores"
"""Folder of the score sheets."""
LIKENESS = "likeness"
"""Folder of what the comparison of bid files found."""
_LOTS_IN_LETTER = 3
"""Lots behind a warning that the letter names; leads.json has all that are listed."""
TEMPLATE = Path(__file__).with_name("letter.typ")


class NoFont(messages.Fault):
    """No Chinese font is on this machine: the letter cannot be set."""


@dataclass(frozen=True)
class Maker:
    """Who makes the package, for the mark across its pages, and of which platform."""

    name: str
    platform: str
    trial: bool = False
    """Whether it is only looked at before it is handed on: then nobody is named in it."""


def key_of(data_dir: Path, platform: str) -> Ed25519Signer:
    """The key that signs lists of leads, made on first use."""
    name = "-".join((platform or "sunbid").split())
    return load_or_make(data_dir / "keys" / "leads.key", f"{name}/leads", ED25519)


def make(session: Session, batch: LeadBatch, data_dir: Path, out: Path, maker: Maker) -> str:
    """Write the package of a batch as one zip; gives its SHA-256. Raises NoFont, OSError."""
    signer = key_of(data_dir, maker.platform)
    with TemporaryDirectory(dir=data_dir) as folder:
        root = Path(folder)
        content = _content(session, batch, maker)
        letter = typeset(TEMPLATE, "letter", _letter(session, content, batch, maker))
        if letter is None:
            raise NoFont(Message("leads.no_font"))
        write_whole(root / "letter.pdf", letter)
        _write(root / "leads.json", content)
        _papers(session, content, root)
        if not maker.trial:
            _score_sheets(session, content, root)
            _likeness(session, content, root)
        write_whole(root / "README.md", _readme(batch.id).encode())
        write_whole(root / "keys" / "desk.vkey", f"{signer.verifier}\n".encode())
        _seal(root, batch.id, signer)
        return zipped(out, root, ())


def _readme(batch: str) -> str:
    return messages.say(
        "leads.readme", LANG, batch=batch, letter="letter.pdf", listed="leads.json", folder=f"{RECORDS}/", scores=f"{SCORES}/",
        likeness=f"{LIKENESS}/",
        manifest="manifest.json", signature="signature",
    )  # fmt: skip


def _seal(root: Path, batch: str, signer: Ed25519Signer) -> None:
    """The list of all files with their hashes, and its signature."""
    files = [listed(root, name) for name in names(root)]
    raw = manifest(batch, files, LEADS_FORMAT)
    write_whole(root / "manifest.json", raw)
    head = Head(signer.name, len(files), hashlib.sha256(raw).digest())
    write_whole(root / "signature", sign(signer, head).encode())


def _write(path: Path, value: Any) -> None:
    """Canonical JSON, so that its lines and its hash are the same wherever it is written."""
    write_whole(path, canonical(json.loads(json.dumps(value, default=_plain))) + b"\n")


def _plain(value: object) -> str | None:
    """A moment as all others of the package, RFC 3339 in Beijing time; anything else as it is written."""
    return rfc3339(value) if isinstance(value, datetime) else str(value)


# ── what is told ─────────────────────────────────────────────────────────────


def _content(session: Session, batch: LeadBatch, maker: Maker) -> dict[str, Any]:
    """leads.json: the batch, its leads, their warnings with evidence and names."""
    return {
        "notice": messages.say("leads.notice", LANG),
        "mark": _mark(batch, maker),
        "batch": batch.id,
        "title": batch.title,
        "target": batch.target,
        "target_name": batch.target_name,
        "secrecy": batch.secrecy,
        "created_by": batch.created_by,
        "reviewed_by": batch.reviewed_by,
        "made_at": rfc3339(local_now()),
        "due_at": rfc3339(batch.due_at),
        "leads": [
            {"id": lead.id, "title": lead.title, "warnings": [_warning(session, _told(session, one, maker)) for one in lead.warnings],
             "papers": _paper_states(checklist.papers(session, lead))}
            for lead in leads_of(session, batch.id)
        ],
    }  # fmt: skip


def _told(session: Session, warning: str, maker: Maker) -> WarningRow:
    """A warning with its names, which nobody sees without a reason before it is handed on: a trial is masked."""
    row = get_warning(session, warning)
    return masked(session, row, LANG) if maker.trial else row


def _paper_states(papers: Mapping[str, Sequence[checklist.Paper]]) -> dict[str, Any]:
    return {
        warning: {one.item: {"standing": one.state, "note": one.note} for one in found}
        for warning, found in papers.items()
    }


def _warning(session: Session, row: WarningRow) -> dict[str, Any]:
    rule, behind = RULES.get(row.rule), lots_named(row.evidence)
    names = lot_names(session, behind)
    return {
        "id": row.id, "rule": row.rule, "rule_version": row.rule_version, "level": row.level, "title": row.title,
        "law": rule.law.text(LANG) if rule else None, "formula": said(row.rule, "formula", row.evidence).text(LANG) if rule else None,
        "cannot_know": said(row.rule, "cannot_know", row.evidence).text(LANG) if rule else None,
        "lot": row.lot_id, "lot_name": row.lot_name, "centre": row.centre_name,
        "lots_behind": [{"lot": lot, "name": names.get(lot)} for lot in dict.fromkeys(behind)], "subjects": list(row.subjects),
        "value": row.value, "unit": said(row.rule, "unit", row.evidence).text(LANG) if rule else None, "baseline": row.baseline, "threshold": row.threshold, "stratum": row.stratum,
        "evidence": row.evidence, "raised_at": rfc3339(row.raised_at),
        "handled": [{"at": rfc3339(c.ts), "state": c.state, "actor": c.actor, "note": c.note} for c in row.history],
    }  # fmt: skip


def _papers(session: Session, content: Mapping[str, Any], root: Path) -> None:
    """The opening record of every lot that a lead is about, or that the evidence of one about parties lists."""
    lots = {lot for lead in content["leads"] for one in lead["warnings"] for lot in checklist.lots_of(one)}
    query = select(Opening).where(Opening.lot_id.in_(lots), Opening.state.in_(("ended", "sealed")))
    for opening in session.scalars(query.order_by(Opening.id)):
        name = hashlib.sha256(opening.id.encode()).hexdigest()[:16]
        record = {
            "opening": opening.id, "lot": opening.lot_id, "started_at": rfc3339(opening.started_at),
            "ended_at": rfc3339(opening.ended_at), "result": opening.result,
            "chain": {"seq": opening.head_seq, "hash": opening.head_hash},
            "rows": opening_record.rows(session, opening.id),
        }  # fmt: skip
        _write(root / RECORDS / f"{name}.json", record)


def _score_sheets(session: Session, content: Mapping[str, Any], root: Path) -> None:
    """Who gave whom how many points, and the record of the draw, of every awarded lot that a warning about experts names."""
    lots = {
        lot for lead in content["leads"] for one in lead["warnings"] for lot in checklist.lots_of_panels(one)
    }
    over = (
        select(Award.lot_id).where(Award.lot_id.in_(lots), Award.status == "awarded", award_come()).distinct()
    )
    for lot in session.scalars(over.order_by(Award.lot_id)).all():
        name = hashlib.sha256(lot.encode()).hexdigest()[:16]
        _write(root / SCORES / f"{name}.json", {"lot": lot, "draws": _draws(session, lot), "rows": _scores(session, lot)})  # fmt: skip


def _draws(session: Session, lot: str) -> list[dict[str, Any]]:
    query = select(ExpertDraw).where(ExpertDraw.lot_id == lot).order_by(ExpertDraw.id)
    return [
        {"draw": one.id, "requested": one.requested, "drawn": one.drawn, "notified": one.notified, "declined": one.declined,
         "sealed_at": rfc3339(one.sealed_at)}
        for one in session.scalars(query)
    ]  # fmt: skip


def _scores(session: Session, lot: str) -> list[dict[str, Any]]:
    columns = (
        Score.evaluation_id,
        Score.expert_id,
        Bid.bidder_id,
        Score.item,
        Score.kind,
        Score.score,
        Score.full_marks,
    )
    query = (
        select(*columns).join(Evaluation, Evaluation.id == Score.evaluation_id).join(Bid, Bid.id == Score.bid_id)
        .where(Evaluation.lot_id == lot).order_by(*columns)
    )  # fmt: skip
    return [dict(row) for row in session.execute(query).mappings()]


def _likeness(session: Session, content: Mapping[str, Any], root: Path) -> None:
    """What the files of the bidders of a warning have in common, with the words, files and pages, for whoever checks it."""
    for one in (warning for lead in content["leads"] for warning in lead["warnings"]):
        check = behind(session, one["lot"], one["subjects"]) if checklist.of_files(one["evidence"]) else None
        if check is None:
            continue
        name = hashlib.sha256(one["id"].encode()).hexdigest()[:16]
        called = {subject["id"]: subject.get("name", subject["id"]) for subject in one["subjects"]}
        told = {
            "warning": one["id"], "lot": one["lot"], "compared_at": rfc3339(check.at), "bidders": check.bidders, "files": check.files,
            "pairs": [_pair(pair, called) for pair in check.pairs],
            "unread": [{"bidder": file.bidder, "path": file.path, "why": file.why.text(LANG)} for file in check.unread],
        }  # fmt: skip
        _write(root / LIKENESS / f"{name}.json", told)


def _pair(pair: Mapping[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    """A pair as the comparison keeps it, with names; a place is a file and its page, 0 where it has no pages."""
    places = [
        {"words": part["words"], **{side: dict(zip(("file", "page"), part[side], strict=True)) for side in ("one", "other")}}
        for part in pair["passages"]
    ]  # fmt: skip
    reasons = [messages.say(f"likeness.reason.{reason}", LANG) for reason in pair["reasons"]]
    names = {side: {"id": pair[side], "name": called[pair[side]]} for side in ("one", "other")}
    return {**pair, **names, "reasons": reasons, "passages": places}


def _mark(batch: LeadBatch, maker: Maker) -> str:
    secrecy = messages.say(f"leads.secrecies.{batch.secrecy}", LANG)
    trial = messages.say("leads.trial_mark", LANG) if maker.trial else ""
    return " ".join(part for part in (trial, maker.name, secrecy, written(local_now())) if part)


def _letter(session: Session, content: Mapping[str, Any], batch: LeadBatch, maker: Maker) -> dict[str, Any]:
    """What stands on the paper, in words."""
    say, people = messages.say, shown_names(session, [batch.created_by, batch.reviewed_by or ""])
    facts = {
        "title": batch.title, "target": f"{say(f'leads.targets.{batch.target}', LANG)} {batch.target_name}".strip(),
        "from": maker.platform, "by": people[batch.created_by], "reviewed": people[batch.reviewed_by or ""], "made": written(local_now()),
        "due": written(batch.due_at, "%Y-%m-%d") if batch.due_at else None,
    }  # fmt: skip
    return {
        "heading": say("leads.letter_heading", LANG), "batch": batch.id, "mark": content["mark"], "notice": content["notice"],
        "secrecy": say(f"leads.secrecies.{batch.secrecy}", LANG),
        "facts": [[say(f"leads.fact.{name}", LANG), str(value)] for name, value in facts.items() if value],
        "opening": say("leads.letter_opening", LANG, n=len(content["leads"])),
        "columns": [say(f"leads.letter_column.{name}", LANG) for name in ("level", "warning", "value", "raised")],
        "leads": [_paragraph(lead) for lead in content["leads"]],
        "closing": say("leads.letter_closing", LANG), "verify": say("leads.letter_verify", LANG),
    }  # fmt: skip


def _paragraph(lead: Mapping[str, Any]) -> dict[str, Any]:
    lacking = sorted({item for papers in lead["papers"].values() for item, one in papers.items() if one["standing"] == "missing"})  # fmt: skip
    what = messages.joined([messages.say(f"leads.papers.{item}", LANG) for item in lacking], LANG)
    return {
        "title": f"{lead['id']} {lead['title']}",
        "rows": [_line(one) for one in lead["warnings"]],
        "papers": messages.say("leads.letter_lacking", LANG, what=what) if lacking else "",
    }


def _lots(one: Mapping[str, Any]) -> str:
    """The lots behind a warning that is about no one lot, in words: the first few, and how many there are."""
    behind = one["lots_behind"]
    if one["lot"] or not behind:
        return ""
    names = told_apart({lot["lot"]: lot["name"] or lot["lot"] for lot in behind}, LANG)
    first = messages.joined([names[lot["lot"]] for lot in behind[:_LOTS_IN_LETTER]], LANG)
    first += " …" if len(behind) > _LOTS_IN_LETTER else ""
    return messages.say("leads.letter_lots", LANG, n=len(behind), first=first, listed="leads.json")


def _line(one: Mapping[str, Any]) -> list[str]:
    what = measured(one["rule"], one["evidence"])
    value = quantity(what, one["value"], LANG)
    beside = "" if one["baseline"] is None else usual(what, one["baseline"], None, LANG)
    named = messages.joined([s["name"] for s in one["subjects"] if s["kind"] not in ("lot", "project")], LANG)
    about = "\n".join(part for part in (one["title"], named, _lots(one), one["law"]) if part)
    return [messages.say(f"level.{one['level']}", LANG), about, f"{value} {beside}".strip(), str(one["raised_at"])[:10]]  # fmt: skip
