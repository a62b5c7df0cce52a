"""Fan-out in C; importing this fails where the module has not been built (see native_build.py)."""

from __future__ import annotations

import importlib
import socket
from typing import Any

from pylibsrtp import _binding

from streaming.fanout.base import WAIT_MS, Group, Target, sockaddr

_native: Any = importlib.import_module("streaming.fanout._native")
ffi, lib = _native.ffi, _native.lib
_FIRST_ROOM = 4


def _pointer(foreign: Any) -> Any:
    return ffi.cast("void *", int(_binding.ffi.cast("uintptr_t", foreign)))


PROTECT = _pointer(_binding.ffi.addressof(_binding.lib, "srtp_protect"))


class NativeFanout:
    name = "native"

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sender = lib.sender_new()
        if sender == ffi.NULL:
            raise MemoryError("fan-out buffers")
        self._sender = ffi.gc(sender, lib.sender_free)

    def group(self) -> Group:
        return NativeGroup(self._sock, self._sender)

    def segmentation(self, on: bool) -> None:
        """Whether runs of equal packets may travel as one UDP_SEGMENT message (default: yes)."""
        lib.sender_segmentation(self._sender, int(on))


class NativeGroup:
    def __init__(self, sock: socket.socket, sender: Any) -> None:
        self._sock, self._sender = sock, sender
        self._targets: list[Target] = []
        self._places: dict[Target, int] = {}
        self._viewers = ffi.new("viewer_t[]", _FIRST_ROOM)

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, target: Target) -> None:
        if target in self._places:
            return
        if len(self._targets) == len(self._viewers):
            self._collect_drops()
            self._viewers = ffi.new("viewer_t[]", 2 * len(self._viewers))
            for index, known in enumerate(self._targets):
                self._place(index, known)
        self._targets.append(target)
        self._place(len(self._targets) - 1, target)

    def remove(self, target: Target) -> None:
        index = self._places.pop(target, None)
        if index is None:
            return
        self._collect_drops()
        last = self._targets.pop()
        if last is not target:
            self._targets[index] = last
            self._place(index, last)

    def send(self, packets: list[bytes]) -> int:
        count = len(self._targets)
        if not count or not packets:
            return 0
        lengths = ffi.new("int[]", [len(packet) for packet in packets])
        datagrams = len(packets) * count
        sent = int(
            lib.fanout_send(
                self._sender,
                PROTECT,
                self._sock.fileno(),
                self._viewers,
                count,
                b"".join(packets),
                lengths,
                len(packets),
                WAIT_MS,
            )
        )
        if sent != datagrams:
            self._collect_drops()
        return sent

    def _place(self, index: int, target: Target) -> None:
        name = sockaddr(self._sock.family, target.address)
        row = self._viewers[index]
        row.srtp = _pointer(target.session._srtp[0])
        ffi.memmove(row.address, name, len(name))
        row.address_length = len(name)
        row.payload_type = target.payload_type
        row.dropped = 0
        self._places[target] = index

    def _collect_drops(self) -> None:
        for index, target in enumerate(self._targets):
            target.dropped += self._viewers[index].dropped
            self._viewers[index].dropped = 0
