"""The public pages in a real browser over a real hub process."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from records.clock import now
from records.ledger import Ledger
from tests.browser.public_site import HubProcess
from tests.ledgers import new_ledger
from tests.streaming import hub_market as market
from tests.streaming.test_hub_api import until

pytestmark = pytest.mark.browser

NUMBERS = itertools.count(1)
TITLE = "示例学校<img src=x onerror=alert(1)>"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    book = new_ledger(tmp_path_factory.mktemp("site") / "ledger.db")
    market.rooms(book)
    yield book
    book.close()


@pytest.fixture(scope="module")
def hub(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    process = HubProcess(str(ledger.url), tmp_path_factory.mktemp("hub") / "data")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def key(ledger: Ledger, hub: HubProcess) -> str:
    """A room of the test's own, with an opening of the same name that has just been announced."""
    name = f"r{next(NUMBERS)}"
    market.room(ledger, name)
    market.opening(ledger, name, room=name, title=TITLE)
    limit = time.monotonic() + 60
    while f'"opening":"{name}"' not in httpx.get(f"{hub.address}/api/rooms").text:
        assert time.monotonic() < limit, "the room did not appear in 60 s"
        time.sleep(0.1)
    return name


@pytest.fixture
def page(browser: Browser, hub: HubProcess) -> Iterator[Page]:
    context = browser.new_context(
        viewport=DESKTOP, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=hub.address
    )
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "console",
        lambda message: troubles.append(message.text) if "Content Security" in message.text else None,
    )
    yield opened
    context.close()
    assert not troubles


def rows(page: Page) -> list[str]:
    return [re.sub(r"\s+", " ", text) for text in page.locator("#rows tr").all_inner_texts()]


def test_room_tells_the_opening_as_it_happens(page: Page, ledger: Ledger, key: str) -> None:
    page.goto(f"/room/{key}")
    expect(page.locator("#secret")).to_be_visible()
    market.begin(ledger, key, count=60)
    expect(page.locator("#rows tr")).to_have_count(50)
    expect(page.locator("#step li.cur")).to_contain_text("解密")
    expect(page.locator("#list-title")).to_have_text("解密进度")
    for number in (1, 2):
        market.read(ledger, key, number)
    expect(page.locator("#rows tr.cur")).to_contain_text("示例建设第2公司")
    expect(page.locator("#step li.cur")).to_contain_text("唱标")
    expect(page.locator("#chip")).to_have_text("正在唱标")
    expect(page.locator("#cap")).to_contain_text("第 2 号，示例建设第2公司，投标报价 2,764.80 万元")
    expect(page.locator("#lines li").first).to_contain_text("第 2 号")
    third = rows(page)[2]
    assert "待唱" in third and "2,764" not in third
    assert page.locator("h1").inner_text() == TITLE


def test_room_tells_one_opening_from_sign_in_to_seal(page: Page, ledger: Ledger, key: str) -> None:
    """With what happens now and then: decryption not told, a pause, an objection, a reading corrected."""
    say, newest, step = (
        partial(market.event, ledger, key),
        page.locator("#lines li").first,
        page.locator("#step li.cur"),
    )
    page.goto(f"/room/{key}")
    say("sign_in", count=2)
    expect(page.locator("#lines li")).to_have_count(1)
    say("bidders_published", count=2, bidders=market.bidders(2))
    expect(page.locator("#rows tr.wait")).to_have_count(2)
    say("decrypt_progress", total=2)
    expect(newest).to_contain_text("结果未报")
    expect(step).to_contain_text("解密")
    expect(page.locator("#figures")).to_contain_text("结果未报")
    market.read(ledger, key, 1)
    say("bid_read", no=2, name="示例建设第2公司", remark="解密失败，不唱标")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("—")
    say("bid_corrected", no=1, name="示例建设第1公司", price="27000000", duration_days=400, reason="唱标口误")
    first = page.locator("#rows tr").first
    expect(first.locator("s")).to_have_text("2,764.80")
    expect(first.locator(".p")).to_have_text("2,764.80 2,700.00", use_inner_text=True)
    expect(first.locator(".d")).to_have_text("400")
    expect(newest).to_contain_text("更正第 1 号，示例建设第1公司，投标报价 2,700.00 万元")
    expect(page.locator("#list-count")).to_contain_text("2 ")
    say("paused", reason="身份核对")
    expect(page.locator("#chip")).to_have_text("暂停")
    expect(page.locator("#slate")).to_contain_text("身份核对")
    say("resumed")
    say("objection", no=1, content="请核对工期")
    expect(page.locator("#asked")).to_contain_text("1")
    expect(step).to_contain_text("异议")
    say("objection_answered", no=1, answer="已核对，为 400 日")
    expect(page.locator("#qa li")).to_have_count(2)
    say("record_confirmed", rows=2)
    say("ended", result="opened")
    expect(page.locator("#step li.ok")).to_have_count(7)
    say("sealed", head="ab" * 32, segments=1)
    expect(newest).to_contain_text("指纹 abababababababab")
    lines, table = page.locator("#lines li span").all_inner_texts(), rows(page)
    page.reload()
    expect(newest).to_contain_text("指纹")
    assert (page.locator("#lines li span").all_inner_texts(), rows(page)) == (lines, table), (
        "told anew, the same"
    )


def test_room_follows_the_current_line_across_pages_and_can_be_searched(
    page: Page, ledger: Ledger, key: str
) -> None:
    market.begin(ledger, key, count=120)
    page.goto(f"/room/{key}")
    for number in range(1, 52):
        market.read(ledger, key, number)
    expect(page.locator("#rows tr.cur td").first).to_have_text("51")
    expect(page.locator("#pages [aria-current]")).to_have_text("2")
    page.get_by_role("button", name="3", exact=True).click()
    expect(page.locator("#rows tr").first).to_contain_text("示例建设第101公司")
    market.read(ledger, key, 52)
    expect(page.locator("#list-count")).to_contain_text("52")
    expect(page.locator("#rows tr").first).to_contain_text("101")
    page.locator("#follow").click()
    expect(page.locator("#rows tr.cur td").first).to_have_text("52")
    page.locator("#find").fill("第77公司")
    expect(page.locator("#rows tr")).to_have_count(1)


def test_room_resumes_by_itself_after_the_hub_is_killed(
    page: Page, ledger: Ledger, hub: HubProcess, key: str
) -> None:
    market.begin(ledger, key)
    page.goto(f"/room/{key}")
    expect(page.locator("#rows tr")).to_have_count(3)
    page.evaluate("window.kept = true")
    hub.kill()
    expect(page.locator("#toast")).to_contain_text("连接中断")
    market.read(ledger, key, 1)
    hub.start()
    expect(page.locator("#rows tr.cur")).to_contain_text("示例建设第1公司", timeout=15_000)
    market.read(ledger, key, 2)
    expect(page.locator("#rows tr.cur")).to_contain_text("示例建设第2公司")
    expect(page.locator("#lines li")).to_have_count(5)
    assert page.evaluate("window.kept")


def test_hall_shows_a_change_without_reloading(page: Page, ledger: Ledger, key: str) -> None:
    market.opening(ledger, "O2", room="hz-02", at=now() + timedelta(minutes=10), title="示例医院")
    page.goto("/?tiles=9")
    page.evaluate("window.kept = true")
    expect(page.locator(".tile[data-room=hz-02] small")).to_contain_text("距开标 9 分")
    market.begin(ledger, key)
    expect(page.locator(f".tile[data-room={key}] .chip")).to_have_text("正在解密")
    assert page.evaluate("window.kept")


def test_filters_live_in_the_address(page: Page, ledger: Ledger, key: str) -> None:
    market.opening(ledger, "O3", room="hz-01", title="示例矿区", family="land")
    page.goto("/")
    page.get_by_label("全部类别").select_option("land")
    expect(page).to_have_url(re.compile(r"family=land"))
    expect(page.locator(".tile h2")).to_have_text("示例矿区")
    page.goto(page.url)
    expect(page.locator(".tile")).to_have_count(1)


def test_the_browser_recomputes_the_chain(page: Page, ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    market.event(ledger, key, "objection", no=1, content='引号"、反斜杠\\、换行\n与 emoji 😀')
    market.event(ledger, key, "objection_answered", no=1, answer="已核对。")
    market.finish(ledger, key)
    page.goto(f"/verify?opening={key}")
    expect(page.locator("#result")).to_contain_text("共 10 步，全部一致")
    events = page.evaluate(
        "(opening) => fetch(`/api/openings/${opening}/events`).then((answer) => answer.json())", key
    )
    events[5]["payload"]["price"] = "1.00"
    page.route("**/events", lambda route: route.fulfill(json=events))
    page.get_by_role("button", name="开始校验").click()
    expect(page.locator("#result")).to_contain_text("第 6 步不一致")


def test_a_finished_opening_stays_with_its_list_and_a_way_on(page: Page, ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    page.goto(f"/room/{key}")
    expect(page.locator("#rows tr")).to_have_count(3)
    page.evaluate("window.kept = true")
    market.finish(ledger, key)
    market.opening(ledger, f"{key}-next", room=key, at=now() + timedelta(minutes=3), title="下一标段工程")
    way = page.get_by_role("link", name="下一场 下一标段工程")
    expect(way).to_be_visible(timeout=15_000)
    assert page.evaluate("window.kept"), "the page was not loaded anew"
    assert [text.split("\t")[2] for text in page.locator("#rows tr").all_inner_texts()] == ["2,764.80"] * 3
    expect(page.locator("#list-title")).to_have_text("开标一览")
    way.click()
    expect(page.locator("h1")).to_have_text("下一标段工程")
    expect(page.get_by_role("link", name="上一场开标记录")).to_have_attribute("href", f"/opening/{key}")


def test_sharing_gives_the_openings_own_page(page: Page, hub: HubProcess, ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for query in ("", "?lang=en"):
        page.goto(f"/room/{key}{query}")
        page.locator("#share").click()
        expect(page.locator("#toast")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == f"{hub.address}/opening/{key}{query}"


def test_pages_work_without_scripts(browser: Browser, hub: HubProcess, ledger: Ledger, key: str) -> None:
    market.begin(ledger, key)
    market.read(ledger, key, 1)
    time.sleep(0.6)
    context = browser.new_context(java_script_enabled=False, base_url=hub.address)
    page = context.new_page()
    page.goto(f"/room/{key}")
    assert [text.split("\t")[2] for text in page.locator("#rows tr").all_inner_texts()] == [
        "2,764.80", "待唱", "待唱",
    ]  # fmt: skip
    expect(page.locator("#lines li").first).to_contain_text("第 1 号，示例建设第1公司")
    expect(page.locator("#step .cur")).to_contain_text("唱标")
    page.goto("/?tiles=9")
    expect(page.locator(f".tile[data-room={key}] .chip")).to_have_text("正在唱标")
    page.goto("/verify")
    page.get_by_role("textbox").fill(f"L-{key}")
    page.get_by_role("button").click()
    expect(page.locator("#result")).to_contain_text("共 4 步，全部一致")
    context.close()


def test_nothing_overflows_on_a_phone_even_in_the_largest_text(
    browser: Browser, hub: HubProcess, ledger: Ledger, key: str
) -> None:
    market.begin(ledger, key, count=60)
    market.finish(ledger, key, count=60)
    context = browser.new_context(viewport=PHONE, base_url=hub.address)
    page = context.new_page()
    page.add_init_script("localStorage.setItem('size', '3')")
    paths = ("/", f"/room/{key}", f"/opening/{key}", "/verify", "/?view=schedule", f"/project/P-{key}")
    for path in [*paths, "/?lang=en", f"/room/{key}?lang=en"]:
        page.goto(path)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    context.close()


def test_prices_read_anew_stand_one_below_the_other_on_a_phone(
    browser: Browser, hub: HubProcess, ledger: Ledger, key: str, tmp_path: Path
) -> None:
    market.begin(ledger, key, count=3)
    for number in (1, 2, 3):
        read = {"no": number, "name": f"示例建设第{number}公司", "price": "27648000"}
        market.event(ledger, key, "bid_read", **read)
    for price in ("28648000", "27648001.5", "999648000.25"):
        market.event(ledger, key, "bid_corrected", no=1, name="示例建设第1公司", price=price, reason="读错")
    market.event(ledger, key, "record_confirmed", rows=3)
    market.event(ledger, key, "ended", result="opened")
    until(
        lambda: "999648000.25" in httpx.get(f"{hub.address}/api/openings/{key}/record").text, True, seconds=20
    )
    context = browser.new_context(viewport=PHONE, base_url=hub.address)
    page = context.new_page()
    page.goto(f"/opening/{key}")
    row = page.locator("#rows tbody tr").first
    expect(row.locator("s")).to_have_count(3, timeout=20_000)
    page.screenshot(path=tmp_path / "phone.png")
    shapes = row.locator("td:visible").evaluate_all(
        "cells => cells.map((cell) => { const range = document.createRange(); range.selectNodeContents(cell);"
        " const ink = range.getBoundingClientRect(), box = cell.getBoundingClientRect();"
        " return { width: box.width, over: Math.max(0, ink.right - box.right, box.left - ink.left) }; })"
    )
    assert shapes[1]["width"] >= 96 and max(one["over"] for one in shapes) < 1, shapes
    context.close()


def test_the_hub_stops_cleanly_with_visitors_on_it(page: Page, hub: HubProcess, key: str) -> None:
    page.goto(f"/room/{key}")
    expect(page.locator("#lines li")).to_have_count(1)
    assert hub.stop() in {0, -15}
