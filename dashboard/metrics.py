"""Counters of the desk for Prometheus, and its health."""

from __future__ import annotations

import anyio
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import context
from records.serving.workers import Workers

WORKERS = Workers()
"""The threads this desk cannot do without."""
LEDGER_ANSWERS = 5.0
"""Seconds within which the ledger must answer for the desk to be well."""
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
    """GET /healthz: 200 while the ledger answers and the workers work, 503 otherwise; `replace`: a new desk would help."""
    if WORKERS.troubles():
        return JSONResponse(WORKERS.state(), 503)
    ok = False
    with anyio.move_on_after(LEDGER_ANSWERS):
        ok = await anyio.to_thread.run_sync(_ledger_answers, abandon_on_cancel=True)
    if ok:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "ledger unreachable", "replace": False}, 503)


def _ledger_answers() -> bool:
    try:
        context.ledger().ask()
    except Exception:  # noqa: BLE001 - any failure of the database is the answer
        return False
    return True


routes = [Route("/healthz", healthz), Route("/ops/metrics", metrics)]
