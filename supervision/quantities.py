"""What a rule measured, in its unit: 3 家, 占满分 5.43 %. One home for the screens and for the papers of a lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import messages
from messages import Message
from supervision.figures import formats as figures
from supervision.rules.alike import MEASURE
from supervision.rules.registry import RULES
from supervision.warnings.earlier import BIDDERS

# Chinese words: a unit called so counts things, which every language says after the number
_COUNTERS = frozenset(["分钟", "分钟/份", *"家份次日天项个笔人处件条倍%"])


def measured(rule: str, evidence: Mapping[str, Any]) -> str:
    """What the functions below are asked with: the rule, or what of it a finding measured instead of what it usually does."""
    return f"{rule}.{evidence[MEASURE]}" if MEASURE in evidence else rule


def said(rule: str, key: str, evidence: Mapping[str, Any]) -> Message:
    """A rule's formula, or what it cannot know, about the thing that a finding of it measured."""
    own = f"rule.{measured(rule, evidence)}.{key}"
    return Message(own if messages.known(own) else f"rule.{rule}.{key}")


def amount(rule: str, value: float | None) -> str:
    """A value of a rule as a number alone, a share of something in per cent; None → "—"."""
    if value is None:
        return figures.DASH
    return f"{figures.measure(100 * value)} %" if _is_share(rule) else figures.measure(value)


def quantity(rule: str, value: float | None, lang: str) -> str:
    """A value with its unit: 3 家, 占满分 5.43 %; a long unit may go beside the usual value, see `usual`."""
    unit = _unit(rule, lang)
    if value is None or not unit:
        return amount(rule, value)
    if _counts(rule):
        return f"{amount(rule, value)} {unit}"
    return f"{unit} {amount(rule, value)}" if _beside_value(lang) else amount(rule, value)


def usual(rule: str, baseline: float | None, threshold: float | None, lang: str) -> str:
    """What a value stands beside: the usual value of its market, or the rule's threshold."""
    held, kind = (threshold, "threshold") if baseline is None else (baseline, "usual")
    words = messages.say(f"warning.{kind}", lang, value=amount(rule, held))
    unit = "" if _beside_value(lang) or _counts(rule) else _unit(rule, lang)
    return messages.say("common.in_brackets", lang, what=words, more=unit) if unit else words


def _unit(rule: str, lang: str) -> str:
    key = f"rule.{rule}.unit"
    return messages.say(key, lang) if messages.known(key) else ""


def _counts(rule: str) -> bool:
    return _unit(rule, messages.DEFAULT) in _COUNTERS


def _is_share(rule: str) -> bool:
    """`rule` as `measured` gives it; a rule that is no longer known measures no share."""
    known = RULES.get(rule.partition(".")[0])
    return known is not None and known.share and not rule.endswith(f".{BIDDERS}")


def _beside_value(lang: str) -> bool:
    """Whether a language has short names of units, which stand beside the value; long ones stand beside the usual."""
    return messages.say("warning.unit_stands_beside", lang) == "value"
