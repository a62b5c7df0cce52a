"""The hub's log of evidence: what is entered, what is served, who may vouch, and that nothing shows before its time."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from evidence import checkpoint
from evidence.merkle import Tiles
from evidence.verify import COSIGNATURE, Head, Note, VerifierKey, entry, is_consistent, keyed
from records import audit, check
from records.administration import By
from records.clock import now
from records.ledger import Ledger
from records.tables.evidence import LogHead, LogLeaf, Recording, Segment
from records.tables.users import AuditEntry
from records.tables.witnessing import WitnessAct
from records.witnessing import tasks
from streaming.hub import Hub
from streaming.log import leaves
from streaming.log.keeper import Keeper, Refused
from tests.evidence import independent
from tests.evidence.packages import cosignature_at
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

WITNESS = checkpoint.Ed25519Signer("notary.example/w", COSIGNATURE, b"\2" * 32)


def log_of(rig: Rig) -> tuple[Head, Tiles]:
    """The log as anyone reads it over HTTP."""

    def fetch(path: str) -> bytes:
        answer = rig.get(f"/log/{path}")
        if answer.status_code != 200:
            raise LookupError(path)
        assert "immutable" in answer.headers["cache-control"]
        return answer.content

    head = Head.parse(Note.parse(rig.get("/log/checkpoint").text).text)
    return head, Tiles(fetch, head.size)


def hub_of(rig: Rig) -> Hub:
    hub: Hub = rig.client.app.state.hub  # type: ignore[attr-defined]
    return hub


def sign(rig: Rig) -> None:
    hub_of(rig).log.sign()


def kinds(ledger: Ledger) -> list[str]:
    with ledger.read() as session:
        return [row.kind for row in session.query(LogLeaf).order_by(LogLeaf.number)]


def record(ledger: Ledger, opening: str, count: int) -> None:
    """A recording of an opening with so many segments."""
    with ledger.write() as session:
        if session.get(Recording, "R1") is None:
            session.add(
                Recording(
                    id="R1",
                    session_id=opening,
                    room_id="r1",
                    path="r1/x.mp4",
                    container="mp4",
                    head_hash="00",
                )
            )
            session.flush()
        for seq in range(count):
            session.merge(Segment(
                recording_id="R1", seq=seq, offset=seq * 10, bytes=10, started_at=now(), seconds=2.0,
                sha256=hashlib.sha256(str(seq).encode()).hexdigest(), prev_hash="00", hash="00",
            ))  # fmt: skip


def test_what_happens_is_entered_once_and_signed(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    record(rig.ledger, "O1", 3)
    until(lambda: kinds(rig.ledger).count("segment"), 3)
    until(lambda: kinds(rig.ledger).count("event") >= 2, True)
    sign(rig)
    first, tiles = log_of(rig)
    with rig.ledger.read() as session:
        rows = session.query(LogLeaf).order_by(LogLeaf.number).all()
        assert [row.number for row in rows] == list(range(len(rows)))
        mine = [row for row in rows if row.opening_id == "O1"]
        assert [row.seq for row in mine] == list(range(1, len(mine) + 1))
        assert tiles.entries(0, first.size) == [entry(row.leaf) for row in rows[: first.size]]
    assert tiles.root() == first.root
    events = rig.get("/api/openings/O1/events").json()
    event = next(row for row in mine if row.kind == "event" and row.position == 1)
    assert event.leaf["sha256"] == hashlib.sha256(leaves.event_line(events[0])).hexdigest()
    record(rig.ledger, "O1", 5)
    until(lambda: kinds(rig.ledger).count("segment"), 5)
    sign(rig)
    second, tiles = log_of(rig)
    assert second.size > first.size
    assert is_consistent(first.size, first.root, second.size, second.root, tiles.consistency(first.size))


def test_the_checkpoint_is_signed_with_the_key_that_is_published(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    until(lambda: "event" in kinds(rig.ledger), True)
    sign(rig)
    answer = rig.get("/log/checkpoint")
    assert (
        answer.headers["content-type"] == "text/plain; charset=utf-8"
        and "max-age=2" in answer.headers["cache-control"]
    )
    key = VerifierKey.parse(rig.get("/log/keys").text.splitlines()[0])
    note = Note.parse(answer.text)
    assert note.check(key)[0] and Head.parse(note.text).origin == key.name
    path = rig.data / "keys" / "log.key"
    assert path.stat().st_mode & 0o077 == 0 and "PRIVATE" not in answer.text


@pytest.mark.parametrize("path", [
    "tile/0/999", "tile/0/000.p/0", "tile/0/000.p/256", "tile/64/000", "../keys/log.key", "tile/0/../../../keys/log.key",
    ".cosigners.json", "tile/00/000", "tile/entries/0",
])  # fmt: skip
def test_there_is_nothing_else_below_the_log(rig: Rig, path: str) -> None:
    assert rig.get(f"/log/{path}").status_code in (404, 405, 400)


def test_the_file_that_checks_packages_is_served(rig: Rig) -> None:
    answer = rig.get("/log/verify.py")
    assert answer.status_code == 200 and b"def main" in answer.content


@pytest.fixture
def keeper(ledger: Ledger, tmp_path: Path) -> Keeper:
    made = Keeper(ledger, tmp_path, "sunbid.example/log", [WITNESS.verifier])
    made.open()
    enter(ledger, 3)
    assert made.sign()
    return made


def enter(ledger: Ledger, count: int) -> None:
    with ledger.write() as session:
        size = leaves.size(session)
        for number in range(size, size + count):
            leaves.append(
                session, [leaves.committed("O1", "audit", now() + timedelta(seconds=number), {"n": number})]
            )


def test_witnesses_that_are_registered_vouch_and_no_others(
    keeper: Keeper, tmp_path: Path, ledger: Ledger
) -> None:
    text = Note.parse(keeper.note).text
    line = checkpoint.signature_line(WITNESS, text)
    for note, status in (
        ("nonsense", 400),
        (
            f"{text}\n{checkpoint.signature_line(checkpoint.Ed25519Signer('other', COSIGNATURE, b'3' * 32), text)}",
            403,
        ),
        (f"{text.replace(chr(10) + '3' + chr(10), chr(10) + '2' + chr(10))}\n{line}", 409),
    ):
        with pytest.raises(ValueError) as refused:
            keeper.add_cosignature(note)
        assert refused.value.status == status  # type: ignore[attr-defined]
    found = keeper.add_cosignature(f"{text}\n{line}")
    assert (found.name, found.size) == (WITNESS.name, 3) and keeper.cosigned(3) == 1
    assert WITNESS.name in keeper.note and WITNESS.name in (tmp_path / "log" / "checkpoint").read_text()
    again = Keeper(ledger, tmp_path, "another", [WITNESS.verifier])
    again.open()
    assert again.vouched[WITNESS.name].size == 3 and again.note == keeper.note, (
        "after a restart it is known still"
    )


@pytest.mark.parametrize("when", [0, 1_700_000_000, 4_102_444_800, 253_402_300_800, 1 << 62, (1 << 63) + 5])
def test_a_cosignature_of_an_impossible_time_is_refused_and_nothing_is_kept(
    keeper: Keeper, when: int
) -> None:
    """Long before the head was signed, in the year 2100, and beyond what a calendar holds."""
    text, before = Note.parse(keeper.note).text, keeper.note
    with pytest.raises(Refused) as refused:
        keeper.add_cosignature(f"{text}\n{cosignature_at(WITNESS, text, when)}")
    assert refused.value.status == 400 and "时钟" in refused.value.message.text("zh")
    assert keeper.note == before and not keeper.vouched and not keeper.cosigned(3)
    for seconds in (-200, 200):
        keeper.add_cosignature(f"{text}\n{cosignature_at(WITNESS, text, int(now().timestamp()) + seconds)}")


def test_a_cosignature_that_comes_late_stands_under_its_own_head(keeper: Keeper, ledger: Ledger) -> None:
    text = Note.parse(keeper.note).text
    enter(ledger, 2)
    keeper.sign()
    keeper.add_cosignature(f"{text}\n{checkpoint.signature_line(WITNESS, text)}")
    assert keeper.cosigned(3) == 1 and keeper.cosigned(5) == 0 and keeper.head and keeper.head.size == 5


def test_nothing_is_signed_twice_and_a_restart_goes_on(
    keeper: Keeper, ledger: Ledger, tmp_path: Path
) -> None:
    assert not keeper.sign()
    again = Keeper(ledger, tmp_path, "another.example", [])
    again.open()
    assert again.trouble is None and again.head == keeper.head and again.signer == keeper.signer
    enter(ledger, 300)
    assert again.sign() and again.head and again.head.size == 303
    with ledger.read() as session:
        assert [head.size for head in session.query(LogHead).order_by(LogHead.size)] == [3, 303]


def test_a_log_whose_leaves_were_rewritten_signs_no_more(
    keeper: Keeper, ledger: Ledger, tmp_path: Path
) -> None:
    with ledger.write() as session:
        row = session.get_one(LogLeaf, 2)
        row.leaf = {**row.leaf, "sha256": "0" * 64}
    again = Keeper(ledger, tmp_path, "x")
    again.open()
    assert again.trouble is not None and not again.sign()


def test_a_tile_that_was_changed_is_noticed_at_the_start(
    keeper: Keeper, ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "log" / "tile" / "0" / "000.p" / "3"
    path.write_bytes(bytes(96))
    again = Keeper(ledger, tmp_path, "x")
    again.open()
    assert (
        again.trouble is not None
        and "完整" not in again.trouble.text("zh")
        and again.trouble.text("en").isascii()
    )


def test_before_the_list_one_commitment_a_minute_tells_nothing(rig: Rig) -> None:
    """Two openings, one with a sign-in before its time: their logs are as long, and neither names a sign-in."""
    hub = hub_of(rig)
    minute = leaves.minute_of(now())
    market.opening(rig.ledger)
    market.opening(rig.ledger, "O2")
    market.event(rig.ledger, "O1", "sign_in", count=3)
    with rig.ledger.write() as session:
        for key in ("O1", "O2"):
            leaves.append(session, [leaves.head_of_chain(session, key, minute + timedelta(days=1))])
        rows = {
            row.opening_id: row
            for row in session.query(LogLeaf).filter(LogLeaf.position > 0, LogLeaf.opening_id != "")
        }
        one, other = rows["O1"], rows["O2"]
        assert set(one.leaf) == set(other.leaf) and len(json.dumps(one.leaf)) == len(json.dumps(other.leaf))
        assert one.body and one.body["seq"] == 2 and other.body and other.body["seq"] == 1
        assert one.key and keyed(one.key, one.body) == one.leaf["sha256"]
    hub.log.sign()
    head, tiles = log_of(rig)
    assert all(len(one) == 32 for one in tiles.entries(0, head.size)), "the log's files hold digests alone"


def test_what_is_witnessed_enters_the_log_once_the_list_is_public_and_tells_neither_who_nor_what(
    rig: Rig,
) -> None:
    market.opening(rig.ledger)
    by = By("supervisor")
    with rig.ledger.write() as session:
        tasks.act(session, "opening-O1", "join", by, "supervisor", seen=0)
        tasks.tick(session, "opening-O1", "people", "conforms", by, "supervisor", note="到场九人")
    hub = hub_of(rig)
    rig.client.portal.call(hub.log.enter)  # type: ignore[union-attr]
    assert "action" not in kinds(rig.ledger), "before the list is public its number would tell of the opening"
    market.begin(rig.ledger)
    until(lambda: kinds(rig.ledger).count("action"), 2)
    with rig.ledger.write() as session:
        tasks.remark(session, "opening-O1", "秩序正常", by, "supervisor")
    until(lambda: kinds(rig.ledger).count("action"), 3)
    with rig.ledger.read() as session:
        rows = [row for row in session.query(LogLeaf).order_by(LogLeaf.number) if row.kind == "action"]
        acts = session.query(WitnessAct).order_by(WitnessAct.seq).all()
        for row, act in zip(rows, acts, strict=True):
            assert row.body is not None and (row.body["act"], row.body["sha256"]) == ("witness", act.sha256)
            assert row.key and row.leaf["sha256"] == keyed(row.key, row.body)
            assert "supervisor" not in json.dumps([row.leaf, row.body])


def test_the_log_is_read_by_an_independent_implementation(rig: Rig, tmp_path: Path) -> None:
    python = independent.interpreter()
    if python is None:
        pytest.skip("aics-tlog is made for Python 3.12 and later, and this machine has none")
    independent.install(python, tmp_path / "packages")
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    record(rig.ledger, "O1", 300)
    until(lambda: kinds(rig.ledger).count("segment"), 300)
    sign(rig)

    def fetch(path: str) -> bytes | None:
        answer = rig.get(f"/log/{path}")
        return answer.content if answer.status_code == 200 else None

    def flipped(path: str) -> bytes | None:
        body = fetch(path)
        return bytes([body[0] ^ 1]) + body[1:] if body and path.startswith("tile/entries/") else body

    key = rig.get("/log/keys").text.splitlines()[0]
    assert independent.read(python, tmp_path / "packages", fetch, key) > 300
    with pytest.raises(AssertionError, match="refused"):
        independent.read(python, tmp_path / "packages", flipped, key)


def test_a_check_of_the_ledger_notices_an_audit_chain_that_was_written_anew(ledger: Ledger) -> None:
    with ledger.write() as session:
        audit.write(session, "operator", "opening.paused")
        session.flush()
        leaves.append(session, [leaves.head_of_audit(session, leaves.minute_of(now()))])
    with ledger.read() as session:
        assert check.check(session).problems == []
    with ledger.write() as session:
        entry_of = session.query(AuditEntry).one()
        session.delete(entry_of)
        session.flush()
        audit.write(session, "nobody", "nothing")
    with ledger.read() as session:
        (problem,) = check.check(session).problems
    assert problem.key == "check.audit_rewritten"
