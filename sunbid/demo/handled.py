"""Handled warnings of the small market, as its supervisors would have left them: warnings of the past judged and handed on in batches, a rule tuned,
one silenced. Written once, before the watch starts; of the last days everything is left to whoever tries the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.clock import BEIJING, local_day
from records.ledger import Ledger
from records.tables.broadcast import PublicEvent
from records.tables.intake import Journal
from records.tables.leads import Lead, LeadBatch
from records.tables.organisations import Centre
from records.tables.projects import Lot
from records.tables.supervision import RuleSetting, Silence, Warning
from records.tail import keep_mark
from supervision.leads.desk import ANSWER_WITHIN, RECEIPT_WITHIN
from supervision.rules.switchboard import AS_WRITTEN
from supervision.warnings.lot_loop import DEADLINE_MARK, findings_of
from supervision.warnings.raising import add_change, raise_warning

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
WHO, SECOND = "supervisor", "admin"
SETTLED = timedelta(days=3)
"""Openings of the last days are left to the watch."""
RAISED_AFTER, TAKEN_AFTER, TURNED_AFTER, SENT_AFTER = (
    timedelta(minutes=4), timedelta(hours=2), timedelta(days=2), timedelta(days=5),
)  # fmt: skip
RECEIVED_AFTER, ANSWERED_AFTER, CLOSED_AFTER = timedelta(days=1), timedelta(days=19), timedelta(days=27)
_DISMISSED = {
    2: ("not_confirmed", "两家由同一图文店代做，已核对合同"),
    7: ("indirect", "清单为财政统一格式，单项报价相近属正常"),
}
"""Place among the past warnings → how it was dismissed; the others became leads."""
_OFFICES = (
    ("regulator", "示例建设局"), ("police", "示例公安局经侦大队"), ("market", "示例市场监督管理局"), ("finance", "示例财政局"),
    ("discipline", "示例纪委监委"),
)  # fmt: skip
_INVALID = 4
"""One lead in so many came back as not valid."""
_TITLES = {"B4": "文件生成设备相同", "B6": "保证金同源汇出", "B10": "报价呈等差规律"}


def leave(ledger: Ledger, now: datetime) -> None:
    """Write it all where nothing of it is there yet."""
    with ledger.read() as session:
        if session.scalar(select(LeadBatch.id).limit(1)) or session.scalar(select(Warning.id).limit(1)):
            return
    with ledger.write() as session:
        raised = _raise(session, now)
        leads = [one for place, one in enumerate(raised) if not _dismiss(session, place, one)]
        _hand_on(session, leads, now)
        _switch(session, now)
        _marks(session, now)


def _raise(session: Session, now: datetime) -> list[Warning]:
    """The warnings of openings that are over for some days, each raised when the watch would have: oldest first."""
    past = select(Lot.id, Lot.deadline).where(Lot.deadline < now - SETTLED).order_by(Lot.deadline, Lot.id)
    raised = []
    for lot, deadline in session.execute(past).all():
        for found in findings_of(session, [lot], now, AS_WRITTEN):
            warning = raise_warning(session, found, (deadline or now) + RAISED_AFTER)
            raised += [warning] if warning is not None else []
    return raised


def _dismiss(session: Session, place: int, warning: Warning) -> bool:
    """Whether this one was dismissed; else it became a lead."""
    taken = warning.raised_at + TAKEN_AFTER
    warning.state, warning.handler, warning.acted_at = "accepted", WHO, taken
    add_change(session, warning, WHO, at=taken)
    reason, note = _DISMISSED.get(place, (None, None))
    warning.state, warning.acted_at = "dismissed" if reason else "lead", warning.raised_at + TURNED_AFTER
    warning.disposition, warning.note = reason, note
    add_change(session, warning, WHO, note, warning.acted_at, reason)
    return reason is not None


def _hand_on(session: Session, leads: Sequence[Warning], now: datetime) -> None:
    """A batch for each lead; of the newest one is sent and not yet confirmed, one is answered in part, one is a draft."""
    numbers = {year: count(1) for year in {_year(one) for one in leads}}
    newest = len(leads) - 1
    for place, warning in enumerate(leads):
        if place == newest and len(leads) > 3:
            continue  # left for a first batch of one's own
        number = next(numbers[_year(warning)])
        _batch(session, f"{_year(warning)}-{number:02d}", place, warning, newest - 1 - place, now)


def _year(warning: Warning) -> str:
    return local_day((warning.acted_at or warning.raised_at) + SENT_AFTER)[:4]


def _batch(session: Session, number: str, place: int, warning: Warning, back: int, now: datetime) -> None:
    """`back`: how many batches are newer: the three newest are on their way, the others are closed."""
    target, office = _OFFICES[place % len(_OFFICES)]
    turned = warning.acted_at or warning.raised_at
    begun = max(turned, now - timedelta(days=2)) if back == 0 else turned + timedelta(days=1)
    sent = {1: now - RECEIPT_WITHIN + timedelta(hours=9), 2: now - ANSWER_WITHIN + timedelta(days=5)}.get(
        back, turned + SENT_AFTER
    )
    state = {0: "draft", 1: "transferred", 2: "received"}.get(back, "closed")
    batch = LeadBatch(
        id=f"LZ{number}", title=f"{_TITLES.get(warning.rule, warning.title)}（疑似）", target=target, target_name=office,
        state=state, version=1, created_by=WHO, created_at=min(begun, sent - timedelta(days=1)) if back else begun,
    )  # fmt: skip
    if state != "draft":
        batch.reviewed_by, batch.reviewed_at, batch.transferred_at = SECOND, sent - timedelta(hours=3), sent
        batch.receipt_due_at, batch.due_at = sent + RECEIPT_WITHIN, sent + ANSWER_WITHIN
    if state in ("received", "closed"):
        batch.received_at, batch.receipt = sent + RECEIVED_AFTER, f"示例函〔{number[:4]}〕{place + 11} 号"
    if state == "closed":
        batch.answered_at, batch.closed_at = sent + ANSWERED_AFTER, sent + CLOSED_AFTER
    session.add(batch)
    session.flush()
    session.add(_lead(session, batch, warning, valid=None if state != "closed" else place % _INVALID != 3))


def _lead(session: Session, batch: LeadBatch, warning: Warning, *, valid: bool | None) -> Lead:
    lot = session.get(Lot, warning.lot_id) if warning.lot_id else None
    said = {True: "已立案核查，处理完毕", False: "线索要素不足，存档备查", None: None}[valid]
    if valid is not None:
        warning.disposition = "confirmed" if valid else "not_confirmed"
        add_change(session, warning, WHO, said, batch.answered_at, warning.disposition)
    return Lead(
        id=f"XS{batch.id.removeprefix('LZ')}-1", batch_id=batch.id, title=lot.name if lot else warning.title,
        warnings=[warning.id], checklist=[], created_by=WHO, created_at=batch.created_at, valid=valid, result=said,
        disposed_at=None if valid is None else batch.closed_at,
    )  # fmt: skip


def _marks(session: Session, now: datetime) -> None:
    """The watch goes on from here: what is older than its window it would raise again."""
    keep_mark(session, "watch:journal", session.scalar(select(func.max(Journal.seq))) or 0)
    keep_mark(session, "watch:public", session.scalar(select(func.max(PublicEvent.seq))) or 0)
    keep_mark(session, DEADLINE_MARK, (now - SETTLED - _EPOCH) // timedelta(microseconds=1), {"lot": ""})


def _switch(session: Session, now: datetime) -> None:
    """A rule that was tuned and is looked at twice, a change that waits for its second person, a silence."""

    def changed(rule: str, days: int, reason: str, **how: object) -> RuleSetting:
        at = now - timedelta(days=days)
        held = AS_WRITTEN.of(rule).as_dict()
        return RuleSetting(rule=rule, reason=reason, state="in_force", asked_by=WHO, asked_at=at, decided_by=SECOND, decided_at=at + timedelta(hours=5), **{**held, **how})  # fmt: skip

    tighter = {"tolerance": 0.02, "min_bids": 5}
    session.add_all([
        changed("B10", 160, "四家以下报价天然接近，误报多", parameters=tighter, revision=1),
        changed("B10", 63, "排除前须第二人复核", parameters=tighter, second_look=True, revision=2),
        changed("O4", 40, "小市场一个大项目即超线，先影子运行", mode="shadow", revision=1),
    ])  # fmt: skip
    session.flush()
    waiting = changed("T13", 1, "影子期预警率偏高，先看两个月", mode="shadow", revision=None)
    waiting.state, waiting.decided_by, waiting.decided_at = "waiting", None, None
    centre = session.scalars(select(Centre.id).order_by(Centre.id.desc()).limit(1)).first()
    until = (now + timedelta(days=12)).astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    session.add(waiting)
    session.add(Silence(rule="T8", centre_id=centre, reason="历史公告时间补录中，暂缓提醒", created_by=WHO, created_at=now - timedelta(days=2), until=until))  # fmt: skip
