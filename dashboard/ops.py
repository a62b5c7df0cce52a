"""Counters of the desk for Prometheus, and its health."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import context

REGISTRY = CollectorRegistry()
SCREEN_SECONDS = Histogram(
    "sunbid_desk_screen_seconds",
    "Server time to draw a screen or refresh it",
    ["screen"],
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
SCREEN_ERRORS = Counter("sunbid_desk_screen_errors", "Screens that failed", registry=REGISTRY)
SIGN_INS = Counter("sunbid_desk_sign_ins", "Sign-ins by outcome", ["outcome"], registry=REGISTRY)
EXPORTS = Counter(
    "sunbid_desk_exports", "Exports by table and format", ["table", "format"], registry=REGISTRY
)


async def metrics(_request: Request) -> Response:
    """GET /ops/metrics: Prometheus text; holds no names."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def healthz(_request: Request) -> Response:
    """GET /healthz: 200 while the ledger answers, 503 otherwise."""
    ok = await run_in_threadpool(_ledger_answers)
    return JSONResponse({"status": "ok" if ok else "ledger unreachable"}, 200 if ok else 503)


def _ledger_answers() -> bool:
    try:
        with context.ledger().read() as session:
            session.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001 - any failure of the database is the answer
        return False
    return True


routes = [Route("/healthz", healthz), Route("/ops/metrics", metrics)]
