"""The life of a batch of leads 流转批次 as one state machine: from putting it together to the last answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["draft", "review", "approved", "transferred", "received", "answered", "closed", "withdrawn"]
Action = Literal["submit", "approve", "return", "transfer", "receive", "close", "withdraw"]

STATES: tuple[State, ...] = (
    "draft", "review", "approved", "transferred", "received", "answered", "closed", "withdrawn",
)  # fmt: skip
"""Their words: `leads.state.*`. `answered` is reached by the last answer to one of the leads, not by an action."""
STEPS: tuple[State, ...] = STATES[:-1]
"""The states of a batch that goes its way, in order."""
UNSENT: frozenset[State] = frozenset({"draft", "review", "approved"})
SENT: frozenset[State] = frozenset({"transferred", "received", "answered", "closed"})
ANSWERABLE: frozenset[State] = frozenset({"received", "answered"})
"""In which the receiving body's answers are written down."""


@dataclass(frozen=True)
class Step:
    """One thing done with a batch; its name is the message `leads.action.<action>`."""

    states: frozenset[State]
    becomes: State
    another: bool = False
    """Whether it takes another person than who put the batch together."""
    noted: bool = False
    """Whether it takes a note."""
    filled: bool = False
    """Whether it takes a lead in the batch."""


ACTIONS: Mapping[Action, Step] = {
    "submit": Step(frozenset({"draft"}), "review", filled=True),
    "approve": Step(frozenset({"review"}), "approved", another=True),
    "return": Step(frozenset({"review", "approved"}), "draft", noted=True),
    "transfer": Step(frozenset({"approved"}), "transferred", filled=True),
    "receive": Step(frozenset({"transferred"}), "received", noted=True),
    "close": Step(frozenset({"answered"}), "closed"),
    "withdraw": Step(UNSENT, "withdrawn", noted=True),
}
"""Action → from where, into what. Where no second person is asked for, `submit` leads to approved at once."""

TARGETS = ("regulator", "police", "discipline", "finance", "market")
"""Kinds of bodies that receive leads; their words: `leads.targets.*`."""
SECRECY = ("work", "internal")
"""How the papers are marked; their words: `leads.secrecies.*`."""
