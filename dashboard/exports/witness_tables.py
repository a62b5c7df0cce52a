"""The tables of S08's witnessing: tasks, abnormal reports, looks at non-public pictures; each as its viewer may see it."""

from __future__ import annotations

from sqlalchemy.orm import Session

import messages
from dashboard import context
from dashboard.access.accounts import SignedIn
from dashboard.exports.tables import Row
from dashboard.live import witness
from dashboard.shell.filters import Choice
from records.tables.users import User
from records.witnessing import looks
from records.witnessing.tasks import MANAGERS
from supervision.lists import witnessing
from supervision.lists.witnessing import Question


def _asked(session: Session, choice: Choice) -> tuple[Question, witness.Viewer]:
    user = session.get_one(User, choice.viewer)
    signed = SignedIn(user.name, user.role, user.display_name)
    return witness.question(choice.asked, signed), witness.viewer(session, signed, "")


def tasks(choice: Choice, lang: str) -> list[Row]:
    """The tasks of the board."""
    with context.ledger().read() as session:
        asked, who = _asked(session, choice)
        return [
            (
                one.task.id, messages.say(f"witness.step.{one.task.step}", lang), one.lot.name, one.task.due_at,
                messages.say(f"witness.state.{one.task.state}", lang), who.name(one.task.witness) or None,
                messages.say(f"witness.method.{one.task.method}", lang) if one.task.method else None,
                f"{one.done} / {one.of}", one.abnormal, one.reports, one.task.ended_at,
            )
            for one in witnessing.listed(session, asked)
        ]  # fmt: skip


def reports(choice: Choice, lang: str) -> list[Row]:
    """The submitted abnormal reports; of a member of the group their own."""
    with context.ledger().read() as session:
        asked, who = _asked(session, choice)
        return [
            (
                report.id, task.id, lot.name, report.name, messages.say(f"witness.kind.{report.kind}", lang), report.facts,
                messages.say(f"witness.handling.{report.handling}", lang) if report.handling else None, who.name(report.by),
                report.submitted_at,
            )
            for report, task, lot in witnessing.reports(session, asked)
            if asked.witness is None or report.by == asked.witness
        ]  # fmt: skip


def looked(choice: Choice, lang: str) -> list[Row]:
    """Looks at non-public pictures; nothing for who does not manage."""
    with context.ledger().read() as session:
        asked, who = _asked(session, choice)
        if who.user.role not in MANAGERS:
            return []
        return [
            (
                witness.room_called(session, one.look.room_id, lang), who.name(one.look.viewer), one.look.reason, one.look.asked_at,
                messages.say("witness.granted" if one.look.granted else "witness.refused", lang), one.began_at, one.ended_at, round(one.seconds),
            )
            for one in looks.since(session, asked.begin)
        ]  # fmt: skip
