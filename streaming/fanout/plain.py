"""Fan-out in Python alone: the reference the other two are compared with."""

from __future__ import annotations

import select
import socket

from pylibsrtp import Error

from streaming.fanout.base import WAIT_MS, Group, Target


class PlainFanout:
    name = "plain"

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def group(self) -> Group:
        return PlainGroup(self._sock)


class PlainGroup:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._targets: dict[Target, None] = {}

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, target: Target) -> None:
        self._targets[target] = None

    def remove(self, target: Target) -> None:
        self._targets.pop(target, None)

    def send(self, packets: list[bytes]) -> int:
        sendto = self._sock.sendto
        sent, patience = 0, WAIT_MS
        split = [(packet[:1], packet[1], packet[2:]) for packet in packets]
        for target in self._targets:
            protect, address, payload_type = target.session.protect, target.address, target.payload_type
            for first, second, rest in split:
                try:
                    data = protect(b"%b%c%b" % (first, second | payload_type, rest))
                    sendto(data, address)
                except BlockingIOError:
                    patience = self._wait(patience)
                    sent += self._again(data, target)
                except (OSError, Error, ValueError):
                    target.dropped += 1
                else:
                    sent += 1
        return sent

    def _wait(self, patience: int) -> int:
        """Wait once for room in the socket's buffer; what is left of the patience after that."""
        if patience <= 0:
            return 0
        select.select([], [self._sock], [], patience / 1000)
        return patience - WAIT_MS // 4

    def _again(self, data: bytes, target: Target) -> int:
        try:
            self._sock.sendto(data, target.address)
        except OSError:
            target.dropped += 1
            return 0
        return 1
