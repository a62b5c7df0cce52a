"""Which field each column of a table stands for, by its header: Chinese, English or national names, with units."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ingest.csv.cells import Column, code, converters
from ingest.csv.names import HEADERS
from ingest.kinds.registry import KINDS
from messages import Message

_UNIT = re.compile(r"^(.*?)\s*(?:[(（\[【/]\s*)(万元|亿元|元|%|％|天|日历天)\s*[)）\]】]?$")
_SCALE = {"万元": Decimal(10_000), "亿元": Decimal(100_000_000)}
_SCALE_FROM_WAN = {"元": Decimal("0.0001"), "亿元": Decimal(10_000)}
"""Units beside a national field, which is in 万元 by itself."""
KEY_HEADERS = {
    kind: frozenset({"key", *(name for name, field in names.items() if field == "key")})
    for kind, names in HEADERS.items()
}
"""Kind → what the column of the key may be called."""


def columns_of(kind: str, header: list[str]) -> list[Column]:
    """The columns of a header: Chinese, English or national names, with a unit in brackets where there is one."""
    made_by = converters(kind)
    names = [clean(name) for name in header]
    while names and not names[-1]:
        names.pop()
    found = [_column(kind, name, made_by) for name in names]
    if (own := KINDS[kind].number) and "key" not in {column.name for column in found}:
        found = [
            replace(column, name="key", convert=code) if column.name == own else column for column in found
        ]
    return found


def letter(index: int) -> str:
    """The letter of a column, from 0 for A."""
    return (letter(index // 26 - 1) if index >= 26 else "") + chr(65 + index % 26)


def titled(index: int, header: str) -> str:
    """A column as its reader finds it: header and letter."""
    return f"{header}（{letter(index)} 列）"


def fault_of(columns: list[Column]) -> Message | None:
    """What is wrong with a header as a whole: no column of keys, or two columns of one field."""
    places: dict[str, list[str]] = {}
    for index, column in enumerate(columns):
        if column.header:
            places.setdefault(column.name, []).append(titled(index, column.header))
    for name, held in places.items():
        if len(held) > 1:
            return Message("csv.field_twice", columns=held, field=name)
    if "key" not in places:
        found = "、".join(column.header for column in columns if column.header)[:300]
        return Message("csv.no_key_column", found=found)
    return None


def fields_named(kind: str, cells: Sequence[str]) -> int:
    """How many cells of a row name a field; none of a row without the key."""
    columns = [column for column in columns_of(kind, list(cells)) if column.header]
    fields = {field.alias or name for name, field in KINDS[kind].data.model_fields.items()}
    named = sum(column.convert is not str or column.name in fields for column in columns)
    return named if any(column.name == "key" for column in columns) else 0


def clean(name: str) -> str:
    """A header as it is compared: half width, without a star, with single blanks."""
    text = unicodedata.normalize("NFKC", name.replace("\ufeff", "")).strip().rstrip("*").strip()
    return re.sub(r"\s+", " ", text)


def _known(kind: str, name: str) -> str:
    """The field a header names, whatever blanks, line ends and capitals stand in it; else the header itself."""
    zh = HEADERS[kind]
    if name.upper().replace(" ", "_") in KINDS[kind].national:
        return zh.get(name, name)  # to the letter: in the national names amounts are in 万元
    tight, english = name.replace(" ", ""), re.sub("[ -]", "_", name.lower())
    fields = {*zh.values(), "key", "version", "occurred_at"}
    if found := zh.get(name) or zh.get(tight) or (zh.get(english) if english == "id" else None):
        return found
    return english if english in fields or english in converters(kind) else name


def _column(kind: str, header: str, made_by: dict[str, Callable[[str], Any]]) -> Column:
    scale, name = None, _known(kind, header)
    unit = _UNIT.match(header) if name == header and name not in made_by else None
    if unit:
        name, scale = _known(kind, unit[1].strip()), _SCALE.get(unit[2])
    national = KINDS[kind].national.get(name)
    if national and national.in_wan:
        scale = _SCALE_FROM_WAN.get(unit[2] if unit else "")
    return Column(name, made_by.get(national.field if national else name, str), scale, header)
