"""docs/rules.md, written from the registry: `python -m supervision.rules.page > docs/rules.md`."""

from __future__ import annotations

import sys

from messages import Message
from supervision.rules.registry import RULES
from supervision.rules.rule import Parameter, Rule

HEAD = """# 预警规则 / Warning rules

本页由规则登记表生成，请勿手工修改。/ Made from the rule registry; do not edit by hand.

预警只说明“值得核查”，仅供监管核查参考，不构成违法违规认定。/ A warning is a reason to look, never an accusation.

- 投标截止之前不产生任何预警；开标尚未公布投标人时等待；报价类规则等全部报价唱完。 / Nothing before the deadline; nothing while an opening has not published its bidders; price rules wait until every price is read.
- 同一规则、同一主体组合90天内只预警一次；主体增加时更新原预警。 / One warning per rule and set of subjects in 90 days; it grows with its subjects.
- 统计规则都有预警率上限（cap）。标段类规则：阈值是同层标段的百分位。主体类规则（招标人、投标人、专家、群组）：发现数不超过上限 × 近一年所开标段（至少容 5 条），取最突出的，阈值随之移到最后一条所在处。参数可在范围内调整。 / Every statistical rule has a highest alert rate (cap). Rules about lots: the threshold is a percentile of the stratum. Rules about parties: at most cap × lots opened in a year are told (five always may be), the most extreme, and the threshold moves to where the last of them lies. Parameters may be set within their ranges.
- 专家类规则（E）只读已定标的标段：评分与评委名单此前保密（招标投标法第三十七、四十四条）；专家一律为代号。 / Rules about experts (E) read awarded lots only: who sat and what they gave is secret before (Tendering Law art. 37, 44); experts are pseudonyms.
- B1、B2、B18 与投标人抱团一屏、E2 与专家评审倾向一屏用同一公式（`supervision/detection/`）。 / B1, B2 and B18 are the formulas of the screen of rings, E2 that of the screen of experts (`supervision/detection/`).
- 基线取同类标段（交易类别、品目、招标方式）实测中位数；同类样本不足时取全市场（层级记为 all）；仍不足则为“未知”。 / The baseline is the median measured in the same stratum, else in the whole market (stratum “all”), else unknown.
"""


TAIL = """## 还没有的规则 / Rules there are none of yet

| 规则 rules | 原因 why |
|---|---|
| B19 | 需要知道谁有资格，账本没有资质 / needs to know who qualifies, which the ledger does not |
| E10 | 是登记，不是推断：迟到、离场、泄密、倾向性言论由来源系统以 `expert` 记录的 `violations`（`type`: late, left, leak, remark；`state`: discovered → informed → recorded → handled → published；`at`）报送，逐步更新即成闭环，S14 列出 / is bookkeeping, no inference: lateness, leaving, leaks and remarks are sent as `violations` of the `expert` record (`type`, `state`, `at`); each later version moves a violation one state on, until it is published; S14 lists them |
| O6 | 即 Cardinal R048 / is Cardinal's R048 |
| O9 | 首位数检验很弱 / tests of first digits are weak |
| R003 R030 | 仅在 `sunbid flags` 中（docs/flags.md）/ in `sunbid flags` alone |

## 在没有标注的真实市场上 / On a real market without labels

土浦市 2007–2015 年 1,561 个有报价的标段，`sunbid scan --json`，每条规则预警的标段数：
Tsuchiura 2007–2015, 1,561 priced lots, `sunbid scan --json`, lots alerted by each rule:

| B11 | B12 | B13 | B13b | O3 | T13 | B14 | T1 T2 T3 T6 T11 T14 T15 B3 O1 O2 O4 | R018 | R024 | R028 | R035 | R036 | R058 |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
| 7 (0.4 %) | 10 (0.6 %) | 12 (0.8 %) | 12 (0.8 %) | 12 (0.8 %) | 28 (1.8 %) | 1 市场 market | 0 | 97 (6.2 %) | 0 | 190 (12.2 %) | 13 (0.8 %) | 73 (4.7 %) | 162 (10.4 %) |

T13 没有上限时为 62（4.0 %）：这个市场的限价本来就紧。Cardinal 的固定界限在此要么从不触发，要么触发过多，故只试运行。
Without its cap T13 would tell of 62 (4.0 %): limits are tight here. Cardinal's fences never fire or fire too often: shadow only.

## 在埋有答案的演示城市上 / On the demonstration city, where the answers are known

`sunbid bench scan` 所建的二十分之一城市（160,166 家次）：T1 找出 2 个被埋设的招标人—企业组合中的 2 个，未报其他（精确率 1.00，召回率 1.00）。
A twentieth of the city (160,166 participations), as `sunbid bench scan` builds it: T1 finds 2 of the 2 planted pairs of tenderer and firm and no other (precision 1.00, recall 1.00).
"""


def _label(name: str) -> str:
    return Message(f"docs.rule.{name}").documented()


def _number(value: float) -> str:
    return f"{value:g}"


def _parameter(rule: Rule, parameter: Parameter) -> str:
    name = f"`{rule.id}.{parameter.name}`"
    span = f"{_number(parameter.low)}–{_number(parameter.high)}"
    return (
        f"| {name} | {rule.parameter_name(parameter).documented()} | {_number(parameter.default)} | {span} |"
    )


def _section(rule: Rule) -> str:
    level, family = Message(f"level.{rule.level}"), Message(f"rule.family.{rule.family}")
    says = rule.says
    lines = [
        f"## {rule.id} {says('name').documented()}",
        "",
        f"- {_label('level')}: {level.documented()}；{_label('family')}: {family.documented()}；{_label('version')}: {rule.version}"
        f"；{_label('mode')}: {Message(f'rule.mode.{rule.mode}').documented()}",
        f"- {_label('law')}: {rule.law.documented()}",
        f"- {_label('formula')}: {says('formula').documented('。/ ')}.",
        f"- {_label('unit')}: {says('unit').documented()}",
        f"- {_label('reads')}: {', '.join(f'`{field}`' for field in rule.reads)}",
        f"- {_label('cannot_know')}: {says('cannot_know').documented()}",
    ]
    if rule.parameters:
        heads = ("| 参数 parameter | 含义 meaning | 默认 default | 范围 range |", "|---|---|---|---|")
        lines += ["", *heads, *(_parameter(rule, parameter) for parameter in rule.parameters)]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    return "\n\n".join([HEAD.strip(), *(_section(rule) for rule in RULES.values()), TAIL.strip()]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
