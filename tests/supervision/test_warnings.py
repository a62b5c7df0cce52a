"""Warnings: raised once, handled by the table of actions, followed as a feed, counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import messages
from messages import Message
from records import audit
from records.clock import now
from records.ledger import Ledger
from records.tables.supervision import Warning
from records.tables.users import AuditEntry, User
from supervision.quantities import measured, quantity, said
from supervision.rules.finding import Finding, Subject
from supervision.warnings import desk as warnings
from supervision.warnings.desk import IllegalAction, WarningFilters
from supervision.warnings.earlier import in_terms_of_today
from supervision.warnings.handling import ACTIONS, DISPOSITIONS, STATES
from supervision.warnings.raising import raise_warning
from supervision.warnings.verdicts_before import verdicts_before

FEED_FIELDS = [
    "seq", "ts", "id", "rule", "level", "title", "lot", "subjects", "value", "baseline", "threshold", "state",
]  # fmt: skip


def finding(*bidders: str, lot: str | None = "L1", **more: Any) -> Finding:
    subjects = tuple(Subject("bidder", b) for b in bidders)
    if lot:
        subjects = (Subject("lot", lot), *subjects)
    plain = Finding(
        "B4", "1", "files", "red", Message("rule.B4.name"), subjects, float(len(bidders)), 2.0,
        baseline=0.0, evidence={"n": sorted(bidders)}, lot_id=lot, centre_id="c1",
    )  # fmt: skip
    return replace(plain, **more)


def put(ledger: Ledger, found: Finding, at: datetime | None = None) -> str | None:
    with ledger.write() as session:
        raised = raise_warning(session, found, at)
        return raised.id if raised else None


@pytest.fixture
def book(ledger: Ledger, market: Any, past: datetime) -> Ledger:
    """A ledger with two lots to warn about."""
    market.lot("L1", past)
    market.lot("L2", past, centre_id="c2")
    return ledger


def test_raised_once_per_rule_subjects_and_ninety_days(book: Ledger) -> None:
    start = now() - timedelta(days=200)
    first = put(book, finding("A", "B"), start)
    assert first and put(book, finding("B", "A"), start + timedelta(days=89)) is None
    again = put(book, finding("A", "B"), start + timedelta(days=91))
    assert again and again != first
    assert put(book, finding("A", "B", lot="L2"), start) not in (None, first)
    assert put(book, finding("A", "B", rule="B6"), start) not in (None, first)


def test_growing_keeps_the_warning_and_shrinking_changes_nothing(book: Ledger) -> None:
    first = put(book, finding("A", "B"))
    assert put(book, finding("A", "B", "C")) == first
    assert put(book, finding("A", "B")) is None and put(book, finding("A", "B", "C")) is None
    with book.read() as session:
        (row,) = warnings.list_warnings(session)
        assert row.value == 3.0 and row.evidence == {"n": ["A", "B", "C"]}
        assert [m["seq"] for m in warnings.changes_after(session, 0)] == [1, 2]


def test_a_dismissed_warning_does_not_swallow_what_comes_later(book: Ledger) -> None:
    first = put(book, finding("A", "B"))
    with book.write() as session:
        warnings.act(session, str(first), "dismiss", "li", "not_confirmed")
    assert put(book, finding("A", "B")) is None
    assert put(book, finding("A", "B", "C")) not in (None, first)


def test_a_suspicion_raised_again_knows_how_one_like_it_was_judged(book: Ledger) -> None:
    start = now() - timedelta(days=200)
    first = str(put(book, finding("A", "B"), start))
    with book.write() as session:
        warnings.act(session, first, "dismiss", "li", "not_confirmed")
    again, others = put(book, finding("A", "B", "C")), put(book, finding("D", "E"))
    put(book, finding("A", "B", lot="L2"))
    put(book, finding("A", "B", rule="B6"))
    with book.read() as session:
        found = verdicts_before(session, warnings.list_warnings(session))
    assert again != first and others and set(found) == {again}, "of the same rule, lot and party, and later"
    assert found[str(again)].disposition == "not_confirmed"
    assert found[str(again)].at > start + timedelta(days=199), "when it was said, not when it was raised"


def test_warnings_without_a_lot_are_told_apart_by_their_subjects(book: Ledger) -> None:
    first = put(book, finding("A", "B", lot=None))
    assert put(book, finding("C", "D", lot=None)) not in (None, first)
    assert put(book, finding("A", "B", lot=None)) is None


def test_stronger_evidence_about_the_same_subjects_is_taken_over(book: Ledger) -> None:
    put(book, finding("A", "B", level="orange"))
    put(book, finding("A", "B", evidence={"n": ["A", "B"], "more": 1}, level="red"))
    with book.read() as session:
        (row,) = warnings.list_warnings(session)
        assert row.level == "red" and row.evidence["more"] == 1
        assert len(warnings.changes_after(session, 0)) == 2


@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("action", list(ACTIONS))
def test_every_action_in_every_state(book: Ledger, state: str, action: Any) -> None:
    warning_id = str(put(book, finding("A", "B")))
    with book.write() as session:
        session.add(User(name="zhao", role="supervisor", display_name="赵", password_hash="-"))
    steps: dict[str, tuple[Any, Any]] = {
        "accepted": ("accept", None), "assigned": ("assign", None), "dismissed": ("dismiss", "indirect"), "lead": ("lead", None),
    }  # fmt: skip
    if state in steps:
        with book.write() as session:
            who = "zhao" if steps[state][0] == "assign" else None
            warnings.act(session, warning_id, steps[state][0], "li", steps[state][1], assignee=who)
    if state in ("review", "silenced"):
        with book.write() as session:
            held = session.get_one(Warning, warning_id)
            held.state, held.handler = state, "li"
    reason: Any = "confirmed" if action == "dismiss" else None
    if state in ACTIONS[action].states:
        with book.write() as session:
            who = "zhao" if ACTIONS[action].assigns else None
            after = warnings.act(session, warning_id, action, "wang", reason, "看过", assignee=who)
        assert (after.state, after.handler, after.note) == (ACTIONS[action].becomes, "wang", "看过")
        assert after.history[-1].actor == "wang" and after.history[-1].state == after.state
    else:
        with pytest.raises(IllegalAction, match=warning_id), book.write() as session:
            warnings.act(session, warning_id, action, "wang", reason)


@pytest.mark.parametrize(
    ("action", "reason", "note"),
    [("dismiss", None, None), ("dismiss", "confirmed", None), ("dismiss", "other", " "), ("lead", "not_confirmed", None),
     ("accept", "confirmed", None), ("burn", None, None)],
)  # fmt: skip
def test_reasons_must_fit_the_action(book: Ledger, action: Any, reason: Any, note: str | None) -> None:
    warning_id = str(put(book, finding("A", "B")))
    with pytest.raises(IllegalAction), book.write() as session:
        warnings.act(session, warning_id, action, "li", reason, note)
    with book.read() as session:
        assert warnings.get_warning(session, warning_id).state == "new"
        assert audit.count(session) == 0
    assert None not in DISPOSITIONS


def test_act_writes_audit_and_feed_in_the_same_transaction(book: Ledger) -> None:
    warning_id = str(put(book, finding("A", "B")))
    with pytest.raises(RuntimeError), book.write() as session:
        warnings.act(session, warning_id, "accept", "li")
        raise RuntimeError
    with book.read() as session:
        assert warnings.get_warning(session, warning_id).state == "new" and audit.count(session) == 0
    with book.write() as session:
        warnings.act(session, warning_id, "lead", "li", "confirmed", "移送", ip="10.0.0.1")
    with book.read() as session:
        entry = session.get_one(AuditEntry, 1)
        assert (entry.actor, entry.action, entry.object_id, entry.ip) == (
            "li",
            "warning.lead",
            warning_id,
            "10.0.0.1",
        )
        assert entry.detail == {"from": "new", "to": "lead", "disposition": "confirmed", "rule": "B4"}
        assert audit.verify(session) is None
        assert [m["state"] for m in warnings.changes_after(session, 0)] == ["new", "lead"]


def test_feed_messages_are_those_of_the_contract(book: Ledger) -> None:
    warning_id = put(book, finding("A", "B"), datetime.fromisoformat("2026-11-21T10:00:00+08:00"))
    with book.read() as session:
        (message,) = warnings.changes_after(session, 0)
        assert list(message) == FEED_FIELDS
        assert message == {
            "seq": 1, "ts": "2026-11-21T10:00:00.000+08:00", "id": warning_id, "rule": "B4", "level": "red",
            "title": "同一机器制作投标文件", "lot": "L1", "value": 2.0, "baseline": 0.0, "threshold": 2.0, "state": "new",
            "subjects": [{"kind": "lot", "id": "L1"}, {"kind": "bidder", "id": "A"}, {"kind": "bidder", "id": "B"}],
        }  # fmt: skip
        assert warnings.changes_after(session, 1) == [] and warnings.last_seq(session) == 1


def test_lists_filters_counts_lamps_and_rates(book: Ledger, market: Any) -> None:
    start = now() - timedelta(hours=10)
    market.firm("A")
    one = str(put(book, finding("A", "B"), start))
    put(book, finding("A", "B", rule="B10", level="orange", family="bidders"), start + timedelta(hours=1))
    three = str(
        put(book, finding("C", "D", lot="L2", centre_id="c2", level="yellow"), start + timedelta(hours=2))
    )
    with book.write() as session:
        warnings.act(session, three, "dismiss", "li", "not_confirmed")
    with book.read() as session:
        assert [w.level for w in warnings.list_warnings(session)] == ["yellow", "orange", "red"]
        assert [w.id for w in warnings.list_warnings(session, limit=1, offset=2)] == [one]
        for narrowed, expected in (
            (WarningFilters(levels=("red",)), 1), (WarningFilters(open_only=True), 2), (WarningFilters(centre="c2"), 1),
            (WarningFilters(text="标段L1"), 2), (WarningFilters(text="%"), 0), (WarningFilters(rules=("B10",)), 1),
            (WarningFilters(since=start + timedelta(minutes=30), until=start + timedelta(hours=2)), 1),
            (WarningFilters(states=("dismissed",)), 1), (WarningFilters(families=("files",), lot="L1"), 1),
        ):  # fmt: skip
            assert (
                warnings.count_warnings(session, narrowed)
                == expected
                == len(warnings.list_warnings(session, narrowed))
            )
        assert warnings.counts(session) == {"red": 1, "orange": 1, "yellow": 0}
        assert warnings.counts(session, "c2") == {"red": 0, "orange": 0, "yellow": 0}
        assert [(lamp.centre_id, lamp.level, lamp.open) for lamp in warnings.lamps(session)] == [
            ("c1", "red", 2),
            ("c2", None, 0),
        ]
        assert [(t.lot_id, t.red, t.orange, t.yellow) for t in warnings.top_lots(session)] == [
            ("L1", 1, 1, 0)
        ]
        rates = warnings.response(session)
        assert (rates.raised, rates.closed, rates.disposition_rate, rates.confirmed) == (3, 1, 1 / 3, 0)
        assert rates.first_response_hours == pytest.approx(8, abs=0.1)
        named = warnings.get_warning(session, one)
        assert named.lot_name == "标段L1" and named.centre_name == "市中心"
        assert [s["name"] for s in named.subjects] == ["标段L1", "企业A", "B"]
        with pytest.raises(LookupError, match="W0"):
            warnings.get_warning(session, "W0")


def test_nothing_to_count_is_unknown_not_zero(ledger: Ledger) -> None:
    with ledger.read() as session:
        rates = warnings.response(session)
        assert rates.disposition_rate is None and rates.closed == 0 and rates.first_response_hours is None


def test_a_warning_of_an_earlier_version_reads_in_the_terms_of_today() -> None:
    """B10 of bills of quantities: first the bidders at one ratio were counted, then the items that are not at it were told."""
    files = {"files": "compared"}
    assert in_terms_of_today("B10", 0.1, 0.4, files) == (0.9, 0.6, files | {"measure": "at_ratio"})
    value, _, evidence = in_terms_of_today("B10", 3.0, 2.0, files)
    assert quantity(measured("B10", evidence), value, "zh") == "3 家"
    assert "较早版本" in said("B10", "formula", evidence).text("zh")
    for now_ in (files | {"measure": "at_ratio"}, {"prices": []}):
        assert in_terms_of_today("B10", 0.9, 0.6, now_) == (0.9, 0.6, now_)


@pytest.mark.parametrize(
    "key", ["rule.B4.found", "rule.B6.found", "rule.B10.found", "rule.E2.found", "rule.files.found"]
)
def test_a_title_that_draws_a_conclusion_calls_it_suspected(key: str) -> None:
    """These are headings of the letter to the receiving body; the other titles state what was counted."""
    assert messages.words("zh", "")[key].startswith("疑似") and messages.words("en", "")[key].startswith(
        "Suspected"
    )
