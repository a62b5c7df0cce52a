"""Configuration of the desk; the front door fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from supervision.home import NOWHERE, CertificateRegion, Place, Reference


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
    certificates: tuple[CertificateRegion, ...] = ()
    """The provinces whose certificates are recognised here; empty: those whose certificates were used are shown."""
    holidays: frozenset[date] = frozenset()
    """Legal holidays, past which the last day of a period of law moves."""
    deposit_rate: Decimal = Decimal(0)
    """The bank's yearly rate for current accounts, per cent, by which deposits bear interest; 0: not known."""
    unmask_by_two: bool = False
    """Whether the names behind a mask are shown only once a second person has confirmed."""
    rules_by_two: bool = False
    """Whether a rule is changed only once a second person has agreed."""
    leads_by_two: bool = True
    """Whether a batch of leads is handed on only once a second person has looked at it."""
    public_url: str = ""
    """The desk as browsers reach it, where that is set: what is in front of it may change port and scheme."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    @property
    def secure_cookies(self) -> bool:
        """Whether the sign-in cookie is sent over HTTPS only."""
        return self.public_url.startswith("https://")
