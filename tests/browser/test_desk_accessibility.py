"""Everyone can read the desk: axe finds nothing serious on any screen, English screens speak English, links hold no icon's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import messages
from dashboard.screens import pages_of
from records.tables.money import Award
from records.tables.projects import Lot, Project
from records.tables.supervision import Warning
from records.tables.users import ROLES
from supervision.lens.writer import LensWriter
from tests.browser.contexts import Contexts
from tests.browser.test_desk_live import DESK, Desk
from tests.dashboard import conftest as small
from tests.dashboard.live_market import process
from tests.ledgers import new_ledger
from tests.places import HANGZHOU
from tests.ports import free_port

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
WORD = re.compile(r"\b[A-Za-z][A-Za-z'’-]+\b")
"""What has a digit in it, as TOP10 or a hash, is a sign and no word."""
ADDRESS = re.compile(r"https?://\S+")
NO_WORDS = frozenset({"CA", "HHI", "CSV", "Excel", "Parquet", "SVG", "PNG", "Esc", "English", *ROLES})
"""What Chinese readers know by these letters, and the accounts of this desk."""
Walked = dict[str, "Seen"]
"""Screen → what it is."""
READY = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk over one finished lot, its amounts without VAT, and one to come, both of key projects; no hub."""
    folder: Path = tmp_path_factory.mktemp("desk")
    url = f"sqlite:///{folder / 'ledger.db'}"
    ledger = new_ledger(folder / "ledger.db")
    small._seed(ledger)
    with ledger.write() as session:
        session.get_one(Lot, "l1").vat = session.get_one(Award, "a1").vat = "excluded"
        session.get_one(Warning, "w1").state = "new"
        session.get_one(Project, "p1").key_flag = session.get_one(Project, "p2").key_flag = "city_plan"
    LensWriter(ledger, folder, HANGZHOU).refresh()
    port = free_port()
    settings: dict[str, object] = {"url": url, "data": str(folder), "port": port, "hub": free_port()}
    with process(DESK.format(**settings), port, folder / "desk.log"):
        yield Desk(f"http://127.0.0.1:{port}", ledger, folder, 0, settings)
    ledger.close()


def signed_in(contexts: Contexts, desk: Desk, role: str) -> Page:
    context = contexts.take(desk.url, viewport={"width": 1440, "height": 900})
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


@dataclass
class Seen:
    """What one screen is to its readers."""

    broken: list[tuple[str, str]]
    """What axe finds serious: its rule, and the markup."""
    text: str
    links: list[str]
    tree: str
    """What a screen reader makes of it."""
    said: set[str]
    failed: list[str]
    """Errors of its scripts, a chart that cannot be drawn among them."""


@pytest.fixture(scope="module")
def zh(contexts: Contexts, desk: Desk) -> Walked:
    return _walked(contexts, desk, "zh")


@pytest.fixture(scope="module")
def en(contexts: Contexts, desk: Desk) -> Walked:
    return _walked(contexts, desk, "en")


def _walked(contexts: Contexts, desk: Desk, lang: str) -> Walked:
    """Every screen of the administrator, who has them all, walked once for all that is asked of it."""
    page, axe = signed_in(contexts, desk, "admin"), Axe()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    found = {slug: _seen(page, axe, failed) for slug in walk(page, desk, "admin", lang)}
    page.close()
    return found


def _seen(page: Page, axe: Axe, failed: list[str]) -> Seen:
    broken = [
        (one["id"], node["html"][:160])
        for one in axe.run(page).response["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
    body = page.locator("body")
    links = page.locator("[data-testid=stPageLink] a").all_text_contents()
    text, tree = body.inner_text(), body.aria_snapshot()
    seen = Seen(broken, text, links, tree, _said(page), list(failed))
    failed.clear()
    return seen


def _said(page: Page) -> set[str]:
    """What it says at first, and what a list and a calendar say that are opened."""
    said: list[str] = page.evaluate(SAID)
    for kind in ("stSelectbox", "stDateInput"):
        opener = page.get_by_test_id(kind).locator("button")
        if opener.count():
            opener.first.click()
            said += page.evaluate(SAID)
            page.keyboard.press("Escape")
    return {text.strip() for text in said}


@pytest.mark.parametrize("lang", messages.languages())
def test_axe_finds_nothing_serious_on_any_screen(request: pytest.FixtureRequest, lang: str) -> None:
    walked: Walked = request.getfixturevalue(lang)
    assert not {slug: seen.broken for slug, seen in walked.items() if seen.broken}


@pytest.mark.parametrize("lang", messages.languages())
def test_no_script_fails_on_any_screen(request: pytest.FixtureRequest, lang: str) -> None:
    walked: Walked = request.getfixturevalue(lang)
    assert not {slug: seen.failed for slug, seen in walked.items() if seen.failed}


def test_english_screens_speak_english_and_links_are_called_by_their_words(en: Walked) -> None:
    left, money = dict[str, set[str]](), set[str]()
    called = {screen.name("en") for screen in pages_of("admin")}
    for slug, seen in en.items():
        left[slug] = {line for line in seen.text.split("\n") if HAN.search(NAMES.sub("", line))}
        money |= set(re.findall(r"CNY[^\n\t]*|×10[^\n\t]*", seen.text))
        left[slug] |= {link for link in seen.links if re.sub(r" *\d*( · .*)?$", "", link) not in called}
        left[slug] |= set(re.findall(r'(?:link|button) ".*[a-z]_[a-z].*"', seen.tree))
    assert not {slug: lines for slug, lines in left.items() if lines}
    assert any(shown.startswith("CNY 900.00 thousand excl. VAT") for shown in money)
    assert not any("×" in shown or "-net" in shown for shown in money)


def test_chinese_screens_speak_chinese_to_every_reader(zh: Walked) -> None:
    """Also what only a screen reader or a tooltip says."""
    left = {
        slug: {text for text in seen.said if set(WORD.findall(ADDRESS.sub("", text))) - NO_WORDS}
        for slug, seen in zh.items()
    }
    assert not {slug: texts for slug, texts in left.items() if texts}
