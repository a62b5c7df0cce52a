"""The hub's server: pages, feeds and signalling over HTTP, and on the same TCP port the media of publishers whose
network shuts UDP out.

A frame of RFC 4571 begins with a length below 512 (the first packet is a STUN check), so with a byte of 0 or 1, which
no request line does.
"""

from __future__ import annotations

import asyncio
import gc
import resource
from collections.abc import Callable

import uvicorn

from records.serving.doorway import GuardedHttp
from streaming.config import HubConfig
from streaming.hub import create_app

FILES = 65_536
"""Sockets and files the hub may have open, where the machine grants them."""
_HIGHEST = 1
"""The largest first byte of a frame that holds a check."""


def shared(make_path: Callable[[], asyncio.Protocol]) -> type[GuardedHttp]:
    """For `uvicorn.Config(http=…)`: connections that begin with a frame go to a protocol of `make_path`."""

    class SharedPort(GuardedHttp):
        _begun = False

        def data_received(self, data: bytes) -> None:
            if self._begun or data[0] > _HIGHEST:
                self._begun = True
                super().data_received(data)
                return
            wire, path = self.transport, make_path()
            # uvicorn forgets the connection as it does one that broke; with no error given it would close it
            super().connection_lost(ConnectionAbortedError("a connection of the media plane"))
            wire.set_protocol(path)
            path.connection_made(wire)
            path.data_received(data)

    return SharedPort


def serve(config: HubConfig) -> None:
    """Run the hub until SIGTERM or SIGINT."""
    app = create_app(config)
    http = shared(app.state.hub.media.tcp_path) if config.shares_port else GuardedHttp
    settings = uvicorn.Config(
        app, host=config.host, port=config.port, loop="uvloop", http=http,
        ws="websockets-sansio", ws_max_size=64 * 1024, ws_ping_interval=20, ws_ping_timeout=20,
        ws_per_message_deflate=False, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=3,
        proxy_headers=bool(config.trusted_proxies), forwarded_allow_ips=list(config.trusted_proxies),
    )  # fmt: skip
    spare_collections()
    allow_connections()
    uvicorn.Server(settings).run()


def allow_connections() -> None:
    """As many open sockets and files as the machine grants: 1,024, the usual start, are one large hall."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def spare_collections() -> None:
    """Let the garbage collector leave alone what is there for good, and come less often: each full round
    over the objects of some hundred viewers would hold the pictures up for tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
