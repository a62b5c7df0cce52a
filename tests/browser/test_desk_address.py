"""The address says what a screen shows: a copied link shows the same to somebody else, and the way back is one choice."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from dashboard.screens import pages_of
from tests.browser.contexts import Contexts
from tests.browser.test_desk_accessibility import READY, Desk, desk, signed_in

__all__ = ["desk"]
pytestmark = [pytest.mark.browser, pytest.mark.server]

PATIENCE = 60_000
CHOICES = "period=2026&compare=mom&centre=c1&family=works&home=province&state=all"
"""Choices of the filters rows; a screen takes those it has and leaves the others alone."""
PASSING = re.compile(r"\d\d:\d\d(:\d\d)?|已 \d+ 分钟未更新")


def choose(page: Page, name: str, words: str) -> None:
    box = page.locator(f".st-key-filter-{name} input")
    box.click()
    box.press_sequentially(words)  # a long list holds only what is seen of it
    page.get_by_role("option", name=words).first.click()


def test_the_way_back_is_one_choice(contexts: Contexts, desk: Desk) -> None:
    page = signed_in(contexts, desk, "supervisor")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{desk.url}/openness?lots-page=2")
    page.locator(READY).wait_for()
    period, family = (page.locator(f".st-key-filter-{name} input") for name in ("period", "family"))
    choose(page, "period", "全部时间")
    page.wait_for_url("**period=all**")
    choose(page, "family", "工程建设")
    page.wait_for_url("**family=works**")
    expect(family).to_have_value(re.compile("工程建设"))
    page.go_back()
    expect(family).to_have_value(re.compile("全部"), timeout=PATIENCE)
    expect(period).to_have_value(re.compile("全部时间"))
    assert "period=all" in page.url and "family" not in page.url
    page.go_back()
    expect(period).to_have_value(re.compile("近12个月"), timeout=PATIENCE)
    assert "period" not in page.url
    page.go_forward()
    expect(period).to_have_value(re.compile("全部时间"), timeout=PATIENCE)
    page.locator(READY).wait_for()
    page.get_by_role("link", name="竞争").first.click()
    page.wait_for_url("**/competition?period=all")  # a choice goes along to the next screen
    expect(period).to_have_value(re.compile("全部时间"), timeout=PATIENCE)
    page.locator(READY).wait_for()
    choose(page, "family", "工程建设")
    page.wait_for_url("**family=works**")
    page.locator(READY).wait_for()
    page.get_by_role("link", name="开放").first.click()
    page.wait_for_url("**/openness?**family=works**")
    assert "period=all" in page.url and "lots-page" not in page.url
    page.close()


def test_what_was_chosen_goes_along_to_a_figures_screen_into_english_and_into_a_saved_view(
    contexts: Contexts, desk: Desk
) -> None:
    page = signed_in(contexts, desk, "supervisor")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{desk.url}/overview?period=2026&centre=c1")
    page.locator(READY).wait_for()
    tile = page.locator("a[href^='/openness']").filter(has_not_text=re.compile(".")).first
    assert tile.get_attribute("href") == "/openness?period=2026&centre=c1"
    page.goto(f"{desk.url}/openness?period=2026")
    page.locator(READY).wait_for()
    page.locator(".st-key-view-menu button").first.click()
    page.get_by_label("把现在的选择存为视图").fill("y2026")
    page.locator(".st-key-view-save-now button").click()
    page.locator(".st-key-view-open-y2026 button").wait_for()
    page.keyboard.press("Escape")
    choose(page, "period", "全部时间")
    page.wait_for_url("**period=all**")
    page.locator(".st-key-view-menu button").first.click()
    page.locator(".st-key-view-open-y2026 button").click()
    page.wait_for_url("**period=2026**")  # its own screen: the address says it, and the way back is one step
    page.keyboard.press("Escape")
    page.go_back()
    page.wait_for_url("**period=all**")
    page.locator(READY).wait_for()
    page.locator(".sb-acts a[lang=en]").click()
    page.wait_for_url("**lang=en**")
    assert "period=all" in page.url
    page.close()


@pytest.mark.parametrize("role", ["supervisor"])
def test_a_copied_link_shows_the_same_to_somebody_else(contexts: Contexts, desk: Desk, role: str) -> None:
    mine, theirs = signed_in(contexts, desk, role), signed_in(contexts, desk, role)
    for page in (mine, theirs):
        page.set_default_timeout(PATIENCE)
    mine.goto(f"{desk.url}/openness")
    mine.locator(READY).wait_for()  # a browser in use: other choices, made before
    choose(mine, "period", "全部时间")
    mine.wait_for_url("**period=all**")
    for screen in pages_of(role):
        mine.goto(f"{desk.url}/{screen.slug}?{CHOICES}")
        settled(mine, screen.name("zh"))
        theirs.goto(mine.url)
        settled(theirs, screen.name("zh"))
        assert theirs.url == mine.url
        assert alike(mine, theirs), (screen.slug, body(mine), body(theirs))
    for page in (mine, theirs):
        page.close()


@pytest.mark.parametrize(
    ("role", "asked", "to", "title"),
    [
        ("supervisor", "openness?period=all", "/lot?period=all&from=openness&lot=l1", "标段生命线"),
        ("supervisor", "hall?view=history", "/room?opening=o1", "数字直播间"),
        (
            "leader",
            "hall?view=history",
            "/lot?view=history&from=hall&lot=l1",
            "标段生命线",
        ),  # a leader has no rooms
    ],
)
def test_a_row_leads_to_its_own_screen_and_back_is_one_step(
    contexts: Contexts, desk: Desk, role: str, asked: str, to: str, title: str
) -> None:
    page = signed_in(contexts, desk, role)
    page.set_default_timeout(PATIENCE)
    page.goto(f"{desk.url}/{asked}")
    tick_first(page)
    page.wait_for_url(f"{desk.url}{to}")
    settled(page, title)
    if to.startswith("/lot"):  # the way back stands there too, for who opens a copied address
        assert page.locator("header a.crumb").get_attribute("href") == f"/{asked}"
        page.locator(f".st-key-sb-here .st-key-nav-{asked.partition('?')[0]}").wait_for()
    page.go_back()
    page.wait_for_url(f"{desk.url}/{asked}")
    page.locator("[data-testid=stDataFrame] .dvn-scroller").first.wait_for()
    page.locator(READY).wait_for()
    assert page.url == f"{desk.url}/{asked}"
    page.close()


def tick_first(page: Page) -> None:
    """Tick the first row of the first table."""
    table = page.locator("[data-testid=stDataFrame] .dvn-scroller").first
    table.wait_for()
    page.locator(READY).wait_for()
    table.click(position={"x": 16, "y": 48})


def settled(page: Page, title: str) -> None:
    page.locator("h1", has_text=title).first.wait_for()
    page.locator(READY).wait_for()


def alike(one: Page, other: Page) -> bool:
    """Whether both come to show the same; charts and boxes are drawn a moment after the script has ended."""
    until = time.monotonic() + PATIENCE / 1000
    while body(one) != body(other):
        if time.monotonic() > until:
            return False
        other.wait_for_timeout(300)
    return True


def body(page: Page) -> tuple[str, list[str]]:
    """What a screen says and what its boxes hold, but for the time of day."""
    boxes = page.locator("[data-testid=stMain] input").evaluate_all("all => all.map(one => one.value)")
    return PASSING.sub("", page.locator("[data-testid=stMain]").inner_text()), boxes


def test_the_pause_holds_every_part_and_says_so(contexts: Contexts, desk: Desk) -> None:
    page = signed_in(contexts, desk, "supervisor")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{desk.url}/service")
    page.locator(READY).wait_for()
    page.get_by_role("button", name="暂停刷新").click()
    held = page.locator(".asof.held")
    expect(held).to_contain_text("已暂停刷新")
    page.locator(READY).wait_for()
    before = held.inner_text()
    changes = page.evaluate(
        """async () => { let n = 0, at = performance.now();
        const seen = new MutationObserver(all => { n += all.length; at = performance.now(); });
        seen.observe(document.body, {subtree: true, childList: true, characterData: true});
        const wait = (ms) => new Promise(done => setTimeout(done, ms)), limit = at + 30000;
        // what was on its way when it was pressed is still drawn: a busy machine takes a while to
        while (performance.now() - at < 1500 && performance.now() < limit) await wait(100);
        n = 0; await wait(8000); return n; }"""
    )
    assert changes == 0 and held.inner_text() == before
    page.get_by_role("button", name="恢复刷新").click()
    expect(page.locator(".asof.held")).to_have_count(0)
    page.close()


def test_a_view_is_kept_opened_and_opens_the_desk(contexts: Contexts, desk: Desk) -> None:
    page = signed_in(contexts, desk, "leader")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{desk.url}/savings?period=all")
    page.locator(READY).wait_for()
    page.get_by_role("button", name="视图").click()
    page.locator(".st-key-view-name input").fill("历年成交")
    page.get_by_role("button", name="保存", exact=True).click()
    page.get_by_role("button", name="历年成交").wait_for()  # of the screen one is on: a choice, not a link
    page.locator("[class*=st-key-view-other-] button").first.click()
    page.locator("[class*=st-key-view-first-] button").first.wait_for()
    page.goto(f"{desk.url}/hall")
    page.locator(READY).wait_for()
    page.get_by_role("button", name="视图").click()
    page.get_by_role("link", name="历年成交").click()
    page.wait_for_url("**/savings?period=all")
    expect(page.locator(".st-key-filter-period input")).to_have_value(re.compile("全部时间"))
    page.goto(f"{desk.url}/")
    page.wait_for_url("**/savings?period=all")
    page.close()
