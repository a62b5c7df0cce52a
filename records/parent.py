"""Processes that work for another and must not outlive it: workers of our own, and programs we start."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import parent_process


def leave_with_parent() -> None:
    """A killed parent leaves no worker behind; called once in every worker."""
    threading.Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def end_with_parent(parent: int) -> Callable[[], None] | None:
    """A preexec_fn: the kernel sends the child SIGTERM when `parent` (os.getpid()) is gone. Linux; elsewhere
    None."""
    if _LIBC is None:
        return None

    def bind() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)

    return bind
