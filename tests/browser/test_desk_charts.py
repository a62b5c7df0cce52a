"""Charts and tables of the desk in a real browser, under its content policy: pointed at, clicked, ticked, saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.charts.sites import Node, ring_map
from dashboard.charts.theme import DAY, palette
from records.clock import local_now
from tests.browser.contexts import Contexts
from tests.browser.test_desk_accessibility import READY, Desk, desk, signed_in

__all__ = ["desk"]
pytestmark = [pytest.mark.browser, pytest.mark.server]

PATIENCE = 60_000
"""Milliseconds: a busy machine draws late."""


@pytest.fixture
def page(contexts: Contexts, desk: Desk) -> Iterator[Page]:
    """A supervisor's page; nothing on it may be refused by the policy or ask anybody else."""
    page, refused = signed_in(contexts, desk, "supervisor"), []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.on("request", lambda sent: refused.append(sent.url) if outside(sent.url, desk) else None)
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()
    assert not refused


def outside(url: str, desk: Desk) -> bool:
    return url.startswith("http") and not url.startswith(desk.url)


def opened(page: Page, desk: Desk, address: str, panel: str) -> Locator:
    """A panel of a screen, its chart drawn."""
    page.goto(f"{desk.url}/{address}")
    page.locator(READY).wait_for()
    found = page.locator(f".st-key-panel-{panel}")
    found.locator("svg.marks").wait_for()
    return found


def test_a_mark_says_its_figure_and_narrows_the_screen(page: Page, desk: Desk) -> None:
    panel = opened(page, desk, "openness", "months")
    mark = panel.locator("svg.marks g.mark-rect.role-mark path").last
    mark.hover(force=True)
    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert re.search(r"20\d\d-\d\d.*参与占比\s*[\d.]+ %", told.inner_text(), re.DOTALL)
    month = re.search(r"20\d\d-\d\d", told.inner_text())
    assert month
    mark.click(force=True)
    page.wait_for_url(f"**period={month[0]}**")
    year, number = month[0].split("-")
    box = page.locator(".st-key-filter-period input")
    expect(box).to_have_value(re.compile(f"{year}年{int(number)}月"))


def test_a_mark_of_the_key_projects_shows_their_lots_and_again_all(page: Page, desk: Desk) -> None:
    marks = opened(page, desk, "savings?period=all", "key").locator("svg.marks g.mark-rect.role-mark path")
    marks.last.click(force=True)
    page.wait_for_url("**pick=key%3A**")
    picked = page.get_by_role("button", name="只看重点项目")
    picked.wait_for()
    page.get_by_role("button", name="导出").click()
    expect(page.locator("p.export a").first).to_have_attribute("href", re.compile("pick=key%3A"))
    page.keyboard.press("Escape")
    picked.click()
    expect(picked).to_have_count(0, timeout=PATIENCE)
    assert "pick" not in page.url


@pytest.mark.parametrize(
    ("screen", "panel"), [("overview", "months"), ("overview", "centres"), ("competition", "winners")]
)
def test_what_is_pointed_at_says_its_name_and_its_figure(
    page: Page, desk: Desk, screen: str, panel: str
) -> None:
    found = opened(page, desk, f"{screen}?period=all", panel)
    found.locator("svg.marks g.mark-rect.role-mark path").last.hover(force=True)
    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    said = told.inner_text()
    assert told.locator("h2").inner_text() and re.search(
        r"\d", said.removeprefix(told.locator("h2").inner_text())
    ), said


@pytest.mark.parametrize(("lang", "word"), [("zh", "存为"), ("en", "Download as")])
def test_a_chart_is_saved_as_a_picture_and_as_a_drawing(
    page: Page, desk: Desk, lang: str, word: str, tmp_path: Path
) -> None:
    panel = opened(page, desk, f"openness?lang={lang}", "origins")
    panel.locator("svg.marks").hover()
    for kind, beginning in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as saved:
            panel.get_by_role("button", name=f"{word} {kind}").click()
        saved.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(beginning)
        title = panel.locator("h2").inner_text()
        today = local_now().date()
        assert re.fullmatch(rf"{re.escape(title)}-{today}\.{kind.lower()}", saved.value.suggested_filename)
    drawing = (tmp_path / "SVG").read_text(encoding="utf-8")
    assert re.match(r'<svg[^>]*><rect[^>]* fill="rgb\(255, 255, 255\)"', drawing)
    assert title in drawing and ("来源：" in drawing or "Source:" in drawing)
    assert "light-dark" not in drawing and "var(" not in drawing
    assert ("导出　仅供监管核查参考" in drawing) if lang == "zh" else ("Exported by" in drawing)


def test_the_figures_of_a_chart_are_a_table_in_the_readers_words(page: Page, desk: Desk) -> None:
    panel = opened(page, desk, "openness?lang=zh", "origins")
    panel.locator("svg.marks").hover()
    panel.get_by_role("button", name="看数据").click()
    table = page.locator("dialog.chart-data table")
    assert table.locator("th").all_inner_texts() == ["名称", "数值", "说明"]
    assert re.search(r"[\d.]+ %\s+[\d,]+ 家", table.locator("tbody tr").first.inner_text())
    page.locator("dialog.chart-data button").click()
    expect(table).to_have_count(0)


def test_a_drawing_by_hand_is_saved_and_read_as_the_charts_are(
    page: Page, desk: Desk, tmp_path: Path
) -> None:
    panel = opened(page, desk, "openness?lang=zh", "origins")
    made = ring_map([Node("钱塘", "city", 3, True, "市域 钱塘：3 场")], "主场", "主场和谁一起评")
    panel.evaluate("(panel, made) => panel.insertAdjacentHTML('beforeend', `<div>${made}</div>`)", made)
    panel.locator("svg.meet").hover()
    with page.expect_download() as saved:
        panel.locator(".drawing-tools").get_by_role("button", name="存为 SVG").click()
    assert saved.value.suggested_filename.startswith("主场和谁一起评-20")
    saved.value.save_as(tmp_path / "sites.svg")
    drawing = (tmp_path / "sites.svg").read_text(encoding="utf-8")
    assert (
        "var(" not in drawing
        and "class=" not in drawing.partition("</title>")[2]
        and 'paint-order="stroke' in drawing
    )
    panel.locator(".drawing-tools").get_by_role("button", name="看数据").click()
    assert re.search(r"：\d+ 场", page.locator("dialog.chart-data td").first.inner_text())


def test_the_words_of_the_toolbars_are_the_readers_and_they_cover_nothing(page: Page, desk: Desk) -> None:
    panel = opened(page, desk, "openness?lang=zh", "origins")
    panel.locator("svg.marks").hover()
    page.locator("[data-testid=stDataFrame]").first.hover()
    search = page.get_by_role("button", name="搜索")
    table = page.get_by_test_id("stElementToolbar").filter(has=search).first
    table.wait_for()
    toolbar = table.bounding_box()
    sort = page.locator("[class*=st-key-tablebar-]").get_by_test_id("stSelectbox").bounding_box()
    assert toolbar and sort and sort["x"] + sort["width"] <= toolbar["x"]
    names = [
        button.get_attribute("aria-label")
        for button in page.get_by_test_id("stElementToolbar").get_by_role("button").all()
    ]
    assert names and not [name for name in names if name and re.match(r"[A-Z][a-z]+", name)]
    assert not [
        name for name in names if name and "CSV" in name
    ]  # what leaves the desk is marked and audited


def test_ticking_a_row_opens_what_it_is_about(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/rings?period=all")
    page.locator(READY).wait_for()
    table = page.locator("[data-testid=stDataFrame] .dvn-scroller").first
    table.wait_for()
    table.click(position={"x": 16, "y": 48})
    page.wait_for_url("**/warnings?warning=**")


def test_a_province_of_the_map_opens_its_cities_and_its_lots(page: Page, desk: Desk) -> None:
    panel = opened(page, desk, "openness?period=all&origins=map", "origins")
    panel.locator("svg.marks g.mark-shape path").nth(33).wait_for(state="attached")
    empty = palette(DAY).line
    panel.locator(f'svg.marks g.mark-shape path:not([fill="{empty}"]):not([fill="transparent"])').first.click(
        force=True
    )
    page.wait_for_url("**pick=province**")
    expect(page.locator(".st-key-unpick button").first).to_be_visible(timeout=PATIENCE)
    expect(panel.locator("svg.marks").last).to_be_visible(timeout=PATIENCE)
