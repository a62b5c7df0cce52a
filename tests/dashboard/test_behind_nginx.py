"""Signing in through a real nginx with the example's configuration, over TLS on a port that nobody guesses."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from records.ledger import Ledger
from records.tables.users import AuditEntry
from tests.dashboard.live_market import PASSWORD, process, seed
from tests.needed import needed
from tests.ports import free_port
from tests.streaming.nginx_rig import NGINX, Proxy

DESK = """
from pathlib import Path
from dashboard.config import DeskConfig
from dashboard.serve import serve
serve(DeskConfig({url!r}, Path({data!r}), port={port}, public_url={public!r}, trusted_proxies={trusted!r}))
"""
FORM = {"name": "leader", "password": PASSWORD, "next": "/overview"}


@contextmanager
def nginx(folder: Path, desk: int) -> Iterator[Proxy]:
    """The example in front of a desk."""
    needed(NGINX, "nginx")
    folder.mkdir()
    proxy = Proxy(folder, desk)
    proxy.certify()
    running = subprocess.Popen(proxy.command)
    try:
        limit = time.monotonic() + 20
        while not (folder / "nginx.pid").exists() or not (folder / "nginx.pid").read_text():
            assert time.monotonic() < limit and running.poll() is None, "nginx does not start"
            time.sleep(0.05)
        yield proxy
    finally:
        running.terminate()
        running.wait()


def browser(proxy: Proxy, host: str, **headers: str) -> httpx.Client:
    base = f"https://127.0.0.1:{proxy.ports['tls']}"
    return httpx.Client(base_url=base, headers={"host": host, **headers}, verify=False, timeout=20)


@pytest.mark.server
@pytest.mark.timeout(240)
@pytest.mark.parametrize("named", [True, False], ids=["desk_url set", "desk_url not set"])
def test_sign_in_works_on_any_port_and_the_cookie_is_secure(
    named: bool, ledger: Ledger, tmp_path: Path
) -> None:
    seed(ledger)
    port, folder = free_port(), tmp_path / "nginx"
    with nginx(folder, port) as proxy:
        host = f"desk.example.cn:{proxy.ports['tls']}"
        public = f"https://{host}"
        given = {"public": public, "trusted": ()} if named else {"public": "", "trusted": ("127.0.0.1",)}
        url = ledger.url.render_as_string(hide_password=False)
        code = DESK.format(url=url, data=str(tmp_path), port=port, **given)
        with process(code, port, tmp_path / "log"), browser(proxy, host, origin=public) as client:
            assert client.get("/auth/sign-in").status_code == 200
            answer = client.post("/auth/login", data=FORM)
            assert (answer.status_code, answer.headers["location"]) == (303, "/overview")
            cookie = answer.headers["set-cookie"]
            assert "; secure" in cookie.lower() and "httponly" in cookie.lower()
            kept = cookie.partition(";")[0]
            assert client.get("/auth/whoami", headers={"cookie": kept}).json()["name"] == "leader"
            for other in ("https://evil.test", "https://desk.example.cn:1", f"http://evil.test:{proxy.ports['tls']}", "null",
                          "https://desk.example.cn.evil.test", "https://[", f"{public}@evil.test"):  # fmt: skip
                refused = client.post("/auth/login", data=FORM, headers={"origin": other})
                assert refused.status_code == 403, other
            asyncio.run(stream(proxy, host, kept))
            moved = httpx.get(f"http://127.0.0.1:{proxy.ports['plain']}/x", headers={"host": host})
            assert moved.status_code == 308


async def stream(proxy: Proxy, host: str, cookie: str) -> None:
    """The socket on which a screen lives opens for our page and for no other site's.

    The client of asyncio: the one of threads reads and writes one TLS connection from two threads at once, which
    OpenSSL does not allow, and now and then the handshake is lost.
    """
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    address = f"wss://{host}/_stcore/stream"
    for origin, ours in ((f"https://{host}", True), ("https://evil.test", False)):
        wire = socket.create_connection(("127.0.0.1", proxy.ports["tls"]))
        headers = {"cookie": cookie}
        async with connect(
            address, ssl=trust, origin=Origin(origin), additional_headers=headers, proxy=None, sock=wire
        ) as page:
            try:
                await asyncio.wait_for(page.recv(), 2 if ours else 60)
            except TimeoutError:
                assert ours, "an open socket of another site"
            except ConnectionClosed as closed:
                assert not ours and closed.rcvd is not None and closed.rcvd.code == 4403, closed


@pytest.mark.server
@pytest.mark.timeout(240)
def test_only_proxies_that_are_named_may_say_where_a_visitor_is(ledger: Ledger, tmp_path: Path) -> None:
    """127.0.0.1 is not named here, 127.0.0.2 is."""
    seed(ledger)
    port, url = free_port(), ledger.url.render_as_string(hide_password=False)
    code = DESK.format(url=url, data=str(tmp_path), port=port, public="", trusted=("127.0.0.2", "10.0.0.0/8"))
    with process(code, port, tmp_path / "log"):
        wrong = {"name": "admin", "password": "wrong"}

        def tries(source: str, count: int, **headers: str) -> list[int]:
            transport = httpx.HTTPTransport(local_address=source)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client:
                return [
                    client.post(
                        "/auth/login", json=wrong, headers={"x-forwarded-for": f"198.51.100.{n}", **headers}
                    ).status_code
                    for n in range(count)
                ]

        assert tries("127.0.0.1", 12) == [401] * 5 + [429] * 7, "made-up addresses of one visitor"
        for name in ("forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"):
            assert tries("127.0.0.1", 1, **{name: "198.51.100.200"}) == [429], name
        assert tries("127.0.0.2", 6) == [401] * 6, "visitors behind a proxy that is named"
    with ledger.read() as session:
        noted = session.scalars(select(AuditEntry.ip).where(AuditEntry.action == "sign_in_failed")).all()
    assert noted == ["127.0.0.1"] * 5 + [f"198.51.100.{n}" for n in range(6)]
