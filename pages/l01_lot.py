"""标段生命线: one lot from notice to contract, with the legal clock; every list of lots and every warning leads here."""

from __future__ import annotations

import streamlit as st

from dashboard import context, screens
from dashboard.panels import lifeline, lifeline_cards
from dashboard.shell import screen as shell
from dashboard.shell.html import draw
from records.visibility import Datum
from supervision.lists.lifeline import life, neighbours
from supervision.lists.periods_of_law import periods
from supervision.warnings.desk import WarningFilters, list_warnings

MOST = 50
"""Warnings of one lot that are drawn."""


def body(page: shell.Page) -> None:
    """The lot the address names: facts, life line, four cards, the periods as a table."""
    lot = st.query_params.get("lot", "")
    with context.ledger().read() as session:
        found = life(session, lot, context.config().home) if lot else None
        visible = found is not None and Datum.WARNINGS in found.seen
        warned = list_warnings(session, WarningFilters(lot=lot), MOST) if visible else []
        beside = neighbours(session, found) if found is not None else (None, None)
    if found is None:
        shell.empty(
            page.say("lifeline.unknown" if lot else "lifeline.none", lot=lot), page.say("lifeline.what")
        )
        return
    measured = periods(found, context.config().holidays)
    names = page.user.role in screens.roles_with_names("warnings")
    draw(lifeline.heading(page, found, *beside))
    draw(lifeline.facts(page, found))
    draw(lifeline.drawing(page, found, measured, warned, names))
    draw(lifeline_cards.cards(page, found, warned, names))
    draw(lifeline_cards.periods(page, measured))


shell.show("L01", body, every=30)
