"""The desk's door to warnings 预警: list, look at, act on, count, and follow as a feed.

Every reading function takes a session of `Ledger.read()`; `act` one of `Ledger.write()`. Names of
suspects are for supervisors only: screens for leaders use `counts`, `lamps` and the rates (§2.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from messages import Message, Unknown, called
from records import audit
from records.clock import now, rfc3339
from records.tables.organisations import Centre, Organisation
from records.tables.projects import Lot, Project
from records.tables.supervision import Warning, WarningChange
from records.tables.users import User
from records.tail import Tail
from supervision.rules.finding import LEVELS
from supervision.rules.switchboard import in_force
from supervision.warnings.earlier import in_terms_of_today
from supervision.warnings.handling import (
    ACTIONS,
    DISPOSITIONS,
    OPEN_STATES,
    STATES,
    Action,
    Disposition,
    IllegalAction,
)
from supervision.warnings.raising import add_change, raise_warning
from supervision.warnings.tally import (
    Lamp,
    LotWarnings,
    Response,
    counts,
    in_statistics,
    lamps,
    response,
    top_lots,
)

__all__ = [
    "ACTIONS", "DISPOSITIONS", "STATES", "Change", "IllegalAction", "Lamp", "LotWarnings", "Response",
    "WarningFilters", "WarningRow", "act", "changes_after", "count_by_level", "count_warnings", "counts", "get_warning",
    "lamps", "last_seq", "list_warnings", "messages_of", "new_changes", "raise_warning", "response", "top_lots",
]  # fmt: skip

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True)
class WarningFilters:
    """What a list is narrowed to; empty means all. Times are aware, `until` is exclusive."""

    levels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    assignee: str | None = None
    centre: str | None = None
    lot: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    """Part of the title, the lot's id or its name."""
    open_only: bool = False
    rehearsals: bool | None = None
    """Only those about rehearsals 演练, or only those that count in statistics; None: both."""


@dataclass(frozen=True)
class Change:
    """One entry of a warning's history."""

    seq: int
    ts: datetime
    state: str
    actor: str
    note: str | None
    disposition: str | None = None
    """The reason code given with this step."""


@dataclass(frozen=True)
class WarningRow:
    """A warning with the names a screen shows. `history` and subjects' names are filled by `get_warning`."""

    id: str
    rule: str
    rule_version: str
    family: str
    level: str
    title: str
    title_en: str
    lot_id: str | None
    lot_name: str | None
    centre_id: str | None
    centre_name: str | None
    subjects: tuple[dict[str, str], ...]
    """{"kind", "id"}, from `get_warning` also "name"."""
    value: float | None
    baseline: float | None
    """None: unknown 未知."""
    threshold: float | None
    stratum: str | None
    evidence: dict[str, Any]
    raised_at: datetime
    state: str
    disposition: str | None
    note: str | None
    handler: str | None
    assignee: str | None
    assignee_name: str | None
    acted_at: datetime | None
    history: tuple[Change, ...] = ()

    def titled(self, lang: str) -> str:
        """Its title in the reader's language."""
        return called(self.title, self.title_en, lang)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to deal with it."""
        return self.state in OPEN_STATES


def _row(
    warning: Warning, lot_name: str | None, centre_name: str | None, assignee_name: str | None
) -> WarningRow:
    value, threshold, evidence = in_terms_of_today(
        warning.rule, warning.value, warning.threshold, warning.evidence
    )
    return WarningRow(
        id=warning.id, rule=warning.rule, rule_version=warning.rule_version, family=warning.family,
        level=warning.level, title=warning.title, title_en=warning.title_en, lot_id=warning.lot_id,
        lot_name=lot_name, centre_id=warning.centre_id, centre_name=centre_name,
        subjects=tuple(dict(subject) for subject in warning.subjects), value=value,
        baseline=warning.baseline, threshold=threshold, stratum=warning.stratum,
        evidence=evidence, raised_at=warning.raised_at, state=warning.state,
        disposition=warning.disposition, note=warning.note, handler=warning.handler,
        assignee=warning.assignee, assignee_name=assignee_name or warning.assignee,
        acted_at=warning.acted_at,
    )  # fmt: skip


def _narrow(query: Select[*Ts], filters: WarningFilters) -> Select[*Ts]:
    for column, wanted in (
        (Warning.level, filters.levels),
        (Warning.state, filters.states),
        (Warning.rule, filters.rules),
        (Warning.family, filters.families),
    ):
        if wanted:
            query = query.where(column.in_(wanted))
    if filters.assignee:
        query = query.where(Warning.assignee == filters.assignee)
    if filters.centre:
        query = query.where(Warning.centre_id == filters.centre)
    if filters.lot:
        query = query.where(Warning.lot_id == filters.lot)
    if filters.since:
        query = query.where(Warning.raised_at >= filters.since)
    if filters.until:
        query = query.where(Warning.raised_at < filters.until)
    if filters.open_only:
        query = query.where(Warning.state.in_(OPEN_STATES))
    if filters.rehearsals is not None:
        query = query.where(~in_statistics() if filters.rehearsals else in_statistics())
    if filters.text:
        part = filters.text.strip()
        query = query.where(
            or_(*(c.contains(part, autoescape=True) for c in (Warning.title, Warning.lot_id, Lot.name)))
        )
    return query


def _joined() -> Select[Warning, str | None, str | None, str | None]:
    return (
        select(Warning, Lot.name, Centre.name, User.display_name)
        .outerjoin(Lot, Lot.id == Warning.lot_id)
        .outerjoin(Centre, Centre.id == Warning.centre_id)
        .outerjoin(User, User.name == Warning.assignee)
    )


def list_warnings(
    session: Session, filters: WarningFilters | None = None, limit: int = 50, offset: int = 0
) -> list[WarningRow]:
    """Warnings, newest first."""
    query = _narrow(_joined(), filters or WarningFilters())
    query = query.order_by(Warning.raised_at.desc(), Warning.id).limit(limit).offset(offset)
    return [_row(*found) for found in session.execute(query)]


def count_warnings(session: Session, filters: WarningFilters | None = None) -> int:
    """How many warnings `list_warnings` would give without a limit."""
    return session.scalar(_narrow(_counting(filters, func.count()), filters or WarningFilters())) or 0


def count_by_level(session: Session, filters: WarningFilters) -> dict[str, tuple[int, int]]:
    """Level → how many warnings `list_warnings` would give, and how many of them are about rehearsals 演练."""
    rehearsed = func.count(case((~in_statistics(), 1)))
    query = _narrow(_counting(filters, Warning.level, func.count(), rehearsed), filters)
    found = {level: (n, apart) for level, n, apart in session.execute(query.group_by(Warning.level))}
    return {level: found.get(level, (0, 0)) for level in LEVELS}


def _counting(filters: WarningFilters | None, *columns: Any) -> Select[Any]:
    """The lot is asked for only where its name is searched."""
    query = select(*columns).select_from(Warning)
    return query.outerjoin(Lot, Lot.id == Warning.lot_id) if filters and filters.text else query


def is_warning(session: Session, warning_id: str) -> bool:
    """Whether there is a warning of this number."""
    return session.get(Warning, warning_id) is not None


def get_warning(session: Session, warning_id: str) -> WarningRow:
    """One warning with its history, oldest first, and the names of its subjects. LookupError if there is none."""
    found = session.execute(_joined().where(Warning.id == warning_id)).first()
    if found is None:
        raise Unknown(Message("warning.unknown_warning", warning=warning_id))
    plain = _row(*found)
    changes = session.scalars(
        select(WarningChange).where(WarningChange.warning_id == warning_id).order_by(WarningChange.seq)
    )
    history = tuple(Change(c.seq, c.ts, c.state, c.actor, c.note, c.disposition) for c in changes)
    return WarningRow(**{**plain.__dict__, "history": history, "subjects": _named(session, plain.subjects)})


def _named(session: Session, subjects: tuple[dict[str, str], ...]) -> tuple[dict[str, str], ...]:
    tables = {
        "lot": Lot,
        "project": Project,
        "bidder": Organisation,
        "tenderer": Organisation,
        "agency": Organisation,
    }
    named = []
    for subject in subjects:
        table = tables.get(subject["kind"])
        found = session.get(table, subject["id"]) if table else None
        name = str(found.name) if isinstance(found, Lot | Project | Organisation) else subject["id"]
        named.append({**subject, "name": name})
    return tuple(named)


def act(
    session: Session,
    warning_id: str,
    action: Action,
    actor: str,
    disposition: Disposition | None = None,
    note: str | None = None,
    ip: str | None = None,
    assignee: str | None = None,
) -> WarningRow:
    """Do one of ACTIONS; writes the change and an audit entry in the caller's write transaction.

    `assignee` is the account that goes on with it; the caller has seen to it that its role fits. Raises LookupError (no such warning) and IllegalAction (state or reason code does not allow it).
    """
    warning = session.scalars(select(Warning).where(Warning.id == warning_id).with_for_update()).first()
    if warning is None:
        raise Unknown(Message("warning.unknown_warning", warning=warning_id))
    rule = ACTIONS.get(action)
    if rule is None:
        raise IllegalAction(Message("http.not_one_of", name="action", choices=list(ACTIONS)))
    words = (note or "").strip() or None
    _check(warning, action, disposition, words)
    _check_person(warning, action, actor, words)
    given_to = _given_to(session, action, assignee)
    before, moment = warning.state, now()
    warning.state = "review" if action == "dismiss" and _second_look(session, warning.rule) else rule.becomes
    warning.handler, warning.acted_at = actor, moment
    if action != "agree":  # who agrees leaves the proposal standing; any other step begins anew
        warning.disposition, warning.note = disposition, None
    warning.note = words or warning.note
    warning.assignee = assignee or warning.assignee
    remark = f"→ {given_to}{f'：{words}' if words else ''}" if given_to else words
    add_change(session, warning, actor, remark, moment, disposition)
    detail = {"from": before, "to": warning.state, "disposition": disposition, "rule": warning.rule}
    if assignee:
        detail["assignee"] = assignee
    audit.write(
        session, actor, f"warning.{action}", object_kind="warning", object_id=warning_id, detail=detail, ip=ip
    )
    return get_warning(session, warning_id)


def _check(warning: Warning, action: Action, disposition: str | None, note: str | None) -> None:
    rule = ACTIONS[action]
    if warning.state not in rule.states:
        raise IllegalAction(
            Message(
                "warning.not_in_this_state",
                warning=warning.id,
                state=Message(f"state.{warning.state}"),
                action=Message(f"warnings.action.{action}"),
            )
        )
    if disposition is None and rule.required:
        raise IllegalAction(
            Message(
                "warning.reason_required",
                action=Message(f"warnings.action.{action}"),
                choices=sorted(rule.dispositions),
            )
        )
    if disposition is not None and disposition not in rule.dispositions:
        raise IllegalAction(
            Message(
                "warning.reason_not_possible", action=Message(f"warnings.action.{action}"), reason=disposition
            )
        )
    if disposition == "other" and not note:
        raise IllegalAction(Message("warning.other_needs_note"))
    if (action, disposition) == ("dismiss", "confirmed") and not note:
        raise IllegalAction(Message("warning.confirmed_needs_note"))


def _second_look(session: Session, rule_id: str) -> bool:
    """Whether dismissing a warning of the rule takes two people."""
    held = in_force(session).changed.get(rule_id)
    return held is not None and held.second_look


def _check_person(warning: Warning, action: Action, actor: str, note: str | None) -> None:
    rule = ACTIONS[action]
    if rule.another and warning.handler == actor:
        raise IllegalAction(Message("warning.another_person"))
    if rule.noted and not note:
        raise IllegalAction(Message("warning.note_required", action=Message(f"warnings.action.{action}")))


def _given_to(session: Session, action: Action, assignee: str | None) -> str | None:
    """The name of who goes on with it, as the history shows it."""
    rule = ACTIONS[action]
    if rule.assigns != bool(assignee):
        raise IllegalAction(
            Message("warning.assignee_required", action=Message(f"warnings.action.{action}")) if rule.assigns
            else Message("warning.no_assignee_here", action=Message(f"warnings.action.{action}"))
        )  # fmt: skip
    user = session.get(User, assignee) if assignee else None
    if assignee and (user is None or user.disabled):
        raise IllegalAction(Message("warning.assignee_not_in_use", account=assignee))
    return user.display_name if user else None


# ── the feed ─────────────────────────────────────────────────────────────────


_CHANGES = select(WarningChange, Warning).join(Warning, Warning.id == WarningChange.warning_id)


def changes_after(session: Session, seq: int, limit: int = 500) -> list[dict[str, Any]]:
    """Feed messages (contracts §3, WS /feeds/warnings) with a number above `seq`, in order."""
    query = _CHANGES.where(WarningChange.seq > seq).order_by(WarningChange.seq).limit(limit)
    return [_message(change, warning) for change, warning in session.execute(query)]


def new_changes() -> Tail:
    """Follows the changes of warnings; `messages_of` its rows are feed messages."""
    return Tail("desk:warnings", _CHANGES, WarningChange.seq)


def messages_of(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of `new_changes` as feed messages (contracts §3), in the session they were read in."""
    return [_message(change, warning) for change, warning, _number in rows]


def last_seq(session: Session) -> int:
    """Number of the newest change; 0 if there is none."""
    return session.scalar(select(func.max(WarningChange.seq))) or 0


def _message(change: WarningChange, warning: Warning) -> dict[str, Any]:
    return {
        "seq": change.seq,
        "ts": rfc3339(change.ts),
        "id": warning.id,
        "rule": warning.rule,
        "level": warning.level,
        "title": warning.title,
        "lot": warning.lot_id,
        "subjects": warning.subjects,
        "value": warning.value,
        "baseline": warning.baseline,
        "threshold": warning.threshold,
        "state": change.state,
    }
