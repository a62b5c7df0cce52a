"""What a receiver knows of one incoming SSRC: loss, jitter, what to ask for again (RFC 3550 A.3, A.8)."""

from __future__ import annotations

from dataclasses import dataclass

from streaming.wire import rtcp
from streaming.wire.rtp import NUMBER_AND_TIME
from streaming.wire.serial import SEQUENCE_HALF, SEQUENCE_MASK, sequence

MISORDER = 300  # packets; a larger jump is a new start, not a loss
RETRY, RETRY_LIMIT = 0.06, 0.4  # seconds between requests for the same packet, longer on a long line
TRIES = 8
_CYCLE = 1 << 16
"""Sequence numbers until they begin anew."""
_DELAY_UNITS = 1 << 16
"""Units of a report's time since the last sender report in a second."""


@dataclass(slots=True)
class Missing:
    """A packet that was not received: when it was asked for first and last (0: never), and how often."""

    first_asked: float = 0.0
    last_asked: float = 0.0
    tries: int = 0

    def asked(self, now: float) -> None:
        """It was asked for once more."""
        self.first_asked = self.first_asked or now
        self.last_asked = now
        self.tries += 1


class Reception:
    """Statistics of one SSRC, and its gaps."""

    def __init__(self, ssrc: int, clock_rate: int, *, repairs: bool = True) -> None:
        self.ssrc = ssrc
        self.repairs = repairs
        self.clock_rate = clock_rate
        self.received = 0
        self.octets = 0
        self.heard = 0.0
        self.jitter = 0.0
        self.loss = 0.0
        self.given_up = 0
        self.rtt: float | None = None
        self.missing: dict[int, Missing] = {}
        """Sequence number → what was done to get it."""
        self._first: int | None = None
        self._highest = 0
        self._cycles = 0
        self._transit: float | None = None
        self._reported = (0, 0)
        self._sender = (0, 0.0)

    def add(self, packet: bytes, now: float) -> bool:
        """Count an RTP packet that came as such; True where it opened a gap."""
        number, timestamp = NUMBER_AND_TIME.unpack_from(packet)
        self.received += 1
        self.octets += len(packet)
        self.heard = now
        self._note_jitter(timestamp, now)
        if self._first is None:
            self._first = self._highest = number
            return False
        ahead = (number - self._highest) & SEQUENCE_MASK
        if ahead == 0 or ahead >= SEQUENCE_HALF:
            self.missing.pop(number, None)
            return False
        if number < self._highest:
            self._cycles += _CYCLE
        previous, self._highest = self._highest, number
        return ahead > 1 and self.repairs and self._gap(previous, ahead)

    def _gap(self, previous: int, ahead: int) -> bool:
        """Note what is missing before a packet `ahead` of the one before it; False where it is too much to ask for."""
        if ahead > MISORDER or len(self.missing) > MISORDER:
            self.missing.clear()
            self.given_up += 1
            return False
        self.missing.update((sequence(previous + number), Missing()) for number in range(1, ahead))
        return True

    def recovered(self, number: int, now: float) -> bool:
        """A retransmission came; False where nobody missed it (a probe of the sender's)."""
        missing = self.missing.pop(number, None)
        if missing is None:
            return False
        if missing.tries == 1:
            took = now - missing.first_asked
            self.rtt = took if self.rtt is None else self.rtt + (took - self.rtt) / 8
        self.received += 1
        return True

    @property
    def retry(self) -> float:
        """Seconds until an answer must have come: asking sooner only brings the packet twice."""
        return max(RETRY, min(RETRY_LIMIT, 1.25 * self.rtt)) if self.rtt is not None else RETRY

    def due(self, now: float) -> list[int]:
        """Numbers to ask for now, in sending order. Those asked in vain too often are given up."""
        wanted = []
        for number, missing in list(self.missing.items()):
            if missing.tries >= TRIES:
                del self.missing[number]
                self.given_up += 1
            elif now - missing.last_asked >= self.retry:
                missing.asked(now)
                wanted.append(number)
        return wanted

    def sender_reported(self, ntp: int, now: float) -> None:
        """A sender report of that NTP time came."""
        self._sender = (rtcp.middle(ntp), now)

    def report(self, now: float) -> rtcp.Report | None:
        """The reception report since the last one; also sets `loss` (0–1)."""
        if self._first is None:
            return None
        highest = self._cycles + self._highest
        expected = highest - self._first + 1
        new, got = expected - self._reported[0], self.received - self._reported[1]
        self._reported = (expected, self.received)
        self.loss = max(0.0, (new - got) / new) if new > 0 else 0.0
        lsr, at = self._sender
        dlsr = int((now - at) * _DELAY_UNITS) if lsr else 0
        lost = max(0, expected - self.received)
        return rtcp.Report(self.ssrc, self.loss, lost, highest, int(self.jitter), lsr, dlsr)

    def _note_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 10:  # not across a wrap of the timestamp
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit
