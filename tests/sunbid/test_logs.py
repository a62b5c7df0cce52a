"""What the logs of our processes say when something breaks, and what they never say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from records.ledger import Ledger
from records.sources import add_source
from tests.dashboard.live_market import PASSWORD, process, seed
from tests.ports import free_port

BEARER, COOKIE, QUERY = "bearer-1f9c3a77e2", "cookie-77aa01b2c3", "query-5b1d00ffee"
PERSON = (
    "张三丰",
    "330106199001011234",
    "13812345678",
    "someone@example.cn",
    "6222021234567890123",
    "pass-9e8d7c",
)
START = """
from pathlib import Path
from sunbid.logs import setup as logs
logs.setup("debug")
def broken(*given, **named):
    values = [given, named, "{words}"]
    raise ValueError("cannot read " + repr(values))
async def abroken(*given, **named):
    broken(*given, **named)
"""
HUB = """
from streaming.config import HubConfig
from streaming.serve import serve
from streaming.site.api import Api
Api.find = abroken
serve(HubConfig({url!r}, Path({data!r}), port={port}, media_port=0, record=False, fanout="plain"))
"""
INTAKE = """
from ingest.http import body
from ingest.config import IntakeConfig
from ingest.http.server import serve
body.split = broken
serve(IntakeConfig({url!r}, Path({data!r}), port={port}))
"""
DESK = """
from dashboard.http import sign_in as auth
from dashboard.config import DeskConfig
from dashboard.serve import serve
auth._try = broken
serve(DeskConfig({url!r}, Path({data!r}), port={port}))
"""
FORM = {"name": PERSON[0], "password": PERSON[5], "phone": PERSON[2], "id": PERSON[1], "mail": PERSON[3]}


def ask(base: str, which: str, token: str) -> list[int]:
    """Requests that break, with secrets and a person in every place."""
    headers = {"authorization": f"Bearer {token}", "cookie": f"sunbid_session={COOKIE}; x={COOKIE}"}
    if which == "hub":
        path = f"/api/openings/{PERSON[1]}?token={QUERY}&phone={PERSON[2]}"
        return [httpx.get(base + path, headers=headers).status_code for _ in range(20)]
    if which == "intake":
        return [
            httpx.post(f"{base}/records?t={QUERY}", json=[FORM], headers=headers).status_code
            for _ in range(20)
        ]
    return [
        httpx.post(f"{base}/auth/login?t={QUERY}", json=FORM, headers=headers).status_code for _ in range(3)
    ]


@pytest.mark.server
@pytest.mark.parametrize(("which", "code"), [("hub", HUB), ("intake", INTAKE), ("desk", DESK)])
def test_no_secret_and_no_person_stands_in_the_log(
    which: str, code: str, ledger: Ledger, tmp_path: Path
) -> None:
    seed(ledger)
    with ledger.write() as session:
        token = add_source(session, "hz") if which == "intake" else BEARER
    url, port, log = ledger.url.render_as_string(hide_password=False), free_port(), tmp_path / "log"
    words = START.replace("{words}", " ".join(PERSON))
    with process(words + code.format(url=url, data=str(tmp_path), port=port), port, log):
        assert set(ask(f"http://127.0.0.1:{port}", which, token)) == {500}
    said = log.read_text()
    for secret in (token, COOKIE, QUERY, PASSWORD, *PERSON):
        assert secret not in said, secret
    assert "builtins.ValueError" in said and "in broken" in said, said[-2000:]
    assert "cannot read" not in said and "given =" not in said, "neither the words nor the locals of an error"
    assert 1 <= said.count("builtins.ValueError") <= 6, "the same error is told a few times a minute"


def written(code: str) -> str:
    """What a process that logs so writes."""
    started = "import logging, threading, structlog\nfrom sunbid.logs import setup as logs, traces\nlogs.setup('debug')\nlog = structlog.get_logger()\n"
    done = subprocess.run([sys.executable, "-c", started + code], capture_output=True, text=True, check=True)
    return done.stderr


def test_a_trace_is_put_into_words_by_another_thread() -> None:
    said = written(
        "real = logs.in_lines\n"
        "logs.in_lines = lambda error: real(error) + ' by ' + threading.current_thread().name\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('ours'); logging.getLogger('uvicorn.error').exception('theirs')\n"
    )
    assert re.findall(r"ZeroDivisionError by (\S+)", said) and "MainThread" not in said, said
    assert "ours" in said and "theirs" in said


LINES = (
    "Authorization: Bearer abc.def-123456", "cookie: sunbid_session=secret123; a=b", "token=secret123", '{"password": "secret123"}',
    "postgresql+psycopg://sunbid:secret123@db/x", "rtsp://admin:secret123@10.0.0.9/live", "ws://edge:8188?key=secret123&secret=secret123",
    "电话 13812345678", "call +86 138-1234-5678", "330106199001011234", "33010619900101123X", "account 6222 0212 3456 7890 123",
    "someone@example.cn",
)  # fmt: skip


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What one process writes that logs each of the lines in two ways."""
    code = "".join(
        f"log.warning('said', value={line!r}); logging.getLogger('aiortc').warning({line!r}); log.warning('####')\n"
        for line in LINES
    )
    return dict(zip(LINES, written(code).split("####"), strict=False))


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_redacted_whoever_wrote_it(line: str, said: dict[str, str]) -> None:
    assert said[line].count("***") >= 2, said[line]
    for left in ("secret123", "abc.def", "1381234", "138-1234", "330106", "6222", "someone"):
        assert left not in said[line], said[line]


def test_ordinary_lines_stay_as_they_are() -> None:
    said = written(
        "log.info('media.started', port=8600, room='hz-01', ssrc=4294967295, at='2026-11-26T20:17:08.123+08:00')"
    )
    for word in ("media.started", "8600", "hz-01", "4294967295", "2026-11-26T20:17:08.123+08:00"):
        assert word in said


def test_an_error_of_the_database_names_no_value(ledger: Ledger) -> None:
    from sqlalchemy import text

    with ledger.read() as session, pytest.raises(Exception, match="no such table") as raised:
        session.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": PERSON[0]})
    assert PERSON[0] not in str(raised.value)
