"""One media port for every peer, and the ICE-lite transport of each peer on it (RFC 8445 §2.5).

An ICE-lite agent sends no checks of its own: it answers those of the client and sends to the pair the
client nominates. Datagrams are told apart by their first byte (RFC 7983), peers by the username of
their checks and from then on by address. Publishers may also come by TCP to the same port number.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable

import structlog

from streaming.wire import pktinfo, stun
from streaming.wire.paths import Path, TcpPath, UdpPath

log = structlog.get_logger()

SOCKET_BUFFER = 8 << 20
READS_PER_WAKEUP = 128
FORGOTTEN = 8.0  # seconds without a check from the settled address after which any valid check moves the peer
DATAGRAM = 2048
DTLS_QUEUE = 64
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
"""Linux' numbers of the options; Python names neither."""
_DTLS_FROM, _DTLS_BELOW, _SRTP_FROM = 20, 64, 128
"""First bytes of what else than STUN comes by the port (RFC 7983)."""


class UdpPort:
    """The socket, and who is behind which ICE name and address.

    Passwords follow from the names and `secret`, so that a hub started anew can tell the sessions of the
    one before that they are over, and nobody else can. Without a secret only this process can.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self.sock: socket.socket
        self.port = 0
        self.on_drained: Callable[[], None] = lambda: None
        self.unknown = self.refused = 0
        self._names: dict[str, LiteTransport] = {}
        self._addresses: dict[stun.Address, LiteTransport] = {}
        self._listener: asyncio.Server | None = None
        self._tcp: set[TcpPath] = set()

    def open(self, host: str, port: int) -> None:
        """Bind and start reading. OSError where the port is taken or the address is not ours."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        if family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        enlarge(self.sock)
        try:
            self.sock.bind((host, port))
        except OSError:
            self.sock.close()
            raise
        self.port = int(self.sock.getsockname()[1])
        everywhere = ipaddress.ip_address(self.sock.getsockname()[0].split("%")[0]).is_unspecified
        marked = everywhere and pktinfo.ask(self.sock)
        readable = self._readable_at if marked else self._readable
        asyncio.get_running_loop().add_reader(self.sock.fileno(), readable)

    async def listen(self, host: str) -> None:
        """Take TCP connections on the port of the same number. OSError where that is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self.tcp_path, host, self.port, reuse_address=True)

    def tcp_path(self) -> TcpPath:
        """The protocol of one TCP connection to the media port."""
        self._tcp = {path for path in self._tcp if path.open}
        path = TcpPath(self._on_stun, lambda: self.on_drained())
        self._tcp.add(path)
        return path

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for path in self._tcp:
            path.close()
        if self.port:
            asyncio.get_running_loop().remove_reader(self.sock.fileno())
            self.sock.close()
            self.port = 0

    def password(self, ufrag: str) -> str:
        """The ICE password that goes with a name of ours: 128 bits, in hex."""
        return hmac.new(self._secret, f"ice/{ufrag}".encode(), hashlib.sha256).hexdigest()[:32]

    def name(self, transport: LiteTransport, ufrag: str) -> None:
        self._names[ufrag] = transport

    def drop_name(self, ufrag: str) -> None:
        self._names.pop(ufrag, None)

    def settle(self, transport: LiteTransport, path: Path) -> None:
        """What comes by `path` belongs to this transport from now on, and what came by its former one no more."""
        before = transport.path
        if isinstance(before, UdpPath):
            self._addresses.pop(before.address, None)
        elif isinstance(before, TcpPath) and before is not path:
            before.close()
        if isinstance(path, UdpPath):
            self._addresses[path.address] = transport

    def forget(self, transport: LiteTransport) -> None:
        for ufrag in transport.ufrags:
            self._names.pop(ufrag, None)
        path = transport.path
        if isinstance(path, TcpPath):
            path.close()
        elif path is not None and self._addresses.get(path.address) is transport:
            del self._addresses[path.address]

    def _readable(self) -> None:
        receive, peers = self.sock.recvfrom, self._addresses
        for _ in range(READS_PER_WAKEUP):
            try:
                data, address = receive(DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.warning("media.receive_failed", error=str(error))
                break
            if not data:
                continue
            if data[0] < stun.FIRST_BYTE_BELOW:
                self._on_stun(data, UdpPath(self.sock, address))
            elif (peer := peers.get(address)) is not None:
                peer.on_datagram(data)
            else:
                self.unknown += 1
        self.on_drained()

    def _readable_at(self) -> None:
        """The same where the socket is bound to all addresses: checks are answered from the one they came to."""
        receive, peers = self.sock.recvmsg, self._addresses
        for _ in range(READS_PER_WAKEUP):
            try:
                data, ancillary, _flags, address = receive(DATAGRAM, pktinfo.ROOM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.warning("media.receive_failed", error=str(error))
                break
            if not data:
                continue
            if data[0] < stun.FIRST_BYTE_BELOW:
                self._on_stun(data, UdpPath(self.sock, address, pktinfo.destination(ancillary)))
            elif (peer := peers.get(address)) is not None:
                peer.on_datagram(data)
            else:
                self.unknown += 1
        self.on_drained()

    def _on_stun(self, data: bytes, path: Path) -> None:
        try:
            message = stun.parse(data)
        except stun.StunError:
            self.unknown += 1
            return
        ufrag = message.username.partition(":")[0]
        password = self.password(ufrag)
        if message.kind != stun.BINDING_REQUEST or not message.authentic(password):
            self.unknown += 1
            return
        transport = self._names.get(ufrag)
        if transport is None:
            self.refused += 1
            path.send(stun.gone(message, password))
            return
        if isinstance(path, TcpPath):
            if not transport.takes_tcp or path.peer not in (None, transport):
                self.unknown += 1
                return
            path.belongs_to(transport)
        transport.heard = time.monotonic()
        path.send(stun.success(message, path.address, password))
        transport.on_check(ufrag, path, message.nominates)


class LiteTransport:
    """One peer's path. Has the three members RTCDtlsTransport uses of an ICE transport: role, _recv, _send."""

    role = "controlled"

    def __init__(self, udp: UdpPort, *, takes_tcp: bool = False, early: int = 0) -> None:
        self.udp = udp
        self.takes_tcp = takes_tcp
        self._most_early = early
        self._early: list[bytes] = []
        self.ufrags: dict[str, str] = {}
        self.path: Path | None = None
        self.ready = asyncio.Event()
        self.heard = time.monotonic()
        self.turnaround: float | None = None
        self.on_srtp: Callable[[bytes], None] | None = None
        self.on_moved: Callable[[], None] = lambda: None
        self._dtls: asyncio.Queue[bytes | None] = asyncio.Queue(DTLS_QUEUE)
        self._sent_at = 0.0
        self._confirmed = 0.0
        self._closed = False
        self.ufrag, self.password = self.new_credentials()

    def new_credentials(self) -> tuple[str, str]:
        """Fresh ICE name and password (RFC 8839: ≥ 4 and ≥ 22 characters). The old pair stays good until
        a check arrives on the new one, so an ICE restart never interrupts media."""
        self.ufrag = secrets.token_hex(6)
        self.password = self.udp.password(self.ufrag)
        self.ufrags[self.ufrag] = self.password
        self.udp.name(self, self.ufrag)
        return self.ufrag, self.password

    @property
    def address(self) -> stun.Address | None:
        """The peer's address, None before its first check."""
        return self.path.address if self.path is not None and self.path.open else None

    def send(self, data: bytes) -> bool:
        """One packet to the peer; False where there is no path or it did not take it."""
        return self.path is not None and self.path.send(data)

    def on_check(self, ufrag: str, path: Path, nominates: bool) -> None:
        if ufrag == self.ufrag and len(self.ufrags) > 1:
            for old in [name for name in self.ufrags if name != ufrag]:
                del self.ufrags[old]
                self.udp.drop_name(old)
        now = time.monotonic()
        held = self.path
        if path == held:
            self._confirmed = now
        elif held is None or not held.open or nominates or now - self._confirmed > FORGOTTEN:
            self._confirmed = now
            self.udp.settle(self, path)
            self.path = path
            self.ready.set()
            self.on_moved()

    def on_datagram(self, data: bytes) -> None:
        first = data[0]
        if first >= _SRTP_FROM:
            self._on_media(data)
        elif _DTLS_FROM <= first < _DTLS_BELOW and not self._dtls.full():
            self._dtls.put_nowait(data)
            self.heard = time.monotonic()

    def _on_media(self, data: bytes) -> None:
        """A peer that answers our handshake sends media right behind its last word of it, often read in one go with
        that: what comes before the keys are made waits for them, or the first keyframe would be lost."""
        if self.on_srtp is not None:
            self.on_srtp(data)
        elif len(self._early) < self._most_early:
            self._early.append(data)

    def receive(self, on_srtp: Callable[[bytes], None]) -> None:
        """The keys are there: what has come early goes to `on_srtp` first, then everything that comes."""
        self.on_srtp, self._most_early = on_srtp, 0
        early, self._early = self._early, []
        for data in early:
            on_srtp(data)
        if early:
            self.udp.on_drained()

    async def _recv(self) -> bytes:
        data = await self._dtls.get()
        if data is None:
            raise ConnectionError("transport closed")
        if self._sent_at:
            took = time.monotonic() - self._sent_at
            self.turnaround = took if self.turnaround is None else min(took, self.turnaround)
            self._sent_at = 0.0
        return data

    async def _send(self, data: bytes) -> None:
        if self.path is None or self._closed:
            raise ConnectionError("no path yet")
        self._sent_at = time.monotonic()
        self.path.send(data)

    def close(self) -> None:
        """Forget the peer; whoever waits in `_recv` gets a ConnectionError."""
        if self._closed:
            return
        self._closed = True
        self.on_srtp, self._most_early = None, 0
        self._early.clear()
        self.udp.forget(self)
        if self._dtls.full():
            self._dtls.get_nowait()
        self._dtls.put_nowait(None)


def enlarge(sock: socket.socket) -> None:
    """A keyframe to a few hundred viewers is megabytes at once: ask for as much buffer as we may have."""
    for force, plain in ((SO_SNDBUFFORCE, socket.SO_SNDBUF), (SO_RCVBUFFORCE, socket.SO_RCVBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, force, SOCKET_BUFFER)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, plain, SOCKET_BUFFER)
