"""S12 招标人异常关联: links among tenderers, agencies and winners (F24, F25), and the shortest ways between two parties through
registered ties, people, accounts, machines, awards and bids, each step with its ground, its time and its source."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import context
from dashboard.charts.bars import Bar, ranking
from dashboard.charts.flow import Band, Leg, Stop, flow, ways
from dashboard.exports.association_tables import (
    UNMASKED,
    ends_sign,
    held,
    link_words,
    masked,
    pair_of,
    source,
    ways_of,
)
from dashboard.memo import per_lens
from dashboard.panels import agency_credit, unmask
from dashboard.panels import warning_list as warninglist
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held
from dashboard.shell.cards import Kpi, live_basis, show
from dashboard.shell.html import draw, esc
from records.clock import today
from supervision.figures import formats as figures
from supervision.lists.associations import (
    REST,
    Course,
    NamedPair,
    Side,
    courses,
    lots_of_pair,
    names_of,
    side,
)
from supervision.lists.paths import Link, parties_named, suspects

CHARTED = 12
"""Pairs of the chart."""
_PAIRS = [
    tables.Column("buyer", width=220), tables.Column("firm", width=220), tables.Column("bid_lots", tables.COUNT),
    tables.Column("wins", tables.COUNT), tables.Column("expected", tables.MEASURE), tables.Column("lift", tables.MEASURE),
    tables.Column("adjusted_p"), tables.Column("through"),
]  # fmt: skip
_LOTS = [
    tables.Column("lot_name", width=420), tables.Column("opened_on"), tables.Column("price", tables.MONEY),
    tables.Column("control_price", tables.MONEY), tables.Column("won"),
]  # fmt: skip
ENDS = ("party", "other")
"""Query parameters: what was typed of the two parties, an id or part of a name."""
_LINKS = [
    tables.Column("step", tables.COUNT, width=72), tables.Column("link", width=340), tables.Column("ground", width=260),
    tables.Column("held", width=170), tables.Column("link_strength", width=90), tables.Column("record_source", width=110),
]  # fmt: skip


def body(page: shell.Page) -> None:
    """Pairs that win together beside what is usual, the lots behind one of them, and the warnings about both sides."""
    sides = {which: page.say(f"associations.{which}") for which in ("tenderer", "agency")}
    which = choices.segments("side", page.say("associations.side"), sides, default="tenderer")
    with context.ledger().read() as session:
        found = side(session, context.config().data_dir, which)
    if found is None:
        layout.nothing(page.say("associations.not_yet"))
    else:
        _steps(page, found)
        choices.check("pair", one_held({pair.key for pair in found.pairs}.__contains__))
        chosen = pair_of(found, st.query_params.to_dict())
        if chosen is None:
            layout.nothing(page.say("associations.none"))
        else:
            _pairs(page, which, found, chosen)
            roles = {chosen.buyer: sides[which], chosen.firm: page.say("associations.winner")}
            _paths(page, roles, (chosen.buyer, chosen.firm))
    if which == "agency":
        agency_credit.show(page)
    warninglist.show_families(page)


def _steps(page: shell.Page, found: Side) -> None:
    say, shared = page.say, live_basis(page.lang)
    least = {name: figures.number(value, 2 if value < 1 else 0) for name, value in found.parameters.items()}
    show(
        [
            Kpi(say(f"associations.{step}"), figures.number(count), say("associations.pairs_unit"),
                note=say(f"associations.{step}_means", **least), definition=say("associations.how"), basis=shared,
                key=step == "through")
            for step, count in (("met", found.met), ("often", found.often), ("lifted", found.lifted), ("through", found.through))
        ],
        page.lang,
    )  # fmt: skip


def _pairs(page: shell.Page, which: str, found: Side, chosen: NamedPair) -> None:
    """Which way the lots went beside how the pairs compare, the list, and the lots behind one of them."""
    with layout.row("pairs", "half"):
        _flow(page, which, found, chosen)
        _chart(page, found)
    note = f"{page.say('associations.list_note')} · {page.say('table.pick')}"
    tables.grid(
        "pairs", page.say("associations.list"), note, len(found.pairs), _PAIRS, page.lang,
        lambda shown: [_row(page, pair) for pair in found.pairs[shown.offset : shown.offset + shown.size]], _pick, seen=8,
    )  # fmt: skip
    _behind(page, which, chosen)


def _chart(page: shell.Page, found: Side) -> None:
    note = f"{page.say('associations.chart_note')} · {page.say('rings.caution')}"
    with layout.panel("pairs-chart", page.say("associations.chart"), note):
        bars = [_bar(page, pair) for pair in found.pairs[:CHARTED]]
        drawn = ranking(
            layout.variant(),
            bars,
            title=page.say("associations.chart"),
            name_width=320,
            units=(page.say("openness.lots_unit"), ""),
        )
        layout.plot(drawn, "pairs", _pick)


@per_lens
def _courses(which: str, pairs: tuple[NamedPair, ...]) -> tuple[list[Course], dict[str, str]]:
    found = courses(context.lens(), which, pairs)
    with context.ledger().read() as session:
        return found, names_of(
            session, {end for one in found for end in (one.tenderer, one.agency, one.winner)}
        )


def _flow(page: shell.Page, which: str, found: Side, chosen: NamedPair) -> None:
    """The chosen pair in front, the pairs that pass behind it, everything else pale."""
    first = (
        chosen,
        *(pair for pair in found.pairs if pair != chosen and (pair.through or pair.buyer == chosen.buyer)),
    )
    ways, names = _courses(which, first)
    names = {**names, "": page.say("associations.no_agency"), REST: page.say("associations.rest")}
    passing = {(pair.buyer, pair.firm) for pair in found.pairs if pair.through}

    def kind(one: Course) -> str:
        ends = (one.tenderer if which == "tenderer" else one.agency, one.winner)
        return "now" if ends == (chosen.buyer, chosen.firm) else "over" if ends in passing else "rest"

    bands = [Band((one.tenderer, one.agency, one.winner), one.wins, kind(one)) for one in ways]
    names |= {end: end for band in bands for end in band.ends if end not in names}
    heads = [page.say(f"associations.{column}") for column in ("tenderer", "agency", "winner")]
    note = page.say("associations.flow_note", n=sum(band.wins for band in bands))
    with layout.panel("pairs-flow", page.say("associations.flow"), note):
        draw(flow(bands, names, heads, page.say("associations.flow")))
        keys = "".join(f'<span class="key {one}"><i></i>{esc(page.say(f"associations.flow_{one}"))}</span>' for one in ("now", "over", "rest"))  # fmt: skip
        draw(f'<p class="muted flow-key">{keys}</p>')


def _bar(page: shell.Page, pair: NamedPair) -> Bar:
    note = page.say("associations.beside", expected=figures.number(pair.expected, 2), bid=pair.bid)
    name = f"{pair.buyer_name} → {pair.firm_name}"
    return Bar(name, float(pair.wins), figures.number(pair.wins), note, pair.key)


def _pick(key: str) -> None:
    st.query_params["pair"] = key


def _row(page: shell.Page, pair: NamedPair) -> tables.Row:
    p = f"{pair.adjusted_p:.3f}" if pair.adjusted_p >= 0.001 else "< 0.001"
    through = page.say("associations.yes") if pair.through else page.say("associations.no")
    return tables.Row(
        [pair.buyer_name, pair.firm_name, pair.bid, pair.wins, pair.expected, pair.lift, p, through], pair.key
    )


def _behind(page: shell.Page, which: str, pair: NamedPair) -> None:
    rows = lots_of_pair(context.lens(), which, pair)
    title = page.say("associations.behind", buyer=pair.buyer_name, firm=pair.firm_name)
    said = page.say(
        "associations.sentence", bid=pair.bid, wins=pair.wins, expected=figures.number(pair.expected, 2),
        lift=figures.number(pair.lift, 1),
    )  # fmt: skip
    tables.grid(
        "pair-lots", title, f"{said} · {page.say('associations.cannot_know')}", len(rows), _LOTS, page.lang,
        lambda shown: [_lot(page, row) for row in rows[shown.offset : shown.offset + shown.size]], layout.open_lot, seen=6,
    )  # fmt: skip


def _lot(page: shell.Page, row: dict[str, object]) -> tables.Row:
    won = page.say("associations.won") if row["is_winner"] else page.say("associations.lost")
    money = [(row[name], str(row["currency"])) for name in ("price", "control_price")]
    return tables.Row([row["lot_name"], str(row["opened_on"]), *money, won], str(row["lot_id"]))


# ── the path explorer ────────────────────────────────────────────────────────


def _paths(page: shell.Page, roles: dict[str, str], default: tuple[str, str]) -> None:
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
    if suspects(found) and not unmask.names_shown(page, UNMASKED, ends_sign(one, other)):
        names = masked(found, names, page.lang)
    drawn, rows, number = [], [], 0
    for path in found:
        legs = []
        for place, links in enumerate(path.steps):
            number += 1
            legs.append(Leg(number, link_words(links[0], page.lang), not links[0].ended(today())))
            ends_of_step = [names.get(party, party) for party in path.parties[place : place + 2]]
            rows += [_link(page, (number, n), link, ends_of_step) for n, link in enumerate(links)]
        drawn.append(([_stop(page, party, names, roles, (one, other)) for party in path.parties], legs))
    label = page.say("paths.between", one=names.get(one, one), other=names.get(other, other), n=len(found))
    draw(ways(drawn, label))
    draw(f'<p class="muted">{label} · {page.say("paths.dashed")}</p>')
    tables.grid(
        "path-steps", page.say("paths.steps"), page.say("table.pick"), len(rows), _LINKS, page.lang,
        lambda shown: rows[shown.offset : shown.offset + shown.size], _open_step, seen=8,
    )  # fmt: skip


def _open_step(key: str) -> None:
    """The lot of a step, for a step that shows in one; the number of its row follows in the key."""
    if lot := key.partition("\n")[0]:
        layout.open_lot(lot)


def _stop(
    page: shell.Page, party: str, names: dict[str, str], roles: dict[str, str], ends: tuple[str, str]
) -> Stop:
    role = roles.get(party, page.say("paths.party"))
    return Stop(names.get(party, party), role, party in ends)


def _link(page: shell.Page, place: tuple[int, int], link: Link, ends: list[str]) -> tables.Row:
    """`place`: the number of the step, and of the link in it. A key goes to the browser: it names no party."""
    cells: list[Any] = [
        place[0], f"{ends[0]} — {ends[1]}", link_words(link, page.lang), held(link, page.lang),
        page.say(f"evidence.{link.strength}"), source(link, page.lang),
    ]  # fmt: skip
    return tables.Row(cells, f"{''.join(link.lots[:1])}\n{place[0]}.{place[1]}")


shell.show("S12", body, every=10, filters=("period", "centre"))
