"""Errors as a log tells them: where it happened and of what type, never with values; and not too often.

The words of an exception are left out, because they quote what was being handled: a field of a form, a row of the
ledger, a header. File, line and function say where to look.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from typing import Any

FRAMES = 20
"""Innermost frames shown of each exception."""
CHAIN = 4
"""Exceptions shown of a chain: this one and what caused it."""
OFTEN, WINDOW = 5, 60.0
"""The same error is told so many times in so many seconds; the rest is counted."""
_KEPT = 1000


def in_lines(error: BaseException) -> str:
    """An exception and its causes in plain lines, outermost cause last."""
    return "\n".join(_lines(error, CHAIN))


def _lines(error: BaseException, left: int) -> Iterator[str]:
    frames = traceback.extract_tb(error.__traceback__)
    for frame in frames[-FRAMES:]:
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
    yield f"{type(error).__module__}.{type(error).__qualname__}{_safe_words(error)}"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions[:left]:
            yield from ("  | " + line for line in _lines(one, 1))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and left > 1:
        yield "because of / during:"
        yield from _lines(cause, left - 1)


def _safe_words(error: BaseException) -> str:
    """What the operating system said: the only words that cannot quote what was being handled."""
    return f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""


def place(error: BaseException) -> tuple[str, str, int]:
    """Type and line of an error: what makes two of them the same. Cheap: it is asked where the error happens."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__qualname__, "", 0
    return type(error).__qualname__, trace.tb_frame.f_code.co_filename, trace.tb_lineno


class NotTooOften(logging.Filter):
    """Lets the same error pass a few times a minute; the next one let through says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, int], tuple[float, int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is told."""
        error = _error_of(record)
        if error is None:
            return True
        key, instant = place(error), time.monotonic()
        began, count, left_out = self._seen.get(key, (instant, 0, 0))
        if instant - began > WINDOW:
            began, count = instant, 0
        if count >= OFTEN:
            self._seen[key] = (began, count, left_out + 1)
            return False
        if len(self._seen) >= _KEPT:
            self._seen.clear()
        self._seen[key] = (began, count + 1, 0)
        record.left_out = left_out
        return True


def _error_of(record: logging.LogRecord) -> BaseException | None:
    given: Any = record.exc_info
    if isinstance(record.msg, dict):
        given = record.msg.get("exc_info") or given
    if isinstance(given, tuple):
        given = given[1]
    return given if isinstance(given, BaseException) else None
