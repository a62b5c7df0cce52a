"""Data of the rule switchboard: every rule with its rate and precision, one rule whole, and a dry run beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

import messages
from dashboard.live.rule_evidence import stratum_name
from dashboard.live.warnings import short
from dashboard.shell import places
from messages import Message
from records.administration import shown_name, shown_names
from records.clock import rfc3339
from records.tables.projects import Lot
from records.tables.supervision import RuleSetting, Silence
from supervision.figures import formats as figures
from supervision.lists import market
from supervision.quantities import amount, quantity
from supervision.rules import switchboard
from supervision.rules.grounds import weightiest
from supervision.rules.registry import RULES
from supervision.rules.rule import Parameter, Rule
from supervision.rules.switchboard import MODES, Setting, Switchboard
from supervision.warnings import dry_run, silences, tally

GROUPS = ("tenderers", "agencies", "rings", "bidders", "files", "experts", "process", "cardinal")
"""Families of rules in the order of the list."""
VERSIONS = 8
"""Changes of a rule that are shown."""


@dataclass(frozen=True)
class Counted:
    """What was found of every rule since a moment, how it was judged, and out of how many lots."""

    raised: Mapping[str, int]
    shadow: Mapping[str, int]
    judged: Mapping[str, tally.Judged]
    lots: int


def counted(session: Session, since: datetime, lots: int) -> Counted:
    """The counts of every rule since a moment."""
    raised, judged = tally.by_rule(session, since)
    return Counted(raised, tally.in_shadow(session, since), judged, lots)


def overview(session: Session, counts: Counted, lang: str, *, two: bool) -> dict[str, Any]:
    """All rules in their families."""
    board, asked = switchboard.in_force(session), switchboard.waiting(session)
    quiet = {row.rule for row in silences.running(session)}
    every = sorted(RULES.values(), key=_in_order)
    lines = [_line(rule, board, counts, lang) | {"waiting": rule.id in asked, "silenced": rule.id in quiet} for rule in every]  # fmt: skip
    return {
        "lots": counts.lots,
        "months": dry_run.MONTHS,
        "two": two,
        "counts": {mode: sum(one["mode"] == mode for one in lines) for mode in MODES},
        "over": sum(one["over"] for one in lines),
        "families": [
            {"id": family, "name": messages.say(f"rule.family.{family}", lang), "rules": found}
            for family in GROUPS
            if (found := [one for one in lines if one["family"] == family])
        ],
        "centres": [
            {"id": one.id, "name": short(messages.called(one.name, one.name_en, lang))}
            for one in market.centres(session)
        ],
    }


def _in_order(rule: Rule) -> tuple[str, int, str]:
    """T2 before T10, B13 before B13b."""
    letters = rule.id.rstrip("abcdefghijklmnopqrstuvwxyz0123456789")
    number = "".join(one for one in rule.id if one.isdigit())
    return letters, int(number or 0), rule.id


def _line(rule: Rule, board: Switchboard, counts: Counted, lang: str) -> dict[str, Any]:
    setting = board.of(rule.id)
    found = (counts.shadow if setting.mode == "shadow" else counts.raised).get(rule.id, 0)
    judged = counts.judged.get(rule.id, tally.judged(()))
    rate = found / counts.lots if counts.lots else None
    cap = setting.parameters.get("cap")
    return {
        "id": rule.id,
        "name": rule.says("name").text(lang),
        "family": rule.family,
        "law": rule.law.text(lang),
        "law_short": weightiest(rule.id).text(lang),
        "level": rule.level,
        "mode": setting.mode,
        "version": setting.version,
        "threshold": _threshold(rule, setting, lang),
        "threshold_told": _threshold_told(rule, setting, lang),
        "found": found,
        "rate": rate,
        "rate_text": figures.DASH if rate is None else f"{100 * rate:.2f}",
        "cap": cap,
        "over": bool(cap is not None and rate is not None and rate > cap),
        "confirmed": judged.confirmed,
        "judged": judged.judged,
    }


def _threshold(rule: Rule, setting: Setting, lang: str) -> str:
    """Its first parameter, which is what decides, in a few letters; a rule without any decides by the fact alone."""
    if not rule.parameters:
        return messages.say("rules.by_fact", lang)
    first = rule.parameters[0].name
    value = setting.parameters[first]
    return messages.say(f"rule.limit.{first}", lang, n=f"{value:g}", percent=f"{100 * value:g}")


def _threshold_told(rule: Rule, setting: Setting, lang: str) -> str:
    """All its parameters in words, for who points at the threshold."""
    said = [
        f"{rule.parameter_name(one).text(lang)} {setting.parameters[one.name]:g}" for one in rule.parameters
    ]
    return "\n".join(said) or messages.say("rules.by_fact", lang)


def whole(session: Session, rule: Rule, counts: Counted, lang: str) -> dict[str, Any]:
    """One rule: what it says of itself, its parameters, its changes and its silences."""
    board, asked = switchboard.in_force(session), switchboard.waiting(session).get(rule.id)
    setting = board.of(rule.id)
    changes = switchboard.history(session, rule.id)
    people = shown_names(session, {who for row in changes for who in (row.asked_by, row.decided_by) if who})
    return {
        **_line(rule, board, counts, lang),
        "revision": setting.revision,
        "family_name": messages.say(f"rule.family.{rule.family}", lang),
        "formula": rule.says("formula").text(lang),
        "unit": rule.says("unit").text(lang),
        "cannot_know": rule.says("cannot_know").text(lang),
        "reads": list(rule.reads),
        "parameters": [_parameter(rule, one, setting, lang) for one in rule.parameters],
        "usual": [_usual(rule, one, lang) for one in tally.usual(session, rule.id)],
        "centres": sorted(setting.centres),
        "second_look": setting.second_look,
        "asked": _change(asked, rule, setting, people, lang) if asked else None,
        "changes": [
            _change(row, rule, _before(row, changes, rule), people, lang)
            for row in changes[:VERSIONS]
            if row is not asked
        ],
        "silences": [_silence(session, row, lang) for row in silences.running(session, rule.id)],
    }


def _parameter(rule: Rule, one: Parameter, setting: Setting, lang: str) -> dict[str, Any]:
    return {
        "name": one.name, "label": rule.parameter_name(one).text(lang), "value": setting.parameters[one.name],
        "default": one.default, "low": one.low, "high": one.high, "whole": one.whole,
    }  # fmt: skip


def _usual(rule: Rule, one: tally.Usual, lang: str) -> dict[str, Any]:
    """What is usual in one market, with the threshold there, as the newest warning tells both."""
    return {
        "market": stratum_name(one.stratum or "all", lang), "usual": quantity(rule.id, one.baseline, lang),
        "threshold": amount(rule.id, one.threshold),
        "warned": one.warnings, "at": rfc3339(one.raised_at),
    }  # fmt: skip


def _before(row: RuleSetting, changes: Sequence[RuleSetting], rule: Rule) -> Setting:
    """How the rule ran before a change: by the newest that was in force when this one was asked for."""
    earlier = [one for one in changes if one.state == "in_force" and one.id < row.id]
    return switchboard.setting_of(earlier[0]) if earlier else switchboard.as_written(rule)


def _change(
    row: RuleSetting, rule: Rule, before: Setting, people: Mapping[str, str], lang: str
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": row.id,
        "state": row.state,
        "state_name": messages.say(f"rules.state.{row.state}", lang),
        "version": switchboard.setting_of(row).version if row.revision else None,
        "at": rfc3339(row.decided_at or row.asked_at),
        "asked_by": row.asked_by,
        "asked_name": people[row.asked_by],
        "decided_name": people.get(row.decided_by or ""),
        "reason": row.reason,
        "what": messages.joined([one.text(lang) for one in _differences(row, rule, before)], lang),
    }


def _differences(row: RuleSetting, rule: Rule, before: Setting) -> list[Message]:
    """What a change changes, old → new."""
    after = switchboard.setting_of(row)
    found = [
        Message("rules.moved", what=rule.parameter_name(one), old=f"{before.parameters[one.name]:g}",
                new=f"{after.parameters[one.name]:g}")
        for one in rule.parameters if before.parameters[one.name] != after.parameters[one.name]
    ]  # fmt: skip
    if before.mode != after.mode:
        modes = {key: Message(f"rules.mode.{one.mode}") for key, one in (("old", before), ("new", after))}
        found.append(Message("rules.moved", what=Message("rules.mode_word"), **modes))
    if before.centres != after.centres:
        found.append(Message("rules.scope_moved", n=len(after.centres)))
    if before.second_look != after.second_look:
        found.append(Message("rules.second_on" if after.second_look else "rules.second_off"))
    return found


def _silence(session: Session, row: Silence, lang: str) -> dict[str, Any]:
    lot = session.get(Lot, row.lot_id) if row.lot_id else None
    centre = row.centre_id or (lot.centre_id if lot else None)
    place = short(places.centre(centre, centre, lang))
    where = " · ".join(part for part in (lot.name if lot else None, place) if part)
    return {
        "id": row.id, "where": where or messages.say("rules.everywhere", lang), "reason": row.reason,
        "by": shown_name(session, row.created_by), "until": rfc3339(row.until),
    }  # fmt: skip


# ── the dry run ──────────────────────────────────────────────────────────────


def tried(run: dry_run.DryRun, rule: Rule, lang: str) -> dict[str, Any]:
    """A dry run as the switchboard shows it."""
    return {
        "months": list(run.months),
        "now": _tally(run.now, run.months),
        "tried": _tally(run.tried, run.months),
        "gone": [_moved(rule, one, lang) for one in run.gone],
        "gone_count": run.gone_count,
        "come": [_moved(rule, one, lang) for one in run.come],
        "come_count": run.come_count,
        "unit": rule.says("unit").text(lang),
        "strata": [
            {
                "name": stratum_name(one.name, lang), "lots": one.lots, "bars": list(one.bars), "first": one.first,
                "last": one.last, "threshold": one.threshold, "usual": one.usual,
                "share": f"{100 * one.warned / one.lots:.2f}" if one.lots else figures.DASH,
            }
            for one in run.strata
        ],
    }  # fmt: skip


def _tally(one: dry_run.Tally, months: Sequence[str]) -> dict[str, Any]:
    return {
        "findings": one.findings, "lots": one.lots, "of": one.of, "bars": [one.months.get(month, 0) for month in months],
        "a_month": f"{one.findings / dry_run.MONTHS:.2f}", "rate": one.rate,
        "rate_text": figures.DASH if one.rate is None else f"{100 * one.rate:.2f}",
        "confirmed": one.judged.confirmed, "judged": one.judged.judged,
    }  # fmt: skip


def _moved(rule: Rule, one: dry_run.Moved, lang: str) -> dict[str, Any]:
    return {
        "lot": one.lot, "name": one.name, "value": amount(rule.id, one.value), "threshold": amount(rule.id, one.threshold),
        "verdict": messages.named("disposition", one.verdict, lang) if one.verdict else None,
    }  # fmt: skip
