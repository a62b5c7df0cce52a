"""Configuration of the intake; the front door fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from records.serving.doorway import HEAD_SECONDS


@dataclass(frozen=True)
class IntakeConfig:
    """Settings of one intake process. Sizes in bytes, times in seconds."""

    database_url: str
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8602
    head_seconds: float = HEAD_SECONDS
    """Within so long the head of a request must have come."""
    max_message: int = 1 << 20
    """Longest record, whichever way it comes: a longer one is refused by itself, the others go on."""
    max_frame: int = 8 << 20
    """Longest record of which its kind and key are still read; a longer WebSocket message ends the connection."""
    max_body: int = 32 << 20
    """Largest request body as it comes over the wire."""
    max_unpacked: int = 128 << 20
    """Largest body after decompression."""
    max_ratio: int = 100
    """Largest ratio of unpacked to packed bytes; beyond it a body is a bomb, not data."""
    max_records: int = 200_000
    body_idle: float = 20.0
    body_total: float = 300.0
    body_grace: float = 30.0
    body_rate: int = 1024
    """A body that has been coming for `body_grace` must have brought so many bytes a second."""
    bodies_each: int = 4
    """Request bodies of one source read at the same time; further ones of that source wait `body_wait`."""
    body_wait: float = 30.0
    max_splits: int = 4
    """Bodies taken apart at the same time; further ones wait, none for long."""
    sockets_each: int = 32
    """WebSockets of one source."""
    strangers_each: int = 16
    """WebSockets of one address whose first message, with the token, is awaited."""
    send_idle: float = 60.0
    """So long an answer may wait for its sender to read it."""
    unread: int = 10_000
    """Records of one WebSocket sent and not answered, or answers not read; beyond it the socket is not read."""
    batch: int = 2_000
    """Most records committed together."""
    queue: int = 20_000
    """Records waiting for the writer; beyond it the sockets are not read."""
    patience: float = 90.0
    """Seconds one transaction may take before the writer counts as stuck: a locked SQLite ledger is waited for 30."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
