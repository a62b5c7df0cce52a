"""Every table that can be exported, by name; which role may is said by `dashboard.screens`."""

from __future__ import annotations

from dashboard.exports.tables import ANALYSED
from dashboard.live.tables import LIVE

TABLES = {table.name: table for table in (*ANALYSED, *LIVE)}
"""Table name → table."""
