"""The administrator's page 系统管理: accounts, rooms and sources. Not one of the fifteen screens."""

from __future__ import annotations

from dashboard.panels import admin as admin_panel
from dashboard.shell import screen as shell

shell.show("A01", admin_panel.show, every=None)
