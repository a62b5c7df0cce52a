"""Logging of our processes: one line an event on standard error, time in Beijing time."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from records.clock import local_now


def setup(level: str) -> None:
    """Make structlog and the standard library write the same kind of line from `level` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [structlog.stdlib.add_log_level, _stamp]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def _stamp(_logger: object, _method: str, event: Any) -> Any:
    event["timestamp"] = local_now().isoformat(timespec="milliseconds")
    return event
