"""Who watches where: the hub while it has room to spare, else the edge with the least to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from messages import Message
from records.serving.workers import Workers
from streaming.edges.config import Edge
from streaming.edges.edge import EdgeLink, EdgeViewer
from streaming.edges.janus import JanusError
from streaming.edges.mountpoints import Plane
from streaming.service import Trouble
from streaming.wire.codecs import Codec
from streaming.wire.sdp import Offer, SdpError

log = structlog.get_logger()

DOWN = {"gone": Message("edge.no_answer"), "refused": Message("edge.keys_refused")}
TRIES = 2
JOIN_SECONDS = 3.0
"""Two edges that do not answer and the hub itself fit into the eight seconds a player waits."""


@dataclass(frozen=True)
class EdgesConfig:
    """edges: which; after: viewers of a room whom the hub serves itself before the next goes to an edge;
    owner: tells this hub's mountpoints from those of another hub on the same edge."""

    edges: tuple[Edge, ...]
    after: int = 0
    owner: str = "hub"


class Edges:
    """All edges. Belongs to the event loop that ran `start`.

    `on_ended` hears the id of every session that is over.
    """

    def __init__(
        self, config: EdgesConfig, plane: Plane, on_ended: Callable[[str], None] = lambda session: None
    ) -> None:
        self.config = config
        self.links = [EdgeLink(edge, plane, config.owner, self._left) for edge in config.edges]
        self._on_ended = on_ended
        self._sessions: dict[str, EdgeViewer] = {}
        self._ended: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    async def start(self, workers: Workers) -> None:
        """Begin to connect; edges that are down do not hold anything up."""
        for link in self.links:
            link.start(workers)

    async def stop(self) -> None:
        """Let all viewers go and remove what was set up on the edges."""
        await asyncio.gather(*(link.stop() for link in self.links))

    async def place(
        self, room: str, offer: Offer, codecs: Mapping[str, Codec], here: int
    ) -> EdgeViewer | None:
        """A session on the least loaded edge; None where the hub should serve the viewer itself.

        here: how many viewers of the room the hub serves now.
        """
        if here < self.config.after:
            return None
        open_ones = [link for link in self.links if link.open]
        for link in sorted(open_ones, key=lambda link: link.load)[:TRIES]:
            try:
                async with asyncio.timeout(JOIN_SECONDS):
                    viewer = await link.join(room, offer, codecs)
            except (JanusError, SdpError, TimeoutError) as error:
                self._failed[link.edge.name] += 1
                log.warning("edge.join_failed", edge=link.edge.name, room=room, error=str(error))
                continue
            self._sessions[viewer.id] = viewer
            return viewer
        return None

    def find(self, room: str, session: str) -> EdgeViewer | None:
        """The session of that address, None where it is over or never was."""
        found = self._sessions.get(session)
        return found if found is not None and found.room == room else None

    def _left(self, viewer: EdgeViewer, why: str) -> None:
        self._ended[why] += 1
        if self._sessions.pop(viewer.id, None) is not None:
            self._on_ended(viewer.id)
        log.info("edge.session_ended", room=viewer.room, reason=why)

    def trouble(self) -> Trouble | None:
        """The edges that do not answer, and what to do; None while all do."""
        down = [link for link in self.links if link.why]
        if not down:
            return None
        names = [Message("edge.down", edge=one.edge.name, why=DOWN[one.why]) for one in down]
        left = len(self.links) - len(down)
        key = "edge.some_down" if left else "edge.all_down"
        return Trouble(Message(key, edges=names, left=left), Message("edge.down_remedy"))

    def metrics(self) -> Iterable[Metric]:
        """Prometheus families, one sample an edge."""
        gauges: dict[str, tuple[str, Callable[[EdgeLink], float]]] = {
            "up": ("1 while the edge answers", lambda one: one.up),
            "viewers": ("viewers of this hub on the edge", lambda one: len(one.viewers)),
            "capacity": ("viewers it takes at most", lambda one: one.edge.capacity),
            "mountpoints": (
                "rooms relayed to it, one for each set of payload types",
                lambda one: one.mountpoints,
            ),
        }
        for name, (text, value) in gauges.items():
            family = GaugeMetricFamily(f"sunbid_edge_{name}", text, labels=["edge"])
            for link in self.links:
                family.add_metric([link.edge.name], float(value(link)))
            yield family
        falls = CounterMetricFamily("sunbid_edge_falls", "times the edge was lost", labels=["edge"])
        failed = CounterMetricFamily(
            "sunbid_edge_joins_failed", "joins the edge did not take", labels=["edge"]
        )
        for link in self.links:
            falls.add_metric([link.edge.name], link.falls)
            failed.add_metric([link.edge.name], self._failed[link.edge.name])
        ended = CounterMetricFamily("sunbid_edge_ended", "sessions on edges ended, by reason", labels=["why"])
        for why, count in self._ended.items():
            ended.add_metric([why], count)
        yield from (falls, failed, ended)
