"""Cells of a spreadsheet: the text in one, and the value it means for a field.

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
from functools import cache
from typing import Any

from ingest import schema
from ingest.csv.names import coded
from ingest.files import strict_json
from ingest.kinds.fields import loose_moment
from ingest.kinds.registry import KINDS
from messages import Invalid, Message
from records.clock import BEIJING

ENVELOPE = ("key", "version", "occurred_at")
"""Columns that are no fields of the record's data."""
POWER = re.compile(r"^[-+]?\d(\.\d+)?[eE][+-]?\d+$")
_GROUPED = re.compile(r"^-?\d{1,3}([,，]\d{3})+(\.\d+)?$")
_PLAIN = re.compile(r"^-?\d+(\.\d+)?$")
_LOCAL = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})?秒?)?)?$",
    re.ASCII,
)
_YES = {
    "是": True, "true": True, "1": True, "yes": True, "y": True, "√": True,
    "否": False, "false": False, "0": False, "no": False, "n": False, "×": False,
}  # fmt: skip
_RATIO = "ratio"
"""The one field in per cent; elsewhere a per cent sign is refused by the model as no number."""
_ERROR = re.compile(r"#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA|#+)$")
_BLANKS = "".join(
    map(chr, (0x20, 0x09, 0x0A, 0x0D, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000))
)
"""What may be taken off a cell's ends: no control, which would go without a word."""


def trimmed(text: str) -> str:
    """A text without blanks at its ends."""
    return text.strip(_BLANKS)


class Unreadable(Invalid):
    """Why a cell cannot be taken."""


class FaultyCell(str):
    """A cell that cannot mean anything, with the reason; the text is what stands in it."""

    reason: Message

    @classmethod
    def of(cls, text: str, reason: Message) -> FaultyCell:
        """A cell with this text and the reason why it is refused."""
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


def value_of(column: Column, cell: str) -> Any:
    """The value of a cell, None where it is empty. Raises Unreadable."""
    if isinstance(cell, FaultyCell):
        raise Unreadable(cell.reason)
    text = unquoted(cell)
    if not text:
        return None
    if not column.header:
        raise Unreadable(Message("csv.no_header"))
    _refuse_lost(column, cell, text)
    if isinstance(cell, Dated) and column.convert not in (_time, _day):
        return _not_a_date(column, text)
    value = _percent(column, text) if column.name == _RATIO else column.convert(text)
    if column.scale is not None and isinstance(value, str) and _PLAIN.match(value):
        value = format(Decimal(value) * column.scale, "f")
    return value


def _refuse_lost(column: Column, cell: str, text: str) -> None:
    """What a spreadsheet shows instead of a value: powers of ten and errors."""
    marked_as_text = trimmed(cell)[0] in "'’="  # its digits are its own
    if POWER.match(_half(text)) and not marked_as_text:
        raise Unreadable(Message("csv.digits_lost", field=column.name, shown=text))
    if _ERROR.match(text):
        raise Unreadable(Message("csv.formula_failed", shown=text))


def _not_a_date(column: Column, text: str) -> str:
    """A date where none belongs: a month is what a period means; all else was turned into it by the program."""
    if column.name == "period" and re.match(r"\d{4}-\d{2}-01 00:00:00$", text):
        return text[:7]
    raise Unreadable(Message("csv.turned_into_date", shown=text[:10]))


def _percent(column: Column, text: str) -> Any:
    return column.convert(trimmed(_half(text).removesuffix("%")))


def unquoted(cell: str) -> str:
    """A cell without what spreadsheets put around text: blanks, tabs, a leading apostrophe, ="…"."""
    text = trimmed(trimmed(cell).removeprefix("'").removeprefix("’"))
    return trimmed(text[2:-1]) if text.startswith('="') and text.endswith('"') else text


# ── how a cell becomes a field's value ───────────────────────────────────────


@cache
def converters(kind: str) -> dict[str, Callable[[str], Any]]:
    """Field of a kind → what makes its value of a cell's text; a text that is none stays, for the model to refuse."""
    found = {name: _converter(words) for name, words, *_ in schema.fields(kind)}
    fields, refers = KINDS[kind].data.model_fields, dict(KINDS[kind].references)
    codes = {field.alias or name for name, field in fields.items() if name in refers} | {"uscc"}
    found |= dict.fromkeys(codes & found.keys(), code)
    for name in coded(kind):
        found[name] = _worded(found[name], KINDS[kind].codes[name])
    return {**found, "key": code, "version": _integer, "occurred_at": _time}


def code(cell: str) -> str:
    """A number that is a name: of a record, a firm, a register."""
    return _half(cell)


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
        value = strict_json.loads(cell)
    except strict_json.BadJson:
        return cell
    if twice := strict_json.doubled(value):
        raise Unreadable(Message("csv.within", path=twice[0], reason=twice[1]))
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
        raise Unreadable(Message("csv.day_number", shown=cell))


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
