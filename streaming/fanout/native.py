"""Fan-out in C on a thread of its own; importing this fails where the module has not been built, or was
built from other sources (see native_build.py)."""

from __future__ import annotations

import importlib
import socket
from typing import Any

from pylibsrtp import Session, _binding

from streaming.fanout.base import MAX_PACKET, TRAILER, WAIT_MS, Group, Line, Target, sockaddr
from streaming.wire import pktinfo

_native: Any = importlib.import_module("streaming.fanout._native")
ffi, lib = _native.ffi, _native.lib
if not hasattr(lib, "sender_late_ms"):
    raise ImportError("the built module is out of date: run native_build again")


def _pointer(foreign: Any) -> Any:
    return ffi.cast("void *", int(_binding.ffi.cast("uintptr_t", foreign)))


PROTECT = _pointer(_binding.ffi.addressof(_binding.lib, "srtp_protect"))
PROTECT_RTCP = _pointer(_binding.ffi.addressof(_binding.lib, "srtp_protect_rtcp"))
_SCRATCH = ffi.new("uint8_t[]", MAX_PACKET + TRAILER)  # the event loop's; one packet at a time


def _made(pointer: Any, free: Any) -> Any:
    if pointer == ffi.NULL:
        raise MemoryError("fan-out")
    return ffi.gc(pointer, free)


class NativeFanout:
    name = "native"

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sender = _made(lib.sender_new(sock.fileno(), PROTECT, WAIT_MS), lib.sender_free)

    def group(self) -> Group:
        return NativeGroup(self._sender)

    def line(self, session: Session, address: tuple[Any, ...], source: str | None = None) -> Line:
        return NativeLine(self._sock, session, address, source)

    def drain(self) -> None:
        if self._sender is not None:
            lib.sender_drain(self._sender)

    def late(self) -> float:
        return float(lib.sender_late_ms(self._sender)) / 1000 if self._sender is not None else 0.0

    def close(self) -> None:
        """Ends the thread; groups made here must not send any more."""
        if self._sender is not None:
            ffi.release(self._sender)
            self._sender = None


class NativeLine:
    def __init__(
        self, sock: socket.socket, session: Session, address: tuple[Any, ...], source: str | None = None
    ) -> None:
        self._fd, self._family = sock.fileno(), sock.family
        self._session: Session | None = session  # keeps the C object alive
        self.line = _made(lib.line_new(_pointer(session._srtp[0])), lib.line_free)
        self.move(address, source)

    @property
    def dropped(self) -> int:
        return int(lib.line_dropped(self.line))

    def move(self, address: tuple[Any, ...], source: str | None = None) -> None:
        name, control = sockaddr(self._family, address), pktinfo.control(source)
        lib.line_move(self.line, name, len(name), control, len(control))

    def rtp(self, packet: bytes) -> bool:
        return self._send(PROTECT, packet)

    def rtcp(self, packet: bytes) -> bool:
        return self._send(PROTECT_RTCP, packet)

    def _send(self, protect: Any, packet: bytes) -> bool:
        size = len(packet)
        if size > MAX_PACKET:
            return False
        ffi.memmove(_SCRATCH, packet, size)
        return int(lib.line_send(self.line, protect, self._fd, _SCRATCH, size)) > 0

    def close(self) -> None:
        lib.line_close(self.line)
        self._session = None


class NativeGroup:
    def __init__(self, sender: Any) -> None:
        self._sender = sender
        self._group = _made(lib.group_new(), lib.group_free)
        self._targets: set[Target] = set()

    @property
    def sent(self) -> int:
        return int(lib.group_sent(self._group))

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, target: Target) -> None:
        if target in self._targets:
            return
        if not lib.group_add(self._group, _line(target), target.payload_type):
            raise MemoryError("fan-out")
        self._targets.add(target)

    def remove(self, target: Target) -> None:
        if target in self._targets:
            self._targets.discard(target)
            if not lib.group_remove(self._group, _line(target)):
                raise MemoryError("fan-out")

    def send(self, packets: list[bytes]) -> None:
        if self._targets and packets:
            lengths = [len(packet) for packet in packets]
            blob = b"".join(packets)
            lib.group_send(self._sender, self._group, blob, len(blob), lengths, len(packets))


def _line(target: Target) -> Any:
    line: Any = target.line
    return line.line
