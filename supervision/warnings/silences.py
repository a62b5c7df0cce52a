"""Silences 静默: for a while a rule's findings about a centre or a lot are kept and not shown; at the end they are raised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit
from records.administration import By, Conflict
from records.clock import local_day, now, rfc3339
from records.tables.organisations import Centre
from records.tables.projects import Lot
from records.tables.supervision import Silence, Warning
from supervision.rules.registry import rule_of
from supervision.rules.switchboard import checked_reason
from supervision.warnings.raising import WATCH, add_change

LONGEST = timedelta(days=365)
_AT_ONCE = 200


def begin(
    session: Session, rule_id: str, reason: object, until: datetime, by: By, *, centre: str | None = None,
    lot: str | None = None, everywhere: bool = False,
) -> Silence:  # fmt: skip
    """Keep a rule quiet about a centre, about a lot, or `everywhere`, which has to be said. Raises messages.Unknown and
    messages.Invalid; Conflict where the same silence runs already."""
    words, moment = checked_reason(reason), now()
    rule_of(rule_id)
    if centre is None and lot is None and not everywhere:
        raise Invalid(Message("silence.place"))
    if not moment < until <= moment + LONGEST:
        raise Invalid(Message("silence.until", most=LONGEST.days))
    if centre is not None and session.get(Centre, centre) is None:
        raise Unknown(Message("silence.no_centre", centre=centre))
    if lot is not None:
        _check_lot(session, lot, centre)
    _check_new(session, rule_id, centre, lot)
    row = Silence(
        rule=rule_id, centre_id=centre, lot_id=lot, reason=words, created_by=by.name, created_at=moment, until=until
    )  # fmt: skip
    session.add(row)
    session.flush()
    _note(session, "rule.silence", row, by)
    return row


def _check_lot(session: Session, lot_id: str, centre: str | None) -> None:
    """Refuse a silence that could hold nothing back: about no lot of ours, or about a lot of another centre."""
    lot = session.get(Lot, lot_id)
    if lot is None:
        raise Unknown(Message("silence.no_lot", lot=lot_id))
    if centre is None or lot.centre_id == centre:
        return
    held = session.get(Centre, lot.centre_id) if lot.centre_id else None
    where = held.name if held else lot.centre_id
    raise Invalid(
        Message("silence.other_centre", lot=lot.name, centre=where) if where
        else Message("silence.no_centre_of_lot", lot=lot.name)
    )  # fmt: skip


def _check_new(session: Session, rule_id: str, centre: str | None, lot: str | None) -> None:
    """Refuse a silence that runs already and name its last day: who ends one would not hear of the other."""
    for one in running(session, rule_id):
        if (one.centre_id, one.lot_id) == (centre, lot):
            last = local_day(one.until - timedelta(seconds=1))
            raise Conflict(Message("silence.runs", rule=rule_id, day=last))


def end(session: Session, number: int, by: By) -> Silence:
    """End a silence before its time and raise what it held back. Raises messages.Unknown where none runs."""
    row = session.get(Silence, number, with_for_update=True)
    if row is None or row.ended_at is not None or row.until <= now():
        raise Unknown(Message("silence.none"))
    row.ended_by, row.ended_at = by.name, now()
    session.flush()
    _note(session, "rule.silence_ended", row, by)
    release(session)
    return row


def running(session: Session, rule_id: str | None = None) -> Sequence[Silence]:
    """The silences that run now, the one that ends first before the others."""
    query = select(Silence).where(_runs(now())).order_by(Silence.until, Silence.id)
    return session.scalars(query if rule_id is None else query.where(Silence.rule == rule_id)).all()


def due(session: Session) -> Sequence[Warning]:
    """The warnings whose silence is over, some hundreds at once."""
    over = select(Warning).where(Warning.state == "silenced", ~_silenced(now())).order_by(Warning.id)
    return session.scalars(over.limit(_AT_ONCE)).all()


def release(session: Session) -> int:
    """Raise the warnings whose silence is over; returns how many. In the caller's transaction."""
    found = due(session)
    for warning in found:
        warning.state = "new"
        add_change(session, warning, WATCH, "warning.silence_over")
    return len(found)


def _silenced(moment: datetime) -> ColumnElement[bool]:
    """Whether a silence that runs covers the warning of the enclosing select."""
    here = and_(
        Silence.rule == Warning.rule,
        or_(Silence.centre_id.is_(None), Silence.centre_id == Warning.centre_id),
        or_(Silence.lot_id.is_(None), Silence.lot_id == Warning.lot_id),
    )
    return exists().where(here, _runs(moment)).correlate(Warning)


def _runs(moment: datetime) -> ColumnElement[bool]:
    return and_(Silence.ended_at.is_(None), Silence.until > moment)


def _note(session: Session, action: str, row: Silence, by: By) -> None:
    detail = {
        "centre": row.centre_id, "lot": row.lot_id, "reason": row.reason, "until": rfc3339(row.until), "silence": row.id,
    }  # fmt: skip
    audit.write(session, by.name, action, object_kind="rule", object_id=row.rule, detail=detail, ip=by.ip)
