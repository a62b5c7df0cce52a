"""Data of the witnesses' board 见证台, as JSON for its component: tasks, one task whole, alarms, looks, draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

import messages
from dashboard.access.accounts import SignedIn
from dashboard.shell.figure_cards import answers
from messages import Invalid, Message
from records import clock, opening_record
from records.clock import now, rfc3339
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot
from records.tables.witnessing import (
    EquipmentAlarm,
    WitnessDraw,
    WitnessItem,
    WitnessReport,
    WitnessTask,
)
from records.witnessing import alarms, draws, looks, papers, scene, tasks
from records.witnessing.checklist import ABNORMAL, CHECKLIST, OPENING, Item
from supervision.figures import formats as figures
from supervision.figures.filters import Filters, Period
from supervision.figures.results import Share
from supervision.lists import names as place_names
from supervision.lists import witnessing
from supervision.lists.witnessing import Listed, Question

PERIODS = {"today": 1, "week": 7, "month": 31}
"""Choice of the board → days, today the last of them."""
AHEAD = timedelta(days=1)
ALL = "all"
MINE = "mine"


@dataclass(frozen=True)
class Viewer:
    """Who looks, in which language, and the names people are shown by."""

    user: SignedIn
    lang: str
    names: Mapping[str, str]

    @property
    def manages(self) -> bool:
        """Whether they see every task."""
        return self.user.role in tasks.MANAGERS

    def name(self, account: str | None) -> str:
        """What a person is called."""
        return self.names.get(account or "", account or "")


def viewer(session: Session, user: SignedIn, lang: str) -> Viewer:
    """Who looks."""
    return Viewer(user, lang, witnessing.names(session))


def question(params: Mapping[str, str], user: SignedIn) -> Question:
    """What an address asks for: `period`, `centre`, `who`. Raises Invalid for a period there is none of."""
    period = params.get("period") or "today"
    if period not in PERIODS:
        raise Invalid(Message("witness.unknown_period", period=period, choices=list(PERIODS)))
    midnight = clock.start_of(clock.today())
    who = params.get("who") or ALL
    witness = user.name if who == MINE or user.role not in tasks.MANAGERS else None if who == ALL else who
    centre = params.get("centre") or None
    return Question(
        midnight - timedelta(days=PERIODS[period] - 1),
        midnight + AHEAD,
        None if centre == ALL else centre,
        witness,
    )


# ── the board ────────────────────────────────────────────────────────────────


def board(session: Session, asked: Question, user: SignedIn, lang: str) -> dict[str, Any]:
    """Tasks and counts; for who manages also alarms, looks at non-public pictures and draws."""
    who = viewer(session, user, lang)
    found = [one for one in witnessing.listed(session, asked) if tasks.sees(user.role, user.name, one.task)]
    troubled = {alarm.room_id for alarm in alarms.open_alarms(session)}
    shown: dict[str, Any] = {
        "now": rfc3339(now()),
        "me": user.name,
        "manages": who.manages,
        "tasks": [_line(one, who, troubled) for one in found],
        "counts": _counts(session, found, user),
    }
    if who.manages:
        shown |= _watched(session, who, asked)
    return shown


def _watched(session: Session, who: Viewer, asked: Question) -> dict[str, Any]:
    """What only who manages sees."""
    return {
        "coverage": coverage(asked),
        "alarms": [_alarm(session, one, who) for one in alarms.listed(session, asked.begin)],
        "looks": [_look(session, one, who) for one in looks.since(session, asked.begin)],
        "draws": [draw_json(one, who) for one in draws.latest(session)],
    }


def coverage(asked: Question) -> dict[str, Any]:
    """Share of this month's lots of which something was witnessed (M52)."""
    share: Share = answers().value(
        "M52", Filters(period=Period.of("month", clock.today()), centre=asked.centre)
    )
    return {"share": figures.percent(share.value), "n": share.numerator, "of": share.denominator}


def _line(one: Listed, who: Viewer, troubled: Iterable[str]) -> dict[str, Any]:
    task, mine = one.task, one.task.witness == who.user.name
    secret = task.step != OPENING
    place = place_names.of_opening(one.room, one.centre, who.lang) or ""
    return {
        "id": task.id, "step": task.step, "lot": task.lot_id, "title": one.lot.name, "due_at": rfc3339(task.due_at),
        "room": "" if secret and not mine else place, "state": task.state, "group": tasks.GROUP_OF[task.state], "version": task.version,
        "witness": who.name(task.witness), "mine": mine, "method": task.method, "done": one.done, "of": one.of,
        "abnormal": one.abnormal, "reports": one.reports, "ended_at": rfc3339(task.ended_at),
        "alarm": bool(task.room_id and task.room_id in set(troubled)),
    }  # fmt: skip


def _counts(session: Session, found: Sequence[Listed], user: SignedIn) -> dict[str, int]:
    running = [one for one in found if tasks.GROUP_OF[one.task.state] == "running"]
    return {
        "open": sum(one.task.state == "open" for one in found),
        "assigned": sum(one.task.state == "assigned" for one in found),
        "running": len(running),
        "mine": sum(one.task.witness == user.name for one in running),
        "ended": sum(one.task.state == "ended" for one in found),
        "reports": sum(one.reports for one in found),
        "drafts": papers.drafts_of(session, user.name),
        "alarms": len(alarms.open_alarms(session)),
    }


def _alarm(session: Session, row: EquipmentAlarm, who: Viewer) -> dict[str, Any]:
    return {
        "id": row.id, "level": row.level, "level_name": messages.say(f"level.{row.level}", who.lang), "kind": row.kind, "room": room_called(session, row.room_id, who.lang),
        "what": messages.say(f"witness.alarm.{row.kind}", who.lang), "detail": alarm_words(row, who.lang),
        "began_at": rfc3339(row.began_at), "ended_at": rfc3339(row.ended_at), "by": who.name(row.acknowledged_by),
        "at": rfc3339(row.acknowledged_at), "note": row.note,
    }  # fmt: skip


def alarm_words(row: EquipmentAlarm, lang: str) -> str:
    """What an alarm says of its cause, with its figures."""
    reason = row.detail.get(f"reason_{lang}")
    return str(reason) if reason else messages.say(f"witness.alarm_detail.{row.kind}", lang, **row.detail)


def room_called(session: Session, room_id: str, lang: str) -> str:
    """A room by its centre and name; empty for none."""
    room = session.get(Room, room_id) if room_id else None
    if room is None:
        return room_id
    centre = session.get_one(Centre, room.centre_id)
    return place_names.room(room, centre, lang)


def _look(session: Session, one: looks.Looked, who: Viewer) -> dict[str, Any]:
    task = session.get(WitnessTask, one.look.task_id) if one.look.task_id else None
    lot = session.get(Lot, task.lot_id) if task else None
    return {
        "at": rfc3339(one.look.asked_at), "room": room_called(session, one.look.room_id, who.lang),
        "viewer": who.name(one.look.viewer), "mine": one.look.viewer == who.user.name, "granted": one.look.granted,
        "reason": one.look.reason, "lot": lot.name if lot else None, "began_at": rfc3339(one.began_at),
        "ended_at": rfc3339(one.ended_at), "seconds": round(one.seconds),
    }  # fmt: skip


def draw_json(row: WitnessDraw, who: Viewer) -> dict[str, Any]:
    """A draw with all that computing it again takes."""
    shown = {one["name"] for one in row.roster} | {one["name"] for one in row.left_out}
    return {
        "id": row.id, "by": who.name(row.by), "commitment": row.commitment, "committed_at": rfc3339(row.committed_at),
        "seed": row.seed if row.given else None, "given": row.given, "drawn_at": rfc3339(row.drawn_at),
        "statement": draws.statement(row), "result": row.result, "names": {name: who.name(name) for name in shown},
    }  # fmt: skip


# ── one task ─────────────────────────────────────────────────────────────────


def detail(session: Session, number: str, user: SignedIn, lang: str) -> dict[str, Any]:
    """A task whole: its items, remarks, acts, reports, snapshots, the events of its opening. Raises Unknown, IllegalAct."""
    task = tasks.of(session, number)
    if not tasks.sees(user.role, user.name, task):
        raise tasks.IllegalAct(Message("witness.not_to_see"))
    who = viewer(session, user, lang)
    lot = session.get_one(Lot, task.lot_id)
    room = session.get(Room, task.room_id) if task.room_id else None
    centre = session.get(Centre, room.centre_id) if room else None
    noted = tasks.items(session, number)
    held = Listed(
        task, lot, room, centre, sum(not one.item.startswith("note-") for one in noted),
        sum(one.result == ABNORMAL for one in noted), of=len(CHECKLIST[task.step]),
    )  # fmt: skip
    found = _line(held, who, {alarm.room_id for alarm in alarms.open_alarms(session)})
    shown, over = scene.shows_picture(session, task), scene.is_over(session, task)
    found |= {
        "room_id": _picture(task, room, who) if shown else None, "secret": room is not None and not room.is_public,
        "over": over, "at_hand": shown,
        "opening": task.opening_id, "closing": task.closing, "allowed": allowed(task, user, shown, over),
        "items": _items(session, task, noted, who),
        "remarks": [_noted(one, who) for one in noted if one.item.startswith("note-")],
        "reports": [_report(one, who) for one in tasks.reports(session, number) if _shown(one, user)],
        "snapshots": [_snapshot(one, who) for one in papers.snapshots(session, number)],
        "acts": _acts(session, number, who), "events": _events(session, task),
        "draw": _draw_of(session, task, who),
    }  # fmt: skip
    return found


def _picture(task: WitnessTask, room: Room | None, who: Viewer) -> str | None:
    """The room whose picture may be shown: of an evaluation to its witness alone, while they witness it."""
    if room is None or task.state == "ended":
        return None  # what is over is watched again, with its recording
    return room.id if room.is_public or (task.witness == who.user.name and task.state == "joined") else None


def allowed(task: WitnessTask, user: SignedIn, shown: bool, over: bool) -> list[str]:
    """The acts that are legal now for somebody. `shown`: the room's picture is one of what is witnessed; `over`: that is
    known to be over, and nobody begins to witness it any more."""
    if task.state == "open" and over:
        return []
    return [one for one in _by_state(task, user) if one != "snapshot" or shown]


def _by_state(task: WitnessTask, user: SignedIn) -> list[str]:
    """The acts that the state of a task allows somebody."""
    found = []
    for kind, rule in tasks.ACTS.items():
        mine = rule.witness and task.witness == user.name
        self_join = kind == "join" and task.state == "open"
        able = (
            user.role in tasks.MANAGERS
            if self_join
            else mine or (rule.manager and user.role in tasks.MANAGERS)
        )
        if able and task.state in rule.states and tasks.may_witness(user.role, task.step):
            found.append(kind)
    return found


def _items(
    session: Session, task: WitnessTask, noted: Sequence[WitnessItem], who: Viewer
) -> list[dict[str, Any]]:
    held = {one.item: one for one in noted}
    return [_item(session, task, one, held.get(one.id), who) for one in CHECKLIST[task.step]]


def _item(
    session: Session, task: WitnessTask, one: Item, held: WitnessItem | None, who: Viewer
) -> dict[str, Any]:
    shown = {
        "id": one.id,
        "stage": messages.say(f"witness.stage.{one.stage}", who.lang),
        "text": messages.say(f"witness.item.{one.id}", who.lang),
        "come": tasks.has_come(session, task, one.stage),
    }
    return shown | (_noted(held, who) if held else {"result": None})


def _noted(one: WitnessItem, who: Viewer) -> dict[str, Any]:
    return {
        "at": rfc3339(one.at), "by": who.name(one.by), "result": one.result, "note": one.note, "snapshot": one.snapshot,
    }  # fmt: skip


def _shown(report: WitnessReport, user: SignedIn) -> bool:
    return report.state == "submitted" or report.by == user.name


def _report(one: WitnessReport, who: Viewer) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "kind": one.kind, "facts": one.facts, "handling": one.handling,
        "snapshots": one.snapshots, "state": one.state, "by": who.name(one.by), "mine": one.by == who.user.name,
        "saved_at": rfc3339(one.saved_at), "submitted_at": rfc3339(one.submitted_at), "supplements": one.supplements,
    }  # fmt: skip


def _snapshot(one: Any, who: Viewer) -> dict[str, Any]:
    return {"id": one.id, "at": rfc3339(one.at), "by": who.name(one.by), "note": one.note}


def _acts(session: Session, number: str, who: Viewer) -> list[dict[str, Any]]:
    return [
        {
            "seq": one.seq, "at": rfc3339(one.at), "by": who.name(one.by), "act": one.act, "sha256": one.sha256,
            "target": who.name(one.detail.get("target")), "holds": tasks.holds(one),
        }
        for one in tasks.acts(session, number)
    ]  # fmt: skip


def _events(session: Session, task: WitnessTask) -> list[dict[str, Any]]:
    """The steps of the opening for the time line, once they may be told."""
    if task.opening_id is None or not opening_record.process_is_visible(session, task.opening_id):
        return []
    return [
        {"seq": one.seq, "ts": rfc3339(one.ts), "type": one.type}
        for one in opening_record.events_after(session, task.opening_id, 0)
    ]


def _draw_of(session: Session, task: WitnessTask, who: Viewer) -> dict[str, Any] | None:
    row = session.get(WitnessDraw, task.draw_id) if task.draw_id else None
    return draw_json(row, who) if row else None


def people(session: Session, number: str | None) -> list[dict[str, str]]:
    """Who can be given a task (or any), by name."""
    step = number.partition("-")[0] if number else OPENING
    found = [one for one in draws.roster(session) if tasks.may_witness(one.role, step)]
    return [{"name": one.name, "display_name": one.display_name, "role": one.role} for one in found]
