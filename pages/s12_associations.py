"""S12 招标人异常关联: links among tenderers, agencies and winners (F24, F25)."""

from __future__ import annotations

import streamlit as st

from dashboard import context
from dashboard.charts.bars import Bar, ranking
from dashboard.charts.flow import Band, flow
from dashboard.exports.association_tables import pair_of
from dashboard.memo import per_lens
from dashboard.panels import agency_credit, paths
from dashboard.panels import warning_list as warninglist
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, live_basis, show
from dashboard.shell.html import draw, esc
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
        chosen = pair_of(found, st.query_params.to_dict())
        if chosen is None:
            layout.nothing(page.say("associations.none"))
        else:
            _pairs(page, which, found, chosen)
            roles = {chosen.buyer: sides[which], chosen.firm: page.say("associations.winner")}
            paths.show(page, roles, (chosen.buyer, chosen.firm))
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


shell.show("S12", body, every=10, filters=("period", "centre"))
