"""Conditions of the law written once and put twice: in Python over values, in SQL over columns.

A rule is a function of a `Logic` and of what it judges. With `PYTHON` it is handed values and answers at once; with
`SQL` it is handed columns and answers with an expression. A comparison with what is not known (None, NULL) is false
in both, so that the two never differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

C = TypeVar("C")
"""What a condition is: bool, or an SQL expression of one."""


@dataclass(frozen=True)
class Logic(Generic[C]):
    """The words a rule is written in."""

    every: Callable[..., C]
    some: Callable[..., C]
    no: Callable[[C], C]
    known: Callable[[Any], C]
    """Whether a value is told at all."""
    after: Callable[[Any, Any], C]
    """Whether the first moment is later than the second; false where either is not known."""
    by: Callable[[Any, Any], C]
    """Whether the first moment is not later than the second; false where either is not known."""
    equal: Callable[[Any, Any], C]


PYTHON: Logic[bool] = Logic(
    every=lambda *conditions: all(conditions),
    some=lambda *conditions: any(conditions),
    no=lambda condition: not condition,
    known=lambda value: value is not None,
    after=lambda one, other: one is not None and other is not None and one > other,
    by=lambda one, other: one is not None and other is not None and one <= other,
    equal=lambda one, other: bool(one == other),
)
SQL: Logic[ColumnElement[bool]] = Logic(
    every=and_,
    some=lambda *conditions: or_(false(), *conditions),
    no=not_,
    known=lambda column: cast(ColumnElement[bool], column.is_not(None)),
    after=lambda one, other: func.coalesce(one > other, false()),
    by=lambda one, other: func.coalesce(one <= other, false()),
    equal=lambda one, other: cast(ColumnElement[bool], one == other),
)
