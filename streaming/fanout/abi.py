"""Fan-out without a compiler: libsrtp out of pylibsrtp's wheel and sendmmsg out of libc, through cffi."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

from cffi import FFI
from pylibsrtp import Session, _binding

from streaming.fanout.base import MAX_PACKET, TRAILER, WAIT_MS, Group, Line, Target, await_room, sockaddr
from streaming.fanout.plain import PlainLine
from streaming.wire import pktinfo

_SLOT = MAX_PACKET + TRAILER + 20
_FIRST_ROOM = 4
_MSG_DONTWAIT = 0x40

ffi: Any = FFI()
ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; unsigned msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned msg_len; };
int sendmmsg(int, struct mmsghdr *, unsigned, int);
""")


class AbiFanout:
    name = "abi"

    def __init__(self, sock: socket.socket) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError(errno.ENOSYS, "sendmmsg exists on Linux only")
        self._sock = sock
        self._libc: Any = ffi.dlopen(None)
        _ = self._libc.sendmmsg  # AttributeError here rather than at the first packet

    def group(self) -> Group:
        return AbiGroup(self._sock, self._libc)

    def line(self, session: Session, address: tuple[Any, ...], source: str | None = None) -> Line:
        return AbiLine(self._sock, session, address, source)

    def drain(self) -> None:
        """Everything has left when `send` returns."""

    def late(self) -> float:
        """Nothing is left lying."""
        return 0.0

    def close(self) -> None:
        """Holds nothing."""


class AbiLine(PlainLine):
    """Keeps its address as the C struct that the groups' message headers point to."""

    def __init__(
        self, sock: socket.socket, session: Session, address: tuple[Any, ...], source: str | None = None
    ) -> None:
        self._family = sock.family
        self.name: Any = ffi.new("unsigned char[32]")
        self.control: Any = ffi.new(f"unsigned char[{pktinfo.ROOM}]")
        self.name_length = self.control_length = 0
        super().__init__(sock, session, address, source)

    def move(self, address: tuple[Any, ...], source: str | None = None) -> None:
        super().move(address, source)
        name, control = sockaddr(self._family, address), pktinfo.control(source)
        ffi.memmove(self.name, name, len(name))
        ffi.memmove(self.control, control, len(control))
        # a line with a source keeps having one: a port that is told where datagrams come to is told of all
        self.name_length, self.control_length = len(name), len(control)


class AbiGroup:
    """One buffer, one message header and one address per viewer, laid out once and reused."""

    def __init__(self, sock: socket.socket, libc: Any) -> None:
        self._sock, self._libc = sock, libc
        self._targets: list[Target] = []
        self.sent = 0
        self._rows: list[tuple[Any, Any, Any, int, Any]] = []
        self._allocate(_FIRST_ROOM)

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, target: Target) -> None:
        if target in self._targets:
            return
        if len(self._targets) == self._room:
            self._allocate(self._room * 2)
        self._targets.append(target)
        self._place(len(self._targets) - 1)

    def remove(self, target: Target) -> None:
        if target not in self._targets:
            return
        index = self._targets.index(target)
        last = self._targets.pop()
        self._rows.pop()
        if index < len(self._targets):
            self._targets[index] = last
            self._place(index)

    def send(self, packets: list[bytes]) -> None:
        protect, move = _binding.lib.srtp_protect, _binding.ffi.memmove
        for packet in packets if self._targets else ():
            length, second = len(packet), packet[1]
            if length > MAX_PACKET:
                continue
            failed = []
            for index, (line, buffer, size, payload_type, vector) in enumerate(self._rows):
                move(buffer, packet, length)
                buffer[1] = second | payload_type
                size[0] = length
                if line.session is None or protect(line.session._srtp[0], buffer, size):
                    failed.append(index)
                vector.iov_len = size[0]
            start = 0
            for index in failed:  # nearly always none: one sendmmsg for everybody
                self._rows[index][0].dropped += 1
                self._flush(start, index)
                start = index + 1
            self._flush(start, len(self._targets))

    def _flush(self, done: int, end: int) -> None:
        patience = WAIT_MS
        sendmmsg, fd = self._libc.sendmmsg, self._sock.fileno()
        while done < end:
            taken = sendmmsg(fd, self._messages + done, end - done, _MSG_DONTWAIT)
            if taken > 0:
                done, self.sent = done + taken, self.sent + taken
            elif patience > 0 and ffi.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                await_room(self._sock, patience)
                patience -= WAIT_MS // 4
            else:
                self._rows[done][0].dropped += 1
                done += 1

    def _allocate(self, room: int) -> None:
        self._room = room
        self._buffers = ffi.new(f"unsigned char[{room * _SLOT}]")
        self._sizes = ffi.new(f"int[{room}]")
        self._vectors = ffi.new(f"struct iovec[{room}]")
        self._messages = ffi.new(f"struct mmsghdr[{room}]")
        self._rows.clear()
        for index in range(len(self._targets)):
            self._place(index)

    def _place(self, index: int) -> None:
        target = self._targets[index]
        line: Any = target.line
        buffer, vector = self._buffers + index * _SLOT, self._vectors[index]
        vector.iov_base = buffer
        header = self._messages[index].msg_hdr
        header.msg_name, header.msg_namelen = line.name, line.name_length
        header.msg_iov, header.msg_iovlen = self._vectors + index, 1
        header.msg_control, header.msg_controllen = line.control, line.control_length
        row = (
            line,
            _foreign("unsigned char *", buffer),
            _foreign("int *", self._sizes + index),
            target.payload_type,
            vector,
        )
        self._rows[index : index + 1] = [row]


def _foreign(kind: str, pointer: Any) -> Any:
    """Our pointer as one of pylibsrtp's own cffi instance; the memory stays ours."""
    return _binding.ffi.cast(kind, int(ffi.cast("uintptr_t", pointer)))
