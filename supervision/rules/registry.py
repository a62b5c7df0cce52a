"""The table of rules. The rule screen, docs/rules.md, `sunbid scan` and the tests are made from it."""

from __future__ import annotations

from supervision.rules.deposits import SameAccount
from supervision.rules.files import SameMachine
from supervision.rules.prices import PriceLadder
from supervision.rules.rule import LotRule

LOT_RULES: dict[str, LotRule] = {rule.id: rule for rule in (SameMachine(), SameAccount(), PriceLadder())}
"""Rule id → rule that looks at the facts of one lot."""


def rule_of(rule_id: str) -> LotRule:
    """The rule of that id. Raises KeyError listing the choices."""
    if rule_id not in LOT_RULES:
        raise KeyError(f"没有规则 {rule_id!r}；可用 / no such rule, choose from: {', '.join(LOT_RULES)}")
    return LOT_RULES[rule_id]


def parse_settings(settings: list[str]) -> dict[str, dict[str, float]]:
    """`RULE.PARAM=VALUE` strings as {rule: {parameter: value}}. ValueError names what is wrong with which."""
    chosen: dict[str, dict[str, float]] = {}
    for text in settings:
        path, equals, number = text.partition("=")
        rule_id, dot, name = path.strip().partition(".")
        if not equals or not dot:
            raise ValueError(f"参数应写作 规则.参数=数值 / write RULE.PARAM=VALUE: {text!r}")
        try:
            value = float(number)
            chosen.setdefault(rule_id, {})[name] = value
            rule_of(rule_id).settings({name: value})
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
    return chosen
