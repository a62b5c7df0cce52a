"""Everyone can read the public pages: axe finds nothing serious, in either language, colours and text size; by keyboard too."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from records.clock import now
from tests.browser.contexts import Contexts
from tests.browser.public_site import HubProcess
from tests.ledgers import new_ledger
from tests.streaming import history
from tests.streaming import hub_market as market
from tests.streaming.film import replayed, shoot
from tests.streaming.test_hub_api import until

pytestmark = pytest.mark.browser

PAGES = {
    "hall": "/", "search": "/?q=xx", "schedule": "/?view=schedule", "replay": "/?view=replay", "live": "/room/hz-01",
    "idle": "/room/hz-02", "opening": "/opening/O1", "history": "/opening/KB-H1", "project": "/project/XM-H1",
    "market": "/market", "verify": "/verify?opening=O1", "unknown": "/verify?opening=none", "publish": "/publish/hz-01",
    "missing": "/none", "replayed": "/opening/O9",
}  # fmt: skip
LOOKS = [("zh", "light", 1, 1440), ("en", "dark", 1, 390), ("zh", "dark", 3, 390), ("en", "light", 3, 1440)]
WIDTHS = (320, 390, 721, 1001, 1024, 1280, 1440, 1920)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """One opening being read, one announced, one of a year ago with its award."""
    book = new_ledger(tmp_path_factory.mktemp("axe") / "ledger.db")
    market.rooms(book)
    past = now() - timedelta(days=365)
    history.send(book, *history.lot(past), *history.award(past))
    market.opening(book, "O1", title="示例学校一标段")
    market.opening(book, "O2", room="hz-02", at=now() + timedelta(days=1), title="示例医院")
    market.begin(book, "O1", count=60)
    market.event(book, "O1", "control_price", amount="28000000")
    market.event(book, "O1", "coefficient_drawn", kind="浮动系数", value="0.97")
    for number in range(1, 30):
        market.read(book, "O1", number)
    market.event(book, "O1", "objection", no=1, content="解密截止以哪个时钟为准？")
    market.event(book, "O1", "objection_answered", no=1, answer="以国家标准时间为准。")
    data = tmp_path_factory.mktemp("hub") / "data"
    replayed(book, data, shoot(tmp_path_factory.mktemp("film") / "film.mp4", 20), count=60)
    process = HubProcess(str(book.url), data)
    process.start()
    limit = time.monotonic() + 60
    while "第 29 号" not in httpx.get(f"{process.address}/room/hz-01").text:
        assert time.monotonic() < limit
        time.sleep(0.1)
    yield process
    process.stop()
    book.close()


def opened(contexts: Contexts, hub: HubProcess, width: int, colours: Any, size: int) -> Page:
    context = contexts.take(
        hub.address,
        viewport={"width": width, "height": 900},
        base_url=hub.address,
        color_scheme=colours,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('size', '{size}')")
    return page


def address(path: str, lang: str) -> str:
    return path + ("&" if "?" in path else "?") + f"lang={lang}"


@pytest.mark.parametrize(("lang", "colours", "size", "width"), LOOKS)
def test_axe_finds_nothing_serious(
    contexts: Contexts, hub: HubProcess, lang: str, colours: str, size: int, width: int
) -> None:
    page, axe, found = opened(contexts, hub, width, colours, size), Axe(), []
    for name, path in PAGES.items():
        page.goto(address(path, lang))
        for broken in axe.run(page).response["violations"]:
            if broken["impact"] in {"serious", "critical"}:
                found += [(name, broken["id"], node["html"][:120]) for node in broken["nodes"]]
    page.close()
    assert not found


OVERLAPS = """() => {
  const shown = [...document.querySelectorAll(".top > .brand, .top nav a, .top .clock, .top .prefs summary, .top .prefs .seg, #theme")]
    .map((node) => ({ text: node.textContent.trim().slice(0, 20), box: node.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && box.height > 0);
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const clashes = shown.flatMap((one, i) => shown.slice(i + 1).filter((other) => over(one.box, other.box))
    .map((other) => `${one.text} / ${other.text}`));
  const top = document.querySelector(".top"), root = document.documentElement;
  if (root.scrollWidth > innerWidth) clashes.push(`page ${root.scrollWidth} wide`);
  if (top.scrollWidth > top.clientWidth) clashes.push(`head ${top.scrollWidth} in ${top.clientWidth}`);
  return clashes;
}"""


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_in_the_head_overlaps_in_any_text_size(
    contexts: Contexts, hub: HubProcess, lang: str, size: int
) -> None:
    page = opened(contexts, hub, WIDTHS[0], "light", size)
    page.goto(address("/", lang))
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(60)  # the menu folds or unfolds with the width
        found[width] = page.evaluate(OVERLAPS)
    page.close()
    assert not {width: clashes for width, clashes in found.items() if clashes}


MOVED = "(id) => { const n = document.getElementById(id); return n.scrollLeft + n.scrollTop > 0; }"


def test_step_strip_log_and_objections_are_reached_and_moved_by_keyboard(
    contexts: Contexts, hub: HubProcess
) -> None:
    page = opened(contexts, hub, 390, "light", 3)
    page.goto("/room/hz-01")
    expect(page.locator("#rows tr")).to_have_count(50)
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"step", "scroll", "lines", "qa"} <= reached
    for key in ("step", "lines"):
        page.locator(f"#{key}").evaluate("node => { node.scrollTo(0, 0); node.focus(); }")
        page.keyboard.press("ArrowRight" if key == "step" else "ArrowDown")
        until(lambda key=key: page.evaluate(MOVED, key), True)  # type: ignore[misc]
    page.close()


def test_every_page_has_a_title_of_its_own(hub: HubProcess) -> None:
    addresses = [
        *PAGES.values(),
        "/opening/KB-H1",
        "/verify",
        "/?view=schedule&day=2025-01-02",
    ]
    titles = {}
    for path in dict.fromkeys(addresses):
        for lang in ("zh", "en"):
            html = httpx.get(hub.address + address(path, lang)).text
            titles[path, lang] = re.search(r"<title>(.*?)</title>", html, re.S)[1]  # type: ignore[index]
    assert len(set(titles.values())) == len(titles), sorted(titles.items(), key=lambda item: item[1])


NAMES = re.compile(r"示例\S*|城北\S*|望潮\S*|开标[一二]室|解密截止\S*|以国家标准时间\S*|中文|第\d+公司")


def test_english_pages_have_no_chinese_but_names_and_what_people_said(hub: HubProcess) -> None:
    for name, path in PAGES.items():
        html = httpx.get(hub.address + address(path, "en")).text
        text = re.sub(r"<[^>]+>", "\n", html)
        left = {
            line.strip() for line in text.split("\n") if re.search(r"[\u4e00-\u9fff]", NAMES.sub("", line))
        }
        assert not left, name


def test_what_a_link_is_called_holds_no_name_of_an_icon(contexts: Contexts, hub: HubProcess) -> None:
    page = opened(contexts, hub, 1440, "light", 1)
    static = re.search(r'"(/static/[^"]+)/site.css', httpx.get(hub.address).text)[1]  # type: ignore[index]
    icons = set(re.findall(r'id="([a-z]+)"', httpx.get(f"{hub.address}{static}/icons.svg").text))
    assert "verify" in icons
    for path in PAGES.values():
        page.goto(address(path, "zh"))
        for called in (
            page.get_by_role("link").all_text_contents() + page.get_by_role("button").all_text_contents()
        ):
            assert not icons & set(re.findall(r"(?<![\w.])[a-z_]+(?![\w.])", called)), (
                called
            )  # a file's name is none
    page.close()
