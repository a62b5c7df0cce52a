"""Home of the demonstration: 杭州, with the share its construction e-tenders were published with for 2023."""

from __future__ import annotations

from sunbid.demo.bid_files import FOLDER
from sunbid.settings import Settings, variable
from supervision.home import Place

PLACE = Place("3301", name="杭州", name_en="Hangzhou")
CERTIFICATES = "37 41 11 31 32 34 36 35 42 43 44 50:pilot 51:suspended"
"""Thirteen provinces and cities recognise each other's certificates (Hangzhou, 2023)."""
FACTS = {
    "home_division": PLACE.division,
    "home_name": PLACE.name,
    "home_name_en": PLACE.name_en,
    "reference_share": 34.15,
    "reference_year": 2023,
    "certificate_regions": CERTIFICATES,
    "deposit_rate": 0.35,
}


def settled(settings: Settings) -> Settings:
    """The settings with what only the demonstration knows; what was set by hand stays."""
    files = settings.bid_files or (settings.data / FOLDER).resolve()
    return settings.model_copy(update={**_missing(settings), "bid_files": files})


def environment(settings: Settings) -> dict[str, str]:
    """The same for the processes the demonstration starts."""
    return {
        variable(name): str(getattr(settings, name))
        for name in (*FACTS, "bid_files")
        if getattr(settings, name)
    }


def _missing(settings: Settings) -> dict[str, object]:
    if settings.home_division not in ("", PLACE.division):
        return {}
    return {name: value for name, value in FACTS.items() if not getattr(settings, name)}
