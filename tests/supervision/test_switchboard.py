"""The switchboard: who changes a rule how, what the watch does by it, what a silence keeps, who looks a second time."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select, update

from messages import Invalid, Unknown
from records import audit, clock
from records.administration import By, Conflict
from records.clock import now
from records.ledger import Ledger
from records.tables.supervision import RuleSetting, ShadowFinding, Warning, WarningChange
from records.tables.users import AuditEntry
from supervision.home import Place
from supervision.lens.writer import LensWriter
from supervision.rules import switchboard
from supervision.rules.baseline import UNKNOWN
from supervision.rules.registry import RULES
from supervision.rules.switchboard import AS_WRITTEN, Setting
from supervision.studies.evidence import verdicts_on_lots
from supervision.warnings import desk, silences
from supervision.warnings.desk import IllegalAction
from supervision.warnings.dry_run import begins, dry_run, opened_since
from supervision.warnings.lot_loop import HotLoop
from supervision.warnings.market_loop import MarketLoop
from supervision.warnings.tally import Judged, by_rule, in_shadow
from tests.ledgers import new_ledger

LI, WANG = By("li", "10.0.0.1"), By("wang")
WHY = "四家以下报价天然接近"


def change(ledger: Ledger, rule_id: str, by: By = LI, *, two: bool = False, **given: Any) -> int:
    with ledger.write() as session:
        held = switchboard.in_force(session).of(rule_id)
        wanted = switchboard.wanted(given, held)
        return switchboard.ask(session, wanted, held.revision, WHY, by, two=two).id


def setting(ledger: Ledger, rule_id: str) -> Setting:
    with ledger.read() as session:
        return switchboard.in_force(session).of(rule_id)


def entries(ledger: Ledger, action: str) -> list[AuditEntry]:
    with ledger.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_a_rule_nobody_changed_runs_as_it_was_written(ledger: Ledger) -> None:
    for rule_id, one in RULES.items():
        held = setting(ledger, rule_id)
        assert (held.mode, held.version, held.centres) == (one.mode, one.version, frozenset())
        assert held.parameters == {p.name: p.default for p in one.parameters}


def test_a_change_is_in_force_at_once_under_a_new_version_and_audited_old_and_new(ledger: Ledger) -> None:
    change(ledger, "B4", parameters={"min_bidders": 3}, centres=["c2"], second_look=True)
    held = setting(ledger, "B4")
    assert held == Setting("B4", "on", {"min_bidders": 3.0}, frozenset({"c2"}), True, 1)
    assert held.version == "1.1"
    (entry,) = entries(ledger, "rule.change")
    assert (entry.actor, entry.object_id, entry.ip) == ("li", "B4", "10.0.0.1")
    assert entry.detail["old"]["parameters"] == {"min_bidders": 2} and entry.detail["reason"] == WHY
    assert entry.detail["new"]["parameters"] == {"min_bidders": 3} and entry.detail["new"]["centres"] == [
        "c2"
    ]
    change(ledger, "B4", WANG, mode="off")
    assert (setting(ledger, "B4").mode, setting(ledger, "B4").version) == ("off", "1.2")
    with ledger.read() as session:
        assert audit.verify(session) is None


def test_where_two_have_to_agree_nothing_changes_before_the_second(ledger: Ledger) -> None:
    number = change(ledger, "B6", two=True, mode="off")
    assert setting(ledger, "B6").mode == "on"
    with pytest.raises(Conflict), ledger.write() as session:
        switchboard.agree(session, number, LI)
    with pytest.raises(Conflict):
        change(ledger, "B6", WANG, two=True, mode="shadow")
    with ledger.write() as session:
        switchboard.agree(session, number, WANG)
    assert (setting(ledger, "B6").mode, setting(ledger, "B6").revision) == ("off", 1)
    (entry,) = entries(ledger, "rule.change")
    assert (entry.actor, entry.detail["asked_by"]) == ("wang", "li")
    with pytest.raises(Unknown), ledger.write() as session:
        switchboard.agree(session, number, WANG)


def test_a_change_that_is_refused_changes_nothing(ledger: Ledger) -> None:
    number = change(ledger, "B6", two=True, mode="off")
    with ledger.write() as session:
        switchboard.refuse(session, number, WANG)
    assert setting(ledger, "B6").revision == 0 and entries(ledger, "rule.refuse")
    change(ledger, "B6", mode="shadow")
    assert setting(ledger, "B6").mode == "shadow"


@pytest.mark.parametrize(
    "given",
    [{"mode": "loud"}, {"parameters": {"min_bidders": 99}}, {"parameters": {"min_bidders": 2.5}}, {"parameters": {"other": 1}},
     {"parameters": {"min_bidders": "three"}}, {"parameters": {"min_bidders": True}}, {"centres": "c1"}],
)  # fmt: skip
def test_what_is_not_sensible_is_refused_and_named(ledger: Ledger, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        change(ledger, "B4", **given)
    assert setting(ledger, "B4") == AS_WRITTEN.of("B4")


def test_who_looked_at_an_older_state_does_not_overwrite_it(ledger: Ledger) -> None:
    change(ledger, "B4", parameters={"min_bidders": 3})
    with pytest.raises(Conflict), ledger.write() as session:
        held = switchboard.in_force(session).of("B4")
        switchboard.ask(session, switchboard.wanted({"mode": "off"}, held), 0, WHY, WANG, two=False)
    with pytest.raises(Conflict):
        change(ledger, "B4", parameters={"min_bidders": 3})
    with pytest.raises(Invalid), ledger.write() as session:
        held = switchboard.in_force(session).of("B4")
        switchboard.ask(session, switchboard.wanted({"mode": "off"}, held), 1, "好", WANG, two=False)


# ── in the watch ─────────────────────────────────────────────────────────────


def watching(ledger: Ledger) -> HotLoop:
    loop = HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    return loop


def settle(loop: HotLoop) -> None:
    while loop.tick():
        pass


def warned(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as session:
        return {w.lot_id or "": w.rule_version for w in session.scalars(select(Warning))}


def one_machine(market: Any, lot: str, at: datetime, *firms: str, **more: Any) -> None:
    market.lot(lot, at, **more)
    for firm in firms:
        market.bid(lot, firm, mac="3C-52-82-11-22-33")


def test_a_threshold_takes_effect_in_a_watch_that_is_running(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    loop = watching(ledger)
    one_machine(market, "L1", past, "A", "B")
    settle(loop)
    change(ledger, "B4", parameters={"min_bidders": 3})
    one_machine(market, "L2", past, "C", "D")
    one_machine(market, "L3", past, "C", "D", "E")
    settle(loop)
    assert warned(ledger) == {"L1": "1", "L3": "1.1"}
    change(ledger, "B4", mode="off")
    one_machine(market, "L4", past, "C", "D", "E")
    settle(loop)
    assert set(warned(ledger)) == {"L1", "L3"}


def test_scope_and_shadow(ledger: Ledger, market: Any, past: datetime) -> None:
    change(ledger, "B4", centres=["c2"])
    loop = watching(ledger)
    one_machine(market, "L1", past, "A", "B")
    one_machine(market, "L2", past, "A", "B", centre_id="c2")
    settle(loop)
    assert set(warned(ledger)) == {"L2"}
    change(ledger, "B4", mode="shadow", centres=[])
    one_machine(market, "L3", past, "C", "D")
    one_machine(market, "R1", past, "E", "F", flags=["rehearsal"])
    settle(loop)
    settle(watching(ledger))
    assert set(warned(ledger)) == {"L2"}
    with ledger.read() as session:
        (found,) = session.scalars(select(ShadowFinding).where(ShadowFinding.lot_id == "L3"))
        assert (found.rule, found.rule_version, found.value) == ("B4", "1.2", 2.0)
        of_b4 = set(session.scalars(select(ShadowFinding.lot_id).where(ShadowFinding.rule == "B4")))
        assert of_b4 == {"L1", "L2", "L3", "R1"}
        assert in_shadow(session, past)["B4"] == 3, "a rehearsal is looked at and not counted"


def test_market_rules_look_again_as_soon_as_one_was_switched(
    ledger: Ledger, market: Any, tmp_path: Path
) -> None:
    market.lot("L1", now() - timedelta(days=2), status="opened")
    writer = LensWriter(ledger, tmp_path, Place())
    writer.start()
    loop = MarketLoop(ledger, writer.lens, 3600)
    loop.tick(now())
    seen = loop.board
    loop.tick(now())
    assert loop.board is seen is AS_WRITTEN
    change(ledger, "B11", parameters={"min_bids": 5})
    loop.tick(now())
    assert loop.board.of("B11").parameters["min_bids"] == 5
    assert all(
        rule.id != "B11" or loop.board.of("B11").mode == "on" for rule in loop.board.running(RULES, "on")
    )


# ── silences ─────────────────────────────────────────────────────────────────


def states(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as session:
        return {w.lot_id or "": w.state for w in session.scalars(select(Warning))}


def test_a_silence_keeps_what_it_holds_back_and_raises_it_at_its_end(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    until = now() + timedelta(days=3)
    with ledger.write() as session:
        silences.begin(session, "B4", "历史数据补录中", until, LI, centre="c2")
    loop = watching(ledger)
    one_machine(market, "L1", past, "A", "B")
    one_machine(market, "L2", past, "A", "B", centre_id="c2")
    settle(loop)
    assert states(ledger) == {"L1": "new", "L2": "silenced"}
    with ledger.write() as session:
        assert silences.release(session) == 0
        assert desk.counts(session)["red"] == 1 and [one.centre_id for one in silences.running(session)] == [
            "c2"
        ]
    with clock.frozen_at(until + timedelta(seconds=1)), ledger.write() as session:
        assert silences.release(session) == 1 and not silences.running(session)
    assert states(ledger) == {"L1": "new", "L2": "new"}


def test_a_silence_ended_before_its_time_raises_at_once(ledger: Ledger, market: Any, past: datetime) -> None:
    one = market.lot("L9", past)
    with ledger.write() as session:
        number = silences.begin(session, "B4", "等待补充材料", now() + timedelta(days=3), LI, lot=one).id
    loop = watching(ledger)
    for firm in "AB":
        market.bid("L9", firm, mac="3C-52-82-11-22-33")
    settle(loop)
    assert states(ledger) == {"L9": "silenced"}
    with ledger.write() as session:
        silences.end(session, number, WANG)
    assert states(ledger) == {"L9": "new"}
    assert [e.actor for e in entries(ledger, "rule.silence_ended")] == ["wang"]
    with pytest.raises(Unknown), ledger.write() as session:
        silences.end(session, number, WANG)


@pytest.mark.parametrize(
    ("given", "error"),
    [({"until": timedelta(0)}, Invalid), ({"until": timedelta(days=400)}, Invalid), ({"reason": "好"}, Invalid),
     ({"everywhere": False}, Invalid), ({"centre": "nowhere"}, Unknown), ({"lot": "nothing"}, Unknown), ({"rule": "X1"}, Unknown)],
)  # fmt: skip
def test_a_silence_that_makes_no_sense_is_refused(
    ledger: Ledger, market: Any, given: Any, error: Any
) -> None:
    asked = {
        "rule": "B4",
        "reason": "历史数据补录",
        "until": timedelta(days=1),
        "centre": None,
        "lot": None,
        "everywhere": True,
    } | given
    with pytest.raises(error), ledger.write() as session:
        silences.begin(session, asked["rule"], asked["reason"], now() + asked["until"], LI, centre=asked["centre"], lot=asked["lot"], everywhere=asked["everywhere"])  # fmt: skip


def test_the_same_silence_does_not_run_twice(ledger: Ledger, market: Any) -> None:
    def begin(**where: Any) -> int:
        with ledger.write() as session:
            return silences.begin(session, "B4", "历史数据补录", clock.end_of(day), LI, **where).id

    day = clock.today() + timedelta(days=3)
    first = begin(everywhere=True)
    with pytest.raises(Conflict, match=day.isoformat()):
        begin(everywhere=True)
    begin(centre="c2")
    with ledger.write() as session:
        silences.end(session, first, LI)
    begin(everywhere=True)


# ── a second look ────────────────────────────────────────────────────────────


def test_where_set_a_warning_is_dismissed_by_two(ledger: Ledger, market: Any, past: datetime) -> None:
    change(ledger, "B4", second_look=True)
    loop = watching(ledger)
    one_machine(market, "L1", past, "A", "B")
    settle(loop)
    with ledger.read() as session:
        (row,) = desk.list_warnings(session)
    with ledger.write() as session:
        held = desk.act(session, row.id, "dismiss", "li", "not_confirmed", "同一代办点")
        assert held.state == "review" and held.is_open
    with pytest.raises(IllegalAction), ledger.write() as session:
        desk.act(session, row.id, "agree", "li")
    with pytest.raises(IllegalAction), ledger.write() as session:
        desk.act(session, row.id, "return", "wang")
    with ledger.write() as session:
        assert desk.act(session, row.id, "return", "wang", note="请核对代办点合同").state == "accepted"
        assert desk.act(session, row.id, "dismiss", "li", "not_confirmed").state == "review"
        done = desk.act(session, row.id, "agree", "wang")
    assert (done.state, done.disposition, done.handler) == ("dismissed", "not_confirmed", "wang")


def test_what_was_sent_back_is_no_verdict_and_every_step_keeps_what_was_said_with_it(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    change(ledger, "B4", second_look=True)
    one_machine(market, "L1", past, "A", "B")
    settle(watching(ledger))
    with ledger.read() as session:
        (row,) = desk.list_warnings(session)
    with ledger.write() as session:
        desk.act(session, row.id, "dismiss", "li", "not_confirmed", "同一代办点")
        back = desk.act(session, row.id, "return", "wang", note="请转线索")
        assert (back.disposition, back.note) == (None, "请转线索")
        done = desk.act(session, row.id, "lead", "li")
    assert (done.state, done.disposition, done.note) == ("lead", None, None)
    assert [(one.state, one.disposition, one.note) for one in done.history[1:]] == [
        ("review", "not_confirmed", "同一代办点"), ("accepted", None, "请转线索"), ("lead", None, None),
    ]  # fmt: skip
    with ledger.read() as session:
        assert verdicts_on_lots(session) == {}


def test_an_upgrade_takes_back_what_was_carried_over_a_return(
    ledger: Ledger, market: Any, past: datetime
) -> None:
    step = import_module("records.migrations.versions.0024_each_step_of_a_warning_keeps_its_reason_code")
    change(ledger, "B4", second_look=True)
    for lot in ("L1", "L2"):
        one_machine(market, lot, past, "A", "B")
    settle(watching(ledger))
    with ledger.write() as session:
        ids = {row.lot_id: row.id for row in desk.list_warnings(session)}
        for one in ids.values():
            desk.act(session, one, "dismiss", "li", "not_confirmed", "同一代办点")
        desk.act(session, ids["L1"], "return", "wang", note="请转线索")
        desk.act(session, ids["L1"], "lead", "li")
        desk.act(session, ids["L2"], "agree", "wang")
        session.get_one(Warning, ids["L1"]).disposition = "not_confirmed"  # as it was held before
        session.execute(update(WarningChange).values(disposition=None))
    with ledger.write() as session:
        step.tell_apart(session.connection())
    with ledger.read() as session:
        held = {lot: desk.get_warning(session, one) for lot, one in ids.items()}
    assert {lot: one.disposition for lot, one in held.items()} == {"L1": None, "L2": "not_confirmed"}
    for one in held.values():
        assert [each.state for each in one.history if each.disposition] == ["review"]


# ── the dry run ──────────────────────────────────────────────────────────────


def test_a_dry_run_sets_both_beside_each_other_and_keeps_nothing(
    ledger: Ledger, market: Any, tmp_path: Path
) -> None:
    apart = {"R1": {"flags": ["rehearsal"]}}
    for days, lot, firms in (
        (3, "L1", "AB"),
        (40, "L2", "ABC"),
        (70, "L3", "XYZ"),
        (9, "L5", "QR"),
        (5, "R1", "AB"),
    ):
        at = now() - timedelta(days=days)
        market.lot(lot, at, **apart.get(lot, {}))
        for firm in firms:
            market.bid(lot, firm, mac="3C-52-82-11-22-33", received_at=at - timedelta(hours=2))
        market.open_fully(lot, at)
    failed = market.opening(market.lot("L6", at, status="failed"), at)
    market.event(failed, "ended", {"result": "failed"}, at)
    settle(watching(ledger))
    with ledger.write() as session:
        ids = {w.lot_id: w.id for w in desk.list_warnings(session)}
        desk.act(session, ids["L2"], "lead", "li", "confirmed")
        desk.act(session, ids["L1"], "dismiss", "li", "not_confirmed")
        desk.act(session, ids["L3"], "lead", "li")
        desk.act(session, ids["L5"], "dismiss", "li", "indirect")
        desk.act(session, ids["R1"], "dismiss", "li", "not_confirmed")
    writer = LensWriter(ledger, tmp_path, Place())
    writer.start()
    held = setting(ledger, "B4")
    tried = switchboard.wanted({"parameters": {"min_bidders": 3}}, held)
    run = dry_run(ledger, writer.lens, held, tried)
    judged = Judged(
        confirmed=1, judged=2
    )  # an open lead and what was closed for another reason are no verdict
    assert (run.now.findings, run.now.lots, run.now.judged) == (4, 4, judged)
    assert (run.tried.findings, run.tried.judged) == (2, Judged(confirmed=1, judged=1))
    assert {(one.lot, one.verdict) for one in run.gone} == {
        ("L1", "not_confirmed"),
        ("L5", "indirect"),
    } and not run.come
    assert len(run.months) == 12 and sum(run.now.months.values()) == 4
    assert run.now.of == 4 and run.now.rate == 1.0
    with ledger.read() as session:  # the board counts the same: of the same lots, without the rehearsal
        raised, verdicts = by_rule(session, begins())
        assert (opened_since(session, begins()), raised["B4"], verdicts["B4"]) == (4, 4, judged)
    assert setting(ledger, "B4") == held and len(warned(ledger)) == 5
    scoped = dry_run(ledger, writer.lens, held, switchboard.wanted({"centres": ["c2"]}, held))
    assert (scoped.tried.findings, scoped.tried.of, scoped.tried.rate) == (0, 0, None)


# ── any order ────────────────────────────────────────────────────────────────


class Board(RuleBasedStateMachine):
    """Whatever two people do to a rule in whatever order: revisions rise by one, and nobody agrees alone."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = new_ledger(Path(_folder.name) / f"board-{next(_numbers)}.db")
        self.held, self.revision = 2.0, 0
        self.asked: tuple[int, str, float] | None = None

    @rule(who=st.sampled_from(["li", "wang"]), value=st.integers(2, 10))
    def ask(self, who: str, value: int) -> None:
        allowed = self.asked is None and value != self.held
        try:
            number = change(self.ledger, "B4", By(who), two=True, parameters={"min_bidders": value})
        except Conflict:
            assert not allowed
        else:
            assert allowed
            self.asked = (number, who, float(value))

    @precondition(lambda self: self.asked is not None)
    @rule(who=st.sampled_from(["li", "wang"]), yes=st.booleans())
    def decide(self, who: str, yes: bool) -> None:
        assert self.asked is not None
        number, asker, value = self.asked
        try:
            with self.ledger.write() as session:
                (switchboard.agree if yes else switchboard.refuse)(session, number, By(who))
        except Conflict:
            assert yes and who == asker
            return
        if yes:
            assert who != asker
            self.held, self.revision = value, self.revision + 1
        self.asked = None

    @invariant()
    def runs_as_agreed(self) -> None:
        held = setting(self.ledger, "B4")
        assert (held.parameters["min_bidders"], held.revision) == (self.held, self.revision)

    def teardown(self) -> None:
        with self.ledger.read() as session:
            rows = session.scalars(select(RuleSetting.revision).where(RuleSetting.state == "in_force"))
            assert sorted(rows) == list(range(1, self.revision + 1))
            assert audit.verify(session) is None
        self.ledger.close()


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path) -> None:
    _folder.name = str(tmp_path)


class _Folder:
    name = ""


_folder = _Folder()
_numbers = iter(range(10**9))


def test_whatever_two_people_do_in_whatever_order() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Board, settings=settings(max_examples=8, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    )  # fmt: skip
