"""Whether an edge's viewers are still there.

Janus 1.1.2 does not notice a viewer that leaves without a word (a closed laptop, a cut line) and sends
to it for ever. Its admin interface shows what the viewer's last RTCP report said; a report whose round
trip and jitter have not moved by a millisecond for over a minute of sent media has not been renewed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from messages import Invalid, Message
from streaming.edges.config import Edge

log = structlog.get_logger()

EVERY = 15.0
"""Seconds between two looks at each viewer."""
STILL = 5
"""Looks in a row with the same report after which a viewer is taken to be gone."""
_ANSWER_SECONDS = 2.0
_REPORTED = ("rtt", "lost-by-remote", "jitter-remote", "out-link-quality", "out-media-link-quality")


class Watched(Protocol):
    """A viewer by its handle."""

    handle: int


class Liveness:
    """Looks after the viewers of one session with one edge; `on_silent(viewer)` hears who is gone."""

    def __init__(
        self,
        edge: Edge,
        session: int,
        viewers: Callable[[], Iterable[Watched]],
        on_silent: Callable[[Any], None],
    ) -> None:
        self._edge, self._session = edge, session
        self._viewers, self._on_silent = viewers, on_silent
        self._seen: dict[int, tuple[str, int, int]] = {}

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            present = list(self._viewers())
            self._seen = {one.handle: self._seen[one.handle] for one in present if one.handle in self._seen}
            if not present:
                continue
            try:
                await self._round(present)
            except (OSError, TimeoutError, ValueError, WebSocketException) as error:
                log.warning("edge.admin_not_usable", edge=self._edge.name, error=str(error))

    async def _round(self, present: list[Watched]) -> None:
        async with connect(
            self._edge.admin_url, subprotocols=[Subprotocol("janus-admin-protocol")], proxy=None,
            compression=None, open_timeout=_ANSWER_SECONDS, close_timeout=1, ping_interval=None,
        ) as socket:  # fmt: skip
            for viewer in present:
                info = await self._ask(socket, viewer.handle)
                if info is not None and self._still(viewer.handle, *info):
                    self._on_silent(viewer)

    async def _ask(self, socket: ClientConnection, handle: int) -> tuple[str, int] | None:
        """(the viewer's last report, packets sent to it); None where the handle is gone or not connected."""
        request: dict[str, Any] = {"janus": "handle_info", "transaction": "liveness"}
        request |= {"admin_secret": self._edge.admin, "session_id": self._session, "handle_id": handle}
        async with asyncio.timeout(_ANSWER_SECONDS):
            await socket.send(json.dumps(request))
            reply = json.loads(await socket.recv())
        error = reply.get("error")
        if error is not None and int(error.get("code", 0)) == 403:
            raise Invalid(Message("edges.wrong_admin"))
        media = reply.get("info", {}).get("webrtc", {}).get("media", {})
        if not media:
            return None
        reports = [one.get("rtcp", {}).get("main", {}) for one in media.values()]
        sent = sum(one.get("stats", {}).get("out", {}).get("packets", 0) for one in media.values())
        return json.dumps([[report.get(name) for name in _REPORTED] for report in reports]), int(sent)

    def _still(self, handle: int, report: str, sent: int) -> bool:
        """Note a look; whether it was the last of too many with the same report."""
        before, count, at = self._seen.get(handle, ("", 0, 0))
        if report != before:
            count = 0
        elif sent > at:
            count += 1  # without media a viewer has nothing to report
        self._seen[handle] = (report, count, sent)
        return count >= STILL
