"""S13 投标人抱团: rings (F26), similar prices and files (F27)."""

from __future__ import annotations

from dashboard.panels import warning_list as warninglist
from dashboard.shell import screen as shell


def body(page: shell.Page) -> None:
    """Warnings about who bids together, and about prices and files alike."""
    warninglist.show_families(page)


shell.show("S13", body, every=10, filters=("period", "centre"))
