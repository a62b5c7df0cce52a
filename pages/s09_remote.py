"""S09 远程异地评标: remote evaluations (F18) and the experts' fees (F19)."""

from __future__ import annotations

from dashboard import context
from dashboard.charts import svg as charts
from dashboard.charts.scale import scale
from dashboard.charts.svg import Line, Plot
from dashboard.shell import figure_cards as measures
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, show
from dashboard.shell.html import card, draw
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.figures.results import Share

WIDE = Plot(width=1160)


def body(page: shell.Page) -> None:
    """Lots marked for remote evaluation; sessions, seats and fees have no records of their own yet."""
    share = measures.values(("M36",), page.filters)["M36"]
    if share.numerator:
        _remote(page, share)
    else:
        shell.no_records(
            page.screen.functions[0].name(page.lang), page.say("remote.kind"), page.say("remote.shows")
        )
    shell.no_records(
        page.screen.functions[1].name(page.lang), page.say("remote.fee_kind"), page.say("remote.fee_shows")
    )


def _remote(page: shell.Page, share: Share) -> None:
    shared = lens_basis(page.lang)
    definition = FIGURES["M36"].definition.text(page.lang)
    show(
        [
            Kpi(page.say("remote.count"), figures.number(share.numerator), page.say("openness.lots_unit"), definition=definition, key=True, basis=shared),
            Kpi(FIGURES["M36"].name.text(page.lang), share.text.rstrip("%"), "%", note=page.say("remote.of", n=figures.number(share.denominator)), definition=definition, basis=shared),
        ],
        page.lang,
    )  # fmt: skip
    points = scale(page.filters)
    title = page.say("remote.months", by=points.kind(page.lang))
    counts = measures.series_of("M36", page.filters, lambda share: float(share.numerator))
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
