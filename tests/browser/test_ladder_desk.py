"""The desk's player on the same ladder: UDP shut, then HLS as well; hls.js comes from the desk itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from records.states import append_event
from tests.browser.ladder_site import Network, Publisher
from tests.browser.public_site import FLAGS, HubProcess
from tests.chromium import HEADLESS
from tests.dashboard.live_market import BIDDERS, PASSWORD, PUBLISH_TOKEN, process, seed
from tests.ledgers import new_ledger
from tests.needed import needed
from tests.ports import free_port
from web import HLS_JS

pytestmark = [pytest.mark.browser, pytest.mark.server]

DESK = """
from pathlib import Path
from dashboard.config import DeskConfig
from dashboard.serve import serve
serve(DeskConfig(database_url={url!r}, data_dir=Path({data!r}), port={port}, hub_url={hub!r}))
"""
FIND = """() => {
  const find = (root) => { for (const el of root.querySelectorAll('*')) {
    if (el.tagName === 'VIDEO') return el;
    const inner = el.shadowRoot && find(el.shadowRoot); if (inner) return inner; } };
  const video = find(document);
  return [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames, video.currentSrc.slice(0, 5)];
}"""


@dataclass
class Room:
    """A desk's page on an opening, and the hub whose room it shows."""

    page: Page
    hub: HubProcess


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    ledger = new_ledger(tmp_path / "ledger.db")
    seed(ledger)
    with ledger.write() as session:
        bidders = [{"no": n, "name": name} for n, name in enumerate(BIDDERS, start=1)]
        append_event(session, "O-L1", "bidders_published", {"count": 3, "bidders": bidders}, actor="test")
    hub = HubProcess(str(ledger.url), tmp_path / "data")
    hub.start()
    port = free_port()
    code = DESK.format(url=str(ledger.url), data=str(tmp_path / "data"), port=port, hub=hub.address)
    with (
        process(code, port, tmp_path / "desk.log"),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=HEADLESS, args=FLAGS)
        yield Room(signed_in(browser, f"http://127.0.0.1:{port}"), hub)
        browser.close()
    hub.stop()
    ledger.close()


def signed_in(browser: Browser, desk: str) -> Page:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=desk
    )
    answer = context.request.post("/auth/login", form={"name": "operator", "password": PASSWORD})
    assert answer.ok
    return context.new_page()


def test_the_desks_picture_goes_down_and_up(room: Room) -> None:
    """Without a camera nothing is asked for in vain, however the picture is chosen; then one comes, and UDP is shut."""
    needed(HLS_JS.is_file(), "hls.js")
    page, red = room.page, list[str]()
    page.on("console", lambda said: red.append(said.text) if said.type == "error" else None)
    page.add_init_script("localStorage.picture ??= 'near'")
    page.goto("/room?opening=O-L1")
    badge = page.locator(".pic .tag.real")
    expect(badge).to_have_attribute("title", re.compile("尚未到达"), timeout=20_000)
    page.wait_for_timeout(1500)  # it tries again meanwhile
    assert not red
    with Publisher(room.hub, "yh-01", PUBLISH_TOKEN):
        expect(badge).to_have_text("准实时", timeout=30_000)
        assert not red
        page.evaluate("localStorage.picture = 'auto'")
        _goes_down_and_up(page)


def _goes_down_and_up(page: Page) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security" in said.text else None)
    network = Network(page)
    network.shut_udp()
    page.goto("/room?opening=O-L1")
    badge = page.locator(".pic .tag.real")
    expect(badge).to_have_text("准实时", timeout=60_000)
    assert "UDP" in (badge.get_attribute("title") or "")
    before = page.evaluate(FIND)
    page.wait_for_timeout(1500)
    after = page.evaluate(FIND)
    assert after[0] > before[0] + 0.7 and after[1] > before[1] + 10 and after[2] == "blob:"
    network.shut_hls()
    expect(badge).to_have_text("文字", timeout=20_000)
    expect(page.locator(".pic .slate")).to_be_visible()
    network.open_udp()
    expect(badge).to_have_text("实时", timeout=40_000)
    expect(page.locator(".pic .slate")).to_be_hidden()
    assert not refused
