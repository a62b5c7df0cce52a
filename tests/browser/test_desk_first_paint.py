"""The first load of the desk on a slow machine: nothing is shown without its style, nothing flashes, nothing jumps."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

from tests.browser.test_desk_accessibility import READY, Desk, desk
from tests.dashboard import conftest as small

__all__ = ["desk"]
pytestmark = [pytest.mark.browser, pytest.mark.server]

SLOWER = 6
"""How many times slower the processor is made."""
WATCH = """
window.seen = {bare: [], shift: 0, moved: []};
new PerformanceObserver(list => {
  for (const e of list.getEntries()) {
    window.seen.shift += e.value;
    if (e.value > 0.02) window.seen.moved.push(e.value.toFixed(3) + " " + e.sources.map(s =>
      `${s.node?.className || s.node?.nodeName} ${[s.previousRect, s.currentRect].map(r => [r.y, r.height].map(Math.round))}`).join("; "));
  }
}).observe({type: "layout-shift", buffered: true});
const look = () => {
  for (const el of document.querySelectorAll("h1, .sb-brand, .sb-me, [data-testid=stPageLink] a, .kpi, p.foot, button")) {
    if (!el.getClientRects().length || getComputedStyle(el).visibility === "hidden") continue;
    if (!getComputedStyle(el).getPropertyValue("--ground")) window.seen.bare.push(el.className || el.tagName);
  }
  requestAnimationFrame(look);
};
look();
"""
STAYS = """
window.hidden = [];
const watch = () => {
  const screen = document.querySelector("[data-testid=stMainBlockContainer]");
  if (getComputedStyle(screen).visibility === "hidden") window.hidden.push(["h1", ".whole", ".kpi", "[data-testid=stSkeleton]"].map(what => screen.querySelectorAll(what).length) + document.querySelector(".stApp").dataset.testScriptState);
  requestAnimationFrame(watch);
};
watch();
"""
GROUND = {"light": (0xF6, 0xF8, 0xFB), "dark": (0x0B, 0x1A, 0x33)}


@dataclass
class Film:
    """What was painted, picture by picture, and what the page noticed of itself."""

    pictures: list[tuple[float, bytes]] = field(default_factory=list)
    """When each was painted, in seconds, and the picture."""
    seen: dict[str, Any] = field(default_factory=dict)

    def corners(self) -> set[tuple[int, ...]]:
        """The colour at the lower right of each picture, where a screen shows its ground."""
        found = set()
        for moment, picture in self.pictures:
            if moment < self.seen["painted"]:
                continue  # still the page before
            image = Image.open(io.BytesIO(picture)).convert("RGB")
            found.add(image.getpixel((image.width - 6, image.height - 6)))
        return found  # type: ignore[return-value]


FirstLoad = Callable[[str, str], Film]


def film(browser: Browser, desk: Desk, slug: str, scheme: Any) -> Film:
    """Load a screen for the first time, on a processor six times slower."""
    made = Film()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    form = {"name": "supervisor", "password": small.PASSWORD}
    assert context.request.post(f"{desk.url}/auth/login", form=form).ok
    page = context.new_page()
    page.add_init_script(WATCH)
    wire = context.new_cdp_session(page)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def keep(frame: dict[str, Any]) -> None:
        made.pictures.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))
        wire.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    wire.on("Page.screencastFrame", keep)
    wire.send("Page.startScreencast", {"format": "png", "maxWidth": 720, "maxHeight": 450})
    page.goto(f"{desk.url}/{slug}", wait_until="commit")
    page.locator(READY).wait_for(timeout=120_000)
    page.locator("h1").first.wait_for(timeout=120_000)
    page.locator(".sb-me").wait_for(timeout=120_000)
    wire.send("Page.stopScreencast")
    made.seen = page.evaluate(
        "({...window.seen, painted: (performance.timeOrigin + performance.getEntriesByName('first-paint')[0].startTime) / 1000})"
    )
    context.close()
    return made


@pytest.fixture(scope="module")
def first_load(browser: Browser, desk: Desk) -> FirstLoad:
    """The film of a screen in a colour scheme: its first load, which several tests look at, is filmed once."""
    return cache(partial(film, browser, desk))


@pytest.mark.parametrize("slug", ["overview", "warnings"])
def test_nothing_is_shown_without_its_style_and_nothing_jumps(first_load: FirstLoad, slug: str) -> None:
    made = first_load(slug, "light")
    assert len(made.pictures) > 3
    assert made.seen["bare"] == []
    assert made.seen["shift"] < 0.1, "\n".join(made.seen["moved"])


def test_a_screen_comes_into_sight_whole_and_stays_through_a_choice(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    form = {"name": "supervisor", "password": small.PASSWORD}
    assert context.request.post(f"{desk.url}/auth/login", form=form).ok
    page = context.new_page()
    page.goto(f"{desk.url}/overview")
    page.locator(".kpi").first.wait_for(timeout=60_000)
    assert page.locator(".whole").count() == 1, "nothing is shown before the screen's last piece is there"
    assert page.locator(".kpi").count() == page.locator(".kpi:visible").count() > 1
    page.evaluate(STAYS)
    page.get_by_text("环比", exact=True).click()
    page.get_by_text("环比 —").first.wait_for(timeout=60_000)
    page.locator(READY).wait_for(timeout=60_000)
    assert page.evaluate("window.hidden") == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ground_is_there_from_the_first_picture_on(first_load: FirstLoad, scheme: str) -> None:
    corners = first_load("overview", scheme).corners()
    assert corners == {GROUND[scheme]}


@pytest.mark.parametrize(
    "part", ["**/static/js/index.*.js", "**/static/js/BidiComponent.*.js", "**/web/**/warnings.js"]
)
def test_a_part_that_did_not_come_is_fetched_once_more(browser: Browser, desk: Desk, part: str) -> None:
    """Streamlit's script, one of the parts it asks for later, one of ours: as when the line changes meanwhile."""
    context = browser.new_context(locale="zh-CN")
    form = {"name": "supervisor", "password": small.PASSWORD}
    assert context.request.post(f"{desk.url}/auth/login", form=form).ok
    page, lost = context.new_page(), []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.url)
        route.abort("connectionreset")

    page.route(part, lose_the_first)
    page.goto(f"{desk.url}/warnings")
    page.locator(".stream").wait_for(timeout=60_000)
    assert lost
    assert page.get_by_text("TypeError").count() == 0
    context.close()
