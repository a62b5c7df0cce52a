"""Opinions of society: whoever answers them finds them, answers, and the public reads the answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.screens import BY_ID
from ingest.apply.envelopes import apply_batch
from records import opinions
from records.administration import By
from records.clock import now, rfc3339
from records.public import rows as public
from records.public.rows import MASK
from records.tables.society import Opinion
from records.tables.users import AuditEntry
from tests.dashboard.screens import run, text

SENT = "中标公示里的工期与招标文件不一致"
ANSWER = "已核对，公示笔误，今日更正。"


@pytest.fixture
def opinion(desk: DeskConfig) -> str:
    """One open opinion about project p1."""
    with context.ledger().write() as session:
        session.add(
            Opinion(id="y1", project_id="p1", channel="web", content=SENT, received_at=now() - timedelta(days=3), source="demo")
        )  # fmt: skip
    return "y1"


def screen(role: str, **params: str) -> AppTest:
    return run(role, BY_ID["S10"], **params)


def told() -> dict[str, object] | None:
    with context.ledger().read() as session:
        return public.latest(session, "opinion", "y1")


def answered(test: AppTest, words: str) -> AppTest:
    test.text_area(key="answer-text-y1").set_value(words)
    next(b for b in test.button if b.label in ("答复并公开", "更正答复")).click()
    return test.run()


def test_an_officer_answers_and_the_public_reads_it(opinion: str) -> None:
    test = screen("public-officer")
    assert SENT in text(test) and "待答复 1" in str(test.button_group) and told() is None
    assert f'href="{context.config().hub_url}/project/p1"' in text(test)
    after = text(answered(test, ANSWER))
    assert "已答复并公开：y1" in after and "没有待答复的意见" in after
    public_row = told()
    assert public_row is not None and public_row["text"] == ANSWER and public_row["project"] == "p1"
    assert SENT not in str(public_row) and "public-officer" not in str(public_row)
    with context.ledger().read() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
    assert last is not None and (last.actor, last.action, last.object_id) == (
        "public-officer",
        "opinion.answer",
        "y1",
    )
    assert ANSWER in text(screen("admin", opinions="answered"))


def test_somebody_elses_answer_takes_no_draft_and_is_not_overwritten_unread(opinion: str) -> None:
    """Two officers write about the same opinion; the first of them to send is seen by the other before she sends."""
    with context.ledger().write() as session:
        session.add(
            Opinion(id="y2", project_id="p1", channel="web", content="下一条意见", received_at=now(), source="demo")
        )  # fmt: skip
    mine = screen("public-officer")
    mine.text_area(key="answer-text-y1").set_value("我的草稿，尚未写完。")
    with context.ledger().write() as session:
        opinions.answer(session, "y1", ANSWER, By("admin"))
    shown = text(answered(mine, "我的草稿，已写完。"))
    assert "admin 已于" in shown and mine.text_area(key="answer-text-y1").value == "我的草稿，已写完。"
    row = told()
    assert row is not None and row["text"] == ANSWER
    shown = text(answered(mine, "更正后的答复。"))  # told of it, and sends all the same
    row = told()
    assert row is not None and row["text"] == "更正后的答复。"
    assert "admin 已于" not in shown and mine.text_area(key="answer-text-y2").value == ""


def test_the_form_of_an_opinion_answered_by_somebody_else_is_left_by_a_button(opinion: str) -> None:
    mine = screen("public-officer")
    with context.ledger().write() as session:
        opinions.answer(session, "y1", ANSWER, By("admin"))
    assert "admin 已于" in text(mine.run())
    mine.button(key="opinion-onward").click()
    after = mine.run()
    assert not after.text_area and "没有待答复的意见" in text(after)


def test_an_answer_is_put_right_and_both_are_audited(opinion: str) -> None:
    answered(screen("public-officer"), ANSWER)
    answered(screen("admin", opinion="y1", opinions="answered"), "更正：工期为 300 天。")
    row = told()
    assert row is not None and row["text"] == "更正：工期为 300 天。"
    with context.ledger().read() as session:
        query = select(AuditEntry.action).where(AuditEntry.object_id == "y1").order_by(AuditEntry.seq)
        assert list(session.scalars(query))[-2:] == ["opinion.answer", "opinion.answer_changed"]


@pytest.mark.parametrize("words", ["", " ", "好"])
def test_an_empty_answer_is_refused_with_its_reason(opinion: str, words: str) -> None:
    assert "2–2000 字" in text(answered(screen("public-officer"), words)) and told() is None


def test_an_answer_with_a_telephone_number_is_refused_with_its_place(opinion: str) -> None:
    shown = text(answered(screen("public-officer"), "已核对，请联系张某13800138000。"))
    assert "答复第 10 个字起是身份证号或手机号" in shown and "请删去号码再提交" in shown
    assert "13800138000" not in shown and told() is None


def test_an_answer_sent_by_a_platform_is_published_with_numbers_behind_asterisks(desk: DeskConfig) -> None:
    data = {
        "project": "p1", "content": SENT, "received_at": rfc3339(now()), "answered_at": rfc3339(now()),
        "public_text": "请联系张某13800138000，身份证11010519491231002X。",
    }  # fmt: skip
    record = {
        "source": "demo", "kind": "opinion", "key": "y1", "version": 1, "occurred_at": rfc3339(now()), "data": data
    }  # fmt: skip
    assert [a.status for a in apply_batch(context.ledger(), "demo", [record])] == ["accepted"]
    row = told()
    assert row is not None and row["text"] == f"请联系张某{MASK}，身份证{MASK}。"
    with context.ledger().read() as session:
        held = opinions.one(session, "y1")
    assert held is not None and held.public_text == row["text"]


def test_supervisors_read_and_do_not_answer(opinion: str) -> None:
    test = screen("supervisor")
    assert SENT in text(test) and not test.text_area


def test_a_later_record_never_takes_the_desks_answer_away(opinion: str) -> None:
    answered(screen("public-officer"), ANSWER)
    record = {
        "source": "demo", "kind": "opinion", "key": "y1", "version": 1, "occurred_at": rfc3339(now()),
        "data": {"project": "p1", "content": "同一条意见，第二版", "received_at": rfc3339(now() - timedelta(days=3))},
    }  # fmt: skip
    answers = apply_batch(context.ledger(), "demo", [record])
    assert [a.status for a in answers] == ["accepted"]
    row = told()
    assert row is not None and row["text"] == ANSWER
    assert "同一条意见，第二版" in text(screen("public-officer", opinion="y1"))
