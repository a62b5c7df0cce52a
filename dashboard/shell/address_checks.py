"""Checks of query parameters: the possible values of each choice, and what is wrong with those that an address names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

from messages import Message
from records.currencies import is_currency

Check = Callable[[str, str], Message | None]
"""(parameter, value) → what is wrong with the value; None where nothing is."""


def anything(_name: str, _value: str) -> Message | None:
    """An identifier or words to search for: one that nothing has finds nothing, and that is no fault."""
    return None


def one_of(values: Collection[str]) -> Check:
    """One of these words."""

    def wrong(name: str, value: str) -> Message | None:
        return (
            None
            if value in values
            else Message("filters.not_among", asked=_said(name, value), choices=list(values))
        )

    return wrong


def one_held(known: Callable[[str], bool]) -> Check:
    """Something that the records, or what is shown of them, hold."""

    def wrong(name: str, value: str) -> Message | None:
        return None if known(value) else Message("filters.no_such_choice", asked=_said(name, value))

    return wrong


def a_day(name: str, value: str) -> Message | None:
    """A day as YYYY-MM-DD."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return Message("filters.not_a_day", asked=_said(name, value))
    return None


def a_currency(name: str, value: str) -> Message | None:
    """A currency, as `records.currencies` writes it."""
    return None if is_currency(value) else Message("filters.not_a_currency", asked=_said(name, value))


def a_mark(marks: Collection[str]) -> Check:
    """A mark of a chart, one of these: its dimension and its value, `winner:91330100…`."""

    def wrong(name: str, value: str) -> Message | None:
        by, _, key = value.partition(":")
        if by in marks and key and key.isprintable():
            return None
        return Message("filters.not_a_mark", asked=_said(name, value), choices=sorted(marks))

    return wrong


def _said(name: str, value: str) -> str:
    return f"{name}={value[:40]}"


def faults(
    asked: Iterable[tuple[str, str]], takes: Mapping[str, Check], known: Mapping[str, Sequence[Check]]
) -> dict[str, Message]:
    """Parameter → what is wrong with it, for each that is. Empty values ask for nothing.

    `takes` are the parameters of what is asked for, `known` those that an address may carry besides, because it was
    made for another table of the same screen: one of its checks has to be content.
    """
    found = ((name, _fault(name, value, takes, known)) for name, value in asked if value)
    return {name: fault for name, fault in found if fault is not None}


def _fault(
    name: str, value: str, takes: Mapping[str, Check], known: Mapping[str, Sequence[Check]]
) -> Message | None:
    if name in takes:
        return takes[name](name, value)
    if name not in known:
        return Message("filters.unknown_parameter", name=name[:40], choices=sorted(takes))
    found = [check(name, value) for check in known[name]]
    return found[0] if None not in found else None


def given_twice(asked: Mapping[str, Sequence[str]]) -> list[Message]:
    """What is said of the names that an address carries with more than one value: the last one counts."""
    return [
        Message("site.asked.twice", asked=name[:40], last=f"{name[:40]}={values[-1][:40]}")
        for name, values in asked.items()
        if len(set(values)) > 1
    ]
