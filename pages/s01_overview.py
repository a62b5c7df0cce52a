"""S01 阳光交易总览: the totals (F01) and what is happening now (F02)."""

from __future__ import annotations

import messages
from dashboard import context, recordcount
from dashboard.charts import svg as charts
from dashboard.charts.scale import scale
from dashboard.charts.svg import Line, Plot
from dashboard.live import counters as livedata
from dashboard.shell import figure_cards as measures
from dashboard.shell import places
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, live_basis, show
from dashboard.shell.filters import centres
from dashboard.shell.html import card, draw, esc, level, row
from dashboard.shell.memo import per_lens
from records.clock import BEIJING
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.narrow import where
from supervision.warnings import desk as warnings

CENTRES = 14


def body(page: shell.Page) -> None:
    """Six figures; twelve months and the ticker; centres and warnings by level."""
    show(_kpis(page), page.lang)
    draw(row("row2", _months(page), _ticker(page)))
    draw(row("row2", _centres(page), _warnings(page)))


def _kpis(page: shell.Page) -> list[Kpi]:
    say, choice, lang = page.say, page.choice, page.lang
    count = say("openness.participations")
    return [
        _today(page),
        measures.kpi("M03", say("overview.participations"), choice, lang,
            lambda f: measures.split(figures.wan_count(f.participations, count, lang)),
            note=lambda f: say("overview.firms", n=figures.number(f.firms)), href="/competition"),
        measures.kpi("M04", say("openness.share"), choice, lang, measures.as_share, delta=measures.points(lang), note=lambda f: measures.placed(f, count, lang), href="/openness"),
        measures.kpi("M02", say("overview.deals"), choice, lang, measures.amount(lang), note=lambda f: measures.deals(f, lang), href="/savings"),
        measures.kpi("M29", say("overview.saved"), choice, lang, measures.as_share, delta=measures.points(lang), note=lambda f: say("overview.weighted"), href="/savings"),
        Kpi(
            say("overview.records"), *measures.split(figures.wan_count(recordcount.records_held(), say("overview.records_unit"), lang)),
            note=say("overview.records_note"), definition=say("overview.records_definition"),
            basis=live_basis(page.lang),
        ),
    ]  # fmt: skip


def _today(page: shell.Page) -> Kpi:
    by_state = livedata.openings_today(page.filters)
    live = by_state.get("in_progress", 0) + by_state.get("paused", 0)
    done = by_state.get("ended", 0) + by_state.get("sealed", 0)
    note = page.say("overview.done", done=done, waiting=by_state.get("scheduled", 0))
    if rehearsals := sum(livedata.openings_today(page.filters, rehearsals=True).values()):
        note += page.say("overview.rehearsals", n=figures.number(rehearsals))
    return Kpi(
        page.say("overview.today"), figures.number(sum(by_state.values())), page.say("overview.sessions"),
        page.say("overview.live", n=live), note,
        page.say("overview.today_definition"), live_basis(page.lang),
        href="/hall", key=True,
    )  # fmt: skip


def _months(page: shell.Page) -> str:
    points = scale(page.filters)
    title = page.say("overview.months", by=points.kind(page.lang))
    values = [v or 0.0 for v in measures.series("M03", page.filters)]
    if not any(values):
        return card(title, f'<p class="muted">{page.say("overview.no_months")}</p>')
    titles = [f"{name}　{figures.number(v)}" for name, v in zip(points.names, values, strict=True)]
    line = Line(
        figures.wan_count(values[-1], page.say("openness.participations"), page.lang),
        values,
        mark="var(--sun)",
        fill=True,
    )
    plot = charts.lines(
        points.labels(page.lang), [line], alt=title, titles=titles, floor=0.0, plot=Plot(height=290)
    )
    return card(title, plot, page.say("overview.months_note", span=points.span(page.lang)))


def _ticker(page: shell.Page) -> str:
    lines = "".join(
        f'<li><time>{h.at.astimezone(BEIJING):%H:%M}</time><span class="chip">{page.say(f"overview.event_{h.kind}")}</span>'
        f'<span class="cut">{esc(h.lot)}</span></li>'
        for h in livedata.ticker(page.filters)
    )
    inner = (
        f'<ul class="ticker">{lines}</ul>' if lines else f'<p class="muted">{page.say("overview.quiet")}</p>'
    )
    return card(page.say("overview.ticker"), inner, page.say("overview.ticker_note"))


@per_lens
def by_centre(filters: Filters) -> dict[str | None, int]:
    """Participations of the period by centre id; None: lots without a centre."""
    clause, params = where(filters)
    rows = context.lens().rows(f"SELECT centre_id, count(*) FROM bids {clause} GROUP BY 1", params)
    return {centre: int(n) for centre, n in rows}


def centre_columns(filters: Filters, lang: str) -> list[tuple[str, int]]:
    """(centre, participations), most first: every centre there is, those without any too."""
    counted = by_centre(filters)
    found = [
        (places.called(zh, en, lang), counted.get(centre, 0), centre)
        for centre, zh, en in centres()
        if filters.centre in (None, centre)
    ]
    if counted.get(None):
        found.append((messages.say("overview.no_centre", lang), counted[None], ""))
    return [(name, n) for name, n, _ in sorted(found, key=lambda one: (-one[1], one[2]))]


def _centres(page: shell.Page) -> str:
    found = centre_columns(page.filters, page.lang)
    if not any(n for _, n in found):
        return card(page.say("overview.centres"), f'<p class="muted">{page.say("overview.no_centres")}</p>')
    shown, rest = found[:CENTRES], found[CENTRES:]
    plot = charts.columns([name for name, _ in shown], [float(n) for _, n in shown], alt=page.say("overview.centres"),
        unit=page.say("openness.participations"), plot=Plot(height=200, right=12))  # fmt: skip
    note = page.say("overview.centres_note")
    if rest:
        note += page.say("overview.centres_rest", n=len(rest), sum=figures.number(sum(n for _, n in rest)))
    return card(page.say("overview.centres"), plot, note)


def _warnings(page: shell.Page) -> str:
    """Counts by colour only: no lot, no name."""
    with context.ledger().read() as session:
        counts = warnings.counts(session, page.filters.centre)
    rows = "".join(
        f'<li style="grid-template-columns:1fr auto">{level(name, page.say(f"level.{name}"))}'
        f'<span class="num"><b style="font-size:28px;line-height:48px">{figures.number(n)}</b></span></li>'
        for name, n in counts.items()
    )
    calm = "" if sum(counts.values()) else f'<p class="muted">{page.say("overview.calm")}</p>'
    return card(
        page.say("overview.warnings"),
        f'<ol class="bars">{rows}</ol>{calm}',
        page.say("overview.warnings_note"),
    )


shell.show(
    "S01", body, every=10, filters=("period", "compare", "centre", "family", "currency"),
    as_of=lambda: context.lens().as_of(), over_lots=True,
)  # fmt: skip
