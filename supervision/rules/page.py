"""docs/rules.md, written from the registry: `python -m supervision.rules.page > docs/rules.md`."""

from __future__ import annotations

import sys

from messages import Message, languages
from supervision.rules.registry import RULES
from supervision.rules.rule import Parameter, Rule

HEAD = """# 预警规则 / Warning rules

本页由规则登记表生成，请勿手工修改。/ Made from the rule registry; do not edit by hand.

预警只说明“值得核查”，仅供监管核查参考，不构成违法违规认定。/ A warning is a reason to look, never an accusation.

- 投标截止之前不产生任何预警；开标尚未公布投标人时等待；报价类规则等全部报价唱完。 / Nothing before the deadline; nothing while an opening has not published its bidders; price rules wait until every price is read.
- 同一规则、同一主体组合90天内只预警一次；主体增加时更新原预警。 / One warning per rule and set of subjects in 90 days; it grows with its subjects.
- 统计规则的阈值是同层标段的百分位，预警率因此有上限；参数可在范围内调整。 / Thresholds of statistical rules are percentiles of the stratum, so that the alert rate is capped; parameters may be set within their ranges.
- 基线取同类标段（交易类别、品目、招标方式）实测中位数；同类样本不足时取全市场（层级记为 all）；仍不足则为“未知”。 / The baseline is the median measured in the same stratum, else in the whole market (stratum “all”), else unknown.
"""


def _both(message: Message, between: str = " / ") -> str:
    """A message in all languages, the default first."""
    return between.join(message.text(lang) for lang in languages())


def _label(name: str) -> str:
    return Message(f"docs.rule.{name}").in_every_language()


def _number(value: float) -> str:
    return f"{value:g}"


def _parameter(rule: Rule, parameter: Parameter) -> str:
    name = f"`{rule.id}.{parameter.name}`"
    span = f"{_number(parameter.low)}–{_number(parameter.high)}"
    return f"| {name} | {_both(rule.parameter_name(parameter))} | {_number(parameter.default)} | {span} |"


def _section(rule: Rule) -> str:
    level, family = Message(f"level.{rule.level}"), Message(f"rule.family.{rule.family}")
    says = rule.says
    lines = [
        f"## {rule.id} {_both(says('name'))}",
        "",
        f"- {_label('level')}: {_both(level)}；{_label('family')}: {_both(family)}；{_label('version')}: {rule.version}"
        f"；{_label('mode')}: {_both(Message(f'rule.mode.{rule.mode}'))}",
        f"- {_label('law')}: {_both(says('law'))}",
        f"- {_label('formula')}: {_both(says('formula'), '。/ ')}.",
        f"- {_label('unit')}: {_both(says('unit'))}",
        f"- {_label('reads')}: {', '.join(f'`{field}`' for field in rule.reads)}",
        f"- {_label('cannot_know')}: {_both(says('cannot_know'))}",
    ]
    if rule.parameters:
        heads = ("| 参数 parameter | 含义 meaning | 默认 default | 范围 range |", "|---|---|---|---|")
        lines += ["", *heads, *(_parameter(rule, parameter) for parameter in rule.parameters)]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    return "\n\n".join([HEAD.strip(), *(_section(rule) for rule in RULES.values())]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
