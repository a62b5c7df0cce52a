"""Configuration of the watch; the front door fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supervision.home import NOWHERE, Place, Reference
from supervision.notices.channel import Channel

SIGN = "watch.health"
"""File in the data folder that says how the watch is; it has no port to be asked on."""


@dataclass(frozen=True)
class WatchConfig:
    """Where the ledger is, where the lens goes, and how often the watch looks. Times in seconds."""

    database_url: str
    data_dir: Path
    home: Place = NOWHERE
    """The place whose market this is."""
    reference: Reference | None = None
    """A published share the public chart is compared with."""
    bid_files: Path | None = None
    """The folder below which bid files lie that records refer to; None: they are not compared."""
    desk_url: str = ""
    """Where supervisors find the desk; notices lead there."""
    notice_levels: tuple[str, ...] = ("red", "orange")
    """The levels of warnings that are told by `channels`."""
    channels: tuple[Channel, ...] = ()
    """The ways in which new warnings are told beside the desk."""
    learn_from_verdicts: bool = False
    """Whether the study of rings learns a model of each market from supervisors' verdicts."""
    poll_seconds: float = 0.2
    """How often the journal is asked for news; the warning follows within this and one evaluation."""
    lens_seconds: float = 10.0
    """How often changed months of the lens are rewritten."""
    market_seconds: float = 300.0
    """How often at most the market rules look at a lens that changed."""
    sweep_seconds: float = 600.0
    """How often the whole lens is compared with the ledger and baselines are measured again."""
    study_seconds: float = 3600.0
    """How often the market is studied for rings and tendencies."""
    hot_patience: float = 120.0
    """Seconds the hot loop may be at one round before it counts as stuck."""
    lens_patience: float = 3600.0
    """The same of the lens' loop: built from nothing, a city's years take many minutes."""
