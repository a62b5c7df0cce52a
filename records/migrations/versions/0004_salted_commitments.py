"""what events keep inside is committed to with a salt; what waits for a list of bidders waits for it

Until now the public hash of what an event keeps inside had no salt: a masked bidder, or who objected, could be
found by trying names. Each gets a salt and its opening's chain is linked anew from there on; the audit chain
keeps the old head beside the new one. A sealed opening is left as it is: its package is signed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from records import chain
from records.tables.base import Instant, Json
from records.clock import now

revision = '0004'
down_revision = '0005'
branch_labels = None
depends_on = None

_NO_MOMENT = datetime(9999, 12, 31, tzinfo=UTC)
_PLAIN = ("draft", "bidding", "paused", "terminated")

_EVENT = sa.table(
    'opening_event', sa.column('opening_id'), sa.column('seq'), sa.column('ts', Instant(timezone=True)), sa.column('type'),
    sa.column('payload', Json), sa.column('detail', Json), sa.column('prev_hash'), sa.column('hash'),
    sa.column('recorded_at', Instant(timezone=True)),
)
_OPENING = sa.table(
    'opening', sa.column('id'), sa.column('lot_id'), sa.column('state'), sa.column('result'), sa.column('head_seq'),
    sa.column('head_hash'), sa.column('scheduled_at', Instant(timezone=True)),
    sa.column('started_at', Instant(timezone=True)),
)
_LOT = sa.table('lot', sa.column('id'), sa.column('status'), sa.column('deadline', Instant(timezone=True)))
_PUBLIC = sa.table(
    'public_event', sa.column('topic'), sa.column('subject'), sa.column('position'), sa.column('payload', Json),
    sa.column('visible_from', Instant(timezone=True)),
)
_SEAL = sa.table('seal', sa.column('opening_id'))
_AUDIT = sa.table(
    'audit', sa.column('seq'), sa.column('ts', Instant(timezone=True)), sa.column('actor'), sa.column('action'),
    sa.column('object_kind'), sa.column('object_id'), sa.column('detail', Json), sa.column('ip'),
    sa.column('prev_hash'), sa.column('hash'),
)


def upgrade() -> None:
    connection = op.get_bind()
    for opening_id in list(_guessable(connection)):
        _link_anew(connection, opening_id)
    moment = now()
    _wait_for_the_list(connection)
    _show_what_was_dated_ahead(connection, moment)
    _hide_early_outcomes(connection, moment)


def downgrade() -> None:
    """The salts stay: older versions read them as any other content."""


def _salted(detail: Any) -> bool:
    return isinstance(detail, dict) and bool(re.fullmatch(r"[0-9a-f]{64}", str(detail.get("salt", ""))))


def _guessable(connection: Connection) -> Iterator[str]:
    """Openings with a commitment that has no salt, unless they are sealed."""
    query = (
        sa.select(_EVENT.c.opening_id, _EVENT.c.detail)
        .where(_EVENT.c.payload["detail_sha256"].as_string().is_not(None))
        .where(_EVENT.c.opening_id.not_in(sa.select(_SEAL.c.opening_id)))
        .order_by(_EVENT.c.opening_id)
    )
    last = None
    for opening_id, detail in connection.execute(query, execution_options={"yield_per": 1000}):
        if opening_id != last and isinstance(detail, dict) and not _salted(detail):
            last = opening_id
            yield opening_id


def _link_anew(connection: Connection, opening_id: str) -> None:
    rows = connection.execute(
        sa.select(_EVENT).where(_EVENT.c.opening_id == opening_id).order_by(_EVENT.c.seq)
    ).mappings().all()
    before, head = rows[-1]["hash"], rows[0]["prev_hash"]
    for row in rows:
        head = _event_anew(connection, row, head)
    connection.execute(sa.update(_OPENING).where(_OPENING.c.id == opening_id).values(head_hash=head))
    _note(connection, opening_id, {"head_before": before, "head": head})


def _event_anew(connection: Connection, row: Any, previous: str) -> str:
    """Salt and link one event in the ledger and in the public feed; its hash."""
    payload, detail = dict(row["payload"]), row["detail"]
    if "detail_sha256" in payload and _says_nothing_more(payload, detail):
        del payload["detail_sha256"]
        detail = {}
    elif "detail_sha256" in payload and isinstance(detail, dict) and not _salted(detail):
        detail = {**detail, "salt": secrets.token_hex(32)}
        payload["detail_sha256"] = chain.digest(detail)
    hashed = chain.link(previous, chain.event_body(row["opening_id"], row["seq"], row["ts"], row["type"], payload))
    if hashed == row["hash"]:
        return hashed
    here = (_EVENT.c.opening_id == row["opening_id"], _EVENT.c.seq == row["seq"])
    values = {"payload": payload, "prev_hash": previous, "hash": hashed}
    if detail is not None:
        values["detail"] = detail
    connection.execute(sa.update(_EVENT).where(*here).values(values))
    message = {"seq": row["seq"], "ts": chain.stamp(row["ts"]), "type": row["type"], "payload": payload, "hash": hashed}
    told = (
        _PUBLIC.c.topic == "opening_event", _PUBLIC.c.subject == row["opening_id"], _PUBLIC.c.position == row["seq"]
    )
    connection.execute(sa.update(_PUBLIC).where(*told).values(payload=message))
    return hashed


def _says_nothing_more(payload: dict[str, Any], detail: Any) -> bool:
    """Whether a masked payload is the unmasked one: it names nobody, so there is nothing to commit to."""
    shown = {name: value for name, value in payload.items() if name != "detail_sha256"}
    return isinstance(detail, dict) and detail == {"unmasked": shown}


def _note(connection: Connection, opening_id: str, detail: dict[str, str]) -> None:
    """An entry of the audit chain."""
    last = connection.execute(sa.select(_AUDIT).order_by(_AUDIT.c.seq.desc()).limit(1)).mappings().first()
    entry: dict[str, Any] = {
        "seq": (last["seq"] if last else 0) + 1, "ts": now(), "actor": "sunbid db upgrade",
        "action": "opening.relinked", "object_kind": "opening", "object_id": opening_id, "detail": detail, "ip": None,
    }
    body = {
        "seq": entry["seq"], "ts": chain.stamp(entry["ts"]), "actor": entry["actor"], "action": entry["action"],
        "object": ["opening", opening_id], "detail": detail, "ip": None,
    }
    previous = last["hash"] if last else chain.genesis("audit")
    connection.execute(sa.insert(_AUDIT).values(**entry, prev_hash=previous, hash=chain.link(previous, body)))


def _wait_for_the_list(connection: Connection) -> None:
    """Sign-ins and later announcements of openings without a published list are not public."""
    signed_in = sa.select(_EVENT.c.opening_id).where(_EVENT.c.type == "sign_in")
    broken_off = sa.and_(_OPENING.c.result != "failed", _OPENING.c.id.in_(signed_in))
    silent = sa.select(_OPENING.c.id).where(
        _OPENING.c.head_seq > 1, _OPENING.c.started_at.is_(None), sa.or_(_OPENING.c.result.is_(None), broken_off)
    )
    later = (_PUBLIC.c.topic == "opening_event", _PUBLIC.c.position > 1, _PUBLIC.c.subject.in_(silent))
    connection.execute(sa.update(_PUBLIC).where(*later).values(visible_from=_NO_MOMENT))


def _show_what_was_dated_ahead(connection: Connection, moment: datetime) -> None:
    """What a source dated ahead of its time no longer holds back the rest of a begun opening."""
    hidden = sa.select(_PUBLIC.c.subject).where(
        _PUBLIC.c.topic == "opening_event", _PUBLIC.c.visible_from > moment, _PUBLIC.c.visible_from < _NO_MOMENT
    )
    query = sa.select(_OPENING.c.id, _OPENING.c.scheduled_at, _LOT.c.deadline).join_from(
        _OPENING, _LOT, _LOT.c.id == _OPENING.c.lot_id
    ).where(_OPENING.c.id.in_(hidden))
    for opening_id, scheduled_at, deadline in connection.execute(query).all():
        begun = (_EVENT.c.opening_id == opening_id, _EVENT.c.type.in_(("bidders_published", "ended")))
        recorded = connection.execute(sa.select(sa.func.min(_EVENT.c.recorded_at)).where(*begun)).scalar()
        since = max(filter(None, (deadline or scheduled_at, recorded)))
        waiting = (_PUBLIC.c.topic.in_(("opening", "opening_event")), _PUBLIC.c.subject == opening_id)
        connection.execute(
            sa.update(_PUBLIC).where(*waiting, _PUBLIC.c.visible_from > since, _PUBLIC.c.visible_from < _NO_MOMENT)
            .values(visible_from=since)
        )


def _hide_early_outcomes(connection: Connection, moment: datetime) -> None:
    """A status or a notice that tells how many have bid waits for the deadline in force."""
    ahead = sa.select(_LOT.c.id, _LOT.c.status, _LOT.c.deadline).where(_LOT.c.deadline > moment)
    for lot_id, status, deadline in connection.execute(ahead).all():
        early = _PUBLIC.c.visible_from < deadline
        told = (_PUBLIC.c.topic == "lot", _PUBLIC.c.subject == lot_id, early)
        outcome = _PUBLIC.c.payload["status"].as_string().not_in(_PLAIN)
        connection.execute(sa.update(_PUBLIC).where(*told, outcome).values(visible_from=deadline))
        kinds = ("candidates", "result") if status == "terminated" else ("candidates", "result", "termination")
        papers = (_PUBLIC.c.topic == "notice", _PUBLIC.c.payload["lot"].as_string() == lot_id, early)
        kind = _PUBLIC.c.payload["type"].as_string().in_(kinds)
        connection.execute(sa.update(_PUBLIC).where(*papers, kind).values(visible_from=deadline))
