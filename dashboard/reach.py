"""How far the data reach: from which day to which, which currencies, how many lots without a date."""

from __future__ import annotations

from dashboard import context
from dashboard.memo import per_lens
from supervision.figures import lots
from supervision.figures.filters import Filters
from supervision.figures.lots import Reach


@per_lens
def reach(filters: Filters) -> Reach:
    """The reach of the lots of the filters, whatever their period."""
    return lots.reach(context.lens(), filters)


def everything() -> Reach:
    """The reach of all lots."""
    return reach(Filters())


@per_lens
def lots_in(filters: Filters) -> int:
    """Lots whose opening or award falls into the period."""
    return lots.lots_in(context.lens(), filters)
