"""Names of places in the reader's language, for charts, tables and filters: centres, and sites of evaluations."""

from __future__ import annotations

from functools import cache

from dashboard import geometry
from dashboard.shell import offered
from messages import DEFAULT, called


def centre(centre_id: str | None, name: str | None, lang: str) -> str | None:
    """A centre that is known by its id and its Chinese name; None where there is none."""
    if not centre_id:
        return name
    return next((called(zh, en, lang) for key, zh, en in offered.centres() if key == centre_id), name)


def site(name: str, lang: str) -> str:
    """A site of an evaluation, which records know by its Chinese name alone: a centre's or a city's name in the
    reader's language, the name as recorded where it is neither."""
    if lang == DEFAULT:
        return name
    centres = {zh: called(zh, en, lang) for _, zh, en in offered.centres()}
    return centres.get(name) or _cities(lang).get(name, name)


@cache
def _cities(lang: str) -> dict[str, str]:
    """Every city of the maps by its Chinese name."""
    provinces = geometry.outlines(geometry.COUNTRY).divisions
    maps = [geometry.outlines(province) for province in provinces if f"{province}.json" in geometry.files()]
    return {city.zh: city.name(lang) for held in maps for city in held.divisions.values()}
