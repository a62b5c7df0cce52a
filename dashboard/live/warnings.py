"""The shapes in which the warning centre gets its data: stream, tally and detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session

import messages
from dashboard import context
from dashboard.live import file_evidence, warning_evidence
from dashboard.live.rule_evidence import Reader
from dashboard.shell import places
from messages import Invalid, Message
from records import clock
from records.administration import shown_name
from records.clock import rfc3339
from records.currencies import currency
from records.tables.projects import Lot
from supervision.figures import formats as figures
from supervision.leads import desk as leads
from supervision.lists import market, remote
from supervision.quantities import measured, quantity, said, usual
from supervision.rules.finding import LEVELS
from supervision.rules.lots_behind import lots_named
from supervision.rules.registry import RULES
from supervision.rules.rule import FAMILIES
from supervision.studies import experts, store
from supervision.warnings import desk as warnings
from supervision.warnings import history, masks, recording
from supervision.warnings.desk import Change, WarningFilters, WarningRow
from supervision.warnings.handling import STATES
from supervision.warnings.raising import WATCH
from supervision.warnings.verdicts_before import Before, verdicts_before

PAGE = 200
"""Warnings the stream holds; older ones by narrowing the filters."""
MOST_IDS = 100
RELATED = 50
"""Other warnings about the same subjects that are listed."""
PERIODS = {"today": 0, "7d": 6, "30d": 29}
"""Period → days before today at which it begins; anything else: no limit."""
RESPONSE_DAYS = 30


@dataclass(frozen=True)
class Question:
    """What the stream is asked for."""

    filters: WarningFilters
    ids: tuple[str, ...] | None = None


ALL = "all"
MINE = "mine"
"""The state filter "given to me 交给我的": open warnings whose assignee asks."""


def question(asked: Mapping[str, str], user: str = "") -> Question:
    """Read the query of /api/warnings as `user` asks it. Raises Invalid naming what is wrong."""
    for name, known in WORDS.items():
        if asked.get(name) and asked[name] not in known:
            raise Invalid(Message("http.not_one_of", name=name, choices=sorted(known)))
    state, level, family = (asked.get(name, "") for name in ("state", "level", "family"))
    ids = tuple(i for i in asked["ids"].split(",") if i) if "ids" in asked else None
    if ids is not None and len(ids) > MOST_IDS:
        raise Invalid(Message("warning.too_many_ids", most=MOST_IDS))
    filters = WarningFilters(
        levels=(level,) if level else (),
        states=(state,) if state in STATES else (),
        families=(family,) if family not in ("", ALL) else (),
        rules=(asked["rule"],) if asked.get("rule") else (),
        centre=asked.get("centre") or None,
        since=since(asked.get("period", "")),
        lot=asked.get("lot") or None,
        open_only=state in ("", "open", MINE),
        assignee=user if state == MINE else None,
    )
    return Question(filters, ids)


_UNLISTED = ("cardinal",)
"""Families that a warning may have and the screen's own choice leaves out: their rules run in shadow."""
WORDS = {
    "state": (*STATES, "open", ALL, MINE), "level": LEVELS, "family": (*FAMILIES, *_UNLISTED, ALL),
    "period": (*PERIODS, ALL),
}  # fmt: skip
"""What each choice of the stream can be."""


def since(period: str) -> datetime | None:
    """The first moment of a period that ends now; None: no limit."""
    days = PERIODS.get(period)
    return None if days is None else clock.start_of(clock.today() - timedelta(days=days))


def stream(session: Session, asked: Question, lang: str) -> dict[str, Any]:
    """Newest warnings, how many there are, and the number of the feed from which to listen on."""
    seq = warnings.last_seq(session)
    if asked.ids is not None:
        rows = [
            row for i in asked.ids if (row := _held(session, i)) is not None and _fits(row, asked.filters)
        ]
        return {"items": items(session, rows, lang), "seq": seq, "total": len(rows)}
    rows = warnings.list_warnings(session, asked.filters, PAGE)
    return {
        "items": items(session, rows, lang),
        "seq": seq,
        "total": warnings.count_warnings(session, asked.filters),
    }


def _held(session: Session, warning_id: str) -> WarningRow | None:
    try:
        return warnings.get_warning(session, warning_id)
    except LookupError:
        return None


def _fits(row: WarningRow, filters: WarningFilters) -> bool:
    """Whether `list_warnings` would give this row. A row just dealt with stays on the page that shows open ones."""
    return (
        (not filters.levels or row.level in filters.levels)
        and (not filters.states or row.state in filters.states)
        and (not filters.families or row.family in filters.families)
        and (filters.assignee is None or row.assignee == filters.assignee)
        and (filters.centre is None or row.centre_id == filters.centre)
        and (filters.lot is None or row.lot_id == filters.lot)
        and (filters.since is None or row.raised_at >= filters.since)
    )


def items(session: Session, rows: Sequence[WarningRow], lang: str) -> list[dict[str, Any]]:
    """Lines of the stream, each with the verdict that one like it had before."""
    before = verdicts_before(session, rows)
    return [item(row, lang) | {"before": _before(before.get(row.id), lang)} for row in rows]


def _before(before: Before | None, lang: str) -> str | None:
    if before is None:
        return None
    verdict = messages.named("disposition", before.disposition, lang)
    return messages.say("warning.judged_before", lang, verdict=verdict, day=clock.local_day(before.at))


def item(row: WarningRow, lang: str) -> dict[str, Any]:
    """One line of the stream: the feed's message plus the words a person reads. No subject's name."""
    what = measured(row.rule, row.evidence)
    return {
        "id": row.id,
        "rule": row.rule,
        "level": row.level,
        "title": row.titled(lang),
        "lot": row.lot_id,
        "lot_name": row.lot_name,
        "centre_name": (centre := places.centre(row.centre_id, row.centre_name, lang)),
        "centre_short": short(centre),
        "family_name": messages.named("rule.family", row.family, lang),
        "value": row.value,
        "baseline": row.baseline,
        "threshold": row.threshold,
        "value_text": quantity(what, row.value, lang),
        "baseline_text": usual(what, row.baseline, row.threshold, lang),
        "handler": row.handler,
        "assignee": row.assignee_name if row.state == "assigned" else None,
        "raised_at": rfc3339(row.raised_at),
        "state": row.state,
        "state_name": messages.named("state", row.state, lang),
        "disposition": row.disposition and messages.named("disposition", row.disposition, lang),
    }


def detail(session: Session, warning_id: str, lang: str, *, names: bool) -> dict[str, Any]:
    """One warning whole. Subjects are 投标人甲, 乙 … unless `names`. Raises LookupError."""
    row = warnings.get_warning(session, warning_id)
    rule = RULES.get(row.rule)
    lot = session.get(Lot, row.lot_id) if row.lot_id else None
    labels = masks.labels(row, lang, names=names)
    lots = market.told_apart(market.lot_names(session, lots_named(row.evidence)), lang)
    reader = Reader(labels, lots, lang, _currency(lot))
    related = history.related(session, row)
    return {
        **items(session, [row], lang)[0],
        "rule_name": _rule_name(row.rule, lang),
        "rule_version": row.rule_version,
        "law": messages.called(row.evidence.get("law", ""), row.evidence.get("law_en"), lang),
        "formula": said(row.rule, "formula", row.evidence).text(lang) if rule else None,
        "cannot_know": said(row.rule, "cannot_know", row.evidence).text(lang) if rule else _unknown_rule(lang),
        "masked": not names,
        "parties": list(labels.values()),
        "study": _study(row, lang),
        "evidence": warning_evidence.lines(row, reader),
        "alike": file_evidence.alike(session, row, labels, lang),
        "diagram": warning_evidence.diagram(row, reader),
        "history": history.together(session, row),
        "shown": _shown(recording.shown(session, row), lang),
        "batch": leads.batch_with(session, row.id) if row.state == "lead" else None,
        "related": [item(other, lang) for other in related[:RELATED]],
        "related_count": len(related),
        "note": row.note,
        "steps": _steps(session, row, lang),
    }  # fmt: skip


def _steps(session: Session, row: WarningRow, lang: str) -> list[dict[str, Any]]:
    """What was done with it, oldest first; each step with the reason code and the note given with it."""
    return [
        {"ts": rfc3339(c.ts), "state_name": messages.named("state", c.state, lang), "actor": _actor(session, c.actor, lang),
         "reason": c.disposition and messages.named("disposition", c.disposition, lang), "note": _note(c, lang)}
        for c in row.history
    ]  # fmt: skip


def _study(row: WarningRow, lang: str) -> dict[str, str] | None:
    """The way to a pair of an expert and a bidder in S14, where its study lists the pair; the address names nobody."""
    found = store.held(context.config().data_dir, experts.NAME) or {}
    pair = experts.pair_of(row.subjects)
    if pair not in [(one["expert"], one["bidder"]) for one in found.get("listed", ())]:
        return None
    return {"url": f"/experts?warning={quote(row.id, safe='')}", "name": messages.say("warning.study", lang)}


def _shown(place: recording.Shown | None, lang: str) -> dict[str, Any] | None:
    """The address of the very second at which it shows, in the replay or, without pictures, in the opening's own page."""
    if place is None:
        return None
    hub, at = context.config().hub_url.rstrip("/"), rfc3339(place.at)
    return {
        "url": f"{hub}/opening/{quote(place.opening, safe='')}?lang={lang}#ts={quote(at or '')}", "at": at,
        "step": messages.say(f"site.stage.{place.step}", lang), "recorded": place.recorded,
    }  # fmt: skip


def _currency(lot: Lot | None) -> str:
    """What a lot's amounts are in."""
    return figures.CNY if lot is None else currency(lot.currency, lot.vat)


def worst_lots(session: Session) -> list[dict[str, Any]]:
    """TOP10: the lots with the worst and most open warnings, for those who may see which lots they are."""
    return [
        {"lot": one.lot_id, "name": one.lot_name, "red": one.red, "orange": one.orange, "yellow": one.yellow}
        for one in warnings.top_lots(session)
    ]


def tally(session: Session, lang: str) -> dict[str, Any]:
    """Open warnings by level, lamps of the centres and how fast they are dealt with: counts only, no names."""
    done = warnings.response(session, since=clock.start_of(clock.today() - timedelta(days=RESPONSE_DAYS - 1)))
    hours, rate = done.first_response_hours, done.disposition_rate
    return {
        "open": warnings.counts(session),
        "received": market.has_lots(session),
        "lamps": [
            {"id": lamp.centre_id, "name": _lamp_name(lamp, lang), "short": short(_lamp_name(lamp, lang)),
             "level": lamp.level, "open": lamp.open}
            for lamp in warnings.lamps(session)
        ],
        "first_response": None if hours is None else figures.number(hours, 1),
        "disposed": None if rate is None else figures.percent(rate),
        "days": RESPONSE_DAYS,
    }  # fmt: skip


def short(name: str | None) -> str | None:
    """A centre's name without what all of them share."""
    if name is None:
        return None
    return remote.bare(name.replace(context.config().home.name, "")) or "市本级"


def _lamp_name(lamp: warnings.Lamp, lang: str) -> str:
    return messages.called(lamp.centre_name, lamp.centre_name_en, lang)


def _rule_name(rule_id: str, lang: str) -> str:
    rule = RULES.get(rule_id)
    return rule_id if rule is None else rule.says("name").text(lang)


def _unknown_rule(lang: str) -> str:
    return messages.say("warning.unknown_rule", lang)


def _actor(session: Session, actor: str, lang: str) -> str:
    return shown_name(session, actor) if actor != WATCH else messages.say("warning.by_system", lang)


def _note(change: Change, lang: str) -> str | None:
    """The watch's own notes are keys of messages, a person's stand as written."""
    return messages.say(change.note, lang) if change.actor == WATCH and change.note else change.note
