"""Configuration of the hub; the front door fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HubConfig:
    """Where the hub listens, what it reads and which address it announces to viewers."""

    database_url: str
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8600
    """TCP port of pages, feeds, WHIP and WHEP; 0 lets the system choose."""
    media_port: int = 8600
    """UDP port all media goes through; TCP of the same number takes publishers whose network shuts UDP out."""
    public_host: str = "127.0.0.1"
    """Address announced to viewers in ICE candidates."""
    desk_origin: str | None = None
    """Origin of the desk (http://host:port), which may frame the pages; None: nobody may."""
    fanout: str = "auto"
    """Which inner loop forwards media: auto, native, abi or plain."""
    record: bool = True
    """Whether openings are recorded."""
    edges: str = ""
    """Janus edges that take viewers over, as streaming.edges.config reads them."""
    edges_after: int = 0
    """Viewers of a room served here before edges are used."""
    max_feeds: int = 20_000
    """WebSocket subscribers the hub accepts at a time."""
    poll_seconds: float = 0.2
    """How often the one poller asks the ledger for new public rows."""

    log_origin: str = "sunbid.example/log"
    """Name of the log of evidence where it has none yet."""
    witnesses: tuple[str, ...] = ()
    """Public keys of the witnesses whose cosignatures are taken, as C2SP writes them."""
    archive: Path | None = None
    """Folder of the second copies of evidence packages."""
    timestamp_url: str = ""
    """Address of a time-stamping authority (RFC 3161); empty: none."""
    timestamp_ca: Path | None = None
    """PEM file of the authority's root certificates."""

    @property
    def shares_port(self) -> bool:
        """Whether media's TCP comes in by the port of the pages, which has the same number."""
        return self.media_port == self.port != 0

    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
