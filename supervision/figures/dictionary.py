"""The dictionary of figures 指标字典, M01–M52: the declarations of all subjects by their id."""

from __future__ import annotations

from itertools import chain

from messages import Message, Unknown
from supervision.figures import (
    competition,
    data,
    deposits,
    openness,
    remote,
    savings,
    service,
    warnings,
)
from supervision.figures.figure import Figure

SUBJECTS = (savings, openness, competition, service, remote, deposits, warnings, data)
FIGURES: dict[str, Figure] = {
    one.id: one for one in chain.from_iterable(subject.FIGURES for subject in SUBJECTS)
}
"""Figure id → its declaration."""


def figure(id: str) -> Figure:
    """The declaration of that id. Raises messages.Unknown listing the choices."""
    if id not in FIGURES:
        raise Unknown(Message("figure.unknown", figure=id, choices=list(FIGURES)))
    return FIGURES[id]
