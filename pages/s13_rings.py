"""S13 投标人抱团: rings (F26), similar prices and files (F27)."""

from __future__ import annotations

from dashboard.panels import likeness, rings
from dashboard.panels import warning_list as warninglist
from dashboard.shell import screen as shell


def body(page: shell.Page) -> None:
    """The study of the market, the bid files that are alike, then the warnings about who bids together, and about prices and files."""
    rings.show_study(page)
    likeness.show(page)
    warninglist.show_families(page)


shell.show("S13", body, every=30, filters=("period", "centre"))
