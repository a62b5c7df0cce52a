"""Context of a screen: the desk's settings, ledger, lens and caches, and who is looking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.access.accounts import SignedIn
from dashboard.access.displays import Displays
from dashboard.access.sessions import Sessions
from dashboard.config import DeskConfig
from records.ledger import Ledger
from records.sources import kinds_of_data

if TYPE_CHECKING:
    from supervision.lens.reader import Lens

USER_HEADER = "X-Sunbid-Session"
"""Header in which the gate hands the verified session token to the screens; stripped from outside."""
USER_KEY = "sunbid_session"
_DEMO_SECONDS = 20.0


@dataclass
class _Process:
    config: DeskConfig
    ledger: Ledger
    sessions: Sessions
    displays: Displays
    lens: Lens | None = None
    demo: tuple[float, bool] = field(default=(0.0, False))


_lock = threading.Lock()
_process: _Process | None = None
_identify: Callable[[], SignedIn | None] | None = None


def configure(config: DeskConfig) -> None:
    """Set up the one ledger, lens and session store of this process; called before the first request."""
    global _process
    with _lock:
        if _process is not None:
            _process.ledger.close()
        ledger = Ledger(config.database_url)
        _process = _Process(config, ledger, Sessions(ledger, config.data_dir), Displays(ledger))


def identify_by(who: Callable[[], SignedIn | None] | None) -> None:
    """Replace the sign-in check of `current_user` inside this process (tests run screens without a browser)."""
    global _identify
    _identify = who


def _here() -> _Process:
    if _process is None:
        raise RuntimeError("the desk is not configured: call dashboard.context.configure first")
    return _process


def config() -> DeskConfig:
    """Settings of this process. Raises RuntimeError before `configure`."""
    return _here().config


def ledger() -> Ledger:
    """The ledger of this process."""
    return _here().ledger


def lens() -> Lens:
    """The columnar copy of this process, opened at its first use."""
    here = _here()
    if here.lens is None:
        from supervision.lens.reader import Lens

        with _lock:
            here.lens = here.lens or Lens(here.config.data_dir)
    return here.lens


def sessions() -> Sessions:
    """The session store of this process."""
    return _here().sessions


def displays() -> Displays:
    """The wall displays of this process."""
    return _here().displays


def current_user() -> SignedIn | None:
    """Who looks at the running screen; None once signed out, disabled or expired (noticed within seconds)."""
    if _identify is not None:
        return _identify()
    token = st.user.to_dict().get(USER_KEY)
    return sessions().check(token) if isinstance(token, str) else None


def viewer_address() -> str | None:
    """The address the running screen's viewer comes from, for the audit chain; None on this machine itself."""
    address: object = st.context.ip_address
    return address if isinstance(address, str) else None


def is_demo() -> bool:
    """Whether demonstration data is in the ledger: every screen says so then."""
    here = _here()
    checked, answer = here.demo
    if time.monotonic() - checked > _DEMO_SECONDS or not checked:
        with here.ledger.read() as session:
            answer = True in kinds_of_data(session)
        here.demo = (time.monotonic(), answer)
    return answer
