"""What a room has sent since its last keyframe, for a tap that comes in the middle of it.

A camera that cannot be asked for a keyframe makes the next one when its own clock says so, ten seconds later
perhaps. The packets since the last one are held for viewers anyhow: a recording or a segmenter that begins
with them has nothing to wait for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from records.clock import timestamp as wall_clock
from streaming.rooms.forward import CACHE, Stream
from streaming.wire.codecs import CLOCK, Codec


class Replay(Protocol):
    """Takes packets that were sent before now; `arrived`: Unix seconds of their arrival by their RTP time."""

    def __call__(self, kind: str, codec: Codec, packets: list[bytes], arrived: float, /) -> None: ...


def since_keyframe(streams: Mapping[str, Stream]) -> Iterator[tuple[str, Codec, list[bytes], float]]:
    """Kind, codec, packets of one RTP time, Unix seconds of arrival: in order of arrival from the keyframe on.

    Nothing where there is no keyframe to begin with, or more packets have followed it than are held. Flush
    the streams before: what is pending is not part of it.
    """
    video = streams["video"]
    pictures = video.gop(CACHE)
    if not pictures:
        return
    found = list(_dated(video, pictures))
    begin = found[0][3]
    found += [entry for entry in _dated(streams["audio"], _lately(streams["audio"])) if entry[3] >= begin]
    yield from sorted(found, key=lambda entry: entry[3])


def _lately(stream: Stream) -> list[bytes]:
    """Every packet that is held of a stream, oldest first."""
    return stream.since((stream.flushed - CACHE + 1) & 0xFFFF, CACHE)


def _dated(stream: Stream, packets: list[bytes]) -> Iterator[tuple[str, Codec, list[bytes], float]]:
    """Packets by RTP time; the newest arrived when the stream was last fed, the others before it."""
    newest, at = stream.rewriter.newest
    if stream.codec is None or at is None:
        return
    now = wall_clock() - (time.monotonic() - at)
    frames: dict[int, list[bytes]] = {}
    for packet in packets:
        frames.setdefault(int.from_bytes(packet[4:8], "big"), []).append(packet)
    for timestamp, frame in frames.items():
        ago = ((newest - timestamp) & 0xFFFFFFFF) / CLOCK[stream.kind]
        yield stream.kind, stream.codec, frame, now - ago
