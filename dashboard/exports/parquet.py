"""A table as Parquet 列式文件, for other engines: values keep their kind, and nothing is rounded or quoted for the eye."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.exports.sheets import Writing
from records.texts import printable

_PLACES = 6
"""Decimals of money: the ledger keeps four."""
_KINDS: dict[type, pa.DataType] = {
    bool: pa.bool_(), int: pa.int64(), float: pa.float64(), Decimal: pa.decimal128(38, _PLACES),
    datetime: pa.timestamp("us", tz="Asia/Shanghai"), date: pa.date32(),
}  # fmt: skip
"""Kind of a cell → how a column of such cells is kept; anything else, and columns of several kinds, are text."""
_MARK = "sunbid.taken_by"
"""Where the file's metadata say who took it and when, as the first line of a workbook does."""


def as_parquet(what: Writing) -> bytes:
    """Column by column, zstd; the mark stands in the schema's metadata under `sunbid.taken_by`, the title under `title`."""
    columns = [_column([row[place] for row in what.rows]) for place in range(len(what.headings))]
    made = pa.Table.from_arrays(columns, names=_distinct(what.headings))
    out = io.BytesIO()
    pq.write_table(
        made.replace_schema_metadata({_MARK: printable(what.mark), "title": what.title}),
        out,
        compression="zstd",
    )
    return out.getvalue()


def _column(cells: Sequence[Any]) -> pa.ChunkedArray[Any]:
    kinds = {type(cell) for cell in cells if cell is not None}
    kind = _KINDS.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()
    if pa.types.is_string(kind):
        cells = [None if cell is None else printable(str(cell)) for cell in cells]
    elif pa.types.is_decimal(kind):
        cells = [None if cell is None else round(cell, _PLACES) for cell in cells]
    return pa.chunked_array([pa.array(cells, kind)])


def _distinct(headings: Sequence[str]) -> list[str]:
    """The headings as names of columns; engines refuse two of one name."""
    seen: Counter[str] = Counter()
    names = []
    for heading in headings:
        seen[heading] += 1
        names.append(heading if seen[heading] == 1 else f"{heading} {seen[heading]}")
    return names
