"""One TCP port for pages and for media: HTTP, and ICE-TCP of publishers whose network shuts UDP out.

A frame of RFC 4571 begins with a length below 512 (the first packet is a STUN check), so with a byte of 0 or 1, which
no request line does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from records.serving.doorway import GuardedHttp

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
