"""Money, time, the audit chain, the public read model and upgrades, on a real database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import ProgrammingError, StatementError

from records import audit, grants, identifiers
from records.clock import now
from records.ledger import Ledger
from records.public import rows as public
from records.serving import signing
from records.tables.base import Base
from records.tables.broadcast import BroadcastSession, PublicEvent, Viewing
from records.tables.projects import Lot, Project
from records.tables.users import AuditEntry
from records.tables.witnessing import WITNESS_LEAF, RoomView


def test_the_migrations_make_exactly_the_tables_of_the_models(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_twice_changes_nothing(ledger: Ledger) -> None:
    before = ledger.schema_version()
    ledger.upgrade()
    assert ledger.schema_version() == before is not None


def test_the_state_changes_with_every_commit_and_with_nothing_else(ledger: Ledger) -> None:
    before = ledger.state()
    with ledger.read() as session:
        session.scalars(select(Project)).all()
    assert ledger.state() == before
    with ledger.write() as session:
        session.add(Project(id="P", name="p", source="t"))
    after = ledger.state()
    assert after != before and ledger.state() == after
    ledger.close()
    assert ledger.state() != before, "a ledger opened anew may have become another in between"


def test_money_is_exact_and_refuses_floats(ledger: Ledger) -> None:
    with ledger.write() as session:
        session.add(Project(id="P", name="p", investment=Decimal("0.1") + Decimal("0.2"), source="t"))
    with ledger.read() as session:
        assert session.get_one(Project, "P").investment == Decimal("0.3")
        assert session.scalar(select(func.sum(Project.investment))) == Decimal("0.3")
    with pytest.raises(StatementError, match="Decimal"), ledger.write() as session:
        session.add(Project(id="Q", name="p", investment=0.1, source="t"))


def test_a_time_comes_back_as_the_same_moment_and_needs_an_offset(ledger: Ledger) -> None:
    local = datetime(2026, 11, 19, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    with ledger.write() as session:
        session.add(Project(id="P", name="p", source="t"))
        session.flush()
        session.add(Lot(id="L", project_id="P", name="l", deadline=local, source="t"))
    with ledger.read() as session:
        found = session.get_one(Lot, "L").deadline
        assert found == local and found.tzinfo is UTC
    with pytest.raises(StatementError, match="offset"), ledger.write() as session:
        session.add(Lot(id="M", project_id="P", name="l", deadline=datetime(2026, 1, 1), source="t"))


def test_an_exception_leaves_nothing_behind(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.write() as session:
        session.add(Project(id="P", name="p", source="t"))
        session.flush()
        raise RuntimeError
    with ledger.read() as session:
        assert session.get(Project, "P") is None


def test_writers_queue_instead_of_failing(ledger: Ledger) -> None:
    def work(name: str) -> None:
        for _ in range(20):
            with ledger.write() as session:
                audit.write(session, name, "test")

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as session:
        assert audit.count(session) == 80
        assert audit.verify(session) is None


def test_a_changed_or_removed_audit_entry_is_found(ledger: Ledger) -> None:
    with ledger.write() as session:
        for number in range(5):
            audit.write(session, "supervisor", "export", detail={"rows": number})
    with ledger.write() as session:
        session.get_one(AuditEntry, 3).detail = {"rows": 999}
    with ledger.read() as session:
        broken = audit.verify(session)
        assert broken is not None and broken.index == 2
    with ledger.write() as session:
        session.delete(session.get_one(AuditEntry, 3))
    with ledger.read() as session:
        broken = audit.verify(session)
        assert broken is not None and broken.index == 2


def test_the_newest_visible_row_of_a_subject_is_its_public_state(ledger: Ledger) -> None:
    soon = now() + timedelta(hours=1)
    with ledger.write() as session:
        public.publish(session, "lot", "L1", {"v": 1})
        public.publish(session, "lot", "L2", {"v": 1})
        public.publish(session, "lot", "L1", {"v": 2}, visible_from=soon)
    with ledger.read() as session:
        assert public.latest(session, "lot", "L1") == {"v": 1}
        assert public.latest(session, "lot", "L1", at=soon) == {"v": 2}
        assert public.latest_all(session, "lot") == [{"v": 1}, {"v": 1}]
        assert public.latest(session, "lot", "L3") is None


def test_a_rescheduled_opening_leaves_the_list_of_its_old_day(ledger: Ledger) -> None:
    with ledger.write() as session:
        public.publish(session, "opening", "O1", {"id": "O1"}, day="2026-11-19")
        public.publish(session, "opening", "O2", {"id": "O2"}, day="2026-11-19")
        public.publish(session, "opening", "O1", {"id": "O1"}, day="2026-11-20")
    with ledger.read() as session:
        assert public.latest_all(session, "opening", day="2026-11-19") == [{"id": "O2"}]
        assert public.latest_all(session, "opening", day="2026-11-20") == [{"id": "O1"}]
        assert session.scalar(select(func.count()).select_from(PublicEvent)) == 3


@pytest.mark.parametrize(
    ("code", "good"), [("91110000600037341L", True), ("91110000600037342L", False), ("not a code", False)]
)
def test_the_check_digit_of_gb_32100(code: str, good: bool) -> None:
    assert identifiers.uscc_check(code) is good


def test_a_uscc_names_the_division_of_its_registration() -> None:
    assert identifiers.uscc_division("91110000600037341L") == "110000"


def test_a_view_token_opens_only_its_room_and_only_for_a_while(tmp_path: Path) -> None:
    key = signing.load_key(tmp_path)
    assert signing.load_key(tmp_path) == key
    token = signing.view_token(key, "hz-09", "supervisor")
    assert signing.check_view_token(key, token, "hz-09") == "supervisor"
    assert signing.check_view_token(key, token, "hz-10") is None
    assert signing.check_view_token(key, token, "hz-09", max_age=-1) is None
    assert signing.check_view_token(b"0" * 32, token, "hz-09") is None
    assert (tmp_path / signing.KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.server
@pytest.mark.parametrize(
    "table",
    [
        "bid",
        "organisation",
        "lot",
        "deposit",
        "journal",
        '"user"',
        "warning",
        "audit",
        "witness_act",
        "room_look",
    ],
)
def test_postgresql_itself_refuses_the_trading_tables_to_the_hub(postgres_url: str, table: str) -> None:
    hub = Ledger(postgres_url, role=grants.HUB_ROLE)
    with pytest.raises(ProgrammingError, match="permission denied"), hub.read() as session:
        session.execute(text(f"SELECT 1 FROM {table}"))
    hub.close()


@pytest.mark.server
def test_the_hubs_role_reads_what_is_public_and_writes_its_broadcasts(postgres_url: str) -> None:
    whole = Ledger(postgres_url)
    with whole.write() as session:
        public.publish(session, "lot", "L1", {"v": 1})
    hub = Ledger(postgres_url, role=grants.HUB_ROLE)
    with hub.write() as session:
        assert public.latest(session, "lot", "L1") == {"v": 1}
        session.add(BroadcastSession(id="S1", opening_id="O1", room_id="hz-01"))
        assert session.execute(select(WITNESS_LEAF)).all() == []
        session.merge(
            RoomView(session="V1", look_id="1", room_id="p1", viewer="x", began_at=now(), seen_at=now())
        )
    for viewers in (1, 2):  # how openings were watched: added, then counted on
        with hub.write() as session:
            told = Viewing(
                opening_id="O1", viewers=viewers, peak=1, seconds=9.5, first_frames={"9": viewers}, delays={}
            )
            session.merge(told)
    with hub.read() as session:
        assert [(one.viewers, one.first_frames) for one in session.scalars(select(Viewing))] == [
            (2, {"9": 2})
        ]
    with pytest.raises(ProgrammingError, match="permission denied"), hub.write() as session:
        public.publish(session, "lot", "L1", {"v": 2})
    whole.close()
    hub.close()


@pytest.mark.server
def test_an_ordinary_owner_upgrades_and_the_hubs_role_is_optional(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "hub_of_the_owner"
    monkeypatch.setattr(grants, "HUB_ROLE", role)
    engine = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")

    def as_administrator(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(text(statement))

    as_administrator("CREATE ROLE owner LOGIN")
    as_administrator("CREATE DATABASE owned OWNER owner")
    owned = f"{postgres_server.replace('tests@', 'owner@')}/owned"
    book = Ledger(owned)
    book.upgrade()
    hub = Ledger(owned, role=role)
    with hub.read() as session:  # nobody made the role: the hub works as the owner, and that is said
        assert session.scalar(text("SELECT current_user")) == "owner"
    hub.close()
    as_administrator(f"CREATE ROLE {role} NOLOGIN")
    book.upgrade()  # it is there but not ours: the same
    with book.engine.connect() as connection:
        assert not grants.may_take_on(connection)
    as_administrator(f"GRANT {role} TO owner")
    book.upgrade()
    hub = Ledger(owned, role=role)
    with pytest.raises(ProgrammingError, match="permission denied"), hub.read() as session:
        session.execute(text("SELECT 1 FROM bid"))
    with hub.read() as session:
        assert session.scalar(text("SELECT current_user")) == role
    hub.close()
    book.close()
    engine.dispose()


@pytest.mark.parametrize("token", ["", "é", "\ud800", "x\udfffy", "\x00"])
def test_a_token_of_any_characters_has_a_digest(token: str) -> None:
    assert len(signing.token_hash(token)) == 64
