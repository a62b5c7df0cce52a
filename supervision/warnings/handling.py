"""How a warning may be handled 处置: its states, reason codes and the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from messages import Invalid

Action = Literal["accept", "assign", "dismiss", "lead", "agree", "return"]
Disposition = Literal["confirmed", "not_confirmed", "indirect", "other"]

STATES = ("new", "accepted", "assigned", "review", "dismissed", "lead", "silenced")
"""Their words: `state.*`."""
OPEN_STATES = ("new", "accepted", "assigned", "review")
_IN_HAND = frozenset({"new", "accepted", "assigned"})
"""Open, and nobody has yet proposed to dismiss it."""
CLOSED_STATES = ("dismissed", "lead")
DISPOSITIONS = ("confirmed", "not_confirmed", "indirect", "other")
"""Reason codes of a handling. Their words: `disposition.*`."""
VERDICTS = ("confirmed", "not_confirmed")
"""The reason codes that say whether a closed warning was right, by a supervisor or by the body that received the lead."""


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
    another: bool = False
    """Whether it takes another person than who handled the warning last."""
    noted: bool = False
    """Whether it takes a note."""


_ALL = frozenset(DISPOSITIONS)
ACTIONS: Mapping[Action, ActionRule] = {
    "accept": ActionRule(frozenset({"new"}), "accepted", frozenset()),
    "assign": ActionRule(_IN_HAND, "assigned", frozenset(), assigns=True),
    "dismiss": ActionRule(_IN_HAND, "dismissed", _ALL, required=True),
    "lead": ActionRule(_IN_HAND, "lead", _ALL - {"not_confirmed"}),
    "agree": ActionRule(frozenset({"review"}), "dismissed", frozenset(), another=True),
    "return": ActionRule(frozenset({"review"}), "accepted", frozenset(), another=True, noted=True),
}
"""Action → from where, into what, with which reason codes. A dismissal may say "confirmed": true, and dealt with elsewhere. Where a rule is set to a second look 第二人复核, `dismiss` leads
into review, from which another person agrees or hands the warning back."""


class IllegalAction(Invalid):
    """An action the warning's state does not allow, or one without its reason."""
