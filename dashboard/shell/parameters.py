"""The names an address of the desk may carry: one that is none of them asks for nothing, which screens and walls say.

Addresses are passed on and carried from screen to screen, so that a screen takes every name of the others in silence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dashboard.shell.address_checks import faults
from dashboard.shell.filters import ANALYSIS, PICKED
from messages import Message

EVERYWHERE = ("lang", "embed", "embed_options")
"""The language, and what Streamlit itself reads."""
OWN = {
    "S02": ("origins",),
    "S05": ("band",),
    "S06": ("day", "view", "tiles", "state", "centre", "key", "q"),
    "S07": ("day", "room", "opening"),
    "S08": ("view", "q", "centre", "period", "who", "task", "opening"),
    "S09": ("session",),
    "S10": ("refunds", "opinions", "opinion", "project"),
    "S11": (
        "view",
        "period",
        "centre",
        "family",
        "state",
        "rule",
        "lot",
        "warning",
        "rule_family",
        "level",
        "rule_mode",
    ),
    "S12": ("side", "pair", "party", "other"),
    "S13": ("group", "shape", "lot", "files", "alike"),
    "S14": ("pair", "session", "warning"),
    "S15": ("batch", "target", "batch_state", "warning"),
    "L01": ("lot", "from"),
    "A01": ("area",),
}
"""What single screens take besides the filters row; a screen offers its own where an address asks for what there is not."""
CHOICES = (*sorted({name for own in OWN.values() for name in own}), PICKED)
TABLES = (
    "agency-credit", "expert-conduct", "expert-pairs", "fees", "file-lots", "file-pairs", "leads", "learned-lots", "lots",
    "openings", "opinions", "pair-lots", "pairs", "path-steps", "projects", "refunds", "ring-groups", "ring-prices", "s11", "s12",
    "s13", "s14", "schedule", "visits",
)  # fmt: skip
"""Tables whose page and order stand in the address."""
OF_TABLES = tuple(f"{table}-{what}" for table in TABLES for what in ("page", "sort"))
NAMES = frozenset((*EVERYWHERE, *ANALYSIS, *CHOICES, *OF_TABLES))


def strays(
    asked: Mapping[str, str], takes: Collection[str], known: Collection[str] = NAMES
) -> dict[str, Message]:
    """Name → what is said of it, for each that is none of `known`; `takes` are those that are offered instead."""
    offered = dict.fromkeys(("lang", *takes), _content)
    return faults(asked.items(), offered, dict.fromkeys(known, (_content,)))


def _content(_name: str, _value: str) -> None:
    """Here only names are looked at."""
