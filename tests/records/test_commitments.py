"""What an event keeps inside is bound by a commitment that nobody can guess; older ledgers are brought along."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from records import audit, chain, check, states
from records.clock import frozen_at, now
from records.ledger import Ledger
from records.public import rows as public
from records.tables.evidence import Seal
from records.tables.openings import Opening, OpeningEvent
from tests.ledgers import new_ledger
from tests.records.market import AFTER, DEADLINE, lot_with_opening
from tests.records.test_states import WHOLE, play

INSIDE = {"raised_by": "示例建设第7公司"}


def test_it_binds_and_tells_nothing() -> None:
    one, other = chain.salted(INSIDE), chain.salted(INSIDE)
    assert chain.commitment(one) != chain.commitment(other)
    assert chain.was_committed(one, chain.commitment(one))
    assert not chain.was_committed({**one, "raised_by": "另一家"}, chain.commitment(one))
    assert not chain.was_committed(INSIDE, chain.digest(INSIDE)), "without a salt it can be guessed"
    assert chain.salted(one) == one, "what comes from another ledger keeps its commitment"


@pytest.mark.parametrize("weak", ["", "0", "x" * 64, 7, None])
def test_a_source_cannot_choose_a_salt_that_is_none(weak: Any) -> None:
    inside = chain.salted({**INSIDE, "salt": weak})
    assert len(inside["salt"]) == 64 and inside["salt"] != weak


def old(ledger: Ledger) -> None:
    """Make the ledger one of the version before: hashes without salt, a sign-in and a status shown too early."""
    with ledger.write() as session:
        head = chain.genesis("opening/O1")
        for event in session.query(OpeningEvent).order_by(OpeningEvent.seq):
            if event.type == "scheduled":
                event.detail = {"unmasked": event.payload}
            if event.detail:
                event.detail = {k: v for k, v in event.detail.items() if k != "salt"}
                event.payload = {**event.payload, "detail_sha256": chain.digest(event.detail)}
            body = chain.event_body("O1", event.seq, event.ts, event.type, event.payload)
            event.prev_hash, event.hash = head, chain.link(head, body)
            head = event.hash
            message = {
                "seq": event.seq,
                "ts": chain.stamp(event.ts),
                "type": event.type,
                "payload": event.payload,
                "hash": head,
            }
            session.execute(
                text("UPDATE public_event SET payload = :p WHERE topic = 'opening_event' AND position = :n"),
                {"p": json.dumps(message), "n": event.seq},
            )
        session.get_one(Opening, "O1").head_hash = head


def bring_along(ledger: Ledger) -> None:
    """What the upgrade does with the records; the tables are those of the newest version already."""
    step = import_module("records.migrations.versions.0004_salted_commitments")
    with ledger.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        step.upgrade()


@pytest.fixture
def written(tmp_path: Path) -> Ledger:
    ledger = new_ledger(tmp_path / "old.db")
    return ledger


def test_an_upgrade_salts_what_is_held_and_links_it_anew(written: Ledger) -> None:
    with written.write() as session:
        lot_with_opening(session, prequalification=True)
    play(written, WHOLE[:6])
    with written.write() as session:
        at = AFTER + timedelta(minutes=5)
        states.append_event(session, "O1", *WHOLE[6], actor="t", ts=at, detail=INSIDE)
    old(written)
    with written.read() as session:
        held = list(public.opening_events(session, "O1"))
        named = [problem for problem in check.check(session).problems if "承诺值" in problem.text("zh")]
    assert len(named) == 5, "every hash of the old kind is named"
    bring_along(written)
    with written.read() as session:
        assert check.check(session).problems == []
        assert states.verify_opening(session, "O1") is None and audit.verify(session) is None
        told = list(public.opening_events(session, "O1"))
        events = session.query(OpeningEvent).order_by(OpeningEvent.seq).all()
    assert [m["type"] for m in told] == [m["type"] for m in held]
    before, after = ({m["payload"].get("detail_sha256") for m in feed} - {None} for feed in (held, told))
    assert (len(before), len(after)) == (5, 4) and not before & after, "an announcement keeps nothing inside"
    assert [m["hash"] for m in told] == [event.hash for event in events]
    assert all(chain.was_committed(e.detail, e.payload["detail_sha256"]) for e in events if e.detail)


def test_an_opening_sealed_before_keeps_its_signed_hashes_and_is_whole(written: Ledger) -> None:
    with written.write() as session:
        lot_with_opening(session, prequalification=True)
    play(written, WHOLE)
    old(written)
    with written.write() as session:
        session.add(Seal(opening_id="O1", head="0" * 64, signature="s", key_id="k", manifest_sha256="0" * 64))
    with written.read() as session:
        held = list(public.opening_events(session, "O1"))
    bring_along(written)
    with written.read() as session:
        assert list(public.opening_events(session, "O1")) == held
        assert check.check(session).problems == [], "nothing of it is damaged"
    with written.write() as session:
        event = session.query(OpeningEvent).filter(OpeningEvent.type == "bidders_published").one()
        event.detail = {"unmasked": "another"}
    with written.read() as session:
        assert any("承诺值" in problem.text("zh") for problem in check.check(session).problems), (
            "what is changed is named"
        )


def test_an_upgrade_hides_what_was_shown_too_early(written: Ledger) -> None:
    later = now() + timedelta(hours=2)
    with frozen_at(DEADLINE - timedelta(minutes=5)), written.write() as session:
        lot_with_opening(session)
        states.append_event(session, "O1", "sign_in", {"count": 3}, actor="t")
    with written.write() as session:
        session.execute(text("UPDATE public_event SET visible_from = '2026-11-19 01:00:00.000000'"))
        session.execute(
            text("UPDATE lot SET status = 'failed', deadline = :at"), {"at": later.strftime("%F %T.000000")}
        )
        session.execute(
            text("INSERT INTO public_event (topic, subject, position, visible_from, payload, created_at) "
                 "VALUES ('lot', 'L1', 0, '0001-01-01 00:00:00.000000', :p, '2026-11-19 01:00:00.000000')"),
            {"p": json.dumps({"id": "L1", "status": "failed"})},
        )  # fmt: skip
    bring_along(written)
    with written.read() as session:
        assert [m["type"] for m in public.opening_events(session, "O1")] == ["scheduled"]
        assert public.latest(session, "lot", "L1") is None
        assert public.latest(session, "lot", "L1", at=later) is not None


def test_an_upgrade_shows_what_an_event_of_next_year_held_back(written: Ledger) -> None:
    with written.write() as session:
        lot_with_opening(session)
    play(written, WHOLE[:3])
    with written.write() as session:
        session.execute(
            text("UPDATE public_event SET visible_from = '2099-01-01 00:00:00.000000' WHERE position = 2")
        )
    with written.read() as session:
        assert len(list(public.opening_events(session, "O1"))) == 1
    bring_along(written)
    with written.read() as session:
        assert len(list(public.opening_events(session, "O1"))) == 4
