"""What rate a publisher may send at: it is told how its packets arrive, or, failing that, a figure.

Where transport-wide congestion control is negotiated the publisher estimates its line itself, from delays,
and we only set the ceiling. Any other publisher gets a rate worked out here from its losses. Both are told
by REMB, which senders take as an upper bound beside an estimate of their own (as libwebrtc does).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from streaming.wire import rtcp, rtp, twcc
from streaming.wire.serial import distance

START_BITRATE, FLOOR_BITRATE, CEILING_BITRATE = 2_500_000, 150_000, 6_000_000  # bit/s told to the encoder
FEEDBACK_EVERY = 0.06  # seconds; what is put together for one feedback
REMEMBER = 0.5  # seconds a packet may be late and still be told
SPAN = 2048  # numbers; a larger jump is a new start, not a loss
# In its first 2 s libwebrtc takes a REMB for what the line carries and jumps to it, unprobed.
SETTLING = 3.0


class Arrivals:
    """When a publisher's packets came, by their transport-wide numbers; tells it while they come.

    extension  id of the header extension
    ssrc       ours, in the feedback
    send       takes one RTCP packet
    """

    def __init__(self, extension: int, ssrc: int, send: Callable[[bytes], None]) -> None:
        self.began: float | None = None
        self.sent = 0
        self._extension, self._ssrc, self._send = extension, ssrc, send
        self._came: dict[int, float] = {}  # number, counted on past 16 bits → seconds; oldest first
        self._highest = 0
        self._next = 0  # the first number not told yet
        self._floor = 0  # below it arrivals are forgotten
        self._media = b""
        self._timer: asyncio.TimerHandle | None = None

    def note(self, packet: bytes, now: float) -> None:
        """A packet came: called for each, repeats and padding included."""
        number = twcc.number(packet, self._extension)
        if number is None:
            return
        ahead = distance(number, self._highest)
        if self.began is None or not -SPAN < ahead < SPAN:
            self._restart(number, now)
            ahead = 0
        number = self._highest + ahead
        if number < self._floor or number in self._came:
            return
        self._came[number] = now
        if ahead > 0:
            self._highest = number
        elif number < self._next:
            self._next = number  # told as lost before: tell again from there on
        self._media = packet[rtp.SSRC]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FEEDBACK_EVERY, self._send_feedback)

    def _restart(self, number: int, now: float) -> None:
        self.began = now if self.began is None else self.began
        self._came.clear()
        self._highest = self._next = self._floor = number

    def _send_feedback(self) -> None:
        self._timer = None
        base = max(self._next, self._highest - SPAN + 1)
        ticks: list[int | None] = [
            int(self._came[number] * twcc.TICKS) if number in self._came else None
            for number in range(base, self._highest + 1)
        ]
        media = int.from_bytes(self._media, "big")
        while ticks:
            packet, taken = twcc.write(self._ssrc, media, self.sent, base, ticks)
            self._send(packet)
            self.sent += 1
            base += taken
            del ticks[:taken]
        self._next = self._highest + 1
        self._forget(time.monotonic() - REMEMBER)

    def _forget(self, before: float) -> None:
        old = []
        for number, at in self._came.items():
            if at >= before:
                break
            old.append(number)
        for number in old:
            del self._came[number]
            self._floor = max(self._floor, number + 1)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Limit:
    """Loss-based rate control (as in RFC 8083's spirit): back off above 10 %, creep up below 2 %."""

    def __init__(self) -> None:
        self.bitrate = START_BITRATE

    def update(self, loss: float) -> None:
        """Once a second, with the share (0–1) lost in it."""
        if loss > 0.1:
            self.bitrate = max(FLOOR_BITRATE, int(self.bitrate * (1 - loss / 2)))
        elif loss < 0.02:
            self.bitrate = min(CEILING_BITRATE, int(self.bitrate * 1.05))


class Congestion:
    """Both for one publisher. `arrivals` is None where transport-cc was not negotiated."""

    def __init__(self, extension: int | None, ssrc: int, send: Callable[[bytes], None]) -> None:
        self.arrivals = Arrivals(extension, ssrc, send) if extension is not None else None
        self._limit = Limit()
        self._ssrc, self._send = ssrc, send

    def tick(self, loss: float, sources: list[int]) -> None:
        """Once a second: tell the rate. loss: 0–1; sources: the SSRCs it is for."""
        arrivals = self.arrivals
        if arrivals is not None and arrivals.began is not None:
            if time.monotonic() - arrivals.began > SETTLING:
                self._send(rtcp.remb(self._ssrc, CEILING_BITRATE, sources))
            return
        self._limit.update(loss)
        self._send(rtcp.remb(self._ssrc, self._limit.bitrate, sources))

    def close(self) -> None:
        if self.arrivals is not None:
            self.arrivals.close()
