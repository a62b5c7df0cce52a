"""Outlines of the provinces of China and of their cities, as browsers load them, and where each stands on its map.

The files are TopoJSON on a plane `WIDTH` wide with y downward; `dashboard/geometry/make.py` makes them and says where
they come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import messages

FOLDER = Path(__file__).parent
COUNTRY = "provinces"
"""The map of all provinces; the others are called by their province's two digits (GB/T 2260)."""
WIDTH = 1000.0


@dataclass(frozen=True)
class Division:
    """A province or a city: its digits, its names, where its name stands on the map."""

    id: str
    zh: str
    en: str
    x: float
    y: float

    def name(self, lang: str) -> str:
        """Its name in the reader's language."""
        return messages.called(self.zh, self.en, lang)


@dataclass(frozen=True)
class Outlines:
    """One map: how high it is where it is WIDTH wide, and its divisions by their digits."""

    file: str
    height: float
    divisions: Mapping[str, Division]


@cache
def files() -> Mapping[str, bytes]:
    """What browsers load, by file name."""
    return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}


@cache
def outlines(name: str) -> Outlines:
    """The map COUNTRY, or that of a province. KeyError where there is none."""
    file = f"{name}.json"
    held = json.loads(files()[file])
    placed = [
        (one["id"], one["properties"])
        for one in held["objects"]["divisions"]["geometries"]
        if one["properties"]
    ]
    found = {
        id: Division(id, place["name"], place["name_en"], place["x"], place["y"]) for id, place in placed
    }
    return Outlines(file, held["bbox"][3], found)


@cache
def divided(province: str) -> bool:
    """Whether a province has a map of more cities than one."""
    return f"{province}.json" in files() and len(outlines(province).divisions) > 1


def city_name(city: str, lang: str) -> str:
    """What a city is called: its digits where no map has it."""
    province = city[:2]
    if f"{province}.json" not in files() or city not in outlines(province).divisions:
        return city
    return outlines(province).divisions[city].name(lang)
