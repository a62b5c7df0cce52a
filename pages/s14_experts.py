"""S14 专家评审倾向: score deviation and tendency (F28), of awarded lots only; the register of experts' conduct (E10)."""

from __future__ import annotations

import messages
from dashboard import context
from dashboard.panels import experts
from dashboard.panels import warning_list as warninglist
from dashboard.shell import screen as shell
from dashboard.shell import tables
from records.clock import written
from supervision.figures import formats as figures
from supervision.lists.expert_conduct import Conduct, by_state, conduct

_COLUMNS = [
    tables.Column("expert", width=160), tables.Column("conduct", width=240), tables.Column("found_on", width=180),
    tables.Column("loop", width=220), tables.Column("loop_open", width=140),
]  # fmt: skip


def body(page: shell.Page) -> None:
    """The study of awarded lots, the register of experts' conduct, then the warnings about experts; the rules raise them only after the award."""
    experts.show_study(page)
    _conduct(page)
    warninglist.show_families(page)


def _conduct(page: shell.Page) -> None:
    """How many entries stand at each step of the loop, and the entries; one sentence where no source has reported any."""
    with context.ledger().read() as session:
        found = conduct(session)
    title = page.say("conduct.title")
    if not found:
        tables.draw_empty(title, page.say("conduct.none"))
        return
    steps = " → ".join(
        f"{page.say(f'conduct.state.{state}')} {figures.number(n)}" for state, n in by_state(found).items()
    )
    signs = {one: page.say("experts.number", n=f"{n + 1:02d}") for n, one in enumerate(sorted({c.expert for c in found}))}  # fmt: skip
    tables.grid(
        "expert-conduct", title, steps, len(found), _COLUMNS, page.lang,
        lambda shown: [_row(page, one, signs[one.expert]) for one in found[shown.offset : shown.offset + shown.size]], seen=6,
    )  # fmt: skip


def _row(page: shell.Page, one: Conduct, sign: str) -> tables.Row:
    state = page.say("conduct.open" if one.open else "conduct.closed")
    at = written(one.at) if one.at else figures.DASH
    kind = messages.named("conduct.type", one.type, page.lang)
    return tables.Row([sign, kind, at, messages.named("conduct.state", one.state, page.lang), state])


shell.show("S14", body, every=30, filters=("period", "centre"))
