"""`WS /records`: one envelope a message in, one answer a message out, in order of commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ingest.apply.batch import Answer
from ingest.apply.receipts import last_accepted
from ingest.apply.writer import Unavailable, Writer
from ingest.envelope import oversized, parse_json
from ingest.http.senders import NoPlace, Shares, bearer, source_of
from ingest.refusal import Refusal
from messages import Message, language_of
from records.ledger import Ledger
from records.serving.problems import Problem

log = structlog.get_logger()

BAD_USE, UNKNOWN, DISABLED, TOO_MANY, UNREAD, UNAVAILABLE, RESTART = 4400, 4401, 4403, 4429, 4408, 1013, 1012
"""Close codes: wrong use, no or unknown token, source disabled, too many connections, answers not read, database away, intake stopping."""
CLOSING_S = 5.0
FIRST_MESSAGE_S = 10.0
RECHECK_S = 5.0


class Closed(Exception):
    """The server ends the connection, with a code and a reason."""

    def __init__(self, code: int, why: Message) -> None:
        super().__init__(why)
        self.code, self.why = code, why

    def reason(self, lang: str) -> str:
        """The reason in the sender's language, in at most 123 bytes (RFC 6455 §5.5)."""
        return self.why.text(lang).encode()[:123].decode("utf-8", "ignore")


@dataclass(frozen=True)
class Limits:
    """How many connections a source and an address may have, and how much of one may be on the way."""

    sources: Shares
    strangers: Shares
    unread: int
    send_seconds: float
    longest: int
    """Bytes of a record; a longer one is refused, the next is read."""


class Outbox:
    """Answers on their way to one sender, in its language."""

    def __init__(self, limits: Limits, count: Callable[[str, list[Answer]], None], lang: str) -> None:
        self._limits = limits
        self._space = asyncio.Event()
        self._messages: deque[dict[str, Any]] = deque()
        self._some = asyncio.Event()
        self._count, self._lang = count, lang
        self.source, self.longest = "", limits.longest
        self.pending = 0
        self.failed = False

    def deliver(self, answers: list[Answer] | None) -> None:
        """Called by the writer after a commit, or with None when the database failed."""
        if answers is None:
            self.failed = True
        else:
            self.pending -= len(answers)
            self._messages.extend(answer.as_dict(self._lang) for answer in answers)
            self._count(self.source, answers)
        self._some.set()

    async def space(self) -> None:
        """Wait while too much is on the way: what is not read back is not taken in."""
        while self.pending + len(self._messages) >= self._limits.unread:
            self._space.clear()
            await self._space.wait()

    def say(self, message: dict[str, Any]) -> None:
        """Queue a message that is no answer to a record."""
        self._messages.append(message)
        self._some.set()

    async def send_all(self, socket: WebSocket) -> None:
        """Send answers as they come; raises Closed when the database fails."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._messages:
                await self._send(socket, orjson.dumps(self._messages.popleft()).decode())
                self._space.set()
            if self.failed:
                raise Closed(UNAVAILABLE, Message("intake.database_away"))

    async def _send(self, socket: WebSocket, text: str) -> None:
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await socket.send_text(text)
        except TimeoutError:
            raise Closed(UNREAD, Message("intake.not_read")) from None


async def serve(
    socket: WebSocket, ledger: Ledger, writer: Writer, limits: Limits,
    count: Callable[[str, list[Answer]], None],
) -> None:  # fmt: skip
    """One connection from handshake to close."""
    await socket.accept()
    lang = language_of(socket.headers.get("accept-language"))
    outbox = Outbox(limits, count, lang)
    try:
        token = await _token(socket, limits)
        outbox.source = await _checked(ledger, token)
        with _place(limits.sources, outbox.source):
            await _converse(socket, ledger, writer, outbox, token)
    except Closed as end:
        if socket.application_state is not WebSocketState.DISCONNECTED:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await socket.close(end.code, end.reason(lang))
    except WebSocketDisconnect:
        log.debug("intake.disconnected", source=outbox.source, unanswered=outbox.pending)


@contextmanager
def _place(shares: Shares, sender: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(shares.at_once(sender))
        except NoPlace:
            raise Closed(TOO_MANY, Message("intake.too_many_connections")) from None
        yield


async def _token(socket: WebSocket, limits: Limits) -> str:
    if socket.query_params:
        raise Closed(BAD_USE, Message("intake.token_in_address"))
    if token := bearer(socket.headers.get("authorization")):
        return token
    try:
        with _place(limits.strangers, socket.client.host if socket.client else ""):
            async with asyncio.timeout(FIRST_MESSAGE_S):
                first = parse_json(await _text(socket))
    except TimeoutError:
        raise Closed(UNKNOWN, Message("intake.token_too_late")) from None
    except Refusal:
        first = None
    token = first.get("token") if isinstance(first, dict) else None
    if not isinstance(token, str):
        raise Closed(UNKNOWN, Message("intake.first_message"))
    return token


async def _checked(ledger: Ledger, token: str) -> str:
    try:
        return await source_of(ledger, token)
    except Problem as problem:
        raise Closed(DISABLED if problem.status == 403 else UNKNOWN, problem.message) from None


async def _text(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str | bytes | None = message.get("text")
    return text if text is not None else message["bytes"]


async def _converse(socket: WebSocket, ledger: Ledger, writer: Writer, outbox: Outbox, token: str) -> None:
    tasks = [
        asyncio.create_task(_receive(socket, ledger, writer, outbox)),
        asyncio.create_task(outbox.send_all(socket)),
        asyncio.create_task(_recheck(ledger, token)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _receive(socket: WebSocket, ledger: Ledger, writer: Writer, outbox: Outbox) -> None:
    while True:
        text = await _text(socket)
        try:
            if _asks_to_resume(text):
                await _resume(ledger, writer, outbox)
                continue
            await outbox.space()
            outbox.pending += 1
            record = await _measured(text, outbox.longest)
            await writer.put(outbox.source, (record,), outbox.deliver)
        except Unavailable as error:
            raise Closed(RESTART, error.message) from None


async def _measured(text: str | bytes, longest: int) -> Any:
    """The record, or what is kept of one that is too long; reading the name of such a one takes a while."""
    if len(text) * 4 <= longest:  # whatever its characters
        return text
    return await asyncio.to_thread(oversized, text, longest) or text


def _asks_to_resume(text: str | bytes) -> bool:
    if len(text) > 64:
        return False
    try:
        message = parse_json(text)
    except Refusal:
        return False
    return isinstance(message, dict) and len(message) == 1 and message.get("resume") is True


async def _resume(ledger: Ledger, writer: Writer, outbox: Outbox) -> None:
    """Tell a sender where it stands, after all it has sent so far has been answered or lost."""
    await writer.submit(outbox.source, ())

    def read() -> dict[str, Any]:
        with ledger.read() as session:
            return last_accepted(session, outbox.source)

    outbox.say({"resume": await asyncio.to_thread(read)})


async def _recheck(ledger: Ledger, token: str) -> None:
    """A token taken back ends its connections within seconds."""
    while True:
        await asyncio.sleep(RECHECK_S)
        await _checked(ledger, token)
