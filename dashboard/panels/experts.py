"""S14's study of experts: its reach and power, who marks whom above the panel, and one pair session by session."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import context
from dashboard.charts import marks
from dashboard.panels import unmask
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held
from dashboard.shell.html import card, draw, esc
from dashboard.signs import address_sign
from messages import Unknown
from supervision.figures import formats as figures
from supervision.studies import experts, store
from supervision.warnings.desk import get_warning

_LISTED = [
    tables.Column("expert"), tables.Column("bidder"), tables.Column("effect"), tables.Column("interval"),
    tables.Column("shared_sessions", tables.COUNT), tables.Column("adjusted_p"), tables.Column("award_changes"),
]  # fmt: skip
_UNEQUAL_SHOWN = 10

Pair = dict[str, Any]


def show_study(page: shell.Page) -> None:
    """The study as the watch last made it; why there is none where there is none."""
    study = store.held(context.config().data_dir, experts.NAME)
    if study is None:
        draw(card(page.say("experts.study"), f'<p class="muted">{esc(page.say("study.none"))}</p>'))
        return
    _reach(page, study)
    listed = list(enumerate(study["listed"]))
    if centre := page.filters.centre:
        listed = [(n, p) for n, p in listed if any(one["centre"] == centre for one in p["sessions"])]
    _list(page, study, listed)
    known = {_address(pair): n for n, pair in listed}
    choices.check("pair", one_held(known.__contains__))
    choices.check("warning", one_held(lambda warning: _of_warning(warning) in known))
    if listed:
        asked = st.query_params.get("pair", "")
        chosen = asked if asked in known else _of_warning(st.query_params.get("warning"))
        pair = next((pair for _, pair in listed if _address(pair) == chosen), listed[0][1])
        _pair(page, study, pair)
    _unequal(page, study)


def _key(pair: Pair) -> str:
    """The pair's name in the audit chain; the expert's is a pseudonym."""
    return f"{pair['expert']}.{pair['bidder']}"


def _address(pair: Pair) -> str:
    """The pair's name in addresses: it tells nobody who the bidder is."""
    return address_sign(pair["expert"], pair["bidder"])


def _of_warning(warning: str | None) -> str:
    """The name in addresses of the pair that a warning is about, for who comes from there; "" where there is none."""
    if not warning:
        return ""
    try:
        with context.ledger().read() as session:
            expert, bidder = experts.pair_of(get_warning(session, warning).subjects)
    except Unknown:
        return ""
    return address_sign(expert, bidder) if expert and bidder else ""


def _masked(page: shell.Page, study: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Expert and bidder of the list and of the heat map → the sign each has on this page."""
    order = [
        list(dict.fromkeys([*(pair[side] for pair in study["listed"]), *study["heat"][f"{side}s"]]))
        for side in ("expert", "bidder")
    ]
    experts_ = {one: page.say("experts.number", n=f"{n + 1:02d}") for n, one in enumerate(order[0])}
    bidders = {one: page.say("experts.bidder", sign=unmask.sign(page, n)) for n, one in enumerate(order[1])}
    return experts_, bidders


def _reach(page: shell.Page, study: dict[str, Any]) -> None:
    """What is looked at, what passes, and what share of a bias would be found."""
    say, count = page.say, figures.number
    measured = say(
        "experts.power_drawn" if study.get("drawn") else "experts.power_note", n=count(study.get("tested", 0))
    )
    power = [
        (say("experts.power", bias=f"{one['bias']:g}"), figures.DASH if one["found"] is None else f"{100 * one['found']:.0f} %")
        for one in study["power"]
    ]  # fmt: skip
    facts = [
        (say("experts.only_awarded"), count(study["lots"]), say("experts.waiting", n=count(study["waiting"]))),
        (say("experts.pairs"), count(study["pairs"]), say("experts.past_gate", n=count(study["past_gate"]), least=experts.LEAST_EFFECT)),
        *((words, value, measured) for words, value in power),
    ]  # fmt: skip
    cells = "".join(
        f"<div><dt>{esc(words)}</dt><dd><b>{esc(value)}</b><small>{esc(note)}</small></dd></div>"
        for words, value, note in facts
    )
    months = esc(say("filters.last_months", n=study["months"]))
    draw(card(say("experts.study"), f'<dl class="measures">{cells}</dl>', months))


def _list(page: shell.Page, study: dict[str, Any], listed: list[tuple[int, Pair]]) -> None:
    title = page.say("experts.list")
    if not listed:
        word = "experts.none" if study["pairs"] else "experts.no_pairs"
        draw(card(title, f'<p class="muted">{esc(page.say(word))}</p>'))
        return
    signs = _masked(page, study)

    def rows(shown: tables.Window) -> list[tables.Row]:
        return [_row(page, pair, signs) for _, pair in listed[shown.offset : shown.offset + shown.size]]

    note = f"{page.say('experts.list_note')} · {page.say('table.pick')}"
    tables.grid("expert-pairs", title, note, len(listed), _LISTED, page.lang, rows, _choose)


def _row(page: shell.Page, pair: Pair, signs: tuple[dict[str, str], dict[str, str]]) -> tables.Row:
    held = len(pair["sessions"])
    word = "experts.changes" if pair["changes"] else "experts.changes_not"
    cells = [
        signs[0][pair["expert"]], signs[1][pair["bidder"]], figures.signed(pair["effect"]),
        f"{figures.signed(pair['low'])} … {figures.signed(pair['high'])}", held, _chance(pair["adjusted_p"]),
        page.say(word, n=pair["changes"], of=held),
    ]  # fmt: skip
    return tables.Row(cells, _address(pair))


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _choose(pair: str) -> None:
    st.query_params["pair"] = pair


# ── one pair ─────────────────────────────────────────────────────────────────


def _pair(page: shell.Page, study: dict[str, Any], pair: Pair) -> None:
    signs = _masked(page, study)
    title = page.say("experts.pair", expert=signs[0][pair["expert"]], bidder=signs[1][pair["bidder"]])
    with layout.panel("pair", title, page.say("rings.caution")):
        shown = unmask.names_shown(page, "expert_pair", _key(pair))
        names = unmask.names(page, [pair["bidder"]], True) if shown else {}
        if shown:
            words = page.say("experts.named", expert=pair["expert"], bidder=names[pair["bidder"]])
            draw(f'<p class="named"><b>{esc(words)}</b></p>')
        with st.container(key="expert-halves"):
            with st.container(key="expert-heat"):
                _heat(page, study, signs)
            with st.container(key="expert-session"):
                _session(page, study, pair)


def _heat(page: shell.Page, study: dict[str, Any], signs: tuple[dict[str, str], dict[str, str]]) -> None:
    label, found = page.say("experts.heat"), study["heat"]
    rows = [signs[0][one] for one in found["experts"]]
    columns = [
        signs[1][one].removeprefix(page.say("experts.bidder", sign="")).strip() for one in found["bidders"]
    ]
    draw(f"<h3>{esc(label)}</h3>{marks.heat(rows, columns, found['cells'], label)}")
    draw(f'<p class="muted">{esc(page.say("experts.heat_note"))}</p>')


def _signs_here(page: shell.Page, study: dict[str, Any], pair: Pair, held: dict[str, Any]) -> dict[str, str]:
    """Bidder → its sign in one session: the pair's as in the list, the others numbered by the session's means."""
    others = [one["bidder"] for one in held["bids"] if one["bidder"] != pair["bidder"]]
    numbered = {one: page.say("experts.other", n=n) for n, one in enumerate(others, 1)}
    return numbered | {pair["bidder"]: _masked(page, study)[1][pair["bidder"]]}


def _session(page: shell.Page, study: dict[str, Any], pair: Pair) -> None:
    by_id = {one["session"]: one for one in reversed(pair["sessions"])}
    options = {key: f"{one['on']} {one['name']}" for key, one in by_id.items()}
    chosen = choices.select("session", page.say("rings.lot"), options, default=next(iter(options)), width=460)
    held = by_id[chosen]
    signs = _signs_here(page, study, pair, held)
    bids = [
        marks.BidMarks(
            signs[one["bidder"]], one["points"], one["others"], one["mean"], one["usual"], one["deviation"],
            one["bidder"] == pair["bidder"],
        )
        for one in held["bids"]
    ]  # fmt: skip
    label = page.say("experts.session", name=held["name"])
    heads = page.say("experts.deviation"), page.say("experts.ratio")
    draw(f"<h3>{esc(label)}</h3>{marks.session(bids, heads, label)}")
    draw(f'<p class="muted">{esc(page.say("experts.session_note"))}</p>')
    _outcome(page, held["outcome"], signs)


def _outcome(page: shell.Page, outcome: dict[str, Any], signs: dict[str, str]) -> None:
    """Who is first by the scores held, with and without this expert."""
    changes = page.say("experts.would" if outcome["changes"] else "experts.would_not")
    heads = "".join(f"<th>{esc(page.say(f'experts.{name}'))}</th>" for name in ("first", "with", "without"))
    rows = "".join(
        f"<tr><td>{esc(signs.get(who, figures.DASH))}</td><td>{one:.2f}</td><td>{rest:.2f}</td></tr>"
        for who, (one, rest) in sorted(outcome["scores"].items(), key=lambda item: -item[1][0])
    )
    draw(f"<p><b>{esc(changes)}</b></p>")
    draw(f'<div class="tab"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>')


def _unequal(page: shell.Page, study: dict[str, Any]) -> None:
    """Objective items that experts marked differently."""
    unequal, title = study["unequal"], page.say("experts.objective")
    if not unequal:
        compared = study.get("compared", 0)
        word = "experts.objective_equal" if compared else "experts.objective_none"
        draw(card(title, f'<p class="muted">{esc(page.say(word, n=figures.number(compared)))}</p>'))
        return
    heads = "".join(
        f"<th>{esc(page.say(f'experts.objective_{name}'))}</th>" for name in ("lot", "item", "span")
    )
    rows = "".join(
        f"<tr><td>{esc(one['name'])}</td><td>{esc(one['item'])}</td><td>{one['low']:g} – {one['high']:g}</td></tr>"
        for one in unequal[:_UNEQUAL_SHOWN]
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    draw(card(title, table, esc(page.say("experts.objective_note", n=len(unequal))), "tab"))
