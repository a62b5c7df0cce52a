"""Protocols by which a camera can be pulled: one declaration a file of this folder, found by the scheme of an address."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import streaming.sources

TIMEOUT = 5.0
"""Seconds without an answer or a packet after which a pull counts as failed."""
MICROSECONDS = 1_000_000
"""A second, in the unit of ffmpeg's `timeout` options."""


@dataclass(frozen=True)
class Transport:
    """One way of fetching a stream.

    options  ffmpeg's options for the input
    refused  what ffmpeg says where the camera does not offer this way: the next one is tried at once
    remark   key of the message that operators see while the stream comes this way; "" where it is the usual one
    """

    options: Mapping[str, str | int]
    refused: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class CameraProtocol:
    """What ffmpeg must know to pull a camera's stream. A file of this folder declares one as PROTOCOL.

    schemes     those of its addresses; records/rooms.py names them too, for an address is checked where it is entered
    protocols   ffmpeg's protocols that the pull may use, and no other: an address must not open a file
    transports  the ways of fetching, the best first
    """

    schemes: tuple[str, ...]
    protocols: tuple[str, ...]
    transports: tuple[Transport, ...]


@cache
def by_scheme() -> dict[str, CameraProtocol]:
    """Scheme of an address → its protocol."""
    modules = (
        import_module(f"{streaming.sources.__name__}.{found.name}")
        for found in pkgutil.iter_modules(streaming.sources.__path__)
    )
    return {
        scheme: module.PROTOCOL
        for module in modules
        if hasattr(module, "PROTOCOL")
        for scheme in module.PROTOCOL.schemes
    }
