"""The types of the fields of records, and the base of all kinds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from records.decimals import AMOUNT, SIGNED, Plain
from records.texts import PATTERN
from records.wrong_values import shape

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ]{_CLOCK}:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]{_CLOCK})"
)
"""RFC 3339; ISO 8601 allows much more (week dates, no seconds, no colons), of which no other reader can be sure."""
_LOOSE = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([Tt ]{_CLOCK}(:[0-5][0-9](\.[0-9]+)?)?([Zz]|[+-]{_CLOCK})?)?"
)
"""The same, where seconds, the offset or all of the time may be left out."""
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def moment(value: Any) -> datetime:
    """An RFC 3339 time with offset between 1900 and 2200; never a bare number, which could mean anything."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = _parsed(value)
        if value is None:
            raise PydanticCustomError("moment_unreal", "the calendar has no such time")
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError("moment", "not an RFC 3339 time with offset")
    if not EARLIEST.year < value.year < LATEST.year and not EARLIEST <= value <= LATEST:
        raise PydanticCustomError("moment_range", "not between 1900 and 2200")
    return value


def loose_moment(text: str, zone: tzinfo) -> datetime | None:
    """A time as files have it: without offset in `zone`, a day alone its midnight. None for what is no time."""
    found = _parsed(text) if _LOOSE.fullmatch(text) else None
    return found.replace(tzinfo=zone) if found and found.tzinfo is None else found


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _plain_day(value: Any) -> Any:
    """Refuse all but YYYY-MM-DD: a number or its text would be read as seconds since 1970."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.match(value):
        raise PydanticCustomError("day", "not a date YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day_unreal", "the calendar has no such day") from None


Moment = Annotated[
    datetime, PlainValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[date, BeforeValidator(_plain_day), WithJsonSchema({"type": "string", "format": "date"})]
Ref = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=shape(rf"^[^\s{PATTERN}]([^\t\n\r{PATTERN}]*[^\s{PATTERN}])?$", "key"),
    ),
]
"""Key of another record."""
Words = Annotated[str, Field(max_length=2000)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Code = Annotated[str, Field(max_length=64)]
Division = Annotated[str, Field(pattern=shape(r"^[0-9]{2}([0-9]{2}){0,2}$", "division"))]
Money = Annotated[
    Decimal,
    BeforeValidator(Plain(AMOUNT)),
    Field(ge=0, le=Decimal(900_000_000_000_000), decimal_places=4),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": AMOUNT},
                {"type": "number", "minimum": 0, "maximum": 900_000_000_000_000},
            ]
        }
    ),
]
"""Yuan, or the lot's currency; at most four decimals. Send strings: JSON numbers are binary in many programs."""
Currency = Annotated[str, Field(pattern=shape(r"^[A-Z]{3}$", "currency"))]
Points = Annotated[
    Decimal,
    BeforeValidator(Plain(SIGNED)),
    Field(ge=-1_000_000, le=1_000_000, decimal_places=4),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": SIGNED}, {"type": "number"}]}),
]
"""Points of a score, hours or per cent; at most four decimals."""
Link = Annotated[str, Field(max_length=2000, pattern=shape(r"^https?://[^\s<>\"]+$", "link"))]
Digest = Annotated[str, Field(pattern=shape(r"^[0-9a-f]{64}$", "digest"))]
Small = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Yes = Annotated[bool, Field(strict=True)]
Codes = Annotated[list[Code], Field(max_length=50)]
Refs = Annotated[list[Ref], Field(max_length=100)]
Vat = Literal["included", "excluded"]
"""含税 or 不含税."""
TradeFamily = Literal["works", "procurement", "land", "property", "other"]
Flag = Literal["key", "remote", "separate_award", "small_value", "electronic", "rehearsal"]


class Part(BaseModel):
    """Base of what stands inside a record."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class FileReference(Part):
    """A file by reference: where it lies below the folder of bid files that the platform shares, and its digest."""

    path: Annotated[str, Field(min_length=1, max_length=500, pattern=shape(r"^[^\x00-\x1f\\]+$", "path"))]
    sha256: Digest | None = None


Files = Annotated[list[FileReference], Field(max_length=200)]


class Data(Part):
    """Base of the `data` of all kinds."""
