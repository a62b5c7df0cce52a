"""S12's path explorer: the shortest ways from one party to another through registered ties, people, accounts, machines, awards
and bids, each step with its ground, its time and its source."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import context
from dashboard.charts.flow import Leg, Stop, ways
from dashboard.exports.association_tables import held, link_words, source, ways_of
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.html import draw
from records.clock import today
from supervision.lists.paths import Link, parties_named

ENDS = ("party", "other")
"""Query parameters: what was typed of the two parties, an id or part of a name."""
_STEPS = [
    tables.Column("step", tables.COUNT, width=72), tables.Column("link", width=340), tables.Column("ground", width=260),
    tables.Column("held", width=170), tables.Column("link_strength", width=90), tables.Column("record_source", width=110),
]  # fmt: skip


def show(page: shell.Page, roles: dict[str, str], default: tuple[str, str]) -> None:
    """The explorer: two parties, of the pair that is looked at unless others are named; `roles` says what some of them are."""
    with layout.panel("paths", page.say("paths.title"), page.say("paths.note")):
        with st.container(horizontal=True, vertical_alignment="center", key="path-ends"):
            typed = [choices.text(name, page.say(f"paths.ask_{name}"), width=300) for name in ENDS]
        ends = [_party(page, words, usual) for words, usual in zip(typed, default, strict=True)]
        if None not in ends:
            _between(page, str(ends[0]), str(ends[1]), roles)


def _party(page: shell.Page, words: str, usual: str) -> str | None:
    """Who is meant by what was typed; says so where nobody is, or others are too."""
    if not words:
        return usual
    with context.ledger().read() as session:
        found = parties_named(session, words)
    if not found:
        layout.nothing(page.say("paths.nobody", words=words))
        return None
    if len(found) > 1 and words not in found:
        layout.nothing(page.say("paths.several", n=len(found), name=next(iter(found.values()))))
    return words if words in found else next(iter(found))


def _between(page: shell.Page, one: str, other: str, roles: dict[str, str]) -> None:
    found, names = ways_of(one, other)
    if not found:
        ends = {"one": names.get(one, one), "other": names.get(other, other)}
        layout.nothing(page.say("paths.same" if one == other else "paths.none", **ends))
        return
    drawn, rows, number = [], [], 0
    for path in found:
        legs = []
        for place, links in enumerate(path.steps):
            number += 1
            legs.append(Leg(number, link_words(links[0], page.lang), not links[0].ended(today())))
            ends_of_step = [names.get(party, party) for party in path.parties[place : place + 2]]
            rows += [_row(page, number, link, ends_of_step) for link in links]
        drawn.append(([_stop(page, party, names, roles, (one, other)) for party in path.parties], legs))
    label = page.say("paths.between", one=names.get(one, one), other=names.get(other, other), n=len(found))
    draw(ways(drawn, label))
    draw(f'<p class="muted">{label} · {page.say("paths.dashed")}</p>')
    tables.grid(
        "path-steps", page.say("paths.steps"), page.say("table.pick"), len(rows), _STEPS, page.lang,
        lambda shown: rows[shown.offset : shown.offset + shown.size], _open, seen=8,
    )  # fmt: skip


def _open(key: str) -> None:
    """The lot of a step, for a step that shows in one; the number of its row follows in the key."""
    if lot := key.partition("\n")[0]:
        layout.open_lot(lot)


def _stop(
    page: shell.Page, party: str, names: dict[str, str], roles: dict[str, str], ends: tuple[str, str]
) -> Stop:
    role = roles.get(party, page.say("paths.party"))
    return Stop(names.get(party, party), role, party in ends)


def _row(page: shell.Page, number: int, link: Link, ends: list[str]) -> tables.Row:
    cells: list[Any] = [
        number, f"{ends[0]} — {ends[1]}", link_words(link, page.lang), held(link, page.lang),
        page.say(f"evidence.{link.strength}"), source(link, page.lang),
    ]  # fmt: skip
    return tables.Row(cells, f"{link.lot or ''}\n{number}{link.kind}{link.other}")
