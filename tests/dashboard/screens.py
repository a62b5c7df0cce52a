"""The desk's screens as somebody sees them, run in the tests' own process without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, app_test, local_script_runner
from streamlit.util import calc_hash

import messages
from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.screens import Screen

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PATIENCE = 120.0
"""Seconds a screen may take to be drawn: a machine that is busy is slow, and how fast screens are has its own benchmark."""
_FAILED = tuple(messages.say("common.part_failed", lang) for lang in messages.languages())
"""What stands in place of a part of a screen that could not be drawn."""

# What a running desk does once an AppTest would do for every screen: read what all installed packages say of themselves,
# and compile the screen. Two thirds of its time went there.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
compiled = ScriptCache()
app_test.ScriptCache = local_script_runner.ScriptCache = lambda: compiled


def desk_of(role: str | None) -> AppTest:
    """The desk before `role`, signed in, not drawn yet; before somebody whose session is over with None."""
    user = None if role is None else SignedIn(role, role, "某某")
    context.identify_by(lambda: user)
    return AppTest.from_file(str(APP), default_timeout=PATIENCE)


def run(role: str, screen: Screen, lang: str = "zh", **params: str) -> AppTest:
    """The screen as `role` sees it who opens its address. Raises ValueError where the navigation lacks it."""
    test = desk_of(role)
    for name, value in {"lang": lang, **params}.items():
        test.query_params[name] = value
    return opened(test, screen)


def opened(test: AppTest, screen: Screen) -> AppTest:
    """A desk that has drawn nothing yet, begun at the address of `screen`: its front screen is not drawn before."""
    test._page_hash = calc_hash(screen.slug)  # `switch_page` knows addresses only after a first run
    test.run()
    if screen.slug not in {page.get("url_pathname") for page in test._registered_pages.values()}:
        raise ValueError(f"the navigation has no page {screen.slug}")
    failed = [m.value for m in test.markdown if any(words in m.value for words in _FAILED)]
    assert not failed, "a part of the screen failed"
    return test


def turn(test: AppTest, screen: Screen) -> AppTest:
    """The desk with `screen` opened from the one before."""
    return test.switch_page(f"../pages/{screen.path.name}").run()


def text(test: AppTest) -> str:
    """All that the screen says: its markup, its charts' figures in words among it, and its tables."""
    cells = [" ".join(row) for table in tables(test).values() for row in table]
    return "\n".join([*(m.value for m in test.markdown), *cells])


def arrow_rows(proto: Any) -> list[dict[str, Any]]:
    """The rows that an element carries, a chart's or a table's; none for others."""
    for name in ("arrow_data", "data"):
        held = getattr(getattr(proto, name, None), "data", None)
        if isinstance(held, bytes) and held:
            rows: list[dict[str, Any]] = pa.ipc.open_stream(held).read_all().to_pylist()
            return rows
    return []


def tables(test: AppTest) -> dict[str, list[list[str]]]:
    """The tables of a screen by their titles: their rows as they are read, a number in its column's unit."""
    return {frame.proto.alt: _rows(frame.proto) for frame in test.dataframe}


def _rows(proto: Any) -> list[list[str]]:
    columns = json.loads(proto.columns)
    return [[_cell(value, columns[name]) for name, value in row.items()] for row in arrow_rows(proto)]


def _cell(value: Any, column: dict[str, Any]) -> str:
    """A cell as a reader sees it."""
    if value is None:
        return "—"
    if isinstance(value, list):
        return " ".join(value)
    shown = re.fullmatch(r"(.*?)%(,?)(\.\d)?[fd](.*)", column["type_config"].get("format", ""))
    if shown is None:
        return str(value)
    before, thousands, places, unit = shown.groups()
    return f"{before}{value:{thousands}{places or '.0'}f}{unit.replace('%%', '%')}"


@dataclass(frozen=True)
class Plot:
    """A chart on a screen: its rows and its specification."""

    rows: list[dict[str, Any]]
    spec: dict[str, Any]

    def parameter(self, name: str) -> Any:
        """What a parameter of the specification is set to."""
        return next(p["value"] for p in self.spec["params"] if p["name"] == name)

    def points(self) -> dict[str, str]:
        """Each point over time with what its tooltip says of the first series."""
        return {row["name"]: row["shown0"] for row in self.rows if row["kind"] == "point"}


def plots(test: AppTest) -> dict[str, Plot]:
    """The charts of a screen by their titles."""
    found = {}
    for element in test.get("vega_lite_chart"):
        proto = element.proto
        found[proto.alt] = Plot(arrow_rows(proto), json.loads(proto.spec))
    return found
