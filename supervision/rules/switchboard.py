"""The switchboard of rules 规则开关: how each rule runs now, since when, and who changed it with whose consent.

A rule without a change runs as it was written: in its own mode, with its defaults, on the lots of every centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit
from records.administration import By, Conflict
from records.clock import now
from records.tables.supervision import RuleSetting
from supervision.rules.finding import Finding
from supervision.rules.registry import RULES, rule_of
from supervision.rules.rule import Mode, Rule

MODES: tuple[Mode, ...] = get_args(Mode)
"""Their words: `rules.mode.*`."""
SHORTEST, LONGEST = 4, 400
"""Characters of a reason."""


@dataclass(frozen=True)
class Setting:
    """How a rule runs."""

    rule: str
    mode: Mode
    parameters: Mapping[str, float] = field(default_factory=dict)
    centres: frozenset[str] = frozenset()
    """The centres whose lots it looks at; empty: all."""
    second_look: bool = False
    """Whether dismissing one of its warnings takes two people."""
    revision: int = 0

    @property
    def version(self) -> str:
        """The rule's version, and which change of its settings is in force: 2.3."""
        own = RULES[self.rule].version
        return f"{own}.{self.revision}" if self.revision else own

    def covers(self, finding: Finding) -> bool:
        """Whether the finding lies in its centres; one that is of no centre always does."""
        return not self.centres or finding.centre_id is None or finding.centre_id in self.centres

    def as_dict(self) -> dict[str, Any]:
        """What an audit entry says of it."""
        return {
            "mode": self.mode, "parameters": dict(self.parameters), "centres": sorted(self.centres),
            "second_look": self.second_look,
        }  # fmt: skip


def as_written(rule: Rule) -> Setting:
    """How a rule runs that nobody has changed."""
    return Setting(rule.id, rule.mode, rule.settings())


@dataclass(frozen=True)
class Switchboard:
    """All rules as they run at one moment. `changes` counts those that came into force: another number, another board."""

    changes: int
    changed: Mapping[str, Setting]

    def of(self, rule_id: str) -> Setting:
        """How a rule runs."""
        return self.changed.get(rule_id) or as_written(rule_of(rule_id))

    def running(self, rules: Mapping[str, Any], mode: Mode) -> list[Any]:
        """Those of some rules that run in a mode."""
        return [rule for rule in rules.values() if self.of(rule.id).mode == mode]

    def admitted(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings that lie in the scope of their rules, under the version in force."""
        return [
            replace(found, rule_version=held.version)
            for found in findings
            if (held := self.of(found.rule)).covers(found)
        ]


AS_WRITTEN = Switchboard(0, {})
"""Every rule as it was written."""


def changes_in_force(session: Session) -> int:
    """How many changes have come into force."""
    query = select(func.count()).select_from(RuleSetting).where(RuleSetting.state == "in_force")
    return session.scalar(query) or 0


def in_force(session: Session, held: Switchboard = AS_WRITTEN) -> Switchboard:
    """The board as it stands now: `held` itself where nothing changed since."""
    if (number := changes_in_force(session)) == held.changes:
        return held
    last = (
        select(func.max(RuleSetting.revision).label("revision"), RuleSetting.rule)
        .where(RuleSetting.state == "in_force").group_by(RuleSetting.rule).subquery()
    )  # fmt: skip
    query = select(RuleSetting).join(
        last, (last.c.rule == RuleSetting.rule) & (last.c.revision == RuleSetting.revision)
    )
    found = {row.rule: setting_of(row) for row in session.scalars(query) if row.rule in RULES}
    return Switchboard(number, found)


def setting_of(row: RuleSetting) -> Setting:
    """A change as a setting: a parameter that the rule has got since stands at its default."""
    rule = RULES[row.rule]
    known = {one.name for one in rule.parameters}
    parameters = rule.settings({name: value for name, value in row.parameters.items() if name in known})
    mode: Mode = next(one for one in MODES if one == row.mode)
    return Setting(row.rule, mode, parameters, frozenset(row.centres), row.second_look, row.revision or 0)


def history(session: Session, rule_id: str) -> list[RuleSetting]:
    """All changes of a rule, newest first, those that wait or were refused among them."""
    query = select(RuleSetting).where(RuleSetting.rule == rule_id).order_by(RuleSetting.id.desc())
    return list(session.scalars(query))


def waiting(session: Session) -> dict[str, RuleSetting]:
    """Rule → its change that waits for a second person."""
    query = select(RuleSetting).where(RuleSetting.state == "waiting").order_by(RuleSetting.id)
    return {row.rule: row for row in session.scalars(query)}


def wanted(given: Mapping[str, Any], held: Setting) -> Setting:
    """A rule's setting as somebody asks for it; what is not named stays. Raises messages.Invalid naming what is wrong."""
    rule = RULES[held.rule]
    mode = given.get("mode", held.mode)
    if mode not in MODES:
        raise Invalid(Message("http.not_one_of", name="mode", choices=list(MODES)))
    parameters = given.get("parameters", {})
    if not isinstance(parameters, Mapping) or not all(map(_is_number, parameters.values())):
        raise Invalid(Message("rule.setting_number"))
    centres = given.get("centres", sorted(held.centres))
    if not isinstance(centres, list) or not all(isinstance(one, str) for one in centres):
        raise Invalid(Message("rules.centres_form"))
    numbers = rule.settings({**held.parameters, **{name: float(n) for name, n in parameters.items()}})
    second = bool(given.get("second_look", held.second_look))
    return Setting(rule.id, mode, numbers, frozenset(centres), second, held.revision)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def ask(session: Session, setting: Setting, seen: int, reason: object, by: By, *, two: bool) -> RuleSetting:
    """Change a rule, at once or, where `two` have to agree, as a request; an audit entry with old and new either way.

    `seen` is the revision the asker looked at. Raises Conflict where the rule has changed since, a request waits or
    nothing would change; messages.Invalid for a reason that is none.
    """
    words = checked_reason(reason)
    held = in_force(session).of(setting.rule)
    if held.revision != seen:
        raise Conflict(Message("rules.changed_since", rule=setting.rule))
    if setting.rule in waiting(session):
        raise Conflict(Message("rules.one_waits", rule=setting.rule))
    if setting == held:
        raise Conflict(Message("rules.nothing_changes", rule=setting.rule))
    row = RuleSetting(
        rule=setting.rule,
        reason=words,
        state="waiting",
        asked_by=by.name,
        asked_at=now(),
        **setting.as_dict(),
    )
    session.add(row)
    session.flush()
    if two:
        _note(session, "rule.ask", row, held, by)
    else:
        _put_in_force(session, row, held, by)
    return row


def agree(session: Session, number: int, by: By) -> RuleSetting:
    """The second person's yes: the change is in force. Raises Unknown (none waits), Conflict (one's own)."""
    row = _waiting_row(session, number)
    if row.asked_by == by.name:
        raise Conflict(Message("rules.another_person"))
    _put_in_force(session, row, in_force(session).of(row.rule), by)
    return row


def refuse(session: Session, number: int, by: By) -> RuleSetting:
    """The second person's no, or the asker's own: nothing changes. Raises Unknown where none waits."""
    row = _waiting_row(session, number)
    row.state, row.decided_by, row.decided_at = "refused", by.name, now()
    _note(session, "rule.refuse", row, in_force(session).of(row.rule), by)
    return row


def checked_reason(reason: object) -> str:
    """The reason of a change as it is kept. Raises messages.Invalid for none, a mere word or a letter."""
    words = " ".join(reason.split()) if isinstance(reason, str) else ""
    if not SHORTEST <= len(words) <= LONGEST:
        raise Invalid(Message("rules.reason_length", least=SHORTEST, most=LONGEST))
    return words


def _waiting_row(session: Session, number: int) -> RuleSetting:
    query = select(RuleSetting).where(RuleSetting.id == number, RuleSetting.state == "waiting")
    row = session.scalars(query.with_for_update()).first()
    if row is None:
        raise Unknown(Message("rules.none_waits"))
    return row


def _put_in_force(session: Session, row: RuleSetting, held: Setting, by: By) -> None:
    row.state, row.decided_by, row.decided_at = "in_force", by.name, now()
    row.revision = held.revision + 1
    session.flush()
    _note(session, "rule.change", row, held, by)


def _note(session: Session, action: str, row: RuleSetting, held: Setting, by: By) -> None:
    new = {name: getattr(row, name) for name in ("mode", "parameters", "centres", "second_look")}
    audit.write(
        session, by.name, action, object_kind="rule", object_id=row.rule, ip=by.ip,
        detail={"old": held.as_dict(), "new": new, "reason": row.reason, "asked_by": row.asked_by},
    )  # fmt: skip
