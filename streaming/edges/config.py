"""The setting `edges`: which Janus servers take viewers off the hub, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from messages import Invalid, Message

CAPACITY = 500
ADMIN_PORT = 7188
_PARAMETERS = ("key", "secret", "admin", "rtp", "public", "capacity")
_EXAMPLE = "ws://10.0.0.5:8188?key=…&secret=…"
_HOST = re.compile(r"^[0-9A-Za-z.\-:]+$")


class EdgeError(Invalid):
    """An entry of `edges` that cannot be used; the message says which, why and what to write instead."""


@dataclass(frozen=True)
class Edge:
    """One Janus server.

    url       its WebSocket API, ws:// or wss://
    key       admin_key of its streaming plugin; empty: none is set there
    secret    api_secret of the server; empty: none is set there
    admin     admin_secret of the server, whose admin interface then shows which viewers are still there;
              empty: it is not asked
    rtp       address the hub sends media to; empty: the host of the url
    public    address viewers are told instead of the one Janus names; empty: leave it
    capacity  viewers it takes at most
    """

    url: str
    key: str = ""
    secret: str = ""
    admin: str = ""
    rtp: str = ""
    public: str = ""
    capacity: int = CAPACITY

    @property
    def name(self) -> str:
        """host:port, by which logs and figures call it."""
        return urlsplit(self.url).netloc

    @property
    def admin_url(self) -> str:
        """The admin interface: same host, its own port."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition(":")[0]
        return f"{parts.scheme}://{host}:{ADMIN_PORT}"

    @property
    def media_host(self) -> str:
        """Where plain RTP goes."""
        return self.rtp or urlsplit(self.url).hostname or ""


def parse_edges(text: str) -> tuple[Edge, ...]:
    """Edges from a setting: addresses separated by spaces or commas, options behind a question mark.

    ``ws://10.0.0.5:8188?key=…&secret=…&admin=…&rtp=10.0.0.5&public=203.0.113.5&capacity=500``; every option
    may be left out. Raises EdgeError.
    """
    found = tuple(
        _edge(number, item) for number, item in enumerate(re.split(r"[\s,]+", text.strip()), 1) if item
    )
    names = [edge.name for edge in found]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise EdgeError(Message("edge.twice", number=number, name=name))
    return found


def shown_edges(text: str) -> str:
    """The setting without its secrets, for screens and logs; what cannot be read is not shown at all."""
    try:
        return " ".join(_masked(edge) for edge in parse_edges(text))
    except EdgeError:
        return "(…)"


def _masked(edge: Edge) -> str:
    secrets = [f"{name}=***" for name in ("key", "secret", "admin") if getattr(edge, name)]
    plain = [f"{name}={quote(getattr(edge, name))}" for name in ("rtp", "public") if getattr(edge, name)]
    size = [f"capacity={edge.capacity}"] if edge.capacity != CAPACITY else []
    return "?".join(filter(None, (edge.url, "&".join([*secrets, *plain, *size]))))


def _edge(number: int, item: str) -> Edge:
    try:
        parts = urlsplit(item)
        port = parts.port
    except ValueError as error:
        raise _wrong(number, Message("edge.no_url")) from error
    _check_url(number, parts, port)
    given = _options(number, parts.query)
    capacity = given.pop("capacity", str(CAPACITY))
    if not capacity.isdecimal() or not 1 <= int(capacity) <= 100_000:
        raise _wrong(number, Message("edge.bad_capacity"))
    for name in ("rtp", "public"):
        if name in given and not _HOST.match(given[name]):
            raise _wrong(number, Message("edge.bad_host", name=name))
    url = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return Edge(url, capacity=int(capacity), **given)


def _check_url(number: int, parts: SplitResult, port: int | None) -> None:
    if parts.scheme in ("http", "https"):
        raise _wrong(number, Message("edge.not_http", scheme=parts.scheme))
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise _wrong(number, Message("edge.not_ws"))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _wrong(number, Message("edge.credentials"))
    if port is None:
        raise _wrong(number, Message("edge.no_port"))


def _options(number: int, query: str) -> dict[str, str]:
    try:
        pairs: Iterable[tuple[str, str]] = parse_qsl(
            query, keep_blank_values=True, strict_parsing=bool(query)
        )
    except ValueError as error:
        raise _wrong(number, Message("edge.bad_options")) from error
    given = {}
    for name, value in pairs:
        if name not in _PARAMETERS:
            raise _wrong(number, Message("edge.unknown_option", name=name, choices=list(_PARAMETERS)))
        given[name] = value
    return given


def _wrong(number: int, why: Message) -> EdgeError:
    # the entry itself is not repeated: it holds secrets
    return EdgeError(Message("edge.wrong", number=number, why=why, example=_EXAMPLE))
