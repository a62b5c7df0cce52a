"""Everyone can read the desk: axe finds nothing serious on any screen, English screens speak English, links hold no icon's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from dashboard.screens import pages_of
from records.tables.money import Award
from records.tables.projects import Lot
from records.tables.supervision import Warning
from records.tables.users import ROLES
from supervision.lens.writer import LensWriter
from tests.browser.test_desk_live import DESK, Desk
from tests.dashboard import conftest as small
from tests.dashboard.live_market import free_port, process
from tests.ledgers import new_ledger
from tests.places import HANGZHOU

pytestmark = [pytest.mark.browser, pytest.mark.server]

HAN = re.compile(r"[\u4e00-\u9fff]")
NAMES = re.compile(r"标段\d|项目\d|投标企业\d|市本级|第一开标室|中文")
"""What people and things are called stays as it is, on English screens too."""
SAID = """() => {
  const found = [], names = ["aria-label", "aria-description", "aria-roledescription", "title", "placeholder", "alt"];
  const look = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.closest("[aria-hidden=true]") || ["SCRIPT", "STYLE", "TITLE", "NOSCRIPT"].includes(one.tagName)) continue;
      for (const name of names) if (one.hasAttribute(name)) found.push(one.getAttribute(name));
      for (const node of one.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.nodeValue);
      if (one.shadowRoot) look(one.shadowRoot);
    }
  };
  look(document.body);
  return found;
}"""
"""All that a page says: to the eye, to a screen reader, in a tooltip, in an empty field."""
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]+")
ADDRESS = re.compile(r"https?://\S+")
NO_WORDS = frozenset({"CA", "CR", "HHI", "CSV", "Excel", "SVG", "PNG", "Esc", "English", *ROLES})
"""What Chinese readers know by these letters, and the accounts of this desk."""
READY = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk over one finished lot, its amounts without VAT, and one to come; no hub."""
    folder: Path = tmp_path_factory.mktemp("desk")
    url = f"sqlite:///{folder / 'ledger.db'}"
    ledger = new_ledger(folder / "ledger.db")
    small._seed(ledger)
    with ledger.write() as session:
        session.get_one(Lot, "l1").vat = session.get_one(Award, "a1").vat = "excluded"
        session.get_one(Warning, "w1").state = "new"
    LensWriter(ledger, folder, HANGZHOU).refresh()
    port = free_port()
    settings: dict[str, object] = {"url": url, "data": str(folder), "port": port, "hub": free_port()}
    with process(DESK.format(**settings), port, folder / "desk.log"):
        yield Desk(f"http://127.0.0.1:{port}", ledger, folder, 0, settings)
    ledger.close()


def signed_in(browser: Browser, desk: Desk, role: str) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    form = {"name": role, "password": small.PASSWORD}
    assert context.request.post(f"{desk.url}/auth/login", form=form).ok
    return context.new_page()


def walk(page: Page, desk: Desk, role: str, lang: str) -> Iterator[str]:
    """Every screen of a role, drawn to its end."""
    shown = [(screen.slug, screen, "") for screen in pages_of(role)]
    empty = [("nothing to warn of", screen, "&state=mine") for slug, screen, _ in shown if slug == "warnings"]
    for what, screen, asked in shown + empty:
        page.goto(f"{desk.url}/{screen.slug}?lang={lang}{asked}")
        page.locator("h1", has_text=screen.name(lang)).first.wait_for()
        page.locator(READY).wait_for()
        if screen.slug == "warnings":
            page.locator("li.nothing" if asked else "[role=option]").first.wait_for()
        yield what


@pytest.mark.parametrize(("role", "lang"), [("supervisor", "zh"), ("admin", "en")])
def test_axe_finds_nothing_serious_on_any_screen(browser: Browser, desk: Desk, role: str, lang: str) -> None:
    page, axe, found = signed_in(browser, desk, role), Axe(), []
    for slug in walk(page, desk, role, lang):
        for broken in axe.run(page).response["violations"]:
            if broken["impact"] in {"serious", "critical"}:
                found += [(slug, broken["id"], node["html"][:160]) for node in broken["nodes"]]
    page.context.close()
    assert not found


def test_english_screens_speak_english_and_links_are_called_by_their_words(
    browser: Browser, desk: Desk
) -> None:
    page, left, money = signed_in(browser, desk, "supervisor"), {}, set()
    called = {screen.name("en") for screen in pages_of("supervisor")}
    for slug in walk(page, desk, "supervisor", "en"):
        text = page.locator("body").inner_text()
        left[slug] = {line for line in text.split("\n") if HAN.search(NAMES.sub("", line))}
        money |= set(re.findall(r"CNY[^\n\t]*|×10[^\n\t]*", text))
        links = page.locator("[data-testid=stPageLink] a").all_text_contents()
        left[slug] |= {link for link in links if re.sub(r" *\d*( · .*)?$", "", link) not in called}
        tree = page.locator("body").aria_snapshot()
        left[slug] |= set(re.findall(r'(?:link|button) ".*[a-z]_[a-z].*"', tree))
    page.context.close()
    assert not {slug: lines for slug, lines in left.items() if lines}
    assert any(shown.startswith("CNY 900.00 thousand excl. VAT") for shown in money)
    assert not any("×" in shown or "-net" in shown for shown in money)


def test_chinese_screens_speak_chinese_to_every_reader(browser: Browser, desk: Desk) -> None:
    """Also what only a screen reader or a tooltip says, and what a list, a calendar and a table's toolbar open."""
    page, left = signed_in(browser, desk, "admin"), dict[str, set[str]]()
    for slug in walk(page, desk, "admin", "zh"):
        said = page.evaluate(SAID)
        for opener in (
            page.locator("[data-testid=stSelectbox] button"),
            page.locator("[data-testid=stDateInput] button"),
        ):
            if opener.count():
                opener.first.click()
                said += page.evaluate(SAID)
                page.keyboard.press("Escape")
        left[slug] = {text.strip() for text in said if set(WORD.findall(ADDRESS.sub("", text))) - NO_WORDS}
    page.context.close()
    assert not {slug: texts for slug, texts in left.items() if texts}
