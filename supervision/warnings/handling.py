"""How a warning may be handled 处置: its states, reason codes and the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from messages import Invalid

Action = Literal["accept", "assign", "dismiss", "lead"]
Disposition = Literal["confirmed", "not_confirmed", "indirect", "other"]

STATES = ("new", "accepted", "assigned", "dismissed", "lead")
"""Their words: `state.*`."""
OPEN_STATES = ("new", "accepted", "assigned")
CLOSED_STATES = ("dismissed", "lead")
DISPOSITIONS = ("confirmed", "not_confirmed", "indirect", "other")
"""Reason codes of a handling. Their words: `disposition.*`."""


@dataclass(frozen=True)
class ActionRule:
    """One thing a supervisor may do with a warning; its name is the message `warnings.action.<action>`."""

    states: frozenset[str]
    """States it may be done from."""
    becomes: str
    dispositions: frozenset[str]
    """Reason codes it may carry; empty: none."""
    required: bool = False
    assigns: bool = False
    """Whether it names the account that goes on with the warning."""


_ALL = frozenset(DISPOSITIONS)
ACTIONS: Mapping[Action, ActionRule] = {
    "accept": ActionRule(frozenset({"new"}), "accepted", frozenset()),
    "assign": ActionRule(frozenset({"new", "accepted", "assigned"}), "assigned", frozenset(), assigns=True),
    "dismiss": ActionRule(frozenset(OPEN_STATES), "dismissed", _ALL - {"confirmed"}, required=True),
    "lead": ActionRule(frozenset(OPEN_STATES), "lead", _ALL - {"not_confirmed"}),
}
"""Action → from where, into what, with which reason codes."""


class IllegalAction(Invalid):
    """An action the warning's state does not allow, or one without its reason."""
