"""Figures are computed once per state of what they are read from, the lens or the ledger, and remembered for all sessions.

Sessions that ask for the same at once wait for the one that began: thirty that open a screen cost one computation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dashboard import context
from records.clock import now

P = ParamSpec("P")
T = TypeVar("T")
MOST = 2000
LIVE_SECONDS = 5
"""How long what is read from the ledger serves all sessions though nothing was committed: time alone brings things to
light too, a deadline passed or an award's date come."""

_lock = threading.Lock()
_kept: OrderedDict[tuple[Any, ...], Future[Any]] = OrderedDict()
"""What is known, and what is being computed."""


def per_lens(function: Callable[P, T]) -> Callable[P, T]:
    """Remember what `function` returns for hashable arguments until the lens changes."""
    return _remembered(function, _lens)


def per_ledger(function: Callable[P, T]) -> Callable[P, T]:
    """Remember what `function` returns for hashable arguments until anything is committed, for LIVE_SECONDS at most."""
    return _remembered(function, _ledger)


def _lens() -> Hashable:
    lens = context.lens()
    return str(lens.folder), lens.version()


def _ledger() -> Hashable:
    return context.ledger().state(), int(now().timestamp()) // LIVE_SECONDS


def _remembered(function: Callable[P, T], state: Callable[[], Hashable]) -> Callable[P, T]:
    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (
            state, state(), function.__module__, function.__qualname__, args, tuple(sorted(kwargs.items())),
        )  # fmt: skip
        with _lock:
            found: Future[T] | None = _kept.get(key)
            mine = _kept[key] = Future() if found is None else found
            _kept.move_to_end(key)
            while len(_kept) > MOST:
                _kept.popitem(last=False)
        if found is None:
            _compute(key, mine, lambda: function(*args, **kwargs))
        return mine.result()

    return remembered


def _compute(key: tuple[Any, ...], answer: Future[T], work: Callable[[], T]) -> None:
    """Have the answer for all that wait for it; a failure is theirs too, but it is not remembered."""
    try:
        answer.set_result(work())
    except BaseException as error:
        with _lock:
            _kept.pop(key, None)
        answer.set_exception(error)
        raise


def forget() -> None:
    """Remember nothing any more."""
    with _lock:
        _kept.clear()


def forget_live() -> None:
    """Remember nothing of the ledger any more, as after a commit; what the lens says stays."""
    with _lock:
        for key in [key for key in _kept if key[0] is _ledger]:
            del _kept[key]
