"""The intake server: `POST /records`, `WS /records`, the schema, its description, health and metrics."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import structlog
import uvicorn
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage
from starlette.websockets import WebSocket

from ingest import schema as schemas
from ingest.apply.envelopes import Answer
from ingest.apply.receipts import last_accepted
from ingest.apply.writer import Unavailable, Writer
from ingest.config import IntakeConfig
from ingest.http import body, description, feed, sender_status
from ingest.http.metrics import IntakeMetrics
from ingest.http.senders import NoPlace, Shares, bearer, source_of
from ingest.kinds.registry import KINDS
from messages import Message, language_of
from records.ledger import Ledger
from records.serving import signing
from records.serving.doorway import guarded
from records.serving.problems import Problem, ProblemResponse
from records.serving.requests import PlainAddresses
from records.serving.workers import Workers

log = structlog.get_logger()

LEDGER_ANSWERS = 5.0
"""Seconds within which the ledger must say its version for the intake to be well."""


class Intake:
    """What the routes of one process share."""

    def __init__(self, config: IntakeConfig) -> None:
        self.config = config
        self.ledger = Ledger(config.database_url)
        self.counts = IntakeMetrics()
        self.workers = Workers()
        self.writer: Writer | None = None
        self.bodies = Shares(config.bodies_each, config.body_wait)
        self.splits = asyncio.Semaphore(config.max_splits)
        self.limits = feed.Limits(
            Shares(config.sockets_each),
            Shares(config.strangers_each),
            config.unread,
            config.send_idle,
            config.max_message,
        )

    @asynccontextmanager
    async def life(self, _app: Starlette) -> AsyncIterator[None]:
        """Start the writer; at the end write what is queued."""
        config = self.config
        key = await asyncio.to_thread(signing.load_key, config.data_dir)
        self.writer = Writer(
            self.ledger, key=key, batch=config.batch, queue=config.queue,
            observe=self.counts.committed, workers=self.workers, patience=config.patience,
        )  # fmt: skip
        self.writer.start()
        try:
            yield
        finally:
            await self.writer.stop()
            self.ledger.close()

    @property
    def running(self) -> Writer:
        """The writer; raises Problem 503 before the start."""
        if self.writer is None:
            raise Problem(503, Message("intake.not_started"))
        return self.writer

    async def post(self, request: Request) -> Response:
        """Take a JSON array or NDJSON; the answers come in the same form, after each commit."""
        source = await source_of(self.ledger, bearer(request.headers.get("authorization")))
        try:
            async with self.bodies.waited(source):
                records, array = await self._records(request)
        except NoPlace:
            raise Problem(
                429,
                Message("intake.too_many_requests"),
                {"Retry-After": "5", "Connection": "close"},
            ) from None
        pieces = self._answers(source, records)
        first: list[Answer] = await anext(pieces, [])
        lang = language_of(request.headers.get("accept-language"))
        media = "application/json" if array else "application/x-ndjson"
        return StreamingResponse(_written(first, pieces, array, lang), media_type=media)

    async def _records(self, request: Request) -> tuple[list[Any], bool]:
        packed = await body.read_body(request, self.config)
        async with self.splits:
            kind = request.headers.get("content-type", "")
            return await asyncio.to_thread(body.split, packed, kind, self.config)

    async def _answers(self, source: str, records: list[Any]) -> AsyncIterator[list[Answer]]:
        size = self.config.batch
        for start in range(0, len(records), size):
            try:
                answers = await self.running.submit(source, records[start : start + size])
            except Unavailable as error:
                raise Problem(503, error.message, {"Retry-After": "5"}) from None
            self.counts.answered(source, "http", answers)
            yield answers

    async def _asked(self, request: Request, ask: Callable[[Session, str], Any]) -> Response:
        """What the sender of a request may know of its own records."""
        source = await source_of(self.ledger, bearer(request.headers.get("authorization")))

        def read() -> Any:
            with self.ledger.read() as session:
                return ask(session, source)

        return Response(orjson.dumps(await asyncio.to_thread(read)), media_type="application/json")

    async def held(self, request: Request) -> Response:
        """`GET /records/held?kind=&key=…`: the newest version held of each key, and where the sender stands."""
        kind, keys = sender_status.kind_and_keys(request)
        return await self._asked(
            request,
            lambda session, source: {
                "resume": last_accepted(session, source),
                "held": sender_status.held(session, source, kind, keys),
            },
        )

    async def rejects(self, request: Request) -> Response:
        """`GET /rejects?after=&limit=&open=`: the sender's own refused records, whole."""
        after, limit, open_only = sender_status.page_of(request)
        return await self._asked(
            request, lambda session, source: sender_status.rejected(session, source, after, limit, open_only)
        )

    async def feed(self, socket: WebSocket) -> None:
        """`WS /records`."""
        self.counts.connections.inc()
        try:
            await feed.serve(
                socket, self.ledger, self.running, self.limits,
                lambda s, a: self.counts.answered(s, "websocket", a),
            )  # fmt: skip
        finally:
            self.counts.connections.dec()

    async def healthz(self, request: Request) -> Response:
        """200 when the ledger answers and the writer works, else 503; `replace`: a new process would help."""
        if self.workers.troubles():
            return _json(self.workers.state(), status=503)
        try:
            async with asyncio.timeout(LEDGER_ANSWERS):
                version = await asyncio.to_thread(self.ledger.schema_version)
        except Exception as error:  # noqa: BLE001 — whatever ails the database is the answer here
            log.error("intake.unhealthy", cause=type(error).__name__)
            return _failing(request, Message("intake.database_unavailable"))
        return _json({"status": "ok", "schema": version})

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text."""
        self.counts.waiting(self.running.waiting, self.config.queue)
        return Response(self.counts.render(), media_type="text/plain; version=0.0.4")


async def _written(
    first: list[Answer], pieces: AsyncIterator[list[Answer]], array: bool, lang: str
) -> AsyncIterator[bytes]:
    opening, between, closing = (b"[", b",", b"]\n") if array else (b"", b"\n", b"\n")
    yield opening + between.join(orjson.dumps(answer.as_dict(lang)) for answer in first)
    async for answers in pieces:
        yield between + between.join(orjson.dumps(answer.as_dict(lang)) for answer in answers)
    yield closing


def _json(value: Any, media: str = "application/json", status: int = 200) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), status, media_type=media)


def _failing(request: Request, why: Message) -> Response:
    detail = why.text(language_of(request.headers.get("accept-language")))
    return _json({"status": "failing", "replace": False, "detail": detail}, status=503)


async def _schema(request: Request) -> Response:
    kind = request.path_params.get("kind")
    schema = schemas.schema() if kind is None else schemas.kind_schema(kind)
    if schema is None:
        raise Problem(404, Message("intake.no_such_kind", kinds=list(KINDS)))
    return _json(schema, "application/schema+json")


async def _openapi(request: Request) -> Response:
    answer = _json(description.openapi(language_of(request.headers.get("accept-language"))))
    answer.headers["vary"] = "Accept-Language"
    return answer


async def _docs(request: Request) -> Response:
    return HTMLResponse(
        description.page(language_of(request.headers.get("accept-language"))),
        headers={
            "Vary": "Accept-Language",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        },
    )


async def _problem(_request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        why = _OF_STARLETTE.get(error.status_code) or Message("intake.not_served", said=error.detail)
        return ProblemResponse(error.status_code, why, error.headers)
    log.error("intake.unexpected", cause=type(error).__name__)
    return ProblemResponse(500, Message("intake.internal_error"))


_OF_STARLETTE = {404: Message("intake.no_such_address"), 405: Message("intake.method_not_allowed")}
"""What the framework refuses by itself."""


class AnswersInTime:
    """Ends a request whose answer is not read: it would be kept for as long as the sender likes."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def in_time(message: AsgiMessage) -> None:
            async with asyncio.timeout(self._seconds):
                await send(message)

        await self._app(scope, receive, in_time)


def create_app(config: IntakeConfig) -> Starlette:
    """The ASGI application of the intake. The ledger's schema must be up to date."""
    intake = Intake(config)
    routes = [
        Route("/records", intake.post, methods=["POST"]),
        WebSocketRoute("/records", intake.feed),
        Route("/records/held", intake.held),
        Route("/rejects", intake.rejects),
        Route("/schema", _schema),
        Route("/schema/{kind}", _schema),
        Route("/openapi.json", _openapi),
        Route("/docs", _docs),
        Route("/healthz", intake.healthz),
        Route("/metrics", intake.metrics),
    ]
    handlers: Any = {Problem: _problem, HTTPException: _problem, Exception: _problem}
    app = Starlette(
        routes=routes,
        lifespan=intake.life,
        exception_handlers=handlers,
        middleware=[Middleware(PlainAddresses), Middleware(AnswersInTime, seconds=config.send_idle)],
    )
    app.state.intake = intake
    return app


def serve(config: IntakeConfig) -> None:
    """Run the intake until SIGTERM or Ctrl-C; what has been received is written before the end."""
    ledger = Ledger(config.database_url)
    ledger.upgrade()
    ledger.close()
    # uvicorn raises the signal again after its clean stop; that must not turn into a failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with suppress(KeyboardInterrupt):
        server(config).run()


def server(config: IntakeConfig) -> uvicorn.Server:
    """The intake's server, not running yet."""
    settings = uvicorn.Config(
        create_app(config),
        host=config.host,
        port=config.port,
        loop="uvloop",
        http=guarded(config.head_seconds),
        ws_max_size=config.max_frame,
        ws_ping_interval=20.0,
        proxy_headers=bool(config.trusted_proxies),
        forwarded_allow_ips=list(config.trusted_proxies),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(settings)
