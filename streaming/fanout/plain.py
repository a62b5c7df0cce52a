"""Fan-out in Python alone: the reference the other two are compared with."""

from __future__ import annotations

import socket
from typing import Any

from pylibsrtp import Error, Session

from streaming.fanout.base import WAIT_MS, Group, Line, Target, await_room
from streaming.wire import pktinfo, rtp


class PlainLine:
    def __init__(
        self, sock: socket.socket, session: Session, address: tuple[Any, ...], source: str | None = None
    ) -> None:
        self.session: Session | None = session
        self.dropped = 0
        self._sock = sock
        self.move(address, source)

    def move(self, address: tuple[Any, ...], source: str | None = None) -> None:
        self.address, self.ancillary = address, pktinfo.leaving_from(source)

    def rtp(self, packet: bytes) -> bool:
        return self.session is not None and self._send(self.session.protect, packet)

    def rtcp(self, packet: bytes) -> bool:
        return self.session is not None and self._send(self.session.protect_rtcp, packet)

    def close(self) -> None:
        self.session = None

    def _send(self, protect: Any, packet: bytes) -> bool:
        try:
            self._sock.sendmsg([protect(packet)], self.ancillary, 0, self.address)
        except (OSError, Error, ValueError):
            return False
        return True


class PlainFanout:
    name = "plain"

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def group(self) -> Group:
        return PlainGroup(self._sock)

    def line(self, session: Session, address: tuple[Any, ...], source: str | None = None) -> Line:
        return PlainLine(self._sock, session, address, source)

    def drain(self) -> None:
        """Everything has left when `send` returns."""

    def late(self) -> float:
        """Nothing is left lying."""
        return 0.0

    def close(self) -> None:
        """Holds nothing."""


class PlainGroup:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._targets: dict[Target, None] = {}
        self.sent = 0

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, target: Target) -> None:
        self._targets[target] = None

    def remove(self, target: Target) -> None:
        self._targets.pop(target, None)

    def send(self, packets: list[bytes]) -> None:
        patience = WAIT_MS
        split = [rtp.parted(packet) for packet in packets]
        for target in self._targets:
            line: Any = target.line
            if line.session is not None:
                patience = self._send(line, target.payload_type, split, patience)

    def _send(
        self, line: Any, payload_type: int, split: list[tuple[bytes, int, bytes]], patience: int
    ) -> int:
        sendmsg, protect, address, ancillary = (
            self._sock.sendmsg, line.session.protect, line.address, line.ancillary,
        )  # fmt: skip
        sent = 0
        for first, second, rest in split:
            try:
                data = protect(b"%b%c%b" % (first, second | payload_type, rest))
                sendmsg([data], ancillary, 0, address)
            except BlockingIOError:
                patience = self._wait(patience)
                sent += self._again(data, line)
            except (OSError, Error, ValueError):
                line.dropped += 1
            else:
                sent += 1
        self.sent += sent
        return patience

    def _wait(self, patience: int) -> int:
        """Wait once for room in the socket's buffer; what is left of the patience after that."""
        if patience <= 0:
            return 0
        await_room(self._sock, patience)
        return patience - WAIT_MS // 4

    def _again(self, data: bytes, line: Any) -> int:
        try:
            self._sock.sendmsg([data], line.ancillary, 0, line.address)
        except OSError:
            line.dropped += 1
            return 0
        return 1
