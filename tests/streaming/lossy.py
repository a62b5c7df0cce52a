"""A bad line: a UDP relay that loses and delays datagrams both ways, each on its own like netem does."""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Address = tuple[str, int]


@dataclass
class Line:
    """loss 0–1; delay and jitter in seconds: each datagram is held delay ± jitter, so they overtake too.

    rate: bit/s towards the hub, 0 = no limit; up to `queue` seconds of it wait, what comes then is lost.
    """

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    queue: float = 0.3
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    passed: int = 0
    lost: int = 0
    free_at: float = 0.0

    def carry(self, deliver: Callable[[], None], octets: int = 0) -> None:
        queued = self._queued(octets)
        if self.dice.random() < self.loss or queued > self.queue:
            self.lost += 1
            return
        self.passed += 1
        wait = queued + self.delay + self.dice.uniform(-self.jitter, self.jitter)
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, deliver)
        else:
            deliver()

    def _queued(self, octets: int) -> float:
        """Seconds until these octets are through the narrow place, which they take up unless it is full."""
        if not self.rate or not octets:
            return 0.0
        now = asyncio.get_running_loop().time()
        waits = max(self.free_at - now, 0.0) + octets * 8 / self.rate
        if waits <= self.queue:
            self.free_at = now + waits
        return waits


class Relay:
    """Stands in for a hub's media port: clients send to `port`, the hub sees one socket per client."""

    def __init__(self, hub: Address, line: Line) -> None:
        self.hub, self.line = hub, line
        self._front = _socket()
        self._front.bind(("127.0.0.1", 0))
        self.port = int(self._front.getsockname()[1])
        self._backs: dict[Address, socket.socket] = {}
        asyncio.get_running_loop().add_reader(self._front.fileno(), self._from_clients)

    def reroute(self, answer: str) -> str:
        """An SDP answer whose candidates lead through this relay."""
        return re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+ )\d+", rf"\g<1>{self.port}", answer)

    def rebind(self) -> None:
        """From now on clients come from other ports, as behind a NAT that forgot them."""
        loop = asyncio.get_running_loop()
        for client, old in list(self._backs.items()):
            loop.remove_reader(old.fileno())
            old.close()
            self._backs[client] = self._open(client)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in (self._front, *self._backs.values()):
            loop.remove_reader(sock.fileno())
            sock.close()
        self._backs.clear()

    def _from_clients(self) -> None:
        while (received := _receive(self._front)) is not None:
            data, client = received
            if client not in self._backs:
                self._backs[client] = self._open(client)
            self.line.carry(lambda data=data, client=client: self._to_hub(data, client), len(data))

    def _to_hub(self, data: bytes, client: Address) -> None:
        back = self._backs.get(client)
        if back is not None:
            _send(back, data, self.hub)

    def _open(self, client: Address) -> socket.socket:
        back = _socket()
        back.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(back.fileno(), self._from_hub, back, client)
        return back

    def _from_hub(self, back: socket.socket, client: Address) -> None:
        while (received := _receive(back)) is not None:
            data = received[0]
            self.line.carry(lambda data=data: _send(self._front, data, client))


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 << 20)
    return sock


def _receive(sock: socket.socket) -> tuple[bytes, Address] | None:
    try:
        return sock.recvfrom(2048)
    except OSError:
        return None


def _send(sock: socket.socket, data: bytes, address: Address) -> None:
    if sock.fileno() >= 0:
        try:
            sock.sendto(data, address)
        except (BlockingIOError, ConnectionRefusedError):
            return  # a line may lose datagrams


@asynccontextmanager
async def lossy(hub: Address, line: Line) -> AsyncIterator[Relay]:
    relay = Relay(hub, line)
    try:
        yield relay
    finally:
        relay.close()
