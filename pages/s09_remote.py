"""S09 远程异地评标: remote evaluations (F18) and the experts' fees (F19)."""

from __future__ import annotations

from dashboard import context
from dashboard.charts import svg as charts
from dashboard.charts.scale import scale
from dashboard.charts.svg import Line, Plot
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, show
from dashboard.shell.html import card, draw
from dashboard.shell.memo import per_lens
from supervision.figures import formats as figures
from supervision.figures.filters import Filters
from supervision.figures.narrow import where
from supervision.figures.results import Share

WIDE = Plot(width=1160)


def body(page: shell.Page) -> None:
    """Lots marked for remote evaluation; sessions, seats and fees have no records of their own yet."""
    share = remote_lots(page.filters)
    if share.numerator:
        _remote(page, share)
    else:
        shell.no_records(
            page.screen.functions[0].name(page.lang), page.say("remote.kind"), page.say("remote.shows")
        )
    shell.no_records(
        page.screen.functions[1].name(page.lang), page.say("remote.fee_kind"), page.say("remote.fee_shows")
    )


@per_lens
def remote_lots(filters: Filters) -> Share:
    """M36: opened lots to be evaluated remotely, of all opened lots."""
    clause, params = where(filters, "opened_on", "opened")
    flag = "list_contains(string_split(flags, ','), 'remote')"
    return Share(
        *context.lens().one(f"SELECT count(*) FILTER (WHERE {flag}), count(*) FROM lots {clause}", params)
    )


def _remote(page: shell.Page, share: Share) -> None:
    shared = lens_basis(page.lang)
    definition = page.say("remote.definition")
    show(
        [
            Kpi(page.say("remote.count"), figures.number(share.numerator), page.say("openness.lots_unit"), definition=definition, key=True, basis=shared),
            Kpi(page.say("remote.share"), share.text.rstrip("%"), "%", note=page.say("remote.of", n=figures.number(share.denominator)), definition=definition, basis=shared),
        ],
        page.lang,
    )  # fmt: skip
    points = scale(page.filters)
    title = page.say("remote.months", by=points.kind(page.lang))
    counts = [float(remote_lots(page.filters.over(period)).numerator) for period in points.periods]
    line = Line(figures.number(counts[-1]), counts, mark="var(--sun)", fill=True)
    draw(
        card(
            title,
            charts.lines(points.labels(page.lang), [line], alt=title, floor=0.0, plot=WIDE),
            page.say("remote.months_note", span=points.span(page.lang)),
        )
    )


shell.show(
    "S09",
    body,
    every=30,
    filters=("period", "centre", "family"),
    as_of=lambda: context.lens().as_of(),
    over_lots=True,
)
