"""Child processes that do not outlive the hub, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

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
