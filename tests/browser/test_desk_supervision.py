"""Rules and leads in a real browser against a real desk: a rule tried and changed, two people, a silence, a batch to its end."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from typer.testing import CliRunner

from records.administration import By
from records.clock import local_day, now
from records.ledger import Ledger
from records.tables.leads import LeadBatch
from records.tables.supervision import Silence, Warning
from sunbid.cli import app
from supervision.home import Place
from supervision.lens.writer import LensWriter
from supervision.rules import switchboard
from supervision.rules.baseline import UNKNOWN
from supervision.warnings.lot_loop import HotLoop
from tests.browser.contexts import Contexts
from tests.dashboard.live_market import PASSWORD, process, raise_one, seed
from tests.ledgers import new_ledger
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]

DESK = """
from pathlib import Path
from dashboard.config import DeskConfig
from dashboard.serve import serve
serve(DeskConfig(database_url={url!r}, data_dir=Path({data!r}), port={port}, rules_by_two=True))
"""
WAIT = 60_000
_BY = By("admin")


@dataclass
class Desk:
    url: str
    ledger: Ledger

    def page(self, contexts: Contexts, role: str, path: str) -> Page:
        """A page of the desk as `role` sees it, in Chinese."""
        context = contexts.take(
            self.url, viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        assert context.request.post(f"{self.url}/auth/login", form={"name": role, "password": PASSWORD}).ok
        page = context.new_page()
        page.goto(f"{self.url}/{path}")
        return page


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("supervision")
    ledger = new_ledger(folder / "ledger.db")
    seed(ledger)
    LensWriter(ledger, folder, Place()).start()
    port = free_port()
    code = DESK.format(url=f"sqlite:///{folder / 'ledger.db'}", data=str(folder), port=port)
    with process(code, port, folder / "desk.log"):
        yield Desk(f"http://127.0.0.1:{port}", ledger)
    ledger.close()


def test_a_rule_is_tried_then_changed_by_two_and_the_watch_goes_by_it(desk: Desk, contexts: Contexts) -> None:
    page = desk.page(contexts, "supervisor", "warnings?view=rules&rule=B4")
    threshold = page.locator('.param input[name="min_bidders"]')
    threshold.wait_for(timeout=WAIT)
    expect(page.locator(".hint").get_by_text("疑似线索，仅供核查")).to_be_visible()
    expect(page.locator("p.foot:not(.vh)")).to_have_count(0)  # said once
    cut = "cells => cells.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(":is(td.threshold, td.law) .cut").evaluate_all(cut) == []
    threshold.fill("3")
    threshold.press("Tab")
    page.get_by_role("button", name="先试算").click()
    expect(page.locator(".run table").first).to_contain_text("预警率", timeout=WAIT)
    page.get_by_role("button", name="提交复核").click()
    page.locator("dialog textarea").fill("两家同机多为代做，先看三家")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".asked")).to_contain_text("2 → 3", timeout=WAIT)
    expect(page.locator(".asked")).to_contain_text("申请人不能复核自己的更改")
    loop = HotLoop(desk.ledger, lambda: UNKNOWN)
    loop.resume()
    loop.tick()
    assert loop.board.of("B4").parameters == {"min_bidders": 2}
    other = desk.page(contexts, "admin", "warnings?view=rules&rule=B4")
    other.get_by_role("button", name="同意并生效").click(timeout=WAIT)
    expect(other.locator(".ev header .chip")).to_contain_text("1.1 版", timeout=WAIT)
    loop.tick()
    assert loop.board.of("B4").parameters == {"min_bidders": 3}, "without a restart"
    with desk.ledger.read() as session:
        assert switchboard.in_force(session).of("B4").version == "1.1"
    page.close()
    other.close()


def test_a_rule_is_kept_quiet_and_speaks_again(desk: Desk, contexts: Contexts) -> None:
    page = desk.page(contexts, "supervisor", "warnings?view=rules&rule=B6")
    page.get_by_role("button", name="静默……").click(timeout=WAIT)
    page.locator("dialog textarea").fill("历史数据补录中")
    submit, problem = page.locator("dialog button[type=submit]"), page.locator("dialog p.problem")
    submit.click()
    expect(problem).to_have_text("请选择中心或填写标段编号", timeout=WAIT)  # no centre is preset
    page.locator("dialog select[name=centre]").select_option(label="全部")
    expect(page.locator("dialog .sure")).to_contain_text("保证金", timeout=WAIT)
    expect(page.locator("dialog .sure")).to_contain_text("对全部中心、全部标段静默，至 20")
    submit.click()
    expect(problem).to_have_text("对全部中心静默，须先勾选确认", timeout=WAIT)
    page.locator("dialog select[name=centre]").select_option("c1")
    expect(page.locator("dialog .sure")).to_be_hidden()
    page.locator("dialog input[name=lot]").fill("没有的标段")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("dialog p.problem")).to_contain_text("没有的标段", timeout=WAIT)
    expect(page.locator("p.told")).to_have_text("")  # the dialog has told it
    page.locator("dialog input[name=lot]").fill("")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".quiet")).to_contain_text("余杭 · 历史数据补录中", timeout=WAIT)
    with desk.ledger.read() as session:
        (row,) = session.scalars(select(Silence))
        assert (row.rule, row.centre_id, row.created_by) == ("B6", "c1", "supervisor")
        assert timedelta(days=13) < row.until - now() < timedelta(days=16)
    page.get_by_role("button", name="提前恢复").click()
    expect(page.get_by_text("没有静默")).to_be_visible(timeout=WAIT)
    page.locator("input[name=second_look]").check()
    page.get_by_role("button", name="提交复核").click()
    expect(page.locator("dialog .what")).to_have_text("排除不须第二人复核 → 排除须第二人复核", timeout=WAIT)
    page.close()


def test_a_dismissal_is_looked_at_by_another_person(desk: Desk, contexts: Contexts) -> None:
    with desk.ledger.write() as session:
        held = switchboard.in_force(session).of("B4")
        wanted = switchboard.wanted({"second_look": True}, held)
        switchboard.ask(session, wanted, held.revision, "排除须两人", _BY, two=False)
        raised = raise_one(session, 71).id
    page = desk.page(contexts, "supervisor", f"warnings?warning={raised}")
    expect(page.locator(".ev .cant")).to_be_visible(timeout=WAIT)
    page.keyboard.press("d")
    page.locator("dialog textarea").fill("同一代办点")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("dialog p.problem")).to_have_text(
        "请选择原因", timeout=WAIT
    )  # none is chosen beforehand
    page.locator("dialog input[value=not_confirmed]").check()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(f"#w-{raised}")).to_contain_text("待复核", timeout=WAIT)
    own = page.locator(".ev .act").get_by_role("button", name="同意排除")
    expect(own).to_be_disabled(timeout=WAIT)
    expect(own).to_have_attribute("title", "须由提出排除的人以外的人复核")
    other = desk.page(contexts, "admin", f"warnings?warning={raised}")
    expect(other.locator(".ev .cant")).to_be_visible(timeout=WAIT)
    other.keyboard.press("g")
    expect(other.locator(f"#w-{raised}")).to_contain_text("已排除", timeout=WAIT)
    with desk.ledger.read() as session:
        done = session.get_one(Warning, raised)
        assert (done.state, done.handler, done.disposition) == ("dismissed", "admin", "not_confirmed")
    with desk.ledger.write() as session:
        again = raise_one(session, 72).id
    row = other.locator(f"#w-{again}")
    expect(row).to_contain_text(f"此前已判：不属实，{local_day(now())}", timeout=WAIT)
    row.click()
    expect(other.locator(".ev .lead")).to_contain_text("此前已判：不属实", timeout=WAIT)
    expect(other.locator(".ev ul.rel").first).to_contain_text("已排除 · 不属实")
    page.close()
    other.close()


def test_a_batch_of_leads_from_its_begin_to_its_end(desk: Desk, contexts: Contexts, tmp_path: Path) -> None:
    with desk.ledger.write() as session:
        raised = raise_one(session, 72)
        raised.state, raised.handler = "lead", "supervisor"
    page = desk.page(contexts, "supervisor", "leads?period=all")
    page.get_by_role("button", name="新建批次").click(timeout=WAIT)
    page.locator('dialog input[name="title"]').fill("文件生成设备相同（疑似）")
    page.locator('dialog input[name="target_name"]').fill("示例建设局")
    page.locator("dialog .pick input").first.check()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("tr.batch")).to_contain_text("组批中", timeout=WAIT)
    expect(page.get_by_text("疑似线索，仅供核查").first).to_be_visible()
    page.locator("button.drop").click(timeout=WAIT)
    expect(page.locator("dialog[open]")).to_contain_text("可再组入批次")  # nothing is gone unasked
    page.locator("dialog").get_by_role("button", name="取消").click()
    expect(page.locator("button.drop")).to_have_count(1)
    _step(page, "送复核")
    expect(page.get_by_role("button", name="复核通过")).to_be_disabled(timeout=WAIT)
    other = desk.page(contexts, "admin", "leads?period=all")
    _step(other, "复核通过")
    other.close()
    expect(page.locator(".act").get_by_role("button", name="移送")).to_be_visible(timeout=WAIT)
    _step(page, "移送")
    expect(page.locator(".batches td.receipt")).to_contain_text("回执余", timeout=WAIT)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载移送包").click()
    kept = tmp_path / "package.zip"
    waiting.value.save_as(kept)
    verified = CliRunner().invoke(app, ["verify", str(kept), "--json"])
    assert verified.exit_code == 0 and json.loads(verified.stdout)["ok"] is True
    assert {"letter.pdf", "leads.json", "manifest.json", "signature"} <= set(zipfile.ZipFile(kept).namelist())
    _step(page, "登记回执", "示例函〔2026〕12 号")
    page.get_by_role("button", name="登记反馈").click(timeout=WAIT)
    page.locator("dialog").get_by_label("有效", exact=True).check()
    page.locator('dialog textarea[name="result"]').fill("已立案")
    page.locator('dialog input[name="disposed"]').check()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".batches td.answers")).to_contain_text("办结 1 / 1", timeout=WAIT)
    _step(page, "办结")
    expect(page.locator(".act")).to_contain_text("已办结", timeout=WAIT)
    with desk.ledger.read() as session:
        (batch,) = session.scalars(select(LeadBatch))
        assert (batch.state, batch.created_by, batch.reviewed_by) == ("closed", "supervisor", "admin")
        assert session.get_one(Warning, raised.id).disposition == "confirmed"
    page.close()


def _step(page: Page, name: str, note: str | None = None) -> None:
    """Take the next step of the chosen batch, through its dialog."""
    page.locator(".act").get_by_role("button", name=name).click(timeout=WAIT)
    if note is not None:
        page.locator("dialog textarea").fill(note)
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("dialog[open]")).to_have_count(0, timeout=WAIT)


def test_a_leader_sees_the_funnel_and_no_batch(desk: Desk, contexts: Contexts) -> None:
    page = desk.page(contexts, "leader", "leads?period=all")
    expect(page.get_by_text("产生预警").first).to_be_visible(timeout=WAIT)
    assert page.locator(".leads, .batches").count() == 0
    assert page.request.get(f"{desk.url}/api/leads").status == 403
    page.close()
