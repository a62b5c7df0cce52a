"""The replay in a real browser: a click on a bidder goes to the second of the reading, and everything works by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from records.clock import BEIJING
from records.ledger import Ledger
from tests.browser.public_site import HubProcess
from tests.streaming import hub_market as market
from tests.streaming.film import replayed, shoot, shoot_webm

pytestmark = pytest.mark.browser

COUNT = 60
HIDDEN = "() => [...document.querySelectorAll('#rows tbody tr')].filter((row) => !row.hidden).length"
READY = "() => { const video = document.getElementById('video'); return video.readyState >= 2 && !video.controls; }"
"""The movie is there, and the page's own controls have taken over from the browser's: they listen to keys."""
SECOND = "() => document.getElementById('video').currentTime"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, datetime]]:
    """A hub with one opening that was recorded and is over."""
    book = Ledger(f"sqlite:///{tmp_path_factory.mktemp('replay') / 'ledger.db'}")
    book.upgrade()
    market.rooms(book)
    data = tmp_path_factory.mktemp("hub") / "data"
    films = tmp_path_factory.mktemp("film")
    start = replayed(book, data, shoot(films / "film.mp4", 20), COUNT)
    replayed(book, data, shoot_webm(films / "film.webm", 20, rate=10), 5, "O8")
    process = HubProcess(str(book.url), data)
    process.start()
    yield process, start
    process.stop()
    book.close()


@pytest.fixture
def page(browser: Browser, hub: tuple[HubProcess, datetime]) -> Iterator[Page]:
    context = browser.new_context(base_url=hub[0].address, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto("/opening/O9")
    page.wait_for_function(READY)
    yield page
    context.close()


def shown(page: Page) -> str:
    return page.locator("#wall").inner_text()


def test_a_click_on_a_bidder_goes_to_the_second_it_was_read(
    page: Page, hub: tuple[HubProcess, datetime]
) -> None:
    read = page.locator("#rows tbody tr:nth-child(7) .at a")
    said = read.inner_text()
    read.click()
    page.wait_for_function(
        "() => document.getElementById('video').readyState >= 2 && !document.getElementById('video').paused"
    )
    page.locator("#play").click()
    seconds = (
        datetime.strptime(shown(page), "%H:%M:%S") - datetime.strptime(said, "%H:%M:%S")
    ).total_seconds()
    assert 0 <= seconds <= 3
    assert hub[1].astimezone(BEIJING).strftime("%H:") == said[:3]
    link = page.evaluate("location.href")
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_function(f"() => document.getElementById('wall').textContent >= '{said}'")


def test_what_was_paused_is_skipped_and_said(page: Page) -> None:
    expect(page.locator(".leftout")).to_contain_text("暂停，画面不公开：设备故障")
    assert page.locator("#marks .left").count() == 1 and page.locator("#parts i").count() == 2
    page.locator("#marks .left").click()
    assert page.evaluate(SECOND) < 8
    expect(page.locator("#missed")).to_contain_text(re.compile("没有公开画面，从 .* 放起"))


def test_everything_goes_by_keys(page: Page) -> None:
    page.keyboard.press(".")
    page.wait_for_function("() => document.getElementById('video').currentTime > 0.03")
    page.keyboard.press(",")
    page.wait_for_function("() => document.getElementById('video').currentTime < 0.02")
    page.keyboard.press("l")
    page.wait_for_function("() => document.getElementById('video').currentTime > 9")
    for key, rate in ((">", 1.25), (">", 1.5), ("<", 1.25)):
        page.keyboard.press(key)
        assert page.evaluate("document.getElementById('video').playbackRate") == rate
    page.keyboard.press("m")
    page.wait_for_function("() => document.getElementById('video').muted")
    page.keyboard.press("k")
    page.wait_for_function("() => !document.getElementById('video').paused")
    page.keyboard.press(" ")
    page.wait_for_function("() => document.getElementById('video').paused")
    page.locator("#find").press("k")
    assert page.evaluate("document.getElementById('video').paused")


def test_a_step_is_one_picture_of_the_film_whatever_its_rate(page: Page) -> None:
    page.goto("/opening/O8")  # ten pictures a second
    page.wait_for_function(READY)
    page.evaluate(PICTURES_KEPT)
    page.keyboard.press("k")
    page.wait_for_function("() => window.pictures.length > 5")
    page.keyboard.press("k")
    page.wait_for_timeout(500)  # what is on its way when the film is stopped is still shown
    seen = page.evaluate("window.pictures.length")
    for step in range(1, 6):
        page.keyboard.press(".")
        page.wait_for_function(f"() => window.pictures.length == {seen + step}")
    *_, first, second, third, fourth = page.evaluate("window.pictures")
    assert max(second - first, third - second, fourth - third) < 1.5 * min(second - first, fourth - third)


def test_the_other_camera_goes_on_at_the_same_moment(page: Page) -> None:
    page.locator("#rows tbody tr:nth-child(30) .at a").click()
    page.locator("#play").click()
    before = shown(page)
    page.evaluate(CLOCK_KEPT)
    page.locator("#cameras button[data-camera=far]").click()
    page.wait_for_function(
        "() => document.getElementById('video').src.includes('far-1') && document.getElementById('video').readyState >= 2"
    )
    page.wait_for_function("() => document.getElementById('video').currentTime > 2")
    for moment in [shown(page), *page.evaluate("window.moments")]:
        assert apart(moment, before) <= 1, "not for a blink does the clock jump to the beginning"


def test_a_camera_changed_while_the_other_still_loads_goes_on_at_the_moment_asked_for(page: Page) -> None:
    asked = page.locator("#rows tbody tr:nth-child(30) .at a")
    page.evaluate(
        """() => { for (const camera of ["far", "main", "far"]) document.querySelector(`#cameras button[data-camera=${camera}]`).click();
                   document.querySelector("#rows tbody tr:nth-child(30) .at a").click();
                   document.querySelector("#cameras button[data-camera=main]").click(); }"""
    )
    page.wait_for_function(
        "() => document.getElementById('video').src.includes('main-1') && document.getElementById('video').currentTime > 2"
    )
    assert apart(shown(page), asked.inner_text()) <= 3
    page.wait_for_function("() => !document.getElementById('video').paused")


PICTURES_KEPT = """() => {
  const video = document.getElementById("video");
  window.pictures = [];
  const see = (_now, { mediaTime }) => { window.pictures.push(mediaTime); video.requestVideoFrameCallback(see); };
  video.requestVideoFrameCallback(see);
}"""
"""Keeps the time of each picture that is shown."""
CLOCK_KEPT = """() => { window.moments = []; const clock = document.getElementById("wall");
    new MutationObserver(() => window.moments.push(clock.textContent)).observe(clock, { childList: true, characterData: true, subtree: true }); }"""
"""Keeps every moment the replay's clock shows from now on in `window.moments`."""


def apart(one: str, other: str) -> float:
    """Seconds between two clock times of a day."""
    return abs((datetime.strptime(one, "%H:%M:%S") - datetime.strptime(other, "%H:%M:%S")).total_seconds())


def test_captions_say_what_is_read_and_the_row_is_marked(page: Page) -> None:
    page.locator("#rows tbody tr:nth-child(20) .at a").click()
    page.locator("#play").click()
    expect(page.locator("#cap")).to_contain_text(re.compile("第 2[0-9] 号"))
    expect(page.locator("#rows tr.cur")).to_have_count(1)
    page.locator("#captions").click()
    expect(page.locator("#cap")).to_be_hidden()


def test_bidders_are_paged_searched_by_initials_and_printed_whole(page: Page) -> None:
    page.wait_for_function(f"({HIDDEN})() === 50", timeout=20_000)  # the script has paged the list
    assert page.evaluate(HIDDEN) == 50
    page.locator("#pages button", has_text="2").click()
    assert page.evaluate(HIDDEN) == COUNT - 50
    page.locator("#find").fill("sljsd7")
    assert page.evaluate(HIDDEN) == 1
    page.locator("#find").fill("12")
    assert page.evaluate(HIDDEN) == 1
    page.emulate_media(media="print")
    visible = "() => [...document.querySelectorAll('#rows tbody tr')].filter((row) => getComputedStyle(row).display !== 'none').length"
    assert page.evaluate(visible) == COUNT
    expect(page.locator("#player")).to_be_hidden()


def test_without_scripts_the_film_and_the_text_are_there(
    browser: Browser, hub: tuple[HubProcess, datetime]
) -> None:
    context = browser.new_context(base_url=hub[0].address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/opening/O9?lang=en")
    assert page.locator("video").get_attribute("controls") is not None
    assert page.locator("video track").get_attribute("src") == "/api/openings/O9/replay/main-1.vtt?lang=en"
    assert page.locator("#rows tbody tr:visible").count() == COUNT
    expect(page.locator(".ctl")).to_be_hidden()
    context.close()


def test_pictures_in_vp8_are_played_and_sought_as_well(page: Page) -> None:
    page.goto("/opening/O8")
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    assert page.locator("#video").evaluate("v => v.currentSrc").endswith("/main-1.webm")
    page.locator("#rows tbody tr:nth-child(5) .at a").click()
    page.wait_for_function("() => document.getElementById('video').currentTime > 5")
    page.wait_for_function(
        "() => document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames > 5"
    )
    moment = shown(page)
    page.locator("#cameras button").nth(1).click()
    page.wait_for_function("() => document.getElementById('video').currentSrc.endsWith('/far-1.webm')")
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    assert (
        abs(
            (
                datetime.strptime(shown(page), "%H:%M:%S") - datetime.strptime(moment, "%H:%M:%S")
            ).total_seconds()
        )
        <= 4
    )
