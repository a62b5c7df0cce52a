"""What stands in the cells of a spreadsheet, and what it means for a field.

Text becomes a value only where nothing can have been lost: powers of ten, and dates turned into day
numbers, are refused with the reason, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from ingest import csvcodes, describe, national
from ingest.csvnames import HEADERS
from ingest.kinds import KINDS, REFERENCES
from records.clock import BEIJING

ENVELOPE = ("key", "version", "occurred_at")
POWER = re.compile(r"^[-+]?\d(\.\d+)?[eE][+-]?\d+$")
_GROUPED = re.compile(r"^-?\d{1,3}([,，]\d{3})+(\.\d+)?$")
_PLAIN = re.compile(r"^-?\d+(\.\d+)?$")
_LOCAL = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})?秒?)?)?$"
)
_UNIT = re.compile(r"^(.*?)\s*(?:[(（\[【/]\s*)(万元|亿元|元|%|％|天|日历天)\s*[)）\]】]?$")
_SCALE = {"万元": Decimal(10_000), "亿元": Decimal(100_000_000)}
_YES = {
    "是": True, "true": True, "1": True, "yes": True, "y": True, "√": True,
    "否": False, "false": False, "0": False, "no": False, "n": False, "×": False,
}  # fmt: skip
_NATIONAL_KEY = {
    "project": "PROJECT_CODE", "lot": "BID_SECTION_CODE", "organisation": "BIDDER_ORG_CODE",
}  # fmt: skip
"""National field that is the record's own number, where a file has no column for its key."""


class Unreadable(ValueError):
    """Why a cell cannot be taken; Chinese first."""


@dataclass(frozen=True)
class Column:
    """One column: the field, how a cell becomes its value, and the multiple its header's unit stands for."""

    name: str
    convert: Callable[[str], Any]
    scale: Decimal | None = None


def columns_of(kind: str, header: list[str]) -> list[Column]:
    """The columns of a header: Chinese, English or national names, with a unit in brackets where there is one."""
    converters = _converters(kind)
    names = [_clean(name) for name in header]
    while names and not names[-1]:
        names.pop()
    found = [_column(kind, name, converters) for name in names]
    if (own := _NATIONAL_KEY.get(kind)) and "key" not in {column.name for column in found}:
        found = [Column("key", _code, None) if column.name == own else column for column in found]
    return found


def _clean(name: str) -> str:
    return unicodedata.normalize("NFKC", name.replace("\ufeff", "")).strip().rstrip("*").strip()


def _column(kind: str, header: str, converters: dict[str, Callable[[str], Any]]) -> Column:
    known = HEADERS[kind]
    bare, scale = header, None
    unit = None if header in known else _UNIT.match(header)
    if unit:
        bare, scale = unit[1].strip(), _SCALE.get(unit[2])
    name = known.get(bare, bare)
    ours, rule = national.NAMES.get(kind, {}).get(name, (name, None))
    if rule and rule("1") == "10000":  # the national field is in 万元 by itself
        scale = {"元": Decimal("0.0001"), "亿元": Decimal(10_000)}.get(unit[2] if unit else "")
    return Column(name, converters.get(ours, str), scale)


def value_of(column: Column, cell: str) -> Any:
    """The value of a cell, None where it is empty. Raises Unreadable."""
    text = unquoted(cell)
    if not text:
        return None
    plain = unicodedata.normalize("NFKC", text)
    if POWER.match(plain) and cell.strip()[0] not in "'’=":  # marked as text: its own digits
        raise Unreadable(
            f"{column.name}：数字被电子表格改成了 {text}，请设为文本后重新导出 / the spreadsheet has lost digits"
        )
    value = column.convert(text)
    if column.scale is not None and isinstance(value, str) and _PLAIN.match(value):
        value = format(Decimal(value) * column.scale, "f")
    return value


def unquoted(cell: str) -> str:
    """A cell without what spreadsheets put around text: blanks, tabs, a leading apostrophe, ="…"."""
    text = cell.strip().removeprefix("'").removeprefix("’").strip()
    return text[2:-1].strip() if text.startswith('="') and text.endswith('"') else text


def _converters(kind: str) -> dict[str, Callable[[str], Any]]:
    found = {name: _converter(words) for name, words, *_ in describe.fields(kind)}
    fields, refers = KINDS[kind].model_fields, dict(REFERENCES[kind])
    codes = {field.alias or name for name, field in fields.items() if name in refers} | {"uscc"}
    found |= dict.fromkeys(codes & found.keys(), _code)
    for name in csvcodes.coded(kind):
        found[name] = _worded(found[name], csvcodes.WORDS[kind, name])
    return {**found, "key": _code, "version": _integer, "occurred_at": _time}


def _converter(words: str) -> Callable[[str], Any]:
    if words.startswith("[object"):
        return _json
    if words.startswith("["):
        return _list
    if words == "string | number":
        return _money
    plain: dict[str, Callable[[str], Any]] = {
        "date-time": _time, "date": _day, "boolean": _flag, "integer": _integer, "object": _json,
    }  # fmt: skip
    return plain.get(words, str)


def _worded(convert: Callable[[str], Any], words: Mapping[str, str]) -> Callable[[str], Any]:
    """A field of codes, where Chinese words may stand for them; any other word stays, to be refused."""

    def value(cell: str) -> Any:
        found = convert(_half(cell))
        if isinstance(found, list):
            return [words.get(one, one) if isinstance(one, str) else one for one in found]
        return words.get(found, found) if isinstance(found, str) else found

    return value


def _list(cell: str) -> Any:
    """Parts between semicolons; a JSON list where a part has one itself."""
    found = _json(cell) if cell.startswith("[") else cell
    return found if isinstance(found, list) else [p.strip() for p in re.split(r"[;；、]", cell) if p.strip()]


def _half(cell: str) -> str:
    """Full-width digits and signs as plain ones."""
    return unicodedata.normalize("NFKC", cell).strip()


def _code(cell: str) -> str:
    return _half(cell)


def _money(cell: str) -> str:
    text = _half(cell).removeprefix("¥").removeprefix("￥").strip()
    return re.sub("[,，]", "", text) if _GROUPED.match(text) else text


def _flag(cell: str) -> Any:
    return _YES.get(_half(cell).lower(), cell)


def _integer(cell: str) -> Any:
    plain = re.sub(r"\.0+$", "", _money(cell))
    return int(plain) if re.fullmatch(r"-?\d{1,18}", plain) else cell


def _json(cell: str) -> Any:
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def _local(cell: str) -> datetime | None:
    found = _LOCAL.match(_half(cell))
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=BEIJING)
    except ValueError:
        return None


def _refuse_serial(cell: str) -> None:
    """A bare number where a date should be: Excel's count of days, which may start in 1900 or 1904."""
    if _PLAIN.match(_half(cell)):
        raise Unreadable(
            f"日期是 Excel 序列号 {cell}，请把该列设为日期格式后重新导出 / an Excel day number, format the column as a date"
        )


def _time(cell: str) -> str:
    """A time without offset is Beijing time."""
    _refuse_serial(cell)
    if moment := _local(cell):
        return moment.isoformat()
    try:
        parsed = datetime.fromisoformat(_half(cell))
    except ValueError:
        return cell
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=BEIJING)).isoformat()


def _day(cell: str) -> str:
    _refuse_serial(cell)
    moment = _local(cell)
    return moment.date().isoformat() if moment else cell
