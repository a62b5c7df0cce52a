"""F23: the table of rules as the screen shows it, from the rule registry and what was raised lately."""

from __future__ import annotations

from datetime import timedelta
from html import escape

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import messages
from dashboard.shell import html
from records import clock
from records.tables.supervision import Warning
from supervision.figures import formats as figures
from supervision.rules.finding import LEVELS
from supervision.rules.registry import LOT_RULES
from supervision.rules.rule import FAMILIES, LotRule, Parameter, Words
from supervision.warnings.handling import CLOSED_STATES
from supervision.warnings.tally import in_statistics

DAYS = 30


def rows(session: Session, lang: str) -> list[dict[str, str]]:
    """One row a rule: names, law, formula, parameters with ranges, warnings of 30 days, share confirmed."""
    since = clock.start_of(clock.today() - timedelta(days=DAYS - 1))
    raised = dict(
        session.execute(
            select(Warning.rule, func.count())
            .where(Warning.raised_at >= since, in_statistics())
            .group_by(Warning.rule)
        ).all()
    )
    closed: dict[str, dict[str | None, int]] = {}
    query = select(Warning.rule, Warning.disposition, func.count())
    query = query.where(Warning.state.in_(CLOSED_STATES), in_statistics())
    for rule, disposition, count in session.execute(query.group_by(Warning.rule, Warning.disposition)):
        closed.setdefault(rule, {})[disposition] = count
    return [_row(rule, raised.get(rule.id, 0), closed.get(rule.id, {}), lang) for rule in LOT_RULES.values()]


def _row(rule: LotRule, raised: int, closed: dict[str | None, int], lang: str) -> dict[str, str]:
    share = figures.ratio(closed.get("confirmed", 0), sum(closed.values()))
    return {
        "id": rule.id,
        "name": _say(rule.name, lang),
        "level": rule.level,
        "family": FAMILIES[rule.family][0 if lang == "zh" else 1],
        "law": _say(rule.law, lang),
        "formula": _say(rule.formula, lang),
        "parameters": "；".join(_parameter(p, lang) for p in rule.parameters) or figures.DASH,
        "rate": figures.number(raised),
        "precision": figures.percent(share),
        "version": rule.version,
        "cannot": _say(rule.cannot_know, lang),
    }


def _parameter(parameter: Parameter, lang: str) -> str:
    name = parameter.zh if lang == "zh" else parameter.en
    within = f"{parameter.low:g}–{parameter.high:g}"
    return f"{name} {parameter.default:g}" + (f"（{within}）" if lang == "zh" else f" ({within})")


def _say(words: Words, lang: str) -> str:
    return words.zh if lang == "zh" else words.en


_HEADS = ("id", "name", "level", "law", "parameters", "rate", "precision", "cannot")


def table(rows: list[dict[str, str]], lang: str) -> str:
    """The rules as one HTML table with wrapped texts; says plainly that nothing can be changed here."""
    heads = "".join(f'<th scope="col">{messages.say(f"warnings.rules_{head}", lang)}</th>' for head in _HEADS)
    body = "".join(_html_row(row, lang) for row in rows)
    title = messages.say("warnings.rules_title", lang, n=len(rows))
    return (
        f"<style>.rules td {{ vertical-align:top !important; padding:8px !important }} .rules small {{ display:block; "
        f'font-size:12px; line-height:20px; color:var(--muted) }}</style><section class="card tab rules"><div class="hd">'
        f'<h2>{title}</h2><span class="muted">{escape(messages.say("warnings.rules_note", lang))}</span></div>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _html_row(row: dict[str, str], lang: str) -> str:
    level = LEVELS[row["level"]][0 if lang == "zh" else 1]  # type: ignore[index]
    version = f"{messages.say('warnings.rules_version', lang)} {escape(row['version'])}"
    mark = html.level(row["level"], level)
    cells = (
        f"<b>{escape(row['id'])}</b>",
        f"<b>{escape(row['name'])}</b><small>{escape(row['family'])} · {version}</small><small>{escape(row['formula'])}</small>",
        mark,
        f"<small>{escape(row['law'])}</small>",
        f"<small>{escape(row['parameters']).replace('；', '<br>')}</small>",
        escape(row["rate"]),
        escape(row["precision"]),
        f"<small>{escape(row['cannot'])}</small>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
