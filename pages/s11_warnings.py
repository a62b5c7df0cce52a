"""S11 预警中心: the three-colour stream (F22) and the switchboard of rules and thresholds (F23)."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import streamlit as st
from sqlalchemy.orm import Session

import messages
from dashboard import components, context
from dashboard.live.warnings import MINE, PERIODS
from dashboard.shell import choices
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held, one_of
from dashboard.shell.filters import every_centre
from dashboard.shell.html import draw, esc
from supervision.lists import market
from supervision.rules.finding import LEVELS
from supervision.rules.registry import RULES
from supervision.rules.rule import FAMILIES, Mode
from supervision.warnings.desk import is_warning
from supervision.warnings.handling import STATES

VIEWS = ("stream", "rules")
KNOWN = {
    "level": one_of(LEVELS),
    "rule": one_held(RULES.__contains__),
    "lot": one_held(lambda lot: _asked(lambda session: bool(market.lot_names(session, [lot])))),
    "warning": one_held(lambda warning: _asked(lambda session: is_warning(session, warning))),
    "rule_family": one_of(FAMILIES),
    "rule_mode": one_of(get_args(Mode)),
}
"""What the stream and the switchboard take from the address themselves."""
WIDTH = {"period": 136, "centre": 208, "family": 168, "state": 152}
"""Pixels of each choice, so that the row holds them and the rates beside them."""


def body(page: shell.Page) -> None:
    """Filters, then the stream or the rules. A leader sees counts only, no rows and no rules."""
    if not page.names_visible:
        components.warning_desk(page.lang, {}, counts_only=True)
        st.caption(page.say("warnings.counts_only"))
        return
    view, chosen = _filters(page)
    for name, known in KNOWN.items():
        choices.check(name, known)
    if view == "stream" and (rule := st.query_params.get("rule")) in RULES:
        chosen["rule"] = rule
        _of_rule(page, rule)
    if view == "rules":
        components.rule_board(page.lang, page.user.name)
        return
    components.warning_desk(
        page.lang, chosen, counts_only=False,
        paused=page.paused, opened=st.query_params.get("warning"), user=page.user.name,
    )  # fmt: skip


def _asked(ask: Callable[[Session], bool]) -> bool:
    with context.ledger().read() as session:
        return ask(session)


def _of_rule(page: shell.Page, rule: str) -> None:
    """That the stream is narrowed to one rule, and the way back."""
    words = page.say("warnings.of_rule", rule=rule, name=RULES[rule].says("name").text(page.lang))
    draw(
        f'<p class="reach" role="status">{esc(words)}<a href="/warnings" target="_self">{esc(page.say("warnings.every_rule"))}</a></p>'
    )


def _filters(page: shell.Page) -> tuple[str, dict[str, str]]:
    """The row of choices; each stands in the address, so a link reopens the same view."""
    say = page.say
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        views = {view: say(f"warnings.view_{view}") for view in VIEWS}
        view = choices.segments("view", say("warnings.view"), views, default="stream")
        if view == "rules":
            return "rules", {}
        centres = _centres(page.lang)
        every = every_centre(centres, page.lang) if centres else say("warnings.no_centres")
        options: dict[str, dict[str, str]] = {
            "period": {p: say(f"warnings.period_{p}") for p in ("all", *PERIODS)},
            "centre": {"all": every, **centres},
            "family": {"all": say("warnings.all"), **{key: say(f"rule.family.{key}") for key in FAMILIES}},
            "state": {
                "open": say("warnings.state_open"),
                MINE: say("warnings.state_mine"),
                "all": say("warnings.all"),
                **{state: say(f"state.{state}") for state in STATES},
            },
        }
        chosen = {
            name: choices.select(
                name, say(f"warnings.{name}"), table, default=next(iter(table)), width=WIDTH[name]
            )
            for name, table in options.items()
        }
    return "stream", {
        name: "" if value == "all" and name != "state" else value for name, value in chosen.items()
    }


def _centres(lang: str) -> dict[str, str]:
    with context.ledger().read() as session:
        return {c.id: messages.called(c.name, c.name_en, lang) for c in market.centres(session)}


shell.show("S11", body, every=10.0)
