"""Processes that work for another and must not outlive it."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def leave_with_parent() -> None:
    """A killed parent leaves no worker behind; called once in every worker."""
    threading.Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
