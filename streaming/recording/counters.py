"""Prometheus families of the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from streaming.recording.types import RecordingStatus

_FIGURES: dict[str, tuple[str, Callable[[RecordingStatus], float | None]]] = {
    "active": ("1 while the room is being recorded", lambda status: float(status.recording)),
    "bytes": ("bytes of the present file that are safe on disk", lambda status: float(status.bytes)),
    "fragment_age_seconds": ("seconds since the last closed fragment", lambda status: status.fragment_age),
    "dropped_packets": ("packets that did not reach the file", lambda status: float(status.dropped)),
    "gaps": ("spans without pictures since the hub began", lambda status: float(status.gaps)),
}


def families(rooms: Mapping[str, RecordingStatus], free_bytes: int, trouble: bool) -> Iterable[Metric]:
    """One family a figure, one sample a room; the disk and whether anything is wrong."""
    for name, (text, figure) in _FIGURES.items():
        family = GaugeMetricFamily(f"sunbid_recording_{name}", text, labels=["room"])
        for room, status in rooms.items():
            value = figure(status)
            if value is not None:
                family.add_metric([room], value)
        yield family
    yield GaugeMetricFamily(
        "sunbid_recording_free_bytes", "free bytes of the recordings' disk", value=free_bytes
    )
    yield GaugeMetricFamily(
        "sunbid_recording_trouble", "1 while recording cannot write", value=float(trouble)
    )
