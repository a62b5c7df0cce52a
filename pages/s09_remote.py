"""S09 远程异地评标: remote evaluations (F18) and the experts' fees (F19)."""

from __future__ import annotations

from functools import partial

from dashboard import context
from dashboard.charts.scale import scale
from dashboard.charts.series import Series, lines
from dashboard.shell import figure_cards as measures
from dashboard.shell import filters as choice
from dashboard.shell import layout
from dashboard.shell import screen as shell
from dashboard.shell.cards import Kpi, lens_basis, show
from supervision.figures import formats as figures
from supervision.figures.dictionary import FIGURES
from supervision.figures.results import Share


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
    said = [figures.number(n) for n in counts]
    line = Series(page.say("openness.lots_unit"), counts, said, said[-1], True, True)
    with layout.panel("months", title, page.say("remote.months_note", span=points.span(page.lang))):
        made = lines(layout.variant(), points.axis(page.lang), [line], title=title, floor=0.0)
        layout.plot(made, "months", partial(choice.narrow, "period"))


shell.show(
    "S09",
    body,
    every=30,
    filters=("period", "centre", "family"),
    as_of=lambda: context.lens().as_of(),
    over_lots=True,
)
