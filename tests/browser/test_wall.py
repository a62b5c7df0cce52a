"""The wall in a real browser: no scrolling at either size, a display's token and its end, lost connections, days of turning."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from dashboard import screens
from dashboard.access import displays
from tests.browser.contexts import Contexts
from tests.browser.test_desk_accessibility import HAN, NAMES, Desk, desk
from tests.dashboard.conftest import BIDDERS

__all__ = ["desk"]
pytestmark = [pytest.mark.browser, pytest.mark.server]

PATIENCE = 60_000
"""Milliseconds: a busy machine draws late."""
FULL_HD, UHD = (1920, 1080), (3840, 2160)
SMALLEST = 17.5
"""Pixels of the canvas: 18, less what scaling a drawing may round away."""

TROUBLES = """smallest => {
  const canvas = document.querySelector('.canvas').getBoundingClientRect(), scale = canvas.width / 1920, found = [];
  if (document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth) found.push('scrolls');
  for (const element of document.querySelectorAll('.canvas *')) {
    if (element.closest('.vh') || ![...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    let size = parseFloat(getComputedStyle(element).fontSize);
    if (element.getScreenCTM) size *= element.getScreenCTM().a / scale;
    if (size < smallest && element.tagName !== 'title') found.push(`${size} px: ${element.textContent.slice(0, 20)}`);
  }
  for (const panel of document.querySelectorAll('.canvas .p')) {
    const box = panel.getBoundingClientRect();
    if (box.bottom > canvas.bottom + 1 || box.right > canvas.right + 1) found.push(`outside: ${panel.dataset.panel}`);
    for (const part of panel.querySelectorAll('.body > *'))
      if (part.getBoundingClientRect().bottom > box.bottom + 1) found.push(`spills: ${panel.dataset.panel}`);
  }
  return found;
}"""


def token(desk: Desk, name: str, *slugs: str, seconds: int = 3600) -> str:
    """A new display of this desk; revoked by the end of the test that made it, if not before."""
    with desk.ledger.write() as session:
        return displays.add(session, name, slugs, seconds)


def revoke(desk: Desk, name: str) -> None:
    with desk.ledger.write() as session:
        displays.revoke(session, name)


@pytest.fixture
def page(contexts: Contexts, desk: Desk, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser on a wall; nothing on it may fail or be refused."""
    width, height = getattr(request, "param", FULL_HD)
    yield from flawless(contexts.take(desk.url, viewport={"width": width, "height": height}).new_page())


@pytest.fixture
def first_page(browser: Browser) -> Iterator[Page]:
    """The same in a process of the browser that has shown nothing before, whose memory is this page's."""
    width, height = FULL_HD
    context = browser.new_context(viewport={"width": width, "height": height})
    yield from flawless(context.new_page())
    context.close()


def flawless(page: Page) -> Iterator[Page]:
    wrong: list[str] = []
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and ours(said.text) else None
    )
    yield page
    page.close()
    assert not wrong


def ours(text: str) -> bool:
    """Whether an error is the wall's: there is no hub in these tests, and connections are cut on purpose."""
    return "/feeds/" not in text and "401" not in text


def shown(page: Page, desk: Desk, name: str, *slugs: str, query: str = "", seconds: int = 3600) -> None:
    """A display's first screen, entered by its token."""
    page.goto(f"{desk.url}/auth/display#{token(desk, name, *slugs, seconds=seconds)}")
    page.wait_for_url("**kiosk=1**")
    if query:
        page.goto(f"{desk.url}/?kiosk=1&{query}")
    page.locator("[data-panel]").first.wait_for()


@pytest.mark.parametrize("page", [FULL_HD, UHD], indirect=True, ids=["1920x1080", "3840x2160"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_screen_scrolls_and_every_word_is_large_enough(page: Page, desk: Desk, lang: str) -> None:
    name = f"sizes-{lang}-{page.viewport_size['width']}"  # type: ignore[index]
    shown(page, desk, name, query=f"lang={lang}&period=all")
    for slug in screens.WALL:
        expect(page.locator(".bar0 h1")).to_have_text(screens.BY_SLUG[slug].name(lang))
        page.locator("[data-panel]").first.wait_for()
        assert page.evaluate(TROUBLES, SMALLEST) == [], slug
        text = page.locator(".canvas").inner_text()
        if lang == "en":
            assert [line for line in text.split("\n") if HAN.search(NAMES.sub("", line))] == [], slug
        assert not [key for key in BIDDERS if key in text] and "投标企业" not in text
        page.keyboard.press("ArrowRight")


def test_a_token_opens_the_wall_and_nothing_else_until_it_is_revoked(page: Page, desk: Desk) -> None:
    held = token(desk, "lobby", "overview", "savings")
    page.goto(f"{desk.url}/auth/display#{held}")
    page.wait_for_url(f"{desk.url}/overview?kiosk=1")
    page.locator("[data-panel=market_totals]").wait_for()
    assert held not in page.evaluate(
        "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"
    )
    other = page.context.new_page()
    for closed in ("/overview", "/warnings", "/rings?kiosk=1", "/admin"):
        other.goto(desk.url + closed)
        assert "/auth/sign-in" in other.url, closed
    assert page.context.request.get(f"{desk.url}/api/warnings").status == 401
    assert page.context.request.get(f"{desk.url}/export/lots.csv").status == 401
    other.close()
    revoke(desk, "lobby")
    page.locator(".out").wait_for(timeout=15_000)
    expect(page.locator(".out h2")).to_have_text("展示已停止")
    assert page.locator("[data-panel]").count() == 0
    page.reload()
    page.wait_for_url("**/auth/sign-in**")


def test_a_wrong_token_is_refused_in_words(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/auth/display#guessed")
    expect(page.locator("#entering")).to_contain_text("令牌无效或已撤销")
    assert page.url == f"{desk.url}/auth/display"


def test_the_playlist_turns_by_itself_and_can_be_paused(page: Page, desk: Desk) -> None:
    shown(page, desk, "turning", "savings", "competition", seconds=5)
    page.wait_for_url("**/competition?kiosk=1")
    page.wait_for_url("**/savings?kiosk=1")
    page.get_by_role("button", name="暂停").click()
    page.wait_for_timeout(1000)  # the ring of the screen that came just now is drawn
    before = page.locator(".nx text").text_content()
    page.wait_for_timeout(6000)
    assert page.url.endswith("/savings?kiosk=1") and page.locator(".nx text").text_content() == before
    page.get_by_role("button", name="继续").click()
    page.wait_for_url("**/competition?kiosk=1")
    assert page.evaluate("history.length") < 6, "days of turning leave no history behind"


def test_a_link_reopens_the_same_wall(browser: Browser, page: Page, desk: Desk) -> None:
    shown(page, desk, "linked", query="screens=competition,hall,savings&every=900&period=all&lang=en")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bar0 h1")).to_have_text(screens.BY_SLUG["savings"].name("en"))
    twin = browser.new_context(storage_state=page.context.storage_state()).new_page()
    twin.goto(page.url)
    twin.locator("[data-panel=deals]").wait_for()
    expect(twin.locator(".nx")).to_contain_text("Screen 3 of 3")
    expect(twin.locator(".nx text")).to_have_text(re.compile(r"^(900|8\d\d)$"))
    words = [one.locator("[data-panel=deals]").inner_text() for one in (page, twin)]
    twin.context.close()
    assert words[0] == words[1]


class Line:
    """The feed's way through the test: as it is, silent (open, and nothing comes), or cut."""

    def __init__(self, page: Page) -> None:
        self.state, self.open = "whole", []
        page.route_web_socket(re.compile("/feeds/wall"), self.join)

    def join(self, socket: WebSocketRoute) -> None:
        if self.state == "cut":
            socket.close(code=1013)
            return
        server = socket.connect_to_server()
        server.on_message(lambda message: socket.send(message) if self.state == "whole" else None)
        self.open.append(socket)

    def cut(self) -> None:
        self.state = "cut"
        for socket in self.open:
            socket.close(code=1013)


def test_a_lost_connection_is_said_and_comes_back_by_itself(page: Page, desk: Desk) -> None:
    line = Line(page)
    shown(page, desk, "lost", "savings")
    alarm = page.locator(".alarm")
    expect(alarm).to_be_hidden()
    line.cut()
    expect(alarm).to_contain_text(re.compile(r"连接中断：画面停在 \d\d:\d\d:\d\d"), timeout=20_000)
    assert page.locator("[data-panel=deals]").count() == 1, "what stood there stays, and says how old it is"
    line.state = "whole"
    expect(alarm).not_to_contain_text("连接中断", timeout=30_000)


def test_a_desk_that_falls_silent_is_said_too(page: Page, desk: Desk) -> None:
    line = Line(page)
    shown(page, desk, "silent", "savings")
    line.state = "silent"
    expect(page.locator(".alarm")).to_contain_text("连接中断", timeout=20_000)


# ── days ─────────────────────────────────────────────────────────────────────

GROWTH, NODES = 1 << 20, 300
"""Bytes of the script's heap, and nodes of the page, that many turns of the playlist may leave behind."""
COLLECTED = 20
"""Seconds in which the browser gives back the screen before the last one: it holds on to what was drawn a moment ago, a leak
stays for good."""


@pytest.mark.parametrize(
    "turns", [70, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_memory_stays_flat_however_often_it_turns(first_page: Page, desk: Desk, turns: int) -> None:
    page = first_page
    shown(page, desk, f"days-{turns}")
    spent = page.context.new_cdp_session(page)
    spent.send("Performance.enable")
    turn(page, 2 * len(screens.WALL))
    before = measured(spent)
    turn(page, turns)
    deadline = time.monotonic() + COLLECTED
    while (after := measured(spent)) and not flat(before, after) and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    print(f"{turns} turns: heap {before} → {after}")
    assert flat(before, after), (before, after)


def flat(before: dict[str, int], after: dict[str, int]) -> bool:
    grown = {name: after[name] - before[name] for name in after}
    return grown["JSHeapUsedSize"] < GROWTH and max(grown["Nodes"], grown["JSEventListeners"]) < NODES


def turn(page: Page, times: int) -> None:
    """Turn the playlist, each screen drawn before the next; ends at the screen it began with if that divides."""
    for _ in range(times):
        page.keyboard.press("ArrowRight")
        page.locator("[data-panel]").first.wait_for()


def measured(spent: Any) -> dict[str, int]:
    spent.send("HeapProfiler.collectGarbage")
    found = spent.send("Performance.getMetrics")["metrics"]
    wanted = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
    return {one["name"]: int(one["value"]) for one in found if one["name"] in wanted}
