"""Logging of our processes: one line an event on standard error, time in Beijing time.

Lines are put into words and written by a thread of their own: an error with a long trace must not hold up the
event loop, which carries pictures. No line holds a secret or tells of a person, whoever wrote it (`redacted`), no trace holds
values (`traces`).
"""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import queue
import re
import sys
from typing import Any

import structlog

from records.clock import local_now
from sunbid.logs.traces import NotTooOften, in_lines

WAITING = 10_000
"""Lines that may wait to be written; further ones are dropped and counted."""


def setup(level: str) -> None:
    """Make structlog and the standard library write the same kind of line from `level` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [structlog.stdlib.add_log_level, _stamp, _held]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(_Lines(shared))
    handler = _start(writer)
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    for package in (
        "sunbid",
        "dashboard",
        "ingest",
        "streaming",
        "supervision",
        "records",
        "pages",
        "__main__",
    ):
        logging.getLogger(package).setLevel(number)


class _Lines(structlog.stdlib.ProcessorFormatter):
    """A record as a line, redacted."""

    def __init__(self, shared: list[Any]) -> None:
        super().__init__(
            processors=[
                _left_out,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _trace,
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    pad_event_to=0,
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ],
            foreign_pre_chain=shared,
        )

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _Queue(logging.handlers.QueueHandler):
    """Hands records on as they are; what they say is put together by the thread that writes them."""

    dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


_listener: logging.handlers.QueueListener | None = None


def _start(writer: logging.Handler) -> logging.Handler:
    """The handler that hands lines to the thread that writes them."""
    global _listener
    waiting: queue.Queue[Any] = queue.Queue(WAITING)
    handler = _Queue(waiting)
    handler.addFilter(NotTooOften())
    if _listener is not None:
        _listener.stop()
    else:
        atexit.register(finish)
    _listener = logging.handlers.QueueListener(waiting, writer)
    _listener.start()
    return handler


def finish() -> None:
    """Write what waits still; nothing is written after it."""
    global _listener
    if _listener is not None:
        _listener.stop()
        _listener = None


def _stamp(_logger: object, _method: str, event: Any) -> Any:
    event["timestamp"] = local_now().isoformat(timespec="milliseconds")
    return event


def _held(_logger: object, _method: str, event: Any) -> Any:
    """`exc_info=True` means the error being handled here and now, not in the thread that writes."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


def _left_out(_logger: object, _method: str, event: Any) -> Any:
    count = getattr(event.get("_record"), "left_out", 0)
    if count:
        event["left_out"] = count
    return event


def _trace(_logger: object, _method: str, event: Any) -> Any:
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = in_lines(error)
    return event


# ── redaction ────────────────────────────────────────────────────────────────

HIDDEN = "***"
_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{4,}"),
    re.compile(r"""(?i)\b((?:\w*token|password|passwd|pwd|secret|authorization|(?:set-)?cookie|sunbid_session|api_?key)["']?\s*[=:]\s*["']?)(?!\s)[^\s"'&,;})\]]+"""),
    re.compile(r"(?i)([?&](?:key|admin)=)[^\s&\"']+"),
    re.compile(r"(?i)(\w+://)[^\s/@]+@"),
)  # fmt: skip
_PERSONAL = (
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])"),
    re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"),
    re.compile(r"(?<![\d.])\d(?:[ -]?\d){15,18}(?!\d)"),
)
"""E-mail, identity number, mobile telephone, bank account."""


def redacted(line: str) -> str:
    """The line without bearer tokens, cookies, passwords, e-mails, identity, telephone and account numbers."""
    for pattern in _SECRETS:
        line = pattern.sub(lambda found: (found[1] + (" " if found[1].isalpha() else "")) + HIDDEN, line)
    for pattern in _PERSONAL:
        line = pattern.sub(HIDDEN, line)
    return line
