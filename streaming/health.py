"""`/healthz` says what is wrong; `/metrics` gives figures to Prometheus on the inside network."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streaming.feed import Feeds
from streaming.plane import MediaPlane
from streaming.poller import Poller

LAG_LIMIT = 1.0
"""Seconds the event loop may be late before the hub calls itself unwell."""


class Health(Collector):
    """Looks at the parts of the running hub."""

    def __init__(self, poller: Poller, feeds: Feeds, media: MediaPlane) -> None:
        self._poller, self._feeds, self._media = poller, feeds, media
        self.media_trouble: str | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [Route("/healthz", self.healthz), Route("/metrics", self.metrics)]

    def checks(self) -> dict[str, str]:
        """Part → ok or what is wrong and what to do."""
        poller = self._poller
        late = f"事件循环迟滞 {poller.lag:.1f} 秒，请减轻本机负载 / event loop late"
        ledger = f"读不到账本（{poller.trouble}），请检查数据库 / ledger unreachable"
        return {
            "ledger": ledger if poller.trouble else "ok",
            "media": self.media_trouble or "ok",
            "loop": late if poller.lag > LAG_LIMIT else "ok",
        }

    async def healthz(self, request: Request) -> Response:
        """200 while it can serve, 503 without ledger or media port; the body names each part."""
        checks = self.checks()
        well = checks["ledger"] == checks["media"] == "ok"
        status = "ok" if set(checks.values()) == {"ok"} else "degraded"
        body = {"status": status, "checks": checks}
        headers = {"cache-control": "no-store"}
        return Response(
            json.dumps(body, ensure_ascii=False), 200 if well else 503, headers, media_type="application/json"
        )

    async def metrics(self, request: Request) -> Response:
        """Prometheus text format; 404 for the public, since viewers of a room tell of the interest in its lot."""
        if not inside(request):
            raise HTTPException(404)
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4")

    def collect(self) -> Iterator[Metric]:
        """Families of the hub and of its media plane."""
        checks = self.checks()
        up = GaugeMetricFamily("sunbid_hub_part_ok", "1 while a part of the hub works", labels=["part"])
        for part, state in checks.items():
            up.add_metric([part], float(state == "ok"))
        yield up
        yield GaugeMetricFamily("sunbid_hub_loop_lag_seconds", "event loop lateness", self._poller.lag)
        yield GaugeMetricFamily("sunbid_hub_feeds", "open WebSocket feeds", len(self._feeds.open))
        yield CounterMetricFamily("sunbid_hub_feed_messages", "feed messages sent", self._feeds.sent)
        yield from self._media.metrics()


def inside(request: Request) -> bool:
    """Whether a request comes straight from this machine or a private network, not through a proxy in front."""
    if "x-forwarded-for" in request.headers or request.client is None:
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
