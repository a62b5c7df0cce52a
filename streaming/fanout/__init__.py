"""The inner step of forwarding: the same packets to many viewers, each under its own key.

Three twins send the same bytes in the same order per viewer:

native  a C loop on a thread of its own (cffi API mode) with sendmmsg and UDP_SEGMENT, built at install
        where a compiler is: neither holds the other up, the picture or those who join
abi     libsrtp and sendmmsg called through cffi without a compiler; Linux
plain   pylibsrtp and sendto; anywhere
"""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable

import structlog

from messages import Invalid, Message
from streaming.fanout.base import Fanout, Group, Line, Target

__all__ = ["NAMES", "Fanout", "Group", "Line", "Target", "choose"]

log = structlog.get_logger()

_CLASSES = {
    "native": ("streaming.fanout.native", "NativeFanout"),
    "abi": ("streaming.fanout.abi", "AbiFanout"),
    "plain": ("streaming.fanout.plain", "PlainFanout"),
}
NAMES = ("auto", *_CLASSES)


def choose(name: str, sock: socket.socket) -> Fanout:
    """The fan-out of that name, or with "auto" the fastest that works here.

    Invalid for an unknown name, ImportError or OSError where a named one cannot work.
    """
    if name not in NAMES:
        raise Invalid(Message("fanout.unknown", name=name, choices=list(NAMES)))
    if name != "auto":
        return _load(name)(sock)
    for candidate in ("native", "abi"):
        try:
            return _load(candidate)(sock)
        except (ImportError, OSError, AttributeError) as error:
            log.info("media.fanout_unavailable", fanout=candidate, reason=str(error))
    return _load("plain")(sock)


def _load(name: str) -> Callable[[socket.socket], Fanout]:
    module, attribute = _CLASSES[name]
    found: Callable[[socket.socket], Fanout] = getattr(importlib.import_module(module), attribute)
    return found
