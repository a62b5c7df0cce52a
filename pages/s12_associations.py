"""S12 招标人异常关联: links among tenderers, agencies and winners (F24, F25)."""

from __future__ import annotations

from dashboard.panels import warning_list as warninglist
from dashboard.shell import screen as shell


def body(page: shell.Page) -> None:
    """Warnings about tenderers and about agencies."""
    warninglist.show_families(page)


shell.show("S12", body, every=10, filters=("period", "centre"))
