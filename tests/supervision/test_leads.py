"""Leads: a batch's life, two people at once, terms, the checklist, the package that is handed on and verified."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from evidence import verify
from messages import Invalid, Message, Unknown
from records import audit, clock
from records.administration import By, Conflict
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import FileCheck
from records.tables.evaluation import Evaluation, Expert, ExpertDraw, Score
from records.tables.leads import Lead, LeadBatch
from records.tables.supervision import Warning
from records.tables.users import AuditEntry
from sunbid.cli import app
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters
from supervision.leads import checklist, deadlines, desk, package
from supervision.leads.desk import IllegalStep
from supervision.leads.funnel import funnel
from supervision.leads.states import ACTIONS, STATES, Action
from supervision.lens.reader import Lens
from supervision.lists import market
from supervision.rules.baseline import UNKNOWN
from supervision.rules.experts import FavoursBidder
from supervision.rules.finding import Finding, Subject
from supervision.warnings import desk as warnings
from supervision.warnings.lot_loop import HotLoop
from supervision.warnings.raising import raise_warning
from tests.ledgers import copied_ledger, new_ledger
from tests.supervision.conftest import Market

LI, WANG = By("li", "10.0.0.1"), By("wang")
HEAD = {"title": "文件生成设备相同（疑似）", "target": "police", "target_name": "示例公安局"}


@pytest.fixture(scope="module")
def last_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger to copy: three lots opened last week whose warnings became leads."""
    path = tmp_path_factory.mktemp("leads") / "ledger.db"
    ledger = new_ledger(path)
    market, at = Market(ledger), now() - timedelta(days=7)
    for lot in ("L1", "L2", "L3"):
        market.lot(lot, at)
        for firm in "AB":
            market.bid(lot, firm, mac="3C-52-82-11-22-33", received_at=at - timedelta(hours=2))
        market.open_fully(lot, at)
    loop = HotLoop(ledger, lambda: UNKNOWN)
    loop.resume()
    while loop.tick():
        pass
    with ledger.write() as session:
        for one in warnings.list_warnings(session):
            warnings.act(session, one.id, "lead", "li")
    ledger.close()
    return path


@pytest.fixture
def ledger(last_week: Path, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of last week, which the test may change."""
    copy = copied_ledger(last_week, tmp_path / "ledger.db")
    yield copy
    copy.close()


@pytest.fixture
def turned(ledger: Ledger) -> dict[str, str]:
    """The lots whose warnings became leads; lot → warning."""
    with ledger.read() as session:
        return {str(warning.lot_id): warning.id for warning in warnings.list_warnings(session)}


def begun(ledger: Ledger, *ids: str, **more: Any) -> str:
    with ledger.write() as session:
        return desk.begin(session, {**HEAD, **more, "warnings": list(ids)}, LI).id


def version(ledger: Ledger, batch: str) -> int:
    with ledger.read() as session:
        return session.get_one(LeadBatch, batch).version


def act(ledger: Ledger, batch: str, action: Action, by: By = LI, **more: Any) -> LeadBatch:
    with ledger.write() as session:
        return desk.act(session, batch, action, version(ledger, batch), by, **more)


def sent(ledger: Ledger, *ids: str) -> str:
    batch = begun(ledger, *ids)
    act(ledger, batch, "submit")
    act(ledger, batch, "approve", WANG)
    act(ledger, batch, "transfer")
    return batch


def test_a_batch_goes_its_way_to_the_end(ledger: Ledger, turned: dict[str, str], tmp_path: Path) -> None:
    with ledger.write() as session:  # as a supervisor had said of it
        session.get_one(Warning, turned["L1"]).disposition = "confirmed"
    batch = sent(ledger, turned["L1"], turned["L2"])
    assert batch == f"LZ{clock.local_now():%Y}-01"
    act(ledger, batch, "receive", note="示例公〔2026〕12 号")
    with ledger.read() as session:
        first, second = (one.id for one in desk.leads_of(session, batch))
    for lead, valid in ((first, True), (second, False)):
        with ledger.write() as session:
            desk.answer(
                session, batch, lead, version(ledger, batch), LI, valid=valid, result="已核查", disposed=False
            )
    with pytest.raises(IllegalStep):
        act(ledger, batch, "close")
    with ledger.write() as session:
        desk.answer(
            session, batch, first, version(ledger, batch), LI, valid=True, result="已立案", disposed=True
        )
    done = act(ledger, batch, "close")
    assert (done.state, done.receipt, done.reviewed_by) == ("closed", "示例公〔2026〕12 号", "wang")
    with ledger.read() as session:
        verdicts = {w.lot_id: w.disposition for w in warnings.list_warnings(session)}
        assert verdicts == {"L1": "confirmed", "L2": "not_confirmed", "L3": None}
        told = {lot: warnings.get_warning(session, turned[lot]).history for lot in ("L1", "L2")}
        answers = {
            lot: [(one.disposition, one.note) for one in steps if one.disposition]
            for lot, steps in told.items()
        }
        assert answers == {"L1": [("confirmed", "已核查")], "L2": [("not_confirmed", "已核查")]}, (
            "a step of its own, once"
        )
        steps = [e.action for e in session.scalars(select(AuditEntry)) if e.object_id == batch]
        assert steps == ["lead.begin", "lead.submit", "lead.approve", "lead.transfer", "lead.receive", *["lead.answer"] * 3, "lead.close"]  # fmt: skip
        assert audit.verify(session) is None
        counted = funnel(session)
    assert (counted.raised, counted.taken_up, counted.leads) == (3, 3, 3)
    found = Answers(Lens(tmp_path), ledger).values(("M49",), Filters())["M49"]
    assert (found.numerator, found.denominator) == (1, 2)
    assert (counted.sent, counted.batches, counted.answered, counted.valid, counted.closed) == (2, 1, 2, 1, 1)


def test_who_put_it_together_does_not_approve_it(ledger: Ledger, turned: dict[str, str]) -> None:
    batch = begun(ledger, turned["L1"])
    assert act(ledger, batch, "submit").state == "review"
    with pytest.raises(IllegalStep):
        act(ledger, batch, "approve", LI)
    assert act(ledger, batch, "return", WANG, note="缺保证金流水").state == "draft"
    assert act(ledger, batch, "submit", two=False).state == "approved"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", get_args(Action))
def test_every_action_in_every_state(
    ledger: Ledger, turned: dict[str, str], state: Any, action: Action
) -> None:
    batch = begun(ledger, turned["L1"])
    with ledger.write() as session:
        session.get_one(LeadBatch, batch).state = state
    if state in ACTIONS[action].states:
        assert act(ledger, batch, action, WANG, note="依据").state == ACTIONS[action].becomes
    else:
        with pytest.raises(IllegalStep, match=batch):
            act(ledger, batch, action, WANG, note="依据")
        with ledger.read() as session:
            assert session.get_one(LeadBatch, batch).state == state


def test_two_people_at_once_do_not_undo_each_other(ledger: Ledger, turned: dict[str, str]) -> None:
    batch = begun(ledger, turned["L1"])
    seen = version(ledger, batch)
    with ledger.write() as session:
        desk.change(session, batch, seen, {"add": [turned["L2"]]}, LI)
    with pytest.raises(Conflict), ledger.write() as session:
        desk.change(session, batch, seen, {"title": "另一个名称"}, WANG)
    with pytest.raises(Conflict) as refused:
        begun(ledger, turned["L2"])
    told = refused.value.message.text("zh")
    assert "同一机器制作投标文件（标段L2）" in told and turned["L2"] not in told, (
        "by what it found and where, not by a number"
    )
    with ledger.read() as session:
        assert session.get_one(LeadBatch, batch).title == HEAD["title"]
        assert [one.id for one in desk.pool(session)] == [turned["L3"]]


def test_a_batch_whose_title_accuses_is_called_suspected(ledger: Ledger, turned: dict[str, str]) -> None:
    batch = begun(ledger, turned["L1"])
    for given, kept in (
        ("围标团伙", "围标团伙（疑似）"),
        ("Suspected ring", "Suspected ring"),
        ("疑似围标", "疑似围标"),
    ):
        with ledger.write() as session:
            assert desk.change(session, batch, version(ledger, batch), {"title": given}, LI).title == kept
        with ledger.write() as session:
            assert desk.change(session, batch, version(ledger, batch), {"secrecy": "work"}, LI).title == kept


def test_what_is_taken_out_or_withdrawn_is_free_again(ledger: Ledger, turned: dict[str, str]) -> None:
    batch = begun(ledger, *turned.values())
    with ledger.write() as session:
        desk.change(session, batch, 1, {"drop": [turned["L1"]]}, LI)
    with ledger.read() as session:
        assert [one.id for one in desk.pool(session)] == [turned["L1"]] and len(
            desk.leads_of(session, batch)
        ) == 2
    act(ledger, batch, "withdraw", note="合并到下一批")
    with ledger.read() as session:
        assert len(desk.pool(session)) == 3 and not session.scalars(select(Lead)).all()


@pytest.mark.parametrize(
    ("given", "error"),
    [({"title": " "}, Invalid), ({"target": "friends"}, Invalid), ({"secrecy": "top"}, Invalid), ({"title": "长" * 1001}, Invalid),
     ({"warnings": "W1"}, Invalid), ({"warnings": ["W-none"]}, Conflict)],
)  # fmt: skip
def test_a_batch_that_makes_no_sense_is_refused(
    ledger: Ledger, turned: dict[str, str], given: Any, error: Any
) -> None:
    with pytest.raises(error), ledger.write() as session:
        desk.begin(session, {**HEAD, "warnings": [], **given}, LI)
    with ledger.read() as session:
        assert not desk.any_batch(session)


def test_an_empty_batch_goes_nowhere_and_an_unknown_one_is_not_there(
    ledger: Ledger, turned: dict[str, str]
) -> None:
    batch = begun(ledger)
    with pytest.raises(IllegalStep):
        act(ledger, batch, "submit")
    with pytest.raises(Unknown), ledger.write() as session:
        desk.act(session, "LZ1999-01", "submit", 1, LI)
    with pytest.raises(Unknown), ledger.write() as session:
        desk.answer(session, batch, "XS-none", 1, LI, valid=True, result="x", disposed=False)


def test_the_watch_reminds_once_of_each_term_that_is_near_or_past(
    ledger: Ledger, turned: dict[str, str]
) -> None:
    batch = sent(ledger, turned["L1"])
    at = now()

    def reminded(days: float) -> list[str]:
        with clock.frozen_at(at + timedelta(days=days)), ledger.write() as session:
            return [f"{who} {term.reminder}" for who, term in deadlines.remind(session)]

    assert reminded(1) == []
    assert reminded(2.5) == [f"{batch} receipt_soon"] and reminded(2.6) == []
    assert reminded(4) == [f"{batch} receipt_late"]
    act(ledger, batch, "receive", note="12 号")
    assert (
        reminded(20) == []
        and reminded(24) == [f"{batch} answer_soon"]
        and reminded(31) == [f"{batch} answer_late"]
    )
    with ledger.read() as session:
        assert deadlines.deadline_of(session.get_one(LeadBatch, batch), at) is not None


def test_the_checklist_says_what_is_there_what_is_missing_and_what_is_not_needed(
    ledger: Ledger, turned: dict[str, str]
) -> None:
    batch = begun(ledger, turned["L1"])
    with ledger.read() as session:
        (lead,) = desk.leads_of(session, batch)
        (found,) = checklist.papers(session, lead).values()
    assert {one.item: one.state for one in found} == {
        "record": "there", "prices": "not_needed", "files": "there", "deposits": "not_needed",
        "scores": "not_needed", "draw": "not_needed", "recording": "missing", "rule": "there",
    }  # fmt: skip
    with ledger.write() as session:
        desk.add_paper(
            session, batch, lead.id, 1, LI, warning=turned["L1"], item="recording", note="档案室 3 号硬盘"
        )
    with ledger.read() as session:
        after = checklist.papers(session, session.get_one(Lead, lead.id))
    assert checklist.missing(after) == 0
    assert next(one for one in after[turned["L1"]] if one.item == "recording").note == "档案室 3 号硬盘"


@pytest.fixture
def favour(ledger: Ledger) -> str:
    """A warning that an expert favours a bidder in two awarded lots, turned into a lead; one lot has no record of a draw."""
    market = Market(ledger)
    market.put(
        Expert(id="ZJ1", source="test"),
        ExpertDraw(id="d/L1", lot_id="L1", requested=5, drawn=5, source="test"),
    )
    for lot in ("L1", "L2"):
        market.award(lot, "A", 100, now() - timedelta(days=2))
        market.put(Evaluation(id=f"e/{lot}", lot_id=lot, source="test"))
        market.put(Score(id=f"s/{lot}", evaluation_id=f"e/{lot}", expert_id="ZJ1", bid_id=f"{lot}/A", item="技术方案",
                         score=Decimal("29.5"), full_marks=Decimal(30), source="test"))  # fmt: skip
    marks = [{"lot": lot, "points": 29.5, "others": 26.0, "full": 30.0} for lot in ("L1", "L2")]
    subjects = (Subject("expert", "ZJ1"), Subject("bidder", "A"))
    with ledger.write() as session:
        found = raise_warning(session, FavoursBidder().about(
            [(one.kind, one.id) for one in subjects], Message("rule.E2.found", sessions=2, points="3.5"), 0.1, 0.05,
            evidence={"marks": marks},
        ))  # fmt: skip
        assert found is not None
        warnings.act(session, found.id, "lead", "li")
        return found.id


def packed(ledger: Ledger, warning: str, folder: Path) -> dict[str, str]:
    """The checklist of a warning's lead, paper by paper; its package lies as False.zip in the folder, a trial as True.zip."""
    batch = sent(ledger, warning)
    with ledger.read() as session:
        (lead,) = desk.leads_of(session, batch)
        kept = session.get_one(LeadBatch, batch)
        for trial in (False, True):
            maker = package.Maker("演示监管员", "示例市", trial)
            package.make(session, kept, folder, folder / f"{trial}.zip", maker)
        return {one.item: one.state for one in checklist.papers(session, lead)[warning]}


def test_a_warning_about_an_expert_needs_score_sheets_and_the_draw_and_the_package_has_them(
    ledger: Ledger, favour: str, tmp_path: Path
) -> None:
    states = packed(ledger, favour, tmp_path)
    assert (states["scores"], states["draw"], states["record"], states["recording"]) == (
        "there",
        "missing",
        "there",
        "not_needed",
    )
    with zipfile.ZipFile(tmp_path / "False.zip") as zipped:
        sheets = [json.loads(zipped.read(one)) for one in zipped.namelist() if one.startswith("scores/")]
        records = [json.loads(zipped.read(one)) for one in zipped.namelist() if one.startswith("openings/")]
        (told,) = json.loads(zipped.read("leads.json"))["leads"][0]["warnings"]
    assert [one["lot"] for one in told["lots_behind"]] == ["L1", "L2"] and all(
        one["name"] for one in told["lots_behind"]
    )
    assert {one["lot"] for one in records} == {"L1", "L2"}
    assert {one["lot"]: len(one["draws"]) for one in sheets} == {"L1": 1, "L2": 0}
    assert {(row["expert_id"], row["bidder_id"], float(row["score"])) for one in sheets for row in one["rows"]} == {("ZJ1", "A", 29.5)}  # fmt: skip
    with zipfile.ZipFile(tmp_path / "True.zip") as zipped:
        assert not [one for one in zipped.namelist() if one.startswith("scores/")], "a trial shows no marks"


@pytest.fixture
def alike(ledger: Ledger) -> str:
    """A warning that the files of A and B are alike, with the comparison behind it, turned into a lead."""
    pair = {
        "one": "A", "other": "B", "reasons": ["text", "errors"], "text": 0.49, "errors": ["一二三四五六七误九十"], "mixed": [], "origin": [],
        "passages": [{"words": "施工组织设计", "one": ["技术标.pdf", 3], "other": ["方案.docx", 0]}],
        "contacts": 0, "ratio": None, "at_ratio": 0.0, "items": 0,
    }  # fmt: skip
    at = now()
    Market(ledger).put(FileCheck(
        lot_id="L1", state="done", digest="d", bidders=3, files=3, size=9, done=9, unread=[], started_at=at, checked_at=at,
        pairs=[pair, {**pair, "other": "C"}],
    ))  # fmt: skip
    evidence = {"files": "compared", "lines": [{"zh": "投标 1 与 2", "en": "bids 1 and 2"}]}
    title, who = Message("common.comma"), tuple(Subject("bidder", firm) for firm in "AB")
    found = Finding(
        "B9", "1", "files", "red", title, who, lot_id="L1", value=2.0, threshold=2.0, evidence=evidence
    )
    with ledger.write() as session:
        raised = raise_warning(session, found)
        assert raised is not None
        warnings.act(session, raised.id, "lead", "li")
        return raised.id


def test_a_warning_about_alike_files_needs_the_comparison_and_the_package_has_its_passages(
    ledger: Ledger, alike: str, tmp_path: Path
) -> None:
    states = packed(ledger, alike, tmp_path)
    assert states["files"] == "there"
    with zipfile.ZipFile(tmp_path / "False.zip") as zipped:
        (name,) = [one for one in zipped.namelist() if one.startswith("likeness/")]
        told = json.loads(zipped.read(name))
    (pair,) = told["pairs"]
    assert (told["warning"], told["lot"], pair["one"]["id"], pair["other"]["name"]) == (
        alike,
        "L1",
        "A",
        "企业B",
    )
    assert pair["passages"] == [{"words": "施工组织设计", "one": {"file": "技术标.pdf", "page": 3}, "other": {"file": "方案.docx", "page": 0}}]  # fmt: skip
    assert pair["reasons"] == ["正文雷同", "错误相同"] and len(pair["errors"]) == 1
    with zipfile.ZipFile(tmp_path / "True.zip") as zipped:
        assert not [one for one in zipped.namelist() if one.startswith("likeness/")], "a trial names nobody"
    with ledger.write() as session:
        session.delete(session.get_one(FileCheck, "L1"))
    with ledger.read() as session:
        after = checklist.papers(session, session.scalars(select(Lead)).one())[alike]
    assert next(one.state for one in after if one.item == "files") == "missing"


def test_lots_of_one_name_are_told_with_their_codes() -> None:
    names = {"L1": "锦程路学校新建工程施工", "L2": "锦程路学校新建工程施工", "L3": "听涛路改造"}
    assert market.told_apart(names, "zh") == {
        "L1": "锦程路学校新建工程施工（L1）", "L2": "锦程路学校新建工程施工（L2）", "L3": "听涛路改造",
    }  # fmt: skip
    behind = [{"lot": lot, "name": name} for lot, name in names.items()]
    assert "施工（L1）" in package._lots({"lot": None, "lots_behind": behind})


# ── the package ──────────────────────────────────────────────────────────────


@pytest.fixture
def made(ledger: Ledger, turned: dict[str, str], tmp_path: Path) -> Path:
    batch = sent(ledger, turned["L1"], turned["L2"])
    out = tmp_path / "out" / "package.zip"
    with ledger.read() as session:
        package.make(
            session, session.get_one(LeadBatch, batch), tmp_path, out, package.Maker("演示监管员", "示例市")
        )
    return out


def test_the_package_is_verified_by_the_command(made: Path) -> None:
    answer = CliRunner().invoke(app, ["verify", str(made), "--json"])
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0 and told["ok"] is True and told["broken"] == []
    assert (
        told["steps"]["signature"] == [1, 1] and told["steps"]["files"][0] == told["steps"]["files"][1] >= 5
    )
    spoken = CliRunner().invoke(app, ["verify", str(made)], env={"LANG": "zh_CN.UTF-8"})
    assert "未发现任何改动" in spoken.stdout and "示例市/leads" in spoken.stdout


def test_letter_list_and_records_say_what_they_are_for_and_by_whom(made: Path) -> None:
    import pypdfium2

    with zipfile.ZipFile(made) as zipped:
        told = json.loads(zipped.read("leads.json"))
        letter = pypdfium2.PdfDocument(zipped.read("letter.pdf"))
        records = [name for name in zipped.namelist() if name.startswith("openings/")]
        assert len(records) == 2
        (row, *_), begun = (json.loads(zipped.read(records[0]))[part] for part in ("rows", "started_at"))
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00")
    assert moment.fullmatch(row["read_at"]) and moment.fullmatch(begun), "all moments are written one way"
    words = "".join(page.get_textpage().get_text_bounded() for page in letter)
    assert (
        "疑似线索，仅供核查" in words
        and "工作秘密" in words
        and "演示监管员" in words
        and "示例公安局" in words
    )
    assert told["notice"].startswith("疑似线索") and "演示监管员" in told["mark"]
    assert {one["lot"] for lead in told["leads"] for one in lead["warnings"]} == {"L1", "L2"}
    assert told["leads"][0]["warnings"][0]["cannot_know"]


@pytest.mark.parametrize(
    "name", ["leads.json", "letter.pdf", "manifest.json", "signature", "keys/desk.vkey", "README.md"]
)
def test_any_change_of_the_package_is_noticed(made: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(made) as zipped:
        zipped.extractall(folder)
    assert not verify.check(folder).broken
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    assert verify.check(folder).broken
    (folder / name).unlink()
    assert verify.check(folder).broken


def test_a_file_put_in_or_another_key_is_noticed(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(made) as zipped:
        zipped.extractall(folder)
    (folder / "more.json").write_text("{}")
    assert [one.file for one in verify.check(folder).broken] == ["more.json"]
    (folder / "more.json").unlink()
    other = package.key_of(tmp_path / "elsewhere", "别处").verifier
    assert [one.why for one in verify.check(folder, [other]).broken] == ["not_signed"]


def test_states_of_warnings_in_a_batch_are_left_alone(ledger: Ledger, turned: dict[str, str]) -> None:
    sent(ledger, turned["L1"])
    with ledger.read() as session:
        assert set(session.scalars(select(Warning.state))) == {"lead"}


def test_numbers_go_on_within_the_year(ledger: Ledger, turned: dict[str, str]) -> None:
    year = clock.local_now()
    first, second = begun(ledger), begun(ledger)
    assert (first, second) == (f"LZ{year:%Y}-01", f"LZ{year:%Y}-02")
    with clock.frozen_at(datetime(year.year + 1, 3, 1, tzinfo=year.tzinfo)):
        assert begun(ledger) == f"LZ{year.year + 1}-01"
