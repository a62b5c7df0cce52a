"""A process whose ledger cannot be used says why on its port, and begins as soon as it can.

Ending instead would be a row of tracebacks in the log and a closed port: nobody would be told what to do.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from messages import Message, language_of
from records.ledger import words
from records.serving import problems
from records.serving.workers import SignOfLife
from sunbid import wiring
from sunbid.settings import Settings
from supervision.config import SIGN

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two looks at the ledger."""

log = structlog.get_logger()


def trouble(settings: Settings, upgrades: bool = False) -> Message | None:
    """Why the ledger cannot be used, in one line; None if it can. `upgrades`: an older schema is no hindrance."""
    ledger = wiring.ledger(settings)
    try:
        held, wanted = ledger.schema_version(), ledger.newest_version()
        if held == wanted:
            ledger.look()
    except SQLAlchemyError as error:
        return Message("start.database_says", error=words(error))
    except OSError as error:
        return Message("start.database_says", error=str(error))
    finally:
        ledger.close()
    if held != wanted and not upgrades:
        return Message("start.old_schema", held=held or "—", wanted=wanted)
    return None


def until_ledger(settings: Settings, name: str, port: int | None, *, upgrades: bool = False) -> None:
    """Return once the ledger can be used. Meanwhile every address of the port answers 503 with the reason."""
    why = trouble(settings, upgrades)
    if why is None:
        return
    remedy = Message("start.remedy", database=settings.database_shown)
    log.error("ledger_unusable", process=name, reason=str(why), remedy=str(remedy))
    answering = _answering(settings.host, port, why, remedy) if port else None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pause, sign = FIRST_PAUSE, SignOfLife(settings.data / SIGN)
    while why is not None and not stop.wait(pause):
        pause = min(2 * pause, LONGEST_PAUSE)
        why = trouble(settings, upgrades)
        if answering and why:
            answering.said = why, remedy
        elif port is None:
            sign.give({"status": "waiting", "replace": False, "detail": str(why)})
    if answering:
        answering.shutdown()
        answering.server_close()
    if stop.is_set():
        sys.exit(0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    log.info("ledger_usable", process=name)


class _Answer(BaseHTTPRequestHandler):
    timeout: ClassVar[float] = 10

    def _say(self) -> None:
        assert isinstance(self.server, _Server)
        why, remedy = self.server.said
        lang = language_of(self.headers.get("Accept-Language"))
        body = problems.details(503, why, lang, remedy=remedy.text(lang), replace=False)
        self.send_response(503)
        for header, value in (
            ("Content-Type", problems.MEDIA_TYPE), ("Content-Language", lang), ("Vary", "Accept-Language"),
            ("Cache-Control", "no-store"), ("Retry-After", "15"), ("Content-Length", str(len(body))), ("Connection", "close"),
        ):  # fmt: skip
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _say  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: an address may hold what belongs in no log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    said: tuple[Message, Message]
    """Why the ledger cannot be used (no data, only what the database said), and the remedy."""


def _answering(host: str, port: int, why: Message, remedy: Message) -> _Server | None:
    """A server for the meantime; None where the port is taken (the log has the reason all the same)."""
    kind = type("_Server6", (_Server,), {"address_family": socket.AF_INET6}) if ":" in host else _Server
    try:
        server: _Server = kind((host, port), _Answer)
    except OSError as error:
        log.warning("port_taken", port=port, error=error.strerror)
        return None
    server.said = why, remedy
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
