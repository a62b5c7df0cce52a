"""The desk as a real process: page, language, socket, clean stop."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.dashboard.conftest import PASSWORD
from tests.reading import read

pytestmark = pytest.mark.server
RUN = (
    "import sys; from pathlib import Path; from dashboard.config import DeskConfig; from dashboard.serve import serve;"
    " d = Path(sys.argv[1]); serve(DeskConfig(f'sqlite:///{d}/ledger.db', d, port=int(sys.argv[2])))"
)
BROWSER = {"accept": "text/html", "sec-fetch-mode": "navigate"}


@pytest.fixture(scope="module")
def address(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running desk over a copy of the market, started from a folder that is not the project's."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(market, folder / "var")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", RUN, str(folder / "var"), str(port)], cwd=folder)
    url = f"http://127.0.0.1:{port}"
    for _ in range(720):
        assert process.poll() is None
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.25)
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) in (0, -signal.SIGTERM)


def test_pages_speak_the_language_and_carry_no_inline_script(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        assert (
            client.post("/auth/login", json={"name": "supervisor", "password": PASSWORD}).status_code == 204
        )
        zh = client.get("/openness", headers=BROWSER).text
        page = read(zh)
        assert (page.lang, page.title) == ("zh-CN", "市场开放程度 · 阳光开标")
        scripts = page.all("script")
        assert all("src" in one.attributes and not one.inside for one in scripts), "none inline"
        assert "/auth/base.js" in [one.attributes["src"] for one in scripts]
        nothing = client.get("/no-such-screen", headers=BROWSER)
        assert (
            nothing.status_code == 404
            and "没有这个地址" in nothing.text
            and "streamlit" not in nothing.text.lower()
        )
        problem = client.get("/no-such-screen")
        assert problem.status_code == 404 and problem.json()["type"] == "urn:sunbid:http.not_found"
        assert read(client.get("/openness?lang=en", headers=BROWSER).text).lang == "en"
        assert read(client.get("/openness", headers=BROWSER).text).lang == "en", "the language last chosen"
        assert client.get("/_stcore/host-config").status_code == 200


@pytest.mark.parametrize("path", ["/_stcore/stream", "/feeds/warnings"])
def test_sockets_need_a_session(address: str, path: str) -> None:
    with connect(address.replace("http", "ws") + path) as socket_, pytest.raises(ConnectionClosed) as closed:
        socket_.recv(timeout=5)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
