"""Prometheus families of the media plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from streaming.rooms.room import Room
from streaming.rooms.sessions import Sessions

_GAUGES = {
    "publishing": "1 while a publisher is connected",
    "viewers": "connected viewers",
    "bitrate": "bit/s of the outgoing streams, once",
    "fps": "video frames a second",
    "loss": "share of the publisher's packets lost in the last second, before repair",
    "low_layer": "1 while the publisher sends a small layer beside the full one",
    "low_bitrate": "bit/s of that layer on arrival",
    "notices": "things a publisher sends otherwise than it should (B-frames, sound without Opus)",
    "jitter": "seconds of interarrival jitter of the publisher's packets",
}
_COUNTERS = {
    "packets": "packets forwarded into the room",
    "sent": "datagrams sent to viewers",
    "unsent": "datagrams the system did not take",
    "keyframes": "keyframes received",
    "plis": "keyframes asked of publishers",
    "nacks": "repeats asked of publishers",
    "recovered": "packets repeated by publishers",
    "viewer_plis": "keyframes asked for by viewers",
    "viewer_nacks": "requests for repeats from viewers",
    "repeated": "packets repeated to viewers",
    "tap_failures": "times a recorder, segmenter or edge failed at a packet and was set going again",
    "joins": "viewers that connected",
    "join_ms": "milliseconds from offer to encrypted path, summed over joins",
}


def families(rooms: Mapping[str, Room], sessions: Sessions) -> Iterable[Metric]:
    """One family a figure, one sample a room."""
    gauges = {
        name: GaugeMetricFamily(f"sunbid_media_{name}", text, labels=["room"])
        for name, text in _GAUGES.items()
    }
    counters = {
        name: CounterMetricFamily(f"sunbid_media_{name}", text, labels=["room"])
        for name, text in _COUNTERS.items()
    }
    ended = CounterMetricFamily(
        "sunbid_media_ended", "sessions ended, by reason", labels=["room", "who", "why"]
    )
    for name, room in rooms.items():
        status = room.status()
        for key, gauge in gauges.items():
            figure = len(room.notices()) if key == "notices" else getattr(status, key)
            gauge.add_metric([name], float(figure))
        for key, value in _counts(room).items():
            counters[key].add_metric([name], value)
        for reason, count in room.ended.items():
            ended.add_metric([name, *reason.split(":", 1)], count)
    yield from gauges.values()
    yield from counters.values()
    yield ended
    waiting = sum(not peer.connected for peer in sessions.all())
    yield GaugeMetricFamily("sunbid_media_unfinished", "sessions before or in their handshake", value=waiting)
    yield CounterMetricFamily(
        "sunbid_media_evicted", "unfinished sessions ended for newer ones", value=sessions.evicted
    )


def _counts(room: Room) -> dict[str, float]:
    streams, viewers, publisher = room.streams.values(), room.viewers.values(), room.publisher
    tile = room.tile.stream
    sent = sum(stream.sent for stream in (*streams, tile))
    live = {name: getattr(publisher, name) for name in ("plis", "nacks", "recovered")} if publisher else {}
    return {
        "packets": sum(stream.counts.packets for stream in streams),
        "sent": sent,
        "unsent": sum(stream.counts.attempted for stream in (*streams, tile)) - sent,
        "keyframes": room.video.counts.keyframes,
        **{name: room.totals[name] + live.get(name, 0) for name in ("plis", "nacks", "recovered")},
        "viewer_plis": room.totals["viewer_plis"] + sum(viewer.plis for viewer in viewers),
        "viewer_nacks": room.totals["viewer_nacks"] + sum(viewer.nacks for viewer in viewers),
        "repeated": room.totals["repeated"] + sum(viewer.repeated for viewer in viewers),
        "tap_failures": room.tap_failures.count,
        "joins": room.totals["joins"],
        "join_ms": room.totals["join_ms"],
    }
