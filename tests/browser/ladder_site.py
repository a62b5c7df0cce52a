"""A hub with HLS, a publisher, and ways to shut a page's network the way offices do."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from types import TracebackType

from playwright.sync_api import Page, Route

from streaming import ffmpeg
from tests.browser.public_site import HubProcess


class Publisher:
    """ffmpeg as a WHIP publisher: a moving picture, H.264 and Opus."""

    def __init__(self, hub: HubProcess, room: str, token: str, picture: str = "testsrc2") -> None:
        drawn = ffmpeg.graph((picture, {"size": "640x360", "rate": 20}))
        self._command = ffmpeg.publish(f"{hub.address}/whip/{room}", token, drawn, coding={"g": 20})

    def __enter__(self) -> Publisher:
        self._process = subprocess.Popen(self._command)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(15)


class Network:
    """What a page may reach: UDP by way of the answers' candidates, HLS by its addresses."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.joins = 0

    def shut_udp(self) -> None:
        """Answers name a port behind which nobody listens: what a firewall makes of UDP."""
        self._page.route("**/whep/*", self._elsewhere)

    def open_udp(self) -> None:
        self._page.unroute("**/whep/*", self._elsewhere)

    def shut_hls(self) -> None:
        self._page.route("**/hls/**", self._refuse)

    def open_hls(self) -> None:
        self._page.unroute("**/hls/**", self._refuse)

    def hurry(self, climb: int) -> None:
        """The page tries the better rung after so many milliseconds, up to twice as long by chance."""
        self._page.route("**/ladder.js", partial(self._changed, "climb: 30_000,", f"climb: {climb},"))

    def tell_often(self, beat: int) -> None:
        """The page tells every so many milliseconds how it is watched."""
        self._page.route("**/viewing.js", partial(self._changed, "BEAT = 15_000;", f"BEAT = {beat};"))

    @staticmethod
    def _changed(written: str, instead: str, route: Route) -> None:
        answer = route.fetch()
        assert answer.text().count(written) == 1
        route.fulfill(response=answer, body=answer.text().replace(written, instead))

    def hide_library(self) -> None:
        """An installation without npm has no hls.js."""
        self._page.route("**/hls.js", lambda route: route.fulfill(status=404))

    def _elsewhere(self, route: Route) -> None:
        self.joins += 1
        answer = route.fetch()
        body = re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", r"\1 9", answer.text())
        route.fulfill(response=answer, body=body)

    @staticmethod
    def _refuse(route: Route) -> None:
        route.fulfill(status=403)
