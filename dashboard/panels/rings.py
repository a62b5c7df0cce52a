"""S13's study of rings: the gate with its figures, the two lists apart, and one group's history and evidence."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import streamlit as st

import messages
from dashboard import context
from dashboard.charts import meetings
from dashboard.panels import learned, unmask
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held
from dashboard.shell.html import card, draw, esc, icon
from supervision.detection.channels import PRICE_OPENS, RING_OPENS
from supervision.figures import formats as figures
from supervision.studies import rings, store
from supervision.studies.evidence import ties_among, warnings_among

_PRICES = [
    tables.Column("lot_name", width=194), tables.Column("market", width=60), tables.Column("cv", width=84),
    tables.Column("usual_cv", width=76), tables.Column("bids", tables.COUNT, width=96), tables.Column("in_group", width=72),
]  # fmt: skip
_GROUPS = [
    tables.Column("group"), tables.Column("market"), tables.Column("members", tables.COUNT), tables.Column("met", tables.MEASURE),
    tables.Column("expected", tables.MEASURE), tables.Column("joint_lots", tables.COUNT),
]  # fmt: skip

Group = dict[str, Any]
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits of an exponent."""


def show_study(page: shell.Page) -> None:
    """The study as the watch last made it, narrowed to the centre chosen; why there is none where there is none."""
    study = store.held(context.config().data_dir, rings.NAME)
    if study is None:
        draw(card(page.say("rings.study"), f'<p class="muted">{esc(page.say("study.none"))}</p>'))
        return
    groups = list(enumerate(study["groups"]))
    if centre := page.filters.centre:
        groups = [(n, g) for n, g in groups if any(lot["centre"] == centre for lot in g["lots"])]
    _gate(page, study)
    tested = bool(study["markets"])
    learned.show(page, study, centre)
    with layout.row("study", "half"):
        _price_list(page, study, centre)
        _group_list(page, groups, tested)
    choices.check("group", one_held({_key(group) for _, group in groups}.__contains__))
    if groups:
        chosen = st.query_params.get("group", "")
        number, group = next(((n, g) for n, g in groups if _key(g) == chosen), groups[0])
        _group(page, number, group)


def _key(group: Group) -> str:
    """The group's name in addresses and in the audit chain: the same as long as its members are."""
    return sha256("/".join(group["members"]).encode()).hexdigest()[:12]


# ── the gate ─────────────────────────────────────────────────────────────────


def _gate(page: shell.Page, study: dict[str, Any]) -> None:
    say = page.say
    heads = "".join(
        f"<th>{esc(say(f'gate.{name}'))}</th>" for name in ("market", "tenders", "price", "ring", "lists")
    )
    rows = "".join(_gate_row(page, one) for one in study["markets"])
    body = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    note = say(
        "gate.note",
        months=study["months"],
        tenders=figures.number(study["tenders"]),
        price=PRICE_OPENS,
        ring=f"{RING_OPENS:g}",
    )
    if not study["markets"]:
        body = f'<p class="muted">{esc(say("gate.too_small"))}</p>'
    draw(card(say("gate.title"), body, esc(note), "tab gate"))  # fmt: skip


def _gate_row(page: shell.Page, one: dict[str, Any]) -> str:
    price, ring = one["opens"] in ("price", "both"), one["opens"] in ("ring", "both")
    cells = [
        esc(messages.named("term", one["market"], page.lang) or page.say("gate.no_market")), figures.number(one["counted"]),
        _open(page, price, f"ρ = {_short(one['correlation'])}"), _open(page, ring, _short(one["meetings"], 1)),
        esc(page.say(f"collusion.gate.{one['opens']}")),
    ]  # fmt: skip
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _open(page: shell.Page, is_open: bool, figure: str) -> str:
    word = page.say("gate.open" if is_open else "gate.shut")
    return (
        f'<span class="gated">{icon("check" if is_open else "cross")}{esc(word)} <b>{esc(figure)}</b></span>'
    )


def _short(value: float | None, digits: int = 2) -> str:
    return figures.number(value, digits)


# ── the two lists ────────────────────────────────────────────────────────────


def _price_list(page: shell.Page, study: dict[str, Any], centre: str | None) -> None:
    listed = [one for one in study["prices"] if not centre or one["centre"] == centre]
    if not listed:
        draw(card(page.say("rings.prices"), f'<p class="muted">{esc(page.say("rings.no_prices"))}</p>'))
        return

    def rows(shown: tables.Window) -> list[tables.Row]:
        return [_price_row(page, one) for one in listed[shown.offset : shown.offset + shown.size]]

    title, note = page.say("rings.prices"), page.say("rings.prices_note")
    tables.grid("ring-prices", title, note, len(listed), _PRICES, page.lang, rows)


def _price_row(page: shell.Page, one: dict[str, Any]) -> tables.Row:
    group = page.say("rings.number", n=one["group"] + 1) if one["group"] is not None else None
    return tables.Row(
        [
            one["name"],
            messages.named("term", one["market"], page.lang),
            _per_cent(one["cv"]),
            _per_cent(one["usual"]),
            one["bids"],
            group,
        ]
    )


def _per_cent(share: float | None) -> str:
    return figures.DASH if share is None else f"{100 * share:.2f} %"


def _group_list(page: shell.Page, groups: list[tuple[int, Group]], tested: bool) -> None:
    """`tested`: whether there is any market to tell by; where there is none, nothing is said of groups."""
    title = page.say("rings.groups")
    if not groups:
        draw(
            card(
                title,
                f'<p class="muted">{esc(page.say("rings.no_groups" if tested else "rings.not_tested"))}</p>',
            )
        )
        return

    def rows(shown: tables.Window) -> list[tables.Row]:
        return [_group_row(page, n, group) for n, group in groups[shown.offset : shown.offset + shown.size]]

    note = f"{page.say('rings.groups_note', n=len(groups))} · {page.say('table.pick')}"
    tables.grid("ring-groups", title, note, len(groups), _GROUPS, page.lang, rows, _choose)


def _group_row(page: shell.Page, number: int, group: Group) -> tables.Row:
    cells = [
        page.say("rings.number", n=number + 1), messages.named("term", group["market"], page.lang), len(group["members"]), round(group["met"], 1),
        round(group["expected"], 2), len(group["lots"]),
    ]  # fmt: skip
    return tables.Row(cells, _key(group))


def _choose(group: str) -> None:
    st.query_params["group"] = group


# ── one group ────────────────────────────────────────────────────────────────


def _group(page: shell.Page, number: int, group: Group) -> None:
    members = len(group["members"])
    title = page.say(
        "rings.one", n=number + 1, members=members, market=messages.named("term", group["market"], page.lang)
    )
    with layout.panel("ring", title, page.say("rings.caution")):
        shown = unmask.names_shown(page, "ring", _key(group))
        beside = group["around"]["bidders"]
        names = unmask.names(page, [*group["members"], *beside], shown)
        signs = [names[one] for one in (*group["members"], *beside)]
        _ring_figures(page, group)
        with st.container(key="ring-halves"):
            with st.container(key="ring-who"):
                _who(page, group, signs)
            with st.container(key="ring-when"):
                _when(page, group, signs[:members])
        if shown:
            known = [f"{unmask.sign(page, n)} {name}" for n, name in enumerate(signs[:members])]
            draw(f'<p class="muted">{esc(messages.clauses(known, page.lang))}</p>')
        _evidence(page, group, names)


def _ring_figures(page: shell.Page, group: Group) -> None:
    """Five figures with what they mean."""
    facts = [
        ("met", f"{group['met']:.1f}", page.say("rings.against", usual=f"{group['expected']:.2f}", p=f"{group['log10_p']:.0f}".translate(_RAISED))),
        ("cohesion", f"{group['cohesion']:.2f}", page.say("rings.cohesion_note")),
        ("exclusivity", f"{group['exclusivity']:.2f}", page.say("rings.exclusivity_note")),
        ("rotation", _short(group["rotation"]), page.say("rings.repeats", n=group["repeats"], usual=_short(group["repeats_expected"], 1))),
        ("spread", _per_cent(group["cv"]), page.say("rings.spread_note")),
    ]  # fmt: skip
    cells = "".join(
        f"<div><dt>{esc(page.say(f'rings.{name}'))}</dt><dd><b>{esc(value)}</b><small>{esc(note)}</small></dd></div>"
        for name, value, note in facts
    )
    draw(f'<dl class="measures">{cells}</dl>')


def _who(page: shell.Page, group: Group, signs: list[str]) -> None:
    label = page.say("rings.who")
    draw(f"<h3>{esc(label)}</h3>")
    shapes = {name: page.say(f"rings.{name}") for name in ("network", "matrix")}
    shape = choices.segments("shape", page.say("rings.shape"), shapes, default="network")
    drawing = meetings.matrix if shape == "matrix" else meetings.network
    draw(f"{drawing(group['around']['met'], len(group['members']), signs, label)}")
    draw(f'<p class="muted">{esc(page.say(f"rings.{shape}_note"))}</p>')


def _when(page: shell.Page, group: Group, signs: list[str]) -> None:
    lots = group["lots"]
    joint = [
        meetings.Joint(lot["name"], lot["on"], frozenset(map(int, lot["present"])), lot["winner"]) for lot in lots[-40:]
    ]  # fmt: skip
    label = page.say("rings.when", n=len(lots))
    outside = page.say("rings.outside")
    draw(f"<h3>{esc(label)}</h3>{meetings.calendar(joint, signs, outside, label)}")
    draw(f'<p class="muted">{esc(page.say("rings.when_note"))}</p>')
    by_id = {lot["lot"]: lot for lot in reversed(lots)}
    options = {key: f"{lot['on']} {lot['name']}" for key, lot in by_id.items()}
    chosen = choices.select("lot", page.say("rings.lot"), options, default=next(iter(options)), width=460)
    _prices(page, by_id[chosen], signs)


def _prices(page: shell.Page, lot: dict[str, Any], signs: list[str]) -> None:
    members = [
        (signs[int(n)], share, lot["winner"] == int(n)) for n, share in lot["present"].items() if share
    ]
    if not members:
        draw(f'<p class="muted">{esc(page.say("rings.no_control"))}</p>')
        return
    spread = 100 * (max(share for _, share, _ in members) - min(share for _, share, _ in members))
    label = page.say("rings.strip", spread=f"{spread:.2f}", bids=lot["bids"])
    draw(meetings.price_strip(members, lot["others"], page.say("rings.control"), label))
    draw(f'<p class="muted">{esc(label)}</p>')


def _evidence(page: shell.Page, group: Group, names: dict[str, str]) -> None:
    with context.ledger().read() as session:
        ties = ties_among(session, group["members"])
        warned = warnings_among(session, [lot["lot"] for lot in group["lots"]], group["members"])
    lots = {lot["lot"]: lot["name"] for lot in group["lots"]}
    rows = [
        (messages.named("relation", tie.type, page.lang), [tie.one, tie.other], "", tie.source) for tie in ties
    ] + [(messages.called(*one.titles, page.lang), list(one.members), lots[one.lot_id], page.say("rings.evidence_warning", level=page.say(f"level.{one.level}"))) for one in warned]  # fmt: skip
    if not rows:
        draw(f'<p class="muted">{esc(page.say("rings.no_evidence"))}</p>')
        return
    heads = "".join(
        f"<th>{esc(page.say(f'rings.evidence_{name}'))}</th>" for name in ("what", "who", "lot", "source")
    )
    body = "".join(
        f"<tr><td>{esc(what)}</td><td>{esc(messages.joined([names[one] for one in who], page.lang))}</td><td>{esc(lot)}</td><td>{esc(source)}</td></tr>"
        for what, who, lot, source in rows
    )  # fmt: skip
    draw(f'<div class="tab"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>')
