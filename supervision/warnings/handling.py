"""How a warning may be handled 处置: its states, reason codes and the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from messages import Invalid

Action = Literal["accept", "assign", "dismiss", "lead"]
Disposition = Literal["confirmed", "not_confirmed", "indirect", "other"]

STATES: dict[str, tuple[str, str]] = {
    "new": ("待受理", "New"),
    "accepted": ("已受理", "Accepted"),
    "assigned": ("已分办", "Assigned"),
    "dismissed": ("已排除", "Dismissed"),
    "lead": ("已转线索", "Turned into a lead"),
}
OPEN_STATES = ("new", "accepted", "assigned")
CLOSED_STATES = ("dismissed", "lead")
DISPOSITIONS: dict[str, tuple[str, str]] = {
    "confirmed": ("属实", "Confirmed"),
    "not_confirmed": ("不属实", "Not confirmed"),
    "indirect": ("间接相关", "Indirectly related"),
    "other": ("其他", "Other"),
}


@dataclass(frozen=True)
class ActionRule:
    """One thing a supervisor may do with a warning."""

    zh: str
    en: str
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
    "accept": ActionRule("受理", "Accept", frozenset({"new"}), "accepted", frozenset()),
    "assign": ActionRule(
        "分办", "Assign", frozenset({"new", "accepted", "assigned"}), "assigned", frozenset(), assigns=True
    ),
    "dismiss": ActionRule(
        "排除（误报）", "Dismiss", frozenset(OPEN_STATES), "dismissed", _ALL - {"confirmed"}, required=True
    ),
    "lead": ActionRule(
        "转线索", "Turn into a lead", frozenset(OPEN_STATES), "lead", _ALL - {"not_confirmed"}
    ),
}
"""Action → from where, into what, with which reason codes."""


class IllegalAction(Invalid):
    """An action the warning's state does not allow, or one without its reason."""
