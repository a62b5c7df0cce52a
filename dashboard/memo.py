"""Figures of the lens are computed once per state of the lens and remembered for all sessions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dashboard import context

P = ParamSpec("P")
T = TypeVar("T")
MOST = 2000

_lock = threading.Lock()
_kept: OrderedDict[Hashable, Any] = OrderedDict()


def per_lens(function: Callable[P, T]) -> Callable[P, T]:
    """Remember what `function` returns for hashable arguments until the lens changes."""

    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        lens = context.lens()
        key = (
            function.__module__, function.__qualname__, str(lens.folder), lens.version(), args,
            tuple(sorted(kwargs.items())),
        )  # fmt: skip
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                found: T = _kept[key]
                return found
        answer = function(*args, **kwargs)
        with _lock:
            _kept[key] = answer
            while len(_kept) > MOST:
                _kept.popitem(last=False)
        return answer

    return remembered


def forget() -> None:
    """Remember nothing any more."""
    with _lock:
        _kept.clear()
