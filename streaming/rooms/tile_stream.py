"""The small picture of a room, for tiles: a second outgoing video stream beside the full one.

It is fed by the smallest simulcast layer of whoever publishes, or, where there is none, by the full stream.
Either way its SSRC, numbers and timestamps go on, and it changes over at keyframes. While nobody watches it
nothing is done: layers that do not go out are counted on arrival, as ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from streaming.rooms.layers import KeyframeRequests, Layer, Track
from streaming.rooms.stream import Stream
from streaming.rooms.viewer import GOP_LIMIT
from streaming.wire import rtcp
from streaming.wire.codecs import KEYFRAME, Codec
from streaming.wire.rtp import HEADER_SIZE

LINGER = 10  # ticks for which the stream goes on without viewers: pages reload


class TileStream:
    """Is the second stream of the publisher's video track and, while that has one layer, a tap of the full one.

    `layer` feeds it, or the full stream does, or, just after the first viewer came, nothing yet. `ask_full`
    asks the publisher for a keyframe of the full stream.
    """

    def __init__(self, stream: Stream, full: Stream, ask_full: Callable[[], None]) -> None:
        self.stream = stream
        self.full = full
        self.layer: Layer | None = None
        self.active = False
        self.on_report: Callable[[Stream, bytes], None] = lambda stream, report: None
        self._ask_full = ask_full
        self._asking = KeyframeRequests(stream, self._ask_layer)
        self._track: Track | None = None
        self._wanted: Layer | None = None
        self._from_full = False
        self._returning = False  # to the full stream, at its next keyframe
        self._idle = 0

    # -- who watches, who publishes ---------------------------------------------------------------

    def watched(self) -> None:
        """A viewer has come: begin, unless it runs already."""
        self._idle = 0
        if self.active:
            return
        self.active = True
        track = self._track
        if track is not None:
            track.second = self
            self._wanted = track.smallest(time.monotonic())
        if self._wanted is None:
            self._follow_full(primed=True)

    def started(self, track: Track | None) -> None:
        """A publisher's media follow, with this video track if any."""
        self._leave()
        self._track = track
        if track is None:
            return
        self.stream.source(track.codec)
        if self.active:
            track.second = self
            self._follow_full()

    def stopped(self) -> None:
        """The publisher is gone."""
        self._leave()
        self._track = None
        self.stream.idle()
        if self.active:
            self._follow_full()

    def tick(self, watched: bool) -> None:
        """Once a second, after the publisher's: choose what feeds it; end it some time after the last viewer."""
        self._idle = 0 if watched else self._idle + 1
        if self.active and self._idle > LINGER:
            self._rest()
        elif self.active:
            self._choose(time.monotonic())

    def there(self) -> Layer | None:
        """The layer of its own the publisher sends for small pictures, whether watched or not."""
        return self._track.smallest(time.monotonic(), self.layer) if self._track is not None else None

    # -- as the second stream of a track ----------------------------------------------------------

    def uses(self, layer: Layer) -> bool:
        """Whether this layer feeds it, or is about to."""
        return layer is self.layer or layer is self._wanted

    def forward(self, layer: Layer, packet: bytes, now: float) -> bool:
        """Forward a packet of a layer that does not go out in full; whether it was one of ours."""
        if layer is not self.layer:
            if layer is not self._wanted or self._track is None or not self._track.keyframe(packet):
                return False
            self._follow(layer)
        self.stream.push(packet, now)
        return True

    def promoted(self, layer: Layer, now: float) -> None:
        """`layer` goes out in full from its next packet on, a keyframe."""
        if layer is self.layer:
            self._follow_full()
        elif layer is self._wanted:
            self._wanted = None
        elif self._from_full:
            self._choose(now)  # what went out in full until now may still be there, as the small one

    def request_keyframe(self) -> None:
        """Ask for a keyframe of what feeds it, or shall feed it."""
        if self._returning or (self.layer is None and self._wanted is None):
            self._ask_full()
        else:
            self._asking.ask()

    # -- as a tap of the full stream --------------------------------------------------------------

    def packets(self, kind: str, codec: Codec, packets: list[bytes]) -> None:
        """What goes out in full: the small picture too, or to become it with the next keyframe."""
        now = time.monotonic()
        for packet in packets:
            if self._returning:
                if not KEYFRAME[codec.name](packet, HEADER_SIZE):
                    continue
                self._follow_full()
            self.stream.push(packet, now)
        self.stream.flush()

    def report(self, kind: str, sender_report: bytes) -> None:
        """The time of those packets, mapped once more."""
        if not self._from_full:
            return
        for packet in rtcp.parse(sender_report):
            self.on_report(self.stream, self.stream.sender_report(packet.ntp, packet.timestamp))

    # -- changing over ----------------------------------------------------------------------------

    def _choose(self, now: float) -> None:
        track = self._track
        if track is None:
            return
        target = track.smallest(now, self.layer or self._wanted)
        self._wanted = target if target is not self.layer else None
        self._returning = target is None and not self._from_full
        self._tap(self._from_full or self._returning)
        if self._returning:
            self._ask_full()
        elif self._wanted is not None:
            self._asking.ask()

    def _ask_layer(self) -> bool:
        layer = self._wanted or self.layer
        return layer is not None and self._track is not None and self._track.ask(layer)

    def _follow(self, layer: Layer) -> None:
        assert self._track is not None
        self._leave()
        self._tap(False)
        self.stream.source(self._track.codec)
        self.layer = layer
        layer.reception.missing.clear()

    def _follow_full(self, *, primed: bool = False) -> None:
        """`primed`: with the packets since its last keyframe, so that who joins need not wait for the next."""
        self._leave()
        self._from_full = True
        codec = self._track.codec if self._track is not None else self.full.codec
        if codec is not None:
            self.stream.source(codec)
        if primed:
            self.full.flush()
            now = time.monotonic()
            for packet in self.full.cache.since_keyframe(GOP_LIMIT):
                self.stream.push(packet, now)
            self.stream.flush()
        self._tap(True)

    def _leave(self) -> None:
        self.layer = self._wanted = None
        self._from_full = self._returning = False

    def _tap(self, on: bool) -> None:
        (self.full.taps.add if on else self.full.taps.remove)(self)

    def _rest(self) -> None:
        self.active = False
        self._tap(False)
        self._leave()
        self._asking.stop()
        self.stream.idle()
        if self._track is not None:
            self._track.second = None
