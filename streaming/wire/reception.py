"""What a receiver knows of one incoming SSRC: loss, jitter, what to ask for again (RFC 3550 A.3, A.8)."""

from __future__ import annotations

from streaming.wire.rtcp import Report

MISORDER = 300  # packets; a larger jump is a new start, not a loss
RETRY, RETRY_LIMIT = 0.06, 0.4  # seconds between requests for the same packet, longer on a long line
TRIES = 8


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
        self.missing: dict[int, list[float]] = {}  # number → [first asked, last asked, tries]
        self._first: int | None = None
        self._highest = 0
        self._cycles = 0
        self._transit: float | None = None
        self._reported = (0, 0)
        self._sender = (0, 0.0)

    def add(self, packet: bytes, now: float) -> bool:
        """Count an RTP packet that came as such; True where it opened a gap."""
        sequence = packet[2] << 8 | packet[3]
        self.received += 1
        self.octets += len(packet)
        self.heard = now
        self._note_jitter(int.from_bytes(packet[4:8], "big"), now)
        if self._first is None:
            self._first = self._highest = sequence
            return False
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead == 0 or ahead >= 0x8000:
            self.missing.pop(sequence, None)
            return False
        if sequence < self._highest:
            self._cycles += 0x10000
        previous, self._highest = self._highest, sequence
        if ahead == 1 or not self.repairs:
            return False
        if ahead > MISORDER or len(self.missing) > MISORDER:
            self.missing.clear()
            self.given_up += 1
            return False
        for number in range(1, ahead):
            self.missing[(previous + number) & 0xFFFF] = [0.0, 0.0, 0]
        return True

    def recovered(self, number: int, now: float) -> bool:
        """A retransmission came; False where nobody missed it (a probe of the sender's)."""
        asked = self.missing.pop(number, None)
        if asked is None:
            return False
        if asked[2] == 1:
            took = now - asked[0]
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
        for number, asked in list(self.missing.items()):
            if asked[2] >= TRIES:
                del self.missing[number]
                self.given_up += 1
            elif now - asked[1] >= self.retry:
                asked[0] = asked[0] or now
                asked[1] = now
                asked[2] += 1
                wanted.append(number)
        return wanted

    def sender_reported(self, ntp: int, now: float) -> None:
        self._sender = (ntp >> 16 & 0xFFFFFFFF, now)

    def report(self, now: float) -> Report | None:
        """The reception report since the last one; also sets `loss` (0–1)."""
        if self._first is None:
            return None
        highest = self._cycles + self._highest
        expected = highest - self._first + 1
        new, got = expected - self._reported[0], self.received - self._reported[1]
        self._reported = (expected, self.received)
        self.loss = max(0.0, (new - got) / new) if new > 0 else 0.0
        lsr, at = self._sender
        dlsr = int((now - at) * 65536) if lsr else 0
        lost = max(0, expected - self.received)
        return Report(self.ssrc, self.loss, lost, highest, int(self.jitter), lsr, dlsr)

    def _note_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 10:  # not across a wrap of the timestamp
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit
