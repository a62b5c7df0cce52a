"""F23: the table of rules as the screen shows it, from the rule registry and what was raised lately."""

from __future__ import annotations

from datetime import timedelta
from html import escape

from sqlalchemy.orm import Session

import messages
from dashboard.shell import html
from records import clock
from supervision.figures import formats as figures
from supervision.rules.registry import RULES
from supervision.rules.rule import Parameter, Rule
from supervision.warnings import tally

DAYS = 30


def rows(session: Session, lang: str) -> list[dict[str, str]]:
    """One row a rule: names, law, formula, parameters with ranges, warnings of 30 days, share confirmed."""
    since = clock.start_of(clock.today() - timedelta(days=DAYS - 1))
    raised, closed = tally.by_rule(session, since)
    return [_row(rule, raised.get(rule.id, 0), closed.get(rule.id, {}), lang) for rule in RULES.values()]


def _row(rule: Rule, raised: int, closed: dict[str | None, int], lang: str) -> dict[str, str]:
    share = figures.ratio(closed.get("confirmed", 0), sum(closed.values()))
    return {
        "id": rule.id,
        "name": rule.says("name").text(lang),
        "level": rule.level,
        "family": messages.say(f"rule.family.{rule.family}", lang),
        "law": rule.says("law").text(lang),
        "formula": rule.says("formula").text(lang),
        "parameters": "；".join(_parameter(rule, p, lang) for p in rule.parameters) or figures.DASH,
        "rate": figures.number(raised),
        "precision": figures.percent(share),
        "version": rule.version,
        "cannot": rule.says("cannot_know").text(lang),
    }


def _parameter(rule: Rule, parameter: Parameter, lang: str) -> str:
    name = rule.parameter_name(parameter).text(lang)
    within = f"{parameter.low:g}–{parameter.high:g}"
    return messages.say("common.in_brackets", lang, what=f"{name} {parameter.default:g}", more=within)


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
    level = messages.say(f"level.{row['level']}", lang)
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
