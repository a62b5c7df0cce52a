"""One real Chromium a module, with a pretended camera and a pretended screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import HEADLESS

from .public_site import FLAGS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--auto-select-desktop-capture-source=Entire screen"]
        chromium = playwright.chromium.launch(executable_path=HEADLESS, args=flags)
        yield chromium
        chromium.close()
