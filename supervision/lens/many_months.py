"""Many months of the lens at once, each on a core of its own: for a lens that is built whole."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from records.parent import leave_with_parent

Make = Callable[[Any], Any]

_make: Make | None = None


def on_cores(
    workers: int, open_: Callable[..., Make], given: tuple[Any, ...], jobs: Sequence[Any]
) -> Iterator[Any]:
    """What `open_(*given)` makes of every job, in their order; `open_` is called once in each of the processes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (open_, given)) as pool:
        yield from pool.map(_work, jobs)


def _begin(open_: Callable[..., Make], given: tuple[Any, ...]) -> None:
    global _make
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    leave_with_parent()
    _make = open_(*given)


def _work(job: Any) -> Any:
    if _make is None:
        raise RuntimeError("the worker was not started")
    return _make(job)
