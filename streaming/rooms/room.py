"""A room: at most one publisher, any number of viewers, and the two streams between them."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from records.clock import local_now
from streaming.fanout import Fanout
from streaming.rooms.inside import InsideLine
from streaming.rooms.layers import Track
from streaming.rooms.peer import Peer
from streaming.rooms.publisher_notices import Notice
from streaming.rooms.stream import Outbox, Stream, since_keyframe
from streaming.rooms.tile_stream import TileStream
from streaming.rooms.viewer import Viewer
from streaming.taps import Replay, Tap, TapFailures
from streaming.wire.codecs import CLOCK
from streaming.wire.rtp import HEADER_SIZE

log = structlog.get_logger()

YIELD_AFTER = 2.0  # seconds without media after which another publisher may take over
STALLED = 5.0  # seconds without media after which the room no longer counts as publishing
STARTING = 15.0  # seconds a publisher may take to connect before its place is free again
MOST_TAKEOVERS, CONTEST_SECONDS = (
    6,
    60.0,
)  # so many within so many seconds are a quarrel, not a change of source
FRESH_GOP = 2.5  # seconds; a younger keyframe is replayed without asking for a new one


@dataclass(frozen=True)
class RoomStatus:
    """What a room is doing now. bitrate in bit/s, loss 0–1, jitter/rtt/keyframe_age in seconds.

    `publishing` turns false when the publisher leaves or sends nothing for 5 s, and true again when
    media flows; `since` is when that began. `loss` is what the publisher's line lost in the last second before repair; `rtt` comes from the
    handshake and from repaired packets, None before either. `low_layer`: the publisher sends a small
    picture beside the full one, with `low_bitrate`; `bitrate` and `fps` are those of the full one.
    """

    publishing: bool = False
    since: datetime | None = None
    video: str | None = None
    audio: str | None = None
    bitrate: float = 0.0
    fps: float = 0.0
    loss: float = 0.0
    jitter: float = 0.0
    rtt: float | None = None
    keyframe_age: float | None = None
    viewers: int = 0
    low_layer: bool = False
    low_bitrate: float = 0.0


class Source(Protocol):
    """What a room needs of whoever fills it, a WHIP client or a camera's plain RTP; at most one at a time.

    `closed` is None while it lives, then the reason.

    created, media_at  seconds of time.monotonic(): when it was made, when media last came
    notices            what is to be said of what it sends
    plis, nacks        requests sent to it; `recovered` packets it repeated
    """

    tracks: dict[str, Track]
    created: float
    connected: bool
    closed: str | None
    media_at: float
    plis: int
    nacks: int
    recovered: int
    notices: list[Notice]
    on_closed: list[Callable[[Any], None]]
    on_started: Callable[[Any], None]
    on_report: Callable[[Any, bytes], None]

    @property
    def let_in_by(self) -> str | None:
        """The digest of the token it showed; None for a camera."""

    @property
    def rtt(self) -> float | None:
        """Seconds to the source and back; None where that is not known."""

    def request_keyframe(self) -> None:
        """Ask for a keyframe soon; sources that make them by the clock alone ignore it."""

    def tick(self) -> None:
        """Once a second."""

    def close(self, reason: str) -> None:
        """End it; doing it twice does nothing."""


class Room:
    def __init__(self, name: str, fanout: Fanout, outbox: Outbox, changed: Callable[[str], None]) -> None:
        self.name = name
        self.fanout = fanout
        self.tap_failures = TapFailures(name)
        self.streams = {kind: Stream(kind, fanout.group(), outbox, self._tap_failed) for kind in CLOCK}
        self.publisher: Source | None = None
        self._successor: Source | None = None
        self._taken_over: deque[float] = deque(maxlen=MOST_TAKEOVERS)
        self.viewers: dict[str, Viewer] = {}
        self.ended: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()
        self.bitrate = self.fps = 0.0
        self._changed = changed
        self._since: datetime | None = None
        self._counted = (0, 0, time.monotonic())
        self._intervals: dict[int, float] = {}
        small = Stream("video", fanout.group(), outbox, self._tap_failed)
        self.tile = TileStream(small, self.video, self.request_keyframe)
        self.tile.on_report = self._report
        self.inside = InsideLine(self.streams, fanout, outbox)
        self.off_air = False
        """Whether the public gets nothing, because no opening is going on."""

    @property
    def video(self) -> Stream:
        return self.streams["video"]

    # -- publisher --------------------------------------------------------------------------------

    def occupied(self) -> bool:
        """Whether a publisher holds the room. One that has fallen silent no longer does."""
        publisher = self.publisher
        if publisher is None:
            return False
        now = time.monotonic()
        if not publisher.connected:
            return now - publisher.created < STARTING
        return now - max(publisher.media_at, publisher.created) < YIELD_AFTER

    def publish(self, publisher: Source) -> None:
        """Give the room to this publisher; call only when not `occupied`."""
        if self.publisher is not None:
            self.publisher.close("replaced")
        self.publisher = publisher
        publisher.on_closed.append(self._publisher_left)
        publisher.on_started = self._publisher_started
        publisher.on_report = self._report

    def publish_instead(self, publisher: Source) -> None:
        """Give the room to this publisher once it is connected; until then the present one goes on."""
        if self._successor is not None:
            self._successor.close("replaced")
        self._successor = publisher
        publisher.on_closed.append(self._publisher_left)
        publisher.on_started = self._succeed

    def _succeed(self, publisher: Source) -> None:
        before, self.publisher, self._successor = self.publisher, publisher, None
        publisher.on_report = self._report
        self._taken_over.append(time.monotonic())
        if before is not None:
            before.close("replaced")
        self._publisher_started(publisher)

    def withdraw(self, token_hash: str | None) -> None:
        """End the publishers that were let in by the token of that digest; None: all."""
        for publisher in (self._successor, self.publisher):
            if publisher is not None and token_hash in (None, publisher.let_in_by):
                publisher.close("withdrawn")

    def contested(self) -> bool:
        """Whether two sources keep taking the room from each other, as encoders do that reconnect by themselves."""
        return len(self._taken_over) == MOST_TAKEOVERS and _age(self._taken_over[0]) < CONTEST_SECONDS

    def _publisher_started(self, publisher: Source) -> None:
        publisher.media_at = time.monotonic()
        self.tile.started(publisher.tracks.get("video"))
        for viewer in list(self.viewers.values()):
            if viewer.connected:
                self._start_viewer(viewer, again=True)
        log.info("media.publishing", room=self.name, codecs=[t.codec.name for t in publisher.tracks.values()])
        self._set_live(True)

    def _set_live(self, live: bool) -> None:
        if live != (self._since is not None):
            self._since = local_now() if live else None
            self._changed(self.name)

    def _publisher_left(self, publisher: Source) -> None:
        self.totals.update(plis=publisher.plis, nacks=publisher.nacks, recovered=publisher.recovered)
        self.ended[f"publisher:{publisher.closed}"] += 1
        if self._successor is publisher:
            self._successor = None
        if self.publisher is publisher:
            self.publisher = None
            for stream in self.streams.values():
                stream.idle()
            self.tile.stopped()
            self._set_live(False)

    def notices(self) -> list[Notice]:
        """What is to be said of what the publisher sends."""
        return list(self.publisher.notices) if self.publisher is not None else []

    def request_keyframe(self) -> None:
        if self.publisher is not None:
            self.publisher.request_keyframe()

    def _report(self, stream: Stream, report: bytes) -> None:
        self._send_report(stream, report)
        if stream.inside is not None and stream.inside.report is not None:
            self._send_report(stream.inside, stream.inside.report)

    def _send_report(self, stream: Stream, report: bytes) -> None:
        for viewer in self.viewers.values():
            if viewer.streams.get(stream.kind) is stream and stream.kind in viewer.targets:
                viewer.send_rtcp(report)

    # -- viewers ----------------------------------------------------------------------------------

    def admit(self, viewer: Viewer) -> None:
        self.viewers[viewer.id] = viewer
        viewer.on_closed.append(self._viewer_left)
        viewer.on_started = self._viewer_started
        low = viewer.streams.get("video") is self.tile.stream
        viewer.on_keyframe_wanted = self.tile.request_keyframe if low else self.request_keyframe

    def _viewer_started(self, viewer: Viewer) -> None:
        self.totals["joins"] += 1
        self.totals["join_ms"] += round(1000 * (viewer.handshake_seconds or 0.0))
        self._start_viewer(viewer, again=False)

    def _start_viewer(self, viewer: Viewer, *, again: bool) -> None:
        """Let the live packets flow to a viewer; one that cannot play them is sent away to join anew."""
        if viewer.streams.get("video") is self.tile.stream:
            self.tile.watched()
        if self._from_inside(viewer):
            self.inside.begin()
        if self._cannot_play(viewer):
            viewer.close("codec_changed")
            return
        for kind, stream in viewer.streams.items():
            if viewer.codec(kind) is not None:
                replayed = viewer.show(kind, replay=not again)
                if kind == "video" and not (replayed and _age(stream.cache.keyframe_at) < FRESH_GOP):
                    viewer.on_keyframe_wanted()

    def _from_inside(self, viewer: Viewer) -> bool:
        return any(stream in self.inside.streams.values() for stream in viewer.streams.values())

    def _cannot_play(self, viewer: Viewer) -> bool:
        live = self.publisher.tracks if self.publisher is not None else {}
        return any(kind in live and viewer.codec(kind) is None for kind in viewer.streams)

    def _viewer_left(self, viewer: Peer) -> None:
        gone = self.viewers.pop(viewer.id, None)
        if gone is not None:
            self.totals.update(
                viewer_plis=gone.plis,
                viewer_nacks=gone.nacks,
                repeated=gone.repeated,
            )
        self.ended[f"viewer:{viewer.closed}"] += 1
        if self.inside.watched and not any(map(self._from_inside, self.viewers.values())):
            self.inside.rest()

    # -- taps -------------------------------------------------------------------------------------

    def add_tap(
        self, tap: Tap, keyframe_every: float | None, *, kept: bool = False, replay: Replay | None = None
    ) -> Callable[[], None]:
        """Feed `tap` until the returned function is called. `kept`: mute and slate do not apply to it.

        replay: gets what was sent since the last keyframe, before the tap's first packet.
        """
        for stream in self.streams.values():
            stream.flush()
            (stream.kept if kept else stream.taps).add(tap)
        if keyframe_every is not None:
            self._intervals[id(tap)] = keyframe_every
        if replay is not None and not (kept and any(stream.cover.aside for stream in self.streams.values())):
            for entry in since_keyframe(self.streams):
                replay(*entry)
        self.request_keyframe()
        return lambda: self._remove_tap(tap)

    def _remove_tap(self, tap: Tap) -> None:
        self._intervals.pop(id(tap), None)
        for stream in self.streams.values():
            stream.taps.remove(tap)
            stream.kept.remove(tap)

    def _tap_failed(self, tap: Tap) -> None:
        self.tap_failures.failed(tap)
        self.request_keyframe()  # what it lost is over with the next one

    # -- what the public must not see or hear ------------------------------------------------------

    def cover(self, *, muted: bool, slated: bool, off_air: bool) -> None:
        """Withhold sound or picture from viewers and taps, or give it back, the picture from the next keyframe on.

        off_air: both from the public, neither from the desk. Whoever watches from inside when that begins has to
        join again: from now on it is a look at a picture that is not public.
        """
        if off_air and not self.off_air:
            for viewer in [one for one in self.viewers.values() if self._from_inside(one)]:
                viewer.close("off_air")
        self.off_air = off_air
        self.inside.cover(muted=muted, slated=slated)
        self.streams["audio"].withhold(muted or off_air)
        self._withhold_picture(slated or off_air)

    def _withhold_picture(self, on: bool) -> None:
        lifted = self.video.cover.on and not on
        self.video.withhold(on)
        self.tile.stream.withhold(on)
        if lifted:
            self.request_keyframe()
            if self.tile.active:
                self.tile.request_keyframe()

    # -- once a second ----------------------------------------------------------------------------

    def tick(self) -> None:
        if self.publisher is not None:
            self.publisher.tick()
            if self.publisher.connected:
                # a cut cable says no goodbye: the session lives on for its 30 s, the picture does not
                self._set_live(time.monotonic() - self.publisher.media_at < STALLED)
        # whether or not what the source sends is withheld
        if self._intervals and _age(self.video.counts.keyframe_at) + 0.5 >= min(self._intervals.values()):
            self.request_keyframe()
        low = False
        for viewer in list(self.viewers.values()):
            viewer.tick()
            low |= viewer.streams.get("video") is self.tile.stream
        self.tile.tick(low)
        counts = [stream.counts for stream in self.streams.values()]
        octets = sum(count.octets + HEADER_SIZE * count.packets for count in counts)
        now, frames = time.monotonic(), self.video.counts.frames
        seconds = max(now - self._counted[2], 0.001)
        self.bitrate = (octets - self._counted[0]) * 8 / seconds
        self.fps = (frames - self._counted[1]) / seconds
        self._counted = (octets, frames, now)

    def status(self) -> RoomStatus:
        watching = sum(viewer.connected for viewer in self.viewers.values())
        publisher = self.publisher
        if publisher is None or self._since is None:
            return RoomStatus(viewers=watching)
        names = {kind: track.codec.name for kind, track in publisher.tracks.items()}
        small = self.tile.there()
        receptions = [track.chosen.reception for track in publisher.tracks.values() if track.chosen]
        return RoomStatus(
            publishing=True,
            since=self._since,
            video=names.get("video"),
            audio=names.get("audio"),
            bitrate=self.bitrate,
            fps=self.fps,
            loss=max((r.loss for r in receptions), default=0.0),
            jitter=max((r.jitter / r.clock_rate for r in receptions), default=0.0),
            rtt=publisher.rtt,
            keyframe_age=_age(key) if (key := self.video.cache.keyframe_at) is not None else None,
            viewers=watching,
            low_layer=small is not None,
            low_bitrate=small.bitrate if small is not None else 0.0,
        )


def _age(moment: float | None) -> float:
    """Seconds since a moment of time.monotonic(); endless where there was none."""
    return time.monotonic() - moment if moment is not None else float("inf")
