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
from messages import Message

Json = dict[str, Any]
_SHOWN = 300
"""Characters of an id that a note shows."""
_DECIMAL = re.compile(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?\s*")


class Notes:
    """Notes on the places of one release; `unplaced` None: what has no place is not counted."""

    def __init__(self, unplaced: Unplaced | None, line: int | None, path: str) -> None:
        self.pieces: list[Piece] = []
        self._unplaced, self._line, self._path = unplaced, line, path

    def add(self, path: str, value: Any, reason: Message) -> None:
        """A value that is not taken as it stands."""
        self.pieces.append(Piece(None, value, self._line, f"{self._path}{path}", reason, note=True))

    def wrong(self, path: str, value: Any, expected: Message) -> None:
        """A value of another shape."""
        self.add(path, value, Message("ocds.not_read", expected=expected))

    def no_place(self, path: str, value: Any, reason: Message | None = None) -> None:
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
            return notes.wrong(path, value, Message("ocds.text_expected"))
        if not isinstance(value, str) and not (numbers and isinstance(value, int)):
            notes.add(path, value, Message("ocds.read_as_text"))
        length = len(" ".join(str(value).split()))
        if length > limit:
            notes.add(path, value, Message("ocds.too_long", length=length, most=limit))
        return text(value, limit)

    return read


def _code_of(known: Collection[str]) -> Spec:
    """One of a list of codes."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        found = _any_code(notes, value, path)
        return (
            found
            if found is None or found in known
            else notes.no_place(path, value, Message("ocds.unknown_code"))
        )

    return read


def _any_code(notes: Notes, value: Any, path: str) -> Any:
    """A code of an open list: for the record to be refused, or the reader to judge."""
    return value if isinstance(value, str) else notes.wrong(path, value, Message("ocds.code_expected"))


def _flag(notes: Notes, value: Any, path: str) -> Any:
    if isinstance(value, bool):
        return value
    return notes.wrong(path, value, Message("ocds.flag_expected"))


def _currency(notes: Notes, value: Any, path: str) -> Any:
    if isinstance(value, str) and re.fullmatch("[A-Za-z]{3}", value):
        return value
    return notes.wrong(path, value, Message("ocds.currency_expected"))


def _time(notes: Notes, value: Any, path: str) -> Any:
    """A time, or a day; legal in OCDS, one outside 1900–2200 has no place in the ledger."""
    found = instant(value)
    if found is None:
        return notes.wrong(path, value, Message("ocds.time_expected"))
    if EARLIEST <= found <= LATEST:
        return value
    return notes.add(path, value, Message("ocds.time_range"))


def _number(notes: Notes, value: Any, path: str) -> Any:
    """A number; digits between quotes are one, and noted."""
    if _is_number(value):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        notes.add(path, value, Message("ocds.read_as_number"))
        return Decimal(value.strip())
    return notes.wrong(path, value, Message("ocds.number_expected"))


def _value(notes: Notes, value: Any, path: str) -> Any:
    """A Value object: its amount, currency and whether VAT is in it."""
    found = _VALUE(notes, value, path)
    given = found.get("amount") if found else None
    if given is None:
        return found
    if not 0 <= (exact := Decimal(str(given))) <= LARGEST:
        notes.add(path, value, Message("ocds.amount_range"))
        return {name: child for name, child in found.items() if name != "amount"}
    if Decimal(amount(given) or 0) != exact:
        notes.no_place(f"{path}.amount", given, Message("ocds.rounded"))
    return found


# ── objects and lists ────────────────────────────────────────────────────────


def _object_of(**fields: Spec) -> Spec:
    """An object of such fields; others have no place."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return notes.wrong(path, value, Message("ocds.plain_object_expected"))
        made: Json = {}
        for name, child in value.items():
            where = f"{path}.{name}" if path else name
            if (spec := fields.get(name)) is None:
                if child not in (None, [], {}):
                    notes.no_place(where, child)
                made[name] = child
            elif _is_empty(child):
                notes.no_place(where, child, Message("ocds.empty_value"))
            elif (found := spec(notes, child, where)) is not None:
                made[name] = found
        return made

    return read


def _any_object(notes: Notes, value: Any, path: str) -> Any:
    return (
        value if isinstance(value, dict) else notes.wrong(path, value, Message("ocds.plain_object_expected"))
    )


def _list_of(item: Spec, *, single: bool = False, unique: bool = False) -> Spec:
    """A list; `single`: one of its kind alone stands for it; `unique`: an id twice is noted, the first one counts."""

    def read(notes: Notes, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            if not single or isinstance(value, dict):
                return notes.wrong(path, value, Message("ocds.plain_array_expected"))
            notes.add(path, value, Message("ocds.read_as_array"))
            value = [value]
        made = [_item(notes, item, one, f"{path}[{index}]") for index, one in enumerate(value)]
        found = [(index, one) for index, one in enumerate(made) if one is not None]
        return _first_of_each_id(notes, value, found, path) if unique else [one for _, one in found]

    return read


def _item(notes: Notes, item: Spec, value: Any, path: str) -> Any:
    if _is_empty(value) or value == {}:
        return notes.wrong(path, value, Message("ocds.empty_item"))
    return item(notes, value, path)


def _first_of_each_id(notes: Notes, value: list[Any], found: list[tuple[int, Json]], path: str) -> list[Json]:
    first: dict[str, tuple[int, Json]] = {}
    for index, one in found:
        key = text(one.get("id"), 1000) or f"\x00{index}"
        if key not in first:
            first[key] = index, one
        elif first[key][1] != one:
            reason = Message("ocds.id_twice", id=key[:_SHOWN], item=first[key][0] + 1)
            notes.add(f"{path}[{index}]", value[index], reason)
    return [one for _, one in first.values()]


def _identified(spec: Spec, *names: str, reason: Message) -> Spec:
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
    return _identified(
        whole, "id", "name", "identifier.id", "identifier.legalName", reason=Message("ocds.nameless")
    )


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
    reason=Message("ocds.lot_without_id"),
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
