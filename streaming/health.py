"""`/healthz` says what is wrong and what to do; `/metrics` gives figures to Prometheus on the inside network."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from records.clock import now, rfc3339, timestamp
from records.serving.workers import Worker, Workers
from streaming.diskspace import GIB, DiskGuard
from streaming.live.feed import Feeds
from streaming.live.poller import Poller
from streaming.plane import MediaPlane

LAG_LIMIT = 1.0
"""Seconds the event loop may be late before the hub calls itself unwell."""
STEP_LIMIT = 0.5
"""Seconds by which the clock may move against the steady one within a second."""
STEP_SHOWN = 600.0
"""Seconds a step of the clock stays in the report."""
VITAL = frozenset({"ledger", "media", "workers"})
"""Checks without which the hub cannot serve: 503."""
STATES = ("idle", "standby", "live", "paused", "ended")

Rows = Callable[[], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Trouble:
    """One failing check in words, and its remedy."""

    zh: str
    en: str
    remedy_zh: str = "查看直播服务日志"
    remedy_en: str = "see the hub's log"

    def line(self) -> str:
        """All of it in one line."""
        return f"{self.zh}，{self.remedy_zh} / {self.en}: {self.remedy_en}"


Check = Callable[[], "Trouble | str | None"]
"""What is wrong with a part: a Trouble, or words "zh / en"; None or "" while all is well."""


class ClockWatch:
    """Notices when the machine's clock jumps: the record of an opening must bear the right time."""

    def __init__(self) -> None:
        self._offset = timestamp() - time.monotonic()
        self._stepped: tuple[float, float] | None = None

    def look(self) -> None:
        """Compare the two clocks; call about once a second."""
        offset = timestamp() - time.monotonic()
        moved, self._offset = offset - self._offset, offset
        if abs(moved) > STEP_LIMIT:
            self._stepped = (moved, time.monotonic())

    def trouble(self) -> Trouble | None:
        """The last step, for ten minutes."""
        if self._stepped is None or time.monotonic() - self._stepped[1] > STEP_SHOWN:
            return None
        moved = self._stepped[0]
        return Trouble(
            f"系统时钟刚才跳变 {moved:+.1f} 秒", f"the clock was set by {moved:+.1f} s just now",
            "检查对时服务（chrony 或 ntpd），并在开标记录中注明", "check chrony or ntpd and note it in the record",
        )  # fmt: skip


class Health(Collector):
    """Looks at the parts of the running hub; other parts join through `watch`."""

    def __init__(self, poller: Poller, feeds: Feeds, media: MediaPlane, disk: DiskGuard) -> None:
        self._poller, self._feeds, self._media, self._disk = poller, feeds, media, disk
        self.media_trouble: str | None = None
        """Why the media port cannot be had."""
        self.rows: Rows = tuple
        """Lines of all rooms, as the desk gets them."""
        self._clock = ClockWatch()
        self.workers = Workers()
        self._checks: dict[str, Check] = {
            "ledger": self._ledger, "media": self._port, "loop": self._loop, "disk": self._space,
            "clock": self._clock.trouble, "workers": self._stuck,
        }  # fmt: skip
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._task: asyncio.Task[None] | None = None

    def watch(self, name: str, check: Check) -> None:
        """Include another part: recorder, edges, cameras."""
        self._checks[name] = check

    async def start(self) -> None:
        """Begin to watch the clock."""
        self._task = self.workers.task("clock", self._tick)

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self, worker: Worker) -> None:
        while True:
            worker.beat()
            await asyncio.sleep(1.0)
            self._clock.look()

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [Route("/healthz", self.healthz), Route("/metrics", self.metrics)]

    # -- checks -----------------------------------------------------------------------------------

    def _ledger(self) -> Trouble | None:
        why = self._poller.trouble
        if not why:
            return None
        return Trouble(
            f"读不到账本（{why}）", f"the ledger cannot be read ({why})",
            "检查数据库是否运行、网址与磁盘", "check that the database runs, its URL and its disk",
        )  # fmt: skip

    def _port(self) -> Trouble | None:
        if not self.media_trouble:
            return None
        return Trouble(
            f"媒体端口不可用：{self.media_trouble}", f"the media port is not open: {self.media_trouble}",
            "换一个 media_port，或停掉占用它的程序；每 5 秒自动重试",
            "choose another media_port or stop what holds it; tried again every 5 s",
        )  # fmt: skip

    def _loop(self) -> Trouble | None:
        lag = self._poller.lag
        if lag <= LAG_LIMIT:
            return None
        return Trouble(
            f"事件循环迟滞 {lag:.1f} 秒", f"the event loop is {lag:.1f} s late",
            "减轻本机负载，或把智管台移到另一台机器", "take load off this machine, or move the desk elsewhere",
        )  # fmt: skip

    def _space(self) -> Trouble | None:
        try:
            state = self._disk.look()
        except OSError as error:
            return Trouble(
                f"读不到数据目录（{error.strerror}）", f"the data folder cannot be read ({error.strerror})",
                "检查磁盘与权限", "check disk and permissions",
            )  # fmt: skip
        if state == "ok":
            return None
        free = f"{self._disk.free / GIB:.1f} GiB"
        return Trouble(
            f"数据磁盘只剩 {free}", f"only {free} left on the data disk",
            "清理或扩容；低于 0.5 GiB 时录像停止", "make room; below 0.5 GiB recording stops",
        )  # fmt: skip

    def _stuck(self) -> Trouble | None:
        """A task or thread that has ended or is stuck; the supervisor replaces the hub where that helps."""
        troubles = self.workers.troubles()
        zh, _, en = "；".join(troubles.values()).partition(" / ")
        return Trouble(zh, en) if troubles else None

    def troubles(self) -> dict[str, Trouble]:
        """Failing checks by name."""
        found = {}
        for name, check in self._checks.items():
            told = check()
            if told:
                found[name] = told if isinstance(told, Trouble) else _of_words(told)
        return found

    def checks(self) -> dict[str, str]:
        """Part → ok or what is wrong and what to do."""
        troubles = self.troubles()
        return {name: troubles[name].line() if name in troubles else "ok" for name in self._checks}

    def report(self) -> dict[str, Any]:
        """`status` ok, degraded or failing; each check; each problem with its remedy, zh and en."""
        troubles = self.troubles()
        status = "failing" if VITAL & troubles.keys() else "degraded" if troubles else "ok"
        return {
            "status": status,
            "at": rfc3339(now()),
            "replace": self.workers.replace(),
            "checks": {n: troubles[n].line() if n in troubles else "ok" for n in self._checks},
            "problems": [{"check": name, **asdict(trouble)} for name, trouble in troubles.items()],
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

    # -- metrics ----------------------------------------------------------------------------------

    async def metrics(self, request: Request) -> Response:
        """Prometheus text format; 404 for the public, since viewers of a room tell of the interest in its lot."""
        if not inside(request):
            raise HTTPException(404)
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4")

    def collect(self) -> Iterator[Metric]:
        """Families of the hub, of its rooms and of its media plane (docs/metrics.md)."""
        up = GaugeMetricFamily("sunbid_hub_part_ok", "1 while a part of the hub works", labels=["part"])
        troubles = self.troubles()
        for part in self._checks:
            up.add_metric([part], float(part not in troubles))
        yield up
        yield GaugeMetricFamily("sunbid_hub_loop_lag_seconds", "event loop lateness", self._poller.lag)
        yield GaugeMetricFamily("sunbid_hub_disk_free_bytes", "room on the data disk", self._disk.free)
        yield GaugeMetricFamily("sunbid_hub_feeds", "open WebSocket feeds", len(self._feeds.open))
        yield CounterMetricFamily("sunbid_hub_feed_messages", "feed messages sent", self._feeds.sent)
        yield from room_families(self.rows())
        yield from self._media.metrics()


def room_families(rows: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """What the operators see of each room: its state, its covers, its way to the source, its recorder."""
    state = GaugeMetricFamily("sunbid_room_state", "1 for the state a room is in", labels=["room", "state"])
    named = {
        "muted": GaugeMetricFamily("sunbid_room_muted", "1 while operators mute the room", labels=["room"]),
        "slated": GaugeMetricFamily(
            "sunbid_room_slated", "1 while operators have the slate up", labels=["room"]
        ),
        "rtt": GaugeMetricFamily("sunbid_room_rtt_seconds", "to the publisher and back", labels=["room"]),
        "keyframe_age": GaugeMetricFamily(
            "sunbid_room_keyframe_age_seconds", "since the last keyframe sent to viewers", labels=["room"]
        ),
    }
    recording = GaugeMetricFamily(
        "sunbid_room_recording", "1 while the room is recorded; absent without a recorder", labels=["room"]
    )
    for row in rows:
        for name in STATES:
            state.add_metric([row["id"], name], float(row["state"] == name))
        for key, family in named.items():
            if row.get(key) is not None:
                family.add_metric([row["id"]], float(row[key]))
        if row.get("recorder") is not None:
            recording.add_metric([row["id"]], float(row["recorder"]["state"] == "recording"))
    yield from (state, *named.values(), recording)


def _of_words(text: str) -> Trouble:
    zh, _, en = text.partition(" / ")
    return Trouble(zh, en or zh)


def inside(request: Request) -> bool:
    """Whether a request comes straight from this machine or a private network, not through a proxy in front."""
    if "x-forwarded-for" in request.headers or request.client is None:
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
