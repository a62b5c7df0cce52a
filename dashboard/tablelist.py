"""Every table that can be exported, by name; which role may is said by `dashboard.screens`."""

from __future__ import annotations

from dashboard.livetables import LIVE
from dashboard.tabledata import ANALYSED

TABLES = {table.name: table for table in (*ANALYSED, *LIVE)}
"""Table name → table."""
