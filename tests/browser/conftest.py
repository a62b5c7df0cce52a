"""One real Chromium a module, with a pretended camera and a pretended screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import HEADLESS
from tests.dashboard.conftest import quick_passwords

from .contexts import Contexts
from .public_site import FLAGS

__all__ = ["quick_passwords"]  # of every account that a desk's ledger begins with, and at every sign-in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--auto-select-desktop-capture-source=Entire screen", "--process-per-site"]
        chromium = playwright.chromium.launch(executable_path=HEADLESS, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Contexts:
    """Contexts lent to one test after the other, their scripts compiled: see `tests.browser.contexts`."""
    return Contexts(browser)


@pytest.fixture(autouse=True)
def contexts_come_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test has taken is emptied for the next."""
    yield
    if "contexts" in request.fixturenames:
        request.getfixturevalue("contexts").take_back()
