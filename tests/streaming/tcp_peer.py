"""A light peer whose network lets no UDP through: it comes by TCP (RFC 6544, active side; frames as RFC 4571)."""

from __future__ import annotations

import re
import socket

from benchmarks.lightpeer import LightPeer


class TcpPeer(LightPeer):
    """`connect` takes the first TCP candidate of the answer; ConnectionError where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._received = bytearray()
        self.framed = True

    def _open(self, remote: str) -> None:
        found = re.search(
            r"^a=candidate:\S+ 1 tcp \d+ (\S+) (\d+) typ host tcptype passive\s*$", remote, re.MULTILINE
        )
        if found is None:
            raise ConnectionError("no TCP candidate")
        self.sock.close()
        self.sock = socket.create_connection((found[1], int(found[2])), 5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)

    def _readable(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError:
            return
        if not data:
            self.stop_reading()
            self._queue.put_nowait(None)
            return
        self._received += data
        while len(self._received) >= 2:
            length = int.from_bytes(self._received[:2], "big")
            if len(self._received) < 2 + length:
                return
            packet = bytes(self._received[2 : 2 + length])
            del self._received[: 2 + length]
            self._packet(packet)

    def _put(self, data: bytes) -> None:
        try:
            self.sock.send((len(data).to_bytes(2, "big") if self.framed else b"") + data)
        except OSError:
            return
