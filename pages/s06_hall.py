"""S06 数字直播大厅: schedule and search (F12), the multi-room wall (F13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from dashboard import components, context
from dashboard.exports import tables as tabledata
from dashboard.panels import room_health
from dashboard.shell import choices, layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.filters import every_centre
from records import clock
from records.states import OPENING_STATES
from records.tables.projects import TRADE_FAMILIES
from supervision.lists import hall

COUNTS = (9, 4, 16)
COLUMNS = [
    tables.Column("scheduled_at"), tables.Column("lot_name", width=360), tables.Column("room"), tables.Column("state"),
    tables.Column("family"), tables.Column("tenderer", width=200), tables.Column("key"),
]  # fmt: skip
SEEN = 18


def body(page: shell.Page) -> None:
    """One row of choices, then the wall, a day's list, the history or the calendar."""
    room_health.banner(page.lang)
    view, count, chosen = _filters(page)
    if view == "wall":
        wanted = {"centre": chosen["centre"], "family": chosen["family"], "key": "1" if chosen["key"] else ""}
        components.wall(count, wanted, page.lang, paused=page.paused)
        return
    if view == "calendar":
        _calendar(page, chosen)
        return
    _list(page, *hall.days(view, clock.today()), chosen, newest_first=view == "history")


def _filters(page: shell.Page) -> tuple[str, int, dict[str, Any]]:
    say = page.say
    with context.ledger().read() as session:
        centres = hall.centres(session, page.lang)
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        view = choices.segments(
            "view", say("hall.view"), {v: say(f"hall.view_{v}") for v in hall.VIEWS}, default="wall"
        )
        places = {
            "all": every_centre(centres, page.lang) if centres else say("hall.no_centres"),
            **centres,
        }
        families = {"all": say("hall.all"), **{code: say(f"site.family.{code}") for code in TRADE_FAMILIES}}
        chosen: dict[str, Any] = {
            "centre": _select("centre", say("hall.centre"), places),
            "family": _select("family", say("hall.family"), families),
        }
        count = COUNTS[0]
        if view == "wall":
            layouts = {str(n): say("hall.tiles", n=n) for n in COUNTS}
            count = int(choices.select("tiles", say("hall.layout"), layouts, default="9", width=140))
        else:
            states = {
                "all": say("hall.all"),
                **{state: say(f"site.opening.{state}") for state in OPENING_STATES},
            }
            chosen["state"] = _select("state", say("hall.state"), states)
            chosen["text"] = choices.text("q", say("hall.search"), width=216)
        chosen["key"] = choices.switch("key", say("hall.key_only"))
    return view, count, chosen


def _select(name: str, label: str, options: Mapping[str, str]) -> str:
    picked = choices.select(name, label, options, default="all", width=168 if name == "centre" else 152)
    return "" if picked == "all" else picked


def _list(page: shell.Page, start: date, end: date, chosen: Mapping[str, Any], *, newest_first: bool) -> None:
    question = hall.Question(
        start, end, chosen["centre"] or None, chosen["family"] or None, chosen.get("state") or None,
        bool(chosen["key"]), chosen.get("text") or "", newest_first,
    )  # fmt: skip
    with context.ledger().read() as session:
        total, rehearsed = hall.count(session, question), hall.rehearsals(session, question)
    if not total:
        shell.empty(page.say("hall.none"), page.say("hall.none_what"))
        return

    def rows(shown: tables.Window) -> list[tables.Row]:
        with context.ledger().read() as session:
            found = hall.schedule(session, question, page.lang, shown.size, shown.offset)
        return [_row(entry, page) for entry in found]

    apart = [page.say("hall.rehearsed", n=rehearsed)] if rehearsed else []
    note = " · ".join([page.say("hall.count", n=total), *apart, page.say("table.pick")])
    tables.grid(
        "schedule",
        page.screen.functions[0].name(page.lang),
        note,
        total,
        COLUMNS,
        page.lang,
        rows,
        layout.open_opening,
        seen=SEEN,
    )


def _row(entry: hall.Entry, page: shell.Page) -> tables.Row:
    running = entry.state == "in_progress"
    state = page.say(f"site.stage.{entry.stage}" if running else f"site.opening.{entry.state}")
    if entry.rehearsal:
        state = f"{page.say('hall.rehearsal')} · {state}"
    return tables.Row([
        tabledata.stamp(entry.scheduled_at), entry.title, f"{entry.centre} {entry.room}".strip() or None,
        f"● {state}" if running else state, entry.family, entry.tenderer, page.say("hall.key_yes") if entry.key_project else None,
    ], entry.id)  # fmt: skip


def _calendar(page: shell.Page, chosen: Mapping[str, Any]) -> None:
    """A month as a grid of days with how many openings each has; a day lists its openings."""
    today = clock.today()
    month = st.date_input(
        page.say("hall.day"),
        value=today,
        key="day",
        bind="query-params",
        format="YYYY-MM-DD",
        label_visibility="collapsed",
        width=180,
    )
    day = month if isinstance(month, date) else today
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    with context.ledger().read() as session:
        busy = hall.busy_days(session, first, last)
    st.html(_grid(page, first, last, busy, day))
    _list(page, day, day, chosen, newest_first=False)


def _grid(page: shell.Page, first: date, last: date, busy: Mapping[date, int], day: date) -> str:
    heads = "".join(f"<th>{page.say(f'hall.weekday_{n}')}</th>" for n in range(7))
    cells = ["<td></td>"] * first.weekday()
    for n in range((last - first).days + 1):
        at = first + timedelta(days=n)
        mark = ' aria-current="date"' if at == clock.today() else ' aria-selected="true"' if at == day else ""
        count = f"<b>{busy[at]}</b><small>{page.say('hall.openings')}</small>" if at in busy else ""
        cells.append(
            f'<td{mark}><a href="{_of_day(at)}" target="_self"><span>{at.day}</span>{count}</a></td>'
        )
    weeks = "".join(f"<tr>{''.join(cells[i : i + 7])}</tr>" for i in range(0, len(cells), 7))
    return f"<style>{CALENDAR}</style><table class='month card'><caption class='vh'>{first:%Y-%m}</caption><thead><tr>{heads}</tr></thead><tbody>{weeks}</tbody></table>"


def _of_day(day: date) -> str:
    """The calendar's address with the list of another day below it, from its beginning."""
    kept = {name: held for name, held in st.query_params.to_dict().items() if name != "schedule-page"}
    return escape("?" + urlencode({**kept, "day": day.isoformat()}))


CALENDAR = """
.month { width:100%; border-collapse:separate; border-spacing:0; table-layout:fixed; overflow:hidden }
.month th { font-weight:400; font-size:12px; color:var(--muted); line-height:28px; border:0 }
.month td { height:44px; padding:0; border:0; border-top:1px solid var(--line); vertical-align:top; color:var(--ink); font-variant-numeric:tabular-nums }
.month td a { display:block; min-height:44px; padding:2px 8px; color:inherit; text-decoration:none } .month td a:hover { background:var(--hover) } .month td a:focus-visible { outline:2px solid var(--link); outline-offset:-2px }
.month td span { color:var(--muted); margin-right:12px } .month td b { font-size:16px } .month td small { font-size:12px; color:var(--muted); margin-left:2px }
.month [aria-current] { box-shadow:inset 0 3px var(--sun) } .month [aria-selected] { background:var(--blue-wash) }
"""

shell.show("S06", body, every=10.0)
