"""What the watch needs to know; settings live in sunbid/settings.py and are handed over as this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supervision.home import NOWHERE, Place, Reference


@dataclass(frozen=True)
class WatchConfig:
    """Where the ledger is, where the lens goes, and how often the watch looks. Times in seconds."""

    database_url: str
    data_dir: Path
    home: Place = NOWHERE
    """The place whose market this is."""
    reference: Reference | None = None
    """A published share the public chart is compared with."""
    poll_seconds: float = 0.2
    """How often the journal is asked for news; the warning follows within this and one evaluation."""
    lens_seconds: float = 10.0
    """How often changed months of the lens are rewritten."""
    sweep_seconds: float = 600.0
    """How often the whole lens is compared with the ledger and baselines are measured again."""
