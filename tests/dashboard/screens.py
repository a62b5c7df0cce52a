"""The desk's screens as somebody sees them, run in the tests' own process without a browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.screens import Screen

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PATIENCE = 120.0
"""Seconds a screen may take to be drawn: a machine that is busy is slow, and how fast screens are has its own benchmark."""


def desk_of(role: str | None) -> AppTest:
    """The desk before `role`, signed in, not drawn yet; before somebody whose session is over with None."""
    user = None if role is None else SignedIn(role, role, "某某")
    context.identify_by(lambda: user)
    return AppTest.from_file(str(APP), default_timeout=PATIENCE)


def run(role: str, screen: Screen, lang: str = "zh", **params: str) -> AppTest:
    """The screen as `role` sees it. Raises ValueError where the navigation lacks it."""
    test = desk_of(role).run()
    for name, value in {"lang": lang, **params}.items():
        test.query_params[name] = value
    return turn(test, screen)


def turn(test: AppTest, screen: Screen) -> AppTest:
    """The desk with `screen` opened."""
    return test.switch_page(f"../pages/{screen.path.name}").run()


def text(test: AppTest) -> str:
    """All markup on the screen, its charts' figures in words among it."""
    return "\n".join(m.value for m in test.markdown)


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
        rows = pa.ipc.open_stream(proto.data.data).read_all().to_pylist()
        found[proto.alt] = Plot(rows, json.loads(proto.spec))
    return found
