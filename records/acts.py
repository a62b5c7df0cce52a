"""Who keeps this installation, and why an act of theirs is refused."""

from __future__ import annotations

from dataclasses import dataclass

from messages import Invalid


@dataclass(frozen=True)
class By:
    """Who does something, and from where; for the audit chain."""

    name: str = "cli"
    ip: str | None = None


COMMAND_LINE = By()
"""Somebody at the command line of this machine."""


class Conflict(Invalid):
    """What was asked for is well said, but what the ledger holds does not allow it."""


class Disturbs(Conflict):
    """What was asked for would disturb an opening; it is done if it is asked for knowingly."""
