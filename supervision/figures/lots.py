"""The table of lots 标段 behind the figures: one page of the lens' lots, sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from supervision.figures.filters import Filters
from supervision.figures.narrow import OPENED_ON, where
from supervision.lens.reader import Lens

if TYPE_CHECKING:
    import pandas as pd

LotSort = Literal["opened_at", "bids", "outside_share", "control_price", "award_price", "title"]

_ORDER: dict[LotSort, str] = {
    "opened_at": "opened_at",
    "bids": "bids",
    "outside_share": "outside_share",
    "control_price": "control_price",
    "award_price": "award_price",
    "title": "title",
}


@dataclass(frozen=True)
class LotsPage:
    """One page of lots; `rows` holds every column of the lens' lots plus `outside` and `outside_share`."""

    rows: pd.DataFrame
    total: int
    page: int
    page_size: int

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, -(-self.total // self.page_size))


def lots_table(
    lens: Lens,
    filters: Filters,
    page: int = 1,
    sort: LotSort = "opened_at",
    *,
    descending: bool = True,
    page_size: int = 50,
    text: str | None = None,
) -> LotsPage:
    """Opened lots of the filters, page from 1. `text` is a part of the title or the lot's id.

    `outside_share` is the lot's own M04 as a fraction (null without bids). Raises ValueError for an
    unknown sort, a page below 1 or an empty page size.
    """
    if sort not in _ORDER or page < 1 or page_size < 1:
        raise ValueError(
            f"页码或排序无效：{page=} {page_size=} {sort=}；可用排序 / sorts: {', '.join(_ORDER)}"
        )
    clause, params = where(
        filters, OPENED_ON, *(["(contains(title, ?) OR contains(lot_id, ?))"] if text else [])
    )
    if text:
        params = [text, text, *params]
    total = lens.one(f"SELECT count(*) FROM lots {clause}", params)[0]
    outside = f"outside_{filters.home}_bids"
    direction = "DESC" if descending else "ASC"
    rows = lens.frame(
        f"SELECT *, {outside} AS outside, {outside} / nullif(CAST(bids AS DOUBLE), 0) AS outside_share"
        f" FROM lots {clause} ORDER BY {_ORDER[sort]} {direction} NULLS LAST, lot_id LIMIT ? OFFSET ?",
        [*params, page_size, (page - 1) * page_size],
    )
    return LotsPage(rows, total, page, page_size)
