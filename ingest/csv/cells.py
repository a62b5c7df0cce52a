"""What stands in the cells of a spreadsheet, and what it means for a field.

Text becomes a value only where nothing can have been lost: powers of ten, and dates turned into day
numbers, are refused with the reason, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from ingest import schema as describe
from ingest.csv import codes as csvcodes
from ingest.csv.names import HEADERS
from ingest.files import strict_json as strictjson
from ingest.kinds.fields import loose_moment
from ingest.kinds.registry import KINDS
from records.clock import BEIJING

ENVELOPE = ("key", "version", "occurred_at")
POWER = re.compile(r"^[-+]?\d(\.\d+)?[eE][+-]?\d+$")
_GROUPED = re.compile(r"^-?\d{1,3}([,，]\d{3})+(\.\d+)?$")
_PLAIN = re.compile(r"^-?\d+(\.\d+)?$")
_LOCAL = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})?秒?)?)?$",
    re.ASCII,
)
_UNIT = re.compile(r"^(.*?)\s*(?:[(（\[【/]\s*)(万元|亿元|元|%|％|天|日历天)\s*[)）\]】]?$")
_SCALE = {"万元": Decimal(10_000), "亿元": Decimal(100_000_000)}
_YES = {
    "是": True, "true": True, "1": True, "yes": True, "y": True, "√": True,
    "否": False, "false": False, "0": False, "no": False, "n": False, "×": False,
}  # fmt: skip
_BLANKS = "".join(
    map(chr, (0x20, 0x09, 0x0A, 0x0D, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000))
)
"""What may be taken off a cell's ends: no control, which would go without a word."""


def trimmed(text: str) -> str:
    """A text without blanks at its ends."""
    return text.strip(_BLANKS)


class Unreadable(ValueError):
    """Why a cell cannot be taken; Chinese first."""


class Fault(str):
    """A cell that cannot mean anything, with the reason; the text is what stands in it."""

    reason = ""

    @classmethod
    def of(cls, text: str, reason: str) -> Fault:
        """A fault with its reason."""
        made = cls(text)
        made.reason = reason
        return made


class Dated(str):
    """A cell that a workbook holds as a date or a time."""


@dataclass(frozen=True)
class Column:
    """One column: the field, how a cell becomes its value, and the multiple its header's unit stands for."""

    name: str
    convert: Callable[[str], Any]
    scale: Decimal | None = None
    header: str = ""


def columns_of(kind: str, header: list[str]) -> list[Column]:
    """The columns of a header: Chinese, English or national names, with a unit in brackets where there is one."""
    converters = _converters(kind)
    names = [clean(name) for name in header]
    while names and not names[-1]:
        names.pop()
    found = [_column(kind, name, converters) for name in names]
    if (own := KINDS[kind].number) and "key" not in {column.name for column in found}:
        found = [
            replace(column, name="key", convert=_code) if column.name == own else column for column in found
        ]
    return found


def letter(index: int) -> str:
    """The letter of a column, from 0 for A."""
    return (letter(index // 26 - 1) if index >= 26 else "") + chr(65 + index % 26)


def faults_of(columns: list[Column]) -> str | None:
    """What is wrong with a header as a whole: no column of keys, or two columns of one field."""
    places: dict[str, list[str]] = {}
    for index, column in enumerate(columns):
        if column.header:
            places.setdefault(column.name, []).append(f"{column.header}（{letter(index)} 列）")
    for name, held in places.items():
        if len(held) > 1:
            return f"{'、'.join(held)} 都是 {name}，请只留一列 / more than one column for {name}, keep one"
    if "key" not in places:
        found = "、".join(column.header for column in columns if column.header)[:300]
        return f"表头没有“编号”列（key）/ no column for the key; 读到的表头 / found: {found}"
    return None


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
    return english if english in fields or english in _converters(kind) else name


def _column(kind: str, header: str, converters: dict[str, Callable[[str], Any]]) -> Column:
    scale = None
    name = _known(kind, header)
    unit = _UNIT.match(header) if name == header and name not in converters else None
    if unit:
        name, scale = _known(kind, unit[1].strip()), _SCALE.get(unit[2])
    national = KINDS[kind].national.get(name)
    if national and national.in_wan:  # the national field is in 万元 by itself
        scale = {"元": Decimal("0.0001"), "亿元": Decimal(10_000)}.get(unit[2] if unit else "")
    return Column(name, converters.get(national.field if national else name, str), scale, header)


def value_of(column: Column, cell: str) -> Any:
    """The value of a cell, None where it is empty. Raises Unreadable."""
    if isinstance(cell, Fault):
        raise Unreadable(cell.reason)
    text = unquoted(cell)
    if not text:
        return None
    if not column.header:
        raise Unreadable("这一列没有表头，请补上或清空 / this column has no header: give it one or empty it")
    _refuse_lost(column, cell, text)
    if isinstance(cell, Dated) and column.convert not in (_time, _day):
        return _not_a_date(column, text)
    value = _percent(column, text) if column.name == _RATIO else column.convert(text)
    if column.scale is not None and isinstance(value, str) and _PLAIN.match(value):
        value = format(Decimal(value) * column.scale, "f")
    return value


_RATIO = "ratio"
"""The one field in per cent; elsewhere a per cent sign is refused by the model as no number."""
_ERROR = re.compile(r"#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA|#+)$")


def _refuse_lost(column: Column, cell: str, text: str) -> None:
    """What a spreadsheet shows instead of a value: powers of ten and errors."""
    if (
        POWER.match(unicodedata.normalize("NFKC", text)) and trimmed(cell)[0] not in "'’="
    ):  # as text: its own digits
        raise Unreadable(
            f"{column.name}：数字被电子表格改成了 {text}，请设为文本后重新导出 / the spreadsheet has lost digits"
        )
    if _ERROR.match(text):
        raise Unreadable(
            f"公式出错 {text}，请改正公式或填入数值 / a formula has failed: mend it or put the value"
        )


def _not_a_date(column: Column, text: str) -> str:
    """A date where none belongs: a month is what a period means; all else was turned into it by the program."""
    if column.name == "period" and re.match(r"\d{4}-\d{2}-01 00:00:00$", text):
        return text[:7]
    raise Unreadable(
        f"此列不是日期，单元格却是日期 {text[:10]}；请设为文本后重新填写 / a date where none belongs: format the cell as text and write it again"
    )


def _percent(column: Column, text: str) -> Any:
    return column.convert(trimmed(_half(text).removesuffix("%")))


def unquoted(cell: str) -> str:
    """A cell without what spreadsheets put around text: blanks, tabs, a leading apostrophe, ="…"."""
    text = trimmed(trimmed(cell).removeprefix("'").removeprefix("’"))
    return trimmed(text[2:-1]) if text.startswith('="') and text.endswith('"') else text


@cache
def _converters(kind: str) -> dict[str, Callable[[str], Any]]:
    found = {name: _converter(words) for name, words, *_ in describe.fields(kind)}
    fields, refers = KINDS[kind].data.model_fields, dict(KINDS[kind].references)
    codes = {field.alias or name for name, field in fields.items() if name in refers} | {"uscc"}
    found |= dict.fromkeys(codes & found.keys(), _code)
    for name in csvcodes.coded(kind):
        found[name] = _worded(found[name], KINDS[kind].codes[name])
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
    return (
        found
        if isinstance(found, list)
        else [p for part in re.split(r"[;；、]", cell) if (p := trimmed(part))]
    )


def _half(cell: str) -> str:
    """Full-width digits and signs as plain ones."""
    return trimmed(unicodedata.normalize("NFKC", cell))


def _code(cell: str) -> str:
    return _half(cell)


def _money(cell: str) -> str:
    text = trimmed(_half(cell).removeprefix("¥").removeprefix("￥"))
    return re.sub("[,，]", "", text) if _GROUPED.match(text) else text


def _flag(cell: str) -> Any:
    return _YES.get(_half(cell).lower(), cell)


def _integer(cell: str) -> Any:
    plain = re.sub(r"\.0+$", "", _money(cell))
    return int(plain) if re.fullmatch(r"-?\d{1,18}", plain) else cell


def _json(cell: str) -> Any:
    try:
        value = strictjson.loads(cell)
    except strictjson.BadJson:
        return cell
    if twice := strictjson.doubled(value):
        raise Unreadable(f"{twice[0]}: {twice[1]}")
    return value


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
    moment = loose_moment(_half(cell), BEIJING)
    return moment.isoformat() if moment else cell


def _day(cell: str) -> str:
    _refuse_serial(cell)
    moment = _local(cell)
    return moment.date().isoformat() if moment else cell
