"""Walks over a release by what its reader expects at each place: what has another shape is told and left out.

A specification reads the value of one place. It answers with the value as the reader may take it, None where there
is none, and tells the walk of whatever it has changed or could not take, by the path in the release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingest.kinds.fields import EARLIEST, LATEST
from ingest.ocds.unplaced import Left
from ingest.ocds.values import LARGEST, amount, instant, text

Json = dict[str, Any]
Tell = Callable[[str, Any, str], None]
"""Path, what stands there, why it is not taken as it is."""
_SHOWN = 500
_DECIMAL = re.compile(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?\s*")
EMPTY = "空值，按没有读 / an empty value, read as none"
ROUNDED = "金额舍入到四位小数 / an amount was rounded to four decimals"
CODE = "不是可用的代码，按没有读 / no code that is known, read as none"


@dataclass(frozen=True)
class Walk:
    """One release on its walk; `left` counts what has no place, unless the release says all in its own part."""

    tell: Tell
    left: Left
    counting: bool = True

    def wrong(self, path: str, value: Any, expected: str) -> None:
        """A value of another shape."""
        self.tell(
            path, value, f"{expected}；这一处未读，请改正后重新导入 / not read: mend it and import again"
        )

    def no_place(self, path: str, value: Any, reason: str | None = None) -> None:
        """Something in order that is not taken: told once a file, with how often it came."""
        if self.counting:
            self.left.count(re.sub(r"\[\d+\]", "", path), value, reason)


Spec = Callable[[Walk, Any, str], Any]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


# ── texts, codes, numbers, times ─────────────────────────────────────────────


def words(limit: int = 300, *, numbers: bool = False) -> Spec:
    """A text of at most so many characters; `numbers`: a number is as good, as in ids."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        if not isinstance(value, str) and not _is_number(value):
            return walk.wrong(path, value, "应为文字 / should be a text")
        if not isinstance(value, str) and not (numbers and isinstance(value, int)):
            walk.tell(path, value, "应为文字，已按文字读 / should be a text, read as one")
        told = " ".join(str(value).split())
        if len(told) > limit:
            walk.tell(
                path, value, f"{len(told)} 个字符，只取前 {limit} 个 / too long, only the first {limit} taken"
            )
        return text(told, limit)

    return read


def code(known: Collection[str], *, kept: bool = False) -> Spec:
    """One of a list of codes; `kept`: others go on, for the record to be refused or the reader to judge."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return walk.wrong(path, value, "应为代码 / should be a code")
        if value in known or kept:
            return value
        return walk.no_place(path, value, CODE)

    return read


def flag(walk: Walk, value: Any, path: str) -> Any:
    """True or false."""
    if isinstance(value, bool):
        return value
    return walk.wrong(path, value, "应为 true 或 false / should be true or false")


def currency(walk: Walk, value: Any, path: str) -> Any:
    """The three letters of a currency."""
    if isinstance(value, str) and re.fullmatch("[A-Za-z]{3}", value):
        return value
    return walk.wrong(path, value, "应为三个字母的币种 / should be a currency of three letters")


def time(walk: Walk, value: Any, path: str) -> Any:
    """A time, or a day; legal in OCDS, one outside 1900–2200 has no place in the ledger."""
    found = instant(value)
    if found is None:
        return walk.wrong(
            path, value, "应为 RFC 3339 时间，如 2024-05-06T09:30:00Z / should be an RFC 3339 time"
        )
    if EARLIEST <= found <= LATEST:
        return value
    reason = "时间不在 1900–2200 年之间，账本不记 / a time outside 1900–2200 has no place in the ledger"
    return walk.tell(path, value, reason)


def number(walk: Walk, value: Any, path: str) -> Any:
    """A number; digits between quotes are one, and said so."""
    if _is_number(value):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        walk.tell(path, value, "应为数字，文字已按数字读 / should be a number, the text was read as one")
        return Decimal(value.strip())
    return walk.wrong(path, value, "应为数字 / should be a number")


def money(walk: Walk, value: Any, path: str) -> Any:
    """A value: its amount, currency and whether VAT is in it."""
    found = _VALUE(walk, value, path)
    given = found.get("amount") if found else None
    if given is None:
        return found
    if not 0 <= (exact := Decimal(str(given))) <= LARGEST:
        reason = "金额为负或过大，账本不记 / a negative or too large amount has no place in the ledger"
        walk.tell(path, value, reason)
        return {name: child for name, child in found.items() if name != "amount"}
    if Decimal(amount(given) or 0) != exact:
        walk.no_place(f"{path}.amount", given, ROUNDED)
    return found


# ── objects and lists ────────────────────────────────────────────────────────


def thing(**fields: Spec) -> Spec:
    """An object of such fields; others have no place."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return walk.wrong(path, value, "应为对象 / should be an object")
        made: Json = {}
        for name, child in value.items():
            where = f"{path}.{name}" if path else name
            if name not in fields:
                if child not in (None, [], {}):
                    walk.no_place(where, child)
                made[name] = child
            elif _is_empty(child):
                walk.no_place(where, child, EMPTY)
            elif (found := fields[name](walk, child, where)) is not None:
                made[name] = found
        return made

    return read


_VALUE = thing(amount=number, currency=currency, valueAddedTaxIncluded=flag)


def mapping(walk: Walk, value: Any, path: str) -> Any:
    """An object of any names."""
    return value if isinstance(value, dict) else walk.wrong(path, value, "应为对象 / should be an object")


def listed(item: Spec, *, single: bool = False, unique: bool = False) -> Spec:
    """A list; `single`: one of its kind alone stands for it; `unique`: an id twice is told, the first one counts."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            if not single or isinstance(value, dict):
                return walk.wrong(path, value, "应为数组 / should be an array")
            walk.tell(path, value, "应为数组，已按只有一项读 / should be an array, read as one of one item")
            value = [value]
        made = [_item(walk, item, one, f"{path}[{index}]") for index, one in enumerate(value)]
        found = [(index, one) for index, one in enumerate(made) if one is not None]
        return [one for _, one in _once(walk, value, found, path)] if unique else [one for _, one in found]

    return read


def _item(walk: Walk, item: Spec, value: Any, path: str) -> Any:
    if _is_empty(value) or value == {}:
        return walk.wrong(path, value, "空的一项 / an empty item")
    return item(walk, value, path)


def _once(walk: Walk, value: list[Any], found: list[tuple[int, Json]], path: str) -> list[tuple[int, Json]]:
    first: dict[str, tuple[int, Json]] = {}
    for index, one in found:
        key = text(one.get("id"), 1000) or f"\x00{index}"
        if key not in first:
            first[key] = index, one
        elif first[key][1] != one:
            reason = f"编号 {key} 与第 {first[key][0] + 1} 项相同，只取先出现的 / the id of an earlier item, which counts"
            walk.tell(f"{path}[{index}]", value[index], reason[:_SHOWN])
    return list(first.values())


def named(spec: Spec, *names: str, reason: str) -> Spec:
    """An object that must say one of these (`a.b`: b within a) to be known at all."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        found = spec(walk, value, path)
        if found is None or any(_at(found, name) for name in names):
            return found
        return walk.wrong(path, value, reason)

    return read


def _at(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def either(first: Spec, of: type | tuple[type, ...], other: Spec) -> Spec:
    """As `first` reads it where it is one of these types, else as `other` does."""

    def read(walk: Walk, value: Any, path: str) -> Any:
        return (first if isinstance(value, of) else other)(walk, value, path)

    return read
