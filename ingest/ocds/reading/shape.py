"""The shape a release should have at each place that is read: what has another is noted and left out.

A specification reads the value of one place. It answers with the value as the reader may take it, None where there
is none, and notes whatever it has changed or could not take, by the path in the release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from ingest.files.pieces import Piece
from ingest.kinds.fields import EARLIEST, LATEST
from ingest.ocds.codelists import LOT_STATUS, METHODS, ROLES, TRADE_FAMILIES
from ingest.ocds.reading.source import Unplaced
from ingest.ocds.values import LARGEST, amount, instant, text

Json = dict[str, Any]
_SHOWN = 500
"""Characters of a reason."""
_DECIMAL = re.compile(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?\s*")
_EMPTY = "空值，按没有读 / an empty value, read as none"
_ROUNDED = "金额舍入到四位小数 / an amount was rounded to four decimals"
_UNKNOWN_CODE = "不是可用的代码，按没有读 / no code that is known, read as none"
_NAMELESS = "没有编号、名称和登记号，不能识别 / without id, name or registered number nobody can be known"


class Notes:
    """Notes on the places of one release; `unplaced` None: what has no place is not counted."""

    def __init__(self, unplaced: Unplaced | None, line: int | None, path: str) -> None:
        self.pieces: list[Piece] = []
        self._unplaced, self._line, self._path = unplaced, line, path

    def add(self, path: str, value: Any, reason: str) -> None:
        """A value that is not taken as it stands."""
        self.pieces.append(Piece(None, value, self._line, f"{self._path}{path}", reason, note=True))

    def wrong(self, path: str, value: Any, expected: str) -> None:
        """A value of another shape."""
        self.add(
            path, value, f"{expected}；这一处未读，请改正后重新导入 / not read: mend it and import again"
        )

    def no_place(self, path: str, value: Any, reason: str | None = None) -> None:
        """Something in order that is not taken: noted once a file, with how often it came."""
        if self._unplaced is not None:
            self._unplaced.count(path, value, reason)


Spec = Callable[[Notes, Any, str], Any]
"""(notes, value, path) → the value as it may be taken."""


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


# ── texts, codes, numbers, times ─────────────────────────────────────────────


def _text_of(limit: int = 300, *, numbers: bool = False) -> Spec:
    """A text of at most so many characters; `numbers`: a number is as good, as in ids."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        if not isinstance(value, str) and not _is_number(value):
            return notes.wrong(path, value, "应为文字 / should be a text")
        if not isinstance(value, str) and not (numbers and isinstance(value, int)):
            notes.add(path, value, "应为文字，已按文字读 / should be a text, read as one")
        length = len(" ".join(str(value).split()))
        if length > limit:
            reason = f"{length} 个字符，只取前 {limit} 个 / too long, only the first {limit} taken"
            notes.add(path, value, reason)
        return text(value, limit)

    return read


def _code_of(known: Collection[str]) -> Spec:
    """One of a list of codes."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        found = _any_code(notes, value, path)
        return found if found is None or found in known else notes.no_place(path, value, _UNKNOWN_CODE)

    return read


def _any_code(notes: Notes, value: Any, path: str) -> Any:
    """A code of an open list: for the record to be refused, or the reader to judge."""
    return value if isinstance(value, str) else notes.wrong(path, value, "应为代码 / should be a code")


def _flag(notes: Notes, value: Any, path: str) -> Any:
    if isinstance(value, bool):
        return value
    return notes.wrong(path, value, "应为 true 或 false / should be true or false")


def _currency(notes: Notes, value: Any, path: str) -> Any:
    if isinstance(value, str) and re.fullmatch("[A-Za-z]{3}", value):
        return value
    return notes.wrong(path, value, "应为三个字母的币种 / should be a currency of three letters")


def _time(notes: Notes, value: Any, path: str) -> Any:
    """A time, or a day; legal in OCDS, one outside 1900–2200 has no place in the ledger."""
    found = instant(value)
    if found is None:
        expected = "应为 RFC 3339 时间，如 2024-05-06T09:30:00Z / should be an RFC 3339 time"
        return notes.wrong(path, value, expected)
    if EARLIEST <= found <= LATEST:
        return value
    reason = "时间不在 1900–2200 年之间，账本不记 / a time outside 1900–2200 has no place in the ledger"
    return notes.add(path, value, reason)


def _number(notes: Notes, value: Any, path: str) -> Any:
    """A number; digits between quotes are one, and noted."""
    if _is_number(value):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        notes.add(path, value, "应为数字，文字已按数字读 / should be a number, the text was read as one")
        return Decimal(value.strip())
    return notes.wrong(path, value, "应为数字 / should be a number")


def _value(notes: Notes, value: Any, path: str) -> Any:
    """A Value object: its amount, currency and whether VAT is in it."""
    found = _VALUE(notes, value, path)
    given = found.get("amount") if found else None
    if given is None:
        return found
    if not 0 <= (exact := Decimal(str(given))) <= LARGEST:
        reason = "金额为负或过大，账本不记 / a negative or too large amount has no place in the ledger"
        notes.add(path, value, reason)
        return {name: child for name, child in found.items() if name != "amount"}
    if Decimal(amount(given) or 0) != exact:
        notes.no_place(f"{path}.amount", given, _ROUNDED)
    return found


# ── objects and lists ────────────────────────────────────────────────────────


def _object_of(**fields: Spec) -> Spec:
    """An object of such fields; others have no place."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return notes.wrong(path, value, "应为对象 / should be an object")
        made: Json = {}
        for name, child in value.items():
            where = f"{path}.{name}" if path else name
            if (spec := fields.get(name)) is None:
                if child not in (None, [], {}):
                    notes.no_place(where, child)
                made[name] = child
            elif _is_empty(child):
                notes.no_place(where, child, _EMPTY)
            elif (found := spec(notes, child, where)) is not None:
                made[name] = found
        return made

    return read


def _any_object(notes: Notes, value: Any, path: str) -> Any:
    return value if isinstance(value, dict) else notes.wrong(path, value, "应为对象 / should be an object")


def _list_of(item: Spec, *, single: bool = False, unique: bool = False) -> Spec:
    """A list; `single`: one of its kind alone stands for it; `unique`: an id twice is noted, the first one counts."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            if not single or isinstance(value, dict):
                return notes.wrong(path, value, "应为数组 / should be an array")
            notes.add(path, value, "应为数组，已按只有一项读 / should be an array, read as one of one item")
            value = [value]
        made = [_item(notes, item, one, f"{path}[{index}]") for index, one in enumerate(value)]
        found = [(index, one) for index, one in enumerate(made) if one is not None]
        return _first_of_each_id(notes, value, found, path) if unique else [one for _, one in found]

    return read


def _item(notes: Notes, item: Spec, value: Any, path: str) -> Any:
    if _is_empty(value) or value == {}:
        return notes.wrong(path, value, "空的一项 / an empty item")
    return item(notes, value, path)


def _first_of_each_id(notes: Notes, value: list[Any], found: list[tuple[int, Json]], path: str) -> list[Json]:
    first: dict[str, tuple[int, Json]] = {}
    for index, one in found:
        key = text(one.get("id"), 1000) or f"\x00{index}"
        if key not in first:
            first[key] = index, one
        elif first[key][1] != one:
            reason = f"编号 {key} 与第 {first[key][0] + 1} 项相同，只取先出现的 / the id of an earlier item, which counts"
            notes.add(f"{path}[{index}]", value[index], reason[:_SHOWN])
    return [one for _, one in first.values()]


def _identified(spec: Spec, *names: str, reason: str) -> Spec:
    """An object that must say one of these (`a.b`: b within a) to be known at all."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        found = spec(notes, value, path)
        if found is None or any(_at(found, name) for name in names):
            return found
        return notes.wrong(path, value, reason)

    return read


def _at(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _either(first: Spec, of: type | tuple[type, ...], other: Spec) -> Spec:
    """As `first` reads it where it is one of these types, else as `other` does."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        return (first if isinstance(value, of) else other)(notes, value, path)

    return read


# ── a release ────────────────────────────────────────────────────────────────

_ID, _LONG_ID, _TEXT = _text_of(500, numbers=True), _text_of(1000, numbers=True), _text_of()
_VALUE = _object_of(amount=_number, currency=_currency, valueAddedTaxIncluded=_flag)
_PERIOD = _object_of(startDate=_time, endDate=_time)


def _organisation(**more: Spec) -> Spec:
    """A party, or a reference to one (OrganizationReference)."""
    identifier = _object_of(scheme=_TEXT, id=_LONG_ID, legalName=_TEXT)
    whole = _object_of(id=_LONG_ID, name=_TEXT, identifier=identifier, **more)
    return _identified(whole, "id", "name", "identifier.id", "identifier.legalName", reason=_NAMELESS)


_REFERENCE = _organisation()
_PARTY = _organisation(
    roles=_list_of(_code_of(ROLES), single=True),
    address=_object_of(region=_TEXT, locality=_TEXT, streetAddress=_TEXT),
)
_RELATED = {"relatedLot": _ID, "relatedLots": _list_of(_ID, single=True)}
_BID = _object_of(
    id=_ID, date=_time, status=_any_code, value=_value, tenderers=_list_of(_REFERENCE), **_RELATED
)
_LOT = _identified(
    _object_of(id=_ID, title=_TEXT, status=_code_of(LOT_STATUS), value=_value),
    "id",
    reason="标段没有编号 / a lot without an id",
)
_ITEM = _object_of(id=_ID, relatedLot=_ID, classification=_object_of(description=_TEXT, id=_ID))
_TENDER = _object_of(
    id=_ID,
    title=_TEXT,
    status=_code_of(LOT_STATUS),
    procurementMethod=_code_of(METHODS),
    mainProcurementCategory=_code_of(TRADE_FAMILIES),
    awardCriteria=_TEXT,
    awardCriteriaDetails=_TEXT,
    value=_value,
    procuringEntity=_REFERENCE,
    tenderers=_list_of(_REFERENCE),
    tenderPeriod=_PERIOD,
    awardPeriod=_object_of(startDate=_time),
    lots=_list_of(_LOT, unique=True),
    items=_list_of(_ITEM),
)
_AWARD = _object_of(
    id=_ID,
    title=_TEXT,
    date=_time,
    status=_any_code,
    value=_value,
    suppliers=_list_of(_REFERENCE),
    **_RELATED,
)
_PLANNING = _object_of(
    project=_either(_object_of(title=_TEXT), (dict, list), _TEXT),
    budget=_object_of(amount=_value, project=_TEXT, projectID=_ID),
)
_RELEASE = _object_of(
    ocid=_LONG_ID,
    id=_LONG_ID,
    date=_time,
    tag=_list_of(_any_code, single=True),
    initiationType=_TEXT,
    language=_TEXT,
    url=_text_of(2000),
    parties=_list_of(_PARTY, unique=True),
    buyer=_REFERENCE,
    planning=_PLANNING,
    tender=_TENDER,
    bids=_either(_list_of(_BID), list, _object_of(details=_list_of(_BID))),
    awards=_list_of(_AWARD),
    x_sunbid=_object_of(source=_TEXT, demo=_flag, fields=_any_object, records=_list_of(_any_object)),
)


def expected(release: Json, notes: Notes) -> Json:
    """A release in which every place that is read has the shape the reader expects, or is not there."""
    made: Json = _RELEASE(notes, release, "")
    return made
