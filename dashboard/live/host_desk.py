"""Data of the host's desk 主持台, as JSON for its component: how an opening stands, and the steps taken there.

The desk reads the ledger itself; the hub's feed only rings when there is something new, so that a host goes on working
while the hub is away.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from dashboard.access.accounts import SignedIn
from dashboard.live import rooms
from messages import Fault, Message, Unknown, known
from records import chain, draw, host_people, hosting, irregularities, opening_record
from records.administration import Conflict, shown_name, shown_names
from records.clock import now, rfc3339
from records.currencies import currency
from records.decimals import in_words
from records.opening_checks import step_name
from records.public.openings import moment_of
from records.published_list import Line, list_of
from records.serving.problems import Problem
from records.tables.openings import Opening
from records.tables.projects import Lot
from records.visibility import visible_progress
from records.wrong_values import explain
from supervision.figures.formats import CNY

UPCOMING = 3
"""Bidders after the next one whose names the host sees."""
DRAWERS = hosting.HOSTS | {"supervisor"}
"""Roles that may commit to a seed and reveal it."""
VOICE = ("espeak-ng", "-v", "cmn", "-s", "150", "--stdout")
"""The program that reads aloud in Mandarin, where it is installed."""
VOICE_SECONDS = 20.0
_FAILED = {"result": "failed"}


def state(session: Session, opening_id: str, after: int, user: SignedIn, lang: str) -> dict[str, Any]:
    """How an opening stands after event `after`, and what may be done. Raises Unknown (no such opening)."""
    opening = session.get(Opening, opening_id)
    if opening is None:
        raise Unknown(Message("opening.unknown_opening", opening=opening_id))
    lot = session.get_one(Lot, opening.lot_id)
    hosts = user.role in hosting.HOSTS
    lines = list_of(session, opening)
    found = hosting.next_steps(session, opening_id, lines=lines) if hosts else []
    steps = {step.kind: step.payload for step in found}
    progress = opening_record.progress(session, opening_id)
    left = opening_record.missing(progress, lines)
    last = opening_record.read_last(session, opening_id)
    shown = hosts or opening_record.process_is_visible(
        session, opening_id
    )  # a host takes the steps; how many have
    seen = visible_progress(opening, shown)  # signed in is else nobody's to know before the deadline
    return {
        "seq": opening.head_seq if shown else after,
        "state": seen.state,
        "stage": seen.stage,
        "result": seen.result,
        "scheduled_at": rfc3339(opening.scheduled_at),
        "deadline": rfc3339(moment_of(opening, lot)),
        "now": rfc3339(now()),
        "round": lot.round,
        "control_price": None if lot.control_price is None else str(lot.control_price),
        "events": _events(session, opening_id, after) if shown else [],
        "steps": steps,
        "movable": hosts and opening.state == "scheduled",
        "retender": hosts and opening.result == "failed" and lot.status == "failed",
        "earliest_deadline": _earliest_deadline(lot),
        "few": irregularities.too_few(session, opening_id, lot) is not None,
        "irregular": _irregular(session, opening, lot, lang),
        "undrawn": progress.undrawn,
        "may_fail": "ended" in steps and _may_fail(session, opening, lot),
        "failed_for_few": "ended" in steps and irregularities.failed_for_few(session, opening, lot, _FAILED),
        "few_reason": irregularities.FEW,
        "open_objections": [{"no": no, "content": words} for no, words in progress.open.items()],
        "missing": [message.text(lang) for message in left.messages()],
        "changed": progress.changed,
        "upcoming": _upcoming(lines, lot, progress) if "bid_read" in steps else [],
        "filed": _filed(lines, progress.read),
        "recorder": _recorder(opening.room_id),
        "spelled": _spelled(last, lot) if lang == "zh" else {},
        "draws": _draws(session, opening, user),
        "log": rooms.snapshot().log,
        "mine": _today(session, opening, user) if hosts else [],
        "people": host_people.others(session, opening_id, user.name),
        "by_two": _by_two(session, opening, lang) if hosts else [],
        "may_commit": user.role in DRAWERS and hosting.may_commit(session, opening),
    }


def _earliest_deadline(lot: Lot) -> str | None:
    """The first day on which the bids of a re-tender of now may be due, where the law sets one."""
    found = hosting.earliest_deadline(lot, now())
    return None if found is None else found.isoformat()


def _irregular(session: Session, opening: Opening, lot: Lot, lang: str) -> list[dict[str, Any]]:
    """What is irregular in the steps as they were reported; too few bidders is said apart."""
    found = irregularities.all_of(session, opening, lot)
    return [
        {"seq": seq, "words": one.said.text(lang)}
        for seq, one in found
        if one.said.key != "state.too_few_told"
    ]


def _may_fail(session: Session, opening: Opening, lot: Lot) -> bool:
    """Whether the law lets the opening end as failed now, for a reason that is given."""
    try:
        irregularities.check(session, opening, lot, "ended", {**_FAILED, "reason": "…"})
    except irregularities.Irregular:
        return False
    return True


def _spelled(last: Mapping[str, Any] | None, lot: Lot) -> dict[int, str]:
    """The price read last in capital numerals, by its bidder's number; of yuan only."""
    if last is None or "price" not in last or currency(lot.currency, lot.vat) != CNY:
        return {}
    return {last["no"]: in_words(Decimal(last["price"]))}


def _filed(lines: list[Line], read: dict[int, str | None]) -> dict[int, str]:
    """The price in the decrypted file, by the bidder's number: of the bid read last, and of every bid whose reading is
    not what its file says."""
    shown = next(reversed(read), None)
    filed = {line.number: line.bid.price for line in lines if line.bid is not None and line.number in read}
    return {
        number: str(price)
        for number, price in filed.items()
        if price is not None and (number == shown or opening_record.differs(price, read[number]))
    }


def _recorder(room_id: str | None) -> str:
    """What the recorder of the room does; unknown where the hub does not say, none without a recorder."""
    room = rooms.snapshot().room(room_id)
    if room is None:
        return "unknown"
    return str(room["recorder"]["state"]) if room.get("recorder") else "none"


def _events(session: Session, opening_id: str, after: int) -> list[dict[str, Any]]:
    """Events after `after` as the feed tells them, with who told them, by the name they are shown under."""
    found = opening_record.events_after(session, opening_id, after)
    shown = shown_names(session, (e.actor for e in found))
    return [
        {"seq": e.seq, "ts": chain.stamp(e.ts), "type": e.type, "payload": e.payload, "hash": e.hash, "actor": shown[e.actor]}
        for e in found
    ]  # fmt: skip


def _upcoming(lines: list[Line], lot: Lot, progress: opening_record.Progress) -> list[dict[str, Any]]:
    """The bidders read next: whether they are decrypted and under the limit, no price."""
    waiting = [line for line in lines if line.number not in progress.read]
    told_of_all = "success" if progress.all_decrypted else None
    return [_line(line, lot, told_of_all) for line in waiting[: UPCOMING + 1]]


def _line(line: Line, lot: Lot, told_of_all: str | None) -> dict[str, Any]:
    price = line.bid.price if line.bid else None
    limit = lot.control_price if line.bid and hosting.is_comparable(lot, line.bid) else None
    over = price is not None and limit is not None and price > limit
    status = (line.bid.decrypt_status if line.bid else None) or told_of_all
    return {"no": line.number, "name": line.name, "status": status, "over": over}


def _draws(session: Session, opening: Opening, user: SignedIn) -> list[dict[str, Any]]:
    """Each draw: who has committed and revealed, and what this user may do."""
    held = draw.draws(session, opening.id)
    shown = shown_names(session, (who for one in held.by_kind.values() for who in one.actors.values()))
    return [
        {
            "kind": one.kind,
            "pool": one.pool,
            "committed": [{"no": no, "sha256": one.commitments[no], "who": shown[one.actors[no]]} for no in sorted(one.commitments)],
            "revealed": sorted(one.seeds),
            "failed": one.failed,
            "value": one.value,
            "mine": next((no for no, who in one.actors.items() if who == user.name), None),
            "open": held.head is not None,
        }
        for one in held.by_kind.values()
    ]  # fmt: skip


def _today(session: Session, opening: Opening, user: SignedIn) -> list[dict[str, Any]]:
    """Today's openings of this host, for the sidebar."""
    return [
        {"id": one.id, "at": rfc3339(one.scheduled_at), "title": lot, "room": room, "state": one.state, "stage": one.stage}
        for one, lot, room in host_people.today_of(session, opening, user.name)
    ]  # fmt: skip


def _by_two(session: Session, opening: Opening, lang: str) -> list[dict[str, Any]]:
    """The last acts that took two people."""
    return [
        {"at": rfc3339(one.at), "what": one.what.text(lang), "first": one.first, "second": one.second}
        for one in host_people.by_two(session, opening)
    ]


# ── steps ────────────────────────────────────────────────────────────────────


def perform_step(
    session: Session, opening_id: str, given: Mapping[str, Any], user: SignedIn, ip: str | None
) -> dict[str, Any]:
    """Take the step {"kind", "payload", "seen"} as this user. Raises Problem with words for the host."""
    kind, payload, seen = given.get("kind"), given.get("payload"), given.get("seen")
    if not isinstance(kind, str) or not isinstance(payload, dict) or type(seen) is not int:
        raise Problem(400, Message("host.bad_step"))
    allowed = DRAWERS if kind in hosting.DRAW_STEPS else hosting.HOSTS
    if user.role not in allowed:
        raise Problem(403, Message("http.not_your_role"))
    try:
        taken = hosting.perform_once(session, opening_id, kind, payload, seen=seen, host=user.name, ip=ip)
    except Unknown as error:
        raise Problem(404, error.message) from None
    except KeyError:
        raise Problem(400, Message("opening.no_host_step", step=step_name(kind))) from None
    except Fault as error:
        raise Problem(409, error.message) from None
    except ValidationError as error:
        place, why = explain(error)
        raise Problem(400, Message("host.wrong_field", place=_field_name(place), why=why)) from None
    return {"seq": taken.event.seq, "already": taken.already, "who": shown_name(session, taken.event.actor)}


def _field_name(place: str) -> Message | str:
    """What the desk calls a field of a payload; lines of a list by their field, `pool.3` → the candidates."""
    key = f"host.field.{place.partition('.')[0]}"
    return Message(key) if known(key) else place


def begin_again(
    session: Session, opening_id: str, given: Mapping[str, Any], user: SignedIn, ip: str | None
) -> dict[str, Any]:
    """Re-tender a failed lot with {"deadline"}; the opening that is announced for it."""
    try:
        deadline = datetime.fromisoformat(str(given.get("deadline")))
        if deadline.tzinfo is None:
            raise ValueError
    except ValueError:
        raise Problem(400, Message("host.bad_time")) from None
    try:
        opening = hosting.retender(session, opening_id, deadline, host=user.name, ip=ip)
    except Unknown as error:
        raise Problem(404, error.message) from None
    except (Conflict, Fault) as error:
        raise Problem(409, error.message) from None
    return {"opening": opening.id}


# ── the voice ────────────────────────────────────────────────────────────────


def can_speak() -> bool:
    """Whether the program that reads aloud is installed."""
    return shutil.which(VOICE[0]) is not None


def spoken(session: Session, opening_id: str, number: int) -> bytes:
    """The last reading of a bid as synthesised Mandarin, WAV. Raises Problem where it is not read or cannot be spoken."""
    read = next((row for row in opening_record.rows(session, opening_id) if row["no"] == number), None)
    if read is None:
        raise Problem(404, Message("host.not_read", no=number))
    if not can_speak():
        raise Problem(501, Message("host.no_voice"))
    price = "" if "price" not in read else f"投标报价{_aloud(session, opening_id, read['price'])}。"
    text = f"第{number}号，{read['name']}。{price}{read.get('remark', '')}"
    done = subprocess.run([*VOICE, text], capture_output=True, timeout=VOICE_SECONDS, check=False)
    if done.returncode or not done.stdout:
        raise Problem(502, Message("host.voice_failed"))
    return done.stdout


def _aloud(session: Session, opening_id: str, price: str) -> str:
    """A price as it is spoken: yuan in words; of another currency the figure and its code."""
    lot = session.get_one(Lot, session.get_one(Opening, opening_id).lot_id)
    return in_words(Decimal(price)) if lot.currency == CNY else f"{Decimal(price):f} {lot.currency}"
