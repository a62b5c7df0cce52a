"""New warnings are told by webhook and e-mail: once, nobody named, again after a failure, from where it stood after a restart."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from messages import Message
from records.ledger import Ledger
from supervision.notices import delivery
from supervision.notices.channel import NotDelivered, Notice
from supervision.notices.delivery import Delivery
from supervision.notices.mail import Mail
from supervision.notices.webhook import SIGNATURE, Webhook
from supervision.rules.finding import LEVELS, Finding, Level, Subject
from supervision.warnings.raising import raise_warning


class Receiver(ThreadingHTTPServer):
    """Answers with `status` and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.got = 204, list[tuple[str | None, bytes]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers[SIGNATURE], body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def warn(ledger: Ledger, level: Level, *bidders: str) -> str:
    subjects = (Subject("lot", "L1"), *(Subject("bidder", one) for one in bidders))
    found = Finding(
        "B4", "1", "files", level, Message("rule.B4.name"), subjects, 2.0, 2.0, lot_id="L1", centre_id="c1"
    )
    with ledger.write() as session:
        raised = raise_warning(session, found)
        assert raised is not None
        return raised.id


@pytest.fixture
def book(ledger: Ledger, market: Any, past: datetime) -> Ledger:
    market.lot("L1", past)
    return ledger


def told(receiver: Receiver) -> list[list[Notice]]:
    return [json.loads(body)["warnings"] for _, body in receiver.got]


def test_what_is_new_is_told_once_signed_and_names_nobody(book: Ledger, receiver: Receiver) -> None:
    warn(book, "red", "SECRET-0", "SECRET-1")
    out = Delivery(book, Webhook(receiver.url, "key"), ("red", "orange"), "https://desk.example/")
    assert out.tick() == 0 and receiver.got == [], "what came before the first start is history"
    red, _ = warn(book, "red", "SECRET-A", "SECRET-B"), warn(book, "yellow", "SECRET-C", "SECRET-D")
    assert (out.tick(), out.tick()) == (1, 0)
    ((signature, body),) = receiver.got
    assert signature == "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()
    (one,) = json.loads(body)["warnings"]
    assert (one["id"], one["rule"], one["level"], one["lot"]) == (red, "B4", "red", "L1")
    assert one["url"] == f"https://desk.example/warnings?warning={red}"
    assert b"SECRET" not in body


def test_a_receiver_that_fails_gets_it_later_and_nothing_is_lost_over_a_restart(
    book: Ledger, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Delivery(book, Webhook(receiver.url), LEVELS, "")
    out.tick()
    warn(book, "red", "A", "B")
    receiver.status = 503
    assert out.tick() == 0 and len(receiver.got) == 1
    assert out.tick() == 0 and len(receiver.got) == 1, "it waits before it tries again"
    receiver.status = 200
    clock = delivery.time.monotonic()
    monkeypatch.setattr(delivery.time, "monotonic", lambda: clock + delivery.FIRST_WAIT + 1)
    assert out.tick() == 1
    warn(book, "orange", "C", "D")
    anew = Delivery(book, Webhook(receiver.url), LEVELS, "")
    assert anew.tick() == 1
    assert [one["level"] for notices in told(receiver)[1:] for one in notices] == ["red", "orange"]


def test_a_receiver_that_is_not_there_is_named_without_its_address() -> None:
    with pytest.raises(NotDelivered) as failed:
        Webhook("http://127.0.0.1:9/token-in-the-path").send([])
    assert "token" not in str(failed.value)
    with pytest.raises(NotDelivered):
        Mail("smtp://127.0.0.1:9", "a@example.org", ("b@example.org",)).send([])


def test_the_letter_says_what_and_where_and_that_it_is_no_verdict() -> None:
    notice = {"id": "W1", "rule": "B4", "level": "red", "title": "文件同源", "lot": "L1", "lot_name": "示例标段",
              "raised_at": "2026-11-21T10:00:00.000+08:00", "url": "https://desk.example/warnings?warning=W1"}  # fmt: skip
    letter = Mail("smtp://mail.example", "a@example.org", ("b@example.org", "c@example.org")).letter([notice])
    assert letter["To"] == "b@example.org, c@example.org" and "1" in letter["Subject"]
    text = letter.get_content()
    assert "示例标段" in text and notice["url"] in text and "仅供核查" in text
