"""The form for opinions on a project's page: what is sent reaches the office with its sender, and no page shows it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from records import opinions
from records.administration import By
from records.ledger import Ledger
from records.public import rows
from records.tables.society import Opinion, OpinionSender
from records.tables.users import AuditEntry
from tests.reading import read
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

GOOD = {"content": "为什么略去 2 分钟？<b>", "name": "王小明", "contact": "0571-88880000"}


@pytest.fixture
def project(rig: Rig) -> Rig:
    """A project the public knows, with an opening."""
    market.opening(rig.ledger, "O1")
    with rig.ledger.write() as session:
        rows.publish(session, "project", "P-O1", {"id": "P-O1", "name": "示例学校", "project": "P-O1"})
    until(lambda: all("示例学校" in rig.get(path).text for path in ("/project/P-O1", "/room/hz-01")), True)
    return rig


def send(rig: Rig, headers: dict[str, str] | None = None, **changes: str) -> Any:
    data = {**GOOD, **changes}
    return rig.client.post("/project/P-O1", data=data, headers=headers or {}, follow_redirects=False)


def held(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.read() as session:
        query = select(Opinion.content, OpinionSender.name, OpinionSender.contact).join(OpinionSender)
        return [tuple(row) for row in session.execute(query)]


def test_an_opinion_reaches_the_office_and_appears_nowhere(project: Rig) -> None:
    answer = send(project)
    assert answer.status_code == 303
    page = project.get(answer.headers["location"].split("#")[0]).text
    assert "已收到，编号 W" in page
    assert held(project.ledger) == [(GOOD["content"], GOOD["name"], GOOD["contact"])]
    for path in ("/project/P-O1", "/", "/opening/O1", "/api/openings/O1", "/?q=王小明"):
        text = project.get(path).text.replace("?q=王小明", "").replace('value="王小明"', "")
        assert GOOD["contact"] not in text and "略去 2 分钟" not in text


def test_trouble_in_a_room_is_reported_by_the_same_form(project: Rig) -> None:
    """The form opens with which opening and where; what an address says of others is not taken over."""
    room = read(project.get("/room/hz-01").text)
    assert [where for name, where in room.links if "报告问题" in name] == ["/project/P-O1?report=O1#opinions"]
    assert "报告直播问题" in project.get("/project/P-O1?report=O1").text
    assert "开标 O1" in project.get("/project/P-O1?report=O1").text
    for other in ("/project/P-O1", "/project/P-O1?report=O2", "/project/P-O1?report=报告直播问题"):
        assert "报告直播问题" not in project.get(other).text
    assert "本项目没有这场开标" in project.get("/project/P-O1?report=O2").text
    assert "请汇款" not in read(project.get("/project/P-O1?请汇款=请汇款到").text).text


def test_the_look_at_a_sender_is_audited(project: Rig) -> None:
    send(project)
    with project.ledger.write() as session:
        number = session.scalars(select(Opinion.id)).one()
        assert opinions.one(session, number).named  # type: ignore[union-attr]
        assert opinions.sender(session, number, By("public-officer", "")) == (GOOD["name"], GOOD["contact"])
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1)).one()
        assert (last.action, last.object_id) == ("opinion.sender_seen", number)


def test_the_answer_is_published_without_the_sender(project: Rig) -> None:
    send(project)
    with project.ledger.write() as session:
        number = session.scalars(select(Opinion.id)).one()
        opinions.answer(session, number, "身份核对画面依法不公开。", By("public-officer", ""))
    until(lambda: "身份核对画面依法不公开。" in project.get("/project/P-O1").text, True)
    page = project.get("/project/P-O1").text
    assert GOOD["name"] not in page and GOOD["contact"] not in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content": "好"}, "意见须为 2–2000 字"), ({"content": "长" * 2001}, "意见须为 2–2000 字"),
        ({"name": "王"}, "姓名须为 2–40 字"), ({"contact": "没有"}, "请填写电话号码或邮箱地址"),
        ({"content": "看不见\u202e的字"}, "U+202E"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    project: Rig, changes: dict[str, str], says: str
) -> None:
    answer = send(project, **changes)
    assert answer.status_code == 422 and says in answer.text and 'role="alert"' in answer.text
    kept = {**GOOD, **changes}
    assert "".join(kept["name"].split()) in answer.text and not held(project.ledger)


def test_one_address_sends_five_an_hour(project: Rig) -> None:
    assert [send(project, content=f"第 {n} 条意见").status_code for n in range(6)] == [303] * 5 + [429]
    assert len(held(project.ledger)) == 5


def test_only_this_sites_form_is_taken(project: Rig) -> None:
    assert send(project, {"sec-fetch-site": "cross-site"}).status_code == 403
    plain = project.client.post("/project/P-O1", content=b"{}", headers={"content-type": "application/json"})
    assert plain.status_code == 415
    assert send(project, content="长" * 9000).status_code == 413
    assert project.client.post("/project/none", data=GOOD).status_code == 404
    assert not held(project.ledger)


def test_a_program_that_fills_every_field_is_told_nothing_and_kept_nowhere(project: Rig) -> None:
    assert send(project, website="http://spam").status_code == 303 and not held(project.ledger)
