"""S13's likeness of bid files: the lots compared, the pairs whose files are alike with their evidence, and the matching passages."""

from __future__ import annotations

from typing import Any

import streamlit as st

import messages
from dashboard import context
from dashboard.panels import unmask
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.address_checks import one_held
from dashboard.shell.html import draw, esc
from dashboard.signs import address_sign
from records.clock import BEIJING
from supervision.figures import formats as figures
from supervision.likeness.formats import MACHINE
from supervision.lists.file_checks import Check, checks

_LOTS = [
    tables.Column("lot_name", width=320), tables.Column("bidders_compared", tables.COUNT), tables.Column("files", tables.COUNT),
    tables.Column("files_unread", tables.COUNT), tables.Column("pairs_alike", tables.COUNT), tables.Column("compared_at", width=150),
]  # fmt: skip
_PAIRS = [
    tables.Column("one_bidder", width=120), tables.Column("other_bidder", width=120), tables.Column("reasons_alike", width=250),
    tables.Column("own_text_alike", tables.SHARE), tables.Column("same_slips", tables.COUNT), tables.Column("same_machine"),
    tables.Column("same_author"), tables.Column("contacts_alike", tables.COUNT), tables.Column("bill_ratio"),
]  # fmt: skip
_NOT_READ_SHOWN = 30

Pair = dict[str, Any]


def show(page: shell.Page) -> None:
    """The lots compared; of the chosen one what could not be read and who is alike; of the chosen pair the passages."""
    with context.ledger().read() as session:
        found = checks(session, page.filters.centre)
    title = page.say("likeness.title")
    if not found:
        with layout.panel("files", title, esc(page.say("likeness.note"))):
            layout.nothing(page.say("likeness.none"))
        return
    note = f"{page.say('likeness.note')} · {page.say('table.pick')}"
    tables.grid(
        "file-lots", title, note, len(found), _LOTS, page.lang,
        lambda shown: [_lot(page, one) for one in found[shown.offset : shown.offset + shown.size]], _pick_lot, seen=4,
    )  # fmt: skip
    choices.check("files", one_held({one.lot for one in found}.__contains__))
    chosen = next((one for one in found if one.lot == st.query_params.get("files")), found[0])
    _of_lot(page, chosen)


def _lot(page: shell.Page, one: Check) -> tables.Row:
    at = f"{one.at.astimezone(BEIJING):%m-%d %H:%M}"
    if one.reading:
        at = page.say("likeness.reading_so_far", share=_share(one))
    return tables.Row([one.lot_name, one.bidders, one.files, len(one.unread), len(one.pairs), at], one.lot)


def _share(one: Check) -> int:
    return round(100 * one.done / one.size) if one.size else 0


def _pick_lot(lot: str) -> None:
    st.query_params["files"] = lot
    st.query_params.pop("alike", None)


def _of_lot(page: shell.Page, one: Check) -> None:
    with layout.panel("files-lot", one.lot_name, esc(page.say("rings.caution"))):
        if one.reading:
            megabytes = {"done": f"{one.done / 1e6:,.0f}", "size": f"{one.size / 1e6:,.0f}"}
            st.progress(
                min(1.0, one.done / one.size) if one.size else 0.0, page.say("likeness.progress", **megabytes)
            )
            return
        shown = unmask.names_shown(page, "files", one.lot)
        firms = sorted(
            {pair[side] for pair in one.pairs for side in ("one", "other")}
            | {u.bidder for u in one.unread if u.bidder}
        )
        names = unmask.names(page, firms, shown)
        _not_read(page, one, names)
        if not one.pairs:
            layout.nothing(page.say("likeness.nobody", bidders=one.bidders, files=one.files))
            return
        by_key = {_key(pair): pair for pair in one.pairs}
        choices.check("alike", one_held(by_key.__contains__))
        tables.grid(
            "file-pairs", page.say("likeness.pairs"), page.say("table.pick"), len(one.pairs), _PAIRS, page.lang,
            lambda window: [_pair(page, pair, names) for pair in one.pairs[window.offset : window.offset + window.size]], _pick_pair,
        )  # fmt: skip
        _passages(page, by_key.get(st.query_params.get("alike", ""), one.pairs[0]), names)


def _not_read(page: shell.Page, one: Check, names: dict[str, str]) -> None:
    """Files left out, each with its reason: what was not compared is said."""
    if not one.unread:
        return
    lines = "".join(
        f"<tr><td>{esc(names.get(u.bidder, page.say('likeness.tender')))}</td><td>{esc(u.path.rpartition('/')[2])}</td>"
        f"<td>{esc(u.why.text(page.lang))}</td></tr>"
        for u in one.unread[:_NOT_READ_SHOWN]
    )
    with st.expander(page.say("likeness.unread", count=len(one.unread))):
        draw(f'<div class="tab"><table><tbody>{lines}</tbody></table></div>')


def _key(pair: Pair) -> str:
    """The pair's name in addresses."""
    return address_sign(pair["one"], pair["other"])


def _pick_pair(key: str) -> None:
    st.query_params["alike"] = key


def _pair(page: shell.Page, pair: Pair, names: dict[str, str]) -> tables.Row:
    reasons = messages.joined(
        [page.say(f"likeness.reason.{reason}") for reason in pair["reasons"]], page.lang
    )
    machine, author = (_origins(page, pair, machine=which) for which in (True, False))
    ratio = None
    if "ratio" in pair["reasons"]:
        ratio = page.say(
            "likeness.ratio",
            share=f"{100 * pair['at_ratio']:.0f}",
            items=pair["items"],
            ratio=f"{pair['ratio']:.3f}",
        )
    return tables.Row(
        [names[pair["one"]], names[pair["other"]], reasons, pair["text"], len(pair["errors"]), machine, author, pair["contacts"], ratio],
        _key(pair),
    )  # fmt: skip


def _origins(page: shell.Page, pair: Pair, *, machine: bool) -> str | None:
    lines = [
        f"{page.say(f'likeness.origin.{kind}')} {value}"
        for kind, value in pair["origin"]
        if (kind in MACHINE) == machine
    ]
    return messages.clauses(lines, page.lang) or None


def _passages(page: shell.Page, pair: Pair, names: dict[str, str]) -> None:
    """What two bidders' files have alike, word for word, with file and page of each."""
    one, other = names[pair["one"]], names[pair["other"]]
    parts = [f"<h3>{esc(page.say('likeness.passages', one=one, other=other))}</h3>"]
    if pair["mixed"]:
        within = messages.joined([names[name] for name in pair["mixed"]], page.lang)
        parts.append(f"<p>{esc(page.say('likeness.names_inside', names=within))}</p>")
    if pair["errors"]:
        slips = "".join(
            f"<li>…{esc(e[:7])}<mark>{esc(e[7:8])}</mark>{esc(e[8:])}…</li>" for e in pair["errors"]
        )
        parts.append(f"<h3>{esc(page.say('likeness.slips'))}</h3><ul class='slips'>{slips}</ul>")
    heads = f"<th>{esc(page.say('likeness.words'))}</th><th>{esc(one)}</th><th>{esc(other)}</th>"
    rows = "".join(
        f"<tr><td class='quoted'>{esc(p['words'])}</td><td>{esc(_place(page, p['one']))}</td><td>{esc(_place(page, p['other']))}</td></tr>"
        for p in pair["passages"]
    )
    if rows:
        parts.append(
            f'<div class="tab passages"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    if len(parts) == 1:
        parts.append(f'<p class="muted">{esc(page.say("likeness.no_passages"))}</p>')
    draw("".join(parts))


def _place(page: shell.Page, place: list[Any]) -> str:
    file, number = place
    return page.say("likeness.page", file=file, page=number) if number else file or figures.DASH
