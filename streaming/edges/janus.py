"""One session with a Janus server over its WebSocket API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from streaming.edges.config import Edge

log = structlog.get_logger()

PLUGIN = "janus.plugin.streaming"
OPEN_SECONDS = 3.0
ANSWER_SECONDS = 2.0
ALIVE_EVERY = 1.0
"""A server that has not answered a keep-alive ANSWER_SECONDS after it was sent is gone: three seconds in all."""

OWN_LAG = 0.5
"""Seconds an event loop may be late before it, not the server, is to blame."""

OnEvent = Callable[[int, str], None]


class JanusError(Exception):
    """The server refused a request; `code` is Janus' own, 0 where it gave none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class JanusGone(JanusError):
    """The connection is lost or the server does not answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


class Janus:
    """Requests and their answers. Made by `open`; useless once `gone` is set.

    `on_event(handle, what)` hears hangup, detached, webrtcup and the like for handles of this session.
    """

    def __init__(self, socket: ClientConnection, edge: Edge, on_event: OnEvent) -> None:
        self.gone = asyncio.Event()
        self._socket = socket
        self._edge = edge
        self._on_event = on_event
        self._waiting: dict[str, tuple[asyncio.Future[dict[str, Any]], bool]] = {}
        self._session = 0
        self._tasks = [asyncio.create_task(self._read())]

    @classmethod
    async def open(cls, edge: Edge, on_event: OnEvent) -> Janus:
        """Connect and begin a session. JanusGone where nobody answers, JanusError where the secret is wrong."""
        try:
            socket = await connect(
                edge.url, subprotocols=[Subprotocol("janus-protocol")], proxy=None, compression=None,
                open_timeout=OPEN_SECONDS, close_timeout=1, ping_interval=None,
            )  # fmt: skip
        except (OSError, TimeoutError, WebSocketException) as error:
            raise JanusGone(str(error) or type(error).__name__) from error
        made = cls(socket, edge, on_event)
        try:
            made._session = int((await made._ask({"janus": "create"}))["data"]["id"])
        except BaseException:
            await made.close()
            raise
        made._tasks.append(asyncio.create_task(made._stay_alive()))
        return made

    @property
    def session(self) -> int:
        """Janus' number for it."""
        return self._session

    async def attach(self) -> int:
        """A new handle on the streaming plugin."""
        return int((await self._ask({"janus": "attach", "plugin": PLUGIN}))["data"]["id"])

    async def detach(self, handle: int) -> None:
        """Give a handle back; its viewer, if any, is disconnected."""
        await self._ask({"janus": "detach", "handle_id": handle})

    async def plugin(self, handle: int, body: dict[str, Any], answer: str | None = None) -> dict[str, Any]:
        """Send a message to the plugin and return what it answers: its data, and `sdp` where it offers.

        answer: our SDP answer to its offer. JanusError where the plugin refuses.
        """
        request: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if answer is not None:
            request["jsep"] = {"type": "answer", "sdp": answer}
        reply = await self._ask(request)
        data = dict(reply.get("plugindata", {}).get("data", {}))
        if "error_code" in data:
            raise JanusError(int(data["error_code"]), str(data.get("error", "")))
        return {**data, "sdp": reply.get("jsep", {}).get("sdp")}

    async def trickle(self, handle: int, candidates: list[dict[str, Any]]) -> None:
        """Hand on candidates of the viewer's (Janus' own form of them)."""
        await self._ask(
            {"janus": "trickle", "handle_id": handle, "candidates": candidates}, acknowledged=True
        )

    async def close(self) -> None:
        """End the session; Janus lets its viewers go."""
        if not self.gone.is_set() and self._session:
            with contextlib.suppress(JanusError):
                await self._ask({"janus": "destroy"})
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lost("closed")
        await self._socket.close()

    # -- below ------------------------------------------------------------------------------------

    async def _ask(self, fields: dict[str, Any], *, acknowledged: bool = False) -> dict[str, Any]:
        """The reply to one request; `acknowledged`: an "ack" is all that comes."""
        if self.gone.is_set():
            raise JanusGone("closed")
        transaction = secrets.token_hex(8)
        request = {"transaction": transaction, **fields}
        if self._session:
            request["session_id"] = self._session
        if self._edge.secret:
            request["apisecret"] = self._edge.secret
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = (future, acknowledged)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._socket.send(json.dumps(request))
                return await future
        except TimeoutError as error:
            raise JanusGone(f"no answer to {fields['janus']}") from error
        except WebSocketException as error:
            raise JanusGone(str(error)) from error
        finally:
            self._waiting.pop(transaction, None)

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._on_message(json.loads(text))
        except (WebSocketException, ValueError) as error:
            log.warning("edge.connection_lost", edge=self._edge.name, error=str(error))
        finally:
            self._lost("connection lost")

    def _on_message(self, message: dict[str, Any]) -> None:
        what = str(message.get("janus", ""))
        future, acknowledged = self._waiting.get(str(message.get("transaction", "")), (None, False))
        if what == "timeout":
            self._lost("session timed out")
        elif future is None:
            self._on_event(int(message.get("sender", 0)), what)
        elif not future.done() and (what != "ack" or acknowledged):
            if what == "error":
                error = message.get("error", {})
                future.set_exception(JanusError(int(error.get("code", 0)), str(error.get("reason", ""))))
            else:
                future.set_result(message)

    async def _stay_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            try:
                await self._alive()
            except JanusError as error:
                self._lost(str(error))
                return

    async def _alive(self) -> None:
        asked = time.monotonic()
        try:
            await self._ask({"janus": "keepalive"}, acknowledged=True)
        except JanusGone:
            if self.gone.is_set() or time.monotonic() - asked < ANSWER_SECONDS + OWN_LAG:
                raise
            # it was this process that stood still, and the answer may lie unread: do not cut off hundreds
            await self._ask({"janus": "keepalive"}, acknowledged=True)

    def _lost(self, reason: str) -> None:
        if self.gone.is_set():
            return
        self.gone.set()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(JanusGone(reason))
