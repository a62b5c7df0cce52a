"""What the desk needs to know to run; filled from the settings by the front door."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supervision.home import NOWHERE, Place, Reference


@dataclass(frozen=True)
class DeskConfig:
    """Settings of one desk process."""

    database_url: str
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8601
    hub_url: str = "http://127.0.0.1:8600"
    """The hub as a browser reaches it."""
    hub_inside: str | None = None
    """The hub as this process reaches it, where that differs (a proxy in front, another network)."""
    home: Place = NOWHERE
    """The place whose market this is."""
    reference: Reference | None = None
    """A published share the chart of M04 is compared with."""
    secure_cookies: bool = False
    """Send the sign-in cookie over HTTPS only."""
