"""`/healthz` says what is wrong and what to do; `/metrics` gives figures to Prometheus on the inside network."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from records.clock import now, rfc3339
from streaming.machine import Machine
from streaming.service import Service, Trouble

VITAL = frozenset({"ledger", "media", "workers"})
"""Checks without which the hub cannot serve: 503."""


class Health(Service, Collector):
    """Asks every service how it is."""

    def __init__(self, machine: Machine, services: Sequence[Service]) -> None:
        self._machine, self._services = machine, (*services, machine)
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [Route("/healthz", self.healthz), Route("/metrics", self.families)]

    def checks(self) -> dict[str, Trouble | None]:
        """Every check by name; None while all is well."""
        return {name: found for one in self._services for name, found in one.trouble().items()}

    def report(self) -> dict[str, Any]:
        """`status` ok, degraded or failing; each check; each problem with its remedy, zh and en."""
        checks = self.checks()
        troubles = {name: trouble for name, trouble in checks.items() if trouble}
        status = "failing" if VITAL & troubles.keys() else "degraded" if troubles else "ok"
        return {
            "status": status,
            "at": rfc3339(now()),
            "replace": self._machine.replace(),
            "checks": {name: trouble.line() if trouble else "ok" for name, trouble in checks.items()},
            "problems": [{"check": name, **trouble.to_json()} for name, trouble in troubles.items()],
        }

    async def healthz(self, request: Request) -> Response:
        """200 while it can serve, 503 without ledger or media port; the body names what is wrong. The public
        hears only the status: the rest tells of rooms, cameras and machines inside."""
        report = self.report()
        if not inside(request):
            report = {name: report[name] for name in ("status", "at")}
        body = json.dumps(report, ensure_ascii=False)
        status = 503 if report["status"] == "failing" else 200
        return Response(body, status, {"cache-control": "no-store"}, media_type="application/json")

    async def families(self, request: Request) -> Response:
        """Prometheus text format; 404 for the public, since viewers of a room tell of the interest in its lot."""
        if not inside(request):
            raise HTTPException(404)
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4")

    def collect(self) -> Iterator[Metric]:
        """Families of the hub and of all its services (docs/metrics.md)."""
        up = GaugeMetricFamily("sunbid_hub_part_ok", "1 while a part of the hub works", labels=["part"])
        for name, trouble in self.checks().items():
            up.add_metric([name], float(trouble is None))
        yield up
        for service in self._services:
            yield from service.metrics()


PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
"""What a proxy in front adds, one or another of them: the address it comes from says nothing of who asks."""


def inside(request: Request) -> bool:
    """Whether a request comes straight from this machine or a private network, not through a proxy in front."""
    if request.client is None or any(name in request.headers for name in PASSED_ON):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
